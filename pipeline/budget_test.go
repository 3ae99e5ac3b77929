package pipeline

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"octave-enrich/octave"
)

func TestBudgets(t *testing.T) {
	usage := func(max, cost, largest string) Budgets {
		return Budgets{MaxUsage: amount(t, max), HasUsage: true, CostToRun: amount(t, cost), Largest: amount(t, largest)}
	}
	for _, tc := range []struct {
		name    string
		budgets Budgets
		rows    int
		reason  error
		calls   int
	}{
		{"calls", Budgets{MaxCalls: 10, HasCalls: true}, 30, ErrMaxCalls, 10},
		{"calls that suffice", Budgets{MaxCalls: 30, HasCalls: true}, 30, nil, 30},
		{"no calls", Budgets{HasCalls: true}, 30, ErrMaxCalls, 0},
		{"usage", usage("10", "0", "0"), 60, ErrMaxUsage, 10},
		{"usage that suffices", usage("60", "1", "1"), 60, nil, 60},
		{"usage between two calls", usage("10.5", "1", "0"), 60, ErrMaxUsage, 10},
		{"usage less than the agent costs", usage("10", "11", "1"), 60, ErrMaxUsage, 0},
		{"usage less than an answer cost", usage("10", "1", "10.01"), 60, ErrMaxUsage, 0},
		{"calls that cost less than expected", usage("10", "6", "0"), 60, ErrMaxUsage, 5}, // the fifth is expected to end at 10
		{"usage of nothing", usage("0", "0", "0"), 60, ErrMaxUsage, 0},
		{"usage beyond what an int holds", usage("1e19", "0", "0"), 60, nil, 60},
		{"nothing to ask", usage("0", "0", "0"), 0, nil, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig()
				r.budgets = tc.budgets
				if err := r.run(t, t.Context(), people(tc.rows)); err != nil {
					t.Fatal(err)
				}
				if calls := r.service.calls(); calls != tc.calls || !errors.Is(r.brake.Reason(), tc.reason) {
					t.Errorf("%d calls, reason %v", calls, r.brake.Reason())
				}
				if rows := r.tally.Summary().Rows; rows.Total() != tc.rows || rows.OK != tc.calls {
					t.Errorf("rows %+v after %d calls", rows, tc.calls)
				}
				calls, reason := tc.budgets.Affords(tc.rows, amount(t, "1"))
				if calls != tc.calls || !errors.Is(reason, tc.reason) {
					t.Errorf("a plan says %d calls, %v", calls, reason)
				}
			})
		})
	}
	if calls, reason := usage("10", "6", "0").Affords(60, amount(t, "0")); calls != 60 || reason != nil {
		t.Errorf("calls that cost nothing: %d, %v", calls, reason)
	}
}

// costs is an agent whose calls cost what is said for each, in turn.
func costs(list ...string) (agent Agent, made *int) {
	made = new(int)
	return func(context.Context, *Question) (*octave.Answer, error) {
		*made++
		switch cost := list[min(*made, len(list))-1]; cost {
		case "lost":
			return nil, &octave.Error{Action: octave.Row, MaybeBilled: true}
		case "refused":
			return nil, refusal(0)
		case "panic":
			panic(cost)
		default:
			return &octave.Answer{Usage: octave.Decimal(cost)}, nil
		}
	}, made
}

// TestBudgetLearns holds that an answer which costs more than expected is what the
// next call is expected to cost, and that a call without an answer counts when it
// may have been billed.
func TestBudgetLearns(t *testing.T) {
	for name, tc := range map[string]struct {
		costs []string
		calls int
	}{
		"as expected": {[]string{"1"}, 10},
		"dearer":      {[]string{"4", "1"}, 4}, // 4+1+1+1, and another may cost 4
		"overshot":    {[]string{"12"}, 1},
		"not billed":  {[]string{"refused", "refused", "1"}, 12},
		"lost":        {[]string{"lost"}, 10},
		"broken":      {[]string{"panic"}, 10},
		"unsaid":      {[]string{""}, 15},
	} {
		t.Run(name, func(t *testing.T) {
			agent, made := costs(tc.costs...)
			brake := NewBrake(t.Context())
			agent = Budget(agent, Budgets{MaxUsage: amount(t, "10"), HasUsage: true}, brake)
			for range 15 {
				func() {
					defer func() { _ = recover() }()
					_, _ = agent(t.Context(), &Question{})
				}()
			}
			if *made != tc.calls || tc.calls < 15 && !errors.Is(brake.Reason(), ErrMaxUsage) {
				t.Errorf("%d calls, %v", *made, brake.Reason())
			}
		})
	}
}

// TestBudgetWaits holds that who does not fit beside the calls in flight waits for
// them, and goes on when they cost less than was reserved.
func TestBudgetWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate, asked := make(chan string), 0
		brake := NewBrake(t.Context())
		budgets := Budgets{MaxUsage: amount(t, "5"), HasUsage: true, CostToRun: amount(t, "3")}
		agent := Budget(func(context.Context, *Question) (*octave.Answer, error) {
			asked++
			return &octave.Answer{Usage: octave.Decimal(<-gate)}, nil
		}, budgets, brake)
		ends := make(chan error, 3)
		for range 3 {
			go func() {
				_, err := agent(t.Context(), &Question{})
				ends <- err
			}()
		}
		for i, cost := range []string{"1", "2"} {
			synctest.Wait()
			if asked != i+1 || brake.Reason() != nil {
				t.Fatalf("%d calls, %v", asked, brake.Reason())
			}
			gate <- cost
			if err := <-ends; err != nil {
				t.Fatal(err)
			}
		}
		if err := <-ends; !errors.Is(err, ErrStopped) || !errors.Is(brake.Reason(), ErrMaxUsage) { // 3 are spent of 5
			t.Errorf("the third call: %v, %v", err, brake.Reason())
		}
	})
}

// TestBudgetBrake holds that a brake ends the wait for a budget, and that a call
// which was never made is given back.
func TestBudgetBrake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		brake := NewBrake(t.Context())
		budgets := Budgets{MaxCalls: 1, HasCalls: true}
		agent := Budget(func(_ context.Context, _ *Question) (*octave.Answer, error) {
			time.Sleep(time.Hour)
			return nil, ErrStopped
		}, budgets, brake)
		ends := make(chan error, 2)
		for range 2 {
			go func() {
				_, err := agent(t.Context(), &Question{})
				ends <- err
			}()
		}
		synctest.Wait()
		brake.Pull(errors.New("signal"))
		synctest.Wait()
		if err := <-ends; !errors.Is(err, ErrStopped) {
			t.Errorf("who waited: %v", err)
		}
		<-ends
		if brake.Reason().Error() != "signal" {
			t.Errorf("the run stopped because of %v", brake.Reason())
		}
	})
	synctest.Test(t, func(t *testing.T) {
		made := 0
		agent := Budget(func(context.Context, *Question) (*octave.Answer, error) {
			if made++; made == 1 {
				return nil, ErrStopped
			}
			return &octave.Answer{}, nil
		}, Budgets{MaxCalls: 1, HasCalls: true}, NewBrake(t.Context()))
		_, _ = agent(t.Context(), &Question{})
		if _, err := agent(t.Context(), &Question{}); err != nil {
			t.Errorf("the call after one that was never made: %v", err)
		}
	})
}
