package main

import (
	"cmp"
	"fmt"
	"runtime"
	"strings"

	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/cmd/octave-enrich/words"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:           words.Tool,
		Short:         "Outbound email sequences for a list of prospects, each asked for once",
		Long:          rootHelp,
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       version, // for --version
		Args:          unknownCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		CompletionOptions: cobra.CompletionOptions{
			HiddenDefaultCmd: true,
		},
	}
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetFlagErrorFunc(flagError)
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) { fmt.Fprint(cmd.OutOrStdout(), helpPage(cmd)) })
	root.SetUsageFunc(func(cmd *cobra.Command) error {
		_, err := fmt.Fprint(cmd.ErrOrStderr(), helpPage(cmd))
		return err
	})
	root.SetVersionTemplate(versionLine())
	root.SetHelpCommand(newHelp())
	run := newRun(a)
	root.AddCommand(newTopics(run)...)
	root.AddCommand(run, newPlan(a), newInspect(a), newExport(a), newRedo(a), newStatus(a), newReport(a), newReview(a),
		newAgents(a), newCheck(a), newSandbox(a), newWorker(a), newFleet(a), newConfig(a), newSummaryTopic(), newSendersTopic(), newErase(a), newPrune(a), newMan(), newVersion(a))
	root.SetGlobalNormalizationFunc(options.Alias)
	root.InitDefaultCompletionCmd()
	if completion, _, err := root.Find([]string{"completion"}); err == nil {
		completion.Args, completion.RunE = unknownCommand, root.RunE // a shell that there is not
	}
	complete(root)
	return root
}

func unknownCommand(cmd *cobra.Command, list []string) error {
	if len(list) == 0 {
		return nil
	}
	var names []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() || c.Name() == "completion" {
			names = append(names, c.Name())
		}
	}
	return &exit.Error{Code: exit.Usage, Err: fmt.Errorf("unknown command %q%s", list[0], options.DidYouMean(list[0], names)), Hint: "see: " + words.Tool + " --help"}
}

// newHelp is cobra's own but for the exit code of a topic that there is not.
func newHelp() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Help about a command",
		ValidArgsFunction: func(cmd *cobra.Command, list []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			about, rest, err := cmd.Root().Find(list)
			if err != nil || len(rest) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return subjects(about), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, list []string) error {
			about, rest, err := cmd.Root().Find(list)
			if err != nil || len(rest) > 0 && about.HasAvailableSubCommands() {
				return unknownCommand(cmd.Root(), list)
			}
			return about.Help()
		},
	}
}

// subjects are what there is help about below a command: commands, and topics.
func subjects(cmd *cobra.Command) (names []cobra.Completion) {
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() || sub.IsAdditionalHelpTopicCommand() {
			names = append(names, cobra.CompletionWithDesc(sub.Name(), sub.Short))
		}
	}
	return names
}

func versionLine() string {
	return fmt.Sprintf("%s %s %s %s/%s\n", words.Tool, version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

func newVersion(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  args(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprint(a.stdout, versionLine())
			return err
		},
	}
}

// helpPage is the page of a command: what it does, examples, flags by group.
func helpPage(cmd *cobra.Command) string {
	if cmd.Name() == "run" && cmd.HasParent() {
		return pageOf(cmd, runPage)
	}
	var b strings.Builder
	about := cmd.Long
	if about == "" {
		about = cmd.Short + "."
	}
	fmt.Fprintf(&b, "%s\n", strings.TrimSpace(about))
	if !cmd.HasParent() || !cmd.Runnable() { // the root, and topics
		return b.String()
	}
	fmt.Fprintf(&b, "\nUsage\n  %s\n", useLine(cmd))
	if cmd.HasAvailableSubCommands() {
		b.WriteString("\nCommands\n")
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() {
				fmt.Fprintf(&b, "  %-12s %s\n", sub.Name(), sub.Short)
			}
		}
	}
	if cmd.Example != "" {
		fmt.Fprintf(&b, "\nExamples\n%s\n", strings.Trim(cmd.Example, "\n"))
	}
	headings, shared := append(options.Headings(), ""), sharesFlags(cmd)
	if shared != "" {
		headings = []string{""}
	}
	for _, heading := range headings {
		flags := flagsUnder(cmd, heading)
		if !flags.HasAvailableFlags() {
			continue
		}
		if heading == "" {
			heading = "Flags"
		}
		fmt.Fprintf(&b, "\n%s\n%s", heading, flags.FlagUsagesWrapped(mostColumns))
	}
	if shared != "" {
		fmt.Fprintf(&b, "\nand %s:\n%s help run\n", shared, words.Tool)
	}
	return b.String()
}

func useLine(cmd *cobra.Command) string {
	line := cmd.UseLine()
	return strings.TrimSuffix(line, " [flags]") + " [flags]"
}

func flagsUnder(cmd *cobra.Command, heading string) *pflag.FlagSet {
	part := pflag.NewFlagSet(heading, pflag.ContinueOnError)
	part.SortFlags = false
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if options.HeadingOf(f) == heading && f.Name != "help" {
			shown := *f
			shown.Name = cmp.Or(newNames()[f.Name], f.Name)
			part.AddFlag(&shown)
		}
	})
	return part
}
