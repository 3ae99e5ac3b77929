package pipeline

import (
	"context"

	"octave-enrich/octave"
)

// InFlight bounds the calls of agent that are on the wire, or wait for their
// start, at the same time. Workers beyond it wait for the disk, in a backoff or in
// a Retry-After, so that none of these holds a call back. A question that is asked
// again does not stand in line behind those that were never asked.
func InFlight(agent Agent, calls int, brake *Brake) Agent {
	places := make(chan struct{}, max(calls, 1))
	first := make(chan struct{}, 1) // held by the one of the others who is next
	return func(ctx context.Context, q *Question) (*octave.Answer, error) {
		if !q.Retry && !enter(first, brake) {
			return nil, ErrStopped
		}
		entered := enter(places, brake)
		if !q.Retry {
			<-first
		}
		if !entered {
			return nil, ErrStopped
		}
		defer func() { <-places }()
		return agent(ctx, q)
	}
}

// enter waits for a place, and reports false when the run is stopping.
func enter(place chan struct{}, brake *Brake) bool {
	select {
	case place <- struct{}{}:
		return true
	case <-brake.Pulled():
		return false
	}
}
