package help

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"octave-enrich/cmd/octave-enrich/exit"
)

// A command that is wrong is answered with what it lacks, or what was meant.
func TestUsage(t *testing.T) {
	root := &cobra.Command{Use: "octave-enrich", Args: UnknownCommand, Run: func(*cobra.Command, []string) {}, SilenceErrors: true, SilenceUsage: true}
	run := &cobra.Command{Use: "run INPUT... [-o OUTPUT]", Args: Args(cobra.MinimumNArgs(1)), Run: func(*cobra.Command, []string) {}}
	run.Flags().Int("limit", 0, "")
	run.SetFlagErrorFunc(FlagError)
	check := &cobra.Command{Use: "check", Args: Args(cobra.NoArgs), Run: func(*cobra.Command, []string) {}}
	root.AddCommand(run, check)
	for typed, says := range map[string]string{
		"run people.csv": "", "check": "",
		"run":                 "run: INPUT is missing",
		"check it":            `check: takes no argument, but was given "it"`,
		"rnu":                 `unknown command "rnu"; did you mean "run"?`,
		"zebra":               `unknown command "zebra"`,
		"run a.csv --limmit":  "--limmit",
		"run a.csv --limit x": "--limit x: write a whole number",
	} {
		root.SetArgs(strings.Fields(typed))
		err := root.Execute()
		if (err == nil) != (says == "") || err != nil && (!strings.Contains(err.Error(), says) || exit.As(err).Code != exit.Usage || exit.As(err).Hint == "") {
			t.Errorf("%s: %v, want %q", typed, err, says)
		}
	}
}
