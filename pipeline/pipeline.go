// Package pipeline turns a stream of contacts into a stream of rows: it feeds
// questions to a pool of workers, lets each worker ask the agent, and emits one
// row per contact in input order.
//
// The policy around a call is composed of decorators of one function type and
// reads from the inside out:
//
//	agent := Memo(Retry(InFlight(Limit(Budget(Record(client.Run, ...), ...), pacer), n), ...), memory)
//
// An answer is durable in the journal before any row may use it, so a run that
// is killed is resumed by running it again: its questions are answered already.
package pipeline

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
	"octave-enrich/reader"
	"octave-enrich/writer"
)

// An Agent answers one request. It must be safe for concurrent use.
type Agent func(context.Context, octave.Request) (*octave.Answer, error)

// Config says how a run goes. The zero value of every field but Ask, Memory and
// Brake is usable.
type Config struct {
	Workers int // questions in work at once; 1 when zero
	Window  int // rows read ahead of the first unfinished one; 16,384 when zero

	// Ask builds the question of a contact. Its error makes the row invalid.
	Ask func(reader.Contact) (octave.Request, error)
	// Exclude says why a contact must not be asked about, "" when it may.
	Exclude func(reader.Contact) string
	// Limit is how many new contacts are asked at most, in input order; 0 for all.
	Limit int
	// MaxFailed stops the run early.
	MaxFailed Threshold

	Memory *Memory
	Brake  *Brake
}

const (
	defaultWindow = 16384
	// keptBytes bounds the answers that wait in memory for their row's turn;
	// those over it are read back from the journal.
	keptBytes = 32 << 20
)

// Run writes one row per contact of src to out, in order. It returns nil when
// every row was written, also after the brake was pulled: the rows that were not
// asked say so. An error means that rows are missing from out; answers are in
// the journal all the same, unless the error is a [JournalError].
//
// Cancelling ctx abandons the calls on the wire; pulling cfg.Brake does not.
func Run(ctx context.Context, cfg Config, src iter.Seq2[reader.Contact, error], agent Agent, out writer.Sink, obs Observer) error {
	workers, window := max(cfg.Workers, 1), cfg.Window
	if window <= 0 {
		window = defaultWindow
	}
	r := &run{
		cfg: cfg, src: src, agent: agent, out: out, obs: obs,
		order:    make(chan *slot, window),
		jobs:     make(chan *question, workers),
		inFlight: map[checkpoint.Key]*question{},
		admitted: map[checkpoint.Key]bool{},
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return r.feed(ctx) })
	for range workers {
		g.Go(func() error { return r.work(ctx) })
	}
	g.Go(func() error { return r.emit(ctx) })
	return errors.Join(g.Wait(), r.feedErr, r.emitErr)
}

type run struct {
	cfg   Config
	src   iter.Seq2[reader.Contact, error]
	agent Agent
	out   writer.Sink
	obs   Observer

	order chan *slot     // every row, in input order
	jobs  chan *question // questions somebody has to ask

	mu       sync.Mutex
	inFlight map[checkpoint.Key]*question // asked, row not yet emitted: at most Window

	admitted map[checkpoint.Key]bool // new questions under Limit; feed only
	kept     atomic.Int64            // bytes of answers held by questions
	asked    atomic.Int64
	failed   atomic.Int64

	feedErr error // the input broke after calls were made
	emitErr error // the output broke
}

// A slot is the place of a row in the output.
type slot struct {
	contact reader.Contact
	*question
	leads bool // the first row of its question
}

// A question is shared by all rows in the window that ask the same.
type question struct {
	Spelling
	request octave.Request
	fresh   bool // not answered in an earlier run
	done    chan struct{}
	// Valid once done is closed. A nil answer without an error was too much to
	// keep: emit reads it back from the journal.
	answer *octave.Answer
	err    error
}

// settled is a question that needs no call.
func settled(err error) *question { return &question{done: closed, err: err} }

