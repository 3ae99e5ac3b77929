package table

import (
	"bytes"
	"encoding/csv"
	"io"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestRecordsAreThoseOfEncodingCSV(t *testing.T) {
	cell := rapid.OneOf(
		rapid.SampledFrom([]string{"", `\.`, " ", "\t", "\u00a0x", "\u2003", "x ", `"`, "\r\n", "a\rb", ",", ";", "\xff", "\x00"}),
		rapid.StringMatching("[a\" ,\t\r\n\u00e9]{0,12}"),
		rapid.String(),
	)
	rapid.Check(t, func(t *rapid.T) {
		record := rapid.SliceOfN(cell, 1, 6).Draw(t, "record")
		comma := rapid.SampledFrom([]byte{',', '\t'}).Draw(t, "comma")
		var want bytes.Buffer
		w := csv.NewWriter(&want)
		w.Comma = rune(comma)
		if err := w.Write(record); err != nil {
			t.Fatal(err)
		}
		w.Flush()
		if got := string(AppendRecord(nil, record, comma)); got != want.String() {
			t.Fatalf("got  %q\nwant %q", got, want.String())
		}
	})
}

// BenchmarkAppendRecord is a row with a body, as a writer has thousands, beside encoding/csv.
func BenchmarkAppendRecord(b *testing.B) {
	record := []string{"Ann", "Lee", "ann@example.com", "Example, Ltd", strings.Repeat("A line of the body, with a \"word\" in it.\r\n", 12)}
	b.Run("own", func(b *testing.B) {
		var line []byte
		for b.Loop() {
			line = AppendRecord(line[:0], record, ',')
		}
	})
	b.Run("encoding-csv", func(b *testing.B) {
		w := csv.NewWriter(io.Discard)
		for b.Loop() {
			if err := w.Write(record); err != nil {
				b.Fatal(err)
			}
		}
	})
}
