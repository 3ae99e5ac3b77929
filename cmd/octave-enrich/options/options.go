// Package options is the command line of run and of its neighbours in groups, as help
// shows them: each group registers its flags, parses them and says what is wrong with
// them. A flag that was not given is filled from the environment, then from the file
// of --config.
package options

import (
	"cmp"
	"errors"
	"strings"

	"github.com/spf13/pflag"

	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/pipeline"
)

// Options are the flags of run; the other commands take the groups that make sense.
type Options struct {
	List     List
	Question Question
	Service  Service
	Async    Async
	Pace     Pace
	Budget   Budget
	Fleet    Fleet
	Output   Output
	Teller   Teller

	JSON       bool // print for programs
	Config     string
	NeverCalls bool // what is asked costs nothing: export

	sources map[string]string // where each setting came from, once they are read
}

// Flags registers those of run.
func (o *Options) Flags(fs *pflag.FlagSet) {
	o.List.Flags(fs)
	o.List.SkipFlags(fs)
	o.Question.Flags(fs)
	o.Service.Flags(fs)
	o.Async.Flags(fs)
	o.Pace.Flags(fs)
	o.Budget.Flags(fs)
	o.Fleet.flags(fs)
	o.Fleet.runFlags(fs)
	o.Output.Flags(fs)
	o.Teller.flags(fs)
	o.ConfigFlag(fs)
}

// WorkerFlags registers those that worker shares with run.
func (o *Options) WorkerFlags(fs *pflag.FlagSet) {
	o.Fleet.flags(fs)
	o.Service.Flags(fs)
	o.Pace.workerFlags(fs)
	grouped(fs, HeadingReport, func(fs *pflag.FlagSet) {
		o.Teller.liveFlag(fs)
		o.Teller.logFlags(fs)
	})
	o.ConfigFlag(fs)
}

// ConfigFlag registers the file of settings.
func (o *Options) ConfigFlag(fs *pflag.FlagSet) {
	grouped(fs, HeadingReport, func(fs *pflag.FlagSet) {
		fs.StringVar(&o.Config, "config", "", "YAML `FILE` with the same names as the flags (env OCTAVE_CONFIG)")
	})
}

// JSONFlag registers the choice of output for programs.
func (o *Options) JSONFlag(fs *pflag.FlagSet) {
	fs.BoolVar(&o.JSON, "json", false, "for programs")
}

// Given says whether a flag has a value that somebody chose, on the command line, in
// the environment or in the file of settings.
func (o *Options) Given(flag string) bool {
	source := o.sources[flag]
	return source != "" && source != fromDefault
}

// Typed says whether a flag stood on the command line.
func (o *Options) Typed(flag string) bool { return o.sources[flag] == fromFlag }

// Check refuses what flags of run and plan say in a language of their own and cannot
// be meant, before anything is opened.
func (o *Options) Check() error {
	if err := errors.Join(o.checkFleet(), o.Output.CheckNew(), o.Output.CheckEmails(), o.Budget.checkSample(), o.checkQuestion(), o.CheckEmpty()); err != nil {
		return err
	}
	if err := o.CheckAsync(); err != nil {
		return err
	}
	if err := errors.Join(OneOf("on-timeout", o.Pace.OnTimeout, "retry", "fail"), OneOf("changed", o.Budget.Changed, "", ChangedRedo, ChangedKeep)); err != nil {
		return err
	}
	if o.Service.Timeout <= 0 {
		return exit.UsageError("--timeout is too short: write a duration such as 3m")
	}
	for _, f := range []struct {
		flag     string
		n, least int
	}{{"concurrency", o.Pace.Concurrency, 1}, {"retries", o.Pace.Retries, 0}, {"limit", o.Budget.Limit, 0}} {
		if f.n < f.least {
			return exit.UsageError("--%s is too small: write %d or more", f.flag, f.least)
		}
	}
	return nil
}

