package table

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"path/filepath"
	"slices"
	"strings"
)

// headerRecords is how far into a file the header is looked for.
const headerRecords = 20

// A Record is one row of a file.
type Record struct {
	Line    int             // physical line where it starts, 1-based; the row number in a workbook
	Cells   []string        // valid until the next record
	Object  json.RawMessage // of JSONL, byte for byte
	Raw     string          // of JSONL: a line that is no object, byte for byte
	Linked  []string        // of a workbook with links: Cells with [text](address) for those that lead somewhere; else nil
	Hidden  bool            // of a workbook: a filter or a person has hidden the row
	Problem string          // why it is none, or why a line cannot be read
	Bad     *InputError     // of a line whose quotes cannot be read; its cells are cut at the delimiters alone
}

// Said are the cells for whoever wants to know what they say: those with links
// have their addresses.
func (r *Record) Said() []string {
	if r.Linked != nil {
		return r.Linked
	}
	return r.Cells
}

// Records reads a file from its first row to its last.
type Records interface {
	Next() (Record, error) // io.EOF after the last
	Close() error
}

// Options say what is not left to detection.
type Options struct {
	Format   string // csv, tsv, jsonl (or ndjson), xlsx; empty to detect it
	Encoding string // a name of the WHATWG encoding standard; empty to detect it
	Sheet    string // of a workbook; empty for the first

	Languages Languages // to tell encodings by the words of a header; may be nil
}

// A Table is one input file, with what was found out about its bytes.
type Table struct {
	Source      *Source
	Format      string   // csv, tsv, jsonl, xlsx
	Compression string   // gzip, zstd, zip or none
	Encoding    string   // empty for a workbook
	Demanded    bool     // the encoding was
	Alike       []string // encodings in which the text reads as well, as another text
	Sheet       string   // of a workbook
	Sheets      []string // that it was chosen from
	Layout      Layout
	Names       []string // of the columns, all different
	Width       int      // columns with a header; the others hold extra cells
	Checked     bool     // it was read to its end

	array     bool // JSON, and one list of objects
	mixedEnds bool // some lines end with a carriage return alone
}

// New looks at a file and finds its format and its header.
func New(src *Source, score Score, opt Options) (*Table, error) {
	t := &Table{Source: src}
	if err := t.sniff(score, opt); err != nil {
		return nil, Named(src.Name, err)
	}
	return t, nil
}

// sniff recognises the format by its first bytes.
func (t *Table) sniff(score Score, opt Options) error {
	head, whole, err := t.head()
	if err != nil {
		return err
	}
	if len(bytes.TrimSpace(head)) == 0 {
		return &InputError{Msg: "empty: there is nothing in it"}
	}
	if kind := knownBinary(head); kind != "" {
		return t.foreign(kind, opt, score)
	}
	if opt.Encoding != "" {
		t.Encoding, err = CanonicalEncoding(opt.Encoding)
		t.Demanded = true
	} else {
		t.Encoding, t.Alike = detectEncoding(head, whole, score, opt.Languages)
	}
	if err != nil {
		return err
	}
	text, err := t.decodeHead(head, whole)
	if err != nil {
		return err
	}
	return t.sniffText(text, score, opt)
}

// head reads the first bytes behind the compression.
func (t *Table) head() (head []byte, whole bool, err error) {
	raw, err := t.Source.open()
	if err != nil {
		return nil, false, err
	}
	defer raw.Close()
	r, compression, done, err := decompress(raw)
	if err != nil {
		return nil, false, err
	}
	defer done()
	t.Compression = compression
	if t.Source.member != "" && compression == "" {
		t.Compression = "zip"
	}
	head = make([]byte, sniffSize)
	n, err := io.ReadFull(r, head)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return head[:n], true, nil
	}
	return head[:n], false, err
}

