package pipeline

import (
	"fmt"
	"testing"
	"time"

	"octave-enrich/checkpoint"
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
