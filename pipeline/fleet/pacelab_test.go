//go:build !race

package fleet

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"octave-enrich/octave"
	"octave-enrich/pipeline"
)

// A kind is a service with one kind of limit. Hosts with 60 slots in all, which know
// nothing of it, ask for ten minutes, for half an hour where fewer than five calls a
// second are taken, for two hours where it is less than one.
type kind struct {
	name    string
	limit   func() limit  // nil for none
	latency time.Duration // half of it to one and a half times as long; 300 ms when 0
	status  int           // of a refusal; 429 when 0
	retry   time.Duration // Retry-After
	stray   float64       // refused for no reason
	lost    float64       // cut off for no reason
	workers int           // of a queue; 0 for as many as there are calls
	patient time.Duration // a call that takes longer is cut off: 504
	best    float64       // taken a second by an oracle

	share, refused float64 // what was reached by 3 hosts or 20, the worse mean: of the oracle's speed, and of all calls; in percent
}

// A limit says whether a call is refused that comes now, and counts it otherwise.
type limit func(s *mock) bool

var serviceKinds = []kind{
	{name: "no limit", best: 200, share: 96},
	{name: "bucket 20/s b10", limit: bucket(20, 10), best: 20, share: 99, refused: 3},
	{name: "bucket 20/s b10, RA", limit: bucket(20, 10), retry: time.Second, best: 20, share: 99, refused: 3},
	{name: "bucket 20/s b10, 503 and RA", limit: bucket(20, 10), status: 503, retry: time.Second, best: 20, share: 99, refused: 3},
	{name: "bucket 50/s b100", limit: bucket(50, 100), best: 50, share: 100, refused: 3},
	{name: "fixed 50 in 1 s, RA 1", limit: fixed(50, time.Second), retry: time.Second, best: 50, share: 74, refused: 2},
	{name: "60 a minute, RA 1", limit: fixed(60, time.Minute), retry: time.Second, best: 1, share: 99, refused: 4},
	{name: "sliding 50 in 1 s", limit: sliding(50, time.Second), best: 50, share: 95, refused: 3},
	{name: "10 in flight, 3 s, 503", limit: atOnce(10), latency: 3 * time.Second, status: 503, best: 10 / 3., share: 90, refused: 0},
	{name: "20 in flight, 10 to 60 s, RA 1", limit: atOnce(20), latency: 35 * time.Second, retry: time.Second, best: 20. / 35, share: 99, refused: 1},
	{name: "random 2 %", stray: .02, best: 196, share: 96, refused: 2},
	{name: "random 8 %, RA 1", stray: .08, retry: time.Second, best: 184, share: 103, refused: 8},
	{name: "refuses everything for a minute", limit: down(time.Minute, 2*time.Minute), best: 200 * 9 / 10., share: 93},
	{name: "100 in 6 s, RateLimit", limit: told(100, 6*time.Second, withWindow), best: 100 / 6., share: 100},
	{name: "50 in 1 s, RateLimit", limit: told(50, time.Second, withWindow), best: 50, share: 99, refused: 1},
	{name: "100 in 6 s, X-RateLimit-*", limit: told(100, 6*time.Second, inSeconds), best: 100 / 6., share: 93},
	{name: "60 a minute, X-RateLimit-*", limit: told(60, time.Minute, inSeconds), best: 1, share: 99},
	{name: "no limit, X-RateLimit-* of nothing left", limit: told(1e9, time.Minute, nothingLeft), best: 200, share: 94},
	{name: "queue of 10, 504 after 1 s", workers: 10, patient: time.Second, latency: 200 * time.Millisecond, best: 50, share: 98},
	{name: "queue of 16, 10 to 60 s, 504 after 90 s", workers: 16, patient: 90 * time.Second, latency: 35 * time.Second, best: 16. / 35, share: 99},
	{name: "random 2 % of 504", lost: .02, best: 196, share: 96},
}

// A mock answers what a lab's hosts ask, in virtual time.
type mock struct {
	kind
	*clock
	limit limit
	said  octave.Quota // in the headers of this answer
	busy  []time.Time  // until when each worker is

	taken, refusals, cutOff, flying int
}

