package pipeline

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
)

// A run that begins where the last one ended is refused less than one that has
// to search, and takes no more than the user allows now.
func TestRunStartsFromWhatWasLearnt(t *testing.T) {
	refused := func(learnt PaceBody, allowed rate.Limit) (refused int, next PaceBody) {
		synctest.Test(t, func(t *testing.T) {
			r := newRig()
			r.pace.Rate, r.workers, r.pace.Learnt = allowed, 32, learnt
			hidden := &bucket{perSecond: 20, burst: 1}
			r.service.outcome = func(int, octave.Request) error {
				time.Sleep(5 * time.Millisecond)
				return hidden.take(r.service)
			}
			if err := r.run(t, t.Context(), people(400)); err != nil {
				t.Fatal(err)
			}
			refused, next = hidden.refused, r.pacer.Learnt()
		})
		return refused, next
	}
	first, learnt := refused(PaceBody{}, rate.Inf)
	if learnt.Rate < 15 || learnt.Rate > 20 || learnt.InFlight != 0 {
		t.Fatalf("learnt %+v of a service that takes 20 a second", learnt)
	}
	if second, _ := refused(learnt, rate.Inf); first == 0 || second >= first {
		t.Errorf("%d calls were refused, and %d in the next run", first, second)
	}
	if n, next := refused(learnt, 5); n > 0 || next != (PaceBody{}) {
		t.Errorf("at the 5 a second that are allowed %d were refused, and %+v was learnt", n, next)
	}
}

func TestWhatWasLearntIsForgottenAfterADay(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	record := func(at time.Time, body PaceBody) checkpoint.Record {
		raw, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		return checkpoint.Record{Type: Paced, At: at, Body: raw}
	}
	records := []checkpoint.Record{
		record(at.Add(-time.Hour), PaceBody{Rate: 1}), record(at, PaceBody{InFlight: 4}), {Type: Ended, At: at.Add(time.Minute), Body: []byte(`{"rate":9}`)},
	}
	for age, want := range map[time.Duration]bool{time.Minute: true, 23 * time.Hour: true, 25 * time.Hour: false, -time.Hour: false} {
		learnt, from, ok := LastPace(records, at.Add(age))
		if ok != want || learnt.InFlight != 4 || !from.Equal(at) {
			t.Errorf("after %v: %+v of %v, %v", age, learnt, from, ok)
		}
	}
	if _, _, ok := LastPace(nil, at); ok {
		t.Error("something was learnt from nothing")
	}
}

// What higher bounds would have gained is said where a bound was reached and
// nothing else held the run back.
func TestGain(t *testing.T) {
	for name, tc := range map[string]struct {
		calls   int
		rate    rate.Limit
		latency time.Duration
		rows    int
		outcome func(n int) error

		want Gain // without times
		part float64
	}{
		"calls are the bound":        {calls: 8, rate: 5, latency: 40 * time.Second, rows: 400, want: Gain{Calls: 32}, part: 0.25},
		"and then the rate would be": {calls: 8, rate: 0.5, latency: 40 * time.Second, rows: 400, want: Gain{Calls: 20}, part: 0.4},
		"the rate is the bound":      {calls: 64, rate: 0.5, latency: 20 * time.Second, rows: 400, want: Gain{Rate: 2}, part: 0.25},
		"both are":                   {calls: 11, rate: 0.5, latency: 20 * time.Second, rows: 400},
		"a run of a moment":          {calls: 8, rate: 5, latency: 5 * time.Second, rows: 40},
		"refused":                    {calls: 8, rate: 5, latency: 40 * time.Second, rows: 400, outcome: func(int) error { return refusal(0) }},
		"cut off": {calls: 8, rate: 5, latency: 40 * time.Second, rows: 400, outcome: func(int) error {
			return &octave.Error{Status: 504, Action: octave.Again, Cause: octave.CauseServer, MaybeBilled: true}
		}},
		"a stray failure hinders no one": {calls: 8, rate: 5, latency: 40 * time.Second, rows: 400, outcome: func(int) error { return serverError() }, want: Gain{Calls: 31}, part: 0.25},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig()
				r.workers, r.pace.Rate, r.service.latency = tc.calls, tc.rate, tc.latency
				r.service.outcome = func(n int, _ octave.Request) error {
					if n == 100 && tc.outcome != nil {
						return tc.outcome(n)
					}
					return nil
				}
				if err := r.run(t, t.Context(), people(tc.rows)); err != nil {
					t.Fatal(err)
				}
				gain, ok := r.pacer.Gain()
				if ok != (tc.part > 0) {
					t.Fatalf("gain %+v, %v", gain, ok)
				}
				if !ok {
					return
				}
				if gain.Calls < tc.want.Calls-1 || gain.Calls > tc.want.Calls+1 || gain.Rate != tc.want.Rate {
					t.Errorf("gain %+v, want %+v", gain, tc.want)
				}
				if part := gain.After.Seconds() / gain.Before.Seconds(); part < tc.part-0.03 || part > tc.part+0.03 {
					t.Errorf("%v instead of %v", gain.After, gain.Before)
				}
			})
		})
	}
}

