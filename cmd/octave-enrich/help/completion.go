package help

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/octave/sandbox"
	"octave-enrich/reader"
	"octave-enrich/writer"
)

// A completer lists what the shell may offer for a word.
type completer = cobra.CompletionFunc

// complete tells cmd and every command below it which values its flags and arguments
// take. A flag means the same in every command that has it.
func complete(cmd *cobra.Command) {
	for _, sub := range cmd.Commands() {
		complete(sub)
	}
	if cmd.ValidArgsFunction == nil {
		cmd.ValidArgsFunction = argumentsOf(cmd)
	}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		_ = cmd.RegisterFlagCompletionFunc(f.Name, func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return valuesOf(f.Name)(cmd, args, typed)
		}) // fails for a flag that is not there
	})
}

// argumentsOf reads from the usage line what a command is about.
func argumentsOf(cmd *cobra.Command) completer {
	switch _, word, _ := strings.Cut(cmd.Use, " "); {
	case strings.HasPrefix(word, "INPUT"):
		return extensions("csv", "tsv", "jsonl", "ndjson", "xlsx", "gz", "zst", "zip", "txt")
	case strings.HasPrefix(word, "CHECKPOINT"):
		return extensions("checkpoint")
	}
	return cobra.NoFileCompletions
}

// valuesOf are the values of a flag.
func valuesOf(flag string) completer {
	formats := []string{"csv", "tsv", "jsonl", "xlsx"}
	words := map[string][]string{
		"preset": append([]string{"generic"}, writer.Presets()...), "in-format": formats, "out-format": formats,
		"skip": options.SkipKinds(), "by": {"run", "day"}, "changed": {options.ChangedRedo, options.ChangedKeep}, "on-timeout": {"retry", "fail"}, "progress": {"auto", "bar", "plain", "none"},
		"log-format": {"auto", "text", "json"}, "log-level": {"debug", "info", "warn", "error"},
		"account": sandbox.AccountFaults(), "shape": sandbox.Shapes(), "rate": {"5/s", "120/m", "2000/h", "0"},
	}
	if choices, is := words[flag]; is {
		return cobra.FixedCompletions(choices, cobra.ShellCompDirectiveNoFileComp)
	}
	switch flag {
	case "map":
		return fields(reader.Fields()...)
	case "set", "template":
		return fields(slices.DeleteFunc(reader.Fields(), func(f reader.Field) bool { return f == reader.FullName })...)
	case "checkpoint":
		return extensions("checkpoint")
	case "config", "map-file":
		return extensions("yaml", "yml", "json")
	case "output", "exclude", "also-exclude", "key-file", "cacert", "addr-file", "summary", "metrics-file", "report", "write":
		return cobra.FixedCompletions(nil, cobra.ShellCompDirectiveDefault) // the shell offers files
	}
	return cobra.NoFileCompletions
}

// fields are completed up to the sign behind which the shell knows nothing.
func fields(list ...reader.Field) completer {
	var names []string
	for _, f := range list {
		names = append(names, string(f)+"=")
	}
	return cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp|cobra.ShellCompDirectiveNoSpace)
}

func extensions(list ...string) completer {
	return cobra.FixedCompletions(list, cobra.ShellCompDirectiveFilterFileExt)
}
