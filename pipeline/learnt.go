package pipeline

import (
	"time"

	"golang.org/x/time/rate"

	"octave-enrich/checkpoint"
)

// Told is what people were told of the pace last.
type Told struct {
	At       time.Time  `json:"at,omitzero"`
	Rate     rate.Limit `json:"rate,omitempty"`
	InFlight int        `json:"in_flight,omitempty"`
}

const (
	tellEvery = time.Minute
	tellPause = 10 * time.Second
	lasting   = 50 // calls without a series: the rate is no step of the search
)

// tell says what the service was found to take, when it is news: once for a
// series of refusals, not for every step of the search, and the more seldom the
// longer the run takes.
func (p *Pace) tell(now time.Time) Event {
	learnt, pause := p.Learnt(), max(p.PausedUntil.Sub(now), 0)
	tooSoon := now.Sub(p.Told.At) < max(tellEvery, p.Told.At.Sub(p.Recent.First)/2)
	if tooSoon || p.Failing.On || p.Trial.Share > 0 || pause < tellPause && !p.isNews(learnt) {
		return nil
	}
	p.Told = Told{At: now, Rate: rate.Limit(learnt.Rate), InFlight: learnt.InFlight}
	return Slowed{Rate: learnt.Rate, InFlight: learnt.InFlight, For: pause}
}

// isNews says whether what was learnt is no mere step of the search, and differs from
// what was told last.
func (p *Pace) isNews(learnt PaceBody) bool {
	limit, inFlight := rate.Limit(learnt.Rate), learnt.InFlight
	if calls, _ := p.since(p.Cycle); p.Scouting || limit > 0 && calls < lasting {
		return false
	}
	return limit > 1.3*p.Told.Rate || limit < 0.75*p.Told.Rate || inFlight > p.Told.InFlight+p.Told.InFlight/3 || 4*inFlight < 3*p.Told.InFlight
}

// Learnt is what the service was found to take, nothing where it took all that
// the user allows.
func (p *Pace) Learnt() (learnt PaceBody) {
	trying := p.Trial.Share > 0 && p.Trial.InFlight > p.InFlight // whether fewer calls help is not known yet
	if p.Crowd.Good > 0 && p.InFlight < p.MaxInFlight && !trying {
		learnt.InFlight = p.Crowd.Good
	} else if p.Ceiling > 0 && p.Limit < p.Allowed {
		learnt.Rate = float64(p.Good)
	}
	return learnt
}

// resume begins with what an earlier run learnt.
func (p *Pace) resume(learnt PaceBody) {
	if n := learnt.InFlight; n > 0 && n < p.MaxInFlight {
		p.InFlight, p.Crowd = n, Crowd{Good: n}
	}
	p.Told.Rate, p.Told.InFlight = rate.Limit(learnt.Rate), learnt.InFlight
	if limit := rate.Limit(learnt.Rate); limit > 0 && limit < p.Allowed {
		p.Limit, p.Good, p.Ceiling, p.Grow, p.Debt = limit, limit, limit, 0.03, 4*price
		p.Length = max(p.Length, callsTake(20, limit))
	}
}

// forgottenAfter is how long what was learnt is a place to start from.
const forgottenAfter = 24 * time.Hour

// LastPace is what the last run that learnt something found the service to take,
// and when; it reports false when that is none, or too old.
func LastPace(records []checkpoint.Record, now time.Time) (learnt PaceBody, at time.Time, ok bool) {
	learnt, rec, _ := lastOf(records, Paced, func(PaceBody) bool { return true })
	age := now.Sub(rec.At)
	return learnt, rec.At, learnt != PaceBody{} && age >= 0 && age < forgottenAfter
}

// A Gain is what a higher bound of the user's would have brought.
type Gain struct {
	Calls  int        // at the same time, if these were the bound
	Rate   rate.Limit // calls per second, if these were
	Before time.Duration
	After  time.Duration
}

const (
	gainFactor = 4   // by which a bound is raised, to say what it would bring
	gainLeast  = 1.5 // times as fast: else it is not worth a word
	gainBound  = 0.8 // of what is allowed was used: that was the bound
)

// Gain says what the run would have gained from a higher bound, if nothing else
// held it back: the service refused nothing and cut nothing off.
func (p *Pacer) Gain() (gain Gain, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	took := p.ended.Sub(p.began)
	if p.held || took < time.Minute {
		return gain, false
	}
	perSecond, atOnce := float64(p.pace.Starts)/took.Seconds(), p.busy.Seconds()/took.Seconds()
	faster := float64(gainFactor)
	switch {
	case atOnce >= gainBound*float64(p.pace.MaxInFlight):
		faster = min(faster, float64(p.pace.Allowed)/perSecond)
		gain.Calls = int(float64(p.pace.MaxInFlight) * faster)
	case perSecond >= gainBound*float64(p.pace.Allowed):
		faster = min(faster, float64(p.pace.MaxInFlight)/atOnce)
		gain.Rate = p.pace.Allowed * rate.Limit(faster)
	default:
		return gain, false
	}
	gain.Before, gain.After = took, time.Duration(float64(took)/faster)
	return gain, faster >= gainLeast
}

// Learnt is what the service was found to take.
func (p *Pacer) Learnt() PaceBody {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pace.Learnt()
}
