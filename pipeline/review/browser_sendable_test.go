//go:build browser

package review_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"octave-enrich/octave"
	"octave-enrich/pipeline"
	"octave-enrich/pipeline/lint"
	"octave-enrich/reader"
	"octave-enrich/writer"
)

// A case is a contact and its sequence: subject, text, subject, ...
type sequence struct {
	name   string
	change fields // of the request
	texts  []string
	format string
}

// nasty are sequences that some sender cannot have, and some that look so.
func nasty() []sequence {
	two := func(subject, body string) []string { return []string{subject, body, "", "Still?"} }
	return []sequence{
		{name: "Plain", texts: two("An idea", "Shall we talk?")},
		{name: "Other", texts: two("An idea", "Shall we meet?")},
		{name: "Third", texts: two("An idea", "Is it worth a call?")},
		{name: "Nomail", change: fields{"email": ""}, texts: two("An idea", "Shall we talk?")},
		{name: "Short", texts: []string{"An idea", "Shall we talk?"}},
		{name: "Long", texts: append(two("An idea", "Shall we talk?"), "", "[First Name]")}, // is cut
		{name: "Surnameless", change: fields{"lastName": ""}, texts: two("An idea", "Shall we talk?")},
		{name: "Firstless", change: fields{"firstName": ""}, texts: two("An idea", "Shall we talk?")},
		{name: "Twice", change: fields{"email": "plain@example.com"}, texts: two("An idea", "Shall we talk?")},
		{name: "Blank", texts: two("An idea for [First Name]", "Shall we talk?")},
		{name: "Filled", texts: two("An idea", "Best, %signature%")},    // one sender fills it in
		{name: "Percent", texts: two("An idea", "Hi %prospect%, yes?")}, // a tag there
		{name: "Braces", texts: two("An idea", "Take {this} or that?")}, // a tag elsewhere
		{name: "Unsaid", texts: two("", "Shall we talk?")},
		{name: "Title", change: fields{"jobTitle": "=1+1"}, texts: two("An idea", "Shall we talk?")},
		{name: "Profile", change: fields{"linkedInProfile": "{{x}}"}, texts: two("An idea", "Shall we talk?")},
		{name: "Record", change: fields{"crmContactId": "00Q1"}, texts: two("An idea", "Shall we talk?")},
		{name: "Same", change: fields{"crmContactId": "00Q1"}, texts: two("An idea", "Shall we talk?")},
		{name: "Second", texts: []string{"An idea", "Shall we talk?", "Another", "Still?"}},
		{name: "Endless", texts: two("An idea", "Shall we? "+strings.Repeat("<& \n", 4000))},
		{name: "Page", texts: two("An idea", "<p>Hi {{first_name}}</p>")},
		{name: "Marked", format: "markdown", texts: two("An idea", "See [First Name](https://example.com) and [the plan](https://example.com)?")},
	}
}

// held is what the file of a preset holds back of the sequences: reasons by count, and names.
func held(t *testing.T, preset string, list []sequence) (reasons map[string]int, names string) {
	t.Helper()
	rule, err := lint.New()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "upload.csv")
	f, err := writer.Create(path, writer.Options{Columns: []string{"Name"}, Preset: preset, Rule: rule})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Abort()
	for i, s := range list {
		if err := f.Write(s.row(t, i+1)); err != nil {
			t.Fatal(err)
		}
	}
	out, err := f.Finish()
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Publish(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(writer.HeldPath(path))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n")[1:] {
		name, _, _ := strings.Cut(line, ",")
		found = append(found, name)
	}
	return out.Held.Reasons, strings.Join(found, ", ")
}

func (s sequence) request() fields {
	r := person(s.name, "Quinn", "Alder")
	for field, value := range s.change {
		r[field] = value
	}
	return r
}

// row is what a run would write of it.
func (s sequence) row(t *testing.T, n int) writer.Row {
	t.Helper()
	raw, err := json.Marshal(s.request())
	if err != nil {
		t.Fatal(err)
	}
	var p reader.Person
	if err := json.Unmarshal(raw, &p); err != nil { // names of fields differ by case alone
		t.Fatal(err)
	}
	answer := &octave.Answer{Found: true, OutputType: json.RawMessage(fmt.Sprintf("%q", s.format))}
	for i := 0; i+1 < len(s.texts); i += 2 {
		answer.Emails = append(answer.Emails, octave.Email{Subject: s.texts[i], Body: s.texts[i+1]})
	}
	return pipeline.RowOf(reader.Contact{Row: n, Cells: []string{s.name}, Person: p}, answer, nil)
}

// For every sender the page holds back whom its file holds back, for the same reasons.
func TestBrowserHoldsBackWhatTheFileOfASenderDoes(t *testing.T) {
	r := newRecords(t, "sandbox")
	r.note("run", [16]byte{}, fields{"id": "1", "input": fields{"name": "people.csv", "rows": 4}, "command": "octave-enrich run people.csv --preset lemlist -o up.csv"})
	for _, s := range nasty() {
		key := r.next()
		emails := []fields{}
		for i := 0; i+1 < len(s.texts); i += 2 {
			emails = append(emails, fields{"subject": s.texts[i], "email": s.texts[i+1]})
		}
		r.note("answered", key, fields{"request": s.request(), "row": r.row, "answer": fields{"found": true, "data": fields{"emails": emails, "outputType": s.format}}})
	}
	p := startChromium(t).open(page(t, r.close()), 1280, 900)
	p.is(`document.querySelector("#sender").value`, "lemlist") // what the run was for
	for _, preset := range writer.Presets() {
		p.eval(`location.hash = "#overview"`)
		p.wait(`!document.querySelector("#overview").hidden`)
		p.eval(fmt.Sprintf(`{ const s = document.querySelector("#sender"); s.focus(); s.value = %q; s.dispatchEvent(new Event("change")); }`, preset))
		p.is(`document.activeElement.id`, "sender")
		reasons, names := held(t, preset, nasty())
		said, _ := p.eval(`JSON.stringify(Object.fromEntries([...document.querySelectorAll(".funnel li")].find((li) => li.textContent.includes(" written")).querySelector(".losses").textContent.slice(2).split(", ").map((s) => [s.replace(/^\d+ /, ""), parseInt(s)])))`).(string)
		got := map[string]int{}
		if err := json.Unmarshal([]byte(said), &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(reasons, got); diff != "" {
			t.Errorf("%s: the file and the page differ:\n%s", preset, diff)
		}
		p.eval(`[...document.querySelectorAll(".funnel a")].find((a) => a.textContent.includes("sendable")).click()`)
		p.wait(`!document.querySelector("#emails").hidden && location.hash.includes("hold=none")`)
		all, _ := p.eval(`[...document.querySelectorAll(".row b")].map((b) => b.textContent).join(", ")`).(string)
		for _, s := range nasty() {
			isHeld := strings.Contains(", "+names+",", ", "+s.name+",")
			shown := s.name + " "
			if s.name == "Firstless" {
				shown = ", Quinn" // the last name alone
			}
			if s.name == "Surnameless" {
				shown = s.name
			}
			if listed := strings.Contains(", "+all, shown); listed == isHeld {
				t.Errorf("%s: %s is held %v in the file, and listed as sendable %v", preset, s.name, isHeld, listed)
			}
		}
	}
}
