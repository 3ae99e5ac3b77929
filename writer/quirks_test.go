package writer_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"pgregory.net/rapid"

	"octave-enrich/pipeline"
	"octave-enrich/reader"
	"octave-enrich/writer"
)

// A list is what a file holds, whatever it looks like.
type list struct {
	header []string
	rows   [][]string
}

// drawList generates a header as tools write them and rows of what breaks
// tables. Every row but empty ones has an address, as a last line with a single
// other value would be taken for a footer.
func drawList(t *rapid.T) list {
	known := []string{"First Name", "Nachname", "Company", "Title", "Website", "Record ID", "Do Not Call"}
	other := []string{"", "Note", "Note", `says "so"`, "a, b; c|d", "two\nlines", "überall", "col", " Spaces "}
	header := append([]string{"Email"}, rapid.SliceOfNDistinct(rapid.SampledFrom(known), 1, 4, rapid.ID).Draw(t, "known")...)
	header = append(header, rapid.SliceOfN(rapid.SampledFrom(other), 0, 4).Draw(t, "other")...)
	header = rapid.Permutation(header).Draw(t, "header")
	email := slices.Index(header, "Email")

	part := rapid.SampledFrom([]string{"a", "Zoë", "0012", `"`, ",", ";", "|", "\t", "\n", "\r\n", " ", "=", "'", "-1.50", "n/a", "é", "ñß", "@x", "https://"})
	row := rapid.Custom(func(t *rapid.T) []string {
		cells := make([]string, len(header))
		if rapid.IntRange(0, 9).Draw(t, "empty") == 0 {
			return cells
		}
		for i := range cells {
			cells[i] = strings.Join(rapid.SliceOfN(part, 0, 4).Draw(t, "cell"), "")
		}
		cells[email] = rapid.SampledFrom([]string{"ann@b.example", " Bo@B.example ", "x@y@z", "mailto:cy@b.example", "ann@gmail.com"}).Draw(t, "email")
		return cells
	})
	l := list{header, rapid.SliceOfN(row, 0, 12).Draw(t, "rows")}
	last := make([]string, len(header))
	last[email] = "last@b.example"
	l.rows = append(l.rows, last)
	return l
}

// A dialect is how a tool writes a list down.
type dialect struct {
	comma                               byte
	eol                                 string
	quoteAll, sep, ragged, blank, noEnd bool
	preamble, footer                    bool
	encoding, packing                   string
}

func drawDialect(t *rapid.T) dialect {
	yes := func(what string) bool { return rapid.IntRange(0, 3).Draw(t, what) == 0 }
	return dialect{
		comma: rapid.SampledFrom([]byte(",;\t|")).Draw(t, "comma"), eol: rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "eol"),
		quoteAll: yes("quotes"), sep: yes("sep"), ragged: yes("ragged"), blank: yes("blank"), noEnd: yes("no end"), preamble: yes("preamble"), footer: yes("footer"),
		encoding: rapid.SampledFrom([]string{"utf-8", "bom", "utf-16le", "utf-16be", "utf-16le bom", "utf-16be bom", "windows-1252"}).Draw(t, "encoding"),
		packing:  rapid.SampledFrom([]string{"", "", "gzip", "zstd"}).Draw(t, "packing"),
	}
}

func (d dialect) text(l list) string {
	var b strings.Builder
	if d.sep {
		b.WriteString("sep=" + string(d.comma) + d.eol)
	}
	if d.preamble {
		b.WriteString("Export of 3 lists" + d.eol + d.eol + `"who, when; why"` + d.eol)
	}
	d.record(&b, l.header, false)
	for i, row := range l.rows {
		if d.blank && i%2 == 1 {
			b.WriteString(d.eol)
		}
		d.record(&b, row, d.ragged)
	}
	if d.footer {
		b.WriteString(d.eol + `"Grand Totals (3 records)"` + d.eol + strings.Repeat(string(d.comma), len(l.header)-1) + d.eol + "Confidential" + d.eol)
	}
	if d.noEnd {
		return strings.TrimSuffix(b.String(), d.eol)
	}
	return b.String()
}

// record writes a record; a short one leaves the empty cells at its end out, but
// for the first, as an empty line is no record.
func (d dialect) record(b *strings.Builder, cells []string, short bool) {
	for short && len(cells) > 1 && cells[len(cells)-1] == "" && strings.Join(cells, "") != "" {
		cells = cells[:len(cells)-1]
	}
	for i, cell := range cells {
		if i > 0 {
			b.WriteByte(d.comma)
		}
		if d.quoteAll || strings.ContainsAny(cell, "\"\r\n"+string(d.comma)) {
			cell = `"` + strings.ReplaceAll(cell, `"`, `""`) + `"`
		}
		b.WriteString(cell)
	}
	b.WriteString(d.eol)
}

