package options

import "github.com/spf13/pflag"

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
