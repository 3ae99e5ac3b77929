// Package pipeline turns a stream of contacts into a stream of rows: it feeds
// questions to a pool of workers, lets each worker ask the agent, and emits one
// row per contact in input order.
//
// The policy around a call is composed of decorators of one function type and
// reads from the inside out:
//
//	agent := Memo(Retry(InFlight(Budget(Limit(Record(Call(client.Run), ...), pacer), ...), n), ...), memory)
//
// An answer is durable in the journal before any row may use it, so a run that
// is killed is resumed by running it again: its questions are answered already.
//
// # Pace
//
// How fast calls may start is decided by a [Pace]. What the user allows are upper
// bounds; below them a run finds what the service takes. Its rules, each with the
// limits that need it:
//
//   - Begin slowly: ten calls a second, doubled every quarter of a second until
//     something is refused. Small buckets would refuse most of a burst.
//   - One refusal is no limit: it holds its own row, for Retry-After. Three more than usual
//     are a series, and usual are one in 25 calls and one and a half times the share that
//     is normal. Refusals at random, a small bucket whose call came a little too early.
//   - In a series one call at a time is a scout, until one is taken, which is presumed
//     when no refusal came back after one and a half times what the slowest refusals of
//     late took. Answers take 10 to 60 s, which is too long to wait for.
//   - Refusals in a row in a series are a wall: Retry-After, or a wait that triples up to
//     8 s, holds everybody. Windows that are full, services that are down.
//   - The rate is cut to what was taken since the last series, the wait included, but not
//     by more than half, nor, if it was raised meanwhile, to less than was good before,
//     unless six were refused in a row. For windows and buckets that is what they take.
//     Where some share is normal, and no more than that came since, it is cut by 3 %.
//   - Where ten calls were refused and that is more than is normal, half of what is taken
//     is tried: when at least half as many are refused there, that share, up to 0.3, is
//     normal, and the rate goes back. Refusals at random, or for what others do.
//   - Each call that was refused or cut off is a debt of 30 calls and 15 s, each wait one
//     of ten times its length. More than what was refused is tried when so many calls have
//     started since. Limits that change, at a price that is known.
//   - Look again: in steps of a half, and then half way, to the rate that was refused,
//     which a wall brings nearer to what was taken; beyond it in steps of 6, 12, 25 %. A
//     step in which too many were refused is made again. Limits that change.
//   - Where most calls that start beside so many others are refused, and those beside
//     fewer are not, it is a limit of calls in flight: that number is kept to, the rate
//     is left alone, and an eighth more is tried when all debt is paid and each place was
//     used twice. Services with so many workers.
//   - Calls that are cut off for the time they took (504, time-outs) count as refusals do,
//     and a series of them halves the calls in flight, on trial as well: a service with a
//     queue. A single one may start each nine seconds meanwhile, since those in flight may
//     have been given up already.
//   - What headers say is left of a window is spread over the time until the next one,
//     as of the start of their call. When a call is taken although nothing was left, they
//     are not listened to any more. See [Quota].
//   - A service that fails for everybody is probed with one call at a time: outages.
//     Where failures are usual, half as many as are in flight are needed for one, since
//     failures come back sooner than answers.
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

// An Agent answers one question. It must be safe for concurrent use.
type Agent func(context.Context, *Question) (*octave.Answer, error)

// Call is the agent that puts the request of a question to the service: the
// innermost of all, see [octave.Client.Run].
func Call(run func(context.Context, octave.Request) (*octave.Answer, error)) Agent {
	return func(ctx context.Context, q *Question) (*octave.Answer, error) { return run(ctx, q.Request) }
}

// Config says how a run goes over the contacts that its selection picks, which
// needs an Ask and a Memory.
type Config struct {
	Selection
	Workers   int       // questions in work at once; 1 when zero
	Window    int       // rows read ahead of the first unfinished one, where there is one; 16,384 when zero
	MaxFailed Threshold // stops the run early
	Brake     *Brake
}

const (
	defaultWindow = 16384
	// stretch is how many rows are read ahead, once more and again, where nothing is
	// being asked: more of them would only take memory.
	stretch = 256
	// keptBytes bounds the answers that wait in memory until their row is written;
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
		selector: newSelector(cfg.Selection),
		order:    make(chan *place, window),
		ends:     make(chan struct{}, 1),
		toAsk:    make(chan *pending, workers),
		open:     map[checkpoint.Key]*pending{},
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

	selector *selector // feed only

	order chan *place   // every row, in input order
	ends  chan struct{} // of stretches that emit has not reached yet
	ready int           // rows that emit could write at once; feed only
	toAsk chan *pending // of questions that somebody has to ask

	mu   sync.Mutex
	open map[checkpoint.Key]*pending // asked, row not yet emitted: at most Window

	kept      atomic.Int64 // bytes of answers held for pending questions
	unsettled atomic.Int64 // questions that are, or will be, with the workers
	asked     atomic.Int64
	failed    atomic.Int64

	feedErr error // the input broke after calls were made
	emitErr error // the output broke
}

