package pipeline

import (
	"context"
	"errors"
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
)

// InFlight bounds the calls of agent that are on the wire, or wait for their
// token, at the same time. Workers beyond it wait for the disk or in a backoff,
// so that neither holds a call back.
func InFlight(agent Agent, calls int, brake *Brake) Agent {
	slots := make(chan struct{}, max(calls, 1))
	return func(ctx context.Context, req octave.Request) (*octave.Answer, error) {
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
			return agent(ctx, req)
		case <-brake.Pulled():
			return nil, ErrStopped
		}
	}
}

// Limit paces the calls of agent and tells the pacer how each of them ended.
// It is inside Retry, so that every attempt costs a token.
func Limit(agent Agent, pacer *Pacer) Agent {
	return func(ctx context.Context, req octave.Request) (*octave.Answer, error) {
		if err := pacer.Take(); err != nil {
			return nil, err
		}
		started := time.Now()
		answer, err := agent(ctx, req)
		pacer.Report(started, spellingOf(ctx, req).key, err)
		return answer, err
	}
}

// PacerConfig is what the user allows.
type PacerConfig struct {
	Rate      rate.Limit    // calls started per second at most; rate.Inf for no limit
	MaxOutage time.Duration // how long a failing service is waited for
}

// A Pacer decides when the next call may start. One rate, one pause and one view
// of the service's health serve all workers:
//
//   - a refusal for pace pauses everyone, for Retry-After when given; the rate is
//     cut once per episode and creeps back, so that a limit nobody told us is
//     found and kept;
//   - a service that fails for everyone is probed with one call at a time until
//     it answers or MaxOutage has passed. Server errors do not shrink the rate.
type Pacer struct {
	cfg   PacerConfig
	brake *Brake
	obs   Observer

	// turn is held by the one caller that waits for a token. Callers who each
	// held a reservation of their own would keep it through a pause or a cut.
	turn chan struct{}

	mu      sync.Mutex
	limiter *rate.Limiter
	changed chan struct{} // closed and replaced when a waiting caller must look again

	pausedUntil time.Time
	refusals    int        // since the last accepted call
	calm        int        // calls accepted since the episode before
	cutAt       time.Time  // refusals of calls started before belong to the episode
	ceiling     rate.Limit // the rate that was refused last
	recent      meter

	failing outage
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

// NewPacer returns a pacer that lets one call start at once.
func NewPacer(cfg PacerConfig, brake *Brake, obs Observer) *Pacer {
	return &Pacer{
		cfg: cfg, brake: brake, obs: obs,
		turn:    make(chan struct{}, 1),
		limiter: rate.NewLimiter(cfg.Rate, burst(cfg.Rate)),
		changed: make(chan struct{}),
		failing: outage{keys: map[checkpoint.Key]bool{}},
	}
}

// burst is one call, or what 20 ms are worth: at high rates timers are too coarse
// to hit every single slot.
func burst(limit rate.Limit) int {
	if limit == rate.Inf {
		return 1
	}
	return 1 + int(limit/50)
}

// Take waits until the next call may start. It returns ErrStopped as soon as the
// brake is pulled.
func (p *Pacer) Take() error {
	select {
	case <-p.brake.Pulled():
		return ErrStopped
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	}
	for {
		if !p.passGate() {
			return ErrStopped
		}
		// The limiter is given no deadline: it would fail at once when the wait
		// is longer. An error therefore means the brake.
		if err := p.limiter.Wait(p.brake.ctx); err != nil || p.brake.Reason() != nil {
			return ErrStopped
		}
		if p.start() {
			return nil
		}
	}
}

// passGate waits for the end of a pause, or for its turn to probe.
func (p *Pacer) passGate() bool {
	for {
		p.mu.Lock()
		wait, changed := p.closedFor(time.Now()), p.changed
		p.mu.Unlock()
		if wait <= 0 {
			return p.brake.Reason() == nil
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-changed:
		case <-p.brake.Pulled():
		}
		timer.Stop()
		if p.brake.Reason() != nil {
			return false
		}
	}
}

// closedFor says how long nothing may start, 0 when a call may.
func (p *Pacer) closedFor(now time.Time) time.Duration {
	if p.failing.probing {
		return math.MaxInt64 // until the probe comes back
	}
	return p.pausedUntil.Sub(now)
}

// start takes note of a call, unless the gate closed while its token was on the
// way.
func (p *Pacer) start() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if p.closedFor(now) > 0 {
		return false
	}
	p.failing.probing = p.failing.on
	p.recent.add(now)
	return true
}

