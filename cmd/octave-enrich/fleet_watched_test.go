//go:build fleet && unix

package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"octave-enrich/octave/sandbox"
	"octave-enrich/pipeline/fleet/pgtest"
)

// Worker and run tell alike of the whole queue, and the worker of itself: what waits,
// what is on the wire, the key. Who has gone away is not ready.
func TestFleetIsWatched(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	service, letGo := gated(t, 2, sandbox.Config{})
	dir := t.TempDir()
	check(t, os.WriteFile(filepath.Join(dir, "people.csv"), read(t, "../../samples/prospects.csv"), 0o600))
	fleet := "--fleet=" + server.URL(server.Address())
	if p := runToEnd(t, dir, service.url, "fleet", "init", fleet); p.code() != 0 {
		t.Fatal(p.stderr())
	}
	worker := start(t, command(t, dir, service.url, "worker", fleet, "--rate", "1000/s", "--concurrency", "3", "--metrics-addr", "0"))
	list := start(t, command(t, dir, service.url, "run", "people.csv", fleet, "--metrics-addr", "0"))
	for name, p := range map[string]*process{"worker": worker, "run": list} {
		url := served(t, p)
		var text string
		await(t, p, name+" to tell of calls on the wire", func() bool {
			_, text = page(t, url+"/metrics")
			return strings.Contains(text, "octave_enrich_fleet_calls_in_flight 3\n") && strings.Contains(text, "octave_enrich_fleet_queued 23\n") &&
				strings.Contains(text, "octave_enrich_worker_calls_in_flight 3\n") == (name == "worker")
		})
		for _, want := range []string{"octave_enrich_fleet_workers 1\n", "octave_enrich_fleet_slots 3\n", "octave_enrich_fleet_limit_per_second 1000\n",
			`octave_enrich_fleet_key_state{state="ok"} 1`, "octave_enrich_fleet_rescued_questions_total 0\n", "octave_enrich_database_away_seconds 0\n"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %q in\n%s", name, want, text)
			}
		}
		await(t, p, name+" to be ready", func() bool { code, _ := page(t, url+"/healthz"); return code == http.StatusOK })
	}
	url := served(t, worker)
	server.Kill()
	await(t, worker, "the worker not to be ready", func() bool { code, _ := page(t, url+"/healthz/ready"); return code == http.StatusServiceUnavailable })
	letGo()
	await(t, worker, "answers to wait for the database", func() bool {
		_, text := page(t, url+"/metrics")
		return strings.Contains(text, "octave_enrich_worker_unstored_answers 3\n") && !strings.Contains(text, "octave_enrich_fleet_queued")
	})
	server.Run()
	list.exits(t, 0)
	worker.signal(t, syscall.SIGTERM)
	worker.exits(t, 143)
	if books := service.books(t); books.Asked != 28 {
		t.Errorf("%d calls for 28 questions", books.Asked)
	}
}
