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

// AskNobody is the agent of a run that has stopped before it began, or that writes what
// is known.
func AskNobody(context.Context, *Question) (*octave.Answer, error) { return nil, ErrStopped }

// stopped is what an agent returns for a request it did not finish, and why it
// had failed so far when it had.
func stopped(last error) error {
	if last == nil {
		return ErrStopped
	}
	return fmt.Errorf("%w (%w)", ErrStopped, last)
}

// actionOf decides what an error means for the run: this row failed, try again,
// stop everything, or nothing but that we were told to stop.
func actionOf(err error) octave.Action {
	var journal *JournalError
	var call *octave.Error
	switch {
	case errors.As(err, &journal):
		return octave.All
	case errors.Is(err, ErrStopped), errors.Is(err, context.Canceled):
		return octave.Stop
	case errors.As(err, &call):
		return call.Action
	}
	return octave.Row
}