// What the headers of one call say is left is shared by all.
func TestSharedPaceKeepsToTheHeadersOfTakenCalls(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	pace := NewPace(rate.Inf, 64)
	call := pace.Start(now, time.Minute)
	pace.Start(now, time.Minute)
	pace.Ended(now, call, checkpoint.Key{}, &octave.Answer{Quota: octave.Quota{Limit: 100, Remaining: 11, Reset: 10 * time.Second}}, nil, 0)
	if got := pace.Rate(now); got != 1 {
		t.Errorf("%v calls a second; 10 are left for 10 s", got)
	}
}

// People are told of the pace when it is news: not twice, not for a little more or less, and
// not while it may change again. Else the lines about it bury all others.
func TestPaceIsToldWhenItIsNews(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(p *Pace)
		want   Event
	}{
		"as it was told":              {func(*Pace) {}, nil},
		"a quarter faster":            {func(p *Pace) { p.Good = 100 }, nil},
		"a third faster":              {func(p *Pace) { p.Good = 107 }, Slowed{Rate: 107}},
		"a fifth slower":              {func(p *Pace) { p.Good = 64 }, nil},
		"a third slower":              {func(p *Pace) { p.Good = 53 }, Slowed{Rate: 53}},
		"nothing is refused any more": {func(p *Pace) { p.Ceiling = 0 }, Slowed{}},
		"found a moment ago":          {func(p *Pace) { p.Good, p.Cycle.Starts = 53, p.Starts-lasting+1 }, nil},
		"found for long enough":       {func(p *Pace) { p.Good, p.Cycle.Starts = 53, p.Starts-lasting }, Slowed{Rate: 53}},
		"in a series":                 {func(p *Pace) { p.Good, p.Scouting = 53, true }, nil},
		"in a trial":                  {func(p *Pace) { p.Good, p.Trial.Share = 53, 0.2 }, nil},
		"in an outage":                {func(p *Pace) { p.Good, p.Failing.On = 53, true }, nil},

		"a pause that nobody notices": {func(p *Pace) { p.PausedUntil = noon.Add(tellPause - 1) }, nil},
		"a pause":                     {func(p *Pace) { p.PausedUntil = noon.Add(tellPause) }, Slowed{Rate: 80, For: tellPause}},
		"a pause in a series":         {func(p *Pace) { p.PausedUntil, p.Scouting = noon.Add(time.Minute), true }, Slowed{Rate: 80, For: time.Minute}},
		"a pause in an outage":        {func(p *Pace) { p.PausedUntil, p.Failing.On = noon.Add(time.Minute), true }, nil},
		"a pause that is over":        {func(p *Pace) { p.Good, p.PausedUntil = 53, noon.Add(-time.Minute) }, Slowed{Rate: 53}},

		"told less than a minute ago":        {func(p *Pace) { p.Good, p.Told.At = 53, noon.Add(-59*time.Second) }, nil},
		"told half as late as the run is":    {func(p *Pace) { p.Good, p.Recent.First = 53, noon.Add(-12*time.Minute) }, nil},
		"told as late again as the run took": {func(p *Pace) { p.Good, p.Recent.First = 53, noon.Add(-6*time.Minute) }, Slowed{Rate: 53}},

		"as many at once":    {keepingTo(12, 12), nil},
		"a third more":       {keepingTo(12, 16), nil},
		"more than that":     {keepingTo(12, 17), Slowed{InFlight: 17}},
		"a quarter fewer":    {keepingTo(12, 9), nil},
		"fewer than that":    {keepingTo(12, 8), Slowed{InFlight: 8}},
		"a few, at once":     {func(p *Pace) { keepingTo(12, 8)(p); p.Cycle.Starts = p.Starts }, Slowed{InFlight: 8}},
		"calls, not a rate":  {func(p *Pace) { p.InFlight, p.Crowd.Good = 8, 8 }, Slowed{InFlight: 8}},
		"two at once of one": {keepingTo(1, 2), Slowed{InFlight: 2}},
	} {
		t.Run(name, func(t *testing.T) {
			p := NewPace(rate.Inf, 64)
			p.Limit, p.Good, p.Ceiling, p.Starts = 80, 80, 100, 1000
			p.Recent.First, p.Told = noon.Add(-3*time.Minute), Told{At: noon.Add(-2 * time.Minute), Rate: 80}
			tc.change(&p)
			if got := p.tell(noon); got != tc.want {
				t.Errorf("told %+v, want %+v", got, tc.want)
			}
			if got := p.tell(noon.Add(time.Second)); got != nil {
				t.Errorf("told once more: %+v", got)
			}
		})
	}
}

