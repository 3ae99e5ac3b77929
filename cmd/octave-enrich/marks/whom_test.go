package marks

import (
	"os"
	"path/filepath"
	"testing"

	"octave-enrich/pipeline"
	"octave-enrich/reader"
)

// Exactly one flag says who is marked.
func TestSelector(t *testing.T) {
	people := filepath.Join(t.TempDir(), "people.txt")
	if err := os.WriteFile(people, []byte("ann@example.com\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ann := &marking{ContactState: pipeline.ContactState{Contact: reader.Contact{Row: 4, Person: reader.Person{Email: "ann@example.com"}}}}
	bob := &marking{ContactState: pipeline.ContactState{Contact: reader.Contact{Row: 5, Person: reader.Person{Email: "bob@example.com"}}, Failed: true}}
	for _, tt := range []struct {
		whom     Whom
		ann, bob bool
	}{
		{Whom{All: true}, true, true},
		{Whom{Failed: true}, false, true},
		{Whom{Rows: "1-4"}, true, false},
		{Whom{People: people}, true, false},
		{Whom{All: true, Undo: true}, true, true},
	} {
		selected, err := tt.whom.Selector()
		if err != nil || selected(ann) != tt.ann || selected(bob) != tt.bob {
			t.Errorf("%+v: %v", tt.whom, err)
		}
	}
	for _, wrong := range []Whom{{}, {All: true, Failed: true}, {Rows: "0"}, {People: people + ".gone"}, {All: true, Undo: true, With: "shorter"}} {
		if _, err := wrong.Selector(); err == nil {
			t.Errorf("%+v is taken", wrong)
		}
	}
}

// What asks the marked contacts again goes through the whole list, and keeps its budgets.
func TestWholeList(t *testing.T) {
	const typed = "octave-enrich run people.csv --limit 10 --max-calls 5 --sample=3 -o out.csv"
	if got, want := wholeList(typed), "octave-enrich run people.csv --max-calls 5 -o out.csv"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
