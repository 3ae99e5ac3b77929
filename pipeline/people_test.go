package pipeline

import (
	"iter"
	"slices"
	"testing"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
	"octave-enrich/reader"
)

// TestFindPeople holds that the fullest row stands for a person, the first of two
// that are equally full, and one that is answered before all others.
func TestFindPeople(t *testing.T) {
	person := func(email, first, last, title string) reader.Person {
		return reader.Person{Email: email, FirstName: first, LastName: last, JobTitle: title}
	}
	rows := []reader.Person{
		1: person("a@x.example", "Ann", "Lee", ""),
		2: person("a@x.example", "ann", "LEE", "CEO"),
		3: person("a@x.example", "Ann", "Lee", "CTO"),
		4: person("info@x.example", "Bo", "Ek", ""),
		5: person("info@x.example", "Cy", "Ito", "CEO"),
		6: person("", "Di", "Roe", "CEO"),
		7: person("", "Di", "Roe", ""),
		8: person("a@x.example", "Ann", "Lee", "excluded"),
		9: person("info@x.example", "Bo", "Ek", ""),
	}
	var src iter.Seq2[reader.Contact, error] = func(yield func(reader.Contact, error) bool) {
		for row, p := range rows[1:] {
			if !yield(reader.Contact{Row: row + 1, Person: p}, nil) {
				return
			}
		}
	}
	questioner, err := NewQuestioner(Settings{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	journal := newJournal()
	selection := Selection{Ask: questioner.Request, Memory: &Memory{Journal: journal}, Exclude: func(c reader.Contact) string {
		if c.Person.JobTitle == "excluded" {
			return "listed"
		}
		return ""
	}}
	titles := func() (said []string) {
		people, err := FindPeople(src, selection)
		if err != nil || people.Persons != 1 || people.Rows != 3 {
			t.Fatalf("%+v, %v", people, err)
		}
		for _, p := range rows[1:] {
			request, err := people.Instead(questioner.Request)(reader.Contact{Person: p})
			if err != nil {
				t.Fatal(err)
			}
			said = append(said, request.FirstName+" "+request.JobTitle)
		}
		return said
	}
	want := []string{"ann CEO", "ann CEO", "ann CEO", "Bo ", "Cy CEO", "Di CEO", "Di ", "ann CEO", "Bo "}
	if said := titles(); !slices.Equal(said, want) {
		t.Errorf("asked are %q", said)
	}

	third := NewQuestion(octave.Request{Email: "a@x.example", FirstName: "Ann", LastName: "Lee", JobTitle: "CTO"}, 3)
	if err := journal.Append(checkpoint.Record{Type: checkpoint.Answered, Key: third.Key}); err != nil {
		t.Fatal(err)
	}
	if said := titles()[0]; said != "Ann CTO" {
		t.Errorf("asked is %q, though another row is answered", said)
	}
}

// Whatever a row says about a person, or about the message, makes it fuller.
func TestFullness(t *testing.T) {
	for i, r := range []octave.Request{
		{Email: "a@x.example"},
		{Email: "a@x.example", CRMAccountID: "1"},
		{JobTitle: "CEO", RuntimeContext: map[string]string{"all": "x"}},
		{JobTitle: "CEO", RuntimeContext: map[string]string{"all": "x"}, RuntimeInstructions: map[string]string{"1": "y"}},
	} {
		if n := fullness(r); n != i {
			t.Errorf("%+v: %d, want %d", r, n, i)
		}
	}
}

// TestCountLost holds by what a contact of the last output is found in a list.
func TestCountLost(t *testing.T) {
	list := func(people ...reader.Person) iter.Seq2[reader.Contact, error] {
		return func(yield func(reader.Contact, error) bool) {
			for row, p := range people {
				if !yield(reader.Contact{Row: row + 1, Person: p}, nil) {
					return
				}
			}
		}
	}
	now := list(
		reader.Person{Email: "a@x.example", FirstName: "Ann"},
		reader.Person{LinkedInProfile: "https://www.linkedin.com/in/bo-ek"},
		reader.Person{CRMLeadID: "7"},
		reader.Person{FirstName: "Di", LastName: "Roe", CompanyName: "X"},
	)
	for name, c := range map[string]struct {
		before reader.Person
		want   int
	}{
		"address":            {reader.Person{Email: "A@x.example", FirstName: "Anna"}, 0},
		"profile":            {reader.Person{Email: "bo@x.example", LinkedInProfile: "https://linkedin.com/in/Bo-Ek/"}, 0},
		"id":                 {reader.Person{CRMLeadID: "7", FirstName: "Cy"}, 0},
		"id of another kind": {reader.Person{CRMContactID: "7"}, 1},
		"name and company":   {reader.Person{FirstName: "di", LastName: "roe", CompanyName: "x"}, 0},
		"another company":    {reader.Person{FirstName: "Di", LastName: "Roe", CompanyName: "Y"}, 1},
		"another address":    {reader.Person{Email: "di@x.example", FirstName: "Di", LastName: "Roe", CompanyName: "X"}, 1},
		"nobody":             {reader.Person{JobTitle: "CEO"}, 0},
	} {
		if n, err := CountLost(list(c.before), now); err != nil || n != c.want {
			t.Errorf("%s: %d are lost, %v; want %d", name, n, err, c.want)
		}
	}
}
