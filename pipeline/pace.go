package pipeline

import (
	"errors"
	"math"
	"time"

	"golang.org/x/time/rate"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
)

// A Pace is what is known of how fast a service may be asked, and of its health.
// It decides and never waits, and it is plain data: a [Pacer] keeps one in memory
// for the workers of a process, a fleet one in its database for all hosts, each of
// which changes it once for all that its calls have to tell at the same time. See the
// package comment for its rules.
type Pace struct {
	Allowed     rate.Limit `json:"allowed"`   // by the user, calls per second; rate.Inf for no limit
	MaxInFlight int        `json:"slots"`     // by the user, calls in flight at most
	Limit       rate.Limit `json:"limit"`     // in force, at most Allowed
	InFlight    int        `json:"in_flight"` // in force, at most MaxInFlight

	Starts int64   `json:"starts,omitempty"` // so far
	Flying int     `json:"flying,omitempty"` // started and not ended
	Last   Started `json:"last,omitzero"`

	// What refusals, and calls that were cut off, say together: none is believed alone.
	Bad     int64   `json:"bad,omitempty"` // so far
	LastBad Started `json:"last_bad,omitzero"`
	Surplus float64 `json:"surplus,omitempty"` // how many more than are normal came lately
	Normal  float64 `json:"normal,omitempty"`  // share of calls that is bad at any speed
	Trial   Trial   `json:"trial,omitzero"`
	Crowd   Crowd   `json:"crowd,omitzero"`

	// A series: too many were refused. One call at a time is a scout, until one is taken.
	Scouting bool          `json:"scouting,omitempty"`
	First    time.Time     `json:"first,omitzero"` // start of the first call of the series
	Backoff  time.Duration `json:"backoff,omitempty"`
	Echo     time.Duration `json:"echo,omitempty"` // how long a refusal takes to come back, at most of late

	// The search for the rate, which is kept for a step and raised after it.
	Cycle   Count         `json:"cycle,omitzero"` // since a series ended
	Step    Count         `json:"step,omitzero"`
	Until   time.Time     `json:"until,omitzero"`
	Length  time.Duration `json:"length,omitempty"`  // of a step, at least
	Grow    float64       `json:"grow,omitempty"`    // added to the rate, as a share of it
	Good    rate.Limit    `json:"good,omitempty"`    // was taken
	Ceiling rate.Limit    `json:"ceiling,omitempty"` // was refused, 0 while nothing was
	Debt    float64       `json:"debt,omitempty"`    // calls to make before more is tried

	Quota       Quota     `json:"quota,omitzero"`
	PausedUntil time.Time `json:"paused_until,omitzero"`
	Told        Told      `json:"told,omitzero"`
	Recent      Meter     `json:"recent,omitzero"`
	Failing     Failing   `json:"failing,omitzero"`
}

// Started is the start of a call.
type Started struct {
	At     time.Time `json:"at,omitzero"`
	Number int64     `json:"number,omitempty"` // 1-based
	Beside int       `json:"beside,omitempty"` // calls in flight already
	Spent  bool      `json:"spent,omitempty"`  // although the headers said that nothing was left
}

// Count is what had been started and was bad at a moment.
type Count struct {
	At     time.Time `json:"since,omitzero"`
	Starts int64     `json:"starts,omitempty"`
	Bad    int64     `json:"bad,omitempty"`
}

// Trial is the question whether fewer calls help.
type Trial struct {
	Limit    rate.Limit `json:"limit,omitempty"`     // before
	InFlight int        `json:"in_flight,omitempty"` // before
	Share    float64    `json:"share,omitempty"`     // that was bad before, 0 for no trial
	Since    Count      `json:"count,omitzero"`
}

// Crowd is the search for a limit of calls in flight.
type Crowd struct {
	Least  int `json:"least,omitempty"`  // fewest calls beside one that was refused
	Tries  int `json:"tries,omitempty"`  // calls that were started beside as many or more
	Signs  int `json:"signs,omitempty"`  // those of them that were refused
	Series int `json:"series,omitempty"` // meanwhile
	Good   int `json:"good,omitempty"`   // what is taken, 0 while there is no such limit
}

