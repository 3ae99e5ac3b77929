package fleet

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"time"

	"github.com/riverqueue/river"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
	"octave-enrich/pipeline"
)

// A turn is a job in the hands of this host: the gate and the journal of the one call
// that it makes. A further attempt is a further turn, so that none is longer than a call.
type turn struct {
	*river.Job[job]
	ctx    context.Context //nolint:containedctx // of the whole turn
	worker *Worker

	decision decision  // of the last look
	end      error     // what River is told
	placed   bool      // among the calls in flight
	id       int64     // of the call
	entered  bool      // and it is noted
	attempts int       // that count, before it
	began    time.Time // when the call started, by the clock of this host
	missed   *pipeline.FailureBody
	usage    octave.Decimal
	result   string // of the call: answered or missed
	failed   bool   // the question was given up with it
	body     []byte
	accepted *octave.Quota        // set when the service accepted a submission
	follows  *pipeline.Submission // that was made before; nil for none
	followed int64                // its call; 0 for one of which the fleet does not know
}

const (
	// inHand is how long a question waits in the hands of a host for a place and for a
	// start at most, and half of it at least: would all of them go back to their queue for
	// a moment at once, nobody were there for the next start.
	inHand   = 20 * time.Second
	comeBack = 2 * time.Second
	// longWait is from when on it goes back at once, until what holds it up is over.
	longWait = 5 * time.Second
	// refusedFor is how long a job that this version does not understand is left to
	// others.
	refusedFor = time.Minute
	// A call that starts so much later than planned gets another start, or the calls
	// that a slow database held up would all start at once. Not for ever: a database
	// that is always so slow would let none start.
	latest   = 500 * time.Millisecond
	fewTimes = 3
)

// work asks the service with the decorators of a run, once, and returns what River is to
// do with the job: nothing, for it has its answer, give it back for a while, or cancel it.
func (t *turn) work() error {
	w := t.worker
	if w.brake.Reason() != nil {
		return river.JobSnooze(0)
	}
	q, err := t.Args.question()
	if err != nil {
		w.cfg.Warn("a job that this version does not understand is left to others", "job", t.ID, "error", err)
		return river.JobSnooze(refusedFor)
	}
	defer t.release()
	admitted, err := t.admit(false)
	switch {
	case err != nil:
		return t.told(err)
	case t.follows != nil:
		return t.told(t.follow(q))
	case !admitted:
		return t.told(t.conclude())
	}
	q.Retry = t.attempts > 0
	call := t.call
	if t.Args.Callback != "" {
		call = t.submit
	}
	// Within the record: the start of a call and its record came as one.
	agent := pipeline.Record(pipeline.LookFirst(call, w.cfg.Look, t), t, w.cfg.Observer)
	agent = pipeline.Limit(agent, t)
	agent = t.later(agent)
	agent = pipeline.Memo(agent, &pipeline.Memory{Journal: t}, nil)
	return t.told(t.ask(agent, q))
}

func (t *turn) release() {
	if t.placed {
		<-t.worker.slots
	}
}

// told is what River is told, and the brake when the database refuses for good:
// whatever is asked would be lost.
func (t *turn) told(err error) error {
	var broken *pipeline.JournalError
	if errors.As(err, &broken) && !over(t.ctx) {
		t.worker.brake.Pull(err)
		return river.JobSnooze(0)
	}
	return t.end
}

// ask keeps a panic on one question from ending the other calls of this host.
func (t *turn) ask(agent pipeline.Agent, q *pipeline.Question) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = t.fail(pipeline.FailureBody{Error: fmt.Sprintf("%v: %v\n%s", errInternal, p, debug.Stack())})
		}
	}()
	_, err = agent(t.ctx, q)
	return err
}

func (t *turn) call(ctx context.Context, q *pipeline.Question) (*octave.Answer, error) {
	t.began = time.Now()
	t.worker.inFlight.Add(1)
	defer t.worker.inFlight.Add(-1)
	answer, err := t.worker.cfg.Run(ctx, q)
	if err == nil {
		t.usage = answer.Usage
	}
	return answer, err
}

// later is Retry, but that River waits until the next attempt.
func (t *turn) later(agent pipeline.Agent) pipeline.Agent {
	policy := pipeline.RetryPolicy{Retries: t.Args.Retries, FailAmbiguous: t.Args.FailAmbiguous}
	return func(ctx context.Context, q *pipeline.Question) (*octave.Answer, error) {
		answer, err := agent(ctx, q)
		wait, attempts, again := policy.Next(t.attempts, err, t.Outage())
		if t.missed == nil {
			return answer, err // it was answered, or not made
		}
		var call *octave.Error
		if again || isStop(err) || errors.As(err, &call) && call.Action == octave.All {
			t.end = river.JobSnooze(wait)
			return nil, cmp.Or(t.miss(attempts), pipeline.ErrStopped) //nolint:contextcheck // a missed call is stored after ctx has ended, too
		}
		return answer, err
	}
}

