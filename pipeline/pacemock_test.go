package pipeline

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"octave-enrich/octave"
)

// A limit is one kind of bound that a service has. Its methods are called in the
// order of time, with the calls that the service is working on.
type limit interface {
	open(now time.Time, flying int) bool // the oracle's look: would a call be taken?
	take(now time.Time)                  // a call was taken
	reopens(now time.Time) time.Duration // what an honest Retry-After says, 0 if nothing
}

// A window takes n calls in each span, counted from fixed moments or back from
// now. scale changes n over time.
type window struct {
	n       int
	span    time.Duration
	sliding bool
	scale   func(time.Time) float64

	began time.Time
	count int
	taken []time.Time
}

func (w *window) most(now time.Time) int {
	if w.scale == nil {
		return w.n
	}
	return int(float64(w.n) * w.scale(now))
}

func (w *window) turn(now time.Time) {
	if w.began.IsZero() {
		w.began = now
	}
	if now.Sub(w.began) >= w.span {
		w.began, w.count = w.began.Add(now.Sub(w.began).Truncate(w.span)), 0
	}
	i := 0
	for i < len(w.taken) && now.Sub(w.taken[i]) >= w.span {
		i++
	}
	w.taken = w.taken[i:]
}

func (w *window) used(now time.Time) int {
	w.turn(now)
	if w.sliding {
		return len(w.taken)
	}
	return w.count
}

func (w *window) open(now time.Time, _ int) bool { return w.used(now) < w.most(now) }

func (w *window) take(now time.Time) {
	w.turn(now)
	w.count++
	if w.sliding {
		w.taken = append(w.taken, now)
	}
}

func (w *window) reopens(now time.Time) time.Duration {
	w.turn(now)
	if w.sliding && len(w.taken) > 0 {
		return w.taken[0].Add(w.span).Sub(now)
	}
	return w.began.Add(w.span).Sub(now)
}

// A hole is a bucket of tokens. Another client may take some of them.
type hole struct {
	perSecond, burst float64
	scale            func(time.Time) float64
	others           float64 // calls a second that another client makes

	at     time.Time
	tokens float64
	debt   float64
}

func (b *hole) fill(now time.Time) {
	if b.at.IsZero() {
		b.at, b.tokens = now, b.burst
	}
	speed, passed := b.perSecond, now.Sub(b.at).Seconds()
	if b.scale != nil {
		speed *= b.scale(now)
	}
	b.tokens = min(b.burst, b.tokens+passed*speed)
	for b.debt += passed * b.others; b.debt >= 1; b.debt-- {
		b.tokens--
	}
	b.at = now
}

func (b *hole) open(now time.Time, _ int) bool { b.fill(now); return b.tokens >= 1-1e-9 }
func (b *hole) take(now time.Time)             { b.fill(now); b.tokens-- }
func (b *hole) reopens(time.Time) time.Duration {
	return time.Duration((1 - b.tokens) / b.perSecond * float64(time.Second))
}

// atOnce takes so many calls at the same time.
type atOnce int

func (a atOnce) open(_ time.Time, flying int) bool { return flying < int(a) }
func (a atOnce) take(time.Time)                    {}
func (a atOnce) reopens(time.Time) time.Duration   { return 0 }

// A down service refuses everything for a while.
type down struct{ from, to time.Duration }

func (d down) open(now time.Time, _ int) bool {
	at := now.Sub(epoch)
	return at < d.from || at >= d.to
}
func (d down) take(time.Time)                    {}
func (d down) reopens(_ time.Time) time.Duration { return 0 }

// epoch is when the virtual clock of a bubble begins.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// A queue works on so many calls at once, keeps the others waiting, and gives up
// on a call that takes too long.
type queue struct {
	workers int
	patient time.Duration // 0 for ever
	busy    []time.Time   // until when each worker is
}

// serve returns when the answer to a call of so much work comes, and whether it
// is none.
func (q *queue) serve(now time.Time, work time.Duration) (end time.Time, cutOff bool) {
	if q.busy == nil {
		q.busy = make([]time.Time, q.workers)
	}
	i := 0
	for j := range q.busy {
		if q.busy[j].Before(q.busy[i]) {
			i = j
		}
	}
	start := q.busy[i]
	if start.Before(now) {
		start = now
	}
	end = start.Add(work)
	if q.patient > 0 && end.Sub(now) > q.patient {
		if end = now.Add(q.patient); start.Before(end) {
			q.busy[i] = end
		}
		return end, true
	}
	q.busy[i] = end
	return end, false
}

func (q *queue) idle(now time.Time) bool {
	return q.busy == nil || slices.ContainsFunc(q.busy, func(t time.Time) bool { return !t.After(now) })
}

// A mock is a service with limits, in virtual time.
type mock struct {
	limits  []limit
	queue   *queue
	status  int                                                           // of a refusal; 429 when 0
	after   func(float64) float64                                         // Retry-After from what is true, in seconds; nil for none
	headers func(left, limit int, reset, span time.Duration) octave.Quota // of the first limit, a window
	random  float64                                                       // share refused for no reason
	fails   float64                                                       // share of 500
	lost    float64                                                       // share of 504
	latency func(*rand.Rand) time.Duration
	echo    time.Duration // round trip of a refusal
	jitter  time.Duration

	mu     sync.Mutex
	rng    *rand.Rand
	calls  int // in flight at most, for the user's sake
	flying int
	oracle bool

	taken, refused, cutOff, failed int
	lastStart                      time.Time
	openSince                      time.Time // when nothing held a call back any more; zero while something does
	told                           time.Time // until when a Retry-After asked everybody to stay away
	idle                           time.Duration
}

