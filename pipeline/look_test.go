package pipeline

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"octave-enrich/octave"
)

// cutOff is what a gateway says that gave up waiting.
func cutOff() error {
	return &octave.Error{Status: 504, Action: octave.Again, Cause: octave.CauseServer, Message: "Gateway Timeout", MaybeBilled: true}
}

// A night's outage behind a gateway: what may be billed is probed for free.
func TestProbesAreFree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		r.pace.Rate, r.workers, r.service.latency = 5, 8, time.Second
		began := time.Now()
		down := func() bool { at := time.Since(began); return at > time.Minute && at < 41*time.Minute }
		r.service.outcome = func(int, octave.Request) error {
			if down() {
				return cutOff()
			}
			return nil
		}
		var looked atomic.Int32
		r.look = func(context.Context) error {
			looked.Add(1)
			if down() {
				return serverError()
			}
			return nil
		}
		if err := r.run(t, t.Context(), people(2000)); err != nil {
			t.Fatal(err)
		}
		if got := r.sink.statuses(); got[StatusOK] != 2000 {
			t.Errorf("rows %v", got)
		}
		if got := r.tally.Summary().Calls.PossiblyBilled; got == 0 || got > 2*r.workers {
			t.Errorf("%d calls may have been billed for nothing", got)
		}
		if n := looked.Load(); n < 20 || n > 80 {
			t.Errorf("looked %d times in 40 minutes", n)
		}
	})
}

// The account answers, the agent's calls are cut off: every probe is paid for, and
// no contact is asked more often than --retries say.
func TestProbesThatMayBeBilledCostTheRowAnAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		r.policy.Retries, r.pace.MaxOutage = 2, 30*time.Minute
		r.service.outcome = func(int, octave.Request) error { return cutOff() }
		r.look = func(context.Context) error { return nil }
		if err := r.run(t, t.Context(), people(50)); err != nil {
			t.Fatal(err)
		}
		if got := r.sink.statuses(); got[StatusFailed] == 0 || got[StatusNotAttempted] == 0 || !errors.Is(r.brake.Reason(), ErrOutage) {
			t.Errorf("rows %v, reason %v", got, r.brake.Reason())
		}
		for who, n := range r.service.asked {
			if n > 1+r.policy.Retries {
				t.Errorf("%s was asked %d times", who, n)
			}
		}
	})
}

func TestFinalUnlessHeard(t *testing.T) {
	trouble := func(int, octave.Request) error {
		return &octave.Error{Action: octave.Again, Cause: octave.CauseUnreachable, Message: "no such host", Trouble: octave.NoSuchHost}
	}
	for _, heard := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig()
			r.heard, r.service.outcome = heard, trouble
			if err := r.run(t, t.Context(), people(5)); err != nil {
				t.Fatal(err)
			}
			var call *octave.Error
			if final := errors.As(r.brake.Reason(), &call) && call.Trouble == octave.NoSuchHost; final == heard {
				t.Errorf("heard %v: stopped by %v", heard, r.brake.Reason())
			}
		})
	}
	busy := &octave.Error{Status: 503, Action: octave.Again, Cause: octave.CauseRateLimited, Message: "busy"}
	for what, first := range map[string]error{"an answer": nil, "a refusal": busy} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig()
			r.workers = 1
			r.service.outcome = func(n int, req octave.Request) error {
				switch n {
				case 1:
					return first
				case 2:
					return trouble(n, req)
				}
				return nil
			}
			if err := r.run(t, t.Context(), people(3)); err != nil || r.sink.statuses()[StatusOK] != 3 {
				t.Errorf("after %s: %v, rows %v", what, err, r.sink.statuses())
			}
		})
	}
}

// refused is what a service says, in a second, to a request that it finds wrong.
func refused(text string) error {
	time.Sleep(time.Second)
	return &octave.Error{Status: 404, Action: octave.Row, Cause: octave.CauseRequest, Message: text}
}

func notProven() (bool, error) { return false, nil }

