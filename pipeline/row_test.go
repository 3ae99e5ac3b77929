package pipeline

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
	"octave-enrich/reader"
)

// What is wrong with a list, or stopped, counts for no --max-failed.
func TestWhatIsAFailure(t *testing.T) {
	for err, want := range map[error]bool{
		nil: false, ErrStopped: false, stopped(errors.New("busy")): false, stopped(nil): false,
		&rowError{StatusInvalid, "no email"}: false, &rowError{StatusExcluded, "listed"}: false,
		&rowError{StatusFailed, "failed before"}: true, fmt.Errorf("row 3: %w", &octave.Error{Action: octave.Row}): true,
	} {
		if got := isFailure(err); got != want {
			t.Errorf("%v: %v", err, got)
		}
	}
	if err := stopped(nil); err.Error() != ErrStopped.Error() {
		t.Errorf("a stop without a failure before says %q", err)
	}
}

func TestWebsiteOfARecipient(t *testing.T) {
	for domain, want := range map[string]string{"": "", "x.example": "https://x.example"} {
		if to := recipientOf(reader.Contact{Person: reader.Person{CompanyDomain: domain}}); to.Website != want {
			t.Errorf("%q: %q", domain, to.Website)
		}
	}
}

// An answer is read back with the row it was for, what it cost and what it replaces.
func TestAnswerBodyReadsBack(t *testing.T) {
	answer := &octave.Answer{Raw: []byte(`{"found":false}`), Usage: "1.50", Latency: 2 * time.Second}
	q := NewQuestion(octave.Request{Email: "a@x.example"}, 7)
	q.Older = []checkpoint.Key{{1}, {2}}
	plain := NewQuestion(q.Request, 0)
	for _, tc := range []struct {
		q        *Question
		usage    octave.Decimal
		row      int
		replaces *checkpoint.Key
	}{{q, "1.50", 7, &checkpoint.Key{1}}, {plain, "", 0, nil}} {
		answer.Usage = tc.usage
		body, back, err := ReadAnswer(checkpoint.Record{Type: checkpoint.Answered, Key: tc.q.Key, Body: answerBody(tc.q, answer)})
		if err != nil || body.Row != tc.row || body.Usage != tc.usage || body.LatencyMS != 2000 || !cmp.Equal(body.Replaces, tc.replaces) || string(back.Raw) != string(answer.Raw) {
			t.Errorf("%+v, %+v, %v", body, back, err)
		}
	}
}
