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
	Allowed     rate.Limit `json:"allowed"` // by the user, calls per second; rate.Inf for no limit
	MaxInFlight int        `json:"slots"`   // by the user, calls in flight at most

	Limit    rate.Limit `json:"limit"`     // in force, at most Allowed
	InFlight int        `json:"in_flight"` // in force, at most MaxInFlight

	Starts int64         `json:"starts,omitempty"` // so far
	Flying int           `json:"flying,omitempty"` // started and not ended
	Last   Started       `json:"last,omitzero"`
	Echo   time.Duration `json:"echo,omitempty"` // how long a refusal takes to come back, at most of late

	Refusals Refusals `json:"refusals,omitzero"`
	Steps    Steps    `json:"steps,omitzero"`
	Crowd    Crowd    `json:"crowd,omitzero"`
	Lost     Lost     `json:"lost,omitzero"`

	Quota Quota `json:"quota,omitzero"`

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
}

// Refusals is what the refusals say together: none of them is believed alone.
type Refusals struct {
	At      Started `json:"at,omitzero"`     // the call that was refused last
	Total   int64   `json:"total,omitempty"` // so far
	InRow   int     `json:"in_row,omitempty"`
	Surplus float64 `json:"surplus,omitempty"` // how many more than are normal came lately
	Normal  float64 `json:"normal,omitempty"`  // share of calls that is refused at any speed

	// On says that there are too many: one call at a time is a scout, and the first
	// one that is taken ends the series.
	On      bool          `json:"on,omitempty"`
	First   time.Time     `json:"first,omitzero"`  // start of the first call of the series
	Worst   int           `json:"worst,omitempty"` // most in a row in it
	Scout   Started       `json:"scout,omitzero"`
	Asked   bool          `json:"asked,omitempty"`  // a Retry-After held everybody
	Behind  int64         `json:"behind,omitempty"` // starts when the backoff began to hold everybody
	Backoff time.Duration `json:"backoff,omitempty"`
}

// Count is what had been started and refused at a moment.
type Count struct {
	At      time.Time `json:"since,omitzero"`
	Starts  int64     `json:"starts,omitempty"`
	Refused int64     `json:"total,omitempty"`
}

// Steps is the search for the rate, which is kept for a step and raised after it.
type Steps struct {
	Cycle   Count         `json:"cycle,omitzero"` // since a series of refusals ended
	Step    Count         `json:"step,omitzero"`  // since the rate changed
	Until   time.Time     `json:"until,omitzero"`
	Length  time.Duration `json:"length,omitempty"`  // of a step, at least
	Grow    float64       `json:"grow,omitempty"`    // added to the rate, as a share of it
	Good    rate.Limit    `json:"good,omitempty"`    // the rate of the step before, if few were refused in it
	Ceiling rate.Limit    `json:"ceiling,omitempty"` // a rate that was refused, 0 while there is none
	Seen    rate.Limit    `json:"seen,omitempty"`    // what was taken in the cycle before
	Settled rate.Limit    `json:"settled,omitempty"` // the rate after the last cut
	Kept    rate.Limit    `json:"kept,omitempty"`    // the rate before the ceiling is tried again, which was taken for long
	Debt    float64       `json:"debt,omitempty"`    // calls to make before the ceiling is tried again
	Trial   Trial         `json:"trial,omitzero"`
}

// Trial is the question whether cuts help, or what is refused has nothing to do with
// the rate.
type Trial struct {
	Rate  rate.Limit `json:"rate,omitempty"` // before the first one, 0 for no trial
	Cuts  int        `json:"cuts,omitempty"`
	Since Count      `json:"count,omitzero"`
	Share float64    `json:"share,omitempty"` // that was refused before half of what is taken was tried
}

// Crowd is the search for a limit of calls in flight.
type Crowd struct {
	Least  int           `json:"least,omitempty"`  // fewest calls beside one that was refused
	Tries  int           `json:"tries,omitempty"`  // calls that were started beside as many or more
	Signs  int           `json:"signs,omitempty"`  // those of them that were refused
	Series int           `json:"series,omitempty"` // of refusals meanwhile
	Good   int           `json:"good,omitempty"`   // what is taken, 0 while there is no such limit
	Hold   time.Duration `json:"hold,omitempty"`   // until more are tried
	Until  time.Time     `json:"until,omitzero"`
}

