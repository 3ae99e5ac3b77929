package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/cmd/octave-enrich/words"
)

// readme runs the commands of the README in their order, as a new user types them;
// but the review, which a person ends, and what was approved there.
func readme(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) == 0, "readme")
	ran := 0
	for _, block := range regexp.MustCompile("(?s)```sh\\n(.*?)```").FindAllStringSubmatch(ts.ReadFile(ts.Getenv("SAMPLES")+"/../README.md"), -1) {
		for _, line := range strings.Split(strings.TrimSpace(block[1]), "\n") {
			line, _, _ = strings.Cut(line, " #")
			switch {
			case strings.HasPrefix(line, "export OCTAVE_AGENT_OID="):
				ts.Setenv("OCTAVE_AGENT_OID", "ca_sandbox1")
			case strings.HasPrefix(line, "cp samples/"):
				ts.Check(ts.Exec("cp", ts.Getenv("SAMPLES")+"/prospects.csv", "people.csv"))
			case strings.HasPrefix(line, words.Tool+" review"), strings.Contains(line, "--approved"):
			case strings.HasPrefix(line, words.Tool+" "):
				if err := ts.Exec("sh", "-c", line); err != nil {
					ts.Fatalf("%s: %v", line, err)
				}
				ran++
			}
		}
	}
	if ran < 10 {
		ts.Fatalf("only %d commands were found", ran)
	}
}

// The README is short, its flags are flags, and what it names is there.
func TestReadme(t *testing.T) {
	const root = "../../"
	text, err := os.ReadFile(root + "README.md")
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(string(text), "\n"); lines > 150 {
		t.Errorf("%d lines, want 150 at most", lines)
	}
	known := options.Known()
	cmd := newRoot(&app{stdout: os.Stdout, stderr: os.Stderr})
	for _, c := range cmd.Commands() {
		known.AddFlagSet(c.Flags())
	}
	for _, m := range flagInWords.FindAllStringSubmatch(string(text), -1) {
		if known.Lookup(m[1]) == nil && m[1] != "help" {
			t.Errorf("--%s is no flag", m[1])
		}
	}
	for _, m := range regexp.MustCompile(`\]\(([^)#]+)`).FindAllStringSubmatch(string(text), -1) {
		if _, err := os.Stat(root + m[1]); err != nil && !strings.Contains(m[1], "://") {
			t.Error(err)
		}
	}
}
