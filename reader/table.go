package reader

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"path/filepath"
	"slices"
	"strings"
)

// sampleRows is how many rows the values of a column are judged by.
const sampleRows = 1000

// A record is one row of a file before it is a contact.
type record struct {
	line    int
	cells   []string // valid until the next record
	object  json.RawMessage
	raw     string
	problem string
}

// records reads a file from its first row to its last.
type records interface {
	next() (record, error) // io.EOF after the last
	close() error
}

// A table is one input file, with what was found out about it.
type table struct {
	src         *source
	name        string // short, for a column and for people
	format      string // csv, tsv, jsonl, xlsx
	compression string // gzip, zstd or none
	encoding    string
	demanded    bool // the encoding was
	checked     bool // it was read to its end
	sheet       string
	layout      layout
	names       []string // of the columns, all different
	width       int      // columns with a header; the others hold extra cells
	plan        *plan
	union       []int // column of the whole input for each of names
	contacts    int   // records that are contacts
}

// newTable looks at a file, finds its format, its header and its mapping, and
// reads it once. What it counts is added to the profile.
func newTable(src *source, name string, words *vocabulary, opt Options, totals *totals) (*table, error) {
	t := &table{src: src, name: name}
	err := t.sniff(words, opt)
	if err != nil {
		return nil, named(src.name, err)
	}
	err = t.prepare(words, opt, totals)
	if errors.Is(err, errNotUTF8) {
		// Plain ASCII as far as it was looked at, then a byte that is not
		// UTF-8: the header stands, what follows is read anew.
		t.encoding = encodingCP1252
		err = t.prepare(words, opt, totals)
	}
	return t, err
}

// prepare names the columns, maps them by the first rows and counts all rows.
func (t *table) prepare(words *vocabulary, opt Options, totals *totals) error {
	sample, err := t.sample()
	if err != nil {
		return named(t.src.name, err)
	}
	t.plan, err = newPlan(t, sample, words, opt)
	if err != nil {
		return err
	}
	s := newSurvey(t, totals.seed)
	if err := s.run(); err != nil {
		return named(t.src.name, err)
	}
	t.checked = true
	totals.add(s)
	return nil
}

// sniff recognises the format by its first bytes.
func (t *table) sniff(words *vocabulary, opt Options) error {
	head, whole, err := t.head()
	if err != nil {
		return err
	}
	if len(bytes.TrimSpace(head)) == 0 {
		return &InputError{Msg: "empty: there is nothing in it"}
	}
	if kind := knownBinary(head); kind != "" {
		return t.foreign(kind, opt, words)
	}
	if opt.Encoding != "" {
		t.encoding, err = canonicalEncoding(opt.Encoding)
		t.demanded = true
	} else {
		t.encoding = detectEncoding(head, whole)
	}
	if err != nil {
		return err
	}
	text, err := t.decodeHead(head, whole)
	if err != nil {
		return err
	}
	return t.sniffText(text, words, opt)
}

// head reads the first bytes behind the compression.
func (t *table) head() (head []byte, whole bool, err error) {
	raw, err := t.src.open()
	if err != nil {
		return nil, false, err
	}
	defer raw.Close()
	r, compression, done, err := decompress(raw)
	if err != nil {
		return nil, false, err
	}
	defer done()
	t.compression = compression
	head = make([]byte, sniffSize)
	n, err := io.ReadFull(r, head)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return head[:n], true, nil
	}
	return head[:n], false, err
}

