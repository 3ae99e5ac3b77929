package lists

import (
	"strings"
	"testing"

	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/pipeline"
)

func TestReadRows(t *testing.T) {
	rows, err := ReadRows("4, 17-20")
	if err != nil {
		t.Fatal(err)
	}
	for row, want := range map[int]bool{3: false, 4: true, 5: false, 16: false, 17: true, 20: true, 21: false} {
		if rows.Hold(row) != want {
			t.Errorf("row %d: %v", row, !want)
		}
	}
	if !Rows(nil).Hold(7) {
		t.Error("none is not all")
	}
	for _, text := range []string{"", "0", "3-2", "a", "1,,2", "1-2-3", "-4"} {
		if rows, err := ReadRows(text); exit.As(err) == nil || exit.As(err).Code != exit.Usage {
			t.Errorf("%q is taken for %v (%v)", text, rows, err)
		}
	}
}

// Names that differ in their day or number alone are those of one list.
func TestNameWithoutDigits(t *testing.T) {
	for _, same := range [][2]string{
		{"a/people.2026-01-02.checkpoint", "b/people.2026-11-30.checkpoint"}, {"people.csv.checkpoint", "people (1).csv.checkpoint"}, {"q1.csv", "q22.csv"},
	} {
		if nameWithoutDigits(same[0]) != nameWithoutDigits(same[1]) {
			t.Errorf("%s and %s are two lists", same[0], same[1])
		}
	}
	if nameWithoutDigits("people.csv") == nameWithoutDigits("leads.csv") {
		t.Error("people and leads are one list")
	}
}

// A run pays for what another checkpoint answers only when it is told to.
func TestDecide(t *testing.T) {
	var none *Beside
	if err := none.Decide("run", nil); err != nil {
		t.Errorf("nothing beside: %v", err)
	}
	if err := (&Beside{question: 3}).Decide("run", nil); err != nil {
		t.Errorf("nothing of another name: %v", err)
	}
	err := (&Beside{other: "old list.checkpoint", has: 20, question: 30}).Decide("octave-enrich run a.csv", []string{"a.csv"})
	if e := exit.As(err); e == nil || e.Code != exit.Decide || !strings.Contains(e.Hint, "run a.csv --checkpoint 'old list.checkpoint'") || !strings.Contains(e.Hint, "run a.csv --fresh") {
		t.Errorf("%+v", e)
	}
}

// What is said of a change names fields, columns and settings, and no value of a contact.
func TestFieldChange(t *testing.T) {
	now, before := []pipeline.Mapped{{Field: "jobTitle", Column: "Title"}, {Field: "fullName", Column: "Name"}},
		[]pipeline.Mapped{{Field: "jobTitle", Column: "Role"}, {Field: "crmLeadId", Column: "Lead"}}
	for _, tt := range []struct{ field, was, is, want string }{
		{"agentOId", "", "ca_1", "agent none -> ca_1"},
		{"experimentOId", "e1", "e2", "experiment e1 -> e2"},
		{"runtimeInstructions.all", "secret", "other", "instructions"},
		{"runtimeContext.1", "secret", "other", "context"},
		{"jobTitle", "CEO", "CTO", "jobTitle, from column Title; the last run had Role"},
		{"jobTitle", "", "CTO", "jobTitle, from column Title; the last run had none"},
		{"jobTitle", "CEO", "", "jobTitle, which is missing now"},
		{"lang", "", "de", "lang, from --set or --template; the last run had none"},
		{"lang", "de", "fr", "lang, other values of --set or --template"},
		{"crmLeadId", "1", "2", "crmLeadId, from --set or --template; the last run had Lead"},
		{"firstName", "Ann", "Bob", "firstName, other values in column Name"},
	} {
		change := pipeline.Change{Before: map[string]string{tt.field: tt.was}, After: map[string]string{tt.field: tt.is}}
		if got := fieldChange(tt.field, change, now, before); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.field, got, tt.want)
		}
	}
}

func TestSeveral(t *testing.T) {
	if got := several(&pipeline.People{Persons: 1, Rows: 2}, false); !strings.HasPrefix(got, "2 rows are about one person who stands there") || !strings.Contains(got, "--skip duplicate") {
		t.Error(got)
	}
	if got := several(&pipeline.People{Persons: 2, Rows: 5}, true); !strings.HasPrefix(got, "5 rows are about 2 people who stand there") || strings.Contains(got, "--skip") {
		t.Error(got)
	}
}