// Quota is what the headers of the answers say of the limit. What is left of a
// window is spread over the time until the next one.
type Quota struct {
	Limit  int           `json:"limit,omitempty"` // calls in a window; 0 when nothing is said, -1 when it is not believed
	Window time.Duration `json:"window,omitempty"`
	Left   int           `json:"left,omitempty"` // of it, less what was started since
	Until  time.Time     `json:"until,omitzero"`
	Number int64         `json:"number,omitempty"` // the call whose answer said so
}

// MaxRetryAfter caps what a service may ask for.
const MaxRetryAfter = 5 * time.Minute

const (
	firstLimit    = rate.Limit(10)
	firstStep     = 250 * time.Millisecond
	minRate       = rate.Limit(0.1) // no start for 10 s is too long
	maxBackoffAll = 8 * time.Second
	slowEcho      = 5 * time.Second  // beyond it nothing is presumed of a refusal
	longIdle      = 10 * time.Second // without a start, on the word of a header
	usual         = 0.04             // bad: that is little
	price         = 30               // calls made for each bad one, before more is tried
	waitPrice     = 10               // seconds for each one waited
	many          = 3                // more than normal: that is a series
	certain       = 6                // the limit is far below
	mostNormal    = 0.3
	forever       = math.MaxInt64 / 2 * time.Nanosecond // longer than any process lives
)

// NewPace returns a pace below what the user allows.
func NewPace(allowed rate.Limit, calls int) Pace {
	return Pace{Allowed: allowed, MaxInFlight: calls, Limit: min(allowed, firstLimit), InFlight: calls, Length: firstStep, Grow: 1}
}

// Allow changes what the user allows. What was cut stays cut.
func (p *Pace) Allow(allowed rate.Limit) {
	p.Allowed = allowed
	p.Limit = min(p.Limit, allowed)
}

// Rate is how fast calls may start now.
func (p *Pace) Rate(now time.Time) rate.Limit {
	q := &p.Quota
	switch left := q.Until.Sub(now).Seconds(); {
	case q.Limit > 0 && left <= 0:
		return min(p.Limit, rate.Limit(float64(q.Limit)/q.Window.Seconds()))
	case q.Limit > 0 && q.Left > 0:
		return min(p.Limit, rate.Limit(float64(q.Left)/left))
	}
	return p.Limit
}

// ClosedFor says how long nothing may start, 0 or less when a call may.
func (p *Pace) ClosedFor(now time.Time) time.Duration {
	wait := max(p.settle(now), p.PausedUntil.Sub(now), p.Failing.ProbeUntil.Sub(now))
	if q := &p.Quota; q.Limit > 0 && q.Left <= 0 {
		wait = max(wait, min(q.Until.Sub(now), p.Last.At.Add(longIdle).Sub(now)))
	}
	switch {
	case p.Flying < p.InFlight:
	case p.Trial.InFlight > p.InFlight: // most of them may have been given up already
		wait = max(wait, p.Last.At.Add(longIdle-time.Second).Sub(now))
	default:
		wait = forever
	}
	return wait
}

// settle presumes that a scout was taken which was not refused in time, since answers
// take too long to wait for. It returns how long to wait for that.
func (p *Pace) settle(now time.Time) (wait time.Duration) {
	if p.Scouting && p.Last.Number > p.LastBad.Number {
		if wait = p.Last.At.Add(p.Echo*3/2 + time.Millisecond).Sub(now); wait <= 0 {
			p.conclude(p.Last)
		}
	}
	return wait
}

// Start takes note of a call that starts now. During an outage the one call is a
// probe, and nothing else may start until it comes back or so much time has
// passed.
func (p *Pace) Start(now time.Time, probe time.Duration) Started {
	p.settle(now)
	p.Starts++
	p.Last = Started{At: now, Number: p.Starts, Beside: p.Flying, Spent: p.Quota.Left <= 0 && now.Before(p.Quota.Until)}
	p.Flying++
	p.Recent.add(now, 1)
	if p.Failing.On {
		p.Failing.ProbeUntil = now.Add(probe)
	}
	p.Quota.Left--
	if c := &p.Crowd; c.Least > 0 && p.Last.Beside >= c.Least {
		if c.Tries++; c.Tries > 3*c.Signs+10 { // it is no limit
			*c = Crowd{Good: c.Good}
		}
	}
	if p.Step.At.IsZero() {
		p.step(now, p.Limit, p.Length)
		p.Cycle, p.Trial.Since = p.Step, p.Step
	}
	p.grow(now)
	return p.Last
}

