package pipeline

import (
	"testing"
	"time"

	"golang.org/x/time/rate"

	"octave-enrich/octave"
)

// Where a limit of calls in flight was found, an eighth more is tried when each place was used
// twice and all debt is paid.
func TestMoreCallsInFlightAreTried(t *testing.T) {
	for _, tc := range []struct {
		inFlight, flying int
		debt             float64
		calls            int // until more is tried
		want             int
	}{
		{inFlight: 16, flying: 16, calls: 32, want: 18},
		{inFlight: 16, flying: 16, debt: 51, calls: 50, want: 18},
		{inFlight: 4, flying: 4, calls: 8, want: 5},
		{inFlight: 60, flying: 60, calls: 120, want: 64},
		{inFlight: 16, flying: 15, calls: 200, want: 16},
		{inFlight: 64, flying: 64, calls: 200, want: 64},
	} {
		p := NewPace(10, 64)
		p.keepTo(tc.inFlight)
		p.Debt = tc.debt
		now := noon
		p.Start(now, 0)
		for i := range tc.calls {
			if p.InFlight != tc.inFlight {
				t.Fatalf("%+v: %d at once after %d calls", tc, p.InFlight, i)
			}
			now, p.Flying = now.Add(100*time.Millisecond), tc.flying-1
			p.Start(now, 0)
		}
		if p.InFlight != tc.want {
			t.Errorf("%+v: %d at once", tc, p.InFlight)
		}
		if want := (Crowd{Good: tc.inFlight, Least: tc.inFlight}); tc.want > tc.inFlight && p.Crowd != want {
			t.Errorf("%+v: looked for as %+v", tc, p.Crowd)
		}
		if tc.want == tc.inFlight && p.Crowd.Least > 0 {
			t.Errorf("%+v: a limit is looked for, though no more are tried", tc)
		}
	}
}