var closed = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// feed gives every row its place and every new question to the workers. An input
// error ends the list, not the calls on the wire: they are paid for.
func (r *run) feed(ctx context.Context) error {
	defer close(r.order)
	defer close(r.jobs)
	for contact, err := range r.src {
		if err != nil {
			r.feedErr = err
			r.cfg.Brake.Pull(err)
			return nil
		}
		s := r.place(contact)
		select {
		case r.order <- s:
		case <-ctx.Done():
			return ctx.Err()
		}
		if !s.leads {
			continue
		}
		select {
		case r.jobs <- s.question:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// place decides what becomes of a contact before anything is paid.
func (r *run) place(contact reader.Contact) *slot {
	request, refused := r.cfg.question(contact)
	if refused != nil {
		return &slot{contact, settled(refused), false}
	}
	asked := Spell(request)
	asked.Row = contact.Row
	key := asked.Key
	request.RequestID = key.String()

	r.mu.Lock()
	defer r.mu.Unlock()
	if q, ok := r.inFlight[key]; ok {
		return &slot{contact, q, false}
	}
	fresh := !r.cfg.Memory.Knows(key)
	if fresh && (r.cfg.Brake.Reason() != nil || !r.admit(key)) {
		return &slot{contact, settled(ErrStopped), false}
	}
	q := &question{Spelling: asked, request: request, fresh: fresh, done: make(chan struct{})}
	r.inFlight[key] = q
	return &slot{contact, q, true}
}

// question is what to ask about a contact, or why it must or can not be asked.
func (c Config) question(contact reader.Contact) (octave.Request, error) {
	if contact.Problem != "" {
		return octave.Request{}, &rowError{StatusInvalid, contact.Problem}
	}
	if c.Exclude != nil {
		if why := c.Exclude(contact); why != "" {
			return octave.Request{}, &rowError{StatusExcluded, why}
		}
	}
	request, err := c.Ask(contact)
	if err != nil {
		return octave.Request{}, &rowError{StatusInvalid, err.Error()}
	}
	return request, nil
}

// admit says whether the question is among the first Limit new ones.
func (r *run) admit(key checkpoint.Key) bool {
	if r.cfg.Limit <= 0 || r.admitted[key] {
		return true
	}
	if len(r.admitted) >= r.cfg.Limit {
		return false
	}
	r.admitted[key] = true
	return true
}

func (r *run) work(ctx context.Context) error {
	for {
		select {
		case q, ok := <-r.jobs:
			if !ok {
				return nil
			}
			answer, err := r.ask(WithSpelling(ctx, q.Spelling), q.request)
			if broken := r.finish(q, answer, err); broken != nil {
				return broken
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// ask keeps a panic on one row's data from ending the other rows.
func (r *run) ask(ctx context.Context, request octave.Request) (answer *octave.Answer, err error) {
	defer func() {
		if p := recover(); p != nil {
			answer, err = nil, fmt.Errorf("internal error, please report it: %v\n%s", p, debug.Stack())
		}
	}()
	return r.agent(ctx, request)
}

// finish publishes the outcome of a question. It returns the errors that end the
// whole run at once: without a journal no answer can be acknowledged any more.
func (r *run) finish(q *question, answer *octave.Answer, err error) error {
	var broken *JournalError
	switch {
	case errors.As(err, &broken):
		r.cfg.Brake.Pull(err)
		q.err = ErrStopped
		close(q.done)
		return err
	case err == nil:
		if r.kept.Add(int64(len(answer.Raw))) <= keptBytes {
			q.answer = answer
		} else {
			r.kept.Add(-int64(len(answer.Raw)))
		}
	case fateOf(err) == octave.All:
		r.cfg.Brake.Pull(err)
		q.err = ErrStopped
	case fateOf(err) == octave.Stop:
		q.err = ErrStopped
	default:
		q.err = err
	}
	if q.fresh {
		r.obs.notify(QuestionDone{q.err})
	}
	close(q.done)
	asked := r.asked.Add(1)
	if q.err != nil && !errors.Is(q.err, ErrStopped) {
		if r.cfg.MaxFailed.exceeded(r.failed.Add(1), asked) {
			r.cfg.Brake.Pull(ErrMaxFailed)
		}
	}
	return nil
}

// emit is the only one that touches the sink. When the sink breaks it goes on
// without: the calls on the wire still have to reach the journal.
func (r *run) emit(ctx context.Context) error {
	for s := range r.order {
		select {
		case <-s.done:
		case <-ctx.Done():
			return ctx.Err()
		}
		answer, err := r.outcome(s)
		if err != nil {
			return err
		}
		row := RowOf(s.contact, answer, s.err)
		if r.emitErr == nil {
			if err := r.out.Write(row); err != nil {
				r.emitErr = fmt.Errorf("row %d: %w", s.contact.Row, err)
				r.cfg.Brake.Pull(r.emitErr)
			}
		}
		r.obs.notify(RowDone{Row: s.contact.Row, Status: row.Status, Err: s.err, Fresh: s.leads && s.fresh})
		r.release(s)
	}
	return nil
}

func (r *run) outcome(s *slot) (*octave.Answer, error) {
	if settled := s.err != nil || s.answer != nil; settled {
		return s.answer, nil
	}
	answer, err := r.cfg.Memory.recall(s.Key)
	if err != nil {
		return nil, fmt.Errorf("row %d: %w", s.contact.Row, err)
	}
	return answer, nil
}

// release forgets a question once its first row is out; later rows that ask the
// same find the answer in the journal.
func (r *run) release(s *slot) {
	if !s.leads {
		return
	}
	r.mu.Lock()
	delete(r.inFlight, s.Key)
	r.mu.Unlock()
	if s.answer != nil {
		r.kept.Add(-int64(len(s.answer.Raw)))
		s.answer = nil
	}
}
