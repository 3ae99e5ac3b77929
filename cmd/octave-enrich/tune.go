package main

import (
	"os"
	"runtime/debug"
)

// tune lets the collector run less often than Go's default: a run keeps little
// in memory beside the index of answers, and collecting that little over and over
// costs a fifth of the CPU. The limit makes it careful again on long lists.
func tune(answers int) {
	const base, perAnswer = 96 << 20, 96
	if os.Getenv("GOGC") == "" && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetGCPercent(800)
		debug.SetMemoryLimit(base + perAnswer*int64(answers))
	}
}
