package pipeline

import (
	"testing"
	"time"

	"golang.org/x/time/rate"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
)

// heard ends a call with an answer that has headers.
func heard(p *Pace, now time.Time, call Started, q octave.Quota) {
	p.Ended(now, call, checkpoint.Key{}, &octave.Answer{Quota: q}, nil, time.Hour)
}

// What headers say is left is spread over the rest of the window, never faster than was found.
func TestRateOfAQuota(t *testing.T) {
	for name, tc := range map[string]struct {
		said octave.Quota
		at   float64 // seconds after the answer
		want rate.Limit
	}{
		"nothing said":                     {octave.Quota{}, 1, 50},
		"left for the rest of it":          {octave.Quota{Limit: 100, Remaining: 40, Reset: 10 * time.Second}, 0, 4},
		"as it goes on, faster":            {octave.Quota{Limit: 100, Remaining: 40, Reset: 10 * time.Second}, 5, 8},
		"not faster than was found":        {octave.Quota{Limit: 1000, Remaining: 900, Reset: 10 * time.Second}, 0, 50},
		"the next one":                     {octave.Quota{Limit: 100, Remaining: 40, Reset: 10 * time.Second}, 10, 10},
		"the next one, of a known length":  {octave.Quota{Limit: 100, Remaining: 40, Reset: 10 * time.Second, Window: 50 * time.Second}, 11, 2},
		"the next one, not faster either":  {octave.Quota{Limit: 1000, Remaining: 40, Reset: 10 * time.Second}, 10, 50},
		"nothing left, until the next one": {octave.Quota{Limit: 100, Reset: 10 * time.Second}, 9, 50}, // it is closed
	} {
		p := NewPace(50, 64)
		p.Limit = 50
		if heard(&p, noon, p.Start(noon, 0), tc.said); !near(float64(p.Rate(after(tc.at))), float64(tc.want)) {
			t.Errorf("%s: %v a second, want %v", name, p.Rate(after(tc.at)), tc.want)
		}
	}
}

// When nothing is left nobody asks until the window ends, but for one call each ten seconds.
func TestNothingLeft(t *testing.T) {
	for _, tc := range []struct {
		said octave.Quota
		want time.Duration
	}{
		{octave.Quota{Limit: 100, Reset: 4 * time.Second}, 4 * time.Second},
		{octave.Quota{Limit: 100, Reset: time.Minute}, longIdle},
		{octave.Quota{Limit: 100, Remaining: 1, Reset: time.Minute}, 0},
		{octave.Quota{Reset: time.Minute}, 0},
	} {
		p := NewPace(50, 64)
		heard(&p, noon, p.Start(noon, 0), tc.said)
		if got := max(p.ClosedFor(noon), 0); got != tc.want {
			t.Errorf("%+v: closed for %v, want %v", tc.said, got, tc.want)
		}
		if got := p.ClosedFor(noon.Add(tc.want)); got > 0 {
			t.Errorf("%+v: closed for %v after that", tc.said, got)
		}
	}
	// A pause that is longer than the window counts all the same.
	p := NewPace(50, 64)
	heard(&p, noon, p.Start(noon, 0), octave.Quota{Limit: 100, Reset: time.Second})
	p.PausedUntil = after(7)
	if got := p.ClosedFor(noon); got != 7*time.Second {
		t.Errorf("closed for %v", got)
	}
}

