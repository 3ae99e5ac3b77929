package pipeline

import (
	"context"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
)

// A Gate decides when the next call may start, and hears how each of them ended.
// A [Pacer] is the gate of one process.
type Gate interface {
	// Take waits until the next call may start; it returns ErrStopped when none
	// may.
	Take() (Started, error)
	// Ended says how a call ended that Take let start.
	Ended(call Started, key checkpoint.Key, answer *octave.Answer, err error)
	// Outage says whether the service counts as failing for everyone.
	Outage() bool
}

// acceptor is a gate that wants to hear that a call was accepted before it has ended:
// that is at once for asynchronous work, which ends much later.
type acceptor interface {
	Accepted(call Started, limit octave.Quota)
}

// Limit paces the calls of agent and tells the gate how each of them ended.
// It is inside Retry, so that every attempt waits for its turn.
func Limit(agent Agent, gate Gate) Agent {
	return func(ctx context.Context, q *Question) (*octave.Answer, error) {
		call, err := gate.Take()
		if err != nil {
			return nil, err
		}
		if early, ok := gate.(acceptor); ok {
			next := *q
			next.accepted = func(limit octave.Quota) { early.Accepted(call, limit) }
			q = &next
		}
		answer, err := agent(ctx, q)
		gate.Ended(call, q.Key, answer, err)
		return answer, err
	}
}
