package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/time/rate"

	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/octave"
	"octave-enrich/pipeline"
	"octave-enrich/reader"
	"octave-enrich/writer"
)

// options are the flags of run; the other commands take those that make sense.
type options struct {
	// input
	inFormat, encoding, sheet string
	maps                      []string
	mapFile, exclude          string
	pinned                    *reader.MapFile // what mapFile holds, or held at the last run
	skip                      []string        // as it was given; see skips
	respectOptOut, skipFailed bool            // old names of two of its kinds
	own                       []string        // files that a directory of inputs does not stand for

	// question
	agent, experiment     string
	set                   []string
	context, instructions []string
	templates             []string

	// service
	sandbox          bool
	baseURL, keyFile string
	caCert           string
	insecure         bool

	// pace
	concurrency int
	rate        string
	timeout     days
	retries     int
	onTimeout   string
	maxOutage   days

	// budgets
	limit                   int
	maxCalls                bound
	maxUsage, maxFailed     string
	maxDuration, maxAge     days
	changed                 string
	fresh                   bool
	output, checkpointPath  string
	outFormat, preset       string
	emails                  int
	excel, thread, approved bool
	keep                    []string
	force                   bool
	waitLock                days

	// after the run, and meanwhile
	summary, report          string
	metricsFile, metricsAddr string
	onExit, pingURL          string
	progress                 string
	logFormat, logLevel      string
	json                     bool
	by                       string // of status: run or day
	requests                 bool   // of plan
	rows                     string // of plan: those to show
	neverCalls               bool   // what is asked costs nothing: export
	config                   string

	// the fleet
	fleet databaseURL
	queue string

	typed map[string]bool // flags that stood on the command line
}

// group is the heading under which help shows a flag.
const group = "group"

// flagGroups are the headings of help, in order.
var flagGroups = [...]string{
	groupInput, groupQuestion, groupService, groupPace, groupBudget, groupFleet, groupOutput, groupReport,
}

const (
	groupInput    = "Reading the list"
	groupQuestion = "What the agent is asked"
	groupService  = "The service"
	groupPace     = "Pace"
	groupBudget   = "Budgets"
	groupFleet    = "The fleet"
	groupOutput   = "The output"
	groupReport   = "Progress, logs and what others are told"
)

// grouped registers flags under a heading.
func grouped(fs *pflag.FlagSet, heading string, register func(*pflag.FlagSet)) {
	part := pflag.NewFlagSet(heading, pflag.ContinueOnError)
	register(part)
	part.VisitAll(func(f *pflag.Flag) {
		f.Annotations = map[string][]string{group: {heading}}
		fs.AddFlag(f)
	})
}

func (o *options) inputFlags(fs *pflag.FlagSet) {
	grouped(fs, groupInput, func(fs *pflag.FlagSet) {
		fs.StringArrayVar(&o.maps, "map", nil, "read `FIELD=HEADER` instead of what was detected; repeated, each row takes the first that has a value")
		fs.StringVar(&o.mapFile, "map-file", "", "mapping `FILE` that inspect --write wrote")
		fs.StringVar(&o.inFormat, "in-format", "", "`FORMAT`: csv, tsv, jsonl or xlsx; default: by name, then content")
		fs.StringVar(&o.encoding, "encoding", "", "character set `NAME`; default: detected")
		fs.StringVar(&o.sheet, "sheet", "", "sheet `NAME` of a workbook; default: the first")
	})
}

func (o *options) questionFlags(fs *pflag.FlagSet) {
	grouped(fs, groupQuestion, func(fs *pflag.FlagSet) {
		fs.StringVar(&o.agent, "agent", "", "sequence agent `OID` (env OCTAVE_AGENT_OID)")
		fs.StringVar(&o.experiment, "experiment", "", "experiment `OID` instead of an agent (env OCTAVE_EXPERIMENT_OID)")
		fs.StringArrayVar(&o.set, "set", nil, "the same `FIELD=VALUE` for every row: lang, customContext.playbook.oId, ...")
		fs.StringArrayVar(&o.context, "context", nil, "column `HEADER[:STEP]` as something the agent knows; STEP is all or 1 to 7")
		fs.StringArrayVar(&o.instructions, "instructions", nil, "column `HEADER[:STEP]` as how the agent should write")
		fs.StringArrayVar(&o.templates, "template", nil, "`FIELD=TEXT`, a Go text/template over the row's columns")
	})
}