func (p *Pace) count(now time.Time) Count { return Count{now, p.Starts, p.Bad} }

// since says how many calls were started and bad since a moment.
func (p *Pace) since(c Count) (calls, bad float64) {
	return float64(max(p.Starts-c.Starts, 1)), float64(p.Bad - c.Bad)
}

// callsTake is how long so many calls take.
func callsTake(n float64, limit rate.Limit) time.Duration {
	return time.Duration(n / float64(limit) * float64(time.Second))
}

// step begins to count at a rate.
func (p *Pace) step(now time.Time, limit rate.Limit, length time.Duration) {
	p.Limit, p.Step, p.Until = min(max(limit, minRate), p.Allowed), p.count(now), now.Add(length)
}

// grow raises the rate, or the calls in flight, when its step is over and was made use of.
func (p *Pace) grow(now time.Time) {
	p.Debt = max(p.Debt-1-1.5*price*p.Normal, 0)
	if p.Scouting || p.judge(now) || now.Before(p.Until) {
		return
	}
	calls, bad := p.since(p.Step)
	limit, length := p.Limit, p.Length
	switch {
	case p.Flying >= p.InFlight && p.InFlight < p.MaxInFlight:
		if p.Debt > 0 || calls < float64(2*p.InFlight) {
			return
		}
		p.Crowd = Crowd{Good: p.InFlight, Least: p.InFlight}
		p.InFlight = min(p.InFlight+max(p.InFlight/8, 1), p.MaxInFlight)
	case p.Trial.Share > 0 || limit >= p.Allowed || calls < 0.8*float64(limit)*now.Sub(p.Step.At).Seconds() || bad > 1+calls*p.tolerated():
	case p.Ceiling == 0:
		p.Good, limit, length = limit, limit*2, firstStep
	case limit < p.Ceiling*0.93:
		p.Good, limit = limit, min(limit*1.5, (limit+p.Ceiling)/2)
	case p.Debt == 0:
		p.Grow = min(2*p.Grow, 0.5)
		limit, length = limit*rate.Limit(1+p.Grow), max(time.Second, callsTake(20, limit))
	}
	p.step(now, limit, length)
}

// tolerated is the share of bad calls that says nothing.
func (p *Pace) tolerated() float64 { return usual + 1.5*p.Normal }

// judge ends a trial in which enough was seen, and reports whether it was no help.
func (p *Pace) judge(now time.Time) (back bool) {
	t := p.Trial
	calls, bad := p.since(t.Since)
	if t.InFlight > p.InFlight { // it takes as long as answers until a call is cut off
		calls = max(calls-float64(p.Flying), 1)
	}
	switch share := bad / calls; {
	case t.Share == 0:
	case bad >= 4 && share > t.Share/2 && share < min(2*t.Share, mostNormal):
		if t.InFlight > p.InFlight {
			p.Crowd = Crowd{} // fewer are no help
		}
		p.Normal, p.InFlight, p.Grow, p.Ceiling, p.Debt = share, t.InFlight, 1, 0, 0
		p.step(now, t.Limit, firstStep)
		p.Trial = Trial{Since: p.Step}
		return true
	case calls*t.Share > 4+2*bad:
		p.Normal, p.Trial.Share = min(share, p.Normal), 0
		p.step(now, max(p.Limit, p.Good), p.Length)
	}
	return false
}

// isBad takes note of a bad call, and says whether there are too many.
func (p *Pace) isBad(call Started) (tooMany bool) {
	p.Bad++
	p.Debt += price * (1 + 0.5/float64(p.Limit)) // where calls are few, the search is most of them
	taken := max(call.Number-p.LastBad.Number-1, 0)
	p.Surplus = max(0, p.Surplus-p.tolerated()*float64(taken)) + 1
	if call.Number > p.LastBad.Number {
		p.LastBad = call
	}
	return p.Surplus >= many+40*p.Normal
}