// Lost counts calls that were cut off, for the time they took, since calls in
// flight were lowered.
type Lost struct {
	Behind int64   `json:"behind,omitempty"` // starts before, which do not count
	Ended  int     `json:"ended,omitempty"`
	Cut    int     `json:"cut,omitempty"`
	Share  float64 `json:"share,omitempty"`  // before they were lowered
	Before int     `json:"before,omitempty"` // calls in flight before, 0 for no trial
	Normal float64 `json:"normal,omitempty"` // share that is cut off with any number
}

const (
	maxRetryAfter = 5 * time.Minute // cap on what the service may ask for
	firstLimit    = rate.Limit(10)
	firstStep     = 250 * time.Millisecond
	minRate       = rate.Limit(0.1) // no start for 10 s is too long
	maxBackoffAll = 8 * time.Second
	slowEcho      = 5 * time.Second // beyond it nothing is presumed of a refusal
	below         = 0.98            // of what was taken is kept to
	usual         = 0.04            // refused: that is little
	price         = 30              // calls made for each one refused, before more is tried
	waitPrice     = 10              // seconds for each one waited
	near          = 0.93            // of the ceiling: the next step is a trial
	wall          = 3               // refusals in a row, if none are normal
	certain       = 6               // refusals in a row: the limit is far below
	tooMany       = 0.3             // refused at half the rate: that is not normal
	mostNormal    = 0.25
)

// NewPace returns a pace below what the user allows.
func NewPace(allowed rate.Limit, calls int) Pace {
	return Pace{Allowed: allowed, MaxInFlight: calls, Limit: min(allowed, firstLimit), InFlight: calls,
		Steps: Steps{Length: firstStep, Grow: 1}}
}

// Allow changes what the user allows. What was cut stays cut.
func (p *Pace) Allow(allowed rate.Limit) {
	p.Allowed = allowed
	p.Limit = min(p.Limit, allowed)
}

// ClosedFor says how long nothing may start, 0 or less when a call may.
func (p *Pace) ClosedFor(now time.Time) time.Duration {
	p.settle(now)
	wait := max(p.PausedUntil.Sub(now), p.Failing.ProbeUntil.Sub(now), p.Quota.closedFor(now, p.Last.At))
	if r := &p.Refusals; r.On && r.Scout.Number > 0 {
		wait = max(wait, p.known(r.Scout).Sub(now))
	}
	if p.Flying >= p.InFlight {
		if wait = forever; p.Lost.Before > 0 { // most of them may have been given up already
			wait = p.Last.At.Add(longIdle - time.Second).Sub(now)
		}
	}
	return wait
}

// known is when a call that was not refused may be presumed taken: answers take
// too long to wait for.
func (p *Pace) known(s Started) time.Time { return s.At.Add(p.Echo + p.Echo/2 + time.Millisecond) }

// settle draws the conclusion from a scout of which nothing was heard.
func (p *Pace) settle(now time.Time) {
	if r := &p.Refusals; r.On && r.Scout.Number > 0 && !now.Before(p.known(r.Scout)) {
		p.conclude(r.Scout)
	}
}

// Start takes note of a call that starts now. During an outage the one call is a
// probe, and nothing else may start until it comes back or so much time has
// passed.
func (p *Pace) Start(now time.Time, probe time.Duration) Started {
	p.settle(now)
	p.Starts++
	s := Started{At: now, Number: p.Starts, Beside: p.Flying}
	p.Crowd.tried(p.Flying)
	p.Flying++
	p.Last = s
	p.Quota.spent(s)
	if p.Failing.On {
		p.Failing.ProbeUntil = now.Add(probe)
	}
	if p.Refusals.On && p.Refusals.Scout.Number == 0 {
		p.Refusals.Scout = s
	}
	p.Recent.add(now, 1)
	if p.Steps.Step.At.IsZero() {
		p.Steps.Cycle = Count{At: now}
		p.step(now, p.Limit, p.Steps.Length)
	}
	p.grow(now)
	p.spread(now)
	return s
}

// step begins to count at a rate.
func (p *Pace) step(now time.Time, limit rate.Limit, length time.Duration) {
	p.Limit = min(max(limit, minRate), p.Allowed)
	p.Steps.Step = p.count(now)
	p.Steps.Until = now.Add(length)
}

