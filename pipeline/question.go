package pipeline

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"time"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
)

// A Question is what an [Agent] is asked about one contact. It is a value: who
// changes something about it makes a new one.
type Question struct {
	Request   octave.Request // as it is sent: its RequestID is the key
	Key       checkpoint.Key // the name of the question in the journal
	Canonical []byte         // the request without RequestID, see [octave.Request.Canonical]
	Row       int            // of the input, 1-based, that asks first; 0 if there is none
	Retry     bool           // this call repeats an earlier one of the run

	// Since is when the question was marked to be asked again: an answer from
	// before does not settle it. Zero for a question that is not marked.
	Since time.Time
	// Older are the questions whose answers stand for this one until it has one of
	// its own, the best first.
	Older []checkpoint.Key

	polled   func()             // told of each poll for its answer; may be nil
	accepted func(octave.Quota) // told when the service has accepted it; may be nil
}

// NewQuestion names a request: the key is a hash of its canonical JSON, so that
// equal requests are one question in every run.
func NewQuestion(request octave.Request, row int) *Question {
	return newQuestion(request, request.Canonical(), row)
}

// ParseQuestion reads a question back from its canonical JSON. Fields that it does
// not know are an error: without them it would be another question.
func ParseQuestion(canonical []byte) (*Question, error) {
	fields := json.NewDecoder(bytes.NewReader(canonical))
	fields.DisallowUnknownFields()
	var request octave.Request
	if err := fields.Decode(&request); err != nil {
		return nil, err
	}
	return newQuestion(request, canonical, 0), nil
}

// Polled says that the answer to a question of an earlier run is polled for: the run
// need not wait with the rest of its list.
func (q *Question) Polled() {
	if q.polled != nil {
		q.polled()
	}
}

func newQuestion(request octave.Request, canonical []byte, row int) *Question {
	sum := sha256.Sum256(canonical)
	key := checkpoint.Key(sum[:len(checkpoint.Key{})])
	request.RequestID = key.String()
	return &Question{Request: request, Key: key, Canonical: canonical, Row: row}
}
