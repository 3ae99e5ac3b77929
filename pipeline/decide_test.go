package pipeline

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
	"octave-enrich/reader"
)

// What a journal knows of each contact of a list, and which answers are the contact's.
func TestStandings(t *testing.T) {
	ask := askPerson(t)
	person := func(name string) octave.Request {
		return octave.Request{Email: name + "@x.example", JobTitle: "CEO"}
	}
	journal := newJournal()
	at := time.Now().Add(-time.Hour)
	journal.answer(t, person("answered"), at)
	older := octave.Request{Email: "changed@x.example", JobTitle: "CTO"}
	journal.answer(t, older, at)
	if err := journal.Append(checkpoint.Record{Type: checkpoint.Failed, Key: NewQuestion(person("failed"), 0).Key}); err != nil {
		t.Fatal(err)
	}
	changed, broken := NewQuestion(person("changed"), 0), errors.New("broken list")
	memory := &Memory{Journal: journal, Earlier: map[checkpoint.Key]checkpoint.Key{changed.Key: NewQuestion(older, 0).Key}}
	selection := Selection{Memory: memory, Ask: func(c reader.Contact) (octave.Request, error) {
		if c.Person.Email == "odd@x.example" {
			return octave.Request{}, errors.New("a template fails")
		}
		return ask(c)
	}, Exclude: func(c reader.Contact) string {
		if c.Person.Email == "excluded@x.example" {
			return "listed"
		}
		return ""
	}}
	src := func(yield func(reader.Contact, error) bool) {
		for _, name := range []string{"answered", "invalid", "excluded", "odd", "failed", "changed", "new"} {
			c := reader.Contact{Person: reader.Person{Email: name + "@x.example", JobTitle: "CEO"}}
			if name == "invalid" {
				c.Problem = "no email"
			}
			if !yield(c, nil) {
				return
			}
		}
		yield(reader.Contact{}, broken)
	}
	var said []string
	var last error
	for s, err := range ContactStates(src, selection) {
		if last = err; err == nil {
			said = append(said, fmt.Sprintf("%s asked %v failed %v answers %d", s.Contact.Person.Email, s.Asked, s.Failed, len(s.Answers(memory))))
		}
	}
	want := []string{
		"answered@x.example asked true failed false answers 1", "failed@x.example asked true failed true answers 0",
		"changed@x.example asked true failed false answers 1", "new@x.example asked false failed false answers 0",
	}
	if fmt.Sprint(said) != fmt.Sprint(want) || !errors.Is(last, broken) {
		t.Errorf("%q and %v, want %q and %v", said, last, want, broken)
	}
	for range ContactStates(src, selection) {
		break // and nothing is yielded behind it
	}
}

// Which calls are made again: a refusal for its pace costs no attempt, nor does an
// outage, but for a call that may be billed.
func TestRetryPolicy(t *testing.T) {
	policy := RetryPolicy{Retries: 2}
	again := func(cause octave.Cause, billed bool) *octave.Error {
		return &octave.Error{Action: octave.Again, Cause: cause, MaybeBilled: billed, RetryAfter: 7 * time.Second}
	}
	for _, tt := range []struct {
		name     string
		policy   RetryPolicy
		attempts int
		err      error
		outage   bool
		counted  int
		again    bool
	}{
		{"no error", policy, 0, nil, false, 0, false},
		{"this row alone", policy, 0, &octave.Error{Action: octave.Row}, false, 0, false},
		{"the first failure", policy, 0, again(octave.CauseServer, false), false, 1, true},
		{"the last retry", policy, 1, again(octave.CauseServer, false), false, 2, true},
		{"no retry left", policy, 2, again(octave.CauseServer, false), false, 3, false},
		{"refused", policy, 2, again(octave.CauseRateLimited, false), false, 2, true},
		{"an outage", policy, 2, again(octave.CauseServer, false), true, 2, true},
		{"billed in an outage", policy, 2, again(octave.CauseServer, true), true, 3, false},
		{"billed", policy, 0, again(octave.CauseAmbiguous, true), false, 1, true},
		{"billed, not repeated", RetryPolicy{Retries: 2, FailAmbiguous: true}, 0, again(octave.CauseAmbiguous, true), false, 0, false},
		{"not billed, repeated", RetryPolicy{Retries: 2, FailAmbiguous: true}, 0, again(octave.CauseServer, false), false, 1, true},
	} {
		wait, counted, more := tt.policy.Next(tt.attempts, tt.err, tt.outage)
		if counted != tt.counted || more != tt.again {
			t.Errorf("%s: %d counted and again %v, want %d and %v", tt.name, counted, more, tt.counted, tt.again)
		}
		switch {
		case tt.name == "refused" && wait != 7*time.Second, tt.outage && wait != 0:
			t.Errorf("%s: waits %v", tt.name, wait)
		}
	}
}

// The wait doubles up to half a minute, and half of it is by chance.
func TestBackoff(t *testing.T) {
	for attempt, most := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 5: 16 * time.Second, 6: 30 * time.Second, 2000: 30 * time.Second} {
		var seen [2]bool
		for range 200 {
			d := backoff(attempt)
			if d < most/2 || d > most {
				t.Fatalf("attempt %d: %v, want %v to %v", attempt, d, most/2, most)
			}
			seen[min(int((d-most/2)/(most/4)), 1)] = true
		}
		if !seen[0] || !seen[1] {
			t.Errorf("attempt %d: always alike", attempt)
		}
	}
}

// A failure of an earlier run is the row's when it is left alone: failed, or excluded
// when failures were to be left out.
func TestFailuresThatAreLeftAlone(t *testing.T) {
	journal := newJournal()
	q := NewQuestion(octave.Request{Email: "a@x.example"}, 1)
	if err := note(journal, checkpoint.Failed, q.Key, FailureBody{Error: "no luck\nat all"}); err != nil {
		t.Fatal(err)
	}
	nobody := func(context.Context, *Question) (*octave.Answer, error) { return nil, ErrStopped }
	for _, tt := range []struct {
		memory Memory
		says   string
	}{
		{Memory{}, ErrStopped.Error()},
		{Memory{KeepFailures: true}, "no luck\nat all"},
		{Memory{KeepFailures: true, ExcludeFailures: true}, "failed before: no luck"},
	} {
		tt.memory.Journal = journal
		_, err := Memo(nobody, &tt.memory, nil)(t.Context(), q)
		if err == nil || err.Error() != tt.says {
			t.Errorf("%+v: %v, want %q", tt.memory, err, tt.says)
		}
	}
}

// The answer that stands for a question is its own from before, or the best of those
// it follows; a memory that is strict has none.
func TestStandIn(t *testing.T) {
	journal := newJournal()
	older := journal.answer(t, octave.Request{Email: "a@x.example", JobTitle: "CTO"}, time.Now())
	q := NewQuestion(octave.Request{Email: "a@x.example", JobTitle: "CEO"}, 1)
	memory := &Memory{Journal: journal}
	if answer, err := memory.standIn(q); answer != nil || err != nil {
		t.Errorf("nothing is known, and %v stands in (%v)", answer, err)
	}
	q.Older = []checkpoint.Key{older}
	if answer, err := memory.standIn(q); answer == nil || err != nil {
		t.Errorf("the older answer does not stand in: %v", err)
	}
	memory.Strict = true
	if answer, err := memory.standIn(q); answer != nil || err != nil {
		t.Errorf("strict, and %v stands in (%v)", answer, err)
	}
}
