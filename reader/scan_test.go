package reader

import (
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

// scanAll reads all records of a text.
func scanAll(r io.Reader, comma byte) (records [][]string, lines []int, err error) {
	s := newScanner(r, comma, '\n', 1)
	s.buf = make([]byte, 0, 16) // so that every record crosses its end
	for {
		err := s.next()
		if err == io.EOF {
			return records, lines, nil
		}
		if err != nil {
			return records, lines, err
		}
		records, lines = append(records, s.cells(nil)), append(lines, s.recordLine)
	}
}

func TestScannerLines(t *testing.T) {
	text := "a,b\r\n\n\"x\r\n\"\"y\"\"\",z\n\"\"\n,\nlast"
	records, lines, err := scanAll(strings.NewReader(text), ',')
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "records", records, [][]string{{"a", "b"}, {"x\r\n\"y\"", "z"}, {""}, {"", ""}, {"last"}})
	equal(t, "lines", lines, []int{1, 3, 5, 6, 7})
}

func TestScannerErrors(t *testing.T) {
	for _, test := range []struct {
		text         string
		line, column int
	}{
		{"a,b\nc,\"d\ne,f\n", 2, 3},
		{"\"", 1, 1},
		{"é,x\"y", 1, 4},
		{"a\n\"b\nc\",\"d\"e", 3, 7},
		{"a\n\"b\nc\"d", 2, 1},
	} {
		for _, r := range []io.Reader{strings.NewReader(test.text), iotest.OneByteReader(strings.NewReader(test.text))} {
			_, _, err := scanAll(r, ',')
			var e *InputError
			if !errors.As(err, &e) || e.Line != test.line || e.Column != test.column {
				t.Errorf("%q: %v, want %d:%d", test.text, err, test.line, test.column)
			}
		}
	}
}

func TestScannerPassesReadErrors(t *testing.T) {
	broken := errors.New("broken disk")
	r := io.MultiReader(strings.NewReader("a,b\nc"), iotest.ErrReader(broken))
	if _, _, err := scanAll(r, ','); !errors.Is(err, broken) {
		t.Errorf("%v: a failed read passed for the end", err)
	}
}

func TestScannerBounds(t *testing.T) {
	for text, line := range map[string]int{"a\nb,\"" + strings.Repeat("x\n", maxRecord): 2, "a\n" + strings.Repeat("x", maxRecord+1): 2} {
		_, _, err := scanAll(strings.NewReader(text), ',')
		var e *InputError
		if !errors.As(err, &e) || e.Line != line || !strings.Contains(e.Msg, "16 MiB") {
			t.Errorf("%v, want line %d", err, line)
		}
	}
}

// FuzzScanner holds the scanner to encoding/csv, which reads the same except
// that it changes CRLF inside quotes.
func FuzzScanner(f *testing.F) {
	for _, text := range []string{"a,b\n", "\"a\"\"b\",c\r\n", "a\"b", "\"a", "\"a\"b", "\n\n,\n", "\"\n\n\"\n", "a\r", "\"a\"\r", "\r\n", "a,\"\"", "\"\"\r"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "\r\n") {
			text = strings.ReplaceAll(text, "\r\n", "\n")
		}
		want, wantErr := csvRecordsOf(text)
		got, _, err := scanAll(strings.NewReader(text), ',')
		if (err != nil) != (wantErr != nil) {
			t.Fatalf("%q: %v, encoding/csv says %v", text, err, wantErr)
		}
		if err == nil && !slices.EqualFunc(got, want, slices.Equal) {
			t.Fatalf("%q: %q, encoding/csv says %q", text, got, want)
		}
		one, _, oneErr := scanAll(iotest.OneByteReader(strings.NewReader(text)), ',')
		if (err == nil) != (oneErr == nil) || !slices.EqualFunc(got, one, slices.Equal) {
			t.Fatalf("%q: %q byte by byte, else %q", text, one, got)
		}
	})
}

func csvRecordsOf(text string) ([][]string, error) {
	r := csv.NewReader(strings.NewReader(text))
	r.FieldsPerRecord = -1
	return r.ReadAll()
}

// TestRoundTrip writes lists with the quoting of the writer and random
// quirks, and reads the cells back.
func TestRoundTrip(t *testing.T) {
	cell := rapid.OneOf(
		rapid.StringMatching(`[ -~é漢\n"',;|\t]{0,12}`),
		rapid.SampledFrom([]string{"", " ", "a\r\nb", "\r\n", `"`, `""`, "=1+1", "-", "\u200b", "0012", "'x", "#", "sep=;", "🚀"}),
	)
	path := file(t, "list.csv", "")
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.IntRange(1, 5).Draw(t, "width")
		row := rapid.SliceOfN(cell, width, width)
		rows := rapid.SliceOfN(row, 0, 8).Draw(t, "rows")
		header := []string{"Email"}
		for range width {
			header = append(header, rapid.SampledFrom([]string{"Note", "Stage", "City", "", "Note"}).Draw(t, "header"))
		}
		rows = append(rows, make([]string, width))
		for i, r := range rows {
			rows[i] = append([]string{"person@example.com"}, r...) // no footer
		}
		comma := rapid.SampledFrom([]rune(",;\t|")).Draw(t, "comma")
		quirk := quirks()[rapid.IntRange(0, len(quirks())-1).Draw(t, "quirk")]
		rewrite(t, path, quirk(csvText(t, comma, append([][]string{header}, rows...))))
		in, err := Open([]string{path}, Options{})
		if err != nil {
			t.Fatalf("Open: %v", err)
		}
		defer in.Close()
		var got [][]string
		for c, err := range in.Contacts() {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, c.Cells)
		}
		if !slices.EqualFunc(got, rows, slices.Equal) {
			t.Fatalf("got  %q\nwant %q", got, rows)
		}
	})
}

func csvText(t *rapid.T, comma rune, records [][]string) string {
	var b strings.Builder
	w := csv.NewWriter(&b)
	w.Comma = comma
	if err := w.WriteAll(records); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
