package help

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/reader"
)

// Args makes cobra's complaints about arguments errors of usage. An empty argument is one,
// too: mostly a variable of a script that was never set.
func Args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, list []string) error {
		err := check(cmd, list)
		if err == nil && slices.Contains(list, "") {
			err = errors.New("an argument is empty")
		}
		if err != nil {
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

// UnknownCommand refuses what is no command, and says which one was meant.
func UnknownCommand(cmd *cobra.Command, list []string) error {
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

// FlagError suggests what was meant by an unknown flag. The flags of an unknown command are
// unknown, too: then the error is about the command.
func FlagError(cmd *cobra.Command, err error) error {
	if cmd.HasSubCommands() {
		if unknown := UnknownCommand(cmd, cmd.Flags().Args()); unknown != nil {
			return unknown
		}
	}
	e := &exit.Error{Code: exit.Usage, Err: err, Hint: "see: " + cmd.CommandPath() + " --help"}
	var unknown *pflag.NotExistError
	if invalid, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
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
