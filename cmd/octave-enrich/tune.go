package main

import (
	"os"
	"runtime/debug"
)

// tune lets the collector run less often than Go's default, since a run keeps little in
// memory beside the index of answers, but not as rarely as that would allow: a page of
// memory that is used for the first time costs more than to collect. The limit makes it
// careful again on long lists.
func tune(answers int) {
	const base, perAnswer = 96 << 20, 96
	if os.Getenv("GOGC") == "" && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetGCPercent(200)
		debug.SetMemoryLimit(base + perAnswer*int64(answers))
	}
}