func (o *options) serviceFlags(fs *pflag.FlagSet) {
	o.timeout = days(octave.DefaultTimeout)
	grouped(fs, groupService, func(fs *pflag.FlagSet) {
		fs.BoolVar(&o.sandbox, "sandbox", false, "answer from the embedded agent: no key, no network, no cost")
		fs.StringVar(&o.keyFile, "key-file", "", "`FILE` with the key; else env OCTAVE_API_KEY, else $CREDENTIALS_DIRECTORY/octave_api_key")
		fs.StringVar(&o.baseURL, "base-url", octave.DefaultBaseURL, "`URL` of the service (env OCTAVE_BASE_URL)")
		fs.BoolVar(&o.insecure, "insecure", false, "allow a base URL that is neither https nor loopback")
		fs.StringVar(&o.caCert, "cacert", "", "`FILE` with one more certificate authority, in PEM")
		fs.Var(&o.timeout, "timeout", "of one attempt, from dial to last byte")
	})
}

func (o *options) paceFlags(fs *pflag.FlagSet) {
	o.maxOutage = days(time.Hour)
	grouped(fs, groupPace, func(fs *pflag.FlagSet) {
		fs.IntVar(&o.concurrency, "concurrency", octave.DefaultConcurrency, "calls in flight at most")
		fs.StringVar(&o.rate, "rate", "5/s", "calls started at most, every attempt counted: `R` is 5/s, 120/m, 2000/h, 0 for no limit")
		fs.IntVar(&o.retries, "retries", 4, "further attempts after the first")
		fs.StringVar(&o.onTimeout, "on-timeout", "retry", "`HOW` to treat an attempt that may have been billed (time-out, cut, a gateway's 502, 504 and the like): retry or fail; also --on-lost")
		fs.Var(&o.maxOutage, "max-outage", "how long a failing service is waited for")
	})
}

func (o *options) budgetFlags(fs *pflag.FlagSet) {
	grouped(fs, groupBudget, func(fs *pflag.FlagSet) {
		fs.IntVar(&o.limit, "limit", 0, "at most `N` new contacts this time; 0 for all")
		fs.Var(&o.maxCalls, "max-calls", "make `N` calls at most, repeated ones counted; default: no bound")
		fs.StringVar(&o.maxUsage, "max-usage", "", "start no call that could take this run's usage beyond `N`; also --max-credits")
		fs.Var(&o.maxDuration, "max-duration", "start no call after so long; 0 for no bound")
		fs.StringVar(&o.maxFailed, "max-failed", "", "stop when more than `N` rows (or N%) failed")
		fs.Var(&o.maxAge, "max-age", "ask again for answers older than this, such as 90d; 0 for never")
		fs.BoolVar(&o.fresh, "fresh", false, "a new checkpoint takes nothing over from those beside it, and pays again")
		fs.StringVar(&o.changed, "changed", "", "contacts that have an answer to another question: `HOW` is redo (pay again) or keep (take that); default: redo up to ten, keep more and end with 9")
	})
}

func (o *options) outputFlags(fs *pflag.FlagSet) {
	grouped(fs, groupOutput, func(fs *pflag.FlagSet) {
		fs.StringVarP(&o.output, "output", "o", "", "`FILE` for the rows, or - ; {date} in its name is today; default: INPUT.enriched.EXT")
		fs.StringVar(&o.checkpointPath, "checkpoint", "", "`FILE` for the answers; default: OUTPUT.checkpoint, with all for {date}")
		fs.StringVar(&o.outFormat, "out-format", "", "`FORMAT`: csv, tsv, jsonl or xlsx; default: by name")
		fs.StringVar(&o.preset, "preset", "generic", "columns of a `SENDER`: "+strings.Join(writer.Presets(), ", ")+"; see help senders")
		fs.IntVar(&o.emails, "emails", 4, "email columns at least; of a preset: steps, by default the commonest number")
		fs.StringSliceVar(&o.keep, "keep", nil, "which input `COLUMNS` to keep; default: all")
		fs.BoolVar(&o.excel, "excel", false, "a BOM, and formulas defused, for a spreadsheet")
		fs.BoolVar(&o.thread, "thread", false, "no subjects after the first message, so that the others are replies")
		fs.BoolVar(&o.force, "force", false, "overwrite an output that is not ours")
	})
}

func (o *options) summaryFlag(fs *pflag.FlagSet) {
	grouped(fs, groupReport, func(fs *pflag.FlagSet) {
		fs.StringVar(&o.summary, "summary", "", "write the summary as JSON to `FILE`, or -; see help summary")
	})
}

