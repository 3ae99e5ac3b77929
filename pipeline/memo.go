package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
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
	// Redo are the questions that are marked to be asked again.
	Redo Marks
	// Earlier leads from a question of the list to another one about the same
	// person that was answered, see [Survey].
	Earlier map[checkpoint.Key]checkpoint.Key
	// KeepChanged takes the answer to the earlier question and does not ask.
	KeepChanged bool
	// ChangedRoom is how many contacts a limit admits that have an answer, be it to another
	// question or too old: what new ones leave of it, since a limit is one of new contacts.
	ChangedRoom int
	// Submissions are the questions that the service works on: their answers are
	// polled for, whatever else is known; nil for none.
	Submissions *Submissions
	// Strict gives a row without an answer that counts none at all, where else one
	// from before stands for it.
	Strict bool
}

// decide says what is known of a question: Answered, Submitted, Kept, LeftAlone,
// ToAsk or ToAskLast, and returns the question whose answer it is or that is to be asked.
func (m *Memory) decide(q *Question) (*Question, Decision) {
	if m == nil {
		return q, ToAsk
	}
	q = m.Redo.Apply(q)
	earlier, changed := m.Earlier[q.Key]
	decision := ToAsk
	switch state := m.Journal.State(q.Key); {
	case m.Submissions.has(q.Key):
		decision = Submitted
	case state == checkpoint.AnsweredState:
		if m.MaxAge == 0 && q.Since.IsZero() {
			return q, Answered
		}
		if rec, ok, err := m.Journal.Answer(q.Key); err == nil && ok && !m.stale(q, rec) {
			return q, Answered
		}
	case state == checkpoint.FailedState && m.KeepFailures:
		decision = LeftAlone
	case state == checkpoint.FailedState:
		decision = ToAskLast
	}
	if changed {
		next := *q
		next.Older = append(slices.Clone(q.Older), earlier)
		q = &next
	}
	if changed && m.KeepChanged && q.Since.IsZero() && decision != Submitted {
		return &Question{Request: q.Request, Key: earlier, Canonical: q.Canonical, Row: q.Row}, Kept
	}
	return q, decision
}

// answered says whether the question itself has an answer, be it too old to count: then
// no other one about the person stands for it.
func (m *Memory) answered(q *Question) bool {
	return m != nil && m.Journal.State(q.Key) == checkpoint.AnsweredState
}

// aged says whether the question has an answer that would settle it, were it not so old.
func (m *Memory) aged(q *Question) bool {
	if m == nil || m.MaxAge == 0 || !m.answered(q) {
		return false
	}
	rec, ok, err := m.Journal.Answer(q.Key)
	return err == nil && ok && !rec.At.Before(q.Since)
}

// changed says whether the person has an answer to another question, and is not asked
// again on purpose.
func (m *Memory) changed(q *Question) bool {
	if m == nil {
		return false
	}
	_, changed := m.Earlier[q.Key]
	return changed && q.Since.IsZero()
}

// stale says whether an answer is too old to settle the question.
func (m *Memory) stale(q *Question, rec checkpoint.Record) bool {
	return rec.At.Before(q.Since) || m.MaxAge > 0 && time.Since(rec.At) > m.MaxAge
}

// lookup answers from the journal; a nil answer without an error must be asked.
func (m *Memory) lookup(q *Question) (*octave.Answer, error) {
	switch m.Journal.State(q.Key) {
	case checkpoint.AnsweredState:
		rec, ok, err := m.Journal.Answer(q.Key)
		if err != nil {
			return nil, &JournalError{err}
		}
		if !ok || m.stale(q, rec) {
			return nil, nil
		}
		return readBack(rec)
	case checkpoint.FailedState:
		if !m.KeepFailures || m.Submissions.has(q.Key) {
			return nil, nil
		}
		return nil, m.failure(q.Key)
	default:
		return nil, nil
	}
}

// standIn is the answer that stands for a question which has none that counts: its
// own from before, or that of one it replaces. It is nil when there is none.
func (m *Memory) standIn(q *Question) (*octave.Answer, error) {
	if m.Strict {
		return nil, nil
	}
	for _, key := range m.present(q) {
		rec, ok, err := m.Journal.Answer(key)
		if err != nil {
			return nil, &JournalError{err}
		}
		if ok {
			return readBack(rec)
		}
	}
	return nil, nil
}

// present are the questions whose answers may stand for one, the best first: its own, but
// after a mark the newest there is, since a mark may lead back to an earlier question.
func (m *Memory) present(q *Question) []checkpoint.Key {
	keys := append([]checkpoint.Key{q.Key}, q.Older...)
	if q.Since.IsZero() || len(keys) == 1 {
		return keys
	}
	at := map[checkpoint.Key]time.Time{}
	for _, key := range keys {
		if rec, ok, err := m.Journal.Answer(key); err == nil && ok {
			at[key] = rec.At
		}
	}
	slices.SortStableFunc(keys, func(a, b checkpoint.Key) int { return at[b].Compare(at[a]) })
	return keys
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
		if answer, err := memory.lookup(q); answer != nil || err != nil {
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
	if action := actionOf(err); action == octave.All || action == octave.Stop {
		return err
	}
	body := failureBody(err)
	body.Request, body.Row = q.Canonical, q.Row
	return errors.Join(note(journal, checkpoint.Failed, q.Key, body), err)
}

func note(journal Journal, kind string, key checkpoint.Key, body any) error {
	rec := checkpoint.Record{Type: kind, Key: key, At: time.Now()}
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return &JournalError{err}
		}
		rec.Body = raw
	}
	if err := journal.Note(rec); err != nil {
		return &JournalError{err}
	}
	return nil
}