// keepingTo is a pace of which so many calls in flight were told, and which keeps to others now.
func keepingTo(told, now int) func(p *Pace) {
	return func(p *Pace) {
		p.Told.Rate, p.Told.InFlight = 0, told
		p.InFlight, p.Crowd.Good = now, now
	}
}

// What was learnt is what the next run begins with: no bound where there was none, and never
// more than the user allows by then.
func TestNextRunBeginsWithWhatWasLearnt(t *testing.T) {
	for name, tc := range map[string]struct {
		found   func(p *Pace)
		learnt  PaceBody
		limit   rate.Limit // of the next run, to which the user allows 50 a second and 16 at once
		flights int
	}{
		"nothing":                       {func(*Pace) {}, PaceBody{}, firstLimit, 16},
		"a rate":                        {func(p *Pace) { p.Limit, p.Good, p.Ceiling = 22, 20, 25 }, PaceBody{Rate: 20}, 20, 16},
		"a rate that nobody refused":    {func(p *Pace) { p.Limit, p.Good = 40, 20 }, PaceBody{}, firstLimit, 16},
		"all that is allowed, again":    {func(p *Pace) { p.Limit, p.Good, p.Ceiling = 200, 180, 200 }, PaceBody{}, firstLimit, 16},
		"more than is allowed next":     {func(p *Pace) { p.Limit, p.Good, p.Ceiling = 80, 80, 90 }, PaceBody{Rate: 80}, firstLimit, 16},
		"as much as is allowed next":    {func(p *Pace) { p.Limit, p.Good, p.Ceiling = 50, 50, 90 }, PaceBody{Rate: 50}, firstLimit, 16},
		"calls at once":                 {func(p *Pace) { p.InFlight, p.Crowd.Good = 9, 8 }, PaceBody{InFlight: 8}, firstLimit, 8},
		"calls at once, before a rate":  {func(p *Pace) { p.InFlight, p.Crowd.Good, p.Good, p.Ceiling = 9, 8, 20, 25 }, PaceBody{InFlight: 8}, firstLimit, 8},
		"all calls at once, again":      {func(p *Pace) { p.InFlight, p.Crowd.Good = 64, 57 }, PaceBody{}, firstLimit, 16},
		"more calls than allowed next":  {func(p *Pace) { p.InFlight, p.Crowd.Good = 40, 40 }, PaceBody{InFlight: 40}, firstLimit, 16},
		"as many calls as allowed next": {func(p *Pace) { p.InFlight, p.Crowd.Good = 16, 16 }, PaceBody{InFlight: 16}, firstLimit, 16},
	} {
		t.Run(name, func(t *testing.T) {
			p := NewPace(200, 64)
			tc.found(&p)
			learnt := p.Learnt()
			if learnt != tc.learnt {
				t.Errorf("learnt %+v, want %+v", learnt, tc.learnt)
			}
			next := NewPace(50, 16)
			next.resume(learnt)
			if next.Limit != tc.limit || next.InFlight != tc.flights {
				t.Errorf("the next run begins with %v a second and %d at once", next.Limit, next.InFlight)
			}
			if again := next.Learnt(); tc.limit != firstLimit && again != learnt || tc.flights < 16 && again != learnt {
				t.Errorf("a run that ends at once has learnt %+v of %+v", again, learnt)
			}
		})
	}
}

// A run that begins with what was learnt says nothing of it, and tries more only when it has
// made some calls: else each of many short runs would be refused.
func TestWhatWasLearntIsKeptForAWhile(t *testing.T) {
	p := NewPace(rate.Inf, 64)
	p.resume(PaceBody{Rate: 20})
	now := noon
	for i := range 115 {
		if told := taken(&p, now, p.Start(now, 0)); told != nil {
			t.Fatalf("told %+v", told)
		}
		if now = now.Add(50 * time.Millisecond); p.Limit != 20 {
			t.Fatalf("%v a second after %d calls", p.Limit, i+1)
		}
	}
	for range 25 {
		taken(&p, now, p.Start(now, 0))
		now = now.Add(50 * time.Millisecond)
	}
	if p.Limit < 21 || p.Limit > 22 {
		t.Errorf("%v a second after 140 calls that were taken", p.Limit)
	}
}

