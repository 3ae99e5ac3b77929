package octave

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// runs counts down a time-out with ticks that come as late as they come, and
// returns how long the process ran until the time was over.
func runs(timeout time.Duration, stopped func(tick int) time.Duration) (ran time.Duration, ticks int) {
	count := newAwake(timeout, now)
	clock := now
	for next := count.step; next > 0; ticks++ {
		ran += next
		clock = clock.Add(next + stopped(ticks))
		next = count.tick(clock)
	}
	return ran, ticks
}

func TestStoppedTimeIsNoTimeOfACall(t *testing.T) {
	for _, timeout := range []time.Duration{time.Millisecond, time.Second, 3 * time.Minute, 2 * time.Hour} {
		ran, _ := runs(timeout, func(int) time.Duration { return 0 })
		if ran != timeout {
			t.Errorf("%v: ended after %v", timeout, ran)
		}
		const often = 4
		ran, ticks := runs(timeout, func(tick int) time.Duration {
			if tick < often {
				return 8 * time.Hour
			}
			return 0
		})
		if most := min(timeout/steps, longestStep) * often; timeout > time.Second && ran < timeout-most {
			t.Errorf("%v: %d stops of hours cost %v", timeout, often, timeout-ran)
		}
		if timeout > time.Second && ticks < steps-often {
			t.Errorf("%v: only %d ticks", timeout, ticks)
		}
	}
}

// Late ticks of a slow machine must not make a time-out much longer.
func TestLateTicksStillCount(t *testing.T) {
	const timeout = 50 * time.Second
	var late time.Duration
	ran, _ := runs(timeout, func(int) time.Duration { late += time.Second / 2; return time.Second / 2 })
	if took := ran + late; took > timeout+2*longestStep {
		t.Errorf("took %v", took)
	}
}

func TestWithTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		ctx, cancel := withTimeout(t.Context(), 3*time.Minute)
		defer cancel()
		<-ctx.Done()
		if took := time.Since(began); took != 3*time.Minute || !errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
			t.Errorf("ended after %v: %v", took, context.Cause(ctx))
		}
		ctx, cancel = withTimeout(t.Context(), 3*time.Minute)
		cancel()
		if <-ctx.Done(); !errors.Is(context.Cause(ctx), context.Canceled) {
			t.Errorf("cancelled: %v", context.Cause(ctx))
		}
	})
}
