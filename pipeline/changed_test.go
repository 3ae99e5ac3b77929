package pipeline

import (
	"encoding/json"
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
	"octave-enrich/reader"
)

// entries are the records of a journal in memory, as [Survey] reads them.
func (m *memJournal) entries() iter.Seq2[checkpoint.Entry, error] {
	return func(yield func(checkpoint.Entry, error) bool) {
		for i, rec := range m.records {
			if !yield(checkpoint.Entry{Record: rec, Offset: int64(i + 1)}, nil) {
				return
			}
		}
	}
}

func (m *memJournal) known() *Known {
	return &Known{Records: m.entries(), Answers: len(m.last)}
}

// answer stores an answer to a request.
func (m *memJournal) answer(t testing.TB, req octave.Request, at time.Time) checkpoint.Key {
	t.Helper()
	q := NewQuestion(req, 1)
	body := fmt.Sprintf(`{"request":%s,"answer":{"_metadata":{"usage":1},"found":true,"data":{"emails":[{"subject":"s","email":"b"}]}}}`, q.Canonical)
	if err := m.Append(checkpoint.Record{Type: checkpoint.Answered, Key: q.Key, At: at, Body: json.RawMessage(body)}); err != nil {
		t.Fatal(err)
	}
	return q.Key
}

// list are contacts whose person is what a request says.
func list(requests ...octave.Request) iter.Seq2[reader.Contact, error] {
	return func(yield func(reader.Contact, error) bool) {
		for i, r := range requests {
			c := reader.Contact{Row: i + 1, Person: reader.Person{Email: r.Email, FirstName: r.FirstName, LastName: r.LastName,
				JobTitle: r.JobTitle, LinkedInProfile: r.LinkedInProfile, CRMContactID: r.CRMContactID}}
			if !yield(c, nil) {
				return
			}
		}
	}
}

