package pipeline

import (
	"testing"
	"time"

	"golang.org/x/time/rate"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
)

// The tests below ask a Pace itself, at times of their own: what it decides follows from
// these alone. Where a number is expected, the package comment says it in words.

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func after(seconds float64) time.Time {
	return noon.Add(time.Duration(seconds * float64(time.Second)))
}

// taken ends a call with an answer, ended with an error.
func taken(p *Pace, now time.Time, call Started) Event {
	return p.Ended(now, call, checkpoint.Key{}, &octave.Answer{}, nil, time.Hour)
}

func ended(p *Pace, now time.Time, call Started, err error) Event {
	return p.Ended(now, call, checkpoint.Key{}, nil, err, time.Hour)
}

// near allows for what numbers with a point lose.
func near(a, b float64) bool { return a == b || a > b*0.9999 && a < b*1.0001 }

// A rate that is made use of is raised: far where nothing was refused, carefully where
// something was. Else a run is slower than it could be, or is refused again and again.
func TestRateIsRaisedInSteps(t *testing.T) {
	for name, tc := range map[string]struct {
		limit, ceiling, allowed rate.Limit
		grow, debt, normal      float64
		used                    float64 // of the rate, for two seconds; all when 0
		bad                     int64   // meanwhile
		change                  func(p *Pace)

		want, good rate.Limit
		step       time.Duration // the next one; the same when 0
	}{
		"nothing was refused: twice":            {limit: 40, want: 80, good: 40, step: firstStep},
		"no more than is allowed":               {limit: 40, allowed: 60, want: 60, good: 40, step: firstStep},
		"as much as is allowed":                 {limit: 40, allowed: 40, want: 40},
		"not made use of":                       {limit: 40, used: 0.75, want: 40},
		"nearly made use of":                    {limit: 40, used: 0.85, want: 80, good: 40, step: firstStep},
		"far below what was refused: a half":    {limit: 40, ceiling: 100, want: 60, good: 40},
		"nearer: half way":                      {limit: 80, ceiling: 100, want: 90, good: 80},
		"nearly there, in debt":                 {limit: 94, ceiling: 100, debt: 1000, want: 94},
		"there, and paid for: 6 %":              {limit: 100, ceiling: 100, grow: 0.03, want: 106, step: time.Second},
		"then 12":                               {limit: 100, ceiling: 100, grow: 0.06, want: 112, step: time.Second},
		"a half at most":                        {limit: 100, ceiling: 100, grow: 0.4, want: 150, step: time.Second},
		"twenty calls to a step":                {limit: 5, ceiling: 5, grow: 0.125, want: 6.25, step: 4 * time.Second},
		"paid by each call":                     {limit: 100, ceiling: 100, grow: 0.03, debt: 201, want: 106, step: time.Second},
		"a call is missing":                     {limit: 100, ceiling: 100, grow: 0.03, debt: 202, want: 100},
		"paid sooner where some are normal":     {limit: 100, ceiling: 100, grow: 0.03, debt: 5.5 * 201, normal: 0.1, want: 106, step: time.Second},
		"that is too little for it":             {limit: 100, ceiling: 100, grow: 0.03, debt: 5.5*201 + 1, normal: 0.1, want: 100},
		"few were refused":                      {limit: 50, bad: 5, want: 100, good: 50, step: firstStep},
		"too many were: the step again":         {limit: 50, bad: 6, want: 50},
		"as many as are normal":                 {limit: 50, bad: 20, normal: 0.1, want: 100, good: 50, step: firstStep},
		"more than that":                        {limit: 50, bad: 21, normal: 0.1, want: 50},
		"on trial":                              {limit: 50, normal: 0.2, change: func(p *Pace) { p.Trial.Share, p.Bad = 0.5, 33 }, want: 50},
		"not slower than a call in ten seconds": {limit: 0.05, want: 0.2, good: 0.1, step: firstStep},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.allowed == 0 {
				tc.allowed = rate.Inf
			}
			if tc.used == 0 {
				tc.used = 1
			}
			if tc.grow == 0 {
				tc.grow = 1
			}
			p := NewPace(tc.allowed, 64)
			p.Limit, p.Ceiling, p.Grow, p.Debt, p.Normal, p.Length = tc.limit, tc.ceiling, tc.grow, tc.debt, tc.normal, 2*time.Second
			taken(&p, noon, p.Start(noon, 0))
			if tc.change != nil {
				tc.change(&p)
			}
			n := int(2*float64(tc.limit)*tc.used + 0.5)
			for i := 1; i < n; i++ {
				now := after(2 * float64(i) / float64(n))
				if taken(&p, now, p.Start(now, 0)); p.Limit != max(tc.limit, minRate) {
					t.Fatalf("%v a second before the step is over", p.Limit)
				}
			}
			p.Bad += tc.bad
			p.Start(after(2), 0)
			if !near(float64(p.Limit), float64(tc.want)) || p.Good != tc.good {
				t.Errorf("%v a second, %v are good; want %v, %v", p.Limit, p.Good, tc.want, tc.good)
			}
			if tc.step == 0 {
				tc.step = 2 * time.Second
			}
			if got := p.Until.Sub(after(2)).Round(time.Microsecond); got != tc.step {
				t.Errorf("the next step takes %v, want %v", got, tc.step)
			}
		})
	}
}

