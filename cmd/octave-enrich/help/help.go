// Package help is what the command line says of itself: pages, topics, manual pages,
// what a shell completes, and what is wrong with a command that was typed.
//
// What stands in the folder text is the long text of a command, by its name (fleet
// status is fleet-status), or that of a topic.
package help

import (
	"embed"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"octave-enrich/cmd/octave-enrich/options"
)

//go:embed text
var texts embed.FS

// textOf is a text by its name, "" when there is none.
func textOf(name string) string {
	text, err := texts.ReadFile("text/" + name + ".txt")
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(string(text), "\n")
}

// Attach gives a command line its help, once all its commands are there. version
// stands in the manual.
func Attach(root *cobra.Command, version string) {
	root.SetFlagErrorFunc(FlagError)
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) { fmt.Fprint(cmd.OutOrStdout(), Page(cmd)) })
	root.SetUsageFunc(func(cmd *cobra.Command) error {
		_, err := fmt.Fprint(cmd.ErrOrStderr(), Page(cmd))
		return err
	})
	root.SetHelpCommand(newHelp())
	root.AddCommand(newMan(version))
	explain(root)
	root.AddCommand(newTopics()...)
	root.InitDefaultCompletionCmd()
	if completion, _, err := root.Find([]string{"completion"}); err == nil {
		completion.Args, completion.RunE = UnknownCommand, root.RunE // a shell that there is not
	}
	complete(root)
}

// explain gives cmd and every command below it their texts.
func explain(cmd *cobra.Command) {
	name := cmd.Name()
	if cmd.HasParent() && cmd.Parent().HasParent() {
		name = cmd.Parent().Name() + "-" + name
	}
	if !cmd.HasParent() {
		name = "root"
	}
	if text := textOf(name); text != "" {
		cmd.Long = text
	}
	for _, sub := range cmd.Commands() {
		explain(sub)
	}
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
				return UnknownCommand(cmd.Root(), list)
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

// A topic explains flags of run.
type topic struct {
	name, short string
	groups      []string // of flags, which it lists
}

func topics() []topic {
	return []topic{
		{"input", "Lists: formats, columns, who is left out", []string{options.HeadingInput, options.HeadingQuestion}},
		{"output", "Files: where rows and answers go", []string{options.HeadingOutput}},
		{"money", "What a run may cost, and what is paid again", []string{options.HeadingBudget}},
		{"network", "The service: key, pace, time-outs, proxies", []string{options.HeadingService, options.HeadingPace}},
		{"telling", "Progress, logs and what others are told", []string{options.HeadingReport}},
		{"exit-codes", "What each exit code means, and what to do", nil},
		{"senders", "Presets: what each sender gets", nil},
	}
}

// newTopics are what "help TOPIC" prints.
func newTopics() (list []*cobra.Command) {
	for _, t := range topics() {
		list = append(list, &cobra.Command{Use: t.name, Short: t.short, Long: textOf(t.name)})
	}
	return list
}

// flagsOf are the flags of run that a topic explains.
func flagsOf(name string, root *cobra.Command) (text string) {
	run, _, err := root.Find([]string{"run"})
	if err != nil {
		return ""
	}
	for _, t := range topics() {
		if t.name != name {
			continue
		}
		for _, heading := range t.groups {
			text += "\n" + heading + "\n" + flagsUnder(run, heading).FlagUsagesWrapped(mostColumns)
		}
	}
	return text
}
