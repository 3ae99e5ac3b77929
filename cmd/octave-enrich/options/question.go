package options

import (
	"maps"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/octave"
)

// Question says what the agent is asked.
type Question struct {
	Agent, Experiment     string // OIDs
	Set                   []string
	Context, Instructions []string // columns
	Templates             []string
}

// Flags registers all of them.
func (q *Question) Flags(fs *pflag.FlagSet) {
	grouped(fs, HeadingQuestion, func(fs *pflag.FlagSet) {
		fs.StringVar(&q.Agent, "agent", "", "sequence agent `OID` (env OCTAVE_AGENT_OID)")
		fs.StringVar(&q.Experiment, "experiment", "", "experiment `OID` instead of an agent (env OCTAVE_EXPERIMENT_OID)")
		fs.StringArrayVar(&q.Set, "set", nil, "the same `FIELD=VALUE` for every row: lang, customContext.playbook.oId, ...")
		fs.StringArrayVar(&q.Context, "context", nil, "column `HEADER[:STEP]` as something the agent knows; STEP is all or 1 to 7")
		fs.StringArrayVar(&q.Instructions, "instructions", nil, "column `HEADER[:STEP]` as how the agent should write")
		fs.StringArrayVar(&q.Templates, "template", nil, "`FIELD=TEXT`, a Go text/template over the row's columns")
	})
}

// AgentFlag registers the agent alone.
func (q *Question) AgentFlag(fs *pflag.FlagSet) {
	grouped(fs, HeadingService, func(fs *pflag.FlagSet) {
		fs.StringVar(&q.Agent, "agent", "", "sequence agent `OID` (env OCTAVE_AGENT_OID)")
	})
}

// wholeField is the full name of a field: a text without a step is meant for all.
func wholeField(name string) string {
	if name == "runtimeContext" || name == "runtimeInstructions" {
		return name + ".all"
	}
	return name
}

// checkQuestion refuses what was typed for one field in two ways: one of them would
// win in silence. What stands in a file of settings may be overruled by what is typed.
func (o *Options) checkQuestion() error {
	s, err := o.Settings()
	if err != nil {
		return err
	}
	for _, field := range []string{"agentOId", "experimentOId"} {
		for _, flag := range []string{"agent", "experiment"} {
			if _, set := s.Set[field]; set && o.Given(flag) {
				return exit.UsageError("--set %s and --%s (%s) both say who writes: leave --set %s out", field, flag, o.sources[flag], field)
			}
		}
	}
	said := map[string]string{} // field -> the flag that was typed for it
	if o.Typed("set") {
		for field := range s.Set {
			said[wholeField(field)] = "--set " + field
		}
	}
	if o.Typed("context") {
		for _, column := range s.Context {
			said["runtimeContext."+stepOf(column)] = "--context " + column
		}
	}
	if o.Typed("instructions") {
		for _, column := range s.Instructions {
			said["runtimeInstructions."+stepOf(column)] = "--instructions " + column
		}
	}
	for _, field := range slices.Sorted(maps.Keys(s.Templates)) {
		if flag := said[wholeField(field)]; flag != "" && o.Typed("template") {
			return exit.UsageError("%s and --template %s fill the same field: write one of them", flag, field)
		}
	}
	return nil
}

// stepOf is the step of HEADER[:STEP].
func stepOf(column string) string {
	if i := strings.LastIndexByte(column, ':'); i >= 0 && octave.IsStep(column[i+1:]) {
		return column[i+1:]
	}
	return "all"
}
