package table

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// AppendRecord appends a line of CSV, byte for byte as encoding/csv writes it. That looks
// at a body of some hundred bytes once for every line of it: see BenchmarkAppendRecord.
func AppendRecord(line []byte, record []string, comma byte) []byte {
	for i, cell := range record {
		if i > 0 {
			line = append(line, comma)
		}
		if needsQuotes(cell, comma) {
			line = appendQuoted(line, cell)
		} else {
			line = append(line, cell...)
		}
	}
	return append(line, '\n')
}

func appendQuoted(line []byte, cell string) []byte {
	line = append(line, '"')
	for {
		before, after, found := strings.Cut(cell, `"`)
		line = append(line, before...)
		if !found {
			return append(line, '"')
		}
		line, cell = append(line, `""`...), after
	}
}

// needsQuotes follows encoding/csv, also in quoting a leading blank and what PostgreSQL takes for the end of its data.
func needsQuotes(cell string, comma byte) bool {
	for i := range len(cell) {
		switch cell[i] {
		case comma, '"', '\n', '\r':
			return true
		}
	}
	first, _ := utf8.DecodeRuneInString(cell)
	return cell == `\.` || cell != "" && unicode.IsSpace(first)
}
