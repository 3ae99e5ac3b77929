package writer

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"github.com/xuri/excelize/v2"
	"pgregory.net/rapid"
)

// cells are texts made of what breaks tables.
func cells(t *rapid.T) string {
	return strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{
		"a", "é", "日", `"`, ",", "\t", "\n", "\r\n", "\r", " ", ";", "=", `\.`, "\x00", "<", "{", "\u2028", "\xff",
	}), 0, 6).Draw(t, "cell"), "")
}

// table generates rows of any number of columns and sequences of any length.
func rows(t *rapid.T) (columns []string, rows []Row) {
	columns = rapid.SliceOfNDistinct(rapid.Custom(cells), 0, 5, rapid.ID).Draw(t, "columns")
	row := rapid.Custom(func(t *rapid.T) Row {
		r := Row{Status: StatusOK, Error: cells(t)}
		r.Cells = rapid.SliceOfN(rapid.Custom(cells), len(columns), len(columns)).Draw(t, "cells")
		for range rapid.IntRange(0, 7).Draw(t, "emails") {
			r.Emails = append(r.Emails, Email{Subject: cells(t), Body: cells(t)})
		}
		return r
	})
	return columns, rapid.SliceOfN(row, 0, 8).Draw(t, "rows")
}

// check runs a property with a directory of its own.
func check(t *testing.T, property func(t *rapid.T, dir string)) {
	n := 0
	root := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		n++
		dir := filepath.Join(root, fmt.Sprint(n))
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		property(rt, dir)
	})
}

// emit is finish for a property.
func emit(t *rapid.T, path string, opt Options, rows []Row) (Output, []byte) {
	f, err := Create(path, opt)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Abort()
	for _, row := range rows {
		if err := f.Write(row); err != nil {
			t.Fatal(err)
		}
	}
	out, err := f.Finish()
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Publish(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return out, data
}

// want is the table that rows make, cell by cell.
func want(columns []string, rows []Row) [][]string {
	emails := 0
	for _, r := range rows {
		emails = max(emails, len(r.Emails))
	}
	table := [][]string{Columns(columns, emails)}
	for _, r := range rows {
		record := append(append([]string{}, r.Cells...), r.Status, r.Error, "", "", fmt.Sprint(len(r.Emails)), "", "", "")
		for _, e := range r.Emails {
			record = append(record, e.Subject, e.Body)
		}
		table = append(table, pad(record, len(table[0])))
	}
	return table
}

// Somebody else's reader sees every cell, but for CRLF inside quotes, which it takes for LF.
func TestCSVReadsBack(t *testing.T) {
	check(t, func(t *rapid.T, dir string) {
		columns, rows := rows(t)
		name := rapid.SampledFrom([]string{"o.csv", "o.tsv"}).Draw(t, "name")
		out, data := emit(t, filepath.Join(dir, name), Options{Columns: columns}, rows)
		if sum := sha256.Sum256(data); out.SHA256 != hex.EncodeToString(sum[:]) || out.Bytes != int64(len(data)) || out.Rows != len(rows) {
			t.Fatalf("output is described as %+v", out)
		}
		r := csv.NewReader(bytes.NewReader(data))
		if name == "o.tsv" {
			r.Comma = '\t'
		}
		got, err := r.ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		expect := want(columns, rows)
		for _, record := range expect {
			for i := range record {
				record[i] = strings.ReplaceAll(record[i], "\r\n", "\n")
			}
		}
		if diff := cmp.Diff(expect, got); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	})
}

// Our own reader sees every byte. It is what widening, presets and .xlsx rest on.
func TestScanReadsBack(t *testing.T) {
	check(t, func(t *rapid.T, dir string) {
		columns, rows := rows(t)
		_, data := emit(t, filepath.Join(dir, "o.csv"), Options{Columns: columns}, rows)
		var got [][]string
		for record, err := range records(bytes.NewReader(data), ',') {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, append([]string{}, record...))
		}
		if diff := cmp.Diff(want(columns, rows)[1:], got, cmp.Comparer(func(a, b string) bool { return a == b })); len(got) > 0 && diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	})
}

