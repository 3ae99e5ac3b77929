package pipeline

import (
	"errors"
	"math"
	"time"

	"golang.org/x/time/rate"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
)

// A Gate decides when the next call may start, and hears how each of them ended.
// A [Pacer] is the gate of one process.
type Gate interface {
	// Take waits until the next call may start; it returns ErrStopped when none may.
	Take() error
	// Report says how the call ended that Take let start at started.
	Report(started time.Time, key checkpoint.Key, err error)
	// Outage says whether the service counts as failing for everyone.
	Outage() bool
}

// A Pace is what is known of how fast the service may be asked, and of its
// health. It decides and never waits, and it is plain data: a [Pacer] keeps one
// in memory for the workers of a process, a fleet one in its database for all
// hosts.
//
//   - A refusal for pace pauses everyone, for Retry-After when given; the rate is
//     cut once per episode and creeps back, so that a limit nobody told us is
//     found and kept.
//   - A service that fails for everyone is probed with one call at a time until
//     it answers. Server errors do not shrink the rate.
type Pace struct {
	Allowed rate.Limit `json:"allowed"` // by the user, calls per second; rate.Inf for no limit
	Limit   rate.Limit `json:"limit"`   // in force, at most Allowed

	PausedUntil time.Time  `json:"paused_until,omitzero"`
	Refusals    int        `json:"refusals,omitempty"` // since the last accepted call
	Calm        int        `json:"calm,omitempty"`     // calls accepted since the episode before
	CutAt       time.Time  `json:"cut_at,omitzero"`    // refusals of calls started before belong to the episode
	Ceiling     rate.Limit `json:"ceiling,omitempty"`  // the rate that was refused last
	Recent      Meter      `json:"recent,omitzero"`
	Failing     Failing    `json:"failing,omitzero"`
}

const (
	maxRetryAfter = 5 * time.Minute // cap on what the service may ask for
	cutFactor     = 0.7
	calmCalls     = 35               // a refusal after so many answers is a stray one: it pauses and cuts nothing
	minRate       = rate.Limit(0.05) // one call in 20 s finds out whether things are better
	firstPause    = 250 * time.Millisecond
	maxPause      = time.Minute

	// The way back to the rate that was refused takes some 15 s or 100 calls,
	// whichever is longer: a slow service is not probed with every few calls.
	// Beyond that rate it goes faster, since the refusal said little.
	creepSeconds = 15
	creepCalls   = 100
	creepFaster  = 5
)

// NewPace returns a pace that lets calls start at the rate that is allowed.
func NewPace(allowed rate.Limit) Pace { return Pace{Allowed: allowed, Limit: allowed} }

// Allow changes what the user allows. What was cut stays cut.
func (p *Pace) Allow(allowed rate.Limit) {
	if p.Limit >= p.Allowed || p.Limit > allowed {
		p.Limit = allowed
	}
	p.Allowed = allowed
}

// ClosedFor says how long nothing may start, 0 or less when a call may.
func (p *Pace) ClosedFor(now time.Time) time.Duration {
	return max(p.PausedUntil.Sub(now), p.Failing.ProbeUntil.Sub(now))
}

// Start takes note of calls that start now. During an outage the one call is a
// probe, and nothing else may start until it comes back or so much time has
// passed.
func (p *Pace) Start(now time.Time, calls int, probe time.Duration) {
	if p.Failing.On {
		p.Failing.ProbeUntil = now.Add(probe)
	}
	p.Recent.add(now, float64(calls))
}

// Accepted takes note of calls that the service took. It reports whether they
// ended an outage.
func (p *Pace) Accepted(calls int) (ended bool) {
	ended = p.Failing.clear()
	p.Refusals = 0
	p.Calm += calls
	for ; calls > 0 && p.Limit < p.Allowed; calls-- {
		p.Limit = min(p.Limit+creep(p.Limit, p.Ceiling), p.Allowed)
	}
	return ended
}

