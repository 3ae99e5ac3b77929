package help

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/cmd/octave-enrich/words"
)

// mostColumns are how wide help is at most.
const mostColumns = 90

// Page is the help page of a command: what it does, examples, flags by group.
func Page(cmd *cobra.Command) string {
	if cmd.Name() == "run" && cmd.HasParent() {
		return pageOf(cmd, textOf("run-page")+"\n")
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", strings.TrimSpace(about(cmd)))
	if !cmd.HasParent() || !cmd.Runnable() { // the root, and topics
		b.WriteString(flagsOf(cmd.Name(), cmd.Root()))
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
		fmt.Fprintf(&b, "\n%s\n%s", cmp.Or(heading, "Flags"), flags.FlagUsagesWrapped(mostColumns))
	}
	if shared != "" {
		fmt.Fprintf(&b, "\nand %s:\n%s help run\n", shared, words.Tool)
	}
	return b.String()
}

var lineOfFlag = regexp.MustCompile(`^ +(?:-\w, )?--([a-z-]+)`)

// pageOf leaves out the lines that begin with a flag which the command has not.
func pageOf(cmd *cobra.Command, page string) string {
	var lines []string
	for line := range strings.SplitSeq(page, "\n") {
		if m := lineOfFlag.FindStringSubmatch(line); m == nil || cmd.Flags().Lookup(m[1]) != nil {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

// about is what a command does.
func about(cmd *cobra.Command) string { return cmp.Or(cmd.Long, cmd.Short+".") }

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
			shown.Name = cmp.Or(options.NewNames()[f.Name], f.Name)
			part.AddFlag(&shown)
		}
	})
	return part
}

// sharesFlags says what of run's flags a command has, too.
func sharesFlags(cmd *cobra.Command) string {
	switch cmd.Name() {
	case "plan":
		return "the flags of run about the list, the question, the cost and the files"
	case "export":
		return "the flags of run about the list, the question and the files"
	}
	return ""
}
