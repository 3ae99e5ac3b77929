package writer

import (
	"cmp"
	"compress/flate"
	"io"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// A format is how rows become bytes.
type format struct {
	kind string // csv, tsv, jsonl, xlsx
	pack string // "", gz, zst
}

// formatOf takes the format by name when there is one, else from the name of the file.
func formatOf(path, name string) (format, error) {
	kind, pack, _ := strings.Cut(strings.ToLower(cmp.Or(name, extension(path))), ".")
	if kind == "ndjson" {
		kind = "jsonl"
	}
	f := format{kind, pack}
	switch {
	case name == "" && path == "-":
		return format{kind: "csv"}, nil
	case kind == "xlsx" && pack == "":
		return f, nil
	case kind != "csv" && kind != "tsv" && kind != "jsonl", pack != "" && pack != "gz" && pack != "zst":
		return format{}, unknownFormat(path, name)
	}
	return f, nil
}

func unknownFormat(path, name string) error {
	const known = "csv, tsv, jsonl (each also with .gz or .zst) and xlsx"
	if name != "" {
		return &OptionsError{Msg: "output format " + name + " is not one of " + known}
	}
	return &OptionsError{
		Msg:  "the name " + filepath.Base(path) + " does not say which format to write",
		Hint: "end it in one of " + known + ", or name the format with --out-format",
	}
}

// extension is the end of the name that says the format, "csv" or "csv.gz", without the first dot.
func extension(path string) string {
	name := filepath.Base(path)
	last := filepath.Ext(name)
	if pack := strings.ToLower(last); pack == ".gz" || pack == ".zst" {
		last = filepath.Ext(strings.TrimSuffix(name, last)) + last
	}
	return strings.TrimPrefix(last, ".")
}

// HeldPath is where the rows go that a preset holds back: people.held.csv for people.csv or people.csv.gz.
func HeldPath(path string) string {
	return strings.TrimSuffix(path, "."+extension(path)) + ".held.csv"
}

// Beside are the files that come and go beside a file while it is written: all but [HeldPath].
func Beside(path string) []string { return []string{partialPath(path), nextPath(path)} }

// partialPath is where rows are until the file is whole.
func partialPath(path string) string { return path + ".partial" }

// nextPath is where the final bytes grow when they are not those that were written row by row.
func nextPath(path string) string { return partialPath(path) + ".new" }

func (f format) comma() rune {
	if f.kind == "tsv" {
		return '\t'
	}
	return ','
}

// compressor wraps w. Nothing that depends on time or on the machine goes into the file, so equal rows make equal bytes.
func (f format) compressor(w io.Writer) (io.WriteCloser, error) {
	switch f.pack {
	case "gz":
		return gzip.NewWriterLevel(w, flate.DefaultCompression)
	case "zst":
		return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
	}
	return nopCloser{w}, nil
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }
