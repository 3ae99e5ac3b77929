package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
)

// A Journal is what a run needs of the checkpoint.
type Journal interface {
	State(checkpoint.Key) checkpoint.State
	// Answer and Failure read the last record of their kind back.
	Answer(checkpoint.Key) (checkpoint.Record, bool, error)
	Failure(checkpoint.Key) (checkpoint.Record, bool, error)
	// MayAsk is called before each call, and refuses one whose answer could not be
	// kept.
	MayAsk() error
	// Append returns when the record is durable, Note when it would survive the
	// end of the process.
	Append(checkpoint.Record) error
	Note(checkpoint.Record) error
}

// Memory is the journal seen as what need not be asked.
type Memory struct {
	Journal Journal
	// MaxAge makes older answers be asked again; 0 keeps them for ever.
	MaxAge time.Duration
	// KeepFailures leaves a question that failed in an earlier run alone.
	KeepFailures bool
	// ExcludeFailures makes such a row excluded instead of failed.
	ExcludeFailures bool
}

// decide says what becomes of a question by what is known of it: Answered,
// LeftAlone, ToAsk or ToAskLast.
func (m *Memory) decide(key checkpoint.Key) Decision {
	if m == nil {
		return ToAsk
	}
	switch m.Journal.State(key) {
	case checkpoint.AnsweredState:
		if m.MaxAge == 0 {
			return Answered
		}
		if rec, ok, err := m.Journal.Answer(key); err == nil && ok && !m.stale(rec) {
			return Answered
		}
	case checkpoint.FailedState:
		if m.KeepFailures {
			return LeftAlone
		}
		return ToAskLast
	default:
	}
	return ToAsk
}

func (m *Memory) stale(rec checkpoint.Record) bool {
	return m.MaxAge > 0 && time.Since(rec.At) > m.MaxAge
}

// lookup answers from the journal; a nil answer without an error must be asked.
func (m *Memory) lookup(key checkpoint.Key) (*octave.Answer, error) {
	switch m.Journal.State(key) {
	case checkpoint.AnsweredState:
		rec, ok, err := m.Journal.Answer(key)
		if err != nil {
			return nil, &JournalError{err}
		}
		if !ok || m.stale(rec) {
			return nil, nil
		}
		return readBack(rec)
	case checkpoint.FailedState:
		if !m.KeepFailures {
			return nil, nil
		}
		return nil, m.failure(key)
	default:
		return nil, nil
	}
}

// failure is why a question was given up in an earlier run.
func (m *Memory) failure(key checkpoint.Key) error {
	rec, _, err := m.Journal.Failure(key)
	if err != nil {
		return &JournalError{err}
	}
	body, err := ReadFailure(rec)
	if err != nil {
		return &JournalError{err}
	}
	if m.ExcludeFailures {
		return &rowError{StatusExcluded, "failed before: " + firstLine(body.Error)}
	}
	return &rowError{StatusFailed, body.Error}
}

// recall reads back an answer that was acknowledged in this run.
func (m *Memory) recall(key checkpoint.Key) (*octave.Answer, error) {
	rec, ok, err := m.Journal.Answer(key)
	if err != nil {
		return nil, &JournalError{err}
	}
	if !ok {
		return nil, &JournalError{fmt.Errorf("the answer to question %v is gone", key)}
	}
	return readBack(rec)
}

// readBack reads an answer that was acknowledged.
func readBack(rec checkpoint.Record) (*octave.Answer, error) {
	_, answer, err := ReadAnswer(rec)
	if err != nil {
		return nil, &JournalError{fmt.Errorf("the answer to question %v: %w", rec.Key, err)}
	}
	return answer, nil
}

// Memo answers from memory what was answered before, and returns no new answer
// before it is durable.
func Memo(agent Agent, memory *Memory, obs Observer) Agent {
	return func(ctx context.Context, q *Question) (*octave.Answer, error) {
		if answer, err := memory.lookup(q.Key); answer != nil || err != nil {
			obs.notify(Remembered{})
			return answer, err
		}
		answer, err := agent(ctx, q)
		if err != nil {
			return nil, noteFailure(memory.Journal, q, err)
		}
		// The commit point: a crash before it asks again, a crash after it does not.
		rec := checkpoint.Record{
			Type: checkpoint.Answered, Key: q.Key, At: answer.At,
			Body: answerBody(q, answer), OneLine: true,
		}
		if rec.At.IsZero() {
			rec.At = time.Now()
		}
		if err := memory.Journal.Append(rec); err != nil {
			return nil, &JournalError{err}
		}
		return answer, nil
	}
}

// noteFailure remembers a row that was given up, for status and report; it
// settles nothing. It returns err, or the journal's own.
func noteFailure(journal Journal, q *Question, err error) error {
	if fate := fateOf(err); fate == octave.All || fate == octave.Stop {
		return err
	}
	body := failureBody(err)
	body.Request, body.Row = q.Canonical, q.Row
	return errors.Join(note(journal, checkpoint.Failed, q.Key, body), err)
}

func note(journal Journal, kind string, key checkpoint.Key, body any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return &JournalError{err}
	}
	if err := journal.Note(checkpoint.Record{Type: kind, Key: key, At: time.Now(), Body: raw}); err != nil {
		return &JournalError{err}
	}
	return nil
}
