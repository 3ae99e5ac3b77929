package options

import (
	"strings"

	"github.com/spf13/pflag"

	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/octave"
	"octave-enrich/octave/sandbox"
)

// Sandbox is the embedded agent as a service: where it listens, and its knobs.
type Sandbox struct {
	Addr, AddrFile string

	cfg                        sandbox.Config
	faults, script, pollFaults string // see Config
}

// Flags registers all of them.
func (s *Sandbox) Flags(fs *pflag.FlagSet) {
	fs.StringVar(&s.Addr, "addr", "127.0.0.1:8750", "`ADDRESS` to listen on; port 0 takes a free one")
	fs.StringVar(&s.AddrFile, "addr-file", "", "write the base URL to `FILE` once it listens")
	fs.DurationVar(&s.cfg.Latency, "latency", 0, "of a call")
	fs.DurationVar(&s.cfg.Jitter, "jitter", 0, "added to it: between none and so much")
	fs.Float64Var(&s.cfg.Rate, "rate", 0, "calls accepted per second, the others answered with 429; 0 for all")
	numberFlag(fs, &s.cfg.Burst, "burst", 0, "calls accepted at once; default: the rate")
	fs.StringVar(&s.cfg.RetryAfter, "retry-after", "", "what a 429 says: seconds, an HTTP date, or date for one that fits")
	fs.Float64Var(&s.cfg.Credits, "credits", 0, "stock of credits, then 402; 0 for no end")
	fs.StringVar(&s.cfg.Key, "key", "", "the only key accepted; default: any")
	fs.BoolVar(&s.cfg.StrictAgents, "strict-agents", false, "refuse an agent that the agents endpoint does not list with 404")
	numberFlag(fs, &s.cfg.AddedSteps, "added-steps", 0, "more in each agent, as if somebody had edited them all")
	fs.StringVar(&s.cfg.Account, "account", "", "what the account and agents endpoints answer instead: `KIND` is "+strings.Join(sandbox.AccountFaults(), ", "))
	numberFlag(fs, &s.cfg.Messages, "messages", 0, "per sequence, 1 to 7; 0 for the agent's own number, -1 for a mix")
	fs.StringVar(&s.cfg.Shape, "shape", "", "of a message: "+strings.Join(sandbox.Shapes(), ", "))
	fs.Float64Var(&s.cfg.NotFound, "not-found", 0, "share of contacts that are not found, 0 to 1")
	fs.StringVar(&s.faults, "faults", "", "share of calls by kind, as in `503=0.05,reset-after=0.02`; kinds: "+strings.Join(sandbox.Kinds(), ", "))
	fs.StringVar(&s.script, "script", "", "kinds for the first, second, ... call, as in `ok,503,429`")
	fs.Uint64Var(&s.cfg.Seed, "seed", 0, "which calls the shares hit")
	fs.StringVar(&s.cfg.Async.ID, "async-id", octave.RequestIDName, "what the id of asynchronous work is called: "+octave.RequestIDName+" or "+octave.AgentRunIDName)
	fs.StringVar(&s.cfg.Async.Done, "async-done", "completed", "the `WORD` for asynchronous work that is done; none for answers without a state")
	fs.StringVar(&s.cfg.Async.Result, "async-result", "envelope", "the `SHAPE` of its result: "+strings.Join(sandbox.Results(), ", "))
	fs.DurationVar(&s.cfg.Async.Forget, "async-forget", 0, "how long its id is known; 0 for ever")
	fs.BoolVar(&s.cfg.Async.StrictCallback, "strict-callback", false, "refuse a callbackUrl that cannot be reached, such as one under .invalid")
	fs.StringVar(&s.pollFaults, "poll-faults", "", "share of polls by kind, as for --faults")
}

// Config are the knobs.
func (s *Sandbox) Config() (cfg sandbox.Config, err error) {
	cfg = s.cfg
	if cfg.Async.Faults, err = sandbox.ParseFaults(s.pollFaults); err != nil {
		return cfg, exit.UsageError("--poll-faults: %w", err)
	}
	if cfg.Faults, err = sandbox.ParseFaults(s.faults); err != nil {
		return cfg, exit.UsageError("--faults: %w", err)
	}
	if cfg.Script, err = sandbox.ParseScript(s.script); err != nil {
		return cfg, exit.UsageError("--script: %w", err)
	}
	if err := cfg.Validate(); err != nil {
		return cfg, &exit.Error{Code: exit.Usage, Err: err}
	}
	return cfg, nil
}
