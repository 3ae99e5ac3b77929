package pipeline

import (
	"time"

	"golang.org/x/time/rate"

	"octave-enrich/octave"
)

// Quota is what the headers of the answers say of the limit. What is left of a
// window is spread over the time until the next one; nothing of it is believed
// that the service itself does not keep to.
type Quota struct {
	Limit  int           `json:"limit,omitempty"` // calls in a window; 0 when nothing is said
	Window time.Duration `json:"window,omitempty"`
	Left   int           `json:"left,omitempty"` // of it, less what was started since
	Until  time.Time     `json:"until,omitzero"`

	Number int64 `json:"number,omitempty"` // the call whose answer said so
	Said   int   `json:"said,omitempty"`   // as being left then
	Odd    int   `json:"odd,omitempty"`    // how often it made no sense
	Scout  int64 `json:"scout,omitempty"`  // the call that was started although nothing is left
}

const (
	oddQuotas = 5                // so many in a row, and it is not listened to any more
	longIdle  = 10 * time.Second // without a start, on the word of a header
)

// heard takes note of the headers of an answer. They hold as of the start of its call,
// which may be long ago.
func (p *Pace) heard(call Started, said octave.Quota) {
	q := &p.Quota
	if said.Limit == 0 || call.Number <= q.Number || q.Odd >= oddQuotas {
		return
	}
	until := call.At.Add(said.Reset)
	if same := until.Sub(q.Until).Abs() < time.Second; same && said.Remaining >= q.Said {
		q.Odd++ // a call, and it was not counted
	} else if same {
		q.Odd = 0
	}
	if q.Window = max(q.Window, said.Reset); said.Window > 0 {
		q.Window = said.Window
	}
	q.Limit, q.Said, q.Number, q.Until = said.Limit, said.Remaining, call.Number, until
	q.Left = said.Remaining - int(p.Starts-call.Number)
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
		q.Odd = oddQuotas
	}
}

// says reports whether there is something to keep to.
func (q *Quota) says() bool { return q.Limit > 0 && q.Odd < oddQuotas }

// closedFor says how long the quota lets nothing start.
func (q *Quota) closedFor(now, last time.Time) time.Duration {
	if !q.says() || q.Left > 0 {
		return 0
	}
	return min(q.Until.Sub(now), last.Add(longIdle).Sub(now))
}

// Rate is how fast calls may start now.
func (p *Pace) Rate(now time.Time) rate.Limit {
	q := &p.Quota
	switch left := q.Until.Sub(now).Seconds(); {
	case !q.says():
		return p.Limit
	case left <= 0 && q.Window > 0:
		return min(p.Limit, rate.Limit(float64(q.Limit)/q.Window.Seconds()))
	case left > 0 && q.Left > 0:
		return min(p.Limit, rate.Limit(float64(q.Left)/left))
	}
	return p.Limit
}