func (m *mock) opens(now time.Time) bool {
	for _, l := range m.limits {
		if !l.open(now, m.flying) {
			return false
		}
	}
	return m.queue == nil || m.queue.idle(now)
}

func (m *mock) wire() {
	d := m.echo/2 + m.late()
	if m.jitter > 0 {
		m.mu.Lock()
		d += time.Duration(m.rng.Float64() * float64(m.jitter))
		m.mu.Unlock()
	}
	time.Sleep(d)
}

// late is by how much something is late on a machine that has other work, too: up
// to 2 ms, and ten times as much for one in 50. With an exact clock a limit looks
// like a step, and every controller looks better than it is.
func (m *mock) late() time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	d := m.rng.Float64() * float64(2*time.Millisecond)
	if m.rng.IntN(50) == 0 {
		d *= 10
	}
	return time.Duration(d)
}

func (m *mock) call(context.Context) (*octave.Answer, error) {
	m.mu.Lock()
	m.lastStart = time.Now()
	m.mu.Unlock()
	if !m.oracle {
		m.wire()
	}
	wait, answer, err := m.decide(time.Now())
	time.Sleep(wait)
	if answer != nil || wait > 0 {
		m.ended()
	}
	if !m.oracle {
		m.wire()
	}
	return answer, err
}

var sample = func() *octave.Answer {
	a, _ := octave.Decode([]byte(`{"_metadata":{"requestId":"r","usage":1},"found":true,"data":{"emails":[{"subject":"s","email":"b"}]}}`))
	return a
}()

func (m *mock) decide(now time.Time) (time.Duration, *octave.Answer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	refused := !m.oracle && m.rng.Float64() < m.random
	var wait time.Duration
	for _, l := range m.limits {
		if !l.open(now, m.flying) {
			refused, wait = true, max(wait, l.reopens(now))
		}
	}
	answer := *sample
	if refused {
		m.refused++
		status := m.status
		if status == 0 {
			status = 429
		}
		e := &octave.Error{Status: status, Action: octave.Again, Cause: octave.CauseRateLimited, Message: "slow down"}
		if m.after != nil {
			e.RetryAfter = time.Duration(m.after(wait.Seconds()) * float64(time.Second))
			if until := now.Add(e.RetryAfter); until.After(m.told) {
				m.told = until
			}
		}
		e.Quota = m.quota(now)
		return 0, nil, e
	}
	for _, l := range m.limits {
		l.take(now)
	}
	answer.Quota = m.quota(now)
	m.flying++
	took := m.latency(m.rng)
	switch draw := m.rng.Float64(); {
	case m.oracle:
	case draw < m.fails:
		m.failed++
		return time.Millisecond, nil, &octave.Error{Status: 500, Action: octave.Again, Cause: octave.CauseServer, Message: "oops"}
	case draw < m.fails+m.lost:
		m.cutOff++
		return took, nil, &octave.Error{Status: 504, Action: octave.Again, Cause: octave.CauseServer, Message: "too slow", MaybeBilled: true}
	}
	if m.queue != nil {
		end, cut := m.queue.serve(now, took)
		if took = end.Sub(now); cut {
			m.cutOff++
			return took, nil, &octave.Error{Status: 504, Action: octave.Again, Cause: octave.CauseServer, Message: "too slow", MaybeBilled: true}
		}
	}
	m.taken++
	return took, &answer, nil
}

// mayAsk says whether a call would be taken now.
func (m *mock) mayAsk() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.opens(time.Now())
}

// ended is the end of a call that was taken.
func (m *mock) ended() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.flying--
}

func (m *mock) quota(now time.Time) octave.Quota {
	if m.headers == nil {
		return octave.Quota{}
	}
	w := m.limits[0].(*window)
	return m.headers(w.n-w.used(now), w.n, w.reopens(now), w.span)
}

// look notes for how long no call was started although one would have been taken.
func (m *mock) look(now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.flying >= m.calls || !m.opens(now) || m.told.After(now) {
		m.openSince = time.Time{}
		return
	}
	if m.openSince.IsZero() {
		m.openSince = now
	}
	since := m.openSince
	if m.lastStart.After(since) {
		since = m.lastStart
	}
	m.idle = max(m.idle, now.Sub(since))
}

func between(from, to time.Duration) func(*rand.Rand) time.Duration {
	return func(r *rand.Rand) time.Duration { return from + time.Duration(r.Float64()*float64(to-from)) }
}

func exactly(wait float64) float64      { return math.Ceil(wait*1000) / 1000 }
func wholeSeconds(wait float64) float64 { return max(1, math.Ceil(wait)) }
func tooLong(wait float64) float64      { return max(1, math.Ceil(wait)) + 4 }
func oneSecond(float64) float64         { return 1 }
