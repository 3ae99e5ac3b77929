package report

import (
	"testing"
	"time"
)

func TestPointsAddUpAndAreFew(t *testing.T) {
	begin := time.Date(2026, 11, 23, 19, 0, 0, 0, time.UTC)
	for _, span := range []int{1, 119, 120, 121, 3600, 100_000, 20_000_000} {
		r := &run{Begin: begin}
		step := max(span/1000, 1)
		for s := 0; s < span; s += step {
			at := r.at(begin.Add(time.Duration(s) * time.Second))
			at.asked++
			at.answered++
			at.latency += 250
		}
		r.fold()
		var asked int64
		for _, p := range r.Points {
			asked += p[0]
			if p[1] > 0 && p[4] != 250 {
				t.Fatalf("%d s: %d ms per answer, want 250", span, p[4])
			}
		}
		if want := int64((span + step - 1) / step); asked != want {
			t.Errorf("%d s: %d calls, want %d", span, asked, want)
		}
		if len(r.Points) > mostPoints && r.Seconds != steps[len(steps)-1] {
			t.Errorf("%d s: %d points of %d s", span, len(r.Points), r.Seconds)
		}
	}
}

func TestATimeBeforeTheRunIsInItsFirstSecond(t *testing.T) {
	begin := time.Date(2026, 11, 23, 19, 0, 0, 0, time.UTC)
	r := &run{Begin: begin}
	r.at(begin.Add(-time.Hour)).asked++ // a clock that was set back
	r.fold()
	if len(r.Points) != 1 || r.Points[0][0] != 1 {
		t.Errorf("%v", r.Points)
	}
}

func TestLatencyCountsEveryAnswer(t *testing.T) {
	var ms []int64
	for d := range int64(1000) {
		ms = append(ms, 999-d)
	}
	l := newLatency(ms)
	if l.P50 != 499 || l.P90 != 899 || l.P99 != 989 || l.Max != 999 {
		t.Errorf("percentiles %+v", l)
	}
	sum, last := 0, int64(-1)
	for _, b := range l.Buckets {
		sum += b.N
		if last >= 0 && b.From != last || b.To-b.From != l.Buckets[0].To-l.Buckets[0].From {
			t.Errorf("bucket %+v after %d", b, last)
		}
		last = b.To
	}
	if len(l.Buckets) > mostBuckets {
		t.Errorf("%d buckets", len(l.Buckets))
	}
	if sum != 1000 {
		t.Errorf("the buckets hold %d of 1000", sum)
	}
	if l := newLatency([]int64{3_600_000}); l.Buckets[0].From > 3_600_000 || l.Buckets[0].To <= 3_600_000 || len(l.Buckets) != 1 {
		t.Errorf("an hour is in %+v", l.Buckets)
	}
}
