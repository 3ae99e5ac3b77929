package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/reader"
)

// Where a setting came from, for config show.
const (
	fromDefault = "default"
	fromFlag    = "flag"
)

// envName is the environment variable of a flag.
func envName(flag string) string {
	switch flag {
	case "agent", "experiment":
		flag += "-oid"
	}
	return "OCTAVE_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// notSettings are flags that cannot be set from outside the command line.
var notSettings = map[string]bool{"config": true, "help": true}

// alias gives a flag that has two names the one of its variable and its setting.
func alias(_ *pflag.FlagSet, name string) pflag.NormalizedName {
	switch name {
	case "on-lost":
		name = "on-timeout"
	case "max-credits":
		name = "max-usage"
	}
	return pflag.NormalizedName(name)
}

// envNames are the variables of a flag, under each of its names.
func envNames(flag string) []string {
	switch flag {
	case "on-timeout":
		return []string{envName(flag), envName("on-lost")}
	case "max-usage":
		return []string{envName(flag), envName("max-credits")}
	}
	return []string{envName(flag)}
}

// overlay fills the flags that were not given from the environment and then from
// the configuration file, and says where each value came from.
func overlay(fs *pflag.FlagSet, file string, known *pflag.FlagSet) (sources map[string]string, err error) {
	settings, err := readConfig(file, known)
	if err != nil {
		return nil, err
	}
	sources = map[string]string{}
	fs.VisitAll(func(f *pflag.Flag) {
		if err != nil || notSettings[f.Name] {
			return
		}
		sources[f.Name], err = overlayFlag(fs, f, settings, file)
	})
	return sources, err
}

func overlayFlag(fs *pflag.FlagSet, f *pflag.Flag, settings map[string]any, file string) (string, error) {
	if f.Changed {
		return fromFlag, nil
	}
	for _, variable := range envNames(f.Name) {
		value := os.Getenv(variable)
		if value == "" {
			continue
		}
		for _, line := range splitList(f, value) {
			if err := fs.Set(f.Name, line); err != nil {
				return "", exit.UsageError("environment: %w", valueError(variable, err))
			}
		}
		return "env " + variable, nil
	}
	value, ok := settings[f.Name]
	if !ok {
		return fromDefault, nil
	}
	words, err := configWords(value)
	if err != nil {
		return "", exit.UsageError("%s: %s: %w", file, f.Name, err)
	}
	for _, word := range words {
		if err := fs.Set(f.Name, word); err != nil {
			return "", exit.UsageError("%s: %w", file, valueError(f.Name, err))
		}
	}
	return "file " + file, nil
}

// splitList gives the lines of a repeatable flag's variable.
func splitList(f *pflag.Flag, value string) []string {
	if f.Value.Type() == "stringArray" {
		return strings.Split(strings.TrimSpace(value), "\n")
	}
	return []string{value}
}

// configWords spells a YAML value as the flag takes it: a list or a map is the
// flag repeated.
func configWords(value any) ([]string, error) {
	switch value := value.(type) {
	case nil:
		return nil, nil
	case []any:
		words := make([]string, len(value))
		for i, v := range value {
			words[i] = fmt.Sprint(v)
		}
		return words, nil
	case yaml.MapSlice:
		words := make([]string, len(value))
		for i, item := range value {
			words[i] = fmt.Sprintf("%v=%v", item.Key, item.Value)
		}
		return words, nil
	case string, bool, int, int64, uint64, float64:
		return []string{fmt.Sprint(value)}, nil
	}
	return nil, fmt.Errorf("write a value, a list, or a map of names to values")
}

// readConfig reads a file of settings named as the flags; unknown ones are
// refused.
func readConfig(file string, known *pflag.FlagSet) (map[string]any, error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, &exit.Error{Code: exit.Usage, Err: fmt.Errorf("--config: %w", err)}
	}
	var items yaml.MapSlice
	if err := yaml.UnmarshalWithOptions(text, &items, yaml.Strict(), yaml.UseOrderedMap()); err != nil {
		// Without the lines themselves: one may hold a password.
		return nil, exit.UsageError("%s: %s", file, yaml.FormatError(err, false, false))
	}
	settings := map[string]any{}
	for _, item := range items {
		name := fmt.Sprint(item.Key)
		if strings.Contains(name, "key") && name != "key-file" {
			return nil, exit.UsageError("%s: %s: the key does not belong into a file of settings; name its own file with key-file", file, name)
		}
		flag := known.Lookup(name)
		if flag == nil || notSettings[name] {
			return nil, exit.UsageError("%s: there is no setting %q%s", file, name, didYouMean(name, flagNames(known)))
		}
		if _, twice := settings[flag.Name]; twice {
			return nil, exit.UsageError("%s: %s is set twice, under two of its names", file, flag.Name)
		}
		settings[flag.Name] = item.Value
	}
	return settings, nil
}

func flagNames(fs *pflag.FlagSet) (names []string) {
	fs.VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	return names
}

// configured is a command's first step: it overlays the settings on its flags.
func (a *app) configured(o *options, run func(cmd *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, list []string) error {
		if o.config == "" {
			o.config = os.Getenv(envName("config"))
		}
		if err := misspelt(os.Environ(), a.allFlags()); err != nil {
			return err
		}
		o.typed = map[string]bool{}
		cmd.Flags().Visit(func(f *pflag.Flag) { o.typed[f.Name] = true })
		if _, err := overlay(cmd.Flags(), o.config, a.allFlags()); err != nil {
			return err
		}
		return run(cmd, list)
	}
}

// allFlags are those of run and worker, which have them all.
func (a *app) allFlags() *pflag.FlagSet {
	fs := newRun(a).Flags()
	fs.SetNormalizeFunc(alias)
	fs.AddFlagSet(newWorker(a).Flags())
	return fs
}

// flagError suggests what was meant by an unknown flag.
func flagError(cmd *cobra.Command, err error) error {
	e := &exit.Error{Code: exit.Usage, Err: err, Hint: "see: " + cmd.CommandPath() + " --help"}
	var unknown *pflag.NotExistError
	var invalid *pflag.InvalidValueError
	if errors.As(err, &invalid) {
		e.Err = valueError("--"+invalid.GetFlag().Name, err)
	}
	if errors.As(err, &unknown) {
		name := unknown.GetSpecifiedName()
		e.Err = fmt.Errorf("unknown flag --%s", name)
		if meant := reader.Nearest(name, flagNames(cmd.Flags())); meant != "" {
			e.Err = fmt.Errorf("%w; did you mean --%s?", e.Err, meant)
		}
	}
	return e
}

// valueError says what to write instead of a value that a setting does not take;
// name is the setting as it was spelled there.
func valueError(name string, err error) error {
	var invalid *pflag.InvalidValueError
	if !errors.As(err, &invalid) {
		return err
	}
	what := invalid.Unwrap().Error()
	switch invalid.GetFlag().Value.Type() {
	case "bool":
		what = "write true or false"
	case "int", "uint64":
		what = "write a whole number"
	case "float64":
		what = "write a number"
	case "duration":
		what = "write a duration such as 500ms, 2s, 1m30s"
	}
	if errors.Is(err, strconv.ErrRange) {
		what = "this number is too large"
	}
	return fmt.Errorf("%s %s: %s", name, words.Quote(maskPassword(invalid.GetValue())), what)
}
