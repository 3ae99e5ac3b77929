package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
)

// KeyOf is the name of a question in the journal: a hash of the canonical
// request without its requestId.
func KeyOf(req octave.Request) checkpoint.Key { return Spell(req).Key }

// A Spelling is how a request is named and written down.
type Spelling struct {
	Key       checkpoint.Key
	Canonical []byte // JSON, see [octave.Request.Canonical]
	Row       int    // of the input, 1-based, that asks first; 0 if there is none
}

// Spell names a request.
func Spell(req octave.Request) Spelling {
	canonical := req.Canonical()
	return Spelling{Key: KeyOfCanonical(canonical), Canonical: canonical}
}

// KeyOfCanonical is KeyOf for a request that was spelled before.
func KeyOfCanonical(canonical []byte) checkpoint.Key {
	sum := sha256.Sum256(canonical)
	return checkpoint.Key(sum[:len(checkpoint.Key{})])
}

type spellingContext struct{}

// WithSpelling lets the decorators of an agent share what each would have to
// spell and hash again.
func WithSpelling(ctx context.Context, s Spelling) context.Context {
	return context.WithValue(ctx, spellingContext{}, s)
}

// SpellingOf is the spelling of a request that is asked with ctx.
func SpellingOf(ctx context.Context, req octave.Request) Spelling {
	if s, ok := ctx.Value(spellingContext{}).(Spelling); ok {
		return s
	}
	return Spell(req)
}

// A Journal is what a run needs of the checkpoint.
type Journal interface {
	State(checkpoint.Key) checkpoint.State
	// Answer and Failure read the last record of their kind back.
	Answer(checkpoint.Key) (checkpoint.Record, bool, error)
	Failure(checkpoint.Key) (checkpoint.Record, bool, error)
	// Append returns when the record is durable, Note when it would survive the
	// end of the process.
	Append(checkpoint.Record) error
	Note(checkpoint.Record) error
}

// AnswerBody is the body of an answered record.
type AnswerBody struct {
	Request   json.RawMessage `json:"request"`
	Answer    json.RawMessage `json:"answer"` // as the service sent it
	LatencyMS int64           `json:"latency_ms"`
	Usage     octave.Decimal  `json:"usage,omitempty"` // as reported
	Row       int             `json:"row,omitempty"`   // of the run's input, 1-based, that asked first
}

// FailureBody is the body of a failed record (a row that was given up, with its
// request) and of a missed one (an attempt without an answer).
type FailureBody struct {
	Request   json.RawMessage `json:"request,omitempty"`
	Error     string          `json:"error"`
	Kind      string          `json:"kind,omitempty"`
	Status    int             `json:"status,omitempty"` // of the HTTP response
	Billed    bool            `json:"billed,omitempty"` // may have been billed all the same
	LatencyMS int64           `json:"latency_ms,omitempty"`
	Row       int             `json:"row,omitempty"` // as in AnswerBody
	// Answer is what was paid for but is of no use, such as one without messages.
	Answer json.RawMessage `json:"answer,omitempty"`
}

// Memory is the journal seen as what need not be asked.
type Memory struct {
	Journal Journal
	// MaxAge makes older answers be asked again; 0 keeps them for ever.
	MaxAge time.Duration
	// KeepFailures leaves a question that failed in an earlier run alone.
	KeepFailures bool
}