// Answers come in any order, and their headers hold as of the start of their calls: older ones
// do not hand out again what was used since.
func TestHeadersOfOlderAnswers(t *testing.T) {
	for name, tc := range map[string]struct {
		first, second int // the calls that are answered, of ten
		a, b          octave.Quota
		later         float64 // the second start, in seconds after the first
		left          int
	}{
		"less what was started since":          {first: 2, second: 0, a: octave.Quota{Limit: 100, Remaining: 50, Reset: time.Minute}, left: 42},
		"an older one":                         {first: 5, second: 2, a: octave.Quota{Limit: 100, Remaining: 50, Reset: time.Minute}, b: octave.Quota{Limit: 100, Remaining: 53, Reset: time.Minute}, left: 45},
		"an older one, though it says less":    {first: 5, second: 2, a: octave.Quota{Limit: 100, Remaining: 50, Reset: time.Minute}, b: octave.Quota{Limit: 100, Remaining: 5, Reset: time.Minute}, left: 45},
		"the same call again":                  {first: 5, second: 5, a: octave.Quota{Limit: 100, Remaining: 50, Reset: time.Minute}, b: octave.Quota{Limit: 100, Remaining: 5, Reset: time.Minute}, left: 45},
		"a newer one":                          {first: 5, second: 6, a: octave.Quota{Limit: 100, Remaining: 50, Reset: time.Minute}, b: octave.Quota{Limit: 100, Remaining: 30, Reset: time.Minute}, left: 26},
		"a newer one of the same window":       {first: 5, second: 6, a: octave.Quota{Limit: 100, Remaining: 50, Reset: time.Minute}, b: octave.Quota{Limit: 100, Remaining: 90, Reset: time.Minute}, left: 45},
		"of nearly the same, as it is rounded": {first: 5, second: 6, a: octave.Quota{Limit: 100, Remaining: 50, Reset: time.Minute}, b: octave.Quota{Limit: 100, Remaining: 90, Reset: 32 * time.Second}, left: 45},
		"of the next":                          {first: 5, second: 6, a: octave.Quota{Limit: 100, Remaining: 50, Reset: 20 * time.Second, Window: time.Minute}, b: octave.Quota{Limit: 100, Remaining: 90, Reset: time.Minute, Window: time.Minute}, left: 86},
		"nothing is said":                      {first: 5, second: 6, a: octave.Quota{Limit: 100, Remaining: 50, Reset: time.Minute}, left: 45},
	} {
		p := NewPace(50, 64)
		calls := []Started{{}}
		for range 10 {
			calls = append(calls, p.Start(noon, 0))
		}
		heard(&p, after(0.1), calls[tc.first], tc.a)
		if tc.second > 0 {
			heard(&p, after(0.2), calls[tc.second], tc.b)
		}
		if p.Quota.Left != tc.left {
			t.Errorf("%s: %d left, want %d", name, p.Quota.Left, tc.left)
		}
		if p.Start(after(0.3), 0); p.Quota.Left != tc.left-1 {
			t.Errorf("%s: %d left after one more", name, p.Quota.Left)
		}
	}
}

// A call that is taken although nothing was left shows that the headers are not about what the
// service does: who believed them would ask once in ten seconds. One that is refused shows that
// they are: who did not believe them in the next window would be refused there.
func TestHeadersAreBelievedUntilTheyAreWrong(t *testing.T) {
	nothing := octave.Quota{Limit: 100, Reset: time.Minute}
	for name, tc := range map[string]struct {
		at      float64 // when a call starts, and ten seconds later another, nothing being left
		err     error   // of both
		next    float64 // when another starts, if that is not refused, too
		believe bool
	}{
		"taken":                         {at: 10},
		"refused":                       {at: 10, err: refusal(0), believe: true},
		"refused, the next window came": {at: 10, err: refusal(0), next: 61, believe: true},
		"taken in the next window":      {at: 60, believe: true},
	} {
		p := NewPace(50, 64)
		old := p.Start(noon, 0)
		heard(&p, noon, p.Start(noon, 0), nothing)
		first := p.Start(after(tc.at), 0)
		second := p.Start(after(tc.at+10), 0)
		heard(&p, after(tc.at), old, nothing)
		if p.Quota.Limit < 0 {
			t.Errorf("%s: a call from before was taken, and the headers are not believed", name)
		}
		if tc.err != nil {
			ended(&p, after(tc.at+30), first, tc.err)
			ended(&p, after(tc.at+40), second, tc.err)
		} else {
			heard(&p, after(tc.at+30), first, nothing)
		}
		if tc.next > 0 {
			heard(&p, after(tc.next), p.Start(after(tc.next), 0), octave.Quota{Limit: 100, Remaining: 99, Reset: time.Minute})
		}
		if tc.believe != (p.Quota.Limit > 0) {
			t.Errorf("%s: %+v", name, p.Quota)
		}
		later := after(tc.at + 50)
		if heard(&p, later, p.Start(later, 0), nothing); !tc.believe && p.ClosedFor(later) > 0 {
			t.Errorf("%s: believed again", name)
		}
	}
}
