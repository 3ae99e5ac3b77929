package table

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
)

// A Score says how much a record looks like a header: how many of its cells
// name something known.
type Score func(cells []string) int

// Languages are those in which a header is a known word, English left out.
type Languages func(header string) []string

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
		// Of equals the upper line: a delimiter that is none finds names in the middle of cells.
		if l.score > best.score || l.score == best.score && (l.Line < best.Line || l.Line == best.Line && len(l.Header) > len(best.Header)) {
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
	var first []Layout
	for range records {
		if err := s.Next(); err != nil {
			break // the end, or what the strict reading will report
		}
		at.Header, at.Line, at.Offset = s.Cells(nil), s.Line, s.from
		first = append(first, at)
	}
	return pickHeader(first, at, score)
}

// pickHeader takes the record with the most cells that name something known,
// the first of equals; none when there are no records. Words that stand in the
// same column of another record are values: a source, a channel.
func pickHeader(first []Layout, none Layout, score Score) Layout {
	best := none
	best.score = -1
	for i, l := range first {
		if l.score = score(l.Header); l.score <= best.score {
			continue
		}
		if l.score = score(unrepeated(first, i)); l.score > best.score {
			best = l
		}
	}
	return best
}

// unrepeated are the cells of a record that no other one, but for a header that
// was pasted once more, has in the same column.
func unrepeated(records []Layout, i int) []string {
	cells := slices.Clone(records[i].Header)
	for j, other := range records {
		if j == i || slices.Equal(other.Header, records[i].Header) {
			continue
		}
		for k := range min(len(cells), len(other.Header)) {
			if other.Header[k] == records[i].Header[k] {
				cells[k] = ""
			}
		}
	}
	return cells
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
