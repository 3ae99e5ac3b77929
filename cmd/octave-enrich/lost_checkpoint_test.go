//go:build unix

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"octave-enrich/checkpoint"
	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/octave/sandbox"
)

// A checkpoint that is moved, deleted, replaced or cut while calls are under way:
// their answers are kept beside it, no further call is made, and the next run asks
// which of the two is right before it pays for anything.
func TestCheckpointLosesItsName(t *testing.T) {
	for name, lose := range map[string]func(path string) error{
		"moved":   func(path string) error { return os.Rename(path, path+".moved") },
		"deleted": os.Remove,
		"replaced": func(path string) error {
			if err := os.WriteFile(path+".new", []byte("email\nof.another@list.example\n"), 0o600); err != nil {
				return err
			}
			return os.Rename(path+".new", path)
		},
		"emptied": func(path string) error { return os.Truncate(path, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const rows, flying = 9, 2
			dir := site(t, rows)
			service, letGo := gated(t, 0, sandbox.Config{})
			answers := filepath.Join(dir, "out.csv.checkpoint")
			args := []string{"run", "list.csv", "-o", "out.csv", "--concurrency", "2"}
			p := start(t, command(t, dir, service.url, args...))
			await(t, p, "the calls", func() bool { return told(answers, "asked") == flying })
			check(t, lose(answers))
			before, _ := os.ReadFile(answers) // nothing, where there is none
			letGo()
			p.exits(t, exit.Output)
			if said := p.stderr(); !strings.Contains(said, "during the run") || !strings.Contains(said, "mv out.csv.checkpoint.rescued out.csv.checkpoint") {
				t.Errorf("it says %s", said)
			}
			if after, _ := os.ReadFile(answers); !bytes.Equal(before, after) {
				t.Error("what has the name now was written")
			}
			report, err := checkpoint.Verify(answers+".rescued", nil)
			check(t, err)
			if asked := service.books(t).Asked; asked != flying || report.Answers != flying || !report.Closed {
				t.Errorf("%d calls, rescued: %+v", asked, report)
			}
			if _, err := os.Stat(filepath.Join(dir, "out.csv")); !os.IsNotExist(err) {
				t.Errorf("there is an output: %v", err)
			}
			for _, other := range [][]string{args, {"export", "list.csv", "-o", "again.csv", "--checkpoint", "out.csv.checkpoint"}, {"plan", "list.csv", "-o", "out.csv"}} {
				next := runToEnd(t, dir, service.url, other...)
				if code := next.code(); code != exit.Damaged {
					t.Errorf("%s: exit code %d\n%s", other[0], code, next.stderr())
				}
			}
			if after, _ := os.ReadFile(answers); !bytes.Equal(before, after) {
				t.Error("a run that was refused changed what has the name")
			}
			check(t, os.Rename(answers+".rescued", answers))
			runToEnd(t, dir, service.url, args...).exits(t, exit.OK)
			if asked := service.books(t).Asked; asked != rows {
				t.Errorf("asked %d times for %d contacts", asked, rows)
			}
		})
	}
}
