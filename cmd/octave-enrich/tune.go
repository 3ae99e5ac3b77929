package main

import (
	"os"
	"runtime/debug"
)

// tune lets the collector run half as often as is usual: little is kept in memory beside
// the index of answers, and where all rows are known this takes a tenth less CPU
// (BenchmarkKnownRows). The limit keeps memory small on long lists (BenchmarkLongList).
func tune(answers int) {
	const base, perAnswer = 96 << 20, 96
	if os.Getenv("GOGC") == "" && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetGCPercent(200)
		debug.SetMemoryLimit(base + perAnswer*int64(answers))
	}
}
