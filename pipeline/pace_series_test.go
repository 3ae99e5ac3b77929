package pipeline

import (
	"context"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
)

// Three more refusals than usual begin a series, and one in 25 is usual: fewer cost only the
// rows that got them.
func TestRefusalsBeginASeries(t *testing.T) {
	for name, tc := range map[string]struct {
		normal float64
		gap    int // calls from one refusal to the next
		want   int // the refusal that begins the series, 0 for none of 100
	}{
		"in a row":                       {gap: 1, want: 3},
		"every 13th":                     {gap: 13, want: 5}, // 1 + 4 * 0.52
		"every 26th, as is usual":        {gap: 26},
		"where a tenth is normal":        {normal: 0.1, gap: 1, want: 7},
		"every fifth, more than that":    {normal: 0.1, gap: 5, want: 26}, // 1 + 25 * 0.24
		"every seventh, no more of them": {normal: 0.1, gap: 7},
	} {
		t.Run(name, func(t *testing.T) {
			p := NewPace(rate.Inf, 64)
			p.Normal = tc.normal
			got := 0
			for i := 1; i <= 100 && !p.Scouting; i++ {
				for range tc.gap - 1 {
					taken(&p, noon, p.Start(noon, 0))
				}
				call := p.Start(noon, 0)
				if ended(&p, noon, call, refusal(0)); p.Scouting {
					got = i
				}
			}
			if got != tc.want {
				t.Errorf("refusal %d begins a series, want %d", got, tc.want)
			}
		})
	}
}

// Refusals of calls that were in flight together come back in any order: they are as many.
func TestRefusalsInAnyOrder(t *testing.T) {
	p := NewPace(rate.Inf, 64)
	var calls []Started
	for range 50 {
		calls = append(calls, p.Start(noon, 0))
	}
	p.Crowd.Series = -100 // it is not the calls in flight
	for _, i := range []int{49, 2, 0} {
		ended(&p, noon, calls[i], refusal(0))
	}
	if !p.Scouting || p.LastBad != calls[49] {
		t.Errorf("a series %v, the last call that was refused is %+v", p.Scouting, p.LastBad)
	}
}

// refuse starts and refuses so many calls, each at once when it may start, and returns the time
// after the last of them.
func refuse(p *Pace, now time.Time, n int, echo, asked time.Duration) time.Time {
	for range n {
		now = now.Add(max(p.ClosedFor(now), 0))
		call := p.Start(now, 0)
		now = now.Add(echo)
		ended(p, now, call, refusal(asked))
	}
	return now
}

// A wall of refusals holds everybody, longer each time: a service that is down is not hammered.
func TestWaitAtAWall(t *testing.T) {
	const ms = time.Millisecond
	for name, tc := range map[string]struct {
		limit rate.Limit
		echo  time.Duration
		asked time.Duration
		waits []time.Duration
	}{
		"as long as a call takes":                         {10, 10 * ms, 0, []time.Duration{100 * ms, 300 * ms, 900 * ms, 2700 * ms, 8000 * ms, 8000 * ms}},
		"twice as long as a refusal does":                 {100, 40 * ms, 0, []time.Duration{80 * ms, 240 * ms}},
		"at least":                                        {1000, ms, 0, []time.Duration{20 * ms, 60 * ms}},
		"as the service asks, from the start of the call": {10, 10 * ms, 10 * time.Second, []time.Duration{9990 * ms, 9990 * ms}},
		"not longer than a cap":                           {10, 10 * ms, 24 * time.Hour, []time.Duration{MaxRetryAfter - 10*ms}},
		"longer than the service asks":                    {10, 10 * ms, 200 * ms, []time.Duration{190 * ms, 300 * ms, 900 * ms}},
	} {
		t.Run(name, func(t *testing.T) {
			p := NewPace(rate.Inf, 64)
			p.Limit = tc.limit
			now := refuse(&p, noon, 2, tc.echo, tc.asked)
			if wait := p.ClosedFor(now); wait > 0 {
				t.Errorf("two refusals hold everybody for %v", wait)
			}
			for i, want := range tc.waits {
				now = refuse(&p, now, 1, tc.echo, tc.asked)
				if got := p.ClosedFor(now); got != want {
					t.Errorf("wait %d is %v, want %v", i+1, got, want)
				}
			}
		})
	}
}

// Calls that were under way when a wall was found say no more than it does: they make the wait
// no longer. What the service asks for counts all the same.
func TestCallsUnderWayDoNotLengthenTheWait(t *testing.T) {
	p := NewPace(rate.Inf, 64)
	var calls []Started
	for range 6 {
		calls = append(calls, p.Start(noon, 0))
	}
	p.Crowd.Series = -100 // it is not the calls in flight
	now := after(0.01)
	for _, call := range calls[:5] {
		ended(&p, now, call, refusal(0))
	}
	if got := p.ClosedFor(now); got != 100*time.Millisecond {
		t.Errorf("closed for %v", got)
	}
	ended(&p, now, calls[5], refusal(time.Second))
	if got := p.ClosedFor(now); got != 990*time.Millisecond {
		t.Errorf("closed for %v", got)
	}
}

// A refusal before which others were taken is no wall: it holds nobody up.
func TestRefusalAfterCallsThatWereTakenHoldsNobody(t *testing.T) {
	p := NewPace(rate.Inf, 64)
	p.Crowd.Series = -100 // it is not the calls in flight
	var calls []Started
	for range 5 {
		calls = append(calls, p.Start(noon, 0))
	}
	p.Surplus = many
	ended(&p, after(0.01), calls[3], refusal(time.Minute))
	if wait := p.ClosedFor(after(0.01)); !p.Scouting || wait > time.Second {
		t.Errorf("series %v, closed for %v", p.Scouting, wait)
	}
}

