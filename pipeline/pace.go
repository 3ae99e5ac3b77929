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
// for the workers of a process, a fleet one in its database for all hosts. See the
// package comment for its rules.
type Pace struct {
	Allowed rate.Limit `json:"allowed"` // by the user, calls per second; rate.Inf for no limit
	Slots   int        `json:"slots"`   // by the user, calls in flight

	Limit    rate.Limit `json:"limit"`     // in force, at most Allowed
	InFlight int        `json:"in_flight"` // in force, at most Slots

	Starts int64         `json:"starts,omitempty"` // so far
	Flying int           `json:"flying,omitempty"` // started and not ended
	Last   Started       `json:"last,omitzero"`
	Echo   time.Duration `json:"echo,omitempty"` // how long a refusal takes to come back

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
	Surplus float64 `json:"surplus,omitempty"` // how many more than are normal came lately
	At      Started `json:"at,omitzero"`       // the call that was refused last
	InRow   int     `json:"in_row,omitempty"`
	Normal  float64 `json:"normal,omitempty"` // share of calls that is refused at any speed

	// On says that there are too many. Then one call at a time is a scout, and the
	// first one that is taken ends it.
	On      bool      `json:"on,omitempty"`
	First   time.Time `json:"first,omitzero"`
	Scout   Started   `json:"scout,omitzero"`
	Waited  time.Time
	Walled  bool          `json:"walled,omitempty"`
	Asked   bool          `json:"asked,omitempty"` // a Retry-After held everybody
	Backoff time.Duration `json:"backoff,omitempty"`
}

// Count counts calls since a moment.
type Count struct {
	Since   time.Time `json:"since,omitzero"`
	Starts  int64     `json:"starts,omitempty"` // before it
	Refused int64     `json:"refused,omitempty"`
}

// Steps is the search for the rate. A rate is kept for a step, and raised when the
// step is over.
type Steps struct {
	Cycle   Count         `json:"cycle,omitzero"` // since the service took a call again
	Step    Count         `json:"step,omitzero"`  // since the rate changed
	Until   time.Time     `json:"until,omitzero"`
	Length  time.Duration `json:"length,omitempty"`  // of a step
	Hold    time.Duration `json:"hold,omitempty"`    // of one that is followed by a trial
	Grow    float64       `json:"grow,omitempty"`    // of a trial: added to the rate, as a share of it
	Good    rate.Limit    `json:"good,omitempty"`    // the rate of the step before, when nothing was refused in it
	Ceiling rate.Limit    `json:"ceiling,omitempty"` // the rate that was refused last, 0 for none
	Seen    rate.Limit    `json:"seen,omitempty"`    // what came through in the cycle before the last wall
	Settled rate.Limit    `json:"settled,omitempty"`

	Test Test `json:"test,omitzero"`
}

// Test asks whether it is the rate that is refused: steps at it and steps a fifth
// slower take turns.
type Test struct {
	Rate   rate.Limit `json:"rate,omitempty"` // 0 for no test
	Slow   bool       `json:"slow,omitempty"` // it is a slower one's turn
	Fast   Arm        `json:"fast,omitzero"`
	Slower Arm        `json:"slower,omitzero"`
}

// Arm is one side of a test.
type Arm struct {
	Calls   int64 `json:"calls,omitempty"`
	Refused int64 `json:"refused,omitempty"`
}

// Crowd is the search for a limit of calls in flight.
type Crowd struct {
	Took   int           `json:"took,omitempty"`  // most calls beside one that was taken
	Least  int           `json:"least,omitempty"` // fewest calls beside one that was refused
	Signs  int           `json:"signs,omitempty"`
	Series int           `json:"series,omitempty"`
	Passes int           `json:"passes,omitempty"`
	Found  bool          `json:"found,omitempty"`
	Good   int           `json:"good,omitempty"`
	Grow   int           `json:"grow,omitempty"`
	Hold   time.Duration `json:"hold,omitempty"`
	Until  time.Time     `json:"until,omitzero"`
}

// Lost counts calls that were cut off since calls in flight were lowered.
type Lost struct {
	Since  time.Time `json:"since,omitzero"`
	Ended  int       `json:"ended,omitempty"`
	Cut    int       `json:"cut,omitempty"`
	Share  float64   `json:"share,omitempty"`  // before they were lowered
	Before int       `json:"before,omitempty"` // calls in flight before, 0 when nothing is tested
	Normal float64   `json:"normal,omitempty"`
}