// Take waits for a place and for the start of a call, and notes the call.
func (t *turn) Take() (pipeline.Started, error) {
	w := t.worker
	wait, cancel := context.WithTimeout(t.ctx, inHand/2+rand.N(inHand/2))
	defer cancel()
	wait, unbind := w.brake.Bound(wait)
	defer unbind()
	if w.InFlight() >= w.cfg.Slots && w.elsewhere.Load() > 0 {
		return t.notNow(comeBack) // another host may have a call begin now
	}
	select {
	case w.slots <- struct{}{}:
		t.placed = true
	case <-wait.Done():
		return t.notNow(comeBack)
	}
	if t.Args.Callback != "" {
		w.submitting.Add(1)
		defer w.submitting.Add(-1)
	}
	for tries := 0; ; tries++ {
		start, pause, err := w.take(wait)
		if err != nil && w.brake.Reason() == nil && !over(t.ctx) {
			return pipeline.Started{}, &pipeline.JournalError{Err: err}
		}
		if start.at.IsZero() {
			return t.notNow(pause)
		}
		if !t.entered {
			if admitted, err := t.admit(true); err != nil || !admitted {
				w.returnStarts(start)
				return pipeline.Started{}, cmp.Or(err, pipeline.ErrStopped)
			}
		}
		entered := time.Now()
		// The call of a host that slept may count as lost by now, and others make it.
		if wait := time.Until(start.at); wait > 0 && !sleep(w.brake.Pulled(), wait) || w.brake.Reason() != nil || w.pulse.slept(entered) {
			w.returnStarts(start)
			return t.notNow(0)
		}
		if late := time.Since(start.at); late < latest || tries >= fewTimes || w.seen.Load().unbound {
			return start.call, nil
		}
		w.returnStarts(start) // others may probe, should it have been a probe's start
		if t.decision.counted {
			continue // taken back, it would be missing: others have stopped the run for it
		}
		if err := t.leave(); err != nil {
			return pipeline.Started{}, err
		}
	}
}

// notNow gives the question back to its queue for a while.
func (t *turn) notNow(wait time.Duration) (pipeline.Started, error) {
	if t.worker.brake.Reason() != nil {
		wait = 0
	}
	t.end = river.JobSnooze(max(wait, 0))
	return pipeline.Started{}, cmp.Or(t.leave(), pipeline.ErrStopped)
}

// leave takes back the note of a call that was not made.
func (t *turn) leave() error {
	if !t.entered {
		return nil
	}
	t.entered = false
	return t.brief(`WITH gone AS (DELETE FROM octave_fleet.call WHERE id = $1 AND key = $2 RETURNING run)
		UPDATE octave_fleet.run SET calls = calls - 1 WHERE id IN (SELECT run FROM gone) AND max_calls IS NOT NULL`, t.id, t.Args.Key[:])
}

// brief has the database do what a host that drains does not wait long for.
func (t *turn) brief(sql string, args ...any) error {
	ctx, cancel := t.worker.brief(t.ctx)
	defer cancel()
	return t.unless(t.worker.db.exec(ctx, sql, args...))
}

// unless is an error, unless the host drains: what it could not write counts as lost then.
func (t *turn) unless(err error) error {
	if err != nil && !over(t.ctx) && t.worker.brake.Reason() == nil {
		return &pipeline.JournalError{Err: err}
	}
	return nil
}

// Ended tells all hosts how a call ended.
func (t *turn) Ended(call pipeline.Started, key checkpoint.Key, answer *octave.Answer, err error) {
	if t.accepted != nil {
		t.worker.accepted(call, *t.accepted)
		return
	}
	t.worker.ended(call, t.began, key, answer, err)
}

// Outage says whether the service counts as failing for everyone.
func (t *turn) Outage() bool { return t.worker.seen.Load().outage }

// State knows no answer: a question that has one is not asked, see admit.
func (t *turn) State(checkpoint.Key) checkpoint.State { return checkpoint.Unknown }

// Answer has nothing to read back: see State.
func (t *turn) Answer(checkpoint.Key) (rec checkpoint.Record, found bool, err error) { return }

// Failure has nothing to read back: see State.
func (t *turn) Failure(checkpoint.Key) (rec checkpoint.Record, found bool, err error) { return }

// MayAsk is always without an error: the room is the database's.
func (t *turn) MayAsk() error { return nil }

// Note keeps an attempt without an answer in mind until it is known what becomes of
// the question, and stores the end of them.
func (t *turn) Note(rec checkpoint.Record) error {
	if rec.Type == checkpoint.Asked {
		return nil // see Take
	}
	body, err := pipeline.ReadFailure(rec)
	if err != nil {
		return err
	}
	if rec.Type == checkpoint.Failed {
		return t.fail(body)
	}
	t.missed = &body
	return nil
}

// Append returns when the answer is stored, see settle.
func (t *turn) Append(rec checkpoint.Record) error {
	t.result, t.body = "answered", rec.Body
	return t.settle()
}

// fail gives the question up.
func (t *turn) fail(body pipeline.FailureBody) error {
	t.end = river.JobCancel(errors.New(body.Error))
	if t.missed != nil {
		body.LatencyMS, body.Billed = t.missed.LatencyMS, t.missed.Billed
	}
	body.Request = t.Args.Request
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	t.result, t.failed, t.body = "missed", true, text
	return t.settle()
}

// miss stores an attempt after which the question is asked again.
func (t *turn) miss(attempts int) error {
	text, err := json.Marshal(t.missed)
	if err != nil {
		return err
	}
	t.result, t.body, t.attempts = "missed", text, attempts
	return t.unless(t.settle())
}

func (t *turn) settle() error {
	t.worker.unstored.Add(1)
	defer t.worker.unstored.Add(-1)
	return t.worker.settling.join(t)
}

// isStop says that somebody was told to stop.
func isStop(err error) bool {
	return errors.Is(err, pipeline.ErrStopped) || errors.Is(err, context.Canceled)
}
