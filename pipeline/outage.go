package pipeline

import (
	"time"

	"octave-enrich/checkpoint"
)

const (
	// One row can be its own poison; four failures in a row of three different
	// questions, with no answer between them, are the service's.
	outageFailures  = 4
	outageQuestions = 3

	firstProbe = time.Second
	maxProbe   = time.Minute
)

// outage watches for a service that fails for everyone. Guarded by Pacer.mu.
type outage struct {
	first   time.Time // start of the unbroken series of failures and refusals
	count   int       // failures in it
	keys    map[checkpoint.Key]bool
	on      bool
	probing bool // a probe is on the wire, nothing else may start
	probes  int
}

func (o *outage) since(now time.Time) {
	if o.first.IsZero() {
		o.first = now
	}
}

func (o *outage) lasted(now time.Time) time.Duration {
	if o.first.IsZero() {
		return 0
	}
	return now.Sub(o.first)
}

// note counts a failure and reports whether an outage began with it. A service
// that cannot even be reached is out whatever the request was.
func (o *outage) note(now time.Time, key checkpoint.Key, unreachable bool) (began bool) {
	o.since(now)
	o.probing = false
	o.count++
	if len(o.keys) < outageQuestions {
		o.keys[key] = true
	}
	if o.on || !unreachable && (o.count < outageFailures || len(o.keys) < outageQuestions) {
		return false
	}
	o.on = true
	return true
}

func (o *outage) nextProbe() time.Duration {
	d := min(firstProbe<<min(o.probes, 10), maxProbe)
	o.probes++
	return d
}

// clear forgets the series after an accepted call and reports whether that ended
// an outage.
func (o *outage) clear() (ended bool) {
	ended = o.on
	clear(o.keys)
	*o = outage{keys: o.keys}
	return ended
}

// minSample is the shortest time from which a speed is taken.
const minSample = 100 * time.Millisecond

// A meter counts calls started over a sliding second.
type meter struct {
	first, second time.Time
	last, current float64
}

// full says whether calls were started for at least a second before now.
func (m *meter) full(now time.Time) bool { return now.Sub(m.first) >= time.Second }

func (m *meter) add(now time.Time) {
	if m.first.IsZero() {
		m.first = now
	}
	m.roll(now)
	m.current++
}

// perSecond of a second that is not full yet is what came so far, at that speed.
func (m *meter) perSecond(now time.Time) float64 {
	m.roll(now)
	if age := now.Sub(m.first); age < time.Second {
		return m.current / max(age, minSample).Seconds()
	}
	gone := now.Sub(m.second).Seconds()
	return max(m.current, m.current+m.last*(1-gone))
}

func (m *meter) roll(now time.Time) {
	switch gone := now.Sub(m.second); {
	case gone < time.Second:
	case gone < 2*time.Second:
		m.second, m.last, m.current = m.second.Add(time.Second), m.current, 0
	default:
		m.second, m.last, m.current = now, 0, 0
	}
}
