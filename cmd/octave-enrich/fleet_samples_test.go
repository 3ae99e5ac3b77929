package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/octave"
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
	for name, documents := range map[string]int{"docker-compose.yaml": 1, "kubernetes.yaml": 3} {
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