// Report says how a call ended that Take let start at started.
func (p *Pacer) Report(started time.Time, key checkpoint.Key, err error) {
	var call *octave.Error
	switch {
	case err == nil:
		p.accepted()
	case !errors.As(err, &call) || call.Fate == octave.Stop:
		p.abandoned()
	case call.Fate == octave.All:
		// Here and not where the row is settled: no call may start in between.
		p.brake.Pull(err)
		p.abandoned()
	case call.Kind == octave.KindRateLimited:
		p.refused(started, call)
	case call.Fate == octave.Again:
		p.failed(key, call)
	default:
		p.accepted() // the service works, it is this request that is wrong
	}
}

// Outage says whether the service counts as failing for everyone.
func (p *Pacer) Outage() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.failing.on
}

func (p *Pacer) accepted() {
	p.mu.Lock()
	ended := p.failing.clear()
	p.refusals = 0
	p.calm++
	if limit := p.limiter.Limit(); limit < p.cfg.Rate {
		p.setLimit(min(limit+creep(limit, p.ceiling), p.cfg.Rate))
	}
	p.wake()
	p.mu.Unlock()
	if ended {
		p.obs.notify(OutageEnded{})
	}
}

// abandoned is a call that says nothing about the service.
func (p *Pacer) abandoned() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failing.probing = false
	p.wake()
}

// refused handles 429: news for everyone.
func (p *Pacer) refused(started time.Time, call *octave.Error) {
	p.mu.Lock()
	now := time.Now()
	p.failing.since(now)
	p.failing.probing = false
	news := Paused{RetryAfter: call.RetryAfterRaw}
	if !started.Before(p.cutAt) {
		if p.refusals == 0 {
			if p.calm < calmCalls || p.limiter.Limit() == rate.Inf {
				p.cut(now)
			}
			p.calm = 0
		}
		p.refusals++
		p.cutAt = now
		if call.RetryAfter <= 0 {
			p.pause(now, min(firstPause<<min(p.refusals-1, 10), maxPause))
		}
	}
	p.pause(now, min(call.RetryAfter, maxRetryAfter))
	news.For, news.Rate = p.pausedUntil.Sub(now), float64(p.limiter.Limit())
	p.giveUp(now)
	p.wake()
	p.mu.Unlock()
	p.obs.notify(news)
}

// failed handles an error of the service. One that comes with Retry-After is a
// pause for all; a service that nobody gets an answer from is an outage.
func (p *Pacer) failed(key checkpoint.Key, call *octave.Error) {
	p.mu.Lock()
	now := time.Now()
	p.pause(now, min(call.RetryAfter, maxRetryAfter))
	began := p.failing.note(now, key, call.Kind == octave.KindUnreachable)
	p.giveUp(now)
	if p.failing.on && !now.Before(p.pausedUntil) {
		// The last probe is made when the patience ends, not after it.
		p.pause(now, min(p.failing.nextProbe(), p.cfg.MaxOutage-p.failing.lasted(now)))
	}
	p.wake()
	p.mu.Unlock()
	if began {
		p.obs.notify(OutageBegan{Err: call})
	}
}

// giveUp pulls the brake when nothing was accepted for longer than MaxOutage.
func (p *Pacer) giveUp(now time.Time) {
	if p.failing.lasted(now) >= p.cfg.MaxOutage && (p.failing.on || p.refusals > 0) {
		p.brake.Pull(ErrOutage)
	}
}

func (p *Pacer) pause(now time.Time, d time.Duration) {
	if until := now.Add(d); d > 0 && until.After(p.pausedUntil) {
		p.pausedUntil = until
	}
}

// cut lowers the rate at the start of an episode: below what was really being
// started, when that is known and less than what was allowed.
func (p *Pacer) cut(now time.Time) {
	p.ceiling = p.limiter.Limit()
	if seen := rate.Limit(p.recent.perSecond(now)); p.ceiling == rate.Inf {
		p.ceiling = max(seen, 1)
	} else if p.recent.full(now) && now.Sub(p.pausedUntil) > time.Second {
		p.ceiling = min(p.ceiling, max(seen, 1))
	}
	p.setLimit(max(p.ceiling*cutFactor, min(minRate, p.cfg.Rate)))
}

// creep is what an accepted call adds to the rate.
func creep(limit, ceiling rate.Limit) rate.Limit {
	step := limit * (1 - cutFactor) / max(creepCalls, limit*creepSeconds)
	if limit > ceiling {
		step *= creepFaster
	}
	return step
}

func (p *Pacer) setLimit(limit rate.Limit) {
	p.limiter.SetBurst(burst(limit))
	p.limiter.SetLimit(limit)
}

// wake makes a waiting caller look at the gate again.
func (p *Pacer) wake() {
	close(p.changed)
	p.changed = make(chan struct{})
}