func (o *options) reportFlags(fs *pflag.FlagSet) {
	o.summaryFlag(fs)
	grouped(fs, groupReport, func(fs *pflag.FlagSet) {
		fs.StringVar(&o.report, "report", "", "write the report page to `FILE.html` when the run ends")
		fs.StringVar(&o.metricsFile, "metrics-file", "", "write Prometheus text to `FILE` when the run ends")
		fs.StringVar(&o.metricsAddr, "metrics-addr", "", "serve live Prometheus metrics at `[HOST:]PORT`; default host: this machine alone")
		fs.StringVar(&o.pingURL, "ping-url", "", "GET `URL`/start, and URL/CODE with the exit code at the end")
		fs.StringVar(&o.onExit, "on-exit", "", "shell `COMMAND` that reads the summary when the run has ended; it does not inherit the key")
		fs.StringVar(&o.progress, "progress", "auto", "`HOW`: auto, bar, plain or none")
		fs.Var(&o.waitLock, "wait-lock", "wait so long for another run that holds the checkpoint")
		o.logFlags(fs)
	})
}

// allFlags are those of run.
func (o *options) allFlags(fs *pflag.FlagSet) {
	o.inputFlags(fs)
	o.skipFlags(fs)
	o.questionFlags(fs)
	o.serviceFlags(fs)
	o.paceFlags(fs)
	o.budgetFlags(fs)
	o.fleetFlags(fs)
	o.outputFlags(fs)
	o.reportFlags(fs)
	o.configFlag(fs)
}

func (o *options) configFlag(fs *pflag.FlagSet) {
	grouped(fs, groupReport, func(fs *pflag.FlagSet) {
		fs.StringVar(&o.config, "config", "", "YAML `FILE` with the same names as the flags (env OCTAVE_CONFIG)")
	})
}

func (o *options) jsonFlag(fs *pflag.FlagSet) {
	fs.BoolVar(&o.json, "json", false, "for programs")
}

func (o *options) approvedFlag(fs *pflag.FlagSet) {
	grouped(fs, groupOutput, func(fs *pflag.FlagSet) {
		fs.BoolVar(&o.approved, "approved", false, "only what was approved in review, as edited there")
	})
}

func (o *options) ageFlag(fs *pflag.FlagSet) {
	grouped(fs, groupBudget, func(fs *pflag.FlagSet) {
		fs.Var(&o.maxAge, "max-age", "leave out answers older than this, such as 90d; 0 for none")
	})
}

func (o *options) agentFlag(fs *pflag.FlagSet) {
	grouped(fs, groupService, func(fs *pflag.FlagSet) {
		fs.StringVar(&o.agent, "agent", "", "sequence agent `OID` (env OCTAVE_AGENT_OID)")
	})
}

func (o *options) logFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.logFormat, "log-format", "auto", "`HOW`: auto, text or json")
	fs.StringVar(&o.logLevel, "log-level", "info", "`LEVEL`: debug, info, warn or error")
}

// A bound is a number that need not be given; 0 is one.
type bound struct {
	n   int
	set bool
}

// String implements pflag.Value.
func (b *bound) String() string {
	if !b.set {
		return ""
	}
	return strconv.Itoa(b.n)
}

// Type implements pflag.Value.
func (b *bound) Type() string { return "N" }

// Set implements pflag.Value.
func (b *bound) Set(s string) error {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return fmt.Errorf("write a number, 0 or more")
	}
	b.n, b.set = n, true
	return nil
}

// budgets are what a run may spend.
func (o *options) budgets() (b pipeline.Budgets, err error) {
	b.MaxCalls, b.HasCalls = o.maxCalls.n, o.maxCalls.set
	if o.maxUsage == "" {
		return b, nil
	}
	b.HasUsage = true
	if b.MaxUsage, err = pipeline.ParseAmount(o.maxUsage); err != nil {
		return b, exit.UsageError("--max-usage: %w", err)
	}
	return b, nil
}

// days is a duration that also takes days and weeks: 90d, 2w.
type days time.Duration