// A header that was widened at the end is the one that would have been written had the length been known.
func TestWideningLeavesNoTrace(t *testing.T) {
	check(t, func(t *rapid.T, dir string) {
		columns, rows := rows(t)
		opt := Options{Columns: columns, Excel: rapid.Bool().Draw(t, "excel")}
		out, late := emit(t, filepath.Join(dir, "late.csv"), opt, rows)
		opt.Emails = out.Emails
		if _, early := emit(t, filepath.Join(dir, "early.csv"), opt, rows); !bytes.Equal(late, early) {
			t.Fatalf("widened:\n%q\nwide from the start:\n%q", late, early)
		}
	})
}

// Compression and standard output carry the same bytes as the plain file, and equal rows make equal files.
func TestPackedIsPlain(t *testing.T) {
	check(t, func(t *rapid.T, dir string) {
		columns, rows := rows(t)
		kind := rapid.SampledFrom([]string{"csv", "tsv", "jsonl"}).Draw(t, "kind")
		opt := Options{Columns: columns}
		_, plain := emit(t, filepath.Join(dir, "o."+kind), opt, rows)
		for _, pack := range []string{".gz", ".zst"} {
			_, packed := emit(t, filepath.Join(dir, "o."+kind+pack), opt, rows)
			if got := unpack(t, pack, packed); !bytes.Equal(got, plain) {
				t.Fatalf("%s holds %q, want %q", pack, got, plain)
			}
			if _, again := emit(t, filepath.Join(dir, "again."+kind+pack), opt, rows); !bytes.Equal(packed, again) {
				t.Fatalf("%s differs from run to run", pack)
			}
		}
		var stdout bytes.Buffer
		opt.Format, opt.Stdout, opt.SpoolDir = kind, &stdout, dir
		f, err := Create("-", opt)
		for _, row := range rows {
			err = f.Write(row)
		}
		if _, ferr := f.Finish(); err != nil || ferr != nil || f.Publish() != nil || !bytes.Equal(stdout.Bytes(), plain) {
			t.Fatalf("standard output: %q (%v, %v), want %q", stdout.Bytes(), err, ferr, plain)
		}
	})
}