// CheckEmpty refuses bounds that were typed and hold nothing back, as where a script's
// variable has no value: --max-credits "$N", --exclude "$FILE".
func (o *Options) CheckEmpty() error {
	for _, f := range []struct{ flag, value string }{{"max-usage", o.Budget.MaxUsage}, {"max-failed", o.Budget.MaxFailed}, {"max-calls", o.Budget.MaxCalls.String()}, {"exclude", o.List.Exclude}} {
		if o.Typed(f.flag) && f.value == "" {
			return exit.UsageError("--%s is empty: write a value, or leave it out", cmp.Or(NewNames()[f.flag], f.flag))
		}
	}
	return nil
}

// Settings are what the questions depend on beside the rows.
func (o *Options) Settings() (s pipeline.Settings, err error) {
	q := &o.Question
	s = pipeline.Settings{Agent: q.Agent, Experiment: q.Experiment, Context: q.Context, Instructions: q.Instructions}
	if s.Set, err = pairs("set", q.Set); err != nil {
		return s, err
	}
	if s.Templates, err = pairs("template", q.Templates); err != nil {
		return s, err
	}
	s.Map, err = o.List.columns()
	return s, err
}

// Take makes the settings of an earlier run those of this command, each but for what
// was typed. What stands in the environment or the file of settings is there for every
// command, and that run may have been told otherwise.
func (o *Options) Take(last pipeline.RunBody) {
	s, q := last.Settings, &o.Question
	if !o.Typed("agent") && !o.Typed("experiment") {
		q.Agent, q.Experiment = s.Agent, s.Experiment
	}
	if !o.Typed("context") {
		q.Context = s.Context
	}
	if !o.Typed("instructions") {
		q.Instructions = s.Instructions
	}
	if !o.Typed("set") {
		q.Set = unpair(s.Set)
	}
	if !o.Typed("template") {
		q.Templates = unpair(s.Templates)
	}
	o.List.take(last)
}

// The headings under which help shows flags.
const (
	HeadingInput    = "Reading the list"
	HeadingQuestion = "What the agent is asked"
	HeadingService  = "The service"
	HeadingPace     = "Pace"
	HeadingBudget   = "Budgets"
	headingFleet    = "The fleet"
	HeadingOutput   = "The output"
	HeadingReport   = "Progress, logs and what others are told"
)

// Headings are those of help, in order.
func Headings() []string {
	return []string{HeadingInput, HeadingQuestion, HeadingService, HeadingPace, HeadingBudget, headingFleet, HeadingOutput, HeadingReport}
}

// heading is the annotation of a flag with its heading.
const heading = "group"

// HeadingOf is the heading of a flag; "" when it has none.
func HeadingOf(f *pflag.Flag) string {
	if under := f.Annotations[heading]; len(under) > 0 {
		return under[0]
	}
	return ""
}

// grouped registers flags under a heading.
func grouped(fs *pflag.FlagSet, under string, register func(*pflag.FlagSet)) {
	part := pflag.NewFlagSet(under, pflag.ContinueOnError)
	part.SortFlags = false
	register(part)
	part.VisitAll(func(f *pflag.Flag) {
		f.Annotations = map[string][]string{heading: {under}}
		fs.AddFlag(f)
	})
}

// hide keeps old names of flags working, and out of every list.
func hide(fs *pflag.FlagSet, names ...string) {
	for _, name := range names {
		fs.Lookup(name).Hidden = true
	}
}

// OneOf makes a flag's choice of words an error of usage.
func OneOf(flag, value string, choices ...string) error {
	for _, w := range choices {
		if value == w {
			return nil
		}
	}
	return exit.UsageError("--%s %s: write one of %s", flag, value, strings.TrimPrefix(strings.Join(choices, ", "), ", "))
}

// pairs reads NAME=VALUE flags; a name that comes twice is an error.
func pairs(flag string, list []string) (map[string]string, error) {
	found := map[string]string{}
	for _, item := range list {
		name, value, ok := strings.Cut(item, "=")
		if !ok || name == "" {
			return nil, exit.UsageError("--%s %s: write it as FIELD=VALUE", flag, item)
		}
		for other := range found {
			if wholeField(name) == wholeField(other) {
				return nil, exit.UsageError("--%s %s is given twice", flag, name)
			}
		}
		found[name] = value
	}
	return found, nil
}

func unpair(m map[string]string) (list []string) {
	for name, value := range m {
		list = append(list, name+"="+value)
	}
	return list
}
