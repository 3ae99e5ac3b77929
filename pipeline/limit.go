package pipeline

import (
	"context"
	"time"

	"octave-enrich/octave"
)

// Limit paces the calls of agent and tells the gate how each of them ended.
// It is inside Retry, so that every attempt costs a token.
func Limit(agent Agent, gate Gate) Agent {
	return func(ctx context.Context, q *Question) (*octave.Answer, error) {
		if err := gate.Take(); err != nil {
			return nil, err
		}
		started := time.Now()
		answer, err := agent(ctx, q)
		gate.Report(started, q.Key, err)
		return answer, err
	}
}