const (
	maxRetryAfter = 5 * time.Minute // cap on what the service may ask for
	firstLimit    = rate.Limit(10)
	firstStep     = 250 * time.Millisecond
	minRate       = rate.Limit(0.1) // no start for 10 s is too long
	maxBackoffAll = 8 * time.Second
	below         = 0.98
	slower        = 0.8 // the slower side of a test
	tooMany       = 0.3 // refused: this is a limit
)

// NewPace returns a pace below what the user allows.
func NewPace(allowed rate.Limit, slots int) Pace {
	return Pace{Allowed: allowed, Slots: slots, Limit: min(allowed, firstLimit), InFlight: slots,
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
		wait = forever
	}
	return wait
}

// known is when a call that was not refused may be presumed taken: answers take
// too long to wait for.
func (p *Pace) known(s Started) time.Time { return s.At.Add(p.Echo + p.Echo/2 + time.Millisecond) }

// settle draws the conclusion from a scout of which nothing was heard.
func (p *Pace) settle(now time.Time) {
	if r := &p.Refusals; r.On && r.Scout.Number > 0 && !now.Before(p.known(r.Scout)) {
		p.taken(r.Scout)
		p.conclude(r.Scout)
	}
}

// Start takes note of a call that starts now. During an outage the one call is a
// probe, and nothing else may start until it comes back or so much time has
// passed.
func (p *Pace) Start(now time.Time, probe time.Duration) Started {
	p.settle(now)
	if p.Last.Number > p.Refusals.At.Number && p.Echo > 0 && !now.Before(p.known(p.Last)) {
		p.taken(p.Last)
	}
	p.Starts++
	s := Started{At: now, Number: p.Starts, Beside: p.Flying}
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
	if p.Steps.Step.Since.IsZero() {
		p.Steps.Cycle = Count{Since: now}
		p.step(now, p.Steps.Length)
	}
	p.grow(now)
	p.spread(now)
	return s
}

// step begins to count at a rate.
func (p *Pace) step(now time.Time, length time.Duration) {
	p.Steps.Step = Count{Since: now, Starts: p.Starts}
	p.Steps.Until = now.Add(length)
}

// share is the share of calls refused in a count, and how many calls there were.
func (p *Pace) share(c Count) (float64, int64) {
	n := p.Starts - c.Starts
	return float64(c.Refused) / float64(max(n, 1)), n
}

// grow raises the rate when its step is over and was made use of.
func (p *Pace) grow(now time.Time) {
	s := &p.Steps
	if p.Refusals.On {
		return
	}
	if s.Test.Rate > 0 {
		p.test(now)
		return
	}
	if now.Before(s.Until) {
		return
	}
	used := float64(p.Starts-s.Step.Starts) > 0.8*float64(p.Limit)*now.Sub(s.Step.Since).Seconds()
	if !used || p.Limit >= p.Allowed {
		p.step(now, s.Length)
		return
	}
	s.Good = 0
	if s.Step.Refused == 0 || p.Refusals.Normal > 0 {
		s.Good = p.Limit
	}
	next, length := p.Limit*rate.Limit(1+s.Grow), s.Length
	switch {
	case s.Ceiling == 0:
		length = firstStep
	case p.Limit < s.Ceiling*0.93:
		next = min(2*p.Limit, (p.Limit+s.Ceiling)/2)
	default:
		s.Grow = min(2*s.Grow, 0.5)
	}
	p.Limit = min(next, p.Allowed)
	p.step(now, length)
}

// settleAt keeps to a rate below one that was refused.
func (p *Pace) settleAt(now time.Time, limit, refused rate.Limit) {
	s := &p.Steps
	s.Test, s.Good, s.Grow, s.Ceiling = Test{}, 0, 0.03, refused
	p.Limit = min(max(limit, minRate), p.Allowed)
	s.Length, s.Settled = max(s.Length, calls(20, p.Limit)), p.Limit
	p.step(now, s.Length)
	if p.Limit >= s.Ceiling*0.93 {
		p.step(now, s.Hold)
	}
}

