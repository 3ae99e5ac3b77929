package pipeline

import (
	"time"

	"golang.org/x/time/rate"

	"octave-enrich/octave"
)

// Quota is what the headers of the answers say of the limit. What is left of a
// window is spread over the time until the next one.
type Quota struct {
	Limit  int           `json:"limit,omitempty"` // calls in a window; 0 when nothing is said, -1 when it is not believed
	Window time.Duration `json:"window,omitempty"`
	Left   int           `json:"left,omitempty"` // of it, less what was started since
	Until  time.Time     `json:"until,omitzero"`
	Number int64         `json:"number,omitempty"` // the call whose answer said so
	Scout  int64         `json:"scout,omitempty"`  // the call that was started although nothing is left
}

const longIdle = 10 * time.Second // without a start, on the word of a header

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

// spent takes note of a start.
func (q *Quota) spent(call Started) {
	if q.Left <= 0 && call.At.Before(q.Until) {
		q.Scout = call.Number
	}
	q.Left--
}

// taken takes note of a call that was taken. If nothing was left when it started,
// the headers do not say what the service does.
func (q *Quota) taken(call Started) {
	if q.Scout > 0 && call.Number >= q.Scout {
		*q = Quota{Limit: -1}
	}
}

// closedFor says how long the quota lets nothing start.
func (q *Quota) closedFor(now, last time.Time) time.Duration {
	if q.Limit <= 0 || q.Left > 0 {
		return 0
	}
	return min(q.Until.Sub(now), last.Add(longIdle).Sub(now))
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