// Knows says whether the question needs no call.
func (m *Memory) Knows(key checkpoint.Key) bool {
	switch m.Journal.State(key) {
	case checkpoint.AnsweredState:
		if m.MaxAge == 0 {
			return true
		}
		rec, ok, err := m.Journal.Answer(key)
		return err == nil && ok && !m.stale(rec)
	case checkpoint.FailedState:
		return m.KeepFailures
	default:
		return false
	}
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
		return answerOf(rec)
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
	var body FailureBody
	if err := json.Unmarshal(rec.Body, &body); err != nil {
		return &JournalError{fmt.Errorf("the failure of question %v: %w", key, err)}
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
	return answerOf(rec)
}

func answerOf(rec checkpoint.Record) (*octave.Answer, error) {
	var body AnswerBody
	if err := json.Unmarshal(rec.Body, &body); err != nil {
		return nil, &JournalError{fmt.Errorf("the answer to question %v: %w", rec.Key, err)}
	}
	answer, err := octave.Decode(body.Answer)
	if err != nil {
		return nil, &JournalError{fmt.Errorf("the answer to question %v: %w", rec.Key, err)}
	}
	return answer, nil
}

// Memo answers from memory what was answered before, and returns no new answer
// before it is durable.
func Memo(agent Agent, memory *Memory, obs Observer) Agent {
	return func(ctx context.Context, req octave.Request) (*octave.Answer, error) {
		asked := SpellingOf(ctx, req)
		key := asked.Key
		if answer, err := memory.lookup(key); answer != nil || err != nil {
			obs.notify(Remembered{})
			return answer, err
		}
		answer, err := agent(ctx, req)
		if err != nil {
			return nil, noteFailure(memory.Journal, asked, err)
		}
		// The commit point: a crash before it asks again, a crash after it does not.
		rec := checkpoint.Record{
			Type: checkpoint.Answered, Key: key, At: answer.At,
			Body: answerBody(asked, answer), OneLine: true,
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
func noteFailure(journal Journal, asked Spelling, err error) error {
	if fate := fateOf(err); fate == octave.All || fate == octave.Stop {
		return err
	}
	body := failureBody(err)
	body.Request, body.Row = asked.Canonical, asked.Row
	return errors.Join(note(journal, checkpoint.Failed, asked.Key, body), err)
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

func failureBody(err error) FailureBody {
	body := FailureBody{Error: err.Error()}
	var call *octave.Error
	if errors.As(err, &call) {
		body.Kind, body.Status, body.Billed, body.Answer = call.Kind.String(), call.Status, call.MaybeBilled, call.Raw
	}
	return body
}

// answerBody spells an [AnswerBody] by hand: encoding/json would re-escape the
// raw answer, and this is on the path of every contact.
func answerBody(asked Spelling, answer *octave.Answer) []byte {
	b := make([]byte, 0, len(asked.Canonical)+len(answer.Raw)+len(answer.Usage)+80)
	b = append(append(b, `{"request":`...), asked.Canonical...)
	b = append(append(b, `,"answer":`...), answer.Raw...)
	b = strconv.AppendInt(append(b, `,"latency_ms":`...), answer.Latency.Milliseconds(), 10)
	if answer.Usage != "" {
		b = append(append(b, `,"usage":`...), answer.Usage...)
	}
	if asked.Row > 0 {
		b = strconv.AppendInt(append(b, `,"row":`...), int64(asked.Row), 10)
	}
	return append(b, '}')
}

// Record notes every attempt in the journal, before it goes on the wire and, when
// it brought no answer, after. An attempt that is only asked is possibly billed:
// the process was killed before it heard.
func Record(agent Agent, journal Journal, obs Observer) Agent {
	return func(ctx context.Context, req octave.Request) (*octave.Answer, error) {
		if ctx.Err() != nil {
			// A run is abandoned: the brake may hear of it after its calls did.
			return nil, ErrStopped
		}
		key := SpellingOf(ctx, req).Key
		if err := journal.Note(checkpoint.Record{Type: checkpoint.Asked, Key: key, At: time.Now()}); err != nil {
			return nil, &JournalError{err}
		}
		obs.notify(CallStarted{Again: isAgain(ctx)})
		started := time.Now()
		answer, err := agent(ctx, req)
		done := CallDone{Latency: time.Since(started)}
		if err == nil {
			done.Usage = answer.Usage
			obs.notify(done)
			return answer, nil
		}
		if !errors.As(err, &done.Err) {
			done.Err = &octave.Error{Message: err.Error(), Err: err}
		}
		obs.notify(done)
		body := failureBody(err)
		body.LatencyMS = done.Latency.Milliseconds()
		body.Answer = nil // the failed record keeps it
		return nil, errors.Join(note(journal, checkpoint.Missed, key, body), err)
	}
}

// LatencyMS is how long the call of an answered record took, in milliseconds.
func LatencyMS(rec checkpoint.Record) int64 {
	var body struct {
		LatencyMS int64 `json:"latency_ms"`
	}
	_ = json.Unmarshal(rec.Body, &body)
	return body.LatencyMS
}
