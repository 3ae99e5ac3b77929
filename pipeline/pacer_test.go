package pipeline

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"

	"octave-enrich/octave"
)

func TestRateIsKeptForLong(t *testing.T) {
	for _, tc := range []struct {
		limit   rate.Limit
		workers int
		rows    int
		burst   int
	}{{5, 64, 5 * 1200, 1}, {200, 300, 200 * 20, 5}, {2000.0 / 3600, 8, 500, 1}} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig()
			r.pace.Rate, r.workers = tc.limit, tc.workers
			r.service.latency = time.Second
			began := time.Now()
			if err := r.run(t, t.Context(), people(tc.rows)); err != nil {
				t.Fatal(err)
			}
			ideal := float64(tc.rows) / float64(tc.limit)
			if took := time.Since(began).Seconds() - 1; took > ideal*1.01+2 || took < ideal*0.97-1 {
				t.Errorf("%v/s: %d calls took %.0f s, the limit allows them in %.0f", tc.limit, tc.rows, took, ideal)
			}
			if most := r.service.busiestSecond(); most > int(math.Ceil(float64(tc.limit)))+tc.burst {
				t.Errorf("%v/s: %d calls in one second", tc.limit, most)
			}
		})
	}
}

func TestEveryRetryTakesAToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		r.pace.Rate, r.workers = 10, 100
		r.service.latency = 0
		// Every question fails twice, healthy calls in between keep it from being an outage.
		r.service.outcome = func(n int, req octave.Request) error {
			r.service.mu.Lock()
			defer r.service.mu.Unlock()
			if r.service.asked[req.Email] <= 2 && n%3 != 0 {
				return serverError()
			}
			return nil
		}
		if err := r.run(t, t.Context(), people(500)); err != nil {
			t.Fatal(err)
		}
		if most := r.service.busiestSecond(); most > 11 {
			t.Errorf("%d calls in one second, limit 10", most)
		}
		if r.service.calls() <= 500 {
			t.Error("nothing was retried")
		}
	})
}

// A bucket is a service that accepts so many calls a second and says so only by
// refusing.
type bucket struct {
	perSecond, burst float64
	tokens           float64
	at               time.Time
	refused          int
	retryAfter       time.Duration
}

func (b *bucket) take(s *service) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if b.at.IsZero() {
		b.at, b.tokens = now, b.burst
	}
	b.tokens = min(b.burst, b.tokens+now.Sub(b.at).Seconds()*b.perSecond)
	b.at = now
	if b.tokens < 1 {
		b.refused++
		return refusal(b.retryAfter)
	}
	b.tokens--
	return nil
}

// A limit that nobody told is found and kept: few calls are refused, and little of
// what the service would take is left unused.
func TestHiddenLimitIsFoundAndKept(t *testing.T) {
	for _, tc := range []struct {
		name       string
		hidden     float64
		burst      float64
		allowed    rate.Limit
		workers    int
		latency    time.Duration
		retryAfter time.Duration
		rows       int
		used       float64
	}{
		{"no limit given", 50, 50, rate.Inf, 64, 50 * time.Millisecond, 0, 1000, 0.7},
		{"far too high a limit", 50, 50, 200, 64, 50 * time.Millisecond, 0, 1000, 0.7},
		{"with Retry-After", 50, 50, 200, 64, 50 * time.Millisecond, time.Second, 1000, 0.7},
		{"slow calls", 8, 8, 20, 256, 3 * time.Second, 0, 5000, 0.75},
		{"long run", 50, 50, 1000, 128, 200 * time.Millisecond, 0, 10000, 0.8},
		{"a little too high", 50, 1, 60, 64, time.Second, 0, 5000, 0.8},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig()
				r.pace.Rate, r.workers, r.service.latency = tc.allowed, tc.workers, tc.latency
				hidden := &bucket{perSecond: tc.hidden, burst: tc.burst, retryAfter: tc.retryAfter}
				r.service.outcome = func(int, octave.Request) error {
					time.Sleep(5 * time.Millisecond)
					return hidden.take(r.service)
				}
				began := time.Now()
				if err := r.run(t, t.Context(), people(tc.rows)); err != nil {
					t.Fatal(err)
				}
				perSecond := float64(tc.rows) / time.Since(began).Seconds()
				share := float64(hidden.refused) / float64(r.service.calls())
				t.Logf("%.1f answers a second, %.1f %% refused", perSecond, share*100)
				if share >= 0.10 {
					t.Errorf("%.1f %% of the calls were refused", share*100)
				}
				if perSecond < tc.used*tc.hidden {
					t.Errorf("%.1f answers a second of %.0f possible", perSecond, tc.hidden)
				}
				if r.sink.statuses()[StatusOK] != tc.rows {
					t.Errorf("rows %v", r.sink.statuses())
				}
			})
		})
	}
}

