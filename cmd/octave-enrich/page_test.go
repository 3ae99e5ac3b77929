package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"octave-enrich/cmd/octave-enrich/help"
	"octave-enrich/cmd/octave-enrich/options"
)

var flagInWords = regexp.MustCompile(`--([a-z][a-z-]+)`)

// Every flag of run stands on its page or in a topic, under the name to be used,
// and what they name are flags.
func TestEveryFlagIsExplained(t *testing.T) {
	root := newRoot(&app{stdout: os.Stdout, stderr: os.Stderr})
	run, _, err := root.Find([]string{"run"})
	if err != nil {
		t.Fatal(err)
	}
	page := help.Page(run)
	all := page
	for _, cmd := range root.Commands() {
		if cmd.Name() == "fleet" || cmd.IsAdditionalHelpTopicCommand() && cmd.Name() != "summary" {
			all += help.Page(cmd) + "\n"
		}
	}
	run.Flags().VisitAll(func(f *pflag.Flag) {
		name := f.Name
		if is, renamed := options.NewNames()[name]; renamed {
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

// Every text of the help belongs to a command or a topic.
func TestEveryTextIsShown(t *testing.T) {
	root := newRoot(&app{stdout: os.Stdout, stderr: os.Stderr})
	texts, err := filepath.Glob("help/text/*.txt")
	if err != nil || len(texts) < 20 {
		t.Fatalf("%d texts, %v", len(texts), err)
	}
	for _, path := range texts {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(path), ".txt")
		about := root
		if name != "root" {
			about, _, _ = root.Find(strings.Split(strings.TrimSuffix(name, "-page"), "-"))
		}
		if topic, _, err := root.Find([]string{name}); err == nil && topic.Name() == name {
			about = topic // one with a hyphen in its name
		}
		shown := about.Long
		if strings.HasSuffix(name, "-page") {
			shown = help.Page(about)
		}
		first, _, _ := strings.Cut(string(text), "\n")
		if !strings.HasPrefix(shown, first) {
			t.Errorf("%s is not what help %s says", path, name)
		}
	}
}