// grow raises the rate when its step is over and was made use of.
func (p *Pace) grow(now time.Time) {
	s := &p.Steps
	s.Debt = max(s.Debt-1-1.5*price*p.Refusals.Normal, 0)
	if p.Refusals.On || now.Before(s.Until) || p.tried(now) {
		return
	}
	n, refused := p.since(s.Step)
	used := n > 0.8*float64(p.Limit)*now.Sub(s.Step.At).Seconds()
	if !used || p.Limit >= p.Allowed || s.Trial.Share > 0 {
		p.step(now, p.Limit, s.Length)
		return
	}
	if n*p.Refusals.Normal >= 20 {
		p.Refusals.Normal = min(p.Refusals.Normal, 2*refused/n)
	}
	s.Good = p.Limit
	switch {
	case s.Ceiling == 0:
		p.step(now, p.Limit*2, firstStep)
	case p.Limit < s.Ceiling*near:
		p.step(now, min(p.Limit*1.5, (p.Limit+s.Ceiling)/2), s.Length)
	case s.Debt == 0:
		if s.Kept == 0 {
			s.Kept = p.Limit
		}
		s.Grow, s.Length = min(2*s.Grow, 0.5), max(s.Length/2, time.Second, callsTake(20, p.Limit))
		p.step(now, p.Limit*rate.Limit(1+s.Grow), s.Length)
	default:
		p.step(now, p.Limit, s.Length)
	}
}

// tolerated is the share of refusals that says nothing of the rate.
func (p *Pace) tolerated() float64 { return usual + 1.5*p.Refusals.Normal }

// count is what there is to count from.
func (p *Pace) count(now time.Time) Count { return Count{now, p.Starts, p.Refusals.Total} }

// since says how many calls were started and refused since a moment.
func (p *Pace) since(c Count) (calls, refused float64) {
	return float64(max(p.Starts-c.Starts, 1)), float64(p.Refusals.Total - c.Refused)
}

// share is how many of the calls since a moment were refused.
func (p *Pace) share(c Count) float64 { calls, refused := p.since(c); return refused / calls }

// tried ends a trial in which enough was seen, and reports whether the cuts were
// taken back.
func (p *Pace) tried(now time.Time) bool {
	t := &p.Steps.Trial
	if t.Rate == 0 {
		return false
	}
	if t.Share == 0 {
		if calls, refused := p.since(p.Steps.Cycle); calls >= 50 && refused < calls*(p.tolerated()-usual/2) {
			if *t = (Trial{}); p.Refusals.Normal > 0 {
				p.Refusals.Normal = min((p.Refusals.Normal+refused/calls)/2, mostNormal)
			}
		}
		return false
	}
	calls, refused := p.since(t.Since)
	share := refused / calls
	switch {
	case refused >= 4 && share > t.Share/2 && share < tooMany:
		p.Refusals.Normal = min(share, mostNormal)
		p.step(now, t.Rate, firstStep)
		*t, p.Steps.Grow, p.Steps.Ceiling, p.Steps.Debt = Trial{}, 1, 0, 0
		return true
	case calls*t.Share > 4+2*refused:
		p.Refusals.Normal = min(share, p.Refusals.Normal)
		*t = Trial{Rate: t.Rate, Since: p.count(now)}
	}
	return false
}

// callsTake is how long so many calls take.
func callsTake(n float64, limit rate.Limit) time.Duration {
	return time.Duration(n / float64(limit) * float64(time.Second))
}

// refused handles a refusal: it is news for everyone.
func (p *Pace) refused(now time.Time, call Started, after time.Duration) {
	p.settle(now)
	p.Failing.since(now)
	p.Failing.ProbeUntil = time.Time{}
	echo := min(now.Sub(call.At), slowEcho)
	p.Echo = max(echo, p.Echo+(echo-p.Echo)/16)
	p.Steps.Debt += price
	r := &p.Refusals
	r.Total++
	between := max(call.Number-r.At.Number, 1)
	r.Surplus = max(0, r.Surplus-p.tolerated()*float64(between-1)) + 1
	if between > 1 {
		r.InRow = 0
	}
	r.InRow++
	if call.Number > r.At.Number {
		r.At = call
	}
	if p.crowded(now, call) {
		return
	}
	walled := r.InRow >= unlikely(r.Normal, wall)
	if !r.On {
		if !walled && r.Surplus < 3+40*r.Normal {
			return
		}
		r.On, r.First, r.Worst, r.Asked, r.Backoff = true, call.At, 0, false, 0
	}
	r.Scout = Started{}
	if walled {
		r.Worst, r.Asked = max(r.Worst, r.InRow), after > 0
		if call.Number > r.Behind { // and it is not one of those that were under way
			r.Behind = p.Starts
			r.Backoff = min(max(3*r.Backoff, 2*p.Echo, callsTake(1, p.Limit), 20*time.Millisecond), maxBackoffAll)
			p.pause(now, r.Backoff)
		}
		p.pause(call.At, min(after, maxRetryAfter))
	}
}

