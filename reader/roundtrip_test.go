package reader

import (
	"encoding/csv"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

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
