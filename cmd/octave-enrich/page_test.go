package main

import (
	"os"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// Every flag of run stands on its page or in a topic, under the name to be used,
// and what they name are flags.
func TestEveryFlagIsExplained(t *testing.T) {
	root := newRoot(&app{stdout: os.Stdout, stderr: os.Stderr})
	run, _, err := root.Find([]string{"run"})
	if err != nil {
		t.Fatal(err)
	}
	page := helpPage(run)
	all := page + fleetHelp + "\n"
	for _, topic := range newTopics(run) {
		all += topic.Long + "\n"
	}
	run.Flags().VisitAll(func(f *pflag.Flag) {
		name := f.Name
		if is, renamed := newNames()[name]; renamed {
			if strings.Contains(all, "--"+name+" ") {
				t.Errorf("--%s is shown, and is called --%s", name, is)
			}
			name = is
		}
		if !f.Hidden && name != "help" && !strings.Contains(all, "--"+name) {
			t.Errorf("--%s is explained nowhere", name)
		}
	})
	for _, m := range flagInWords.FindAllStringSubmatch(page, -1) {
		if run.Flags().Lookup(m[1]) == nil {
			t.Errorf("the page names --%s, which is no flag", m[1])
		}
	}
	for _, line := range strings.Split(strings.TrimSpace(all), "\n") {
		if len(line) > 100 {
			t.Errorf("longer than a screen is wide: %s", line)
		}
	}
}
