package table

import (
	"bytes"
	"strconv"
	"strings"
)

// A Score says how much a record looks like a header: how many of its cells
// name something known.
type Score func(cells []string) int

// A Layout is how a text file is laid out: what separates, and where its
// header is.
type Layout struct {
	Comma, EOL byte
	Header     []string // its cells, as they were read
	Line       int      // physical line of the header, 1-based
	Preamble   int      // lines before it
	Offset     int64    // of the header record in the decoded text
	score      int
}

// FindLayout looks at the start of a text for the delimiter and the record
// that make the best header: what names the most known columns, not what is
// the most frequent character.
func FindLayout(head []byte, commas string, score Score, records int) Layout {
	eol := byte('\n')
	if bytes.IndexByte(head, '\n') < 0 && bytes.IndexByte(head, '\r') >= 0 {
		eol = '\r'
	}
	skip, line := 0, 1
	comma, size := sepLine(head, eol)
	if size > 0 {
		commas, skip, line = string(rune(comma)), size, 2
	}
	best := Layout{Comma: commas[0], EOL: eol, Line: line, score: -1}
	for _, comma := range []byte(commas) {
		l := bestHeader(head[skip:], Layout{Comma: comma, EOL: eol, Line: line}, score, records)
		if l.score > best.score || l.score == best.score && len(l.Header) > len(best.Header) {
			best = l
		}
	}
	best.Offset += int64(skip)
	best.Preamble = best.Line - line
	return best
}

// sepLine recognises Excel's first line "sep=;" and returns its size.
func sepLine(head []byte, eol byte) (comma byte, size int) {
	end := bytes.IndexByte(head, eol)
	if end < 0 {
		return 0, 0
	}
	line := bytes.Trim(bytes.TrimSuffix(head[:end], []byte{'\r'}), `"`)
	if len(line) != 5 || !bytes.EqualFold(line[:4], []byte("sep=")) || !bytes.ContainsAny(line[4:], ",;\t|:^~ ") {
		return 0, 0
	}
	return line[4], end + 1
}

// bestHeader finds the record that looks most like a header when the text is
// laid out as at; the first one when none does.
func bestHeader(head []byte, at Layout, score Score, records int) Layout {
	s := NewScanner(bytes.NewReader(head), at.Comma, at.EOL, at.Line)
	s.loose = true
	best := at
	best.score = -1
	for range records {
		err := s.Next()
		if err != nil {
			break // the end, or what the strict reading will report
		}
		cells := s.Cells(nil)
		if n := score(cells); n > best.score {
			best.Header, best.score, best.Line, best.Offset = cells, n, s.Line, s.from
		}
	}
	return best
}

// UniqueNames gives every column a name of its own: a nameless one is
// column_N, the second "Title" is "Title (2)". Nothing else is changed.
func UniqueNames(header []string) []string {
	taken := make(map[string]bool, len(header))
	for _, h := range header {
		taken[h] = true
	}
	seen := make(map[string]bool, len(header))
	names := make([]string, len(header))
	for i, h := range header {
		base, free := h, !seen[h]
		if strings.TrimSpace(h) == "" {
			base = "column_" + strconv.Itoa(i+1)
			free = !taken[base]
		}
		seen[h] = true
		names[i] = base
		for n := 2; !free; n++ {
			names[i] = base + " (" + strconv.Itoa(n) + ")"
			free = !taken[names[i]]
		}
		taken[names[i]] = true
	}
	return names
}
