package fleet

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/riverqueue/river"
	"golang.org/x/time/rate"

	"octave-enrich/octave"
	"octave-enrich/pipeline"
)

// Three hosts share a limit for ten minutes: each leases what it has room for,
// late and unevenly as hosts do. The service must never count more than the limit
// and a tenth in any second, and get nearly all of it.
func TestOneRateForAllHosts(t *testing.T) {
	for _, limit := range []rate.Limit{5, 40, 200} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			const hosts, minutes = 3, 2
			random := rand.New(rand.NewPCG(1, uint64(limit)))
			now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
			end := now.Add(minutes * time.Minute)
			s := &schedule{pace: at(limit), next: now}
			var wake [hosts]time.Time
			for i := range wake {
				wake[i] = now
			}
			var calls []time.Time
			for now.Before(end) {
				host := 0
				for i := range wake {
					if wake[i].Before(wake[host]) {
						host = i
					}
				}
				now = wake[host]
				s.now, s.read = now, now
				n, wait := s.free(1 + random.IntN(64))
				for _, start := range s.give(n, time.Minute) {
					late := time.Duration(random.Int64N(int64(8 * time.Millisecond)))
					if start.at.Before(now) {
						start.at = now
					}
					calls = append(calls, start.at.Add(late))
					s.pace.Ended(now, start.call, [16]byte{}, nil, nil, 0)
				}
				if n > 0 {
					wait = time.Duration(random.Int64N(int64(30 * time.Millisecond)))
				}
				wake[host] = now.Add(wait + time.Duration(random.Int64N(int64(5*time.Millisecond))))
			}
			if share := float64(len(calls)) / (float64(limit) * minutes * 60); share < 0.95 {
				t.Errorf("%.1f %% of the limit was used", share*100)
			}
			if most := busiest(calls); float64(most) > float64(limit)*1.1 {
				t.Errorf("%d calls in one second", most)
			}
		})
	}
}

// Calls that were cut off may have been given up already: a single one may start beside
// them, although there are more of them than are to be in flight from now on.
func TestOneStartBesideCallsThatMayBeGivenUp(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s := &schedule{pace: at(10), next: now, now: now, read: now}
	starts := s.give(20, time.Minute)
	cutOff := &octave.Error{Status: 504, Action: octave.Again, Cause: octave.CauseServer, MaybeBilled: true}
	for _, start := range starts[:3] {
		s.pace.Ended(now, start.call, [16]byte{}, nil, cutOff, time.Hour)
	}
	if n, _ := s.free(20); n != 0 || s.pace.InFlight >= s.pace.Flying {
		t.Errorf("%d starts at once, with %d in flight and %d allowed", n, s.pace.Flying, s.pace.InFlight)
	}
	s.now = now.Add(time.Minute)
	if n, _ := s.free(20); n != 1 {
		t.Errorf("%d starts a minute later", n)
	}
}

// at is a pace that was found to be as fast as is allowed.
func at(limit rate.Limit) pipeline.Pace {
	pace := pipeline.NewPace(limit, allSlots)
	pace.Limit = limit
	return pace
}

// busiest is the greatest number of calls in any one second.
func busiest(calls []time.Time) (most int) {
	count := map[time.Time]int{}
	for from := 0; from < len(calls); from++ {
		n := 0
		for _, at := range calls[from:min(from+400, len(calls))] {
			if d := at.Sub(calls[from]); d >= 0 && d < time.Second {
				n++
			}
		}
		count[calls[from]] = n
		most = max(most, n)
	}
	return most
}

// A host that was away does not make up for what it missed.
func TestNoBurstAfterSilence(t *testing.T) {
	now := time.Now()
	s := &schedule{pace: at(10), next: now.Add(-time.Hour), now: now, read: now}
	n, _ := s.free(1000)
	if starts := s.give(n, time.Minute); len(starts) > 3 {
		t.Errorf("%d calls may start within %v at 10/s", len(starts), ahead)
	}
}