// A service that changes its mind is followed down and up again.
func TestLimitThatChangesDuringTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		r.pace.Rate, r.workers, r.service.latency = 40, 64, time.Second
		hidden := &bucket{perSecond: 100, burst: 10}
		began := time.Now()
		at := func(minutes float64) bool { return time.Since(began) > time.Duration(minutes*float64(time.Minute)) }
		accepted := map[string]int{}
		r.service.outcome = func(int, octave.Request) error {
			r.service.mu.Lock()
			phase := "first"
			switch {
			case at(8):
				phase, hidden.perSecond = "last", 100
			case at(4):
				phase, hidden.perSecond = "strict", 5
			}
			r.service.mu.Unlock()
			err := hidden.take(r.service)
			if err == nil {
				r.service.mu.Lock()
				accepted[phase]++
				r.service.mu.Unlock()
			}
			return err
		}
		if err := r.run(t, t.Context(), people(19200)); err != nil {
			t.Fatal(err)
		}
		if accepted["first"] < 9200 || accepted["strict"] < 1000 || accepted["strict"] > 1240 {
			t.Errorf("accepted %v, possible are 9,600 in the first four minutes and 1,200 in the next", accepted)
		}
		if took := time.Since(began); took > 13*time.Minute {
			t.Errorf("took %v: the rate did not come back", took)
		}
		if share := float64(hidden.refused) / float64(r.service.calls()); share > 0.05 {
			t.Errorf("%.1f %% of the calls were refused", share*100)
		}
	})
}

// Hours of refusals with a Retry-After of five minutes each, an answer between them
// now and then: nobody's row fails, and the run does not give up.
func TestHoursOfRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		r.pace.Rate = 5
		r.service.outcome = func(n int, _ octave.Request) error {
			if n%4 != 0 {
				return refusal(5 * time.Minute)
			}
			return nil
		}
		began := time.Now()
		if err := r.run(t, t.Context(), people(50)); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); r.sink.statuses()[StatusOK] != 50 || took < 3*time.Hour {
			t.Errorf("rows %v after %v", r.sink.statuses(), took)
		}
	})
}

// A refusal now and then, as where others use the same key, is no limit that was
// found: it pauses everyone and leaves the rate nearly alone.
func TestStrayRefusalsCostLittle(t *testing.T) {
	for _, tc := range []struct {
		allowed rate.Limit
		least   float64 // answers a second
	}{{rate.Inf, 25}, {100, 25}, {5, 3.5}} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig()
			r.pace.Rate, r.workers, r.service.latency = tc.allowed, 200, 500*time.Millisecond
			random := rand.New(rand.NewPCG(1, 2))
			r.service.outcome = func(int, octave.Request) error {
				r.service.mu.Lock()
				defer r.service.mu.Unlock()
				if random.IntN(100) == 0 {
					return refusal(0)
				}
				return nil
			}
			began := time.Now()
			if err := r.run(t, t.Context(), people(5000)); err != nil {
				t.Fatal(err)
			}
			if got := 5000 / time.Since(began).Seconds(); got < tc.least {
				t.Errorf("limit %v: %.1f answers a second, want %v", tc.allowed, got, tc.least)
			}
		})
	}
}

// A lone Retry-After holds the row that got it, and nobody else.
func TestRetryAfterHoldsItsRow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		r.workers, r.pace.Rate = 16, 5
		r.service.outcome = func(n int, _ octave.Request) error {
			if n == 20 {
				return refusal(10 * time.Second)
			}
			return nil
		}
		if err := r.run(t, t.Context(), people(100)); err != nil {
			t.Fatal(err)
		}
		for i := 1; i < 100; i++ {
			if gap := r.service.starts[i].Sub(r.service.starts[i-1]); gap > time.Second {
				t.Errorf("call %d started %v after the one before", i, gap)
			}
		}
		if r.service.calls() != 101 {
			t.Fatalf("%d calls", r.service.calls())
		}
		if again := r.service.starts[100].Sub(r.service.starts[19]); again < 10*time.Second {
			t.Errorf("asked again after %v", again)
		}
	})
}

