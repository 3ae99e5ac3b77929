package metrics

import (
	"bytes"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"octave-enrich/octave"
	"octave-enrich/pipeline"
)

// aRun has another value in every place.
func aRun() Run {
	usage, _ := pipeline.ParseAmount("12.5")
	return Run{
		Summary: pipeline.Summary{
			Rows:    pipeline.Counts{OK: 11, NotFound: 2, Failed: 3, Invalid: 4, Excluded: 5, NotAttempted: 6},
			Calls:   pipeline.Calls{Started: 30, Retries: 7, InFlight: 8, Answered: 13, Refused: 9, Failed: 1, PossiblyBilled: 10, Remembered: 14},
			Usage:   usage,
			Latency: pipeline.Latency{P50: 1500, P90: 2500, P99: 3500, Max: 4501},
		},
		Version: "1.0", InputRows: 31, ExitCode: 3,
		Start: time.UnixMilli(1_700_000_000_500), End: time.Unix(1_700_000_060, 0),
	}
}

func text(t *testing.T, run Run) string {
	t.Helper()
	var b bytes.Buffer
	if err := WriteText(&b, run); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func scrape(t *testing.T, read func() Run) string {
	t.Helper()
	handler, err := Handler(Live{Run: read})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	body, err := io.ReadAll(w.Result().Body)
	if err != nil || w.Code != 200 {
		t.Fatalf("status %d, %v: %s", w.Code, err, body)
	}
	return string(body)
}

func TestTextIsGolden(t *testing.T) {
	want, err := os.ReadFile("testdata/last_run.prom")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), text(t, aRun())); diff != "" {
		t.Errorf("the text of a run that has ended (-want +got):\n%s", diff)
	}
}

// What promtool check metrics would say.
func TestLint(t *testing.T) {
	for name, page := range map[string]string{"file": text(t, aRun()), "live": scrape(t, aRun)} {
		problems, err := promlint.New(strings.NewReader(page)).Lint()
		if err != nil || len(problems) > 0 {
			t.Errorf("%s: %v %v", name, problems, err)
		}
	}
}

// The two tell the same about what both tell.
func TestLiveAgreesWithText(t *testing.T) {
	values := func(page string) map[string]string {
		found := map[string]string{}
		for _, line := range strings.Split(page, "\n") {
			name, value, ok := strings.Cut(line, " ")
			if ok && !strings.HasPrefix(line, "#") {
				name = strings.Replace(strings.Replace(name, "_last_run", "", 1), "_total", "", 1)
				var number float64
				if _, err := fmt.Sscan(value, &number); err != nil {
					t.Fatalf("%s: %v", line, err)
				}
				found[name] = fmt.Sprintf("%f", number)
			}
		}
		return found
	}
	file, live := values(text(t, aRun())), values(scrape(t, aRun))
	if live["octave_enrich_calls_in_flight"] != "8.000000" {
		t.Errorf("in flight: %q", live["octave_enrich_calls_in_flight"])
	}
	delete(live, "octave_enrich_calls_in_flight")
	delete(file, "octave_enrich_end_timestamp_seconds")
	delete(file, "octave_enrich_exit_code")
	if diff := cmp.Diff(file, live); diff != "" {
		t.Errorf("live and file differ (-file +live):\n%s", diff)
	}
}

// A scrape reads the tally at that moment, also while it moves.
func TestLiveFollowsTheTally(t *testing.T) {
	var tally pipeline.Tally
	read := func() Run { return Run{Summary: tally.Summary()} }
	handler, err := Handler(Live{Run: read})
	if err != nil {
		t.Fatal(err)
	}
	for want := range 3 {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
		line := fmt.Sprintf("octave_enrich_calls_total{outcome=\"refused\"} %d\n", want)
		if !strings.Contains(w.Body.String(), line) {
			t.Errorf("after %d refusals there is no %q in:\n%s", want, line, w.Body)
		}
		tally.Observe(pipeline.CallStarted{})
		tally.Observe(pipeline.CallDone{Err: &octave.Error{Cause: octave.CauseRateLimited}})
	}
}

func TestLabelsDoNotBreakTheText(t *testing.T) {
	run := aRun()
	run.Version = "a\"b\\c\nd"
	if want := `version="a\"b\\c\nd"`; !strings.Contains(text(t, run), want) {
		t.Errorf("no %s in:\n%s", want, text(t, run))
	}
	if problems, err := promlint.New(strings.NewReader(text(t, run))).Lint(); err != nil {
		t.Errorf("%v %v", problems, err)
	}
}

// The only label whose value is not a word of ours is the program's version.
func TestLabelsAreOurs(t *testing.T) {
	run := aRun()
	run.Version = "V"
	for _, m := range regexp.MustCompile(`="([^"]*)"`).FindAllStringSubmatch(text(t, run), -1) {
		if !regexp.MustCompile(`^([a-z_]+|[0-9]+|V)$`).MatchString(m[1]) {
			t.Errorf("label value %q", m[1])
		}
	}
}

func TestAddress(t *testing.T) {
	for addr, want := range map[string]string{
		"9100": "127.0.0.1:9100", ":9100": "127.0.0.1:9100", "0.0.0.0:9100": "0.0.0.0:9100",
		"[::1]:9100": "[::1]:9100", "localhost:0": "localhost:0", "": "", "host:": "", "::1": "",
	} {
		got, err := Address(addr)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("Address(%q) = %q, %v; want %q", addr, got, err, want)
		}
	}
}
