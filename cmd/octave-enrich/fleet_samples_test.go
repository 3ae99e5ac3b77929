package main

import (
	"bytes"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/octave"
	"octave-enrich/pipeline/metrics"
)

func fleetSample(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../samples/fleet", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The ready files of a fleet name commands and flags that there are, and give a
// worker the time that its calls may take.
func TestFleetSamples(t *testing.T) {
	t.Parallel()
	command := regexp.MustCompile(`(?:octave-enrich |args: \[|command: \[)(worker|run|fleet, init)\b([^\n]*)`)
	flag := regexp.MustCompile(`--([a-z-]+)`)
	stop := regexp.MustCompile(`(?:stop_grace_period: |terminationGracePeriodSeconds: |TimeoutStopSec=)(\d+)(m|min)?\b`)
	for name, stops := range map[string]int{"docker-compose.yaml": 2, "kubernetes.yaml": 2, "octave-worker.service": 1} {
		text := fleetSample(t, name)
		found := command.FindAllStringSubmatch(text, -1)
		if len(found) == 0 {
			t.Errorf("%s runs nothing", name)
		}
		for _, line := range found {
			cmd, _, err := newRoot(&app{}).Find(strings.Split(line[1], ", "))
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range flag.FindAllStringSubmatch(line[2], -1) {
				if cmd.Flags().Lookup(f[1]) == nil {
					t.Errorf("%s: %s has no flag --%s", name, line[1], f[1])
				}
			}
		}
		graces := stop.FindAllStringSubmatch(text, -1)
		if len(graces) != stops {
			t.Errorf("%s says %d times how long a stop may take, want %d", name, len(graces), stops)
		}
		for _, m := range graces {
			n, _ := strconv.Atoi(m[1])
			grace := time.Duration(n) * time.Second
			if m[2] != "" {
				grace = time.Duration(n) * time.Minute
			}
			if grace < octave.DefaultTimeout+30*time.Second {
				t.Errorf("%s gives %v, a call may take %v", name, grace, octave.DefaultTimeout)
			}
		}
	}
}

func TestFleetSamplesParse(t *testing.T) {
	t.Parallel()
	for name, documents := range map[string]int{"docker-compose.yaml": 1, "kubernetes.yaml": 6, "alerts.yaml": 1} {
		decoder := yaml.NewDecoder(bytes.NewReader([]byte(fleetSample(t, name))))
		for n := 0; ; n++ {
			var v map[string]any
			err := decoder.Decode(&v)
			if err == io.EOF {
				if n != documents {
					t.Errorf("%s has %d documents", name, n)
				}
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
	}
}

// The workers of a ready file have the slots that its rate takes when a call takes
// half a minute, and a quarter more.
func TestFleetSamplesUseTheirRate(t *testing.T) {
	t.Parallel()
	const latency, spare = 30, 1.25
	worker := regexp.MustCompile(`worker,? --rate,? (\d+)/s,? --concurrency,? "?(\d+)`)
	replicas := regexp.MustCompile(`replicas: (\d+)`)
	for _, name := range []string{"docker-compose.yaml", "kubernetes.yaml", "octave-worker.service"} {
		text := fleetSample(t, name)
		found := worker.FindStringSubmatch(text)
		if found == nil {
			t.Errorf("%s has no worker", name)
			continue
		}
		rate, _ := strconv.Atoi(found[1])
		slots, _ := strconv.Atoi(found[2])
		if hosts := replicas.FindStringSubmatch(text); hosts != nil {
			n, _ := strconv.Atoi(hosts[1])
			slots *= n
		}
		if need := float64(rate) * latency * spare; float64(slots) < need {
			t.Errorf("%s: %d slots at %d/s, want %.0f", name, slots, rate, need)
		}
	}
}

// pods are the pod templates of the ready file, by the name of their owner.
func pods(t *testing.T) map[string]map[string]any {
	t.Helper()
	found := map[string]map[string]any{}
	decoder := yaml.NewDecoder(strings.NewReader(fleetSample(t, "kubernetes.yaml")))
	for {
		var v map[string]any
		if err := decoder.Decode(&v); err == io.EOF {
			return found
		} else if err != nil {
			t.Fatal(err)
		}
		spec, _ := v["spec"].(map[string]any)
		if job, ok := spec["jobTemplate"].(map[string]any); ok {
			spec = job["spec"].(map[string]any)
		}
		if pod, ok := spec["template"].(map[string]any); ok {
			found[v["metadata"].(map[string]any)["name"].(string)] = pod
		}
	}
}

// Probes and scrapes reach what is served, and everybody is held by the policies.
func TestFleetSampleIsWatched(t *testing.T) {
	t.Parallel()
	handler, err := metrics.Handler(metrics.Live{Run: func() metrics.Run { return metrics.Run{} }, Ready: func() error { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	probed := 0
	for name, pod := range pods(t) {
		labels := pod["metadata"].(map[string]any)["labels"].(map[string]any)
		if labels["fleet"] != "octave" || labels["app"] != name {
			t.Errorf("%s: labels %v, by which policies and budgets find it", name, labels)
		}
		container := pod["spec"].(map[string]any)["containers"].([]any)[0].(map[string]any)
		serves := slices.Contains(container["args"].([]any), any("--metrics-addr"))
		if _, named := container["ports"]; named != serves {
			t.Errorf("%s: --metrics-addr %v, ports %v", name, serves, container["ports"])
		}
		for _, kind := range []string{"livenessProbe", "readinessProbe"} {
			probe, ok := container[kind].(map[string]any)
			if !ok {
				continue
			}
			probed++
			get := probe["httpGet"].(map[string]any)
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, httptest.NewRequest("GET", get["path"].(string), nil))
			if w.Code != 200 || get["port"] != "metrics" {
				t.Errorf("%s: %s asks %v: %d", name, kind, get, w.Code)
			}
		}
	}
	if probed != 2 {
		t.Errorf("%d probes, want the worker's two", probed)
	}
}

// Alerts are about figures that there are, and the page says what to do about each.
func TestFleetAlertsAreExplained(t *testing.T) {
	t.Parallel()
	handler, err := metrics.Handler(metrics.Live{
		Run: func() metrics.Run { return metrics.Run{} }, Worker: true,
		Fleet: func() metrics.Fleet { return metrics.Fleet{Worker: true, All: &metrics.FleetTotals{}} },
	})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	text, page := fleetSample(t, "alerts.yaml"), fleetSample(t, "README.md")
	for _, name := range regexp.MustCompile(`octave_enrich_\w+`).FindAllString(text, -1) {
		if !strings.Contains(w.Body.String(), "# TYPE "+name+" ") {
			t.Errorf("nobody serves %s", name)
		}
	}
	for _, state := range regexp.MustCompile(`state="(\w+)"`).FindAllStringSubmatch(text, -1) {
		if !strings.Contains(w.Body.String(), state[0]) {
			t.Errorf("no key is ever %s", state[1])
		}
	}
	alerts := regexp.MustCompile(`alert: (\w+)`).FindAllStringSubmatch(text, -1)
	for _, alert := range alerts {
		if !strings.Contains(page, "| `"+alert[1]+"` |") {
			t.Errorf("README.md does not say what to do about %s", alert[1])
		}
	}
	if len(alerts) == 0 {
		t.Error("there are no alerts")
	}
}

func TestPasswordsAreMasked(t *testing.T) {
	for text, want := range map[string]string{
		"postgres://octave:s3cret@db/fleet":                  "postgres://octave:***@db/fleet",
		"--fleet=postgres://octave:p%40ss:x@db:5432/f?a=b":   "--fleet=postgres://octave:***@db:5432/f?a=b",
		"postgres://octave:se@cret@db/fleet":                 "postgres://octave:***@db/fleet",
		"postgres://db/fleet?password=s3cret&sslmode=prefer": "postgres://db/fleet?password=***&sslmode=prefer",
		"host=db password=s3cret user=octave":                "host=db password=*** user=octave",
		"host=db PASSWORD = 'it''s \\' me' user=octave":      "host=db PASSWORD = *** user=octave",
		"host=db password=ab&cd user=octave":                 "host=db password=*** user=octave",
		`host=db password=sek\ retpw user=octave`:            "host=db password=*** user=octave",
		"postgres://octave@db/fleet":                         "postgres://octave@db/fleet",
		"people.csv":                                         "people.csv",
		"--set=runtimeContext.all=see https://x.example/a:b": "--set=runtimeContext.all=see https://x.example/a:b",
	} {
		if got := options.MaskPassword(text); got != want {
			t.Errorf("%s\nbecomes %s\nwant    %s", text, got, want)
		}
	}
}
