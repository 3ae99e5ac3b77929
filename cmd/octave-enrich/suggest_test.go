package main

import (
	"testing"

	"octave-enrich/reader"
)

func TestNearestCommand(t *testing.T) {
	names := []string{"run", "plan", "inspect", "concurrency", "max-calls", "max-usage", "rate"}
	for word, want := range map[string]string{
		"rnu": "run", "paln": "plan", "Inspct": "inspect", "concurency": "concurrency", "max-cals": "max-calls",
		"maxcalls": "max-calls", "rat": "rate", "run": "run", "xyz": "", "": "", "q": "",
	} {
		if got := reader.Nearest(word, names); got != want {
			t.Errorf("%q: %q, want %q", word, got, want)
		}
	}
}
