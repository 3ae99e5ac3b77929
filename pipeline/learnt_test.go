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
