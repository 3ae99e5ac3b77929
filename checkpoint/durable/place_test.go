package durable

import (
	"path/filepath"
	"testing"
)

// On a file system that takes capitals for small letters two spellings are one
// file, also before there is one.
func TestPathsFoldCase(t *testing.T) {
	dir := t.TempDir()
	lower, upper, other := Locate(filepath.Join(dir, "out.csv")), Locate(filepath.Join(dir, "OUT.csv")), Locate(filepath.Join(dir, "out.tsv"))
	yes, no := func(string) bool { return true }, func(string) bool { return false }
	if !lower.is(upper, yes) || lower.is(upper, no) || lower.is(other, yes) || !lower.is(lower, no) {
		t.Error("which are one file?")
	}
}