// What a host has to tell of a time before a series of failures does not end it.
func TestOldNewsEndsNoOutage(t *testing.T) {
	now := time.Now()
	s := &schedule{pace: at(100), now: now, read: now}
	s.pace.Ended(now, pipeline.Started{}, [16]byte{1}, nil, &octave.Error{Action: octave.Again, Cause: octave.CauseUnreachable}, time.Hour)
	s.now, s.read = now.Add(time.Minute), now.Add(time.Minute)
	s.answered(now.Add(-time.Second), pipeline.Started{}, [16]byte{2}, nil)
	if !s.pace.Failing.On {
		t.Error("the outage is over")
	}
	s.answered(now.Add(time.Second), pipeline.Started{}, [16]byte{3}, nil)
	if s.pace.Failing.On {
		t.Error("an answer did not end the outage")
	}
}

func TestScheduleHoldsBack(t *testing.T) {
	now := time.Now()
	call := &octave.Error{Status: 429, Action: octave.Again, Cause: octave.CauseRateLimited, RetryAfter: 7 * time.Second}
	s := &schedule{pace: at(rate.Inf), now: now, read: now}
	for i := range 3 {
		s.pace.Ended(now, pipeline.Started{At: now, Number: int64(i + 1)}, [16]byte{1}, nil, call, time.Hour)
	}
	if n, wait := s.free(10); n != 0 || wait < 6*time.Second || wait > 7*time.Second {
		t.Errorf("%d calls may start during a pause; the next look is in %v", n, wait)
	}
	s.now = now.Add(8 * time.Second)
	if n, _ := s.free(10); n != 1 && n != 10 {
		t.Errorf("%d calls may start after a pause", n)
	}

	down := &octave.Error{Action: octave.Again, Cause: octave.CauseUnreachable}
	s = &schedule{pace: at(100), next: now, now: now, read: now}
	s.pace.Ended(now, pipeline.Started{}, [16]byte{1}, nil, down, time.Hour)
	s.now = now.Add(2 * time.Second)
	if n, _ := s.free(10); n != 1 {
		t.Fatalf("%d probes at the same time", n)
	}
	s.give(1, time.Minute)
	if n, _ := s.free(10); n != 0 {
		t.Error("another call starts while the probe is on the wire")
	}
	s.now = s.now.Add(2 * time.Minute)
	if n, _ := s.free(10); n != 1 {
		t.Error("the probe's host was lost, and nobody probes any more")
	}
}

// A host that waits for a place among the calls in flight looks again when one of its own
// has ended, and not only when it is time to.
func TestOwnCallThatEndsFreesAPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &schedule{pace: at(100)}
		s.pace.InFlight, s.pace.Flying = 1, 1
		w := &Worker{brake: pipeline.NewBrake(t.Context()), line: make(chan struct{}, 1), freed: make(chan struct{}, 1),
			cfg: WorkerConfig{Observer: func(pipeline.Event) {}}}
		w.seen.Store(&sight{allowed: s.pace.Allowed})
		w.pacing = newTogether(1, func(changes []change) error {
			s.now, s.read = time.Now(), time.Now()
			for _, change := range append(changes, w.see) {
				change(s)
			}
			return nil
		}, func(change) int { return 0 })
		began := time.Now()
		var others sync.WaitGroup
		others.Go(func() {
			time.Sleep(look / 5)
			w.ended(pipeline.Started{}, time.Now(), [16]byte{1}, &octave.Answer{}, nil)
		})
		start, _, err := w.take(t.Context())
		others.Wait()
		if took := time.Since(began); err != nil || start.at.IsZero() || took > look/2 {
			t.Errorf("start %v after %v: %v", start.at, took, err)
		}
	})
}

// A question in the hands of a host whose places are all taken waits there, unless another
// host has one free: then it goes back at once.
func TestFullHostLeavesQuestionsToOthers(t *testing.T) {
	for elsewhere, at := range map[int64]time.Duration{0: inHand / 2, 1: 0} {
		synctest.Test(t, func(t *testing.T) {
			w := &Worker{brake: pipeline.NewBrake(t.Context()), slots: make(chan struct{}), cfg: WorkerConfig{Slots: 1}}
			w.inFlight.Store(1)
			w.elsewhere.Store(elsewhere)
			held := &turn{ctx: t.Context(), worker: w, Job: &river.Job[job]{}}
			began := time.Now()
			_, err := held.Take()
			var back *river.JobSnoozeError
			if took := time.Since(began); !errors.Is(err, pipeline.ErrStopped) || !errors.As(held.end, &back) || back.Duration != comeBack || (took == 0) != (at == 0) || took < at {
				t.Errorf("%d places elsewhere: %v after %v, %v", elsewhere, held.end, took, err)
			}
		})
	}
}
