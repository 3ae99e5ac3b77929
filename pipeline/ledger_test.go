package pipeline

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
)

// Checkpoints that were joined may hold a record twice, and say of one copy where it came from: it is money spent once.
// Records about no question are told apart by what they say.
func TestLedgerOfJoinedCheckpoints(t *testing.T) {
	at := time.Unix(1000, 0)
	answer := checkpoint.Record{Type: checkpoint.Answered, Key: checkpoint.Key{1}, At: at, Body: []byte(`{"usage":2,"answer":{"found":true}}`)}
	copied := answer
	copied.Body = []byte(`{"usage":2,"answer":{"found":true},"from":"elsewhere"}`)
	var ledger Ledger
	for i, tc := range []struct {
		record checkpoint.Record
		counts bool
	}{
		{checkpoint.Record{Type: checkpoint.Asked, Key: checkpoint.Key{1}, At: at}, true},
		{checkpoint.Record{Type: checkpoint.Asked, Key: checkpoint.Key{1}, At: at}, false},
		{answer, true},
		{copied, false},
		{checkpoint.Record{Type: checkpoint.Run, At: at, Body: []byte(`{"id":"one"}`)}, true},
		{checkpoint.Record{Type: checkpoint.Run, At: at, Body: []byte(`{"id":"two"}`)}, true},
		{checkpoint.Record{Type: checkpoint.Run, At: at, Body: []byte(`{"id":"two"}`)}, false},
	} {
		if counts := ledger.Add(tc.record); counts != tc.counts {
			t.Errorf("record %d counts: %v", i, counts)
		}
	}
	if got, want := ledger.Attempts, (AttemptCount{Asked: 1, Answered: 1}); got != want || ledger.Usage.String() != "2" || ledger.TakenOver != 0 {
		t.Errorf("got %+v, usage %v, taken over %d", got, ledger.Usage, ledger.TakenOver)
	}
}

// A question is in doubt while one of its calls may be billed and no answer came: one that
// was cut off, or ended ambiguously; not one that was refused.
func TestLedgerInDoubt(t *testing.T) {
	const asked, billed, refused, failed, answered, submitted = "asked", "billed", "refused", "failed", "answered", "submitted"
	for _, tc := range []struct {
		records     []string
		want, alone int // alone: what failed is left alone
	}{
		{[]string{asked}, 1, 1},
		{[]string{asked, refused}, 0, 0},
		{[]string{asked, refused, failed}, 0, 0},
		{[]string{asked, billed}, 1, 1},
		{[]string{asked, billed, failed}, 1, 0},
		{[]string{asked, billed, asked, refused, failed}, 1, 0},
		{[]string{asked, asked, refused}, 1, 1},
		{[]string{asked, billed, failed, asked, answered}, 0, 0},
		{[]string{asked, submitted}, 0, 0},
		{[]string{asked, submitted, billed, failed}, 1, 0},
	} {
		var ledger Ledger
		for i, kind := range tc.records {
			rec := checkpoint.Record{Type: kind, Key: checkpoint.Key{1}, At: time.Unix(int64(i), 0), Body: []byte(`{}`)}
			switch kind {
			case billed:
				rec.Type, rec.Body = checkpoint.Missed, []byte(`{"billed":true}`)
			case refused:
				rec.Type = checkpoint.Missed
			}
			ledger.Add(rec)
		}
		if got, alone := ledger.InDoubt(false), ledger.InDoubt(true); got != tc.want || alone != tc.alone {
			t.Errorf("%v: %d in doubt, %d when failures are left alone", tc.records, got, alone)
		}
	}
}

// A clockedJournal says when a record was made, as a checkpoint does.
type clockedJournal struct{ *memJournal }

func (c clockedJournal) Note(rec checkpoint.Record) error {
	rec.At = time.Now().Truncate(time.Millisecond)
	return c.memJournal.Note(rec)
}

// A service that refuses at once, and has nobody wait, is asked again within the same
// millisecond but for us: each attempt counts.
func TestLedgerOfQuickAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls, journal := 0, clockedJournal{newJournal()}
		agent := Record(func(context.Context, *Question) (*octave.Answer, error) {
			if calls++; calls < 4 {
				return nil, refusal(0)
			}
			return &octave.Answer{}, nil
		}, journal, func(Event) {})
		brake := NewBrake(t.Context())
		if _, err := Retry(agent, RetryPolicy{}, NewPacer(PacerConfig{Rate: rate.Inf}, brake, nil), brake)(t.Context(), NewQuestion(octave.Request{Email: "ada@example.com"}, 1)); err != nil {
			t.Fatal(err)
		}
		var ledger Ledger
		for _, rec := range journal.records {
			ledger.Add(rec)
		}
		if got := ledger.Attempts; got.Asked != calls || got.Refused != calls-1 {
			t.Errorf("%d calls, the ledger says %+v", calls, got)
		}
	})
}

// How the calls of a question ended, and what is known of it now.
func TestLedgerOfOneQuestion(t *testing.T) {
	const refused, lost, found, missing = `{"kind":"rate limited"}`, `{"kind":"ambiguous","billed":true}`, `{"answer":{"found":true}}`, `{"answer":{"found":false}}`
	for what, tc := range map[string]struct {
		records [][2]string // type and body
		want    string
	}{
		"refused, then open":      {[][2]string{{checkpoint.Asked, ""}, {checkpoint.Missed, refused}}, "{1 0 1 0} {0 0 0 1 0} 0"},
		"lost":                    {[][2]string{{checkpoint.Asked, ""}, {checkpoint.Missed, lost}, {checkpoint.Failed, lost}}, "{1 0 0 1} {0 0 1 0 0} 1"},
		"cut off":                 {[][2]string{{checkpoint.Asked, ""}}, "{1 0 0 0} {0 0 0 1 0} 1"},
		"waits":                   {[][2]string{{checkpoint.Asked, ""}, {checkpoint.Submitted, ""}}, "{1 0 0 0} {0 0 0 0 1} 0"},
		"not found, then waits":   {[][2]string{{checkpoint.Asked, ""}, {checkpoint.Answered, missing}, {checkpoint.Asked, ""}, {checkpoint.Submitted, ""}}, "{2 1 0 0} {0 1 0 0 0} 0"},
		"answered, then failed":   {[][2]string{{checkpoint.Asked, ""}, {checkpoint.Answered, found}, {checkpoint.Failed, refused}}, "{1 1 0 0} {1 0 0 0 0} 0"},
		"failed, then asked anew": {[][2]string{{checkpoint.Failed, refused}, {checkpoint.Asked, ""}, {checkpoint.Answered, found}}, "{1 1 0 0} {1 0 0 0 0} 0"},
	} {
		var ledger Ledger
		for i, r := range tc.records {
			ledger.Add(checkpoint.Record{Type: r[0], Key: checkpoint.Key{1}, At: time.Unix(int64(i), 0), Body: []byte(r[1])})
		}
		if got := fmt.Sprint(ledger.Attempts, ledger.Questions(), ledger.PossiblyBilled()); got != tc.want {
			t.Errorf("%s: %s, want %s", what, got, tc.want)
		}
	}
}