// A higher bound is worth a word when it was reached for at least a minute and would make the
// run half as fast again.
func TestGainIsWorthAWord(t *testing.T) {
	for name, tc := range map[string]struct {
		calls  int // at once, at most
		rate   rate.Limit
		starts int64 // in 100 s
		busy   time.Duration
		took   time.Duration // else
		want   Gain
	}{
		"all calls were busy":             {calls: 10, rate: rate.Inf, starts: 100, busy: 1000 * time.Second, want: Gain{Calls: 40, After: 25 * time.Second}},
		"most were":                       {calls: 10, rate: rate.Inf, starts: 100, busy: 810 * time.Second, want: Gain{Calls: 40, After: 25 * time.Second}},
		"some had nothing to do":          {calls: 10, rate: rate.Inf, starts: 100, busy: 790 * time.Second},
		"the rate would be next":          {calls: 10, rate: 2, starts: 100, busy: 1000 * time.Second, want: Gain{Calls: 20, After: 50 * time.Second}},
		"the rate would be next, at once": {calls: 10, rate: 1.4, starts: 100, busy: 1000 * time.Second},
		"half as fast again":              {calls: 10, rate: 1.5, starts: 100, busy: 1000 * time.Second, want: Gain{Calls: 15, After: 100 * time.Second * 2 / 3}},
		"the rate was kept":               {calls: 100, rate: 2, starts: 200, busy: 1000 * time.Second, want: Gain{Rate: 8, After: 25 * time.Second}},
		"the rate was nearly kept":        {calls: 100, rate: 2, starts: 165, busy: 1000 * time.Second, want: Gain{Rate: 8, After: 25 * time.Second}},
		"the rate was not made use of":    {calls: 100, rate: 2, starts: 155, busy: 1000 * time.Second},
		"the calls would be next":         {calls: 20, rate: 2, starts: 200, busy: 1000 * time.Second, want: Gain{Rate: 4, After: 50 * time.Second}},
		"the calls would be next, soon":   {calls: 14, rate: 2, starts: 200, busy: 1000 * time.Second},
		"less than a minute":              {calls: 10, rate: rate.Inf, starts: 60, busy: 590 * time.Second, took: 59 * time.Second},
		"a minute":                        {calls: 10, rate: rate.Inf, starts: 60, busy: 600 * time.Second, took: time.Minute, want: Gain{Calls: 40, After: 15 * time.Second}},
	} {
		t.Run(name, func(t *testing.T) {
			p := NewPacer(PacerConfig{Rate: tc.rate, Calls: tc.calls}, NewBrake(t.Context()), nil)
			if tc.took == 0 {
				tc.took = 100 * time.Second
			}
			p.began, p.ended, p.busy, p.pace.Starts = noon, noon.Add(tc.took), tc.busy, tc.starts
			got, ok := p.Gain()
			if !ok {
				got = Gain{}
			} else {
				tc.want.Before = tc.took
			}
			if got.After = got.After.Round(time.Millisecond); got.After != tc.want.After.Round(time.Millisecond) || ok != (tc.want.After > 0) {
				t.Errorf("gain %+v, %v; want %+v", got, ok, tc.want)
			}
			if got.Calls != tc.want.Calls || got.Rate != tc.want.Rate || got.Before != tc.want.Before {
				t.Errorf("gain %+v, want %+v", got, tc.want)
			}
		})
	}
}

// Four calls of twenty are cut off: it is tried whether fewer at the same time help, and
// nobody is told that the service takes no more before that is known.
func TestCutOffCallsAreNoLimitYet(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	p := NewPace(rate.Inf, 8)
	cutOff := &octave.Error{Status: 504, Action: octave.Again, Cause: octave.CauseServer, MaybeBilled: true}
	for round := range 5 {
		var calls []Started
		for range 4 {
			calls = append(calls, p.Start(now, 0))
		}
		now = now.Add(time.Second)
		for i, call := range calls {
			if key := (checkpoint.Key{byte(round), byte(i)}); i == 0 && round < 4 {
				p.Ended(now, call, key, nil, cutOff, time.Hour)
			} else {
				p.Ended(now, call, key, &octave.Answer{}, nil, time.Hour)
			}
		}
	}
	if p.Trial.InFlight <= p.InFlight {
		t.Fatalf("no trial of fewer: %+v", p)
	}
	if learnt := p.Learnt(); learnt != (PaceBody{}) {
		t.Errorf("learnt %+v", learnt)
	}
}