// A place is that of a row in the output.
type place struct {
	contact  reader.Contact
	question *Question // of the row; nil if there is none
	*pending
	leads bool // the first row of its question
	given bool // its question is with the workers already, or needs none
	last  bool // its question is asked after the new ones
	end   bool // of a stretch
}

// A pending question is one that is being settled. All rows in the window that ask
// the same share it.
type pending struct {
	question *Question
	early    bool // it is of an earlier run's submission, and no row has met it yet
	fresh    bool // not answered in an earlier run
	kept     bool // the answer of another question about the person is taken
	done     chan struct{}
	// Valid once done is closed. A nil answer without an error is in the journal, from
	// before or since it was too much to keep: emit reads it back.
	answer *octave.Answer
	err    error
}

// settled is a question that needs no call.
func settled(err error) *pending { return &pending{done: closed, err: err} }

var closed = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// feed gives every row its place and every new question to the workers. What
// failed in an earlier run comes last, so that no bad row holds up the others:
// after all of the list, or when the window is full and may wait for it. An input
// error ends the list, not the calls on the wire: they are paid for.
func (r *run) feed(ctx context.Context) error {
	defer close(r.order)
	defer close(r.toAsk)
	if err := r.resume(ctx); err != nil {
		return err
	}
	var last []*pending // no more than the window
	for contact, err := range r.src {
		if err != nil {
			r.feedErr = err
			r.cfg.Brake.Pull(err)
			break
		}
		s := r.placeOf(contact)
		if len(last) > 0 && len(r.order) == cap(r.order) {
			if err := r.giveLast(ctx, last); err != nil {
				return err
			}
			last = nil
		}
		if err := r.line(ctx, s); err != nil {
			return err
		}
		switch {
		case s.last:
			last = append(last, s.pending)
		case s.leads && !s.given:
			if err := send(ctx, r.toAsk, s.pending); err != nil {
				return err
			}
		}
	}
	return r.giveLast(ctx, last)
}

// line gives a row its turn. Where emit can write at once, since nothing is being
// asked, it is to stay near.
func (r *run) line(ctx context.Context, s *place) error {
	if r.unsettled.Load() == 0 {
		if r.ready++; r.ready%stretch == 0 {
			if err := send(ctx, r.ends, struct{}{}); err != nil {
				return err
			}
			s.end = true
		}
	}
	return send(ctx, r.order, s)
}