// While a series lasts one call at a time looks whether the service takes calls again. Its answer
// is not waited for: when no refusal came back for half as long again as they take, it was taken.
func TestScoutIsPresumedTaken(t *testing.T) {
	const ms = time.Millisecond
	series := func() (Pace, time.Time) {
		p := NewPace(rate.Inf, 64)
		p.Length = time.Minute
		now := refuse(&p, refuse(&p, noon, 1, 100*ms, 0), 2, 20*ms, 0)
		// The slowest of late came after 100 ms, and two quick ones since.
		if want := 95*ms - 75*ms/16; p.Echo != want {
			t.Errorf("refusals take %v, want %v", p.Echo, want)
		}
		p.Echo = 100 * ms
		return p, now.Add(p.ClosedFor(now))
	}

	p, now := series()
	if p.ClosedFor(now) > 0 || !p.Scouting {
		t.Fatal("no scout may start")
	}
	p.Start(now, 0)
	if got := p.ClosedFor(now); got != 151*ms {
		t.Errorf("the next call waits %v for the scout", got)
	}
	if got := p.ClosedFor(now.Add(150 * ms)); got != ms || !p.Scouting {
		t.Errorf("then %v", got)
	}
	if got := p.ClosedFor(now.Add(151 * ms)); got > 0 || p.Scouting {
		t.Errorf("then %v, series %v", got, p.Scouting)
	}

	p, now = series()
	scout := p.Start(now, 0)
	ended(&p, now.Add(50*ms), scout, refusal(0))
	if wait := p.ClosedFor(now.Add(50 * ms)); !p.Scouting || wait < 200*ms {
		t.Errorf("a scout was refused: series %v, closed for %v", p.Scouting, wait)
	}

	p, now = series()
	scout = p.Start(now, 0)
	if taken(&p, now.Add(ms), scout); p.Scouting || p.ClosedFor(now.Add(ms)) > 0 {
		t.Error("a scout that was taken ends no series")
	}

	p, now = series()
	old := p.Start(noon, 0)
	old.Number = p.LastBad.Number - 1
	if taken(&p, now.Add(ms), old); !p.Scouting {
		t.Error("the answer to a call from before the refusals ends the series")
	}
}

// The refusal of a call that was long under way says nothing of how long they take.
func TestRefusalsThatTakeForever(t *testing.T) {
	p := NewPace(rate.Inf, 64)
	ended(&p, after(60), p.Start(noon, 0), refusal(0))
	if p.Echo != slowEcho {
		t.Errorf("refusals take %v", p.Echo)
	}
}

// The refusal of the scout before came late: no second cut follows from it.
func TestLateRefusalDoesNotCutTwice(t *testing.T) {
	p := NewPace(rate.Inf, 64)
	p.Limit, p.Starts, p.Bad, p.Scouting = 100, 503, 5, true
	p.Cycle = Count{noon, 500, 3}
	p.Last, p.LastBad = Started{At: after(1), Number: 503}, Started{At: noon, Number: 502}
	if taken(&p, after(2), p.Last); p.Scouting || p.Limit != 100 {
		t.Errorf("series %v, %v a second", p.Scouting, p.Limit)
	}
}

// In an outage one call looks whether it is over. Whatever its end says about the call, the next
// one may follow.
func TestProbe(t *testing.T) {
	for name, tc := range map[string]struct {
		answer *octave.Answer
		err    error
		over   bool
	}{
		"an answer":             {answer: &octave.Answer{}, over: true},
		"a row that is wrong":   {err: &octave.Error{Status: 400, Action: octave.Row, Cause: octave.CauseRequest}, over: true},
		"refused":               {err: refusal(0)},
		"stopped":               {err: &octave.Error{Action: octave.Stop, Cause: octave.CauseStopped}},
		"out of credits":        {err: &octave.Error{Status: 402, Action: octave.All, Cause: octave.CauseCredits}},
		"an error of this side": {err: context.Canceled},
	} {
		p := NewPace(rate.Inf, 64)
		if began, ok := ended(&p, noon, p.Start(noon, 0), unreachable()).(OutageBegan); !ok || began.Err.Cause != octave.CauseUnreachable {
			t.Fatalf("%s: no outage", name)
		}
		now := noon.Add(p.ClosedFor(noon))
		if !now.After(noon) {
			t.Fatalf("%s: everybody may ask", name)
		}
		probe := p.Start(now, time.Minute)
		if wait := p.ClosedFor(now); wait != time.Minute {
			t.Errorf("%s: closed for %v beside a probe", name, wait)
		}
		news := p.Ended(now, probe, checkpoint.Key{}, tc.answer, tc.err, time.Hour)
		if got := news == (OutageEnded{}); got != tc.over || p.Failing.On == tc.over {
			t.Errorf("%s: outage over %v, news %v", name, !p.Failing.On, news)
		}
		if wait := p.ClosedFor(now); wait > 0 {
			t.Errorf("%s: closed for %v after it", name, wait)
		}
		if p.Flying != 0 {
			t.Errorf("%s: %d in flight", name, p.Flying)
		}
	}
	p := NewPace(rate.Inf, 64)
	if p.Start(noon, time.Minute); p.ClosedFor(noon) > 0 {
		t.Error("a call is a probe where there is no outage")
	}
}
