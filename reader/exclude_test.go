package reader

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	textunicode "golang.org/x/text/encoding/unicode"

	"octave-enrich/reader/person"
)

func exclude(t *testing.T, name, content string) *ExcludeList {
	t.Helper()
	l, err := ReadExclude(file(t, name, content))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestExclude(t *testing.T) {
	text := "# do not \"contact\"\nAnn@Example.com\nmailto:bo@b.example\n\n@Blocked.example\n@gmail.com\nacme.example\nhttps://www.linkedin.com/in/Cy-Day/\nin/dee\neve-plain\n00Q8d00000ExAaB\n51234567890\n"
	table := "Name,E-mail,Secondary Email,LinkedIn URL,Contact ID,Company Domain\n" +
		"Ann,Ann@Example.com,bo@b.example,,,blocked.example\nCy,,,linkedin.com/in/cy-day,00Q8d00000ExAaB,gmail.com\n,,,in/dee,51234567890,acme.example\n,,,eve-plain,,\n"
	for name, list := range map[string]*ExcludeList{
		"text": exclude(t, "no.txt", text), "UTF-16": exclude(t, "no.txt", utf16(text, textunicode.LittleEndian, textunicode.UseBOM)), "packed": exclude(t, "no.gz", gzipped(text)),
		"table": exclude(t, "no.csv", table), "semicolons": exclude(t, "no.csv", strings.ReplaceAll(table, ",", ";")),
	} {
		for _, test := range []struct {
			person Person
			why    string
		}{
			{Person{Email: "ann@example.com"}, "email"},
			{Person{Email: "bo@b.example"}, "email"},
			{Person{Email: "x@blocked.example"}, "domain"},
			{Person{Email: "x@mail.blocked.example"}, "domain"},
			{Person{Email: "x@gmail.com"}, "domain"},
			{Person{CompanyDomain: "acme.example"}, "domain"},
			{Person{LinkedInProfile: person.ProfilePrefix + "cy-day"}, "LinkedIn profile"},
			{Person{LinkedInProfile: person.ProfilePrefix + "Dee"}, "LinkedIn profile"},
			{Person{LinkedInProfile: person.ProfilePrefix + "eve-plain"}, "LinkedIn profile"},
			{Person{CRMLeadID: "00Q8d00000ExAaB"}, "id"},
			{Person{CRMContactID: "51234567890"}, "id"},
			{Person{Email: "ann@other.example", CRMLeadID: "00Q8d00000ExAab", CompanyDomain: "notacme.example", LinkedInProfile: person.ProfilePrefix + "cy"}, ""},
			{Person{}, ""},
		} {
			why, hit := list.Match(test.person)
			if why != test.why || hit != (why != "") {
				t.Errorf("%s: %+v: %q %v, want %q", name, test.person, why, hit, test.why)
			}
		}
	}
}

func TestExcludeFailsClosed(t *testing.T) {
	for what, content := range map[string]string{
		"empty": "", "blank": " \n\n", "a name": "ann@example.com\nBob Smith\n", "binary": "%PDF-1.4", "zeros": "a@b.example\x00",
		"header alone": "Email,Name\n", "nobody": "Email,Name\n,Ann\n", "unknown table": "Ann,Lee\nBo,Day\n", "cut": gzipped("a@b.example\n")[:20],
		"open quote": "Email\n\"a@b.example\n",
	} {
		l, err := ReadExclude(file(t, "no.csv", content))
		if !errors.As(err, new(*InputError)) {
			t.Errorf("%s: %v %v", what, l, err)
		}
	}
	if _, err := ReadExclude(filepath.Join(t.TempDir(), "missing")); !errors.As(err, new(*InputError)) {
		t.Errorf("missing: %v", err)
	}
	_, err := ReadExclude(file(t, "no.txt", "# x\n\nann@example.com\nBob Smith\n"))
	var e *InputError
	if !errors.As(err, &e) || e.Line != 4 || strings.Contains(e.Error(), "Smith") {
		t.Errorf("%v, want line 4 and no name", err)
	}
	if l := exclude(t, "no.txt", "# nobody yet\n"); len(l.entries) != 0 {
		t.Errorf("%v", l)
	}
}

func TestExcludePersons(t *testing.T) {
	var people []Person
	for _, v := range []struct {
		field       Field
		value, want string
	}{
		{Email, " Ann@Example.com ", "ann@example.com"},
		{LinkedInProfile, "Cy-Day", person.ProfilePrefix + "Cy-Day"},
		{LinkedInProfile, "in/dee", person.ProfilePrefix + "dee"},
		{LinkedInProfile, "http://linkedin.com/in/eve/", person.ProfilePrefix + "eve"},
		{CRMContactID, "00Q8d00000ExAaB", "00Q8d00000ExAaB"},
	} {
		got, err := Normalise(v.field, v.value)
		if err != nil || got != v.want {
			t.Errorf("%s %s: %q, %v", v.field, v.value, got, err)
		}
		people = append(people, map[Field]Person{Email: {Email: got}, LinkedInProfile: {LinkedInProfile: got}, CRMContactID: {CRMContactID: got}}[v.field])
	}
	list := ExcludePersons(people...)
	for _, test := range []struct {
		person Person
		want   bool
	}{
		{Person{Email: "ann@example.com"}, true},
		{Person{LinkedInProfile: person.ProfilePrefix + "cy-day"}, true},
		{Person{LinkedInProfile: person.ProfilePrefix + "dee"}, true},
		{Person{LinkedInProfile: person.ProfilePrefix + "eve"}, true},
		{Person{CRMLeadID: "00Q8d00000ExAaB"}, true},
		{Person{CRMLeadID: "00Q8d00000ExAab"}, false},
		{Person{Email: "bo@example.com", CompanyDomain: "example.com"}, false},
		{Person{LinkedInProfile: person.ProfilePrefix + "00Q8d00000ExAaB"}, false},
	} {
		if _, hit := list.Match(test.person); hit != test.want {
			t.Errorf("%+v: %v, want %v", test.person, hit, test.want)
		}
	}
	for field, value := range map[Field]string{Email: "n/a", LinkedInProfile: "https://www.linkedin.com/company/acme", CRMContactID: "a; b"} {
		if got, err := Normalise(field, value); err == nil || strings.Contains(err.Error(), value) {
			t.Errorf("%s %s: %q %v", field, value, got, err)
		}
	}
}
