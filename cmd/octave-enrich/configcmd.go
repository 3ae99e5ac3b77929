package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"octave-enrich/cmd/octave-enrich/help"
	"octave-enrich/cmd/octave-enrich/options"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func newConfig(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Effective settings and their source; a commented example",
		Args:  help.UnknownCommand,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newConfigShow(a), newConfigInit(a))
	return cmd
}

func newConfigShow(a *app) *cobra.Command {
	// The flags of run, so that what is shown is what run would do.
	cmd := newRun(a)
	o := &options.Options{}
	cmd.ResetFlags()
	fs := cmd.Flags()
	o.Flags(fs)
	cmd.Use, cmd.Short, cmd.Long, cmd.Example = "show [flags of run]", "The effective value of every setting of run, and its source", "", ""
	cmd.Args = help.Args(cobra.NoArgs)
	cmd.RunE = func(*cobra.Command, []string) error {
		if err := o.Read(fs, fs); err != nil {
			return err
		}
		return showConfig(a.stdout, o, fs)
	}
	return cmd
}

func showConfig(w io.Writer, o *options.Options, fs *pflag.FlagSet) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "SETTING\tVALUE\tSOURCE\n")
	fs.VisitAll(func(f *pflag.Flag) {
		if source := o.Source(f.Name); source != "" && (!f.Hidden || source != options.FromDefault) {
			fmt.Fprintf(t, "%s\t%s\t%s\n", f.Name, f.Value, source)
		}
	})
	key, err := o.Service.Key()
	switch {
	case err != nil:
		fmt.Fprintf(t, "key\t-\tnot set\n")
	case o.Service.KeyFile != "":
		fmt.Fprintf(t, "key\t%s\tfile %s\n", key, o.Service.KeyFile)
	case os.Getenv("OCTAVE_API_KEY") != "":
		fmt.Fprintf(t, "key\t%s\tenv OCTAVE_API_KEY\n", key)
	default:
		fmt.Fprintf(t, "key\t%s\tcredentials directory\n", key)
	}
	return t.Flush()
}

func newConfigInit(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "init",
		Short:   "Print a commented example of a configuration file",
		Example: "  octave-enrich config init > octave.yaml\n  octave-enrich run people.csv --config octave.yaml",
		Args:    help.Args(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			_, err := io.WriteString(a.stdout, configExample(a))
			return err
		},
	}
}

// configExample is made from the flags, so that it cannot differ from them.
func configExample(a *app) string {
	var b strings.Builder
	b.WriteString("# Settings of octave-enrich: the names are those of the flags of run.\n" +
		"# A flag beats an environment variable (OCTAVE_...), which beats this file.\n" +
		"# The key does not belong here: use OCTAVE_API_KEY or key-file.\n")
	fs := newRun(a).Flags()
	for _, heading := range options.Headings() {
		fmt.Fprintf(&b, "\n# %s\n", heading)
		fs.VisitAll(func(f *pflag.Flag) {
			if options.HeadingOf(f) != heading || f.Hidden || !options.IsSetting(f.Name) {
				return
			}
			_, usage := pflag.UnquoteUsage(f)
			fmt.Fprintf(&b, "# %s\n#%s: %s\n", usage, f.Name, exampleValue(f))
		})
	}
	return b.String()
}

func exampleValue(f *pflag.Flag) string {
	switch f.Value.Type() {
	case "stringArray", "stringSlice":
		return "[]"
	case "string":
		return fmt.Sprintf("%q", f.DefValue)
	}
	return f.DefValue
}
