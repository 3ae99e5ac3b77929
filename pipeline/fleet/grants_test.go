//go:build fleet

package fleet

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"octave-enrich/pipeline/fleet/pgtest"
)

// Hosts and runs of all tests are users who may do what fleet grants says. Here is what
// they may not.
func TestFleetGrants(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	h := r.newHost(nil)
	h.db.log = slog.New(slog.NewTextHandler(r.logs, nil))
	h.begin(t)
	p := r.party("a", nil)
	p.ask(3)
	if err := r.as(roleWorker).upkeep(t.Context(), time.Hour); err != nil {
		t.Errorf("a host cannot clear away: %v", err)
	}
	p.close(t)
	h.drain(t)
	if said := r.logs.String(); strings.Contains(said, "permission denied") {
		t.Errorf("a host may not do what it has to:\n%s", said)
	}
	if _, err := r.as(roleStatus).Gauges(t.Context(), "test", "q"); err != nil {
		t.Errorf("who watches cannot look: %v", err)
	}
	if _, err := r.as(roleRun).Pause(t.Context(), "nosuch"); err == nil || class(err) != "" {
		t.Errorf("a run cannot be paused: %v", err)
	}
	r.server.Exec(Grants(r.server.Database())) // again changes nothing
	for who, statements := range map[string][]string{
		roleWorker: {`DROP TABLE octave_fleet.call`, `UPDATE octave_fleet.format SET version = 1`, `INSERT INTO octave_fleet.run (id) VALUES ('x')`,
			`UPDATE octave_fleet.run SET max_usage = 1000`, `CREATE TABLE octave_fleet.mine (n int)`, `CREATE TABLE public.mine (n int)`, `CREATE SCHEMA mine`},
		roleRun: {`UPDATE octave_fleet.call SET usage = 0`, `DELETE FROM octave_fleet.call`, `INSERT INTO octave_fleet.host (name) VALUES ('x')`,
			`UPDATE octave_fleet.pace SET kind = 'key'`, `UPDATE octave_fleet.tally SET calls = 0`, `DELETE FROM octave_fleet.run`},
		roleStatus: {`SELECT body FROM octave_fleet.call`, `SELECT key FROM octave_fleet.call`, `SELECT args FROM octave_fleet.river_job`, `UPDATE octave_fleet.run SET paused = now()`},
	} {
		conn, err := pgx.Connect(t.Context(), pgtest.As(role(r.server.Database(), who), r.server.URL(r.server.Address())))
		if err != nil {
			t.Fatal(err)
		}
		for _, sql := range statements {
			if _, err := conn.Exec(t.Context(), sql); codeOf(err) != "42501" {
				t.Errorf("%s: %s: %v, want no permission", who, sql, err)
			}
		}
		for line := range strings.Lines(Grants(r.server.Database())) { // who may make no user need not, once they are there
			if strings.HasPrefix(line, "DO ") {
				if _, err := conn.Exec(t.Context(), line); err != nil {
					t.Errorf("%s: %s: %v", who, line, err)
				}
			}
		}
		_ = conn.Close(t.Context())
	}
	// Another team's database.
	other := newRig(t)
	if conn, err := pgx.Connect(t.Context(), pgtest.As(role(r.server.Database(), roleWorker), other.server.URL(other.server.Address()))); err == nil {
		_ = conn.Close(t.Context())
		t.Error("a worker of one team gets into the database of another one")
	}
}

func codeOf(err error) string {
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return refused.Code
	}
	return ""
}
