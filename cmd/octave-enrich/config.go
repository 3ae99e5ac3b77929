package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/reader"
)

// configured is a command's first step: it fills its flags from all places where settings are.
func configured(o *options.Options, run func(cmd *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, list []string) error {
		known := options.Known()
		if err := options.Misspelt(os.Environ(), known); err != nil {
			return err
		}
		if err := o.Read(cmd.Flags(), known); err != nil {
			return err
		}
		return run(cmd, list)
	}
}

// flagError suggests what was meant by an unknown flag.
func flagError(cmd *cobra.Command, err error) error {
	e := &exit.Error{Code: exit.Usage, Err: err, Hint: "see: " + cmd.CommandPath() + " --help"}
	var unknown *pflag.NotExistError
	var invalid *pflag.InvalidValueError
	if errors.As(err, &invalid) {
		e.Err = options.ValueError("--"+invalid.GetFlag().Name, err)
	}
	if errors.As(err, &unknown) {
		name := unknown.GetSpecifiedName()
		e.Err = fmt.Errorf("unknown flag --%s", name)
		if meant := reader.Nearest(name, options.FlagNames(cmd.Flags())); meant != "" {
			e.Err = fmt.Errorf("%w; did you mean --%s?", e.Err, meant)
		}
	}
	return e
}
