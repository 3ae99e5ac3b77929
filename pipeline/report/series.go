package report

import (
	"encoding/json"
	"math"
	"slices"
	"time"
)

// A run is one run of the job, as far as the checkpoint tells.
type run struct {
	Begin   time.Time       `json:"begin,omitzero"`
	End     time.Time       `json:"end,omitzero"`
	Began   json.RawMessage `json:"began,omitempty"`   // body of its record: input, output, settings, mapping
	Ended   json.RawMessage `json:"ended,omitempty"`   // a pipeline.EndBody; none when the process was killed or goes on
	Seconds int64           `json:"seconds,omitempty"` // that a point of Points stands for
	// Points are the calls over time from Begin on: asked, answered, refused,
	// failed, and milliseconds per answer.
	Points [][5]int64 `json:"points,omitempty"`

	seconds []second
}

// A second is what happened in one.
type second struct {
	unix                             int64
	asked, answered, refused, failed int64
	latency                          int64 // milliseconds of all answers
}

// at is the second of t. Records are written in the order of their times, near
// enough.
func (r *run) at(t time.Time) *second {
	if r.Begin.IsZero() {
		r.Begin = t
	}
	if t.After(r.End) {
		r.End = t
	}
	unix := max(t.Unix(), r.Begin.Unix())
	if n := len(r.seconds); n > 0 && r.seconds[n-1].unix >= unix {
		return &r.seconds[n-1]
	}
	r.seconds = append(r.seconds, second{unix: unix})
	return &r.seconds[len(r.seconds)-1]
}

// mostPoints are as many as a chart can show side by side.
const mostPoints = 120

// steps are the seconds that a point may stand for: what people can read off an
// axis.
var steps = [...]int64{1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400}

// fold adds seconds up to points.
func (r *run) fold() {
	if len(r.seconds) == 0 {
		return
	}
	begin := r.Begin.Unix()
	span := r.seconds[len(r.seconds)-1].unix - begin + 1
	r.Seconds = steps[len(steps)-1]
	for _, step := range steps {
		if span <= step*mostPoints {
			r.Seconds = step
			break
		}
	}
	r.Points = make([][5]int64, (span+r.Seconds-1)/r.Seconds)
	for _, s := range r.seconds {
		p := &r.Points[(s.unix-begin)/r.Seconds]
		for i, n := range [...]int64{s.asked, s.answered, s.refused, s.failed, s.latency} {
			p[i] += n
		}
	}
	for i := range r.Points {
		if n := r.Points[i][1]; n > 0 {
			r.Points[i][4] /= n
		}
	}
}

// A latency is how long answers took, in milliseconds.
type latency struct {
	P50     int64    `json:"p50"`
	P90     int64    `json:"p90"`
	P99     int64    `json:"p99"`
	Max     int64    `json:"max"`
	Buckets []bucket `json:"buckets"`
}

// A bucket counts the answers that took From or longer and less than To. All are
// equally wide.
type bucket struct {
	From int64 `json:"from"`
	To   int64 `json:"to"`
	N    int   `json:"n"`
}

// mostBuckets are as many as can be read side by side.
const mostBuckets = 30

func newLatency(ms []int64) latency {
	l := latency{Buckets: []bucket{}}
	if len(ms) == 0 {
		return l
	}
	slices.Sort(ms)
	rank := func(p float64) int64 { return ms[max(int(math.Ceil(p*float64(len(ms))))-1, 0)] }
	l.P50, l.P90, l.P99, l.Max = rank(.50), rank(.90), rank(.99), ms[len(ms)-1]
	width := bucketWidth(l.Max)
	for from := ms[0] / width * width; from <= l.Max; from += width {
		l.Buckets = append(l.Buckets, bucket{From: from, To: from + width})
	}
	for _, d := range ms {
		l.Buckets[(d-l.Buckets[0].From)/width].N++
	}
	return l
}

// bucketWidth is the first of 1, 2, 5, 10, 20, 50, ... with which few buckets reach
// from 0 to longest.
func bucketWidth(longest int64) int64 {
	for scale := int64(1); ; scale *= 10 {
		for _, m := range [...]int64{1, 2, 5} {
			if longest/(m*scale) < mostBuckets {
				return m * scale
			}
		}
	}
}