// calls is how long so many calls take.
func calls(n float64, limit rate.Limit) time.Duration {
	return time.Duration(n / float64(limit) * float64(time.Second))
}

// test lets the fast and the slow take turns until it is clear which of them are
// refused.
func (p *Pace) test(now time.Time) {
	t, usual := &p.Steps.Test, p.Refusals.Normal
	arm := &t.Fast
	if t.Slow {
		arm = &t.Slower
	}
	calls := arm.Calls + p.Starts - p.Steps.Step.Starts
	if share := float64(arm.Refused) / float64(max(calls, 1)); arm.Refused >= 4 && share > tooMany+usual/2 {
		p.settleAt(now, p.Limit*rate.Limit(1-share)*0.95, p.Limit)
		return
	}
	if now.Before(p.Steps.Until) {
		return
	}
	arm.Calls = calls
	refused, n := float64(t.Fast.Refused+t.Slower.Refused), float64(t.Fast.Calls+t.Slower.Calls)
	fast, slow := float64(t.Fast.Refused)/float64(max(t.Fast.Calls, 1)), float64(t.Slower.Refused)/float64(max(t.Slower.Calls, 1))
	// A limit takes as many of the slower calls as of the fast ones; what is refused
	// at any rate is the same share of both. Half way between decides.
	limit := max(usual, 1-(1-fast)/slower)
	switch {
	case min(t.Fast.Calls, t.Slower.Calls) < 20, refused < 12 && n < 200 && (t.Slower.Refused > 0 || t.Fast.Refused < 4):
		p.turn(now)
	case slow < (fast+limit)/2 || refused < 0.02*n:
		p.settleAt(now, t.Rate*rate.Limit(min(max(1-fast+usual, slower), 0.95)), t.Rate)
	default:
		p.Refusals.Normal, p.Refusals.Surplus = min(refused/n, tooMany), 0
		p.Limit, p.Steps.Grow, p.Steps.Ceiling = t.Rate, 1, 0
		*t = Test{}
		p.step(now, firstStep)
	}
}

// turn gives the other side of the test its turn.
func (p *Pace) turn(now time.Time) {
	t := &p.Steps.Test
	t.Slow = !t.Slow
	p.Limit = t.Rate
	if t.Slow {
		p.Limit *= slower
	}
	p.step(now, max(calls(10, p.Limit), min(p.Steps.Length, time.Second)))
}

// Refused handles a refusal: it is news for everyone.
func (p *Pace) refused(now time.Time, call Started, after time.Duration) {
	p.settle(now)
	r := &p.Refusals
	p.Failing.since(now)
	p.Failing.ProbeUntil = time.Time{}
	if echo := now.Sub(call.At); p.Echo == 0 {
		p.Echo = echo
	} else {
		p.Echo += (echo - p.Echo) / 4
	}
	p.Steps.Cycle.Refused++
	p.Steps.Step.Refused++
	if t := &p.Steps.Test; t.Slow == (call.Number > p.Steps.Step.Starts) {
		t.Slower.Refused++
	} else {
		t.Fast.Refused++
	}
	if call.Number <= r.At.Number+1 {
		r.InRow++
	} else {
		r.InRow = 1
	}
	between := max(call.Number-r.At.Number, 1)
	r.Surplus = max(0, r.Surplus-(0.025+1.5*r.Normal)*float64(between-1)) + 1
	if call.Number > r.At.Number {
		r.At = call
	}
	if p.crowded(now, call) {
		return
	}
	if !r.On {
		if r.InRow < p.wall() && (r.Surplus < 2+60*r.Normal || p.Steps.Test.Rate > 0) {
			return
		}
		r.On, r.First, r.Walled, r.Asked, r.Backoff = true, call.At, false, false, 0
	}
	r.Scout = Started{}
	if r.InRow >= p.wall() {
		r.Walled = true
		r.Asked = after > 0
		if !call.At.Before(r.Waited) { // and it is not one of those that were on their way
			r.Waited = now
			r.Backoff = min(max(2*r.Backoff, 2*p.Echo, 20*time.Millisecond), maxBackoffAll)
			p.pause(now, r.Backoff)
		}
		p.pause(call.At, min(after, maxRetryAfter))
	}
}