// String implements pflag.Value.
func (d *days) String() string {
	s := time.Duration(*d).String()
	s = strings.TrimSuffix(s, "0s")
	if s = strings.TrimSuffix(s, "m0"); s == "" {
		return "0"
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// Type implements pflag.Value.
func (d *days) Type() string { return "D" }

// Set implements pflag.Value.
func (d *days) Set(s string) error {
	parsed, err := time.ParseDuration(s)
	if err != nil && len(s) > 1 {
		unit := map[byte]time.Duration{'d': 24 * time.Hour, 'w': 7 * 24 * time.Hour}[s[len(s)-1]]
		n, numErr := strconv.ParseFloat(s[:len(s)-1], 64)
		if unit > 0 && numErr == nil {
			parsed, err = time.Duration(n*float64(unit)), nil
		}
	}
	if s == "0" {
		parsed, err = 0, nil
	}
	if err != nil || parsed < 0 {
		return fmt.Errorf("write a duration such as 90s, 3m, 2h, 90d")
	}
	*d = days(parsed)
	return nil
}

// parseRate reads 5/s, 120/m, 2000/h, and 0 or none for no limit.
func parseRate(s string) (rate.Limit, error) {
	number, unit, _ := strings.Cut(s, "/")
	per := map[string]float64{"": 1, "s": 1, "m": 60, "h": 3600}[unit]
	n, err := strconv.ParseFloat(number, 64)
	switch {
	case s == "none" || err == nil && n == 0 && per > 0:
		return rate.Inf, nil
	case err != nil || per == 0 || n < 0 || n != n || n > 1e9:
		return 0, exit.UsageError("--rate %s: write it as 5/s, 120/m, 2000/h, or 0 for no limit", s)
	}
	return rate.Limit(n / per), nil
}

// parseThreshold reads N or P%; "" is any number.
func parseThreshold(s string) (t pipeline.Threshold, err error) {
	if s == "" {
		return t, nil
	}
	t.Set = true
	if percent, ok := strings.CutSuffix(s, "%"); ok {
		t.Percent, err = strconv.ParseFloat(percent, 64)
	} else {
		t.Rows, err = strconv.Atoi(s)
	}
	if err != nil || t.Rows < 0 || !(t.Percent >= 0 && t.Percent <= 100) || strings.HasSuffix(s, "%") && t.Percent == 0 {
		return t, exit.UsageError("--max-failed %s: write a number of rows, or a share such as 5%%", s)
	}
	return t, nil
}

// pairs reads NAME=VALUE flags; a name that comes twice is an error.
func pairs(flag string, list []string) (map[string]string, error) {
	found := map[string]string{}
	for _, item := range list {
		name, value, ok := strings.Cut(item, "=")
		if !ok || name == "" {
			return nil, exit.UsageError("--%s %s: write it as FIELD=VALUE", flag, item)
		}
		if _, twice := found[name]; twice {
			return nil, exit.UsageError("--%s %s is given twice", flag, name)
		}
		found[name] = value
	}
	return found, nil
}

// columns are the columns of --map, by field. A field that is given several times
// takes, in each row, the first of its columns that has a usable value.
func (o *options) columns() (map[string]reader.Columns, error) {
	columns := map[string]reader.Columns{}
	for _, item := range o.maps {
		field, header, ok := strings.Cut(item, "=")
		if !ok || field == "" {
			return nil, exit.UsageError("--map %s: write it as FIELD=HEADER", item)
		}
		columns[field] = append(columns[field], header)
	}
	return columns, nil
}

// readerOptions are what the reader needs of the flags.
func (o *options) readerOptions(a *app) (reader.Options, error) {
	mapped, err := o.columns()
	if err != nil {
		return reader.Options{}, err
	}
	if err := oneOf("in-format", o.inFormat, "", "csv", "tsv", "jsonl", "ndjson", "xlsx"); err != nil {
		return reader.Options{}, err
	}
	if o.mapFile != "" {
		if o.pinned, err = reader.ReadMapFile(o.mapFile); err != nil {
			return reader.Options{}, &exit.Error{Code: exit.Usage, Err: err}
		}
	}
	opt := reader.Options{
		Format: o.inFormat, Encoding: o.encoding, Sheet: o.sheet, Stdin: a.stdin,
		Map: map[reader.Field]reader.Columns{}, Pinned: o.pinned, Skip: o.own,
	}
	for field, headers := range mapped {
		opt.Map[reader.Field(field)] = headers
	}
	return opt, nil
}

// settings are what the questions depend on beside the rows.
func (o *options) settings() (s pipeline.Settings, err error) {
	s = pipeline.Settings{Agent: o.agent, Experiment: o.experiment, Context: o.context, Instructions: o.instructions}
	if s.Set, err = pairs("set", o.set); err != nil {
		return s, err
	}
	if s.Templates, err = pairs("template", o.templates); err != nil {
		return s, err
	}
	s.Map, err = o.columns()
	return s, err
}

// oneOf makes a flag's choice of words an error of usage.
func oneOf(flag, value string, words ...string) error {
	for _, w := range words {
		if value == w {
			return nil
		}
	}
	return exit.UsageError("--%s %s: write one of %s", flag, value, strings.TrimPrefix(strings.Join(words, ", "), ", "))
}

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
