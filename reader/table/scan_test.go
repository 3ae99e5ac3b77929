package table

import (
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// scanAll reads all records of a text.
func scanAll(r io.Reader) (records [][]string, lines []int, err error) {
	s := NewScanner(r, ',', '\n', 1)
	s.buf = make([]byte, 0, 16) // so that every record crosses its end
	for {
		err := s.Next()
		if err == io.EOF {
			return records, lines, nil
		}
		if err != nil {
			return records, lines, err
		}
		records, lines = append(records, s.Cells(nil)), append(lines, s.Line)
	}
}

func TestScannerLines(t *testing.T) {
	text := "a,b\r\n\n\"x\r\n\"\"y\"\"\",z\n\"\"\n,\nlast"
	records, lines, err := scanAll(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([][]string{{"a", "b"}, {"x\r\n\"y\"", "z"}, {""}, {"", ""}, {"last"}}, records); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]int{1, 3, 5, 6, 7}, lines); d != "" {
		t.Error(d)
	}
}

func TestScannerErrors(t *testing.T) {
	for _, test := range []struct {
		text         string
		line, column int
	}{
		{"a,b\nc,\"d\ne,f\n", 2, 3},
		{"\"", 1, 1},
		{"a\n\"b\nc\",\"d\"e", 3, 7},
		{"a\n\"b\nc\"d", 2, 1},
	} {
		for _, r := range []io.Reader{strings.NewReader(test.text), iotest.OneByteReader(strings.NewReader(test.text))} {
			_, _, err := scanAll(r)
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
	if _, _, err := scanAll(r); !errors.Is(err, broken) {
		t.Errorf("%v: a failed read passed for the end", err)
	}
}

func TestScannerBounds(t *testing.T) {
	for text, line := range map[string]int{"a\nb,\"" + strings.Repeat("x\n", maxRecord): 2, "a\n" + strings.Repeat("x", maxRecord+1): 2} {
		_, _, err := scanAll(strings.NewReader(text))
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
		got, _, err := scanAll(strings.NewReader(text))
		if wantErr == nil && strings.Contains(text, "\r") {
			return // a lone carriage return ends a line or is refused, and no part of a cell
		}
		if err != nil && wantErr == nil {
			t.Fatalf("%q: %v, encoding/csv says %v", text, err, wantErr)
		}
		if wantErr == nil && !slices.EqualFunc(got, want, slices.Equal) {
			t.Fatalf("%q: %q, encoding/csv says %q", text, got, want)
		}
		one, _, oneErr := scanAll(iotest.OneByteReader(strings.NewReader(text)))
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

// TestStrayQuotes reads them as spreadsheets do where that alone keeps the
// columns aligned.
func TestStrayQuotes(t *testing.T) {
	for _, test := range []struct {
		text  string
		width int
		want  []string // nil: refused
	}{
		{`a,Pipes 5" Ltd,c`, 3, []string{"a", `Pipes 5" Ltd`, "c"}},
		{`a,Robert "Bob",c`, 3, []string{"a", `Robert "Bob"`, "c"}},
		{`"a","One \"The Best\" Ltd"`, 2, []string{"a", `One \The Best\" Ltd"`}},
		{`"a"  ,"b"`, 2, []string{"a  ", "b"}},
		{`a, "Ann", "One, Ltd"`, 3, []string{"a", "Ann", "One, Ltd"}},
		{`"a","TV 27" to 31""`, 2, []string{"a", `TV 27 to 31""`}},
		{`a,"Best" Ltd`, 2, []string{"a", "Best Ltd"}},
		{`a,="+49 171",c`, 3, []string{"a", `="+49 171"`, "c"}},
		{"\"two\nlines\",5\" pipe", 2, []string{"two\nlines", `5" pipe`}},
		{"a,\"Ann\nb,\"Bo\"", 2, nil},
		{`a,"Ann" Lee, x`, 2, nil},
	} {
		s := NewScanner(strings.NewReader(test.text+"\nnext"), ',', '\n', 1)
		s.Width = test.width
		err := s.Next()
		if got := s.Cells(nil); (err != nil) != (test.want == nil) || err == nil && !slices.Equal(got, test.want) {
			t.Errorf("%q: %q, %v, want %q", test.text, got, err, test.want)
		}
		if err != nil && !errors.Is(err, errBadLine) {
			t.Errorf("%q: %v", test.text, err)
		}
	}
	s := NewScanner(strings.NewReader("a,\"b\nc,d\n"), ',', '\n', 1)
	if err := s.Next(); !errors.Is(err, errBadLine) || !slices.Equal(s.Cells(nil), []string{"a", `"b`}) || s.Line != 1 {
		t.Errorf("%v %q", err, s.Cells(nil))
	}
	if err := s.Next(); err != nil || !slices.Equal(s.Cells(nil), []string{"c", "d"}) || s.Line != 2 {
		t.Errorf("the line behind a bad one: %v %q", err, s.Cells(nil))
	}
}
