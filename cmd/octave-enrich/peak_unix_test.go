//go:build unix

package main

import (
	"os"
	"syscall"
)

// peak is the most memory that an ended process had, in MiB as Linux counts it.
func peak(p *os.ProcessState) float64 {
	return float64(p.SysUsage().(*syscall.Rusage).Maxrss) / 1024
}
