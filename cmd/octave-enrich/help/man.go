package help

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/cmd/octave-enrich/words"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// newMan writes the manual. It is for those who build packages, and hidden.
func newMan(version string) *cobra.Command {
	return &cobra.Command{
		Use:    "man DIR",
		Short:  "Write the manual pages into a folder",
		Args:   Args(cobra.ExactArgs(1)),
		Hidden: true,
		RunE:   func(cmd *cobra.Command, list []string) error { return writeManual(cmd.Root(), list[0], version) },
	}
}

// writeManual writes a page for cmd and each command below it.
func writeManual(cmd *cobra.Command, dir, version string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // a manual is for everybody
		return exit.OutputError(err)
	}
	name := strings.ReplaceAll(cmd.CommandPath(), " ", "-")
	if err := os.WriteFile(filepath.Join(dir, name+".1"), []byte(manPage(cmd, version)), 0o644); err != nil { //nolint:gosec // a manual is for everybody
		return exit.OutputError(err)
	}
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() && sub.Name() != "help" {
			if err := writeManual(sub, dir, version); err != nil {
				return err
			}
		}
	}
	return nil
}

// manPage is the help page of a command in the macros of man(7), so that there
// is one text to keep true.
func manPage(cmd *cobra.Command, version string) string {
	var b strings.Builder
	name := strings.ReplaceAll(cmd.CommandPath(), " ", "-")
	fmt.Fprintf(&b, ".TH %s 1 \"\" %q\n", strings.ToUpper(name), roff(words.Tool+" "+version))
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", roff(name), roff(cmd.Short))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.B %s\n", roff(useLine(cmd)))
	b.WriteString(".SH DESCRIPTION\n" + manText(about(cmd)))
	for _, heading := range append(options.Headings(), "") {
		manFlags(&b, heading, flagsUnder(cmd, heading))
	}
	if cmd.Example != "" {
		b.WriteString(".SH EXAMPLES\n" + manText("  "+strings.TrimSpace(cmd.Example)))
	}
	if cmd.HasParent() {
		fmt.Fprintf(&b, ".SH SEE ALSO\n.BR %s (1)\n", roff(strings.ReplaceAll(cmd.Parent().CommandPath(), " ", "-")))
	}
	return b.String()
}

func manFlags(b *strings.Builder, heading string, flags *pflag.FlagSet) {
	if !flags.HasAvailableFlags() {
		return
	}
	fmt.Fprintf(b, ".SH %q\n", strings.ToUpper(roff(cmp.Or(heading, "Flags"))))
	flags.VisitAll(func(f *pflag.Flag) {
		value, usage := pflag.UnquoteUsage(f)
		name := "--" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", " + name
		}
		fmt.Fprintf(b, ".TP\n\\fB%s\\fR \\fI%s\\fR\n%s", roff(name), roff(value), roff(usage))
		if d := f.DefValue; d != "" && d != "false" && d != "0" && d != "[]" {
			fmt.Fprintf(b, " (default %s)", roff(d))
		}
		b.WriteString("\n")
	})
}

// manText keeps paragraphs, and the line ends of those that are indented: tables
// and commands.
func manText(text string) string {
	var b strings.Builder
	for paragraph := range strings.SplitSeq(strings.Trim(text, "\n"), "\n\n") {
		if strings.Contains("\n"+paragraph, "\n ") {
			fmt.Fprintf(&b, ".PP\n.nf\n%s\n.fi\n", roff(paragraph))
		} else {
			fmt.Fprintf(&b, ".PP\n%s\n", roff(paragraph))
		}
	}
	return b.String()
}

// roff keeps a text from being taken for macros.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text)
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}
