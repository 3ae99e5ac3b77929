//go:build fleet

package fleet

import (
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"octave-enrich/octave"
)

// addedUp are the calls that have ended, added up one by one.
const addedUp = `SELECT queue, run, count(*), count(*) FILTER (WHERE result = 'answered'), count(*) FILTER (WHERE failed), count(*) FILTER (WHERE billed), coalesce(sum(usage), 0)::text
	FROM octave_fleet.call WHERE ended IS NOT NULL GROUP BY queue, run ORDER BY queue, run`

// kept is what the fleet keeps of them.
const kept = `SELECT queue, run, sum(calls)::bigint, sum(answered)::bigint, sum(failed)::bigint, sum(billed)::bigint, sum(usage)::text
	FROM octave_fleet.tally GROUP BY queue, run ORDER BY queue, run`

func (r *rig) table(sql string) (text string) {
	r.t.Helper()
	err := r.server.Try(r.t.Context(), func(conn *pgx.Conn) error {
		rows, err := conn.Query(r.t.Context(), sql)
		if err != nil {
			return err
		}
		for rows.Next() {
			values, err := rows.Values()
			if err != nil {
				return err
			}
			text += fmt.Sprintln(values...)
		}
		return rows.Err()
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return text
}

// What is kept is what all calls add up to: of answers, failures, calls that may have
// been billed, and those of which something was heard after they had counted as lost.
func TestFleetTally(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service.outcome = func(n int, _ octave.Request) error {
		switch n % 5 {
		case 0:
			return &octave.Error{Status: 504, Action: octave.Again, Cause: octave.CauseServer, Message: "late", MaybeBilled: true}
		case 1:
			return &octave.Error{Status: 422, Action: octave.Row, Cause: octave.CauseRequest, Message: "no"}
		}
		return nil
	}
	r.host(nil)
	r.host(nil)
	once := func(cfg *CoordinatorConfig) { cfg.Policy.Retries = 0 }
	a, b := r.party("a", once), r.party("b", once)
	a.ask(60)
	b.ask(90)
	a.close(t)
	b.close(t)
	if want, got := r.table(addedUp), r.table(kept); got != want || got == "" {
		t.Errorf("kept:\n%s\nwant:\n%s", got, want)
	}
	// One counts as lost, then its host is heard of after all.
	r.server.Exec(`UPDATE octave_fleet.call SET result = 'lost', billed = true, body = NULL, usage = NULL WHERE id = (SELECT max(id) FROM octave_fleet.call WHERE result = 'answered')`)
	r.server.Exec(`UPDATE octave_fleet.call SET failed = true WHERE result = 'lost'`)
	if want, got := r.table(addedUp), r.table(kept); got != want {
		t.Errorf("of a lost call, kept:\n%s\nwant:\n%s", got, want)
	}
	r.server.Exec(`UPDATE octave_fleet.call SET result = 'answered', billed = false, failed = false, usage = 1.5 WHERE result = 'lost'`)
	if want, got := r.table(addedUp), r.table(kept); got != want {
		t.Errorf("of one that was found, kept:\n%s\nwant:\n%s", got, want)
	}
	var lost int
	if r.server.Scan(`SELECT sum(lost) FROM octave_fleet.tally`, &lost); lost != 1 {
		t.Errorf("%d calls were lost, want 1 for ever", lost)
	}
	r.server.Exec(`DELETE FROM octave_fleet.call WHERE id % 3 = 0`)
	if want, got := r.table(addedUp), r.table(kept); got != want {
		t.Errorf("when some were pruned, kept:\n%s\nwant:\n%s", got, want)
	}
	// Dropped runs leave their sum.
	sum := `SELECT queue, '', sum(calls)::bigint, sum(answered)::bigint, sum(failed)::bigint, sum(billed)::bigint, sum(usage)::text FROM octave_fleet.tally GROUP BY queue`
	before := r.table(sum)
	r.server.Exec(`DELETE FROM octave_fleet.run`)
	r.server.Exec(foldSQL)
	if after := r.table(kept); after != before {
		t.Errorf("when its runs are dropped, kept:\n%s\nwant:\n%s", after, before)
	}
	r.server.Exec(foldSQL)
	if after := r.table(kept); after != before {
		t.Errorf("once more:\n%s\nwant:\n%s", after, before)
	}
}

// Gauges tell of a queue what an operator has to know.
func TestFleetGauges(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	db := r.db()
	look := func() Gauges {
		t.Helper()
		g, err := db.Gauges(t.Context(), "test", "q")
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	if g := look(); g != (Gauges{Key: "ok"}) {
		t.Errorf("of a queue that nobody has used: %+v", g)
	}
	r.service.hold = make(chan struct{})
	limit := rate.Limit(1000)
	r.host(func(cfg *WorkerConfig) { cfg.Slots, cfg.Limit = 5, &limit })
	r.host(func(cfg *WorkerConfig) { cfg.Queue, cfg.Account = "another", "another" })
	p := r.party("a", func(cfg *CoordinatorConfig) { cfg.Total = 40 })
	var asking errgroup.Group
	asking.Go(func() error { p.ask(40); return nil })
	r.until("all slots to be full", func() bool { return r.service.calls() == 5 })
	r.until("the gauges to tell it", func() bool { g := look(); return g.InFlight == 5 && g.Queued == 35 && g.Oldest > 0 })
	if g := look(); g.Hosts != 1 || g.Slots != 5 || g.Limit != float64(limit) || g.Key != "ok" || g.Latency != 0 {
		t.Errorf("%+v", g)
	}
	close(r.service.hold)
	_ = asking.Wait()
	r.until("the queue to be empty", func() bool { g := look(); return g.InFlight == 0 && g.Queued == 0 && g.Oldest == 0 && g.Latency > 0 })
	r.server.Exec(`UPDATE octave_fleet.pace SET kind = 'key' WHERE account = 'key'`)
	r.until("the host to leave", func() bool { return look().Hosts == 0 })
	if g := look(); g.Key != "rejected" || g.Limit != 0 {
		t.Errorf("when the last host has left because of its key: %+v", g)
	}
	p.brake.Pull(errDrain)
	p.close(t)
}