// wall is how many refusals in a row are no accident.
func (p *Pace) wall() int {
	share, t := p.Refusals.Normal, &p.Steps.Test
	if n := t.Fast.Calls + t.Slower.Calls; n > 0 {
		share = max(share, float64(t.Fast.Refused+t.Slower.Refused)/float64(n+10))
	}
	return unlikely(share, 3)
}

// conclude ends a series of refusals with the scout that was taken.
func (p *Pace) conclude(scout Started) {
	r, s := &p.Refusals, &p.Steps
	end := scout.At
	if !r.Asked {
		end = r.At.At.Add(scout.At.Sub(r.At.At) / 2)
	}
	speed := func(c Count) rate.Limit {
		if !end.After(c.Since) {
			return 0
		}
		return rate.Limit(max(float64(scout.Number-1-c.Starts-c.Refused), 1) / end.Sub(c.Since).Seconds())
	}
	cycle := speed(s.Cycle)
	seen := max(cycle, speed(s.Step))
	sent := p.Limit
	if before := r.First.Sub(s.Step.Since).Seconds(); before > 0 {
		sent = min(sent, rate.Limit(float64(scout.Number-s.Step.Starts)/before)*1.2)
	}
	taken := scout.Number - 1 - s.Cycle.Starts - s.Cycle.Refused
	s.Length = min(max(scout.At.Sub(r.First)*6/5, s.Length*7/10, time.Second), 10*time.Second)
	if s.Hold = min(max(2*s.Hold, 4*s.Length), 2*time.Minute); seen < 0.8*s.Settled || seen > 1.25*s.Settled {
		s.Hold = 4 * s.Length
	}
	s.Hold = max(s.Hold, min(calls(25*float64(s.Step.Refused), p.Limit), time.Hour))
	share, _ := p.share(s.Step)
	switch {
	case r.Walled || share > tooMany+r.Normal/2 && s.Step.Refused >= 4:
		limit := min(seen*below, sent*0.97)
		if taken < 10 {
			limit = max(limit, sent/2)
		}
		if r.Walled && taken >= 10 && (!r.Asked || cycle > 0.9*s.Seen && cycle < 1.1*s.Seen) {
			sent = min(sent, seen*1.04)
		}
		s.Seen = cycle
		p.settleAt(scout.At, limit, sent)
	case s.Good > 0 && s.Good < p.Limit:
		p.settleAt(scout.At, s.Good, p.Limit)
	default:
		s.Test = Test{Rate: p.Limit, Fast: Arm{}, Slow: false}
		if sent < p.Limit {
			s.Test.Rate = sent
		}
		p.turn(scout.At)
	}
	p.Crowd.Series++
	r.On, r.Scout, r.Surplus, r.InRow, r.Backoff = false, Started{}, 0, 0, 0
	s.Step = Count{Since: scout.At, Starts: scout.Number - 1}
	if scout.At.Sub(s.Cycle.Since) > firstStep {
		s.Cycle = s.Step
	}
}

// taken takes note that the service took a call.
func (p *Pace) taken(call Started) {
	c := &p.Crowd
	c.Took = max(c.Took, call.Beside)
	if c.Least == 0 || call.Beside < c.Least {
		return
	}
	if c.Passes++; c.Passes > c.Signs+1 {
		c.Least, c.Signs, c.Series, c.Passes = 0, 0, 0, 0
	}
}

// crowded asks whether it is the number of calls in flight that is refused, and
// keeps to fewer if so.
func (p *Pace) crowded(now time.Time, call Started) bool {
	c := &p.Crowd
	if c.Found && call.Beside >= c.Good {
		p.InFlight, c.Grow = c.Good, 1
		c.Hold = min(2*c.Hold, 10*time.Minute)
		c.Until = now.Add(c.Hold)
		return true
	}
	if call.Beside+1+call.Beside/8 <= c.Took || call.Beside == 0 {
		c.Took, c.Least, c.Signs, c.Series, c.Passes = 0, 0, 0, 0, 0
		return false
	}
	c.Signs++
	if c.Least == 0 || call.Beside < c.Least {
		c.Least = call.Beside
	}
	if c.Signs < 4 || c.Series < 2 {
		return false
	}
	p.InFlight, c.Good, c.Found, c.Grow, c.Hold = c.Least, c.Least, true, 1, 5*time.Second
	c.Until = now.Add(c.Hold)
	c.Least, c.Signs, c.Series, c.Passes = 0, 0, 0, 0
	p.Refusals.On, p.Refusals.Surplus, p.Steps.Test = false, 0, Test{}
	p.Steps.Ceiling, p.Steps.Grow = 0, 1
	p.PausedUntil = time.Time{}
	return true
}

