//go:build fleet

package fleet

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"octave-enrich/octave"
	"octave-enrich/pipeline"
)

// backup copies what a backup of the database would hold, restore puts it back.
func (r *rig) backup() {
	r.server.Exec(`CREATE SCHEMA backup; CREATE TABLE backup.river_job AS TABLE octave_fleet.river_job;
		CREATE TABLE backup.call AS TABLE octave_fleet.call; CREATE TABLE backup.run AS TABLE octave_fleet.run`)
}

func (r *rig) restore() {
	r.t.Helper()
	r.server.Exec(`BEGIN; UPDATE octave_fleet.format SET restored = restored + 1;
		DELETE FROM octave_fleet.river_job; INSERT INTO octave_fleet.river_job SELECT * FROM backup.river_job;
		DELETE FROM octave_fleet.call; INSERT INTO octave_fleet.call OVERRIDING SYSTEM VALUE SELECT * FROM backup.call;
		DELETE FROM octave_fleet.run; INSERT INTO octave_fleet.run SELECT * FROM backup.run; COMMIT`)
}

// A backup in which questions wait that were answered since is put back: the run that is
// there takes them back, and goes on with the others; for one that is not, nothing is
// asked.
func TestFleetRestored(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	there, gone := r.party("there", nil), r.party("gone", nil)
	var g errgroup.Group
	var answered int
	g.Go(func() error { answered, _, _ = there.ask(30); return nil })
	gone.put(t, 100, 130)
	r.until("60 questions", func() bool { return r.jobs() == 60 })
	gone.end() // its machine
	_ = gone.group.Wait()
	gone.end = nil
	r.backup()
	r.host(nil)
	_ = g.Wait()
	r.until("60 answers", func() bool { return r.count(`call WHERE result = 'answered'`) == 60 })
	r.restore()
	if answered, _, _ := r.party("later", nil).ask(40); answered != 40 {
		t.Errorf("%d of 40 answered", answered)
	}
	r.until("the run that is there to go on", func() bool {
		return r.count(`run WHERE id = 'there' AND incarnation = octave_fleet.incarnation()`) == 1
	})
	if more, _, _ := there.ask(45); more != 45 || answered != 30 {
		t.Errorf("%d of 30, and %d of 45 answered afterwards", answered, more)
	}
	for i := range 130 {
		most := 1
		if i < 30 { // of whom the later run's checkpoint knows nothing, as the backup
			most = 2
		}
		if n := r.service.asked[who(i).Email]; n > most {
			t.Errorf("%s was asked about %d times", who(i).Email, n)
		}
	}
	if n := r.count(`call WHERE run = 'gone'`); n != 0 {
		t.Errorf("%d calls for a run that has not said what it waits for", n)
	}
	status, err := r.look.Status(t.Context())
	if err != nil || len(status.Runs) != 3 {
		t.Fatalf("%+v, %v", status.Runs, err)
	}
	for _, run := range status.Runs {
		if run.ID == "gone" && run.State != "unconfirmed" {
			t.Errorf("the state of the run that is gone is %s", run.State)
		}
	}
}

// A clock that went back an hour holds nothing up: what was planned, paused or queued
// by the old one would be as late.
func TestFleetClockGoesBack(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	limit := rate.Limit(100)
	h := r.host(func(cfg *WorkerConfig) { cfg.Limit = &limit })
	p := r.party("a", nil)
	if answered, _, _ := p.ask(3); answered != 3 {
		t.Fatalf("%d of 3 answered", answered)
	}
	r.server.Exec(`UPDATE octave_fleet.pace SET next = next + interval '1 hour', seen = seen + interval '1 hour',
		state = jsonb_set(state::jsonb, '{paused_until}', to_jsonb(now() + interval '1 hour'))::json`)
	if answered, _, _ := p.ask(30); answered != 30 {
		t.Errorf("%d of 30 answered", answered)
	}

	h.drain(t) // it would ask
	c := r.party("b", nil)
	c.end()
	_ = c.group.Wait() // it would do so itself
	c.stopped = false
	asked := []*pending{c.newPending(pipeline.NewQuestion(who(99), 0))}
	c.await(asked[0])
	if err := c.enqueue(t.Context(), asked); err != nil {
		t.Fatal(err)
	}
	r.server.Exec(`UPDATE octave_fleet.river_job SET scheduled_at = scheduled_at + interval '1 hour' WHERE queue = 'run-b'`)
	c.clock = time.Now().Add(time.Hour)
	if err := c.settleIn(t.Context(), state{known: true, now: time.Now()}); err != nil {
		t.Fatal(err)
	}
	if err := c.enqueue(t.Context(), c.due(c.unanswered())); err != nil {
		t.Fatal(err)
	}
	var late bool
	if r.server.Scan(`SELECT bool_or(scheduled_at > now() + interval '1 minute') FROM octave_fleet.river_job WHERE queue = 'run-b'`, &late); late {
		t.Error("the question waits for an hour")
	}
}

// A database that gives its statements up is there, and says what to do about it.
func TestFleetStatementTimeout(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	db, err := Open(t.Context(), r.server.URL(r.address), 2, Events{Away: func(err error) { t.Errorf("it counts as away: %v", err) }})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.transaction(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `SET LOCAL statement_timeout = 20; SELECT pg_sleep(9)`)
		return err
	})
	if !errors.Is(err, ErrURL) || !strings.Contains(err.Error(), "raise statement_timeout") {
		t.Errorf("the error is %v", err)
	}
}