// Half of what is taken is tried where many calls are refused. When that is no help, they are
// refused at random, and a run that stayed slow for it would stay so for ever; when it is, the
// rate was the reason.
func TestTrialTellsALimitFromChance(t *testing.T) {
	for name, tc := range map[string]struct {
		before     float64 // share that was bad
		calls, bad int64
		normal     float64
		inFlight   int // less than the 64 before, and as many of the calls are
		back       bool
		over       bool
		want       float64 // is normal then
	}{
		"as many are refused":            {before: 0.2, calls: 100, bad: 20, back: true, over: true, want: 0.2},
		"more than half as many":         {before: 0.2, calls: 100, bad: 11, back: true, over: true, want: 0.11},
		"half as many":                   {before: 0.2, calls: 100, bad: 10},
		"far fewer":                      {before: 0.2, calls: 100, bad: 7, normal: 0.1, over: true, want: 0.07},
		"far fewer, as is normal":        {before: 0.2, calls: 100, bad: 7, normal: 0.05, over: true, want: 0.05},
		"a few fewer, which may be luck": {before: 0.2, calls: 100, bad: 8},
		"none of a few":                  {before: 0.2, calls: 20, bad: 0},
		"none of some more":              {before: 0.2, calls: 21, bad: 0, over: true},
		"three, which says nothing":      {before: 0.2, calls: 15, bad: 3},
		"four of as many":                {before: 0.2, calls: 20, bad: 4, back: true, over: true, want: 0.2},
		"more than before":               {before: 0.1, calls: 100, bad: 19, back: true, over: true, want: 0.19},
		"twice as many: it is worse now": {before: 0.1, calls: 100, bad: 20},
		"more than can be normal":        {before: 0.25, calls: 100, bad: 30},
		"no trial":                       {before: 0, calls: 100, bad: 20, over: true},

		"with fewer at once, those in flight not counted": {before: 0.2, calls: 100, bad: 5, inFlight: 60, back: true, over: true, want: 0.125},
		"with fewer at once, all still in flight":         {before: 0.2, calls: 60, bad: 0, inFlight: 60},
		"with fewer at once, that helped":                 {before: 0.2, calls: 100, bad: 1, inFlight: 60, over: true},
	} {
		t.Run(name, func(t *testing.T) {
			p := NewPace(rate.Inf, 64)
			p.Limit, p.Good, p.Ceiling, p.Debt, p.Grow, p.Normal = 20, 30, 50, 400, 0.03, tc.normal
			p.Starts, p.Bad = 1000+tc.calls, 50+tc.bad
			p.Trial = Trial{40, 64, tc.before, Count{noon, 1000, 50}}
			if p.Flying = 8; tc.inFlight > 0 {
				p.InFlight, p.Flying = tc.inFlight, tc.inFlight
			}
			back := p.judge(after(10))
			if back != tc.back || (p.Trial.Share == 0) != tc.over {
				t.Errorf("back to the rate before: %v, trial %+v", back, p.Trial)
			}
			limit, ceiling, debt, inFlight := rate.Limit(20), rate.Limit(50), 400., 64
			if tc.inFlight > 0 {
				inFlight = tc.inFlight
			}
			switch {
			case back:
				limit, ceiling, debt, inFlight = 40, 0, 0, 64
			case tc.over && tc.before > 0:
				limit = 30
			}
			if p.Limit != limit || p.Ceiling != ceiling || p.Debt != debt || p.InFlight != inFlight {
				t.Errorf("%v a second, refused were %v, debt %v, %d at once", p.Limit, p.Ceiling, p.Debt, p.InFlight)
			}
			if tc.over && tc.before > 0 && !near(p.Normal, tc.want) {
				t.Errorf("%v are normal, want %v", p.Normal, tc.want)
			}
		})
	}
}

