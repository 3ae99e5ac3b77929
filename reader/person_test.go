package reader

import (
	"encoding/csv"
	"strings"
	"testing"

	"github.com/gocarina/gocsv"
	"github.com/google/go-cmp/cmp"
)

// The tags of a Person say what goes where; person does by hand, in a tenth of
// the time, what gocsv does with them.
func TestPersonIsWhatItsTagsSay(t *testing.T) {
	var r reading
	var header, row []string
	fields := personFields()
	for slot, field := range fields[:personSlots] {
		r.values[slot] = "a value for " + string(field)
		header, row = append(header, string(field)), append(row, r.values[slot])
	}
	var text strings.Builder
	w := csv.NewWriter(&text)
	if err := w.WriteAll([][]string{header, row}); err != nil {
		t.Fatal(err)
	}
	var want []Person
	if err := gocsv.UnmarshalString(text.String(), &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, []Person{r.person()}); diff != "" {
		t.Errorf("gocsv and person differ:\n%s", diff)
	}
}
