//go:build fleet

package fleet

import (
	"testing"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
	"golang.org/x/sync/errgroup"

	"octave-enrich/pipeline"
)

// A standby takes over while two hosts are at work. What it had received goes on, calls on
// the wire included; what it had not counts as never asked, and is asked once more.
func TestFleetFailover(t *testing.T) {
	t.Parallel()
	const before, onWire, all = 20, 16, 100
	for name, behind := range map[string]bool{"in step": false, "behind": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := rigAlone(t)
			primary, standby := r.server, r.server.Standby()
			r.address, r.options = primary.Address()+","+standby.Address(), "&target_session_attrs=read-write"
			r.host(nil)
			r.host(nil)
			p := r.party("a", nil)
			if answered, _, _ := p.ask(before); answered != before {
				t.Fatalf("%d of %d answered", answered, before)
			}
			if behind {
				standby.Kill()
			}
			r.service.hold = make(chan struct{})
			var g errgroup.Group
			var answered int
			g.Go(func() error { answered, _, _ = p.ask(all); return nil })
			r.until("calls on the wire", func() bool {
				return r.service.calls() == before+onWire && r.count(`call WHERE ended IS NULL`) == onWire
			})
			if !behind {
				r.server = standby
				r.until("the standby to know of them", func() bool { return r.count(`call WHERE ended IS NULL`) == onWire })
			}
			primary.Kill()
			if behind {
				standby.Run()
			}
			standby.Promote()
			r.server = standby
			close(r.service.hold)
			if _ = g.Wait(); answered != all {
				t.Errorf("%d of %d answered", answered, all)
			}
			// The rows of calls that the standby had not received are gone, and so are their answers.
			if doubled := r.service.calls() - all; doubled != map[bool]int{true: onWire}[behind] {
				t.Errorf("%d calls were made twice", doubled)
			}
			for email, times := range r.service.asked {
				if times > 2 || times > 1 && !behind {
					t.Errorf("%s was asked %d times", email, times)
				}
			}
			if n := r.count(`call WHERE result = 'answered' AND EXISTS (SELECT FROM octave_fleet.call o WHERE o.key = call.key AND o.id < call.id AND o.result = 'answered')`); n != 0 {
				t.Errorf("%d questions have two answers", n)
			}
		})
	}
}

// A job of another life of the database is not asked: in a backup that was put back lie
// questions that were answered since.
func TestFleetJobsOfABackup(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.host(nil)
	p := r.party("a", nil)
	stale := job{Run: "a", Key: pipeline.NewQuestion(who(9), 0).Key, Incarnation: "before", Request: who(9).Canonical()}
	if _, err := r.look.river.Insert(t.Context(), stale, &river.InsertOpts{Queue: runQueue("a")}); err != nil {
		t.Fatal(err)
	}
	r.until("it to be cancelled", func() bool { return r.jobs(rivertype.JobStateCancelled) == 1 })
	if answered, _, _ := p.ask(5); answered != 5 || r.service.calls() != 5 {
		t.Errorf("%d of 5 answered, by %d calls", answered, r.service.calls())
	}
}

// A host that drains while the database commits the notes of its calls takes them back:
// others ask at once, and no call counts that was not made.
func TestFleetDrainsInACommit(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	// A commit waits, whatever becomes of its connection, as it does for a slow disk.
	r.server.Exec(`CREATE FUNCTION octave_fleet.hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		LOOP BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN NULL; EXCEPTION WHEN query_canceled THEN END; END LOOP; END $$;
		CREATE CONSTRAINT TRIGGER hold AFTER INSERT ON octave_fleet.call DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION octave_fleet.hold()`)
	gate, err := r.look.pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer gate.Release()
	if _, err := gate.Exec(t.Context(), `SELECT pg_advisory_lock(1)`); err != nil {
		t.Fatal(err)
	}
	ill := r.host(nil)
	p := r.party("a", func(cfg *CoordinatorConfig) { cfg.Budgets = pipeline.Budgets{MaxCalls: 5, HasCalls: true} })
	var asking errgroup.Group
	var answered int
	asking.Go(func() error { answered, _, _ = p.ask(5); return nil })
	waits := func() (n int) {
		r.server.Scan(`SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`, &n)
		return n
	}
	r.until("a commit that waits", func() bool { return waits() > 0 })
	ill.brake.Pull(errDrain)
	for range 20 { // time enough to take back what is not there yet
		if waits() == 0 {
			t.Error("the commit did not wait")
		}
	}
	if _, err := gate.Exec(t.Context(), `SELECT pg_advisory_unlock(1)`); err != nil {
		t.Fatal(err)
	}
	ill.drain(t)
	if n := r.count(`call WHERE ended IS NULL`); n > 0 || r.service.calls() > 0 {
		t.Fatalf("%d calls are noted that nobody makes, %d were made", n, r.service.calls())
	}
	r.host(nil)
	if _ = asking.Wait(); answered != 5 {
		t.Errorf("%d of 5 answered", answered)
	}
	p.close(t)
}
