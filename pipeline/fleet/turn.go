package fleet

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
	"octave-enrich/pipeline"
)

// A turn is a job in the hands of this host: the gate and the journal of the one
// question that it asks. In a fleet a start and its asked record are one
// transaction, so that Take writes what Note(Asked) would.
type turn struct {
	job
	worker   *Worker
	id       int64 // of the engine's job
	question *pipeline.Question
	start    lease // of the next call
	asked    bool  // noted for a call that was not made yet
	settled  bool
	usage    octave.Decimal // of the answer
	budgeted bool           // its run has a budget of usage
	counted  bool           // its run has a budget
}

// A call that starts so much later than planned gets another start, or the calls
// that a slow database held up would all start at once. Not for ever: a database
// that is always so slow would let none start.
const (
	latest   = 500 * time.Millisecond
	fewTimes = 3
)

// Take waits for the start of a call. The first one came with the job.
func (t *turn) Take() (pipeline.Started, error) {
	for tries := 0; ; tries++ {
		if t.start.at.IsZero() {
			if err := t.worker.another(t); err != nil {
				return pipeline.Started{}, err
			}
		}
		if wait := time.Until(t.start.at); wait > 0 && !sleep(t.worker.brake.Pulled(), wait) || t.worker.brake.Reason() != nil {
			return pipeline.Started{}, pipeline.ErrStopped
		}
		start := t.start
		late := time.Since(start.at)
		t.start = lease{}
		if late < latest || tries >= fewTimes || t.worker.unbound() {
			t.asked = false
			return start.call, nil
		}
		t.Ended(start.call, t.Key, nil, pipeline.ErrStopped) // others may probe, should it have been a probe's start
	}
}

// Ended tells all hosts how a call ended.
func (t *turn) Ended(call pipeline.Started, key checkpoint.Key, answer *octave.Answer, err error) {
	t.worker.ended(call, key, answer, err)
}

// Outage says whether the service counts as failing for everyone.
func (t *turn) Outage() bool { return t.worker.outage.Load() }

// State knows no answer: a question that has one is not given to a host.
func (t *turn) State(checkpoint.Key) checkpoint.State { return checkpoint.Unknown }

// Answer has nothing to read back: see State.
func (t *turn) Answer(checkpoint.Key) (rec checkpoint.Record, found bool, err error) { return }

// Failure has nothing to read back: see State.
func (t *turn) Failure(checkpoint.Key) (rec checkpoint.Record, found bool, err error) { return }

// Append stores an answer and takes the job out of the queue.
func (t *turn) Append(rec checkpoint.Record) error { return t.settle(rec) }

// MayAsk is always without an error: the room is the database's.
func (t *turn) MayAsk() error { return nil }

// Note stores an attempt without an answer, or the end of them.
func (t *turn) Note(rec checkpoint.Record) error {
	switch rec.Type {
	case checkpoint.Asked:
		return nil // see Take
	case checkpoint.Failed:
		return t.settle(rec)
	}
	it := recordOf(rec, t)
	body, err := pipeline.ReadFailure(rec)
	if err != nil {
		return err
	}
	it.billed, it.budgeted = body.Billed, t.budgeted
	ctx, cancel := t.worker.brief()
	defer cancel()
	return t.worker.store.put(ctx, it)
}

func (t *turn) settle(rec checkpoint.Record) error {
	it := recordOf(rec, t)
	it.end, it.usage, it.budgeted = settles, t.usage, t.budgeted
	if err := t.worker.store.put(t.worker.hard, it); err != nil {
		return err
	}
	t.settled = true
	return nil
}

// giveBack returns the job to the queue. A call that was noted and never made
// cost nothing.
func (t *turn) giveBack() error {
	it := &item{run: t.Run, job: t.id, end: returns}
	if t.asked {
		t.Ended(t.start.call, t.Key, nil, pipeline.ErrStopped) // others may probe, should it have been a probe's start
		it.Record = checkpoint.Record{Type: checkpoint.Missed, Key: t.Key, Body: []byte(`{"error":"stopped before the call","kind":"stopped"}`)}
	}
	ctx, cancel := t.worker.brief()
	defer cancel()
	return t.worker.store.put(ctx, it)
}

// work asks the service with the decorators of a run and leaves the job settled
// or given back.
func (t *turn) work(ctx context.Context) error {
	w := t.worker
	defer w.drop(t)
	// Within the record: the start of a call and its asked record came as one.
	agent := pipeline.Record(pipeline.LookFirst(t.call, w.cfg.Look, t), t, w.cfg.Observer)
	agent = pipeline.Limit(agent, t)
	agent = pipeline.Retry(agent, pipeline.RetryPolicy{Retries: t.Retries, FailAmbiguous: t.FailAmbiguous}, t, w.brake)
	agent = pipeline.Memo(agent, &pipeline.Memory{Journal: t}, nil)
	err := t.ask(ctx, agent)
	if t.settled {
		return nil
	}
	var broken *pipeline.JournalError
	if errors.As(err, &broken) && !errors.Is(err, context.Canceled) {
		w.brake.Pull(err) // the database refuses for good: whatever is asked would be lost
	}
	return t.giveBack() //nolint:contextcheck // its own; should that fail, others find the job
}

func (t *turn) call(ctx context.Context, q *pipeline.Question) (*octave.Answer, error) {
	answer, err := t.worker.cfg.Run(ctx, q)
	if err == nil {
		t.usage = answer.Usage
	}
	return answer, err
}

// ask keeps a panic on one question from ending the other calls of this host.
func (t *turn) ask(ctx context.Context, agent pipeline.Agent) (err error) {
	defer func() {
		if p := recover(); p != nil {
			text := fmt.Sprintf("internal error, please report it: %v\n%s", p, debug.Stack())
			err = t.settle(failedRecord(t.job, text))
		}
	}()
	_, err = agent(ctx, t.question)
	return err
}