// spread tries more calls in flight.
func (p *Pace) spread(now time.Time) {
	c := &p.Crowd
	if p.InFlight >= p.Slots || now.Before(c.Until) || p.Flying < p.InFlight {
		return
	}
	c.Good = p.InFlight
	p.InFlight = min(p.InFlight+c.Grow, p.Slots)
	c.Grow = min(2*c.Grow, max(p.InFlight/4, 1))
	c.Until = now.Add(max(c.Hold/4, time.Second))
}

// lost handles a call that was given up for the time it took.
func (p *Pace) lost(now time.Time, call Started) {
	l := &p.Lost
	if call.At.Before(l.Since) {
		return
	}
	l.Ended++
	l.Cut++
	share := float64(l.Cut) / float64(l.Ended)
	if l.Cut < 3 || share < 0.01+2*l.Normal {
		return
	}
	if l.Before > 0 && share > l.Share/2 && l.Share < 0.25 {
		p.InFlight, l.Normal = l.Before, min(share, 0.2)
		*l = Lost{Since: now, Normal: l.Normal}
		return
	}
	*l = Lost{Since: now, Normal: l.Normal, Share: share, Before: p.InFlight}
	p.InFlight = max(min(p.InFlight, call.Beside+1)/2, 1)
	c := &p.Crowd
	c.Good, c.Found, c.Grow = p.InFlight, true, 1
	c.Hold = min(max(2*c.Hold, 8*now.Sub(call.At), time.Minute), time.Hour)
	c.Until = now.Add(c.Hold)
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
	case err != nil && (!errors.As(err, &failure) || failure.Fate == octave.Stop || failure.Fate == octave.All):
		p.Failing.ProbeUntil = time.Time{}
	case failure != nil && failure.Kind == octave.KindRateLimited:
		p.heard(call, failure.Quota)
		p.refused(now, call, failure.RetryAfter)
	case failure != nil && failure.Fate == octave.Again:
		if failure.Status == 504 || failure.Kind == octave.KindAmbiguous {
			p.lost(now, call)
		}
		p.pause(now, min(failure.RetryAfter, maxRetryAfter))
		if p.Failing.note(now, key, failure.Kind == octave.KindUnreachable) {
			news = OutageBegan{Err: failure}
		}
		if p.Failing.On && !now.Before(p.PausedUntil) {
			p.pause(now, min(p.Failing.nextProbe(), patience-p.Failing.lasted(now)))
		}
	default:
		p.taken(call)
		p.Quota.taken(call)
		if answer != nil {
			p.heard(call, answer.Quota)
		}
		if p.Refusals.InRow > 0 && call.Number > p.Refusals.At.Number {
			p.Refusals.InRow = 0
		}
		if !call.At.Before(p.Lost.Since) {
			p.Lost.Ended++
		}
		if r := &p.Refusals; r.On && call.Number > r.At.Number {
			p.conclude(call)
		}
		if p.Failing.clear() {
			news = OutageEnded{}
		}
	}
	if news == nil {
		news = p.tell(now)
	}
	return news
}

// Accepted takes the end of calls that the service took, of which nothing else has
// to be known. It reports whether they ended an outage.
func (p *Pace) Accepted(calls int) (ended bool) {
	p.Flying = max(p.Flying-calls, 0)
	p.Lost.Ended += calls
	return p.Failing.clear()
}

// Uneasy says whether every end of a call has to be known at once.
func (p *Pace) Uneasy() bool {
	return !p.Failing.First.IsZero() || p.Refusals.InRow > 0 || p.Refusals.On || p.Steps.Test.Rate > 0 || p.Crowd.Found
}

// Exhausted says whether nothing was accepted for longer than patience.
func (p *Pace) Exhausted(now time.Time, patience time.Duration) bool {
	return p.Failing.lasted(now) >= patience && (p.Failing.On || p.Refusals.InRow > 0)
}

// forever is longer than any process lives.
const forever = math.MaxInt64 / 2 * time.Nanosecond