// send waits until somebody takes a value, or for the end of ctx.
func send[T any](ctx context.Context, to chan<- T, value T) error {
	select {
	case to <- value:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// resume has the answers polled for that an earlier run submitted, also those that
// no row of the list asks any more: they are paid for. It returns when each of
// them was polled once.
func (r *run) resume(ctx context.Context) error {
	var open []*Question
	if r.cfg.Memory != nil {
		open = r.cfg.Memory.Submissions.Earlier()
	}
	polled := make(chan struct{}, len(open))
	for _, q := range open {
		q := *q
		q.polled = sync.OnceFunc(func() { polled <- struct{}{} })
		p := &pending{question: &q, early: true, fresh: true, done: make(chan struct{})}
		r.unsettled.Add(1)
		r.mu.Lock()
		r.open[q.Key] = p
		r.mu.Unlock()
		if err := send(ctx, r.toAsk, p); err != nil {
			return err
		}
	}
	for range open {
		select {
		case <-polled:
		case <-r.cfg.Brake.Pulled():
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// giveLast hands over the questions that waited for the new ones, as many as the
// limit admits.
func (r *run) giveLast(ctx context.Context, list []*pending) error {
	for _, p := range list {
		if r.cfg.Brake.Reason() != nil || !r.selector.admit(p.question) {
			p.fresh, p.err = false, ErrStopped
			close(p.done)
			r.unsettled.Add(-1)
			continue
		}
		if err := send(ctx, r.toAsk, p); err != nil {
			return err
		}
	}
	return nil
}

// placeOf gives a contact its place. What becomes of it is decided before anything
// is paid.
func (r *run) placeOf(contact reader.Contact) *place {
	var shared *pending
	decision, q, refused := r.selector.decide(contact, func(key checkpoint.Key) bool {
		shared = r.pending(key)
		return shared != nil
	})
	switch {
	case refused != nil:
		return &place{contact: contact, pending: settled(refused)}
	case shared != nil:
		leads := r.meet(shared)
		return &place{contact: contact, question: q, pending: shared, leads: leads, given: leads}
	case decision == BeyondLimit, decision == ToAsk && r.cfg.Brake.Reason() != nil:
		return &place{contact: contact, question: q, pending: &pending{question: q, done: closed, err: ErrStopped}}
	}
	known, last := decision == Answered || decision == Kept, decision == ToAskLast
	p := &pending{question: q, fresh: decision == ToAsk || decision == Submitted || last, kept: decision == Kept, done: closed}
	if known { // emit reads the answer back
		r.asked.Add(1)
		r.obs.notify(Remembered{})
	} else {
		p.done = make(chan struct{})
		r.unsettled.Add(1)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open[q.Key] = p
	return &place{contact: contact, question: q, pending: p, leads: true, given: known, last: last}
}

// meet says whether the row is the first one of a question of an earlier run.
func (r *run) meet(p *pending) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	first := p.early
	p.early = false
	return first
}

// pending is that of a row in the window, nil when none asks this question.
func (r *run) pending(key checkpoint.Key) *pending {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.open[key]
}

func (r *run) work(ctx context.Context) error {
	for {
		select {
		case p, ok := <-r.toAsk:
			if !ok {
				return nil
			}
			answer, err := r.ask(ctx, p.question)
			if broken := r.finish(p, answer, err); broken != nil {
				return broken
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// ask keeps a panic on one row's data from ending the other rows.
func (r *run) ask(ctx context.Context, q *Question) (answer *octave.Answer, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			answer, err = nil, fmt.Errorf("internal error, please report it: %v\n%s", cause, debug.Stack())
		}
	}()
	return r.agent(ctx, q)
}

// finish settles a question. It returns the errors that end the
// whole run at once: without a journal no answer can be acknowledged any more.
func (r *run) finish(p *pending, answer *octave.Answer, err error) error {
	var broken *JournalError
	switch {
	case errors.As(err, &broken):
		r.cfg.Brake.Pull(err)
		p.err = ErrStopped
		close(p.done)
		return err
	case err == nil:
		if r.kept.Add(int64(len(answer.Raw))) <= keptBytes {
			p.answer = answer
		} else {
			r.kept.Add(-int64(len(answer.Raw)))
		}
	case actionOf(err) == octave.All:
		r.cfg.Brake.Pull(err)
		p.err = ErrStopped
	case actionOf(err) == octave.Stop:
		p.err = ErrStopped
	default:
		p.err = err
	}
	if p.question.polled != nil {
		p.question.polled()
	}
	if p.fresh {
		r.obs.notify(QuestionDone{p.err})
	}
	close(p.done)
	r.unsettled.Add(-1)
	asked := r.asked.Add(1)
	if isFailure(p.err) {
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
		if s.end {
			<-r.ends
		}
		answer, kept, err := r.resolve(s)
		if err != nil {
			return err
		}
		why := s.err
		if kept {
			why = nil
		}
		row := RowOf(s.contact, answer, why)
		if r.emitErr == nil {
			if err := r.out.Write(row); err != nil {
				r.emitErr = fmt.Errorf("%s: %w", s.contact.Place(), err)
				r.cfg.Brake.Pull(r.emitErr)
			}
		}
		r.obs.notify(RowDone{Row: s.contact.Row, Line: s.contact.Line, File: fileOf(s.contact), Status: row.Status, Err: s.err, Fresh: s.leads && s.fresh, Kept: kept || s.kept})
		r.release(s)
	}
	return nil
}

// fileOf is the input of a contact where there are several.
func fileOf(c reader.Contact) string {
	if !c.Among {
		return ""
	}
	return c.Source
}

// resolve is the answer of a row, or why it has none. Where a new one is missing,
// the one that it was to replace stays.
func (r *run) resolve(s *place) (answer *octave.Answer, kept bool, err error) {
	switch {
	case s.answer != nil || s.question == nil:
		return s.answer, false, nil
	case s.err != nil:
		answer, err = r.cfg.Memory.standIn(s.question)
		kept = answer != nil
	default:
		answer, err = r.cfg.Memory.recall(s.question.Key)
	}
	if err != nil {
		return nil, false, fmt.Errorf("%s: %w", s.contact.Place(), err)
	}
	return answer, kept, nil
}

// release forgets a question once its first row is out; later rows that ask the
// same find the answer in the journal.
func (r *run) release(s *place) {
	if !s.leads {
		return
	}
	r.mu.Lock()
	delete(r.open, s.question.Key)
	r.mu.Unlock()
	if s.answer != nil {
		r.kept.Add(-int64(len(s.answer.Raw)))
		s.answer = nil
	}
}
