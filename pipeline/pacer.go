package pipeline

import (
	"errors"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
)

// PacerConfig is what the user allows.
type PacerConfig struct {
	Rate      rate.Limit    // calls started per second at most; rate.Inf for no limit
	Calls     int           // in flight at most; 1 when zero
	MaxOutage time.Duration // how long a failing service is waited for
	Learnt    PaceBody      // by an earlier run, to start from
}

// A Pacer decides when the next call of a process may start. One rate, one pause
// and one view of the service's health serve all workers: see [Pace].
type Pacer struct {
	cfg   PacerConfig
	brake *Brake
	obs   Observer

	// next is held by the one caller that waits for a token. Callers who each
	// held a reservation of their own would keep it through a pause or a cut.
	next chan struct{}

	mu      sync.Mutex
	limiter *rate.Limiter
	changed chan struct{} // closed and replaced when a waiting caller must look again
	pace    Pace
	late    func() time.Duration // by how much a timer is, in a test with an exact clock

	began, ended time.Time     // of the first call, of the last one
	busy         time.Duration // of all calls together
	held         bool          // the service refused, cut off or failed for everyone
}

// NewPacer returns a pacer that lets one call start at once.
func NewPacer(cfg PacerConfig, brake *Brake, obs Observer) *Pacer {
	pace := NewPace(cfg.Rate, max(cfg.Calls, 1))
	pace.resume(cfg.Learnt)
	return &Pacer{
		cfg: cfg, brake: brake, obs: obs,
		next:    make(chan struct{}, 1),
		limiter: rate.NewLimiter(pace.Limit, burst(pace.Limit)),
		changed: make(chan struct{}),
		pace:    pace,
	}
}

// burst is one call, or what 20 ms are worth: at high rates timers are too coarse
// to hit every single one.
func burst(limit rate.Limit) int {
	if limit == rate.Inf {
		return 1
	}
	return 1 + int(limit/50)
}

// Take waits until the next call may start. It returns ErrStopped as soon as the
// brake is pulled.
func (p *Pacer) Take() (Started, error) {
	select {
	case p.next <- struct{}{}:
		defer func() { <-p.next }()
	case <-p.brake.Pulled():
		return Started{}, ErrStopped
	}
	for {
		call, wait, changed := p.try()
		if p.brake.Reason() != nil {
			return Started{}, ErrStopped
		}
		if wait <= 0 {
			return call, nil
		}
		if p.late != nil {
			wait += p.late()
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-changed:
		case <-p.brake.Pulled():
		}
		timer.Stop()
	}
}

// try starts a call, or says how long to wait for it unless something changes.
func (p *Pacer) try() (call Started, wait time.Duration, changed <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if wait := p.pace.ClosedFor(now); wait > 0 {
		return call, wait, p.changed
	}
	p.follow(now)
	token := p.limiter.ReserveN(now, 1)
	if wait := token.DelayFrom(now); wait > 0 {
		token.CancelAt(now)
		return call, wait, p.changed
	}
	if p.brake.Reason() == nil {
		call = p.pace.Start(now, forever) // a probe always comes back
		p.follow(now)
	}
	return call, 0, nil
}

// follow lets the tokens come as fast as the pace says.
func (p *Pacer) follow(now time.Time) {
	if limit := p.pace.Rate(now); p.limiter.Limit() != limit {
		p.limiter.SetBurstAt(now, burst(limit))
		p.limiter.SetLimitAt(now, limit)
	}
}

// Ended says how a call ended that Take let start.
func (p *Pacer) Ended(call Started, key checkpoint.Key, answer *octave.Answer, err error) {
	p.obs.notify(p.note(call, key, answer, err))
}

// note returns what there is to tell, nil for nothing.
func (p *Pacer) note(call Started, key checkpoint.Key, answer *octave.Answer, err error) (news Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	news = p.pace.Ended(now, call, key, answer, err, p.cfg.MaxOutage)
	if p.began.IsZero() || call.At.Before(p.began) {
		p.began = call.At
	}
	p.ended, p.busy = now, p.busy+now.Sub(call.At)
	var failure *octave.Error
	if errors.As(err, &failure) && (failure.Cause == octave.CauseRateLimited || failure.MaybeBilled || p.pace.Failing.On) {
		p.held = true
	}
	if failure != nil && failure.Action == octave.All {
		// Here and not where the row is settled: no call may start in between.
		p.brake.Pull(err)
	}
	if p.pace.Exhausted(now, p.cfg.MaxOutage) {
		p.brake.Leave(ErrOutage)
	}
	p.follow(now)
	close(p.changed) // a waiting caller looks at the gate again
	p.changed = make(chan struct{})
	return news
}

// Outage says whether the service counts as failing for everyone.
func (p *Pacer) Outage() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pace.Failing.On
}