// refused handles a refusal: it is news for everyone.
func (p *Pace) refused(now time.Time, call Started, after time.Duration) {
	p.settle(now)
	p.Failing.since(now)
	p.Failing.ProbeUntil = time.Time{}
	echo := min(now.Sub(call.At), slowEcho)
	p.Echo = max(echo, p.Echo+(echo-p.Echo)/16)
	inRow := call.Number <= p.LastBad.Number+1
	if tooMany := p.isBad(call); p.crowded(now, call) || !tooMany && !p.Scouting {
		return
	}
	if !p.Scouting {
		p.Scouting, p.First, p.Backoff = true, call.At, 0
	}
	if inRow {
		if !call.At.Before(p.PausedUntil) { // it is not one of those that were under way
			p.Backoff = min(max(3*p.Backoff, 2*p.Echo, callsTake(1, p.Limit), 20*time.Millisecond), maxBackoffAll)
			p.pause(now, p.Backoff)
		}
		p.pause(call.At, min(after, MaxRetryAfter))
	}
}

// conclude ends a series of refusals with the scout that was taken: the rate is cut,
// or found not to be the reason.
func (p *Pace) conclude(scout Started) {
	sure := p.Surplus >= certain+40*p.Normal
	p.Scouting, p.Surplus = false, 0
	calls, bad := p.since(p.Cycle)
	if calls-bad < 2 { // the scout before was not taken: its refusal was late
		return
	}
	// It began to take calls again before the scout came: a Retry-After is rounded up to
	// seconds, and a wait of ours is a guess.
	end := scout.At.Add(-min(scout.At.Sub(p.LastBad.At)/2, time.Second/2))
	speed := func(c Count) rate.Limit {
		calls, bad := p.since(c)
		return rate.Limit(max(calls-bad, 1) / max(end.Sub(c.At), firstStep).Seconds())
	}
	seen, waited, calm := max(speed(p.Cycle), speed(p.Step)), scout.At.Sub(p.First), bad < calls*p.tolerated()
	p.Length = max(min(waited*6/5, 10*time.Second), time.Second, callsTake(20, p.Limit))
	p.Crowd.Series++
	if !p.judge(scout.At) {
		limit := min(seen*0.98, p.Limit*0.97)
		if calm && p.Normal > 0 {
			limit = p.Limit * 0.97
		} else if !sure {
			limit = max(limit, p.Limit/2)
			if p.Limit > p.Good {
				limit = max(limit, p.Good-0.01) // a slow one is not kept at what is just refused
			}
		}
		p.Debt = min(p.Debt+waited.Seconds()*waitPrice*float64(limit), max(20*price, 60*float64(limit)))
		p.Good, p.Ceiling, p.Grow = min(limit, p.Allowed), p.Limit, 0.03
		if p.Backoff > 0 {
			p.Ceiling = min(p.Limit, (p.Limit+seen)/2)
		}
		if calls, bad = p.since(p.Trial.Since); sure || calm {
			p.Trial = Trial{InFlight: p.Trial.InFlight, Since: p.count(scout.At)}
		} else if share := bad / calls; bad >= 10 && share > 1.5*p.tolerated() && share < mostNormal && p.Trial.Share == 0 {
			p.Trial = Trial{p.Limit, p.InFlight, share, p.count(scout.At)}
			limit /= 2
		}
		p.step(scout.At, limit, p.Length)
	}
	p.Cycle = p.Step
}

// crowded asks whether it is the number of calls in flight that is refused, and
// keeps to fewer if so.
func (p *Pace) crowded(now time.Time, call Started) bool {
	c := &p.Crowd
	if call.Beside == 0 {
		return false
	}
	if c.Least == 0 || call.Beside < c.Least {
		*c = Crowd{Good: c.Good, Least: call.Beside}
	}
	c.Tries = max(c.Tries, 1)
	c.Signs++
	share := float64(c.Signs)/float64(c.Tries) - p.Normal
	switch {
	case c.Good > 0 && p.InFlight > c.Good && c.Least >= c.Good*3/4 && share >= 0.25 && float64(c.Signs) >= 1+10*p.Normal:
		p.keepTo(c.Good)
	case share < 0.5 || c.Signs < unlikely(p.Normal, 14) || c.Series < 3:
		return false
	default:
		p.keepTo(c.Least)
		p.Scouting, p.PausedUntil = false, time.Time{}
		p.Trial, p.Ceiling, p.Grow = Trial{Since: p.count(now)}, 0, 1
	}
	return true
}