func (t *Table) decodeHead(head []byte, whole bool) ([]byte, error) {
	if t.Encoding == encodingUTF8 {
		head = wholeRunes(head, whole)
	}
	r, err := decoder(bytes.NewReader(head), t.Encoding, true)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// sniffText finds the format and the layout of decoded text.
func (t *Table) sniffText(text []byte, score Score, opt Options) error {
	if bytes.IndexByte(text, 0) >= 0 {
		return holdsZeros()
	}
	start := bytes.TrimSpace(text)
	if len(start) == 0 {
		return &InputError{Msg: "empty: there is nothing in it"}
	}
	t.Format = t.formatOf(start, opt.Format)
	switch {
	case t.Format == "jsonl":
		t.array = start[0] == '['
		return jsonHint(start)
	case t.Format == "xlsx":
		return &InputError{Msg: "not a workbook but text", Hint: "leave the format to be detected"}
	case start[0] == '<':
		return &InputError{Msg: "an HTML or XML page, not a list", Hint: "open it in a spreadsheet and save it as CSV or .xlsx"}
	}
	if t.mixedEnds = hasMixedEnds(text); t.mixedEnds {
		joined, err := io.ReadAll(&oneEnd{in: bufio.NewReader(bytes.NewReader(text))})
		if err != nil {
			return err
		}
		text = joined
	}
	commas := ",;\t|"
	if opt.Format == "tsv" {
		commas = "\t"
	} else if t.Format == "tsv" {
		commas = "\t,;|"
	}
	t.Layout = FindLayout(text, commas, score, headerRecords)
	t.Format = "csv"
	if t.Layout.Comma == '\t' {
		t.Format = "tsv"
	}
	t.setHeader(t.Layout.Header)
	return nil
}

func (t *Table) setHeader(header []string) {
	t.Names = UniqueNames(header)
	t.Width = len(t.Names)
}

// formatOf is the format by demand, by name and by the first character.
func (t *Table) formatOf(start []byte, demanded string) string {
	switch {
	case demanded == "ndjson":
		return "jsonl"
	case demanded != "":
		return demanded
	}
	name := strings.ToLower(cmp.Or(t.Source.member, t.Source.Path))
	name = strings.TrimSuffix(strings.TrimSuffix(name, ".gz"), ".zst")
	switch filepath.Ext(name) {
	case ".jsonl", ".ndjson", ".json":
		return "jsonl"
	case ".tsv":
		return "tsv"
	}
	if start[0] == '{' || isArray(start) {
		return "jsonl"
	}
	return "csv"
}

// isArray says whether a text starts a list of objects.
func isArray(text []byte) bool {
	return text[0] == '[' && bytes.HasPrefix(bytes.TrimSpace(text[1:]), []byte{'{'})
}

// jsonHint refuses JSON that is neither one object a line nor a list of them.
func jsonHint(start []byte) error {
	if line, _, _ := bytes.Cut(start, []byte{'\n'}); string(bytes.TrimSpace(line)) == "{" {
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

func (t *Table) foreign(kind string, opt Options, score Score) error {
	switch kind {
	case "zip":
		return t.openWorkbook(opt, score)
	case "xls":
		return &InputError{Msg: "a workbook of the old .xls kind, or one with a password", Hint: "save it as .xlsx or CSV without a password"}
	case "bzip2", "xz", "7z":
		return &InputError{Msg: "compressed with " + kind, Hint: "unpack it first; gzip and zstd are read as they are"}
	}
	return &InputError{Msg: "a " + kind + " file, not a list", Hint: "export it as CSV"}
}

// Open starts reading the rows. All bytes that are read pass through sum.
func (t *Table) Open(sum hash.Hash) (Records, error) {
	if t.Format == "xlsx" {
		return t.openSheet(sum)
	}
	raw, err := t.Source.open()
	if err != nil {
		return nil, err
	}
	if sum != nil {
		raw = hashed(raw, sum)
	}
	r, _, done, err := decompress(raw)
	if err != nil {
		raw.Close()
		return nil, err
	}
	closeAll := func() error { done(); return raw.Close() }
	text, err := decoder(r, t.Encoding, t.Demanded || t.Checked)
	if err == nil && t.mixedEnds {
		text = &oneEnd{in: bufio.NewReaderSize(text, 64<<10)}
	}
	if err == nil {
		text = &noZeros{r: text}
		_, err = io.CopyN(io.Discard, text, t.Layout.Offset)
	}
	if err != nil {
		return nil, errors.Join(err, closeAll())
	}
	if t.Format == "jsonl" {
		if t.array {
			return &arrayRecords{jsonRecords: jsonRecords{keys: keysOf(t.Layout.Header), names: t.Layout.Header, closer: closeAll}, decoder: json.NewDecoder(text)}, nil
		}
		return &jsonRecords{in: bufio.NewReaderSize(text, 64<<10), keys: keysOf(t.Layout.Header), names: t.Layout.Header, closer: closeAll}, nil
	}
	s := NewScanner(text, t.Layout.Comma, t.Layout.EOL, t.Layout.Line)
	err = s.Next() // the header
	s.Width = t.Width
	if err == io.EOF {
		err = &InputError{Msg: "empty: there is nothing in it"}
	}
	if err != nil {
		return nil, errors.Join(err, closeAll())
	}
	return &csvRecords{Scanner: s, closer: closeAll}, nil
}

// csvRecords reads the rows behind the header of a text file.
type csvRecords struct {
	*Scanner
	row    []string
	closer func() error
}

func (c *csvRecords) Next() (Record, error) {
	err := c.Scanner.Next()
	var bad *InputError
	if err != nil && !(errors.Is(err, errBadLine) && errors.As(err, &bad)) {
		return Record{}, err
	}
	c.row = c.Scanner.Cells(c.row[:0])
	if bad != nil {
		return Record{Line: c.Line, Cells: c.row, Bad: bad, Problem: "an unreadable line: " + bad.Msg}, nil //nolint:nilerr // the record carries it
	}
	return Record{Line: c.Line, Cells: c.row}, nil
}

func (c *csvRecords) Close() error { return c.closer() }

// Sample reads the first n rows, padded to the header; of JSONL, whose columns
// are known only at its end, it reads on to learn them all.
func (t *Table) Sample(n int) ([][]string, error) {
	rows, err := t.Open(nil)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var sample [][]string
	for len(sample) < n || t.Format == "jsonl" {
		r, err := rows.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		if len(sample) < n && r.Bad == nil {
			sample = append(sample, slices.Clone(r.Said()))
		}
	}
	j, ok := rows.(*jsonRecords)
	if a, isArray := rows.(*arrayRecords); isArray {
		j, ok = &a.jsonRecords, true
	}
	if ok {
		if len(j.names) == 0 && len(sample) == 0 && t.array {
			return nil, &InputError{Msg: "empty: a list without an object in it"}
		}
		if len(j.names) == 0 {
			return nil, &InputError{Msg: "no line of it is a JSON object with a member", Hint: "--in-format csv if it is a table"}
		}
		t.Layout.Header = j.names
		t.setHeader(j.names)
	}
	for i, row := range sample {
		for len(row) < t.Width {
			row = append(row, "")
		}
		sample[i] = row
	}
	return sample, nil
}

// Delimiter names the delimiter for people; empty where there is none.
func (t *Table) Delimiter() string {
	switch {
	case t.Format == "jsonl" || t.Format == "xlsx":
		return ""
	case t.Layout.Comma == '\t':
		return "tab"
	}
	return fmt.Sprintf("%c", t.Layout.Comma)
}

// Filled counts the cells that hold more than blanks, up to two.
func Filled(cells []string) int {
	n := 0
	for _, c := range cells {
		if c != "" && strings.TrimSpace(c) != "" {
			n++
			if n > 1 {
				break
			}
		}
	}
	return n
}
