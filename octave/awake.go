package octave

import (
	"context"
	"sync"
	"time"
)

// A call's time-out is counted in small steps, none longer than it should have
// been: a process that was stopped (SIGSTOP, a paused container, a laptop that
// slept) finds the answers that came meanwhile in its sockets, and time in which
// it did not run is no time of a call.
const (
	steps       = 50 // of a time-out
	longestStep = time.Second
)

// awake counts down the time in which this process ran.
type awake struct {
	left, step time.Duration
	last       time.Time
}

func newAwake(timeout time.Duration, now time.Time) *awake {
	return &awake{left: timeout, step: min(max(timeout/steps, time.Millisecond), longestStep), last: now}
}

// tick takes note of the time since the last tick, and says when the next one is
// due; 0 or less when the time is over. A tick that comes late was late by less
// than a step, as far as this process can know.
func (a *awake) tick(now time.Time) time.Duration {
	a.left -= min(now.Sub(a.last), 2*a.step)
	a.last = now
	return min(a.step, a.left)
}

// withTimeout is [context.WithTimeout] for time in which this process ran. The
// cause of its end is context.DeadlineExceeded.
func withTimeout(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	var mu sync.Mutex
	count := newAwake(timeout, time.Now())
	var timer *time.Timer
	mu.Lock()
	defer mu.Unlock()
	timer = time.AfterFunc(min(count.step, timeout), func() {
		mu.Lock()
		defer mu.Unlock()
		switch next := count.tick(time.Now()); {
		case next <= 0:
			cancel(context.DeadlineExceeded)
		case ctx.Err() == nil:
			timer.Reset(next)
		}
	})
	return ctx, func() { timer.Stop(); cancel(context.Canceled) }
}
