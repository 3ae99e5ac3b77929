package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"octave-enrich/cmd/octave-enrich/options"

	"github.com/goccy/go-yaml"
)

func sample(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../samples/schedules", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The ready files of samples name only flags that there are, and commands.
func TestScheduleFlagsExist(t *testing.T) {
	root := newRoot(&app{})
	command := regexp.MustCompile(`(?:octave-enrich |args: \[)(run|prune)\b([^\n]*)`)
	flag := regexp.MustCompile(`--([a-z-]+)`)
	for _, name := range []string{"crontab", "octave-enrich.service", "kubernetes-cronjob.yaml", "github-actions.yml"} {
		found := command.FindAllStringSubmatch(sample(t, name), -1)
		if len(found) == 0 {
			t.Errorf("%s runs nothing", name)
		}
		for _, line := range found {
			cmd, _, err := root.Find([]string{line[1]})
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range flag.FindAllStringSubmatch(line[2], -1) {
				if cmd.Flags().Lookup(f[1]) == nil {
					t.Errorf("%s: %s has no flag --%s", name, line[1], f[1])
				}
			}
		}
	}
}

// Their settings are understood, those that are commented out, too.
func TestScheduleSettings(t *testing.T) {
	all := regexp.MustCompile(`(?m)^# ([a-z-]+: )`).ReplaceAllString(sample(t, "octave.yaml"), "$1")
	file := filepath.Join(t.TempDir(), "octave.yaml")
	if err := os.WriteFile(file, []byte(all), 0o600); err != nil {
		t.Fatal(err)
	}
	o := &options.Options{}
	cmd := newRun(&app{})
	cmd.ResetFlags()
	o.Flags(cmd.Flags())
	o.Config = file
	if err := o.Read(cmd.Flags(), cmd.Flags()); err != nil {
		t.Fatal(err)
	}
	if o.Teller.OnExit == "" || o.Teller.PingURL == "" || o.Output.Path != "out-{date}.csv" || time.Duration(o.Budget.MaxDuration) != 5*time.Hour {
		t.Errorf("%+v", o)
	}
	p, err := o.Places([]string{"leads.csv"})
	if err != nil || p.Checkpoint != "out-all.csv.checkpoint" || !regexp.MustCompile(`^out-\d{4}-\d\d-\d\d\.csv$`).MatchString(p.Output) {
		t.Errorf("%+v %v", p, err)
	}
	for _, name := range []string{"crontab", "github-actions.yml"} {
		if !strings.Contains(sample(t, name), p.Checkpoint) {
			t.Errorf("%s does not name %s", name, p.Checkpoint)
		}
	}
}

// Whoever stops a run waits longer for it than a call may take.
func TestScheduleStopsAreInStepWithTimeout(t *testing.T) {
	var o struct {
		Timeout string `yaml:"timeout"`
	}
	if err := yaml.Unmarshal([]byte(sample(t, "octave.yaml")), &o); err != nil {
		t.Fatal(err)
	}
	timeout, err := time.ParseDuration(o.Timeout)
	if err != nil {
		t.Fatal(err)
	}
	for name, pattern := range map[string]string{
		"octave-enrich.service":   `TimeoutStopSec=(\d+)min`,
		"kubernetes-cronjob.yaml": `terminationGracePeriodSeconds: (\d+)`,
	} {
		m := regexp.MustCompile(pattern).FindStringSubmatch(sample(t, name))
		if m == nil {
			t.Errorf("%s says not how long a stop may take", name)
			continue
		}
		n, _ := strconv.Atoi(m[1])
		grace := time.Duration(n) * time.Second
		if strings.Contains(pattern, "min") {
			grace = time.Duration(n) * time.Minute
		}
		if grace < timeout+30*time.Second {
			t.Errorf("%s gives %v, a call may take %v", name, grace, timeout)
		}
	}
}

// The YAML of others is YAML.
func TestScheduleFilesParse(t *testing.T) {
	for _, name := range []string{"kubernetes-cronjob.yaml", "kubernetes-files.yaml", "github-actions.yml", "alerts.yaml"} {
		var v map[string]any
		if err := yaml.Unmarshal([]byte(sample(t, name)), &v); err != nil || len(v) < 1 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCheckpointOfDatedOutputs(t *testing.T) {
	for output, want := range map[string]string{
		"out.csv": "out.csv.checkpoint", "out-{date}.csv": "out-all.csv.checkpoint",
		"{date}.csv.gz": "all.csv.gz.checkpoint", "nights/{date}.csv": "nights/all.csv.checkpoint", "{date}/out.csv": "",
	} {
		got, err := options.CheckpointOf(output)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v; want %q", output, got, err, want)
		}
	}
}
