package pipeline

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"octave-enrich/octave"
)

// RetryPolicy says how often a failed call is made again.
type RetryPolicy struct {
	Retries       int  // further attempts after the first
	FailAmbiguous bool // an attempt that may have been billed is not repeated
}

const (
	firstBackoff = time.Second
	maxBackoff   = 30 * time.Second
	// apart are two attempts at least: records are told apart by their time, which is kept
	// to the millisecond, see [Ledger.Add].
	apart = time.Millisecond
)

// Next says whether a call that failed is to be made again, and after which wait, when
// so many attempts were counted before it. It returns the attempts with this one: a
// refusal for pace (429, 503) and a failure during an outage of the whole service are
// not the row's and cost none, one that may have been billed always costs one. A
// Retry-After holds the row that got it; whether it holds everybody is up to the gate.
func (p RetryPolicy) Next(attempts int, err error, outage bool) (wait time.Duration, counted int, again bool) {
	if err == nil || actionOf(err) != octave.Again {
		return 0, attempts, false
	}
	var call *octave.Error
	if errors.As(err, &call) && call.MaybeBilled && p.FailAmbiguous {
		return 0, attempts, false
	}
	wait, rows := backoff(attempts+1), true
	switch {
	case call != nil && call.Cause == octave.CauseRateLimited:
		wait, rows = min(call.RetryAfter, MaxRetryAfter), false
	case outage: // the gate holds everyone back
		wait, rows = 0, call != nil && call.MaybeBilled
	}
	if rows {
		attempts++
	}
	return wait, attempts, !rows || attempts <= p.Retries
}

// Retry repeats calls whose error says "again", as the policy says.
func Retry(agent Agent, policy RetryPolicy, gate Gate, brake *Brake) Agent {
	return func(ctx context.Context, q *Question) (*octave.Answer, error) {
		for attempts := 0; ; {
			answer, err := agent(ctx, q)
			once := *q
			once.Retry = true
			q = &once
			wait, counted, again := policy.Next(attempts, err, gate.Outage())
			if !again {
				return answer, err
			}
			if attempts = counted; !sleep(ctx, brake, max(wait, apart)) {
				return nil, stopped(err)
			}
		}
	}
}

// backoff doubles from one second to thirty, half of it random, so that rows
// which failed together do not come back together.
func backoff(attempt int) time.Duration {
	d := min(firstBackoff<<min(attempt-1, 10), maxBackoff)
	return d/2 + rand.N(d/2+1)
}

// sleep reports false when the run is stopping.
func sleep(ctx context.Context, brake *Brake, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-brake.Pulled():
	case <-ctx.Done():
	}
	return false
}