// Refusals in a row are a wall: their Retry-After holds everybody, up to a cap.
func TestWallPausesEveryone(t *testing.T) {
	for _, tc := range []struct{ asked, kept time.Duration }{
		{20 * time.Second, 20 * time.Second},
		{365 * 24 * time.Hour, MaxRetryAfter},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig()
			r.workers, r.pace.Rate, r.service.latency = 16, 5, 100*time.Millisecond
			r.service.outcome = func(n int, _ octave.Request) error {
				if n >= 20 && n <= 22 {
					return refusal(tc.asked)
				}
				return nil
			}
			if err := r.run(t, t.Context(), people(60)); err != nil {
				t.Fatal(err)
			}
			if gap := r.service.starts[22].Sub(r.service.starts[21]); gap < tc.kept || gap > tc.kept+time.Second {
				t.Errorf("asked to wait %v: the next call came after %v", tc.asked, gap)
			}
		})
	}
}

func TestServerErrorsDoNotShrinkTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		r.pace.Rate, r.workers = 10, 100
		r.service.outcome = func(n int, _ octave.Request) error {
			if n%4 == 0 {
				return serverError()
			}
			return nil
		}
		if err := r.run(t, t.Context(), people(3000)); err != nil {
			t.Fatal(err)
		}
		first, last := r.service.starts[0], r.service.starts[r.service.calls()-1]
		if got := float64(r.service.calls()) / last.Sub(first).Seconds(); got < 9.5 {
			t.Errorf("%.1f calls a second, allowed 10", got)
		}
	})
}

// An outage of 40 minutes in the middle of the night costs nobody's row, and few
// calls.
func TestOutageIsWaitedOut(t *testing.T) {
	for name, failure := range map[string]func() error{"503": serverError, "unreachable": unreachable} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig()
				r.pace.Rate, r.workers, r.service.latency = 5, 8, time.Second
				began := time.Now()
				during := 0
				r.service.outcome = func(int, octave.Request) error {
					if at := time.Since(began); at > time.Minute && at < 41*time.Minute {
						r.service.mu.Lock()
						during++
						r.service.mu.Unlock()
						return failure()
					}
					return nil
				}
				if err := r.run(t, t.Context(), people(2000)); err != nil {
					t.Fatal(err)
				}
				if got := r.sink.statuses(); got[StatusOK] != 2000 {
					t.Errorf("rows %v", got)
				}
				if during > 80 {
					t.Errorf("%d calls were made into the outage", during)
				}
				if took := time.Since(began); took > 50*time.Minute {
					t.Errorf("took %v: the end of the outage was missed", took)
				}
			})
		})
	}
}

func TestOutageEndsTheRunAfterMaxOutage(t *testing.T) {
	for _, patience := range []time.Duration{0, 2 * time.Second, time.Hour} {
		for name, failure := range map[string]func() error{
			"503": serverError, "unreachable": unreachable,
			"429": func() error { return refusal(0) }, "429 for long": func() error { return refusal(time.Minute) },
		} {
			synctest.Test(t, func(t *testing.T) {
				r := newRig()
				r.pace.MaxOutage = patience
				r.service.outcome = func(int, octave.Request) error { return failure() }
				began := time.Now()
				if err := r.run(t, t.Context(), people(100)); err != nil {
					t.Fatal(err)
				}
				if !errors.Is(r.brake.Reason(), ErrOutage) || r.sink.statuses()[StatusNotAttempted] != 100 {
					t.Errorf("%s, %v: reason %v, rows %v", name, patience, r.brake.Reason(), r.sink.statuses())
				}
				if took := time.Since(began); took < patience || took > patience+3*time.Minute {
					t.Errorf("%s: gave up after %v, patience %v", name, took, patience)
				}
			})
		}
	}
}

func TestOnePoisonRowIsNoOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		r.service.outcome = func(_ int, req octave.Request) error {
			if req.Email == "p0@example.com" {
				return serverError()
			}
			return nil
		}
		if err := r.run(t, t.Context(), people(1)); err != nil {
			t.Fatal(err)
		}
		if r.service.calls() != 5 || r.sink.statuses()[StatusFailed] != 1 || r.brake.Reason() != nil {
			t.Errorf("%d calls, rows %v, reason %v", r.service.calls(), r.sink.statuses(), r.brake.Reason())
		}
		if !strings.Contains(r.sink.rows[0].Error, "unavailable") {
			t.Errorf("the row says %q", r.sink.rows[0].Error)
		}
	})
}

func TestRejectedKeyAndSpentCreditsStopTheRun(t *testing.T) {
	for _, kind := range []octave.Cause{octave.CauseKey, octave.CauseCredits} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig()
			r.service.outcome = func(n int, _ octave.Request) error {
				if n > 40 {
					return &octave.Error{Status: 401, Action: octave.All, Cause: kind, Message: "no"}
				}
				return nil
			}
			if err := r.run(t, t.Context(), people(500)); err != nil {
				t.Fatal(err)
			}
			var call *octave.Error
			if !errors.As(r.brake.Reason(), &call) || call.Cause != kind {
				t.Errorf("reason %v", r.brake.Reason())
			}
			if wasted := r.service.calls() - 40; wasted > 8 {
				t.Errorf("%v: %d calls wasted, 8 were in flight at most", kind, wasted)
			}
			if got := r.sink.statuses(); got[StatusOK] != 40 || got[StatusNotAttempted] != 460 {
				t.Errorf("%v: rows %v", kind, got)
			}
		})
	}
}

// The brake is pulled before the call's place is free for the next one.
func TestNoCallAfterTheOneThatSaysStop(t *testing.T) {
	brake := NewBrake(t.Context())
	pacer := NewPacer(PacerConfig{Rate: rate.Inf, MaxOutage: time.Hour}, brake, nil)
	spent := &octave.Error{Status: 402, Action: octave.All, Cause: octave.CauseCredits, Message: "no"}
	calls := 0
	agent := Limit(func(context.Context, *Question) (*octave.Answer, error) { calls++; return nil, spent }, pacer)
	_, _ = agent(t.Context(), NewQuestion(octave.Request{Email: "ann@example.com"}, 1))
	if _, err := agent(t.Context(), NewQuestion(octave.Request{Email: "ben@example.com"}, 2)); !errors.Is(err, ErrStopped) || calls != 1 {
		t.Errorf("%d calls, the next one ended with %v", calls, err)
	}
}

func TestStopEndsEveryWaitAtOnce(t *testing.T) {
	for name, tc := range map[string]struct {
		pace    rate.Limit
		outcome func() error
	}{
		"waiting for a token": {0.01, func() error { return nil }},
		"in Retry-After":      {rate.Inf, func() error { return refusal(5 * time.Minute) }},
		"in an outage":        {rate.Inf, unreachable},
		"in backoff":          {rate.Inf, serverError},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig()
				r.pace.Rate = tc.pace
				if name == "in backoff" {
					r.workers = 1
				}
				r.service.outcome = func(int, octave.Request) error { return tc.outcome() }
				began := time.Now()
				time.AfterFunc(1500*time.Millisecond, r.stop)
				if err := r.run(t, t.Context(), people(20)); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(began); took > 2500*time.Millisecond {
					t.Errorf("the stop took %v", took-1500*time.Millisecond)
				}
			})
		})
	}
}

func TestAmbiguousAttemptsAreNotRepeatedWhenSo(t *testing.T) {
	for _, fail := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig()
			r.policy.FailAmbiguous = fail
			r.service.outcome = func(n int, _ octave.Request) error {
				if n == 1 {
					return &octave.Error{Action: octave.Again, Cause: octave.CauseAmbiguous, Message: "timed out", MaybeBilled: true}
				}
				return nil
			}
			if err := r.run(t, t.Context(), people(1)); err != nil {
				t.Fatal(err)
			}
			want := map[bool]string{false: StatusOK, true: StatusFailed}[fail]
			if r.sink.rows[0].Status != want {
				t.Errorf("fail %v: row is %s", fail, r.sink.rows[0].Status)
			}
			if got := r.tally.Summary().Calls.PossiblyBilled; got != 1 {
				t.Errorf("fail %v: %d possibly billed, want 1", fail, got)
			}
		})
	}
}

