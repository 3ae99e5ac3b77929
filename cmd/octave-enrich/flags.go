package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/words"
)

// args makes cobra's complaints about arguments errors of usage.
func args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, list []string) error {
		if err := check(cmd, list); err != nil {
			return &exit.Error{Code: exit.Usage, Err: fmt.Errorf("%s: %w", strings.TrimPrefix(cmd.CommandPath(), words.Tool+" "), argumentError(cmd, list, err)), Hint: "usage: " + useLine(cmd)}
		}
		return nil
	}
}

// argumentError says in words what cobra counts.
func argumentError(cmd *cobra.Command, list []string, err error) error {
	words := strings.Fields(cmd.Use)
	switch {
	case len(list) == 0 && len(words) > 1:
		return fmt.Errorf("%s is missing", strings.Trim(words[1], "[]."))
	case len(list) > 0 && len(words) == 1:
		return fmt.Errorf("takes no argument, but was given %q", list[0])
	}
	return err
}