func (t *table) decodeHead(head []byte, whole bool) ([]byte, error) {
	if t.encoding == encodingUTF8 {
		head = wholeRunes(head, whole)
	}
	r, err := decoder(bytes.NewReader(head), t.encoding, true)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// sniffText finds the format and the layout of decoded text.
func (t *table) sniffText(text []byte, words *vocabulary, opt Options) error {
	if bytes.IndexByte(text, 0) >= 0 {
		return &InputError{Msg: "not a text file: it holds zero bytes", Hint: "export it as CSV"}
	}
	start := bytes.TrimSpace(text)
	if len(start) == 0 {
		return &InputError{Msg: "empty: there is nothing in it"}
	}
	t.format = t.formatOf(start, opt.Format)
	switch {
	case t.format == "jsonl":
		return jsonHint(start)
	case t.format == "xlsx":
		return &InputError{Msg: "not a workbook but text", Hint: "leave the format to be detected"}
	case start[0] == '<':
		return &InputError{Msg: "an HTML or XML page, not a list", Hint: "open it in a spreadsheet and save it as CSV or .xlsx"}
	}
	commas := ",;\t|"
	if opt.Format == "tsv" {
		commas = "\t"
	} else if t.format == "tsv" {
		commas = "\t,;|"
	}
	t.layout = findLayout(text, commas, words, headerRecords)
	t.format = "csv"
	if t.layout.comma == '\t' {
		t.format = "tsv"
	}
	t.setHeader(t.layout.header)
	return nil
}

func (t *table) setHeader(header []string) {
	t.names = uniqueNames(header)
	t.width = len(t.names)
}

// formatOf is the format by demand, by name and by the first character.
func (t *table) formatOf(start []byte, demanded string) string {
	switch {
	case demanded == "ndjson":
		return "jsonl"
	case demanded != "":
		return demanded
	}
	name := strings.ToLower(t.src.path)
	name = strings.TrimSuffix(strings.TrimSuffix(name, ".gz"), ".zst")
	switch filepath.Ext(name) {
	case ".jsonl", ".ndjson":
		return "jsonl"
	case ".tsv":
		return "tsv"
	}
	if start[0] == '{' || bytes.HasPrefix(start, []byte("[{")) || bytes.Equal(firstLine(start), []byte("[")) {
		return "jsonl"
	}
	return "csv"
}

func firstLine(text []byte) []byte {
	line, _, _ := bytes.Cut(text, []byte{'\n'})
	return bytes.TrimSpace(line)
}

// jsonHint refuses JSON that is not one object a line.
func jsonHint(start []byte) error {
	line := firstLine(start)
	switch {
	case start[0] == '[':
		return &InputError{Msg: "one JSON array, not an object a line", Hint: "turn it into lines: jq -c '.[]' FILE"}
	case len(line) == 1 && line[0] == '{':
		return &InputError{Msg: "a JSON object over several lines, not one a line", Hint: "turn it into lines: jq -c . FILE"}
	}
	return nil
}

// knownBinary names the format of a file that is no text.
func knownBinary(head []byte) string {
	for _, m := range []struct{ magic, kind string }{
		{"PK\x03\x04", "zip"}, {"PK\x05\x06", "zip"}, {"\xd0\xcf\x11\xe0", "xls"}, {"%PDF", "PDF"}, {"PAR1", "Parquet"},
		{"\x89PNG", "PNG"}, {"\xff\xd8\xff", "JPEG"}, {"GIF8", "GIF"}, {"7z\xbc\xaf", "7z"}, {"SQLite format", "SQLite"},
		{"BZh", "bzip2"}, {"\xfd7zXZ", "xz"}, {"\x7fELF", "program"},
		{"\xff\xfe\x00\x00", "UTF-32"}, {"\x00\x00\xfe\xff", "UTF-32"},
	} {
		if bytes.HasPrefix(head, []byte(m.magic)) {
			return m.kind
		}
	}
	return ""
}

func (t *table) foreign(kind string, opt Options, words *vocabulary) error {
	switch kind {
	case "zip":
		return t.openWorkbook(opt, words)
	case "xls":
		return &InputError{Msg: "a workbook of the old .xls kind, or one with a password", Hint: "save it as .xlsx or CSV without a password"}
	case "bzip2", "xz", "7z":
		return &InputError{Msg: "compressed with " + kind, Hint: "unpack it first; gzip and zstd are read as they are"}
	}
	return &InputError{Msg: "a " + kind + " file, not a list", Hint: "export it as CSV"}
}

// open starts reading the rows. All bytes that are read pass through sum.
func (t *table) open(sum hash.Hash) (records, error) {
	if t.format == "xlsx" {
		return t.openSheet(sum)
	}
	raw, err := t.src.open()
	if err != nil {
		return nil, err
	}
	if sum != nil {
		raw = &hashing{raw, sum}
	}
	r, _, done, err := decompress(raw)
	if err != nil {
		raw.Close()
		return nil, err
	}
	closeAll := func() error { done(); return raw.Close() }
	text, err := decoder(r, t.encoding, t.demanded || t.checked)
	if err == nil {
		_, err = io.CopyN(io.Discard, text, t.layout.offset)
	}
	if err != nil {
		return nil, errors.Join(err, closeAll())
	}
	if t.format == "jsonl" {
		return &jsonRecords{in: bufio.NewReaderSize(text, 64<<10), keys: keysOf(t.layout.header), names: t.layout.header, closer: closeAll}, nil
	}
	s := newScanner(text, t.layout.comma, t.layout.eol, t.layout.line)
	err = s.next() // the header
	if err == io.EOF {
		err = &InputError{Msg: "empty: there is nothing in it"}
	}
	if err != nil {
		return nil, errors.Join(err, closeAll())
	}
	return &csvRecords{scanner: s, closer: closeAll}, nil
}

// csvRecords reads the rows behind the header of a text file.
type csvRecords struct {
	*scanner
	row    []string
	closer func() error
}

func (c *csvRecords) next() (record, error) {
	if err := c.scanner.next(); err != nil {
		return record{}, err
	}
	c.row = c.cells(c.row[:0])
	return record{line: c.recordLine, cells: c.row}, nil
}

func (c *csvRecords) close() error { return c.closer() }

// sample reads the first rows, padded to the header; for JSONL, whose columns
// are known only at its end, it reads on to learn them all.
func (t *table) sample() ([][]string, error) {
	rows, err := t.open(nil)
	if err != nil {
		return nil, err
	}
	defer rows.close()
	var sample [][]string
	for len(sample) < sampleRows || t.format == "jsonl" {
		r, err := rows.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		if len(sample) < sampleRows {
			sample = append(sample, slices.Clone(r.cells))
		}
	}
	if j, ok := rows.(*jsonRecords); ok {
		if len(j.names) == 0 {
			return nil, &InputError{Msg: "no line of it is a JSON object with a member", Hint: "--in-format csv if it is a table"}
		}
		t.layout.header = j.names
		t.setHeader(j.names)
	}
	for i, row := range sample {
		for len(row) < t.width {
			row = append(row, "")
		}
		sample[i] = row
	}
	return sample, nil
}

// describe names the delimiter for people.
func (t *table) delimiter() string {
	switch {
	case t.format == "jsonl" || t.format == "xlsx":
		return ""
	case t.layout.comma == '\t':
		return "tab"
	}
	return fmt.Sprintf("%c", t.layout.comma)
}
