package main

import (
	"fmt"
	"runtime"

	"octave-enrich/cmd/octave-enrich/help"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/cmd/octave-enrich/telling"
	"octave-enrich/cmd/octave-enrich/words"

	"github.com/spf13/cobra"
)

func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:           words.Tool,
		Short:         "Outbound email sequences for a list of prospects, each asked for once",
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       version, // for --version
		Args:          help.UnknownCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		CompletionOptions: cobra.CompletionOptions{
			HiddenDefaultCmd: true,
		},
	}
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetVersionTemplate(versionLine())
	root.AddCommand(newRun(a), newPlan(a), newInspect(a), newExport(a), newRedo(a), newStatus(a), newReport(a), newReview(a),
		newAgents(a), newCheck(a), newSandbox(a), newWorker(a), newFleet(a), newConfig(a), newErase(a), newPrune(a), newVersion(a),
		&cobra.Command{Use: "summary", Short: "JSON Schema of the summary", Long: telling.Schema}) // nothing else, so that it can go into a file
	root.SetGlobalNormalizationFunc(options.Alias)
	help.Attach(root, version)
	return root
}

// toolVersion is how a checkpoint names who made it.
func toolVersion() string { return words.Tool + " " + version }

func versionLine() string {
	return fmt.Sprintf("%s %s %s %s/%s\n", words.Tool, version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

func newVersion(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  help.Args(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprint(a.stdout, versionLine())
			return err
		},
	}
}
