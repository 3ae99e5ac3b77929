package pipeline

import (
	"errors"
	"math"
	"sync"
	"time"

	"octave-enrich/octave"
)

// Counts are rows by status; their sum is the number of rows read.
type Counts struct {
	OK           int `json:"ok"`
	NotFound     int `json:"not_found"`
	Failed       int `json:"failed"`
	Invalid      int `json:"invalid"`
	Excluded     int `json:"excluded"`
	NotAttempted int `json:"not_attempted"`
}

// KeptCount counts rows that have an answer from before, where a newer one was asked for
// or might have been: the answer is older than --max-age, was to be replaced, or is
// to another question about the person. They count as what that answer says.
type KeptCount struct {
	Rows         int `json:"rows"`
	Failed       int `json:"failed"`        // of these: a newer answer was asked for in vain
	NotAttempted int `json:"not_attempted"` // of these: the run stopped before
}

// Total is the number of rows.
func (c Counts) Total() int {
	return c.OK + c.NotFound + c.Failed + c.Invalid + c.Excluded + c.NotAttempted
}

func (c *Counts) add(status string) {
	switch status {
	case StatusOK:
		c.OK++
	case StatusNotFound:
		c.NotFound++
	case StatusFailed:
		c.Failed++
	case StatusInvalid:
		c.Invalid++
	case StatusExcluded:
		c.Excluded++
	case StatusNotAttempted:
		c.NotAttempted++
	}
}

func (k *KeptCount) add(row RowDone) {
	if !row.Kept {
		return
	}
	k.Rows++
	switch {
	case errors.Is(row.Err, ErrStopped):
		k.NotAttempted++
	case isFailure(row.Err):
		k.Failed++
	}
}

// Calls are the attempts of one run.
type Calls struct {
	Started int `json:"started"`
	Retries int `json:"retries"` // of those started: not the first of their question
	// InFlight is how many are on the wire; 0 when the run has ended.
	InFlight       int `json:"-"`
	Answered       int `json:"answered"`
	Refused        int `json:"refused"`         // 425, 429, 503
	Failed         int `json:"failed"`          // every other error
	PossiblyBilled int `json:"possibly_billed"` // without an answer
	Remembered     int `json:"remembered"`      // questions that needed no call
	// Resumed are calls of an earlier run whose answers were polled for, Waiting those
	// that were submitted and are left to a later one. Started and Resumed are the sum
	// of Answered, Refused, Failed and Waiting.
	Resumed int `json:"resumed"`
	Waiting int `json:"waiting"`
}

// Summary is what a run did.
type Summary struct {
	Rows    Counts    `json:"rows"`
	New     int       `json:"-"` // of the rows that are ok: those that this run brought
	Kept    KeptCount `json:"kept"`
	Calls   Calls     `json:"calls"`
	Usage   Amount    `json:"usage"` // of this run's answers, as reported
	Latency Latency   `json:"latency_ms"`
}

// Latency are percentiles of the answered calls, in milliseconds, exact to 5 %.
type Latency struct {
	P50 int64 `json:"p50"`
	P90 int64 `json:"p90"`
	P99 int64 `json:"p99"`
	Max int64 `json:"max"`
}

// A Tally adds events up to a summary. Use its Observe as an [Observer].
type Tally struct {
	mu        sync.Mutex
	rows      Counts
	fresh     int // of the rows that are ok: those that this run brought
	kept      KeptCount
	calls     Calls
	elsewhere int // calls that others make, see [OnTheWire]
	usage     Amount
	latencies histogram
}

// Observe takes one event.
func (t *Tally) Observe(e Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch e := e.(type) {
	case RowDone:
		t.rows.add(e.Status)
		if e.Status == StatusOK && e.Fresh && !e.Kept {
			t.fresh++
		}
		t.kept.add(e)
	case Remembered:
		t.calls.Remembered++
	case CallStarted:
		t.calls.Started++
		t.calls.InFlight++
		if e.Retry {
			t.calls.Retries++
		}
	case CallResumed:
		t.calls.Resumed++
		t.calls.InFlight++
	case CallDone:
		t.calls.InFlight--
		t.callDone(e)
	case OnTheWire:
		t.calls.InFlight += e.Calls - t.elsewhere
		t.elsewhere = e.Calls
	}
}

func (t *Tally) callDone(e CallDone) {
	switch {
	case e.Err == nil:
		t.calls.Answered++
		t.latencies.add(e.Latency)
		t.usage = t.usage.Plus(e.Usage)
		return
	case e.Waiting:
		t.calls.Waiting++
		return
	case e.Err.Cause == octave.CauseRateLimited:
		t.calls.Refused++
	default:
		t.calls.Failed++
	}
	if e.Err.MaybeBilled {
		t.calls.PossiblyBilled++
	}
}

// Summary returns what was seen so far.
func (t *Tally) Summary() Summary {
	t.mu.Lock()
	defer t.mu.Unlock()
	return Summary{Rows: t.rows, New: t.fresh, Kept: t.kept, Calls: t.calls, Usage: t.usage, Latency: Latency{
		P50: t.latencies.percentile(50), P90: t.latencies.percentile(90),
		P99: t.latencies.percentile(99), Max: t.latencies.max.Milliseconds(),
	}}
}

// histogram keeps durations in buckets that grow by 5 %, in constant memory.
type histogram struct {
	buckets [400]int // 1.05^400 ms is far beyond a day
	count   int
	max     time.Duration
}

const bucketGrowth = 1.05

func (h *histogram) add(d time.Duration) {
	ms := max(float64(d)/float64(time.Millisecond), 1)
	i := int(math.Log(ms) / math.Log(bucketGrowth))
	h.buckets[min(i, len(h.buckets)-1)]++
	h.count++
	h.max = max(h.max, d)
}

func (h *histogram) percentile(p float64) int64 {
	rank := int(math.Ceil(float64(h.count) * p / 100))
	for i, n := range h.buckets {
		if rank -= n; rank <= 0 && h.count > 0 {
			upper := math.Pow(bucketGrowth, float64(i+1))
			return min(int64(upper), h.max.Milliseconds())
		}
	}
	return 0
}
