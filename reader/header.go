package reader

import (
	"bytes"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// headerRecords is how far into a file the header is looked for.
const headerRecords = 20

// fold reduces a header to what is compared: NFKC, lower case, letters and
// digits alone. "E-mail 1 - Value" and "email1value" are the same header.
func fold(header string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, norm.NFKC.String(header))
}

// A vocabulary knows which headers feed which fields.
type vocabulary struct {
	rank   map[string][]ranked // by folded header
	exact  map[string]Field    // by the header as it is spelled
	never  map[string]string   // by folded header: why
	optOut map[string]bool     // by folded header
	pinned map[string]bool     // headers that the user named, as they are spelled
}

type ranked struct {
	field    Field
	priority int // 0 is best
}

func newVocabulary(opt Options) *vocabulary {
	v := &vocabulary{rank: map[string][]ranked{}, exact: map[string]Field{}, never: map[string]string{},
		optOut: map[string]bool{}, pinned: map[string]bool{}}
	for _, a := range aliases() {
		for i, h := range strings.Fields(a.headers) {
			v.rank[h] = append(v.rank[h], ranked{a.field, i})
		}
	}
	for _, f := range exactFields() {
		v.exact[string(f)] = f
	}
	for _, object := range objectFields() {
		v.exact[string(object)] = object
	}
	for _, l := range lookAlikes() {
		for _, h := range strings.Fields(l.headers) {
			v.never[h] = l.why
		}
	}
	for _, h := range optOuts() {
		v.optOut[h] = true
	}
	for _, h := range opt.Map {
		v.pinned[h] = true
	}
	if opt.Pinned != nil {
		for _, h := range opt.Pinned.headers() {
			v.pinned[h] = true
		}
	}
	return v
}

// knows says whether a cell may be a header.
func (v *vocabulary) knows(cell string) bool {
	if v.pinned[cell] || v.exact[cell] != "" {
		return true
	}
	f := fold(cell)
	return f != "" && (len(v.rank[f]) > 0 || v.never[f] != "" || v.isOptOut(f))
}

func (v *vocabulary) isOptOut(folded string) bool {
	return v.optOut[folded] || strings.HasPrefix(folded, optOutPrefix)
}

// score is how much a record looks like a header: the number of different
// cells that name something known.
func (v *vocabulary) score(cells []string) int {
	seen := map[string]bool{}
	for _, c := range cells {
		if len(c) < 200 && v.knows(c) {
			seen[fold(c)] = true
		}
	}
	return len(seen)
}

// A layout is how a text file is laid out: what separates, and where its
// header is.
type layout struct {
	comma, eol byte
	header     []string
	score      int
	line       int   // physical line of the header
	preamble   int   // non-blank lines before it
	offset     int64 // of the header record in the decoded text
	sep        bool  // the first line was sep=X
}

// findLayout looks at the start of a text for the delimiter and the record
// that make the best header: what names the most known columns, not what is
// the most frequent character.
func findLayout(head []byte, commas string, known *vocabulary, records int) layout {
	eol := byte('\n')
	if bytes.IndexByte(head, '\n') < 0 && bytes.IndexByte(head, '\r') >= 0 {
		eol = '\r'
	}
	skip, line := 0, 1
	comma, size := sepLine(head, eol)
	if size > 0 {
		commas, skip, line = string(rune(comma)), size, 2
	}
	best := layout{comma: commas[0], eol: eol, line: line, score: -1}
	for _, comma := range []byte(commas) {
		l := bestHeader(head[skip:], layout{comma: comma, eol: eol, line: line}, known, records)
		if l.score > best.score || l.score == best.score && len(l.header) > len(best.header) {
			best = l
		}
	}
	best.offset += int64(skip)
	best.sep = skip > 0
	best.preamble = best.line - line
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
func bestHeader(head []byte, at layout, known *vocabulary, records int) layout {
	s := newScanner(bytes.NewReader(head), at.comma, at.eol, at.line)
	s.loose = true
	best := at
	best.score = -1
	for range records {
		err := s.next()
		if err != nil {
			break // the end, or what the strict reading will report
		}
		cells := s.cells(nil)
		if score := known.score(cells); score > best.score {
			best.header, best.score, best.line, best.offset = cells, score, s.recordLine, s.recordFrom
		}
	}
	return best
}

// cells copies the cells of the last record into dst, in one string.
func (s *scanner) cells(dst []string) []string {
	text := string(s.text)
	for _, c := range s.spans {
		dst = append(dst, text[c.from:c.to])
	}
	return dst
}

// uniqueNames gives every column a name of its own: a nameless one is
// column_N, the second "Title" is "Title (2)". Nothing else is changed.
func uniqueNames(header []string) []string {
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