// A limit of calls in flight is told from one of the rate by those beside which a call is
// refused; the rate is left alone then, which would be cut for nothing.
func TestCallsInFlightAreFound(t *testing.T) {
	for name, tc := range map[string]struct {
		crowd    Crowd
		inFlight int // 64 when 0
		normal   float64
		beside   int
		want     int // kept to, 0 when not
		after    Crowd
	}{
		"half of those beside as many":          {crowd: Crowd{Least: 8, Tries: 28, Signs: 13, Series: 3}, beside: 8, want: 8},
		"fewer than half":                       {crowd: Crowd{Least: 8, Tries: 29, Signs: 13, Series: 3}, beside: 8, after: Crowd{Least: 8, Tries: 29, Signs: 14, Series: 3}},
		"in two series":                         {crowd: Crowd{Least: 8, Tries: 14, Signs: 13, Series: 2}, beside: 8, after: Crowd{Least: 8, Tries: 14, Signs: 14, Series: 2}},
		"too few signs":                         {crowd: Crowd{Least: 8, Tries: 13, Signs: 12, Series: 3}, beside: 8, after: Crowd{Least: 8, Tries: 13, Signs: 13, Series: 3}},
		"alone":                                 {crowd: Crowd{Least: 8, Tries: 14, Signs: 13, Series: 3}, beside: 0, after: Crowd{Least: 8, Tries: 14, Signs: 13, Series: 3}},
		"beside fewer: it is not that many":     {crowd: Crowd{Least: 8, Tries: 14, Signs: 13, Series: 3}, beside: 7, after: Crowd{Least: 7, Tries: 1, Signs: 1}},
		"the first":                             {beside: 7, after: Crowd{Least: 7, Tries: 1, Signs: 1}},
		"beside more":                           {crowd: Crowd{Least: 8, Tries: 28, Signs: 13, Series: 3}, beside: 20, want: 8},
		"less than half but for what is normal": {crowd: Crowd{Least: 8, Tries: 28, Signs: 13, Series: 3}, normal: 0.1, beside: 8, after: Crowd{Least: 8, Tries: 28, Signs: 14, Series: 3}},

		"one more was tried, and refused":   {crowd: Crowd{Good: 8, Least: 8, Tries: 4}, inFlight: 9, beside: 8, want: 8},
		"one more, refused now and then":    {crowd: Crowd{Good: 8, Least: 8, Tries: 5}, inFlight: 9, beside: 8, after: Crowd{Good: 8, Least: 8, Tries: 5, Signs: 1}},
		"one more, refused as is normal":    {crowd: Crowd{Good: 8, Least: 8, Tries: 2}, inFlight: 9, normal: 0.1, beside: 8, after: Crowd{Good: 8, Least: 8, Tries: 2, Signs: 1}},
		"one more, refused twice":           {crowd: Crowd{Good: 8, Least: 8, Tries: 2, Signs: 1}, inFlight: 9, normal: 0.1, beside: 8, want: 8},
		"one more, but fewer were refused":  {crowd: Crowd{Good: 8, Least: 5, Tries: 2}, inFlight: 9, beside: 8, after: Crowd{Good: 8, Least: 5, Tries: 2, Signs: 1}},
		"one more, and a few fewer refused": {crowd: Crowd{Good: 8, Least: 6, Tries: 2}, inFlight: 9, beside: 8, want: 8},
		"no more was tried":                 {crowd: Crowd{Good: 8, Least: 7, Tries: 2}, inFlight: 8, beside: 7, after: Crowd{Good: 8, Least: 7, Tries: 2, Signs: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			p := NewPace(rate.Inf, 64)
			if p.Crowd, p.Normal = tc.crowd, tc.normal; tc.inFlight > 0 {
				p.InFlight = tc.inFlight
			}
			before := p.InFlight
			p.Limit, p.Ceiling, p.Scouting, p.PausedUntil = 20, 25, true, after(60)
			p.Starts, p.LastBad.Number, p.Trial.Share = 100, 100, 0.2
			call := Started{At: noon, Number: 99, Beside: tc.beside}
			ended(&p, noon, call, refusal(0))
			if tc.want == 0 {
				if p.InFlight != before || p.Crowd != tc.after {
					t.Errorf("%d at once, %+v", p.InFlight, p.Crowd)
				}
				return
			}
			if p.InFlight != tc.want || p.Crowd != (Crowd{Good: tc.want}) || p.Limit != 20 || p.Debt != 5*price || p.Surplus != 0 {
				t.Errorf("%d at once, %v a second, debt %v, %+v", p.InFlight, p.Limit, p.Debt, p.Crowd)
			}
			if found := tc.crowd.Good == 0; found && (p.Scouting || p.Ceiling > 0 || p.Trial.Share > 0 || p.ClosedFor(noon) > 0) {
				t.Errorf("the rate is suspected still: %+v", p)
			}
		})
	}
}

// Calls that are taken beside as many as were refused show that it was not their number.
func TestCallsInFlightThatAreTakenAreNoLimit(t *testing.T) {
	for _, tc := range []struct {
		crowd  Crowd
		flying int
		want   Crowd
	}{
		{Crowd{Least: 8, Tries: 15, Signs: 2, Good: 6, Series: 1}, 8, Crowd{Least: 8, Tries: 16, Signs: 2, Good: 6, Series: 1}},
		{Crowd{Least: 8, Tries: 16, Signs: 2, Good: 6, Series: 1}, 8, Crowd{Good: 6}},
		{Crowd{Least: 8, Tries: 16, Signs: 2, Good: 6, Series: 1}, 7, Crowd{Least: 8, Tries: 16, Signs: 2, Good: 6, Series: 1}},
		{Crowd{Tries: 16, Good: 6}, 8, Crowd{Tries: 16, Good: 6}},
	} {
		p := NewPace(rate.Inf, 64)
		p.Crowd, p.Flying = tc.crowd, tc.flying
		if p.Start(noon, 0); p.Crowd != tc.want {
			t.Errorf("%+v beside %d became %+v", tc.crowd, tc.flying, p.Crowd)
		}
	}
}