// When a series ends, the rate is cut to what was taken, within bounds: too little makes a run
// slower than it need be, too much has it refused again.
func TestSeriesCutsTheRate(t *testing.T) {
	type result struct {
		limit, good, ceiling rate.Limit
		debt                 float64
		trial                float64 // share that was bad before
		step                 time.Duration
	}
	for name, tc := range map[string]struct {
		limit  rate.Limit // was in force since noon
		starts int64      // in 10 s, and the bad ones among them
		bad    int64
		first  float64 // second of the first call that was refused; one second before the scout when 0
		change func(p *Pace)
		want   result
	}{
		"to a little less than was taken": {limit: 100, starts: 804, bad: 4, want: result{78.4, 78.4, 100, 784, 0, 1200 * time.Millisecond}},
		"by half at most":                 {limit: 100, starts: 204, bad: 4, want: result{50, 50, 100, 500, 0, 1200 * time.Millisecond}},
		"by more where six were refused": {limit: 100, starts: 204, bad: 4, change: func(p *Pace) { p.Surplus = certain },
			want: result{19.6, 19.6, 100, 196, 0, 1200 * time.Millisecond}},
		"not by more where as many are normal": {limit: 100, starts: 204, bad: 64, change: func(p *Pace) { p.Surplus, p.Normal = certain+3, 0.1 },
			want: result{50, 50, 100, 500, 0, 1200 * time.Millisecond}},
		"by three in 100 at least": {limit: 100, starts: 1204, bad: 4, want: result{97, 97, 100, 970, 0, 1200 * time.Millisecond}},
		"by three where that is normal": {limit: 100, starts: 204, bad: 4, change: func(p *Pace) { p.Normal = 0.1 },
			want: result{97, 97, 100, 970, 0, 1200 * time.Millisecond}},
		"to what was good before": {limit: 100, starts: 604, bad: 4, change: func(p *Pace) { p.Good = 70 },
			want: result{69.99, 69.99, 100, 699.9, 0, 1200 * time.Millisecond}},
		"below what was good when that is refused": {limit: 70, starts: 604, bad: 4, change: func(p *Pace) { p.Good = 70 },
			want: result{58.8, 58.8, 70, 588, 0, 1200 * time.Millisecond}},
		"a wall shows where the limit is": {limit: 100, starts: 804, bad: 4, change: func(p *Pace) { p.Backoff = time.Second },
			want: result{78.4, 78.4, 90, 784, 0, 1200 * time.Millisecond}},
		"to what the last step took": {limit: 100, starts: 904, bad: 4, change: func(p *Pace) { p.Cycle.At, p.Step.Starts = after(-30), 100 },
			want: result{78.4, 78.4, 100, 784, 0, 1200 * time.Millisecond}},
		"to no more than a quarter of a second shows": {limit: 100, starts: 804, bad: 4, change: func(p *Pace) { p.Cycle.At, p.Step = after(-10), Count{after(9.9), 784, 0} },
			want: result{64 * 0.98, 64 * 0.98, 100, 627.2, 0, 1200 * time.Millisecond}},
		"what was waited is paid for": {limit: 10, starts: 84, bad: 4, first: 0.2, want: result{7.84, 7.84, 10, 600, 0, 10 * time.Second}},
		"in short steps":              {limit: 100, starts: 804, bad: 4, first: 10.1, want: result{78.4, 78.4, 100, 78.4, 0, time.Second}},
		"in steps of twenty calls":    {limit: 10, starts: 84, bad: 4, want: result{7.84, 7.84, 10, 78.4, 0, 2 * time.Second}},
		"what is owed stays":          {limit: 10, starts: 84, bad: 4, change: func(p *Pace) { p.Debt = 100 }, want: result{7.84, 7.84, 10, 178.4, 0, 2 * time.Second}},

		"many were refused: half on trial": {limit: 10, starts: 100, bad: 20, want: result{3.92, 7.84, 10, 78.4, 0.2, 2 * time.Second}},
		"ten are many":                     {limit: 10, starts: 100, bad: 10, want: result{4.41, 8.82, 10, 88.2, 0.1, 2 * time.Second}},
		"nine are not":                     {limit: 10, starts: 100, bad: 9, want: result{8.918, 8.918, 10, 89.18, 0, 2 * time.Second}},
		"too many for chance":              {limit: 10, starts: 100, bad: 30, want: result{6.86, 6.86, 10, 68.6, 0, 2 * time.Second}},
		"as many as are normal":            {limit: 20, starts: 200, bad: 12, want: result{18.424, 18.424, 20, 184.24, 0, 1200 * time.Millisecond}},
		"no trial where it is sure": {limit: 10, starts: 100, bad: 20, change: func(p *Pace) { p.Surplus = certain },
			want: result{7.84, 7.84, 10, 78.4, 0, 2 * time.Second}},
		"no trial within another": {limit: 10, starts: 100, bad: 20, change: func(p *Pace) { p.Trial.Share = 0.4 },
			want: result{7.84, 7.84, 10, 78.4, 0.4, 2 * time.Second}},
		"what a trial found": {limit: 10, starts: 100, bad: 20, change: func(p *Pace) { p.Trial.Limit, p.Trial.Share, p.Good, p.Debt = 15, 0.2, 3, 5 },
			want: result{15, 3, 0, 0, 0, firstStep}},
	} {
		t.Run(name, func(t *testing.T) {
			p := NewPace(rate.Inf, 64)
			p.Limit, p.Starts, p.Bad, p.Scouting, p.Surplus = tc.limit, tc.starts, tc.bad, true, many
			p.Cycle, p.Step, p.Trial.Since = Count{At: noon}, Count{At: noon}, Count{At: noon}
			p.LastBad = Started{At: after(9.8), Number: tc.starts - 1}
			p.Last = Started{At: after(10.2), Number: tc.starts}
			if tc.first == 0 {
				tc.first = 9.2
			}
			p.First = after(tc.first)
			if tc.change != nil {
				tc.change(&p)
			}
			taken(&p, after(11), p.Last)
			if p.Scouting || p.Surplus != 0 || p.Crowd.Series != 1 || p.Cycle.Starts != tc.starts {
				t.Fatalf("the series is not over: %+v", p)
			}
			got, want := result{p.Limit, p.Good, p.Ceiling, p.Debt, p.Trial.Share, p.Until.Sub(after(10.2))}, tc.want
			if !near(float64(got.limit), float64(want.limit)) || !near(float64(got.good), float64(want.good)) || !near(float64(got.ceiling), float64(want.ceiling)) ||
				!near(got.debt, want.debt) || !near(got.trial, want.trial) || !near(float64(got.step), float64(want.step)) {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

// What a Retry-After of whole seconds made wait too long is not taken for time in which the
// service took nothing.
func TestWaitThatWasTooLongIsNotCounted(t *testing.T) {
	p := NewPace(rate.Inf, 64)
	p.Limit, p.Starts, p.Bad, p.Scouting, p.Surplus = 100, 804, 4, true, many
	p.Cycle, p.Step, p.First = Count{At: noon}, Count{At: noon}, after(9.5)
	p.LastBad, p.Last = Started{At: after(9.5), Number: 803}, Started{At: after(14.5), Number: 804}
	if taken(&p, after(15), p.Last); !near(float64(p.Limit), 800./14*0.98) {
		t.Errorf("%v a second, of 800 in 14 s", p.Limit)
	}
}

// A pace that has nothing to fear need not know every end at once; one that has, must.
func TestUneasy(t *testing.T) {
	for name, change := range map[string]func(p *Pace){
		"failures":      func(p *Pace) { p.Failing.First = noon },
		"a series":      func(p *Pace) { p.Scouting = true },
		"debt":          func(p *Pace) { p.Debt = 1 },
		"a trial":       func(p *Pace) { p.Trial.Share = 0.2 },
		"calls at once": func(p *Pace) { p.Crowd.Good = 8 },
		"a refusal":     func(p *Pace) { ended(p, noon, p.Start(noon, 0), refusal(0)) },
	} {
		p := NewPace(rate.Inf, 64)
		taken(&p, noon, p.Start(noon, 0))
		if p.Uneasy() {
			t.Error("uneasy for nothing")
		}
		if change(&p); !p.Uneasy() {
			t.Errorf("easy in spite of %s", name)
		}
	}
}

// Each call that was refused is a debt of 30 calls and 15 s: what a search costs is known.
func TestDebtOfARefusal(t *testing.T) {
	for limit, want := range map[rate.Limit]float64{30: 30.5, 10: 31.5, 0.5: 60} {
		p := NewPace(rate.Inf, 64)
		p.Limit = limit
		if ended(&p, noon, p.Start(noon, 0), refusal(0)); !near(p.Debt, want) {
			t.Errorf("at %v a second: %v calls, want %v", limit, p.Debt, want)
		}
	}
}

// A user who allows less gets less at once; one who allows more gets it when it was found to be
// taken.
func TestAllow(t *testing.T) {
	p := NewPace(20, 64)
	for _, tc := range []struct{ allowed, want rate.Limit }{{15, 10}, {5, 5}, {30, 5}} {
		if p.Allow(tc.allowed); p.Limit != tc.want || p.Allowed != tc.allowed {
			t.Errorf("%v allowed: %v", tc.allowed, p.Limit)
		}
	}
}
