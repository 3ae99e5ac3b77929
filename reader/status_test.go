package reader

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// A status that says that a person must not be written to is an opt-out, one that says
// that the address is bad is told and asked; whatever else stands there is neither.
func TestStatuses(t *testing.T) {
	for header, says := range map[string]string{
		"Email Status": "do_not_mail", "Status of email": "Unsubscribed (2 May)", "Marketing status": "No consent", "Status": "Do Not Contact", "Lead Status": "DNC",
		"Subscription Status": "Opted-out", "Statut email": "Désabonné", "ZB Status": "Spam complaint", "Email Opt-out Status": "yes",
	} {
		p := open(t, Options{}, file(t, "a.csv", "Email,"+header+"\na@acme.example,"+says+"\nb@acme.example,Bounced\nc@acme.example,Verified\n")).Profile()
		equal(t, header, p.OptOut, map[string]int{header: 1})
		equal(t, header, len(p.Traps), 1)
		equal(t, header, p.Traps[0].Told(), `look at: address asked although column "`+header+`" calls it bounced or invalid in 1 row, first in row 2, line 3`)
		equal(t, header, p.Traps[0].Doubtful(), true)
	}
	for header, cells := range map[string][]string{
		"Email Status":           {"Verified", "Guessed", "catch-all", "Never bounced", "Subscribed", "Not unsubscribed", "true", "Extrapolated", "valid", "risky", "unknown"},
		"Phone Status":           {"Do not contact", "Invalid"},
		"Company Status":         {"Do not contact"},
		"Secondary Email Status": {"Invalid", "Unsubscribed"},
		"Email Bounced":          {"false", "no", "0"},
		"Lead Status":            {"Open - Not Contacted", "Contacted", "Qualified", "Do not forget", "New"},
		"Marketing status":       {"Non-marketing contact", "Marketing contact", "Archived"},
		"Notes":                  {"Unsubscribed", "bounced"},
		"State":                  {"Unsubscribed"},
		"octave_status":          {"invalid"},
	} {
		p := open(t, Options{}, file(t, "a.csv", "Email,First Name,"+header+"\na@acme.example,Ann,"+strings.Join(cells, "\na@acme.example,Ann,")+"\n")).Profile()
		equal(t, header, [2]int{len(p.OptOut), len(p.Traps)}, [2]int{})
	}
	p := open(t, Options{}, file(t, "a.csv", "Email,Email Bounced\na@acme.example,TRUE\n")).Profile()
	equal(t, "a yes", len(p.Traps), 1)
	in := open(t, Options{}, file(t, "a.jsonl", `{"email":"a@acme.example","mail":{"status":"unsubscribed"}}`+"\n"))
	equal(t, "inside", slices.Collect(maps.Keys(in.Profile().OptOut)), []string{"mail.status"})
	equal(t, "inside", contacts(t, in)[0].OptOut, "mail.status")
}

// Every column with a value that is not used is named before anything is paid.
func TestUnusedColumnsAreNamed(t *testing.T) {
	list := "Email,First Name,Email Status,Personal Email,Contact Owner,Colour,Secondary Email,Status,Unsubscribed\na@acme.example,Ann,Verified,p@gmail.com,Me,red,,Unsubscribed,yes\nb@acme.example,Bo,,,,,,Unsubscribed,\n"
	p := open(t, Options{}, file(t, "a.csv", list)).Profile()
	equal(t, "notes", p.Notes[:2], []string{`a.csv: not recognised and not used: "Colour"`, `a.csv: look-alikes, not used: "Email Status", "Personal Email", "Contact Owner"; inspect says why`})
	equal(t, "opted out", p.OptOut, map[string]int{"Unsubscribed": 1, "Status": 1})
	p = open(t, Options{}, file(t, "a.jsonl", `{"email":"a@acme.example","notes":{"a":"b"},"organization":{"name":"Acme","size":"3"}}`+"\n")).Profile()
	equal(t, "objects", p.Notes[0], `a.jsonl: not recognised and not used: "notes"`)
}
