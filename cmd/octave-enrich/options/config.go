package options

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/words"
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

// NewNames are flags that have two names: the one they are registered with, which is
// that of their variable and their setting, and the one that help shows.
func NewNames() map[string]string {
	return map[string]string{"max-usage": "max-credits", "on-timeout": "on-lost"}
}

// Alias gives a flag that has two names the one that it is registered with.
func Alias(_ *pflag.FlagSet, name string) pflag.NormalizedName {
	for registered, shown := range NewNames() {
		if name == shown {
			name = registered
		}
	}
	return pflag.NormalizedName(name)
}

// EnvNames are the variables of a flag, under each of its names.
func EnvNames(flag string) []string {
	if shown, two := NewNames()[flag]; two {
		return []string{envName(flag), envName(shown)}
	}
	return []string{envName(flag)}
}

// Read fills the flags that were not given from the environment and the file of
// settings, which may be about any of the known ones, and remembers where each value
// came from.
func (o *Options) Read(fs, known *pflag.FlagSet) (err error) {
	o.Config = cmp.Or(o.Config, os.Getenv(envName("config")))
	o.sources, err = overlay(fs, o.Config, known)
	return err
}

// Known are the flags of run and worker, which have them all.
func Known() *pflag.FlagSet {
	fs, worker := pflag.NewFlagSet("run", pflag.ContinueOnError), pflag.NewFlagSet("worker", pflag.ContinueOnError)
	fs.SetNormalizeFunc(Alias)
	new(Options).Flags(fs)
	new(Options).WorkerFlags(worker)
	new(Worker).Flags(worker)
	fs.AddFlagSet(worker)
	return fs
}

// isSetting says whether a flag can be set from outside the command line.
func isSetting(flag string) bool { return flag != "config" && flag != "help" && flag != "dry-run" }

// overlay fills the flags that were not given from the environment and then from
// the configuration file, and says where each value came from.
func overlay(fs *pflag.FlagSet, file string, known *pflag.FlagSet) (sources map[string]string, err error) {
	settings, err := readConfig(file, known)
	if err != nil {
		return nil, err
	}
	sources = map[string]string{}
	fs.VisitAll(func(f *pflag.Flag) {
		if err != nil || !isSetting(f.Name) {
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
	for _, variable := range EnvNames(f.Name) {
		value := os.Getenv(variable)
		if value == "" {
			continue
		}
		for _, line := range splitList(f, value) {
			if err := fs.Set(f.Name, line); err != nil {
				return "", exit.UsageError("environment: %w", ValueError(variable, err))
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
			return "", exit.UsageError("%s: %w", file, ValueError(f.Name, err))
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
func configWords(value any) (words []string, err error) {
	add := func(name string, value any) {
		switch value.(type) {
		case string, bool, int, int64, uint64, float64:
			words = append(words, name+fmt.Sprint(value))
		default:
			err = errors.New("write a value, a list of values, or a map of names to values; runtimeContext.all is one name")
		}
	}
	switch value := value.(type) {
	case []any:
		for _, v := range value {
			add("", v)
		}
	case yaml.MapSlice:
		for _, item := range value {
			add(fmt.Sprint(item.Key)+"=", item.Value)
		}
	default:
		add("", value)
	}
	return words, err
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
	if err := refuseEmpty(file, text); err != nil {
		return nil, err
	}
	settings := map[string]any{}
	for _, item := range items {
		name := fmt.Sprint(item.Key)
		if strings.Contains(name, "key") && name != "key-file" {
			return nil, exit.UsageError("%s: %s: the key does not belong into a file of settings; name its own file with key-file", file, name)
		}
		flag := known.Lookup(name)
		if flag == nil || !isSetting(name) {
			return nil, exit.UsageError("%s: there is no setting %q%s", file, name, DidYouMean(name, FlagNames(known)))
		}
		if _, twice := settings[flag.Name]; twice {
			return nil, exit.UsageError("%s: %s is set twice, under two of its names", file, flag.Name)
		}
		settings[flag.Name] = item.Value
	}
	return settings, nil
}

// refuseEmpty refuses names without a value: a budget that its writer forgot to fill in
// would be none, in silence.
func refuseEmpty(file string, text []byte) error {
	parsed, err := parser.ParseBytes(text, 0)
	if err != nil {
		return exit.UsageError("%s: %s", file, yaml.FormatError(err, false, false))
	}
	for _, doc := range parsed.Docs {
		if doc.Body == nil || doc.Body.Type() == ast.NullType {
			continue // comments alone
		}
		for _, node := range ast.Filter(ast.NullType, doc.Body) {
			name := strings.TrimPrefix(node.GetPath(), "$.")
			return exit.UsageError("%s:%d: %s has no value: write one, or take the line out", file, node.GetToken().Position.Line, name)
		}
	}
	return nil
}

// FlagNames are the names of flags.
func FlagNames(fs *pflag.FlagSet) (names []string) {
	fs.VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	return names
}

// ValueError says what to write instead of a value that a setting does not take;
// name is the setting as it was spelled there.
func ValueError(name string, err error) error {
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
	case "intSlice":
		what = "write whole numbers with commas between them"
	case "float64":
		what = "write a number"
	case "duration":
		what = "write a duration such as 500ms, 2s, 1m30s"
	}
	if errors.Is(err, strconv.ErrRange) {
		what = "this number is too large"
	}
	return fmt.Errorf("%s %s: %s", name, words.Quote(MaskPassword(invalid.GetValue())), what)
}

// Configured is a command's first step: it fills its flags from all places where settings are.
func Configured(o *Options, run func(cmd *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, list []string) error {
		known := Known()
		if err := Misspelt(os.Environ(), known); err != nil {
			return err
		}
		if err := o.Read(cmd.Flags(), known); err != nil {
			return err
		}
		return run(cmd, list)
	}
}
