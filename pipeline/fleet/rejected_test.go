//go:build fleet

package fleet

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sync/errgroup"

	"octave-enrich/octave"
	"octave-enrich/pipeline"
)

// Rejections as they come, of a call and of the question whether the key is valid.
var (
	errKey  = &octave.Error{Status: 401, Action: octave.All, Cause: octave.CauseKey, Message: "Invalid API key"}
	errPage = &octave.Error{Status: 403, Action: octave.All, Cause: octave.CauseKey, Message: "Access denied by policy", Foreign: true}
)

// rejecting is a host of which every call is rejected so, and that hears so of its key.
func (r *rig) rejecting(call, validate error, change func(*WorkerConfig)) (h *host, calls *atomic.Int32) {
	r.t.Helper()
	calls = &atomic.Int32{}
	h = r.newHost(func(cfg *WorkerConfig) {
		cfg.Run = pipeline.Call(func(context.Context, octave.Request) (*octave.Answer, error) {
			calls.Add(1)
			return nil, call
		})
		cfg.Validate = func(context.Context) error { return validate }
		if change != nil {
			change(cfg)
		}
	})
	h.begin(r.t)
	return h, calls
}

// goesOn wants a run to be answered to its end, and its key to be good.
func (r *rig) goesOn(p *party) {
	r.t.Helper()
	const questions = 15 // so that a host that asks alone has heard more than five rejections in all
	if answered, stopped, failed := p.ask(questions); answered != questions {
		r.t.Errorf("%d answered, %d stopped, %d failed: %v", answered, stopped, failed, p.brake.Reason())
	}
	if n := r.count("pace WHERE account = 'key' AND kind IS NOT NULL"); n > 0 {
		r.t.Error("the key counts as rejected")
	}
}

// A page of a proxy is the problem of the host behind it. What it was to ask is asked by
// others.
func TestFleetForeignPageIsOfOneHost(t *testing.T) {
	t.Parallel()
	for name, validate := range map[string]error{"the key is valid": nil, "a page there, too": errPage, "no answer": errors.New("no route")} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			ill, calls := r.rejecting(errPage, validate, nil)
			p := r.party("a", nil)
			var asking errgroup.Group
			asking.Go(func() error { r.goesOn(p); return nil })
			<-ill.brake.Pulled()
			r.host(nil)
			_ = asking.Wait()
			if reason := ill.brake.Reason(); !errors.Is(reason, errAlone) || !strings.Contains(reason.Error(), "Access denied by policy") {
				t.Errorf("it leaves because of %v", reason)
			}
			if calls.Load() == 0 {
				t.Error("it asked nothing")
			}
			p.close(t)
		})
	}
}

// A page that speaks of a quota is still a page.
func TestFleetForeignPageOfCredits(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ill, _ := r.rejecting(&octave.Error{Status: 403, Action: octave.All, Cause: octave.CauseCredits, Message: "quota of your network", Foreign: true}, nil, nil)
	p := r.party("a", nil)
	var asking errgroup.Group
	asking.Go(func() error { r.goesOn(p); return nil })
	<-ill.brake.Pulled()
	r.host(nil)
	_ = asking.Wait()
	p.close(t)
}

// A wrong key on one host stops the hosts that have it, and no run while another key
// works for its queue. When that is rejected, too, the runs stop.
func TestFleetWrongKeyOnOneHost(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service.hold = make(chan struct{})
	good := r.host(func(cfg *WorkerConfig) { cfg.Slots = 2 })
	wrong, _ := r.rejecting(errKey, errKey, func(cfg *WorkerConfig) { cfg.Account = "wrong" })
	idle, _ := r.rejecting(errKey, errKey, func(cfg *WorkerConfig) { cfg.Account, cfg.Queue = "wrong", "another" })
	p := r.party("a", nil)
	var asking errgroup.Group
	asking.Go(func() error { r.goesOn(p); return nil })
	<-wrong.brake.Pulled()
	<-idle.brake.Pulled() // it has the same key
	close(r.service.hold)
	_ = asking.Wait()
	if p.brake.Reason() != nil || good.brake.Reason() != nil {
		t.Errorf("the run stops because of %v, the good host of %v", p.brake.Reason(), good.brake.Reason())
	}
	r.service.outcome = func(int, octave.Request) error { return errKey } // of a host that cannot ask whether it is valid
	q := r.party("b", nil)
	if _, stopped, _ := q.ask(90); stopped == 0 {
		t.Error("the run did not stop when no key was left")
	}
	var call *octave.Error
	if !errors.As(q.brake.Reason(), &call) || call.Cause != octave.CauseKey {
		t.Errorf("the run stops because of %v", q.brake.Reason())
	}
	p.close(t)
	q.close(t)
}

// A key that the service calls valid and that five calls in a row are rejected with is
// rejected.
func TestFleetFiveRejectionsInARow(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	h, calls := r.rejecting(errKey, nil, func(cfg *WorkerConfig) { cfg.Slots = 1 })
	p := r.party("a", nil)
	p.ask(60)
	<-h.brake.Pulled()
	var call *octave.Error
	if reason := p.brake.Reason(); !errors.As(reason, &call) || call.Cause != octave.CauseKey || !strings.Contains(reason.Error(), "5 calls in a row") {
		t.Errorf("the run stops because of %v", reason)
	}
	if n := calls.Load(); n != rejectionsInARow {
		t.Errorf("%d calls", n)
	}
	p.close(t)
}

// One rejection of a key that is valid is nothing: the question is asked again, and the
// row is counted anew after a call that was taken.
func TestFleetStrayRejection(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service.outcome = func(n int, _ octave.Request) error {
		if n%4 != 0 { // three in a row
			return errKey
		}
		return nil
	}
	h := r.host(func(cfg *WorkerConfig) {
		cfg.Slots = 1
		cfg.Validate = func(context.Context) error { return nil }
	})
	p := r.party("a", nil)
	r.goesOn(p)
	if h.brake.Reason() != nil {
		t.Errorf("the host leaves because of %v", h.brake.Reason())
	}
	p.close(t)
}