// conclude ends a series of refusals with the scout that was taken: the rate is cut,
// or found not to be the reason.
func (p *Pace) conclude(scout Started) {
	r, s := &p.Refusals, &p.Steps
	calls, refused := p.since(s.Cycle)
	taken := calls - refused
	if taken < 2 { // the scout before was not taken: its refusal was late
		r.On, r.Scout, r.InRow = false, Started{}, 0
		return
	}
	cycle, seen := p.seen(scout)
	calls, _ = p.since(s.Step)
	sent := p.Limit // unless it was not made use of
	if before := r.First.Sub(s.Step.At).Seconds(); before > 0 {
		sent = min(sent, rate.Limit(calls/before)*1.2)
	}
	waited := scout.At.Sub(r.First)
	s.Length = max(min(max(waited*6/5, s.Length*7/10, time.Second), 10*time.Second), callsTake(20, p.Limit))
	if t := &s.Trial; !p.tried(scout.At) {
		if t.Rate == 0 || r.Worst >= certain {
			*t = Trial{Rate: p.Limit, Since: s.Cycle}
		}
		limit := min(seen*below, sent*0.97)
		if r.Worst == 0 && s.Good > 0 && s.Good < p.Limit {
			limit = s.Good
		}
		if half := sent / 2; limit < half && (r.Worst < certain || taken < 10) {
			limit = half
		} else {
			s.Debt += min(waited.Seconds()*waitPrice, 120) * float64(limit)
		}
		if r.Worst < certain && r.Normal < usual {
			limit = max(limit, s.Kept)
		}
		if r.Worst > 0 && cycle > 0.75*s.Seen && cycle < 1.33*s.Seen {
			sent = min(sent, seen*1.04)
		}
		s.Good, s.Kept, s.Ceiling, s.Grow = 0, 0, sent, 0.03
		s.Settled = min(limit, p.Allowed)
		if share := p.share(t.Since); t.Cuts >= 3 && r.Worst == 0 && share > 1.5*p.tolerated() {
			p.step(scout.At, limit/2, s.Length)
			t.Since, t.Share = s.Step, share
		} else {
			if t.Cuts++; limit <= p.Limit/2 {
				t.Cuts = 3
			}
			p.step(scout.At, limit, s.Length)
		}
	}
	s.Seen = cycle
	p.Crowd.Series++
	r.On, r.Scout, r.Surplus, r.InRow = false, Started{}, 0, 0
	s.Step = Count{scout.At, scout.Number - 1, r.Total}
	if scout.At.Sub(s.Cycle.At) > firstStep { // one that is shorter says nothing of the speed
		s.Cycle = s.Step
	}
}

// seen is how fast calls were taken in this cycle, the wait at its end included,
// and the higher of that and the same in this step, if that says something.
func (p *Pace) seen(scout Started) (cycle, seen rate.Limit) {
	// It began to take calls again before the scout came: a Retry-After is rounded up to
	// seconds, and a wait of ours is a guess.
	end, last := scout.At, p.Refusals.At.At
	early := scout.At.Sub(last) / 2
	if p.Refusals.Asked {
		early = min(early, time.Second/2)
	}
	end = end.Add(-early)
	speed := func(c Count) rate.Limit {
		if !end.After(c.At) {
			return 0
		}
		calls, refused := p.since(c)
		return rate.Limit(max(calls-refused, 1) / end.Sub(c.At).Seconds())
	}
	cycle = speed(p.Steps.Cycle)
	if p.Steps.Ceiling == 0 || scout.Number-p.Steps.Step.Starts > 10 {
		return cycle, max(cycle, speed(p.Steps.Step))
	}
	return cycle, cycle
}

// tried takes note of a call that is started beside others.
func (c *Crowd) tried(beside int) {
	if c.Least > 0 && beside >= c.Least {
		if c.Tries++; c.Tries > 3*c.Signs+10 && c.Least != c.Good { // it is no limit
			c.forget()
		}
	}
}

func (c *Crowd) forget() { c.Least, c.Signs, c.Tries, c.Series = 0, 0, 0, 0 }

