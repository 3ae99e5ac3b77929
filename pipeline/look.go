package pipeline

import (
	"context"
	"errors"
	"sync/atomic"

	"octave-enrich/octave"
)

// LookFirst lets the probe of an outage ask what is free to ask before it asks
// agent, which may be billed. look returns an error while the service does not
// answer, nil asks nothing; it belongs inside Limit, so that the gate hears of it
// as of a call.
func LookFirst(agent Agent, look func(context.Context) error, gate Gate) Agent {
	return func(ctx context.Context, q *Question) (*octave.Answer, error) {
		if look != nil && gate.Outage() {
			if err := look(ctx); err != nil {
				return nil, &notMadeError{err}
			}
		}
		return agent(ctx, q)
	}
}

// A notMadeError is a call that was not made because a free one before it failed.
type notMadeError struct{ err error }

func (e *notMadeError) Error() string { return e.err.Error() }
func (e *notMadeError) Unwrap() error { return e.err }

// Final makes an error that waiting does not mend the end of the run, unless the
// service was heard before, by this agent or as the caller knows: then the error
// is waited for as any other. It belongs right around the call.
func Final(agent Agent, heard bool) Agent {
	var answered atomic.Bool
	answered.Store(heard)
	return func(ctx context.Context, q *Question) (*octave.Answer, error) {
		answer, err := agent(ctx, q)
		var call *octave.Error
		switch {
		case err == nil:
			answered.Store(true)
		case !errors.As(err, &call):
		case call.Trouble != 0 && !answered.Load():
			end := *call
			end.Action = octave.All
			return nil, &end
		case call.Trouble == 0 && call.Status != 0:
			answered.Store(true)
		}
		return answer, err
	}
}
