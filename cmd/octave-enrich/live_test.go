//go:build unix

package main

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// served is the address that a process says it serves metrics at.
func served(t *testing.T, p *process) (url string) {
	t.Helper()
	address := regexp.MustCompile(`http://127\.0\.0\.1:[0-9]+`)
	await(t, p, "its address", func() bool {
		for line := range strings.Lines(p.stderr()) {
			if strings.Contains(line, "/metrics") && strings.HasSuffix(line, "\n") {
				url = address.FindString(line)
			}
		}
		return url != ""
	})
	return url
}

func page(t *testing.T, url string) (code int, text string) {
	t.Helper()
	response, err := http.Get(url)
	check(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	check(t, err)
	return response.StatusCode, string(body)
}

// A worker can be watched from its first moment, also while it waits for its
// database: it is alive, not ready, and says for how long.
func TestWorkerIsWatchedWithoutDatabase(t *testing.T) {
	p := start(t, command(t, t.TempDir(), "", "worker", "--sandbox", "--fleet", "postgres://octave:tell-nobody@127.0.0.1:1/x", "--metrics-addr", "0"))
	url := served(t, p)
	await(t, p, "the loss of its database", func() bool { return strings.Contains(p.stderr(), "away; waiting for it") })
	for path, want := range map[string]string{"/healthz/live": "ok", "/healthz/ready": "database is away", "/healthz": "database is away"} {
		code, text := page(t, url+path)
		if !strings.Contains(text, want) || (code == http.StatusOK) != (want == "ok") {
			t.Errorf("%s: %d %s", path, code, text)
		}
	}
	_, text := page(t, url+"/metrics")
	if away := regexp.MustCompile(`octave_enrich_database_away_seconds ([0-9.e-]+)\n`).FindStringSubmatch(text); away == nil || away[1] == "0" {
		t.Errorf("away: %v in\n%s", away, text)
	}
	if !strings.Contains(text, "octave_enrich_worker_slots 8\n") || strings.Contains(text, "octave_enrich_fleet_") || strings.Contains(text, "tell-nobody") {
		t.Errorf("the page:\n%s", text)
	}
	p.signal(t, syscall.SIGTERM)
	p.exits(t, 143)
}
