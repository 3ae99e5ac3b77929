package plans

import (
	"testing"
	"time"

	"golang.org/x/time/rate"

	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/pipeline"
)

// Calls take as long as the slower of rate and workers needs.
func TestSeconds(t *testing.T) {
	for _, tt := range []struct {
		calls, workers int
		limit          rate.Limit
		latency        time.Duration
		want           float64
	}{
		{0, 8, 5, time.Minute, 0},
		{1, 8, 5, time.Minute, 60},
		{101, 1000, 5, 30 * time.Second, 50}, // 20 s of starts, and the last one's 30
		{80, 8, rate.Inf, 10 * time.Second, 100},
		{81, 8, rate.Inf, 10 * time.Second, 110},
		{80, 8, 5, 10 * time.Second, 100}, // the workers are slower
		{3, 0, rate.Inf, time.Second, 3},
	} {
		if got := Seconds(tt.calls, tt.limit, tt.workers, tt.latency); got != tt.want {
			t.Errorf("%+v: %v", tt, got)
		}
	}
}

func TestBill(t *testing.T) {
	plan := pipeline.Plan{Rows: 1200, Sendable: 1192, ToAsk: 12, Answered: 1180, Invalid: map[string]int{"a": 3, "b": 5}}
	for _, tt := range []struct {
		contacts int
		changed  string
		want     string
	}{
		{0, "", "1,200 rows: 12 to ask, 1,180 known, 8 unusable"},
		{4, options.ChangedRedo, "1,200 rows: 12 to ask, 4 changed, 1,180 known, 8 unusable (the changed ones are among those to ask)"},
		{4, options.ChangedKeep, "1,200 rows: 12 to ask, 4 changed, 1,180 known, 8 unusable; the changed ones keep their old answers"},
	} {
		if got := (Survey{plan, pipeline.Changes{Contacts: tt.contacts}, tt.changed, false, nil}).Bill("--limit"); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
	plan.BeyondLimit, plan.ChangedBeyond = 3, 3
	if got, want := (Survey{plan, pipeline.Changes{Contacts: 4}, options.ChangedRedo, false, nil}).Bill("--limit"),
		"1,200 rows: 12 to ask, 4 changed, 1,180 known, 3 beyond --limit, 8 unusable (1 of the changed ones is among those to ask)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	plan = pipeline.Plan{Rows: 3, Sendable: 3, ToAsk: 1, BeyondLimit: 2}
	if got, want := (Survey{Plan: plan}).Bill("--sample"), "3 rows: 1 to ask, 2 beyond --sample"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// A plan leaves out the calls that no budget holds, and says which one it is.
func TestKeepTo(t *testing.T) {
	three, err := pipeline.ParseAmount("3")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		budgets pipeline.Budgets
		each    *pipeline.Amount
		ask     int
		budget  string
	}{
		{pipeline.Budgets{}, &three, 10, ""},
		{pipeline.Budgets{MaxCalls: 4, HasCalls: true}, &three, 4, "max-calls"},
		{pipeline.Budgets{MaxUsage: three.Mul(2), HasUsage: true, CostToRun: three}, &three, 2, "max-usage"},
		{pipeline.Budgets{MaxCalls: 1, HasCalls: true, MaxUsage: three.Mul(2), HasUsage: true, CostToRun: three}, &three, 1, "max-calls"},
	} {
		e := Estimate{Plan: pipeline.Plan{ToAsk: 10}}
		e.keepTo(tt.budgets, tt.each)
		if e.ToAsk != tt.ask || e.BeyondBudget != 10-tt.ask || e.Budget != tt.budget {
			t.Errorf("%+v: %d to ask, %d beyond %q", tt.budgets, e.ToAsk, e.BeyondBudget, e.Budget)
		}
	}
}