// crowded asks whether it is the number of calls in flight that is refused, and
// keeps to fewer if so.
func (p *Pace) crowded(now time.Time, call Started) bool {
	c := &p.Crowd
	if call.Beside == 0 {
		return false
	}
	if c.Least == 0 || call.Beside < c.Least*3/4 {
		c.forget()
		c.Least = call.Beside
	}
	if c.Signs++; call.Beside < c.Least {
		c.Least = call.Beside
		c.Tries++
	}
	enough := unlikely(p.Refusals.Normal, 8) // to be no accident
	share := float64(c.Signs)/float64(max(c.Tries, 1)) - p.Refusals.Normal
	switch more := c.Good > 0 && p.InFlight > c.Good && c.Least >= c.Good*3/4; {
	case more && share >= 0.25 && float64(c.Signs) >= 1+10*p.Refusals.Normal:
		p.keepTo(now, c.Good, min(2*c.Hold, 10*time.Minute))
		return true
	case more:
		return true
	case share < 0.5 || c.Signs < enough || c.Series < 2:
		return false
	}
	p.keepTo(now, c.Least, 5*time.Second)
	p.Refusals.On, p.Refusals.Surplus, p.PausedUntil = false, 0, time.Time{}
	p.Steps.Trial, p.Steps.Ceiling, p.Steps.Grow = Trial{}, 0, 1
	return true
}

// keepTo keeps to so many calls in flight, and tries more after a while.
func (p *Pace) keepTo(now time.Time, n int, hold time.Duration) {
	p.Crowd.forget()
	p.InFlight, p.Crowd.Good, p.Crowd.Hold, p.Crowd.Until = n, n, hold, now.Add(hold)
}

// spread tries more calls in flight, once those that were tried last are taken.
func (p *Pace) spread(now time.Time) {
	c := &p.Crowd
	if p.InFlight >= p.MaxInFlight || now.Before(c.Until) || p.Flying < p.InFlight || p.InFlight > c.Good && c.Tries < 4+4*c.Signs {
		return
	}
	wait := c.Hold / 2
	if p.Lost.Before == 0 {
		if wait = c.Hold / 4; p.InFlight > c.Good {
			c.Hold /= 16
		}
	}
	c.forget()
	c.Good, c.Least, c.Until = p.InFlight, p.InFlight, now.Add(max(wait, time.Second))
	p.InFlight = min(p.InFlight+max(p.InFlight/8, 1), p.MaxInFlight)
}

// lost handles a call that was given up for the time it took.
func (p *Pace) lost(now time.Time, call Started) {
	l := &p.Lost
	if call.Number <= l.Behind {
		return
	}
	l.Ended++
	l.Cut++
	// Of the first ones many may be cut off by chance.
	share, raw := float64(l.Cut)/float64(l.Ended+40), float64(l.Cut)/float64(l.Ended)
	switch {
	case l.Cut < 3:
	case l.Before > 0 && raw > l.Share/2 && raw < 0.25: // it did not help
		p.InFlight = l.Before
		*l = Lost{Behind: p.Starts, Normal: max(raw, l.Normal)}
	case share >= 0.01+2*l.Normal:
		*l = Lost{Behind: p.Starts, Normal: l.Normal, Share: float64(l.Cut) / float64(l.Ended+100), Before: p.InFlight}
		p.keepTo(now, max(min(p.InFlight, call.Beside+1)/2, 1), min(max(2*p.Crowd.Hold, 8*now.Sub(call.At), time.Minute), time.Hour))
	}
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
	default:
		if call.Number > p.Lost.Behind {
			p.Lost.Ended++
		}
		var said octave.Quota
		if answer != nil {
			said = answer.Quota
		}
		return p.TookOn(now, call, said)
	}
	if news == nil {
		news = p.tell(now)
	}
	return news
}

// TookOn takes the word of the service that it has taken a call on, whose answer
// may be long in coming. It returns what there is to tell, nil for nothing.
func (p *Pace) TookOn(now time.Time, call Started, said octave.Quota) Event {
	p.Quota.taken(call)
	p.heard(call, said)
	if r := &p.Refusals; call.Number > r.At.Number {
		if r.InRow = 0; r.On {
			p.conclude(call)
		}
	}
	if p.Failing.clear() {
		return OutageEnded{}
	}
	return p.tell(now)
}

// Uneasy says whether every end of a call has to be known at once.
func (p *Pace) Uneasy() bool {
	return !p.Failing.First.IsZero() || p.Refusals.InRow > 0 || p.Refusals.On || p.Steps.Trial.Rate > 0 || p.Crowd.Good > 0
}

// forever is longer than any process lives.
const forever = math.MaxInt64 / 2 * time.Nanosecond