func unpack(t *rapid.T, pack string, data []byte) []byte {
	var r io.Reader
	var err error
	if r, err = gzip.NewReader(bytes.NewReader(data)); pack == ".zst" {
		r, err = zstd.NewReader(bytes.NewReader(data))
	}
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

// Every JSON line holds the input cells and the messages, whatever is in them.
func TestJSONLinesReadBack(t *testing.T) {
	check(t, func(t *rapid.T, dir string) {
		columns, rows := rows(t)
		_, data := emit(t, filepath.Join(dir, "o.jsonl"), Options{Columns: columns}, rows)
		lines := strings.SplitAfter(string(data), "\n")
		if len(lines) != len(rows)+1 {
			t.Fatalf("%d lines for %d rows", len(lines)-1, len(rows))
		}
		for i, row := range rows {
			var got map[string]any
			if err := json.Unmarshal([]byte(lines[i]), &got); err != nil {
				t.Fatalf("line %d: %v: %q", i+1, err, lines[i])
			}
			answer := got["octave"].(map[string]any)
			delete(got, "octave")
			for n, name := range columns {
				if name = valid(name); got[name] != valid(row.Cells[n]) && !strings.Contains(name, "\ufffd") {
					t.Fatalf("line %d: %q is %q, want %q", i+1, name, got[name], row.Cells[n])
				}
			}
			for n, e := range row.Emails {
				m := answer["emails"].([]any)[n].(map[string]any)
				if m["subject"] != valid(e.Subject) || m["body"] != valid(e.Body) {
					t.Fatalf("line %d, message %d: %v", i+1, n+1, m)
				}
			}
		}
	})
}

// valid is what JSON can hold of s.
func valid(s string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\xff", "\ufffd"), "\ufffd")
}

// A workbook holds text: zeros, signs and formulas as they stand, characters that XML cannot hold aside.
func TestWorkbookReadsBack(t *testing.T) {
	columns := []string{"id", "note"}
	texts := []string{"007", "=1+1", "-5", "2026-01-02", " padded ", "two\nlines", "tab\there", "1e400", "<&>\"'", "日本", "_x0041_", "'quoted", "TRUE"}
	var rows []Row
	for _, text := range texts {
		rows = append(rows, Row{Cells: []string{"00" + text, text}, Status: StatusOK, Emails: []Email{{text, text, "", nil}}})
	}
	path := filepath.Join(t.TempDir(), "o.xlsx")
	out := finish(t, path, Options{Columns: columns, Excel: true}, rows)
	book, err := excelize.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer book.Close()
	got, err := book.GetRows("Sheet1")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want(columns, rows), got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if formula, err := book.GetCellFormula("Sheet1", "B3"); formula != "" || err != nil {
		t.Errorf("B3 is the formula %q (%v)", formula, err)
	}
	if kind, err := book.GetCellType("Sheet1", "B2"); kind == excelize.CellTypeNumber || kind == excelize.CellTypeUnset || err != nil {
		t.Errorf("B2 has the type %v (%v), want text", kind, err)
	}
	style, err := book.GetCellStyle("Sheet1", "A2")
	if err != nil {
		t.Fatal(err)
	}
	if format, err := book.GetStyle(style); err != nil || format.NumFmt != textFormat {
		t.Errorf("A2 has the format %+v (%v): its zeros go when it is edited", format, err)
	}
	again := finish(t, filepath.Join(t.TempDir(), "o.xlsx"), Options{Columns: columns}, rows)
	if again.SHA256 != out.SHA256 {
		t.Error("the same rows make another workbook")
	}
}

// A text that a cell of a workbook has no room for is cut between characters, with a note, and counted; the longest
// that fits is whole.
func TestWorkbookCutsWithANote(t *testing.T) {
	fits, long := strings.Repeat("é", maxCellUnits), strings.Repeat("😀", maxCellUnits/2+1)
	path := filepath.Join(t.TempDir(), "o.xlsx")
	out := finish(t, path, Options{Columns: []string{"a"}}, []Row{
		{Cells: []string{fits}}, {Cells: []string{"b"}, Status: StatusOK, Emails: []Email{{"s", long, "", nil}}},
	})
	if out.Cut != 1 {
		t.Errorf("%d cells are cut, want 1", out.Cut)
	}
	book, err := excelize.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer book.Close()
	rows, err := book.GetRows("Sheet1")
	if err != nil {
		t.Fatal(err)
	}
	cut := rows[2][slices.Index(rows[0], "email_body_1")]
	text, noted := strings.CutSuffix(cut, cutNote)
	if rows[1][0] != fits || !noted || !strings.HasPrefix(long, text) || units(cut) > maxCellUnits || units(cut) < maxCellUnits-1 {
		t.Errorf("a cell of %d units, noted: %v", units(cut), noted)
	}
}

// How much fits in a cell, and in a row.
func TestRoomOfAWorkbook(t *testing.T) {
	for text, want := range map[string]bool{strings.Repeat("é", maxCellUnits): true, strings.Repeat("é", maxCellUnits+1): false, "": true} {
		if got := FitsWorkbook(text); got != want {
			t.Errorf("%d units fit: %v", units(text), got)
		}
	}
	if got := cutTo("ab😀c", 4); got != "ab😀" {
		t.Errorf("cut to 4 units: %q", got)
	}
	for name, want := range map[string]bool{"o.xlsx": true, "o.csv": false, "o": false} {
		if got := IsWorkbook(name, ""); got != want {
			t.Errorf("%s is a workbook: %v", name, got)
		}
	}
	for width, fits := range map[int]bool{maxSheetColumns: true, maxSheetColumns + 1: false} {
		book, err := newWorkbook(io.Discard, t.TempDir(), make([]string, width))
		if err == nil {
			defer book.discard()
		}
		if (err == nil) != fits {
			t.Errorf("%d columns: %v", width, err)
		}
	}
}

// A part of a message is not sent: whom it is for is held back.
func TestPresetHoldsWhatAWorkbookCuts(t *testing.T) {
	row := sample()[0]
	row.Emails[0].Body = strings.Repeat("word ", maxCellUnits/5+1)
	out := finish(t, filepath.Join(t.TempDir(), "o.xlsx"), Options{Columns: columns(), Preset: "instantly", Rule: rule(t)}, []Row{row})
	if out.Rows != 0 || out.Held.Reasons["longer than a workbook holds"] != 1 {
		t.Errorf("%d rows, held back: %v", out.Rows, out.Held.Reasons)
	}
}