// keepTo keeps to so many calls in flight.
func (p *Pace) keepTo(n int) {
	p.InFlight, p.Crowd, p.Debt, p.Surplus = n, Crowd{Good: n}, 5*price, 0
}

// lost handles a call that was given up for the time it took.
func (p *Pace) lost(now time.Time, call Started) {
	stale := call.Number <= p.Trial.Since.Starts && p.Trial.InFlight > p.InFlight
	if stale || !p.isBad(call) {
		return
	}
	if p.Surplus = 0; !p.judge(now) {
		calls, bad := p.since(p.Cycle)
		p.Trial = Trial{p.Limit, p.InFlight, bad / calls, p.count(now)}
		p.keepTo(max(min(p.InFlight, call.Beside+1)/2, 1))
	}
	p.Cycle = p.count(now)
}

func (p *Pace) pause(now time.Time, d time.Duration) {
	if until := now.Add(d); d > 0 && until.After(p.PausedUntil) {
		p.PausedUntil = until
	}
}

// Ended takes the end of a call and returns what there is to tell, nil for
// nothing.
func (p *Pace) Ended(now time.Time, call Started, key checkpoint.Key, answer *octave.Answer, err error, patience time.Duration) (news Event) {
	p.Flying = max(p.Flying-1, 0)
	var failure *octave.Error
	switch {
	case err != nil && (!errors.As(err, &failure) || failure.Action == octave.Stop || failure.Action == octave.All):
		p.Failing.ProbeUntil = time.Time{}
	case failure != nil && failure.Cause == octave.CauseRateLimited:
		p.heard(call, failure.Quota)
		p.refused(now, call, failure.RetryAfter)
	case failure != nil && failure.Action == octave.Again:
		if failure.Status == 504 || failure.Cause == octave.CauseAmbiguous {
			p.lost(now, call)
		}
		news = p.failed(now, key, failure, patience)
	case answer != nil:
		return p.Accepted(now, call, answer.Quota)
	default:
		return p.Accepted(now, call, octave.Quota{})
	}
	if news == nil {
		news = p.tell(now)
	}
	return news
}

// Accepted takes the word of the service that it has taken a call on, whose answer
// may be long in coming. It returns what there is to tell, nil for nothing.
func (p *Pace) Accepted(now time.Time, call Started, said octave.Quota) Event {
	if call.Spent { // the headers do not say what the service does
		p.Quota = Quota{Limit: -1}
	}
	p.heard(call, said)
	if p.Scouting && call.Number > p.LastBad.Number {
		p.conclude(call)
	}
	if p.Failing.clear() {
		return OutageEnded{}
	}
	return p.tell(now)
}

// heard takes note of the headers of an answer. They hold as of the start of its call,
// which may be long ago.
func (p *Pace) heard(call Started, said octave.Quota) {
	q := &p.Quota
	if said.Limit == 0 || call.Number <= q.Number || q.Limit < 0 {
		return
	}
	if q.Window = max(q.Window, said.Reset); said.Window > 0 {
		q.Window = said.Window
	}
	until, left := call.At.Add(said.Reset), said.Remaining-int(p.Starts-call.Number)
	if until.Sub(q.Until).Abs() < q.Window/2 { // it is the same window: nothing was added
		left = min(left, q.Left)
	}
	q.Limit, q.Number, q.Until, q.Left = said.Limit, call.Number, until, left
}

// Uneasy says whether every end of a call has to be known at once.
func (p *Pace) Uneasy() bool {
	return !p.Failing.First.IsZero() || p.Scouting || p.Debt > 0 || p.Trial.Share > 0 || p.Crowd.Good > 0
}