// bytes is the text as the tool saves it.
func (d dialect) bytes(t *rapid.T, text string) []byte {
	coding := map[string]encoding.Encoding{
		"utf-8": encoding.Nop, "bom": unicode.UTF8BOM, "windows-1252": charmap.Windows1252,
		"utf-16le": unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), "utf-16le bom": unicode.UTF16(unicode.LittleEndian, unicode.UseBOM),
		"utf-16be": unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), "utf-16be bom": unicode.UTF16(unicode.BigEndian, unicode.UseBOM),
	}[d.encoding]
	encoded, err := coding.NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	switch d.packing {
	case "gzip":
		w := gzip.NewWriter(&b)
		_, _ = w.Write([]byte(encoded))
		_ = w.Close()
	case "zstd":
		w, _ := zstd.NewWriter(&b, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<10))
		_, _ = w.Write([]byte(encoded))
		_ = w.Close()
	default:
		return []byte(encoded)
	}
	return b.Bytes()
}

// TestQuirks writes lists down as tools do, and wants every cell in the output
// as it was, read by the reader and by a plain one. More of it: make quirks.
func TestQuirks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, d := drawList(t), drawDialect(t)
		in, err := reader.Open([]string{"-"}, reader.Options{Stdin: bytes.NewReader(d.bytes(t, d.text(l)))})
		if err != nil {
			t.Fatalf("%+v: %v\n%q", d, err, d.text(l))
		}
		defer in.Close()
		same(t, "cells", inputCells(t, in), l.rows)

		format := rapid.SampledFrom([]string{"csv", "tsv", "csv.gz", "tsv.zst", "jsonl"}).Draw(t, "output")
		output := passThrough(t, in, format)
		if format == "jsonl" {
			same(t, "objects", objects(t, output, in.Columns()), l.rows)
			return
		}
		back, err := reader.Open([]string{"-"}, reader.Options{Stdin: bytes.NewReader(output)})
		if err != nil {
			t.Fatalf("reading back: %v\n%q", err, output)
		}
		defer back.Close()
		same(t, "columns", [][]string{back.Columns()[:len(l.header)]}, [][]string{in.Columns()})
		same(t, "read back", inputCells(t, back), l.rows)
		if format == "csv" {
			same(t, "read plainly", plainly(t, output), l.rows)
		}
	})
}

// same compares as many columns as are wanted.
func same(t rapid.TB, what string, got, want [][]string) {
	t.Helper()
	for i := range got {
		if i < len(want) && len(got[i]) > len(want[i]) {
			got[i] = got[i][:len(want[i])]
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Fatalf("%s: -want +got\n%s", what, d)
	}
}

func inputCells(t rapid.TB, in *reader.Input) (all [][]string) {
	t.Helper()
	for c, err := range in.Contacts() {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c.Cells)
	}
	return all
}

// passThrough writes the rows of an input that nobody was asked about.
func passThrough(t rapid.TB, in *reader.Input, format string) []byte {
	t.Helper()
	var output bytes.Buffer
	f, err := writer.Create("-", writer.Options{Format: format, Columns: in.Columns(), Stdout: &output})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Abort()
	for c, err := range in.Contacts() {
		if err == nil {
			err = f.Write(pipeline.RowOf(c, nil, pipeline.ErrStopped))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	publish(t, f)
	return output.Bytes()
}

// plainly reads CSV with the standard library, which takes CRLF in a cell for LF:
// so those cells are left to the other reading.
func plainly(t *rapid.T, output []byte) [][]string {
	t.Helper()
	const crlf = "\x01"
	records, err := csv.NewReader(bytes.NewReader(bytes.ReplaceAll(output, []byte("\r\n"), []byte(crlf)))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, record := range records {
		for i := range record {
			record[i] = strings.ReplaceAll(record[i], crlf, "\r\n")
		}
	}
	return records[1:]
}

func objects(t *rapid.T, output []byte, columns []string) (all [][]string) {
	t.Helper()
	for line := range bytes.Lines(output) {
		var object map[string]any
		if err := json.Unmarshal(line, &object); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		cells := make([]string, len(columns))
		for i, name := range columns {
			cells[i], _ = object[name].(string)
		}
		all = append(all, cells)
	}
	return all
}

// TestSamplesComeBack passes the samples through, and reads them back.
func TestSamplesComeBack(t *testing.T) {
	files, err := filepath.Glob("../samples/exports/*.csv")
	if err != nil || len(files) == 0 {
		t.Fatalf("no samples: %v", err)
	}
	for _, path := range files {
		in, err := reader.Open([]string{path}, reader.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		back, err := reader.Open([]string{"-"}, reader.Options{Stdin: bytes.NewReader(passThrough(t, in, "csv"))})
		if err != nil {
			t.Fatal(err)
		}
		defer back.Close()
		same(t, path, inputCells(t, back), inputCells(t, in))
	}
}