func askPerson(t testing.TB) func(reader.Contact) (octave.Request, error) {
	t.Helper()
	q, err := NewQuestioner(Settings{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return q.Request
}

func TestChangedIsTheSamePersonWithAnotherQuestion(t *testing.T) {
	ada := octave.Request{Email: "info@a.example", FirstName: "Ada", LastName: "Archer", JobTitle: "CEO"}
	for name, tc := range map[string]struct {
		now     octave.Request
		changed int
		fields  []string
	}{
		"another title":      {octave.Request{Email: "info@a.example", FirstName: "Ada", LastName: "ARCHER", JobTitle: "CFO"}, 1, []string{"jobTitle", "lastName"}},
		"another name":       {octave.Request{Email: "info@a.example", FirstName: "Ben", LastName: "Archer", JobTitle: "CEO"}, 0, nil},
		"no name":            {octave.Request{Email: "info@a.example"}, 1, []string{"firstName", "jobTitle", "lastName"}},
		"another address":    {octave.Request{Email: "ada@a.example", FirstName: "Ada", LastName: "Archer"}, 0, nil},
		"the same question":  {ada, 0, nil},
		"a profile is added": {octave.Request{Email: "info@a.example", FirstName: "Ada", LastName: "Archer", JobTitle: "CEO", LinkedInProfile: "https://www.linkedin.com/in/ada"}, 1, []string{"linkedInProfile"}},
	} {
		journal := newJournal()
		before := journal.answer(t, ada, time.Unix(1, 0))
		selection := Selection{Ask: askPerson(t), Memory: &Memory{Journal: journal}}
		_, changes, err := Survey(list(tc.now), selection, journal.known())
		if err != nil {
			t.Fatal(err)
		}
		if changes.Contacts != tc.changed {
			t.Errorf("%s: %d changed, want %d", name, changes.Contacts, tc.changed)
		}
		selection.Memory.Earlier, selection.Memory.KeepChanged = changes.Earlier, true
		if plan, _, err := Survey(list(tc.now), selection, nil); err != nil || plan.Kept != tc.changed {
			t.Errorf("%s: a plan keeps %d, %v", name, plan.Kept, err)
		}
		if tc.changed == 0 {
			continue
		}
		if got := changes.Earlier[NewQuestion(tc.now, 1).Key]; got != before {
			t.Errorf("%s: leads to %v, want %v", name, got, before)
		}
		if n := changes.Because[0].Contacts; n != 1 {
			t.Errorf("%s: %d contacts for one reason", name, n)
		}
		if d := cmp.Diff(tc.fields, changes.Because[0].Fields); d != "" {
			t.Errorf("%s: -want +got\n%s", name, d)
		}
	}
}

// An answer that a row of the list still asks for is nobody's earlier one.
func TestChangedLeavesAnswersOfOtherRowsAlone(t *testing.T) {
	journal := newJournal()
	one := octave.Request{Email: "a@a.example", JobTitle: "CEO"}
	journal.answer(t, one, time.Unix(1, 0))
	two := octave.Request{Email: "a@a.example", JobTitle: "CFO"}
	_, changes, err := Survey(list(one, two), Selection{Ask: askPerson(t), Memory: &Memory{Journal: journal}}, journal.known())
	if err != nil || changes.Contacts != 0 {
		t.Errorf("%d changed, %v", changes.Contacts, err)
	}
}

// Answers are not read when every one of them is asked for.
func TestNothingIsReadWhenNothingChanged(t *testing.T) {
	journal := newJournal()
	one := octave.Request{Email: "a@a.example"}
	journal.answer(t, one, time.Unix(1, 0))
	known := journal.known()
	known.Records = func(func(checkpoint.Entry, error) bool) { t.Error("the journal was read") }
	_, _, err := Survey(list(one, octave.Request{Email: "new@a.example"}), Selection{Ask: askPerson(t), Memory: &Memory{Journal: journal}}, known)
	if err != nil {
		t.Fatal(err)
	}
}

// A contact whose question changed keeps its answer for nothing, but for the new
// question when that is paid for already or was marked on purpose.
func TestKeptUnlessItWasSubmittedOrMarked(t *testing.T) {
	now, before := NewQuestion(octave.Request{Email: "p@a.example", JobTitle: "CEO"}, 1), NewQuestion(octave.Request{Email: "p@a.example"}, 1)
	earlier := map[checkpoint.Key]checkpoint.Key{now.Key: before.Key}
	for name, tc := range map[string]struct {
		memory Memory
		want   Decision
	}{
		"asked":     {Memory{}, ToAsk},
		"kept":      {Memory{KeepChanged: true}, Kept},
		"submitted": {Memory{KeepChanged: true, Submissions: &Submissions{open: map[checkpoint.Key]Submission{now.Key: {}}}}, Submitted},
		"marked":    {Memory{KeepChanged: true, Redo: Marks{now.Key: {{At: time.Unix(1000, 0)}}}}, ToAsk},
	} {
		tc.memory.Journal, tc.memory.Earlier = newJournal(), earlier
		q, got := tc.memory.decide(now)
		key := now.Key
		if tc.want == Kept {
			key = before.Key
		}
		if got != tc.want || q.Key != key {
			t.Errorf("%s: %v with %s, want %v with %s", name, got, q.Key, tc.want, key)
		}
	}
}

// For any sequence of lists, limits, marks and choices: what a run asks is what no
// answer settles and what was marked on purpose; nothing is asked twice, no row
// loses the answer that it had, and a plan says what the run does.
func TestMoneyOverManyRuns(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		journal, clock := newJournal(), time.Unix(1000, 0)
		paid := map[checkpoint.Key]time.Time{}
		had := map[string]bool{} // people who have an answer
		for range rapid.IntRange(1, 6).Draw(rt, "runs") {
			var people []octave.Request
			for n := range 5 {
				if rapid.Bool().Draw(rt, "listed") {
					people = append(people, octave.Request{Email: fmt.Sprintf("p%d@a.example", n), FirstName: fmt.Sprint("P", n), JobTitle: rapid.SampledFrom([]string{"", "CEO", "CFO"}).Draw(rt, "title")})
				}
			}
			if len(people) > 0 && rapid.Bool().Draw(rt, "mark") {
				clock = clock.Add(time.Minute)
				one := people[rapid.IntRange(0, len(people)-1).Draw(rt, "whom")]
				body, _ := json.Marshal(AgainBody{Keys: []checkpoint.Key{NewQuestion(one, 1).Key}, With: rapid.SampledFrom([]string{"", "short"}).Draw(rt, "with"), Undo: rapid.Bool().Draw(rt, "undo")})
				journal.records = append(journal.records, checkpoint.Record{Type: Again, At: clock, Body: body})
			}
			memory := &Memory{Journal: journal, Redo: ReadMarks(journal.records)}
			selection := Selection{Ask: askPerson(t), Memory: memory, Limit: rapid.IntRange(0, 3).Draw(rt, "limit")}
			_, changes, err := Survey(list(people...), selection, journal.known())
			if err != nil {
				rt.Fatal(err)
			}
			memory.Earlier, memory.KeepChanged = changes.Earlier, rapid.Bool().Draw(rt, "keep")
			fresh, _, err := Survey(list(people...), selection, nil)
			if err != nil {
				rt.Fatal(err)
			}
			memory.ChangedRoom = max(selection.Limit-fresh.ToAsk, 0)
			plan, _, err := Survey(list(people...), selection, nil)
			if err != nil {
				rt.Fatal(err)
			}
			if selection.Limit > 0 && plan.ToAsk < selection.Limit && plan.BeyondLimit > 0 {
				rt.Fatalf("%d asked and %d left, with a limit of %d", plan.ToAsk, plan.BeyondLimit, selection.Limit)
			}
			asked, changed := 0, 0
			sel := newSelector(selection)
			for c := range list(people...) {
				decision, q, _ := sel.decide(c, func(checkpoint.Key) bool { return false })
				older, err := memory.standIn(q)
				if err != nil {
					rt.Fatal(err)
				}
				if had[c.Person.Email] && older == nil {
					rt.Fatalf("%s has lost the answer it had", c.Person.Email)
				}
				if decision != ToAsk {
					continue
				}
				clock = clock.Add(time.Second)
				if before, again := paid[q.Key]; again && !before.Before(q.Since) {
					rt.Fatalf("%s is paid for twice", c.Person.Email)
				}
				asked++
				if memory.changed(q) {
					changed++
				}
				paid[q.Key] = clock
				journal.answer(t, q.Request, clock)
			}
			if asked != plan.ToAsk {
				rt.Fatalf("%d asked, planned %d", asked, plan.ToAsk)
			}
			if selection.Limit > 0 && asked-changed < fresh.ToAsk {
				rt.Fatalf("%d new contacts asked, %d are there: changed ones took their places", asked-changed, fresh.ToAsk)
			}
			for _, p := range people {
				if _, ok, _ := journal.Answer(NewQuestion(p, 1).Key); ok {
					had[p.Email] = true
				}
			}
		}
	})
}