// Calls that are cut off for the time they took wait for each other in the service: fewer of
// them at once. One alone may be chance.
func TestCallsThatAreCutOffHalveThoseInFlight(t *testing.T) {
	ambiguous := &octave.Error{Action: octave.Again, Cause: octave.CauseAmbiguous, MaybeBilled: true}
	for name, tc := range map[string]struct {
		err    error
		cut    int
		beside int
		want   int
	}{
		"two":                      {cutOff(), 2, 63, 64},
		"three":                    {cutOff(), 3, 63, 32},
		"time-outs":                {ambiguous, 3, 63, 32},
		"failures":                 {serverError(), 3, 63, 64},
		"half of those in flight":  {cutOff(), 3, 9, 5},
		"one is the least":         {cutOff(), 3, 0, 1},
		"no more than are allowed": {cutOff(), 3, 500, 32},
	} {
		t.Run(name, func(t *testing.T) {
			p := NewPace(5, 64)
			var call Started
			for range 98 {
				taken(&p, noon, p.Start(noon, 0))
			}
			for range tc.cut {
				call = p.Start(noon, 0)
				call.Beside = tc.beside
				ended(&p, after(30), call, tc.err)
				taken(&p, after(30), Started{Number: 1}) // no outage
				p.Flying = 0
			}
			if p.InFlight != tc.want {
				t.Fatalf("%d at once, want %d", p.InFlight, tc.want)
			}
			if tc.want == 64 {
				return
			}
			if want := (Trial{5, 64, 3. / 100, Count{after(30), 101, 3}}); p.Trial != want {
				t.Errorf("trial %+v, want %+v", p.Trial, want)
			}
			// What was under way already says no more.
			for range 4 {
				ended(&p, after(31), call, tc.err)
				taken(&p, after(31), Started{Number: 1})
			}
			if p.Bad != 3 || p.InFlight != tc.want {
				t.Errorf("%d bad, %d at once, for calls of before", p.Bad, p.InFlight)
			}
			// What started since does.
			late := p.Start(after(31), 0)
			if ended(&p, after(32), late, tc.err); p.Bad != 4 {
				t.Errorf("%d bad, of one since", p.Bad)
			}
		})
	}
}

// When all places are taken nothing starts; but those in flight may have been given up by the
// service already, and then one starts now and then, or a run would stand for minutes.
func TestAllPlacesTaken(t *testing.T) {
	p := NewPace(5, 2)
	p.Start(noon, 0)
	if wait := p.ClosedFor(noon); wait > 0 {
		t.Errorf("closed for %v with a place left", wait)
	}
	p.Start(after(1), 0)
	if wait := p.ClosedFor(after(1)); wait != forever {
		t.Errorf("closed for %v", wait)
	}
	p.Trial.InFlight = 2 // no trial of fewer
	if wait := p.ClosedFor(after(1)); wait != forever {
		t.Errorf("closed for %v", wait)
	}
	p.Trial.InFlight = 4
	if wait := p.ClosedFor(after(2)); wait != 8*time.Second {
		t.Errorf("closed for %v", wait)
	}
	// But not while the service asked everybody to stay away, or is down.
	p.PausedUntil = after(60)
	if wait := p.ClosedFor(after(20)); wait != 40*time.Second {
		t.Errorf("closed for %v in a Retry-After", wait)
	}
	p.Failing.ProbeUntil = after(70)
	if wait := p.ClosedFor(after(20)); wait != 50*time.Second {
		t.Errorf("closed for %v beside a probe", wait)
	}
}

// A call that is cut off while half the rate is on trial counts, whenever it started: the trial is
// not about how many are in flight.
func TestCallsCutOffInATrialOfTheRateCount(t *testing.T) {
	p := NewPace(5, 64)
	call := p.Start(noon, 0)
	p.Trial = Trial{10, 64, 0.2, Count{after(1), 1, 0}}
	if ended(&p, after(30), call, cutOff()); p.Bad != 1 {
		t.Errorf("%d bad", p.Bad)
	}
}
