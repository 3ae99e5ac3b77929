package pipeline

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"octave-enrich/octave"
)

// Every figure of a summary, counted once by hand: three contacts, of whom the
// first two cost an extra call each.
func TestSummaryCountsCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		r.workers = 1
		r.service.latency = 2 * time.Second
		r.service.outcome = func(n int, _ octave.Request) error {
			switch n {
			case 1:
				return refusal(time.Second)
			case 3:
				return serverError()
			}
			return nil
		}
		if err := r.run(t, t.Context(), people(3)); err != nil {
			t.Fatal(err)
		}
		got := r.tally.Summary()
		want := Calls{Started: 5, Retries: 2, Answered: 3, Refused: 1, Failed: 1}
		if got.Calls != want || got.Usage.String() != "3" || got.Rows != (Counts{OK: 3}) {
			t.Errorf("calls %+v, want %+v; rows %+v, usage %v", got.Calls, want, got.Rows, got.Usage)
		}
		if l := got.Latency; l.Max != 2000 || l.P50 < 1900 || l.P50 > 2000 || l.P99 > l.Max {
			t.Errorf("latency %+v, want 2 s", l)
		}
		r.again()
		if err := r.run(t, t.Context(), people(3)); err != nil {
			t.Fatal(err)
		}
		if got := r.tally.Summary().Calls; got != (Calls{Remembered: 3}) {
			t.Errorf("the second run: %+v, want nothing but 3 remembered", got)
		}
	})
}

func TestPercentilesAreExactToFivePercent(t *testing.T) {
	var h histogram
	for i := 1; i <= 1000; i++ {
		h.add(time.Duration(i) * 10 * time.Millisecond)
	}
	for p, want := range map[float64]int64{50: 5000, 90: 9000, 99: 9900} {
		if got := h.percentile(p); got < want*95/100 || got > want*105/100 {
			t.Errorf("p%v is %d ms, want %d within 5 %%", p, got, want)
		}
	}
	if got := (&histogram{}).percentile(50); got != 0 {
		t.Errorf("of nothing: %d", got)
	}
}

func TestUsageIsSummedAsDecimals(t *testing.T) {
	var tally Tally
	for range 10 {
		tally.Observe(CallStarted{})
		tally.Observe(CallDone{Usage: "0.1"})
	}
	text, err := json.Marshal(tally.Summary())
	if err != nil || !strings.Contains(string(text), `"usage":1,`) {
		t.Errorf("ten times 0.1: %s %v", text, err)
	}
}

// Rows are counted by what is written of them: a row that keeps an earlier answer is no new one, whatever became of the
// call for a newer.
func TestSummaryCountsRows(t *testing.T) {
	var tally Tally
	for _, row := range []RowDone{
		{Status: StatusOK, Fresh: true}, {Status: StatusOK, Fresh: true}, {Status: StatusOK},
		{Status: StatusOK, Fresh: true, Kept: true, Err: errors.New("busy")},
		{Status: StatusOK, Kept: true, Err: stopped(errors.New("busy"))}, {Status: StatusOK, Kept: true},
		{Status: StatusNotFound, Fresh: true}, {Status: StatusFailed, Err: errors.New("no")}, {Status: StatusFailed}, {Status: StatusFailed},
		{Status: StatusInvalid}, {Status: StatusInvalid}, {Status: StatusExcluded}, {Status: StatusNotAttempted, Err: ErrStopped},
	} {
		tally.Observe(row)
	}
	tally.Observe(CallResumed{})
	got := tally.Summary()
	if calls := (Calls{Resumed: 1, InFlight: 1}); got.Calls != calls {
		t.Errorf("calls %+v", got.Calls)
	}
	want := Counts{OK: 6, NotFound: 1, Failed: 3, Invalid: 2, Excluded: 1, NotAttempted: 1}
	if kept := (KeptCount{Rows: 3, Failed: 1, NotAttempted: 1}); got.Rows != want || got.Rows.Total() != 14 || got.New != 2 || got.Kept != kept {
		t.Errorf("rows %+v, %d in all, %d new, kept %+v", got.Rows, got.Rows.Total(), got.New, got.Kept)
	}
}