// A clock does what is to be done at its moment.
type clock struct {
	now    time.Time
	random *rand.Rand
	coming events
}

type event struct {
	at time.Time
	do func()
}

type events []event

func (e events) Len() int           { return len(e) }
func (e events) Less(i, j int) bool { return e[i].at.Before(e[j].at) }
func (e events) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)        { *e = append(*e, x.(event)) } //nolint:errcheck // nothing else is pushed
func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

func (c *clock) after(d time.Duration, do func()) {
	heap.Push(&c.coming, event{c.now.Add(max(d, 0)), do})
}

func (c *clock) upTo(d time.Duration) time.Duration {
	return time.Duration(c.random.Int64N(int64(d)))
}

func (c *clock) run(d time.Duration) {
	for end := c.now.Add(d); c.now.Before(end); {
		next := heap.Pop(&c.coming).(event) //nolint:errcheck // nothing else is pushed
		c.now = next.at
		next.do()
	}
}

// ask is one call, which is told of when it has ended.
func (s *mock) ask(ended func(*octave.Answer, error)) {
	wire := time.Millisecond + s.upTo(4*time.Millisecond)
	if s.limit != nil && s.limit(s) || s.random.Float64() < s.stray {
		s.refusals++
		status := s.status
		if status == 0 {
			status = 429
		}
		err := &octave.Error{Status: status, Action: octave.Again, Cause: octave.CauseRateLimited, RetryAfter: s.retry, Quota: s.said}
		s.after(wire, func() { ended(nil, err) })
		return
	}
	s.flying++
	took, answer, err := s.serve(s.latency/2+s.upTo(s.latency)), &octave.Answer{Quota: s.said}, error(nil)
	if s.patient > 0 && took > s.patient || s.random.Float64() < s.lost {
		took, answer = min(took, max(s.patient, s.latency)), nil
		err = &octave.Error{Status: 504, Action: octave.Again, Cause: octave.CauseServer, MaybeBilled: true}
		s.cutOff++
	} else {
		s.taken++
	}
	s.after(took, func() {
		s.flying--
		s.after(wire, func() { ended(answer, err) })
	})
}

// serve is how long a call of so much work takes in the queue. One that is cut off
// keeps its worker until then.
func (s *mock) serve(work time.Duration) time.Duration {
	if s.workers == 0 {
		return work
	}
	if s.busy == nil {
		s.busy = make([]time.Time, s.workers)
	}
	first := slices.MinFunc(s.busy, time.Time.Compare)
	begins := first
	if begins.Before(s.now) {
		begins = s.now
	}
	took := begins.Add(work).Sub(s.now)
	if end := s.now.Add(min(took, s.patient)); begins.Before(end) {
		s.busy[slices.Index(s.busy, first)] = end
	}
	return took
}

func bucket(perSecond, burst float64) func() limit {
	return func() limit {
		tokens, filled := burst, began
		return func(s *mock) bool {
			tokens = min(burst, tokens+s.now.Sub(filled).Seconds()*perSecond)
			filled = s.now
			if tokens < 1 {
				return true
			}
			tokens--
			return false
		}
	}
}

func fixed(n int, span time.Duration) func() limit {
	return func() limit {
		var window time.Time
		var used int
		return func(s *mock) bool {
			if w := s.now.Truncate(span); !w.Equal(window) {
				window, used = w, 0
			}
			used++
			return used > n
		}
	}
}

// told is a fixed window of which the headers of every answer tell.
func told(n int, span time.Duration, headers func(left, limit int, reset, span time.Duration) octave.Quota) func() limit {
	return func() limit {
		window := fixed(n, span)()
		var from time.Time
		left := n
		return func(s *mock) bool {
			if w := s.now.Truncate(span); !w.Equal(from) {
				from, left = w, n
			}
			left = max(left-1, 0)
			s.said = headers(left, n, from.Add(span).Sub(s.now), span)
			return window(s)
		}
	}
}

func withWindow(left, limit int, reset, span time.Duration) octave.Quota {
	return octave.Quota{Limit: limit, Remaining: left, Reset: reset, Window: span}
}

func inSeconds(left, limit int, reset, _ time.Duration) octave.Quota {
	return octave.Quota{Limit: limit, Remaining: left, Reset: reset.Truncate(time.Second) + time.Second}
}

