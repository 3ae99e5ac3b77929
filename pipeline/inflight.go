package pipeline

import (
	"context"

	"octave-enrich/octave"
)

// InFlight bounds the calls of agent that are on the wire, or wait for their
// token, at the same time. Workers beyond it wait for the disk or in a backoff,
// so that neither holds a call back.
func InFlight(agent Agent, calls int, brake *Brake) Agent {
	slots := make(chan struct{}, max(calls, 1))
	return func(ctx context.Context, q *Question) (*octave.Answer, error) {
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
			return agent(ctx, q)
		case <-brake.Pulled():
			return nil, ErrStopped
		}
	}
}
