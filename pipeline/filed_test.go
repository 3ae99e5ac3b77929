package pipeline

import (
	"encoding/json"
	"testing"
	"time"

	"octave-enrich/checkpoint"
	"octave-enrich/writer"
)

// filedRecordsOf are the records about a file, written at a time.
func filedRecordsOf(t *testing.T, at int, about FiledBody, done bool, people ...string) (list []checkpoint.Record) {
	t.Helper()
	var hashed []writer.Person
	for _, name := range people {
		hashed = append(hashed, writer.PersonOf(name))
	}
	before, after := FiledRecords(about, writer.Output{People: hashed})
	if done {
		before = append(before, after)
	}
	for _, body := range before {
		raw, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, checkpoint.Record{Type: Filed, At: time.Unix(int64(at), 0), Body: raw})
	}
	return list
}

// A file counts as an earlier one of its sender when it had its name, which a crash
// may have kept the record from saying, and no other took its place.
func TestEarlierFiles(t *testing.T) {
	v1 := FiledBody{ID: "1", Preset: "smartlead", Path: "/up.csv", SHA256: "one"}
	v2 := FiledBody{ID: "2", Preset: "Smartlead", Path: "/up.csv", SHA256: "two"}
	over := v2
	over.Over = true
	grown := over
	grown.List = "of the next day"
	other := FiledBody{ID: "3", Preset: "outreach:20", Path: "/out.csv", SHA256: "three"}
	for _, test := range []struct {
		what           string
		first, second  FiledBody
		done           bool // the second
		there          map[string]string
		preset, path   string
		ada, ben, anew bool // ben is in the second alone
	}{
		{"a file of another name", v1, v2, true, nil, "smartlead", "/next.csv", true, true, false},
		{"a file that took the place of one", v1, over, true, map[string]string{"/up.csv": "two"}, "smartlead", "/next.csv", false, true, false},
		{"killed before it had its name", v1, over, false, map[string]string{"/up.csv": "one"}, "smartlead", "/next.csv", true, false, false},
		{"killed when it had its name", v1, over, false, map[string]string{"/up.csv": "two"}, "smartlead", "/next.csv", false, true, false},
		{"made anew", v1, over, true, map[string]string{"/up.csv": "two"}, "smartlead", "/up.csv", false, false, true},
		{"moved away", v1, over, true, nil, "smartlead", "/up.csv", false, true, false},
		{"took the place, of a list that has changed", v1, grown, true, map[string]string{"/up.csv": "two"}, "smartlead", "/next.csv", true, true, false},
		{"the next night, the list has changed", v1, v2, true, map[string]string{"/up.csv": "two"}, "smartlead", "/up.csv", true, true, true},
		{"another sender", v1, v2, true, nil, "outreach", "/next.csv", false, false, false},
		{"a sender with a number", v1, other, true, nil, "Outreach:10", "/next.csv", false, true, false},
	} {
		// What was taken over stands behind, and is older all the same.
		records := append(filedRecordsOf(t, 2, test.second, test.done, "ben@birch.example"), filedRecordsOf(t, 1, test.first, true, "ada@alder.example")...)
		files := Files{SHA256: func(path string) string { return test.there[path] }}
		if test.what == "the next night, the list has changed" {
			files.List = "of the next day"
		}
		people, replaced, _ := files.Earlier(records, test.preset, test.path)
		if ada, ben := people[writer.PersonOf(" ADA@alder.example")], people[writer.PersonOf("ben@birch.example")]; ada != test.ada || ben != test.ben || replaced > 0 != test.anew {
			t.Errorf("%s: ada %v, ben %v, %d in the file that is replaced", test.what, ada, ben, replaced)
		}
	}
}

// Many people are several records, none larger than a checkpoint takes.
func TestFiledRecordsAreBounded(t *testing.T) {
	people := make([]writer.Person, 2*mostFiled+1)
	before, after := FiledRecords(FiledBody{ID: "1"}, writer.Output{People: people, Profiles: people[1:]})
	if len(before) != 3 || !after.Done || after.People != nil || after.Profiles != nil {
		t.Errorf("%d records, and %+v", len(before), after)
	}
	for i, body := range before {
		raw, err := json.Marshal(body)
		if err != nil || len(raw) > checkpoint.MaxBody || body.Done || body.Part != i+1 {
			t.Errorf("record %d: %d bytes, %v", i+1, len(raw), err)
		}
	}
}

func TestWithoutPeople(t *testing.T) {
	records := filedRecordsOf(t, 1, FiledBody{ID: "1", Preset: "smartlead"}, true, "ada@alder.example", "ben@birch.example")
	gone := PeopleOfFiles{}
	gone.Add("ada@alder.example")
	for i, want := range []bool{true, false} {
		rec, changed := WithoutPeople(records[i], gone)
		if changed != want {
			t.Errorf("record %d changed: %v", i, changed)
		}
		records[i] = rec
	}
	people, _, _ := Files{SHA256: func(string) string { return "" }}.Earlier(records, "smartlead", "")
	if len(people) != 1 || !people[writer.PersonOf("ben@birch.example")] {
		t.Errorf("left: %v", people)
	}
}