// Calls of a host that slept end without an answer, which says nothing of the service.
func TestFleetHostThatSlept(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service.hold = make(chan struct{})
	r.service.outcome = func(n int, _ octave.Request) error {
		if n <= 8 {
			return &octave.Error{Action: octave.Again, Cause: octave.CauseUnreachable, Message: "connection reset"}
		}
		return nil
	}
	outages := make(chan pipeline.Event, 100)
	h := r.host(func(cfg *WorkerConfig) {
		cfg.Observer = func(e pipeline.Event) {
			if _, ok := e.(pipeline.OutageBegan); ok {
				outages <- e
			}
		}
	})
	p := r.party("a", nil)
	var g errgroup.Group
	var answered int
	g.Go(func() error { answered, _, _ = p.ask(8); return nil })
	r.until("8 calls", func() bool { return r.service.calls() == 8 })
	h.pulse.last.Store(time.Now().Add(-5 * time.Minute).UnixNano())
	close(r.service.hold)
	if _ = g.Wait(); answered != 8 {
		t.Errorf("%d of 8 answered", answered)
	}
	if len(outages) > 0 {
		t.Error("it declared an outage for all")
	}
}

func TestPulse(t *testing.T) {
	var p pulse
	now := time.Now()
	p.beat(now.Add(-5 * time.Minute))
	if !p.slept(now.Add(-6*time.Minute)) || p.slept(time.Now()) {
		t.Error("a sleep of five minutes was not noticed, or does not end")
	}
}

// A short list does not wait until a long one is done.
func TestFleetShortListsDoNotWait(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.host(func(cfg *WorkerConfig) { limit := rate.Limit(60); cfg.Limit, cfg.Slots = &limit, 4 })
	long := r.party("long", nil)
	var g errgroup.Group
	g.Go(func() error { long.ask(1000); return nil })
	r.until("the long one to be under way", func() bool { return r.service.calls() > 8 })
	short := r.party("short", nil)
	var own errgroup.Group
	for i := range 20 {
		own.Go(func() error {
			_, err := short.Ask(t.Context(), pipeline.NewQuestion(who(5000+i), i))
			return err
		})
	}
	if err := own.Wait(); err != nil {
		t.Error(err)
	}
	if n := r.count(`call WHERE run = 'long' AND ended IS NOT NULL`); n > 300 {
		t.Errorf("the short list of 20 waited for %d of the long one", n)
	}
	long.brake.Pull(errDrain)
	_ = g.Wait()
}

// Tables that are too old are left as they are, with all that is in them.
func TestFleetTooOld(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.server.Exec(`ALTER TABLE octave_fleet.format DROP COLUMN oldest; UPDATE octave_fleet.format SET version = 3`)
	for name, use := range map[string]func() error{
		"check": func() error { return r.look.Check(t.Context(), 0) },
		"init":  func() error { _, err := r.look.Init(t.Context()); return err },
	} {
		var format *FormatError
		if err := use(); !errors.As(err, &format) || !format.TooOld() || format.Fleet != 3 {
			t.Errorf("%s: %v", name, err)
		}
	}
	var version int
	if r.server.Scan(`SELECT version FROM octave_fleet.format`, &version); version != 3 {
		t.Errorf("it has format %d now", version)
	}
}

// A program works with a later fleet that lets it, so that workers may be replaced one
// after another.
func TestFleetFormats(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for version, tc := range map[int]struct {
		oldest int
		works  bool
	}{ourFormat: {ourFormat, true}, ourFormat + 1: {ourFormat, true}, ourFormat + 2: {ourFormat + 1, false}} {
		r.server.Exec(`UPDATE octave_fleet.format SET version = $1, oldest = $2`, version, tc.oldest)
		var format *FormatError
		if err := r.look.Check(t.Context(), 0); (err == nil) != tc.works || err != nil && (!errors.As(err, &format) || format.Older()) {
			t.Errorf("format %d, for %d and newer: %v", version, tc.oldest, err)
		}
	}
}

// A host that slept between the note of a call and its start does not make it: others may
// have taken it for lost.
func TestFleetSleptBeforeItsCall(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	h := r.newHost(nil)
	h.pulse.woke.Store(time.Now().Add(time.Hour).UnixNano()) // it sleeps all the time
	h.begin(t)
	p := r.party("a", nil)
	var g errgroup.Group
	var answered int
	g.Go(func() error { answered, _, _ = p.ask(3); return nil })
	r.until("calls to be given up", func() bool {
		var n int
		r.server.Scan(`SELECT count(*) FROM octave_fleet.river_job WHERE (metadata->>'snoozes')::int > 1`, &n)
		return n == 3
	})
	if n := r.service.calls(); n != 0 {
		t.Errorf("%d calls by a host that slept", n)
	}
	h.pulse.woke.Store(0)
	if _ = g.Wait(); answered != 3 || r.service.calls() != 3 || r.count(`call`) != 3 {
		t.Errorf("%d of 3 answered by %d calls, %d noted", answered, r.service.calls(), r.count(`call`))
	}
}
