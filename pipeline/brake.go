package pipeline

import (
	"context"
	"errors"
	"fmt"

	"octave-enrich/octave"
)

// The reasons for which a run stops before every row was asked. A rejected key
// and spent credits stop it with the *octave.Error itself.
var (
	// ErrStopped marks a row that was not asked because the run stopped first.
	ErrStopped = errors.New("not asked: the run stopped before")
	// ErrMaxCalls and its siblings are budgets that were reached.
	ErrMaxCalls    = errors.New("--max-calls reached")
	ErrMaxUsage    = errors.New("--max-usage reached")
	ErrMaxDuration = errors.New("--max-duration reached")
	ErrMaxFailed   = errors.New("--max-failed exceeded")
	// ErrOutage is a service that kept failing for longer than a run waits.
	ErrOutage = errors.New("the service kept failing for longer than --max-outage")
)

// A JournalError is a journal that cannot be written or read. Nothing may be
// asked any more, since no answer could be kept.
type JournalError struct{ Err error }

func (e *JournalError) Error() string { return "checkpoint: " + e.Err.Error() }
func (e *JournalError) Unwrap() error { return e.Err }

// A Brake is the soft stop of a run: once pulled nothing new is asked and every
// wait ends at once, but calls on the wire come to their end and are kept.
type Brake struct {
	ctx  context.Context
	pull context.CancelCauseFunc
}

// NewBrake returns a brake that is also pulled when ctx ends.
func NewBrake(ctx context.Context) *Brake {
	ctx, pull := context.WithCancelCause(ctx)
	return &Brake{ctx, pull}
}

// Pull stops the run; the first reason is the one that counts.
func (b *Brake) Pull(reason error) { b.pull(reason) }

// Context ends when the brake is pulled.
func (b *Brake) Context() context.Context { return b.ctx }

// Bound is ctx, but ends when the brake is pulled, too.
func (b *Brake) Bound(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(b.ctx, cancel)
	return ctx, func() { stop(); cancel() }
}

// Pulled is closed when the run is to stop.
func (b *Brake) Pulled() <-chan struct{} { return b.ctx.Done() }

// Reason says why the run stops, nil while it does not.
func (b *Brake) Reason() error { return context.Cause(b.ctx) }

// stopped is what an agent returns for a request it did not finish, and why it
// had failed so far when it had.
func stopped(last error) error {
	if last == nil {
		return ErrStopped
	}
	return fmt.Errorf("%w (%w)", ErrStopped, last)
}

// fateOf decides what an error means for the run: this row failed, try again,
// stop everything, or nothing but that we were told to stop.
func fateOf(err error) octave.Fate {
	var journal *JournalError
	var call *octave.Error
	switch {
	case errors.As(err, &journal):
		return octave.All
	case errors.Is(err, ErrStopped), errors.Is(err, context.Canceled):
		return octave.Stop
	case errors.As(err, &call):
		return call.Fate
	}
	return octave.Row
}

// A Threshold is a number of failed rows, or a share of the rows asked so far.
type Threshold struct {
	Rows    int     // more than so many; used when Set and Percent is 0
	Percent float64 // more than this share, judged once 20 rows were asked
	Set     bool
}

const thresholdSample = 20

func (t Threshold) exceeded(failed, asked int64) bool {
	switch {
	case !t.Set:
		return false
	case t.Percent > 0:
		return asked >= thresholdSample && float64(failed)*100 > t.Percent*float64(asked)
	}
	return failed > int64(t.Rows)
}