// Abandoned is a call that says nothing about the service.
func (p *Pace) Abandoned() { p.Failing.ProbeUntil = time.Time{} }

// Refused handles 429 or 503 to a call that started at started: news for everyone.
func (p *Pace) Refused(now, started time.Time, call *octave.Error) {
	p.Failing.since(now)
	p.Failing.ProbeUntil = time.Time{}
	if !started.Before(p.CutAt) {
		if p.Refusals == 0 {
			if p.Calm < calmCalls || p.Limit == rate.Inf {
				p.cut(now)
			}
			p.Calm = 0
		}
		p.Refusals++
		p.CutAt = now
		if call.RetryAfter <= 0 {
			p.pause(now, min(firstPause<<min(p.Refusals-1, 10), maxPause))
		}
	}
	p.pause(now, min(call.RetryAfter, maxRetryAfter))
}

// Failed handles an error of the service and reports whether an outage began
// with it. One that comes with Retry-After is a pause for all; a service that
// nobody gets an answer from is an outage, whose last probe is made when the
// patience ends and not after it.
func (p *Pace) Failed(now time.Time, key checkpoint.Key, call *octave.Error, patience time.Duration) (began bool) {
	p.pause(now, min(call.RetryAfter, maxRetryAfter))
	began = p.Failing.note(now, key, call.Kind == octave.KindUnreachable)
	if p.Failing.On && !now.Before(p.PausedUntil) {
		p.pause(now, min(p.Failing.nextProbe(), patience-p.Failing.lasted(now)))
	}
	return began
}

// Exhausted says whether nothing was accepted for longer than patience.
func (p *Pace) Exhausted(now time.Time, patience time.Duration) bool {
	return p.Failing.lasted(now) >= patience && (p.Failing.On || p.Refusals > 0)
}

func (p *Pace) pause(now time.Time, d time.Duration) {
	if until := now.Add(d); d > 0 && until.After(p.PausedUntil) {
		p.PausedUntil = until
	}
}

// cut lowers the rate at the start of an episode: below what was really being
// started, when that is known and less than what was allowed.
func (p *Pace) cut(now time.Time) {
	p.Ceiling = p.Limit
	if seen := rate.Limit(p.Recent.perSecond(now)); p.Ceiling == rate.Inf {
		p.Ceiling = max(seen, 1)
	} else if p.Recent.full(now) && now.Sub(p.PausedUntil) > time.Second {
		p.Ceiling = min(p.Ceiling, max(seen, 1))
	}
	p.Limit = max(p.Ceiling*cutFactor, min(minRate, p.Allowed))
}

// creep is what an accepted call adds to the rate.
func creep(limit, ceiling rate.Limit) rate.Limit {
	step := limit * (1 - cutFactor) / max(creepCalls, limit*creepSeconds)
	if limit > ceiling {
		step *= creepFaster
	}
	return step
}

// A Verdict is what the end of a call says about the service.
type Verdict int

// The verdicts.
const (
	CallAbandoned Verdict = iota // nothing: we gave up
	CallAccepted                 // it works, also when it is this request that is wrong
	CallRefused                  // too fast for it (429, 503)
	CallFailed                   // it fails, at least for this call
	CallForbidden                // no call can work until somebody acts: key, credits
)

// Judge says what the end of a call says about the service. The error of the call
// is nil when there is none, or none of the service's.
func Judge(err error) (*octave.Error, Verdict) {
	var call *octave.Error
	switch {
	case err == nil:
		return nil, CallAccepted
	case !errors.As(err, &call) || call.Fate == octave.Stop:
		return nil, CallAbandoned
	case call.Fate == octave.All:
		return call, CallForbidden
	case call.Kind == octave.KindRateLimited:
		return call, CallRefused
	case call.Fate == octave.Again:
		return call, CallFailed
	}
	return call, CallAccepted
}

// forever is longer than any process lives.
const forever = math.MaxInt64 / 2 * time.Nanosecond
