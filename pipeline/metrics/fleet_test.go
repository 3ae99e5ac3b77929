package metrics

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

func get(t *testing.T, l Live, path string) (code int, body string) {
	t.Helper()
	handler, err := Handler(l)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	return w.Code, w.Body.String()
}

// aFleet has another value in every place.
func aFleet() Fleet {
	return Fleet{Away: 2500 * time.Millisecond, Worker: true, Slots: 8, InFlight: 3, Unstored: 2, All: &FleetTotals{
		Queued: 100, Oldest: 90 * time.Second, Workers: 4, Slots: 32, InFlight: 12, Submitted: 9, Rescued: 5, Latency: 30 * time.Second,
		Limit: 20, Rate: 15, Started: 14, Key: KeyPaused,
	}}
}

func TestFleetIsTold(t *testing.T) {
	_, page := get(t, Live{Run: aRun, Worker: true, Fleet: aFleet}, "/metrics")
	for _, want := range []string{
		"octave_enrich_database_away_seconds 2.5\n", "octave_enrich_worker_slots 8\n", "octave_enrich_worker_calls_in_flight 3\n", "octave_enrich_worker_unstored_answers 2\n",
		"octave_enrich_fleet_queued 100\n", "octave_enrich_fleet_oldest_queued_seconds 90\n", "octave_enrich_fleet_workers 4\n", "octave_enrich_fleet_slots 32\n",
		"octave_enrich_fleet_slots_needed 600\n", "octave_enrich_fleet_calls_in_flight 12\n", "octave_enrich_fleet_submitted 9\n", "octave_enrich_fleet_rescued_questions_total 5\n",
		"octave_enrich_fleet_starts_per_second 14\n", "octave_enrich_fleet_limit_per_second 20\n", "octave_enrich_fleet_rate_per_second 15\n",
		`octave_enrich_fleet_key_state{state="paused"} 1`, `octave_enrich_fleet_key_state{state="ok"} 0`, `octave_enrich_calls_total{outcome="answered"} 13`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in\n%s", want, page)
		}
	}
	for _, not := range []string{"rows_total", "input_rows"} {
		if strings.Contains(page, not) {
			t.Errorf("a worker has %s", not)
		}
	}
	problems, err := promlint.New(strings.NewReader(page)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
}

// What is not known is not told as 0: nobody shall take an outage for an empty queue.
func TestFleetThatIsAwayHasNoTotals(t *testing.T) {
	_, page := get(t, Live{Run: aRun, Fleet: func() Fleet { return Fleet{Away: time.Minute} }}, "/metrics")
	if strings.Contains(page, "octave_enrich_fleet_") || strings.Contains(page, "octave_enrich_worker_") {
		t.Errorf("it has:\n%s", page)
	}
	if !strings.Contains(page, "octave_enrich_database_away_seconds 60\n") {
		t.Errorf("it has not:\n%s", page)
	}
}

// A process that waits is alive: what it waits for is paid for.
func TestHealth(t *testing.T) {
	for text, why := range map[string]error{"ok\n": nil, "it drains\n": errors.New("it drains")} {
		l := Live{Run: aRun, Ready: func() error { return why }}
		for path, want := range map[string]string{"/healthz": text, "/healthz/ready": text, "/healthz/live": "ok\n"} {
			code, body := get(t, l, path)
			if body != want || (code == http.StatusOK) != (want == "ok\n") {
				t.Errorf("%s: %d %q, want %q", path, code, body, want)
			}
		}
	}
}
