package main

import (
	"io"

	"octave-enrich/cmd/octave-enrich/help"
	"octave-enrich/cmd/octave-enrich/options"

	"github.com/spf13/cobra"
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
	o := &options.Options{}
	cmd := &cobra.Command{Use: "show [flags of run]", Short: "The effective value of every setting of run, and its source", Args: help.Args(cobra.NoArgs)}
	fs := cmd.Flags()
	o.Flags(fs) // those of run, so that what is shown is what run would do
	cmd.RunE = func(*cobra.Command, []string) error {
		if err := o.Read(fs, fs); err != nil {
			return err
		}
		return options.Show(a.stdout, o, fs)
	}
	return cmd
}

func newConfigInit(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "init",
		Short:   "Print a commented example of a configuration file",
		Example: "  octave-enrich config init > octave.yaml\n  octave-enrich run people.csv --config octave.yaml",
		Args:    help.Args(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			_, err := io.WriteString(a.stdout, options.Example(newRun(a).Flags()))
			return err
		},
	}
}
