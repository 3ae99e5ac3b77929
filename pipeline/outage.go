package pipeline

import (
	"math"
	"time"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
)

const (
	// One row can be its own poison; four failures in a row of three different
	// questions, with no answer between them, are the service's.
	outageFailures  = 4
	outageQuestions = 3

	firstProbe = time.Second
	maxProbe   = time.Minute
)

// Failing watches for a service that fails for everyone.
type Failing struct {
	First  time.Time               `json:"first,omitzero"`  // start of the unbroken series of failures and refusals
	Count  int                     `json:"count,omitempty"` // failures in it
	Keys   map[checkpoint.Key]bool `json:"keys,omitempty"`  // different questions among them, as many as matter
	On     bool                    `json:"on,omitempty"`    // it is an outage
	Probes int                     `json:"probes,omitempty"`
	// Usual is the share of calls that fail although the service is well.
	Usual float64 `json:"usual,omitempty"`
	// ProbeUntil is in the future while a probe is on the wire and nothing else may start.
	ProbeUntil time.Time `json:"probe_until,omitzero"`
}

func (o *Failing) since(now time.Time) {
	if o.First.IsZero() {
		o.First = now
	}
}

func (o *Failing) lasted(now time.Time) time.Duration {
	if o.First.IsZero() {
		return 0
	}
	return now.Sub(o.First)
}

// note counts a failure and reports whether an outage began with it. A service
// that cannot even be reached is out whatever the request was. Where failures are
// usual, those that come back sooner than answers are no outage: half as many calls
// as are in flight have to fail.
func (o *Failing) note(now time.Time, key checkpoint.Key, unreachable bool, flying int) (began bool) {
	o.since(now)
	o.ProbeUntil = time.Time{}
	o.Count++
	if o.Keys == nil {
		o.Keys = map[checkpoint.Key]bool{}
	}
	if len(o.Keys) < outageQuestions {
		o.Keys[key] = true
	}
	enough := unlikely(o.Usual, outageFailures)
	if o.Usual >= usual {
		enough = max(enough, flying/2)
	}
	if o.On || !unreachable && (o.Count < enough || len(o.Keys) < outageQuestions) {
		return false
	}
	o.On = true
	return true
}

// failed handles a failure that may be everybody's. During an outage nothing
// starts until the next probe.
func (p *Pace) failed(now time.Time, key checkpoint.Key, failure *octave.Error, patience time.Duration) (news Event) {
	p.pause(now, min(failure.RetryAfter, MaxRetryAfter))
	if p.Failing.note(now, key, failure.Cause == octave.CauseUnreachable, p.Flying) {
		news = OutageBegan{Err: failure}
	}
	if p.Failing.On && !now.Before(p.PausedUntil) {
		p.pause(now, min(p.Failing.nextProbe(), patience-p.Failing.lasted(now)))
	}
	return news
}

// Exhausted says whether nothing was accepted for longer than patience.
func (p *Pace) Exhausted(now time.Time, patience time.Duration) bool {
	return p.Failing.lasted(now) >= patience && (p.Failing.On || p.Scouting)
}

// unlikely is how many in a row are no accident when such a share is usual.
func unlikely(share float64, least int) int {
	if share < 0.01 {
		return least
	}
	return max(least, int(math.Ceil(math.Log(1e-5)/math.Log(min(share, 0.5)))))
}

func (o *Failing) nextProbe() time.Duration {
	d := min(firstProbe<<min(o.Probes, 10), maxProbe)
	o.Probes++
	return d
}

// clear forgets the series after an accepted call and reports whether that ended
// an outage.
func (o *Failing) clear() (ended bool) {
	ended = o.On
	if !ended || o.Probes <= 1 { // or it was none: failures come back sooner than answers
		const keep = 0.98 // of what was seen before, with each call
		o.Usual = keep * (1 - (1-o.Usual)*math.Pow(keep, float64(o.Count)))
	}
	clear(o.Keys) // an answer is the usual case: no new map for each of them
	*o = Failing{Keys: o.Keys, Usual: o.Usual}
	return ended
}

// minSample is the shortest time from which a speed is taken.
const minSample = 100 * time.Millisecond

// A Meter counts calls started over a sliding second.
type Meter struct {
	First   time.Time `json:"first,omitzero"`
	Second  time.Time `json:"second,omitzero"` // start of the current second
	Last    float64   `json:"last,omitempty"`  // calls in the second before it
	Current float64   `json:"current,omitempty"`
}

func (m *Meter) add(now time.Time, calls float64) {
	if m.First.IsZero() {
		m.First = now
	}
	m.roll(now)
	m.Current += calls
}

// LastSecond is the number of calls that were started in the second before now.
func (m Meter) LastSecond(now time.Time) float64 { return m.perSecond(now) }

// perSecond of a second that is not full yet is what came so far, at that speed.
func (m *Meter) perSecond(now time.Time) float64 {
	m.roll(now)
	if age := now.Sub(m.First); age < time.Second {
		return m.Current / max(age, minSample).Seconds()
	}
	gone := now.Sub(m.Second).Seconds()
	return max(m.Current, m.Current+m.Last*(1-gone))
}

func (m *Meter) roll(now time.Time) {
	switch gone := now.Sub(m.Second); {
	case gone < time.Second:
	case gone < 2*time.Second:
		m.Second, m.Last, m.Current = m.Second.Add(time.Second), m.Current, 0
	default:
		m.Second, m.Last, m.Current = now, 0, 0
	}
}