func TestRefusedAlikeStopsTheRun(t *testing.T) {
	proven := func() (bool, error) { return true, nil }
	for name, c := range map[string]struct {
		workers int
		proven  func() (bool, error)
		outcome func(n int, req octave.Request) error
		stops   bool
		asked   int // at most, and by one worker exactly
	}{
		"one at a time":        {1, notProven, func(int, octave.Request) error { return refused("Agent not found") }, true, 5},
		"all at once":          {8, notProven, func(int, octave.Request) error { return refused("Agent not found") }, true, 5 + 7},
		"names them":           {1, notProven, func(_ int, req octave.Request) error { return refused("no agent for " + req.Email) }, true, 5},
		"proven by the past":   {1, proven, func(int, octave.Request) error { return refused("Agent not found") }, false, 30},
		"for different causes": {1, notProven, func(n int, _ octave.Request) error { return refused([]string{"one", "two", "three"}[n%3]) }, true, 13},
		"the agent works": {1, notProven, func(n int, _ octave.Request) error {
			if n == 5 {
				return nil
			}
			return refused("Contact is incomplete")
		}, false, 30},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig()
			r.workers, r.proven, r.service.outcome = c.workers, c.proven, c.outcome
			if err := r.run(t, t.Context(), people(30)); err != nil {
				t.Fatal(err)
			}
			var alike *RefusedAlikeError
			if errors.As(r.brake.Reason(), &alike) != c.stops || r.service.calls() > c.asked || c.workers == 1 && r.service.calls() < c.asked {
				t.Errorf("%s: %d asked, stopped by %v", name, r.service.calls(), r.brake.Reason())
			}
		})
	}
}

// Refusals come sooner than answers: five bad rows at the top of a list whose
// other calls are still on the wire say nothing of the agent.
func TestRefusedAlikeHearsWhoIsOnTheWire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		r.workers, r.proven, r.service.latency = 8, notProven, 40*time.Second
		bad := []string{"p0@example.com", "p1@example.com", "p2@example.com", "p3@example.com", "p4@example.com"}
		r.service.outcome = func(_ int, req octave.Request) error {
			if slices.Contains(bad, req.Email) {
				return refused("Contact is incomplete")
			}
			return nil
		}
		if err := r.run(t, t.Context(), people(30)); err != nil {
			t.Fatal(err)
		}
		if got := r.sink.statuses(); got[StatusOK] != 25 || got[StatusFailed] != 5 {
			t.Errorf("rows %v, stopped by %v", got, r.brake.Reason())
		}
	})
}

// What failed before is asked after the new ones, within a window and within a
// limit, and is no news of the agent.
func TestFailedBeforeComesLast(t *testing.T) {
	for _, c := range []struct{ window, limit, asked int }{{0, 0, 30}, {4, 0, 30}, {0, 28, 28}, {0, 10, 10}} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig()
			r.workers, r.proven, r.window = 1, notProven, c.window
			fails := func(_ int, req octave.Request) error {
				if len(req.Email) == len("p1@example.com") { // the first ten
					return refused("Contact is incomplete " + req.Email)
				}
				return nil
			}
			r.service.outcome, r.limit = fails, 4
			if err := r.run(t, t.Context(), people(30)); err != nil {
				t.Fatal(err)
			}
			r.again()
			var order []int
			r.limit, r.service = c.limit, &service{latency: time.Second}
			r.service.outcome = func(_ int, req octave.Request) error {
				order = append(order, slices.Index(r.emails(30), req.Email))
				return nil
			}
			if err := r.run(t, t.Context(), people(30)); err != nil {
				t.Fatal(err)
			}
			if len(order) != c.asked || len(r.sink.rows) != 30 {
				t.Fatalf("%+v: asked %v, %d rows", c, order, len(r.sink.rows))
			}
			// Two workers may pass each other, so that neighbours change places.
			failedBefore := func(n int) bool { return n < 4 }
			if early := order[:min(len(order), 24)]; c.window == 0 && slices.ContainsFunc(early, failedBefore) {
				t.Errorf("%+v: asked in the order %v", c, order)
			}
			wanted := []int{4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 0, 1, 2, 3}[:c.asked]
			slices.Sort(wanted)
			if slices.Sort(order); c.window == 0 && !slices.Equal(order, wanted) {
				t.Errorf("%+v: asked %v", c, order)
			}
			for i, row := range r.sink.rows {
				if row.Cells[0] != strconv.Itoa(i) {
					t.Fatalf("row %s stands at %d", row.Cells[0], i)
				}
			}
		})
	}
}

// emails are those of people.
func (r *rig) emails(n int) (list []string) {
	for c := range people(n) {
		list = append(list, c.Person.Email)
	}
	return list
}
