package pipeline

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"octave-enrich/checkpoint"
)

// PacerConfig is what the user allows.
type PacerConfig struct {
	Rate      rate.Limit    // calls started per second at most; rate.Inf for no limit
	MaxOutage time.Duration // how long a failing service is waited for
}

// A Pacer decides when the next call of a process may start. One rate, one pause
// and one view of the service's health serve all workers: see [Pace].
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
	pace    Pace
}

// NewPacer returns a pacer that lets one call start at once.
func NewPacer(cfg PacerConfig, brake *Brake, obs Observer) *Pacer {
	return &Pacer{
		cfg: cfg, brake: brake, obs: obs,
		turn:    make(chan struct{}, 1),
		limiter: rate.NewLimiter(cfg.Rate, burst(cfg.Rate)),
		changed: make(chan struct{}),
		pace:    NewPace(cfg.Rate),
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
		wait, changed := p.pace.ClosedFor(time.Now()), p.changed
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

// start takes note of a call, unless the gate closed while its token was on the
// way.
func (p *Pacer) start() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if p.pace.ClosedFor(now) > 0 {
		return false
	}
	p.pace.Start(now, 1, forever) // a probe always comes back
	return true
}

// Report says how a call ended that Take let start at started.
func (p *Pacer) Report(started time.Time, key checkpoint.Key, err error) {
	p.obs.notify(p.report(started, key, err))
}

// report returns what there is to tell, nil for nothing.
func (p *Pacer) report(started time.Time, key checkpoint.Key, err error) (news Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	switch call, verdict := Judge(err); verdict {
	case CallAccepted:
		if p.pace.Accepted(1) {
			news = OutageEnded{}
		}
	case CallForbidden:
		// Here and not where the row is settled: no call may start in between.
		p.brake.Pull(err)
		p.pace.Abandoned()
	case CallRefused:
		p.pace.Refused(now, started, call)
		news = Paused{RetryAfter: call.RetryAfterRaw, For: p.pace.PausedUntil.Sub(now), Rate: float64(p.pace.Limit)}
	case CallFailed:
		if p.pace.Failed(now, key, call, p.cfg.MaxOutage) {
			news = OutageBegan{Err: call}
		}
	default:
		p.pace.Abandoned()
	}
	if p.pace.Exhausted(now, p.cfg.MaxOutage) {
		p.brake.Pull(ErrOutage)
	}
	if p.limiter.Limit() != p.pace.Limit {
		p.limiter.SetBurst(burst(p.pace.Limit))
		p.limiter.SetLimit(p.pace.Limit)
	}
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
