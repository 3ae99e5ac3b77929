//go:build fleet && unix

package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/rogpeppe/go-internal/testscript"

	"octave-enrich/octave/sandbox"
	"octave-enrich/pipeline/fleet/pgtest"
)

// TestFleetScript holds the commands of a fleet to their contract: each script has
// a database of its own, at $FLEET.
func TestFleetScript(t *testing.T) {
	t.Parallel()
	server := pgtest.Shared(t)
	params := scripts("testdata/fleet")
	plain, count := params.Setup, atomic.Int32{}
	params.Setup = func(env *testscript.Env) error {
		name := fmt.Sprintf("script%d", count.Add(1))
		server.Exec("CREATE DATABASE " + name)
		env.Setenv("FLEET", strings.Replace(server.URL(server.Address()), "/"+server.Database()+"?", "/"+name+"?", 1))
		env.Setenv("PASSWORD", pgtest.Password)
		return plain(env)
	}
	testscript.Run(t, params)
}

// TestFleetKeyIsNowhere lets a worker with a marked key ask a service that quotes
// it, and looks for the key in what is said and in every table.
func TestFleetKeyIsNowhere(t *testing.T) {
	server := pgtest.Shared(t)
	service := httptest.NewServer(&indiscreet{sandbox: sandbox.New(sandbox.Config{}), hanging: make(chan struct{}, 1)})
	defer service.Close()
	c := confidant{t, t.TempDir(), service.URL}
	list := "email\nann@alder.example\nmessage@alder.example\npage@alder.example\nwait@alder.example\nbroken@alder.example\nmalformed@alder.example\n"
	check(t, os.WriteFile(filepath.Join(c.dir, "people.csv"), []byte(list), 0o600))
	t.Setenv("OCTAVE_FLEET", server.URL(server.Address()))
	c.run("fleet", "init")
	worker, said := c.command("worker", "--log-level", "debug")
	check(t, worker.Start())
	c.run("run", "people.csv", "-o", "out.csv", "--retries", "1", "--max-outage", "5s", "--log-level", "debug")
	check(t, worker.Process.Signal(syscall.SIGTERM))
	_ = worker.Wait() // by a signal
	if s := leaks(said.String()); s != "" || !strings.Contains(said.String(), "River client started") {
		t.Errorf("the worker says %q, and what River says:\n%s", s, said)
	}
	check(t, server.Try(t.Context(), func(conn *pgx.Conn) error {
		for _, table := range []string{"call", "river_job", "run", "host", "pace", "queue"} {
			text, err := dump(t.Context(), conn, "octave_fleet."+table)
			if s := leaks(text); s != "" || err != nil {
				t.Errorf("table %s holds %q: %v", table, s, err)
			}
		}
		return nil
	}))
	for _, name := range []string{"out.csv", "out.csv.checkpoint"} {
		if s := leaks(string(read(t, filepath.Join(c.dir, name)))); s != "" {
			t.Errorf("%s holds %q", name, s)
		}
	}
}

// dump is all of a table as text, bytes as they are.
func dump(ctx context.Context, conn *pgx.Conn, table string) (string, error) {
	rows, err := conn.Query(ctx, "SELECT * FROM "+table)
	if err != nil {
		return "", err
	}
	var all bytes.Buffer
	for rows.Next() {
		values, err := rows.Values()
		if err != nil {
			return "", err
		}
		for _, v := range values {
			if raw, ok := v.([]byte); ok {
				v = string(raw)
			}
			fmt.Fprintln(&all, v)
		}
	}
	return all.String(), rows.Err()
}