func nothingLeft(_, limit int, reset, _ time.Duration) octave.Quota {
	return octave.Quota{Limit: limit, Reset: reset}
}

func sliding(n int, span time.Duration) func() limit {
	return func() limit {
		var taken []time.Time
		return func(s *mock) bool {
			for len(taken) > 0 && s.now.Sub(taken[0]) >= span {
				taken = taken[1:]
			}
			if len(taken) >= n {
				return true
			}
			taken = append(taken, s.now)
			return false
		}
	}
}

func atOnce(n int) func() limit {
	return func() limit { return func(s *mock) bool { return s.flying >= n } }
}

func down(from, to time.Duration) func() limit {
	return func() limit {
		return func(s *mock) bool { at := s.now.Sub(began); return at >= from && at < to }
	}
}

var began = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// TestPaceOfHosts lets hosts share one schedule, 3 of them and 20, each late as
// hosts are, and compares what the service took with what it would have taken from an
// oracle: the mean of several runs, each with other random numbers.
func TestPaceOfHosts(t *testing.T) {
	for _, hosts := range []int{3, 20} {
		for _, k := range serviceKinds {
			t.Run(fmt.Sprintf("%d hosts, %s", hosts, k.name), func(t *testing.T) {
				t.Parallel()
				if k.latency == 0 {
					k.latency = 300 * time.Millisecond
				}
				const runs, worse = 3, 5
				var share, refused float64
				for run := range uint64(runs) {
					s, r, c := k.play(hosts, run)
					share, refused = share+s/runs, refused+r/runs
					if r > 5 && k.stray == 0 {
						t.Errorf("%.1f %% refused", r)
					}
					if c > max(5, 105*k.lost) {
						t.Errorf("%.1f %% cut off", c)
					}
				}
				t.Logf("%2d hosts, %-40s %7.1f/s %6.1f %% of it %6.1f %% refused", hosts, k.name, k.best, share, refused)
				if share < k.share-worse {
					t.Errorf("%.1f %% of the oracle's speed; it was %.0f", share, k.share)
				}
				if refused > k.refused+1 {
					t.Errorf("%.1f %% refused; it was %.0f", refused, k.refused)
				}
			})
		}
	}
}

// play lets so many hosts ask, and returns percentages: of what an oracle would have
// got, and of all calls.
func (k kind) play(hosts int, run uint64) (share, refused, cutOff float64) {
	const slots = 60
	c := &clock{now: began, random: rand.New(rand.NewPCG(2+run, uint64(hosts)))}
	m := &mock{kind: k, clock: c}
	if k.limit != nil {
		m.limit = k.limit()
	}
	row := &schedule{pace: pipeline.NewPace(1000, allSlots), next: began}
	for range hosts {
		c.after(c.upTo(time.Second), labHost(m, row, slots/hosts))
	}
	long := 10 * time.Minute
	if k.best < 5 {
		long *= 3
	}
	if k.best < 1 {
		long *= 4
	}
	c.run(long)
	calls := float64(m.taken + m.refusals + m.cutOff)
	return 100 * float64(m.taken) / (k.best * long.Seconds()), 100 * float64(m.refusals) / calls, 100 * float64(m.cutOff) / calls
}

// labHost asks with so many slots for as long as the lab lasts.
func labHost(s *mock, row *schedule, slots int) func() {
	busy, full := 0, false
	var turn func()
	turn = func() {
		row.now, row.read = s.now, s.now
		n, wait := row.free(slots - busy)
		for _, start := range row.give(n, time.Minute) {
			busy++
			s.after(start.at.Sub(s.now)+s.upTo(8*time.Millisecond), func() {
				question := [16]byte{byte(start.call.Number)}
				s.ask(func(answer *octave.Answer, err error) {
					if busy--; full {
						full = false
						s.after(s.upTo(10*time.Millisecond), turn)
					}
					row.pace.Ended(s.now, start.call, question, answer, err, time.Hour)
				})
			})
		}
		if full = busy == slots; full {
			return
		}
		if n > 0 {
			wait = s.upTo(30 * time.Millisecond)
		}
		s.after(max(min(wait, look), time.Millisecond), turn)
	}
	return turn
}