// inTurn returns one after the other, again and again.
func inTurn(all ...time.Duration) func() time.Duration {
	var n atomic.Int64
	return func() time.Duration { return all[int(n.Add(1)-1)%len(all)] }
}

// A service that has refused ten calls in a row, whoever made them, is asked by one
// call at a time until it takes one, however long its refusals take to come back.
func TestTenRefusalsInARowAreAnsweredByOneCallAtATime(t *testing.T) {
	for name, tc := range map[string]struct {
		allowed rate.Limit
		after   time.Duration // a Retry-After
		echo    func() time.Duration
	}{
		"as fast as it goes":      {rate.Inf, 0, func() time.Duration { return 10 * time.Millisecond }},
		"default rate":            {5, 0, func() time.Duration { return 10 * time.Millisecond }},
		"Retry-After":             {rate.Inf, time.Second, func() time.Duration { return 10 * time.Millisecond }},
		"refusals of many speeds": {5, 0, inTurn(50*time.Millisecond, 1900*time.Millisecond, 300*time.Millisecond, time.Second, 10*time.Millisecond, 700*time.Millisecond)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig()
				r.pace.Rate, r.workers, r.service.latency = tc.allowed, 64, 100*time.Millisecond
				began := time.Now()
				var inRow, flying, most int
				r.service.outcome = func(int, octave.Request) error {
					if at := time.Since(began); at < 2*time.Second || at > time.Minute {
						r.service.mu.Lock()
						inRow = 0
						r.service.mu.Unlock()
						return nil
					}
					r.service.mu.Lock()
					alone := inRow >= 10
					if alone {
						flying++
						most = max(most, flying)
					}
					r.service.mu.Unlock()
					time.Sleep(tc.echo())
					r.service.mu.Lock()
					defer r.service.mu.Unlock()
					inRow++
					if alone {
						flying--
					}
					return refusal(tc.after)
				}
				if err := r.run(t, t.Context(), people(1000)); err != nil {
					t.Fatal(err)
				}
				if got := r.sink.statuses()[StatusOK]; got != 1000 || most != 1 {
					t.Errorf("%d rows ok, %d calls at a time after ten refusals in a row", got, most)
				}
			})
		})
	}
}

// A rate that was refused again at once was a step of the search: nobody is told of it.
func TestRateIsToldOnceItLasts(t *testing.T) {
	p := NewPace(200, 64)
	p.Limit, p.Good, p.Ceiling = 80, 80, 82
	for now := time.Now(); p.Starts < lasting; p.Starts++ {
		if told := p.tell(now); told != nil {
			t.Fatalf("after %d calls: %v", p.Starts, told)
		}
	}
	if told, ok := p.tell(time.Now()).(Slowed); !ok || told.Rate != 80 {
		t.Errorf("after %d calls: %v", p.Starts, told)
	}
}

// Timers that are late by some milliseconds, as they are on a busy machine, do not slow a high rate.
func TestLateTimersDoNotSlowAHighRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPacer(PacerConfig{Rate: 2000, Calls: 64, Learnt: PaceBody{Rate: 1000}}, NewBrake(t.Context()), nil)
		p.late = func() time.Duration { return 2 * time.Millisecond }
		began := time.Now()
		for range 100 {
			call, err := p.Take()
			if err != nil {
				t.Fatal(err)
			}
			p.Ended(call, NewQuestion(octave.Request{}, 1).Key, &octave.Answer{}, nil)
		}
		if took := time.Since(began); took > 105*time.Millisecond {
			t.Errorf("a hundred calls took %v at 1,000 a second", took)
		}
	})
}

// A brake that is pulled ends a call before it has begun; the agent is not asked.
func TestLimitOfAStoppedRun(t *testing.T) {
	brake := NewBrake(t.Context())
	brake.Pull(errors.New("signal"))
	agent := Limit(func(context.Context, *Question) (*octave.Answer, error) {
		t.Error("asked")
		return nil, nil
	}, NewPacer(PacerConfig{Rate: rate.Inf}, brake, nil))
	if _, err := agent(t.Context(), &Question{}); !errors.Is(err, ErrStopped) {
		t.Error(err)
	}
}
