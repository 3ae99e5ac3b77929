package pipeline

import (
	"fmt"
	"testing"
	"time"

	"octave-enrich/checkpoint"
)

// TestSpending holds that a call belongs to the run, and the day, in which it began,
// that one which was cut off may have been billed, and that an answer of another
// checkpoint was paid for there.
func TestSpending(t *testing.T) {
	evening := time.Date(2026, 11, 25, 23, 59, 59, 0, time.Local)
	at := func(seconds int) time.Time { return evening.Add(time.Duration(seconds) * time.Second) }
	key := func(n byte) checkpoint.Key { return checkpoint.Key{n} }
	records := []checkpoint.Record{
		{Type: checkpoint.Run, At: at(0), Body: []byte(`{"id":"first"}`)},
		{Type: checkpoint.Asked, Key: key(1), At: at(0)},
		{Type: checkpoint.Asked, Key: key(2), At: at(0)},
		{Type: checkpoint.Asked, Key: key(3), At: at(0)},
		{Type: checkpoint.Missed, Key: key(3), At: at(0), Body: []byte(`{"error":"busy"}`)},
		{Type: checkpoint.Asked, Key: key(3), At: at(0)},
		{Type: checkpoint.Missed, Key: key(3), At: at(2), Body: []byte(`{"error":"lost","billed":true}`)},
		{Type: checkpoint.Answered, Key: key(1), At: at(2), Body: []byte(`{"usage":1.5,"answer":{"found":true}}`)},
		{Type: checkpoint.Run, At: at(3), Body: []byte(`{"id":"second"}`)}, // key 2 was cut off
		{Type: checkpoint.Asked, Key: key(2), At: at(3)},
		{Type: checkpoint.Answered, Key: key(2), At: at(4), Body: []byte(`{"usage":2,"answer":{"found":true}}`)},
		{Type: checkpoint.Asked, Key: key(4), At: at(4)},
		{Type: checkpoint.Answered, Key: key(5), At: at(4), Body: []byte(`{"usage":8,"from":"elsewhere","answer":{"found":true}}`)},
	}
	for byDay, want := range map[bool]string{
		false: "first 4 1 1.5 2, second 2 1 2 1, ",
		true:  "2026-11-25 4 1 1.5 2, 2026-11-26 2 1 2 1, ",
	} {
		spending := SpendingList{ByDay: byDay}
		for _, rec := range records {
			spending.Add(rec)
		}
		got := ""
		for _, p := range spending.Parts() {
			got += fmt.Sprintf("%s%s %d %d %v %d, ", p.Run, p.Day, p.Calls, p.Answers, p.Usage, p.PossiblyBilled)
		}
		if got != want {
			t.Errorf("by day %v: %s", byDay, got)
		}
	}
}

// TestTheLastAnswerIsCounted holds that a contact who was asked again and not found
// counts as that: so the row says.
func TestTheLastAnswerIsCounted(t *testing.T) {
	var ledger Ledger
	for i, body := range []string{`{"answer":{"found":true}}`, `{"answer":{"found":false}}`} {
		ledger.Add(checkpoint.Record{Type: checkpoint.Answered, Key: checkpoint.Key{1}, At: time.Unix(int64(i), 0), Body: []byte(body)})
	}
	if got, want := ledger.Questions(), (QuestionCount{NotFound: 1}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
