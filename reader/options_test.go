package reader

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func optionError(tb testing.TB, opt Options, paths ...string) *OptionError {
	tb.Helper()
	in, err := Open(paths, opt)
	var e *OptionError
	if !errors.As(err, &e) {
		if err == nil {
			in.Close()
		}
		tb.Fatalf("Open: %v, want an OptionError", err)
	}
	return e
}

func TestOptions(t *testing.T) {
	path := file(t, "a.csv", "email\na@b.example\n")
	for _, test := range []struct {
		opt  Options
		text string
	}{
		{Options{Format: "xml"}, `unknown format "xml" (csv, tsv, jsonl or xlsx)`},
		{Options{Encoding: "klingon"}, `unknown encoding "klingon" (for example --encoding utf-8`},
	} {
		if e := optionError(t, test.opt, path); !strings.HasPrefix(e.Error(), test.text) {
			t.Errorf("%q, want %q", e, test.text)
		}
	}
	in := open(t, Options{Sheet: "Leads"}, path)
	equal(t, "sheet of a table", in.Profile().Files[0].Sheet, "")
}

func TestNearest(t *testing.T) {
	names := []string{"Email", "Email Status", "Job Title", "Company Name", "ID"}
	for typed, want := range map[string]string{
		"Emial": "Email", "e-mail": "Email", "Company Nmae": "Company Name", "CompanyName": "Company Name",
		"Title": "Job Title", "Mobile": "", "": "", "x": "", "id": "ID", "Emailstatus": "Email Status",
	} {
		equal(t, typed, Nearest(typed, names), want)
	}
}

// TestOptOut takes what is not a no for a yes.
func TestOptOut(t *testing.T) {
	for _, header := range []string{"Do Not Email", "Unsubscribed", "Email Opt Out", "HasOptedOutOfEmail", "Opted out of email: Newsletter", "unsubscribed_at"} {
		for cell, want := range map[string]bool{
			"TRUE": true, "Yes": true, "1": true, "x": true, "2026-01-02": true, "Ja": true,
			"": false, "FALSE": false, "\tno\t": false, "0": false, "n/a": false, "Nein": false,
		} {
			in := open(t, Options{}, file(t, "a.csv", "Email,"+header+"\na@b.example,"+cell+"\n"))
			if got := contacts(t, in)[0].OptOut; (got == header) != want {
				t.Errorf("%s: %q is opt-out %q", header, cell, got)
			}
		}
	}
	in := open(t, Options{}, file(t, "a.csv", "Email,Do Not Call\na@b.example,TRUE\n"))
	equal(t, "opted out of calls alone", contacts(t, in)[0].OptOut, "")
}

// TestRepeated counts people in several rows that do not say the same. An address
// of two people is two.
func TestRepeated(t *testing.T) {
	p := open(t, Options{}, file(t, "a.csv", "Email,Name,Title\n"+
		"a@x.example,Ann Lee,CEO\na@x.example,ann lee,\na@x.example,Ann Lee,CEO\nA@X.example,Ann Lee,CTO\n"+
		"info@x.example,Bo Ek,\ninfo@x.example,Cy Ito,\n")).Profile()
	equal(t, "repeated", p.Repeated, 2)
	equal(t, "duplicates", p.Duplicates, 1)
	p = open(t, Options{}, file(t, "b.csv", "LinkedIn URL,Name,Email\nhttps://linkedin.com/in/a,Ann,\nhttps://linkedin.com/in/b,Ann,a@x.example\n")).Profile()
	equal(t, "rows with an address", p.Addresses, 1)
	equal(t, "repeated without an address", p.Repeated, 0)
}

// TestObjectsOfSeveralFiles finds the name of the file in objects too.
func TestObjectsOfSeveralFiles(t *testing.T) {
	a := file(t, "a.jsonl", `{"email":"a@b.example","n":1.50 }`+"\n{broken\n{}\n")
	b := file(t, "b.csv", "email\nb@b.example\n")
	var got []string
	for _, c := range contacts(t, open(t, Options{}, a, b)) {
		got = append(got, string(c.Object))
	}
	equal(t, "objects", got, []string{`{"email":"a@b.example","n":1.50,"source":"a.jsonl"}`, `{"source":"a.jsonl"}`, `{"source":"a.jsonl"}`, ""})
	taken := file(t, "c.jsonl", `{"email":"c@b.example","source":"fair"}`+"\n")
	got = nil
	for _, c := range contacts(t, open(t, Options{}, taken, b)) {
		got = append(got, string(c.Object))
	}
	equal(t, "name taken", got, []string{`{"email":"c@b.example","source":"fair","octave_source":"c.jsonl"}`, ""})
	equal(t, "one file", string(contacts(t, open(t, Options{}, taken))[0].Object), `{"email":"c@b.example","source":"fair"}`)
}

// TestProfileAsJSON holds the names that programs read, and lists that are
// never null.
func TestProfileAsJSON(t *testing.T) {
	text, err := json.Marshal(open(t, Options{}, file(t, "a.csv", "Email,First Name,Last Name,Job Title,Company,Website,Do Not Email\n,,,,,,\na@b.example,,,,,,yes\n")).Profile())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"files":[{"name":"a.csv"`, `"header_line":1`, `"preamble_lines":0`, `"mapping":[{"field":"email","header":"Email","certain":true`,
		`"samples":["a@b.example"]`, `"rejected":[]`, `"invalid":{"empty row":1}`, `"opt_out":{"Do Not Email":1}`, `"traps":[]`, `"notes":[]`, `"sha256":"`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%s does not hold %s", text, want)
		}
	}
}
