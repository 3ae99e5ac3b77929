package main

import (
	"cmp"
	"context"
	"errors"
	"math"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/time/rate"

	"octave-enrich/checkpoint"
	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/help"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/cmd/octave-enrich/paths"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/octave"
	"octave-enrich/pipeline"
)

func newPlan(a *app) *cobra.Command {
	o := &options.Options{}
	var show requested
	cmd := &cobra.Command{
		Use:     "plan INPUT...",
		Short:   "What run would do; asks nothing that costs",
		Example: "  octave-enrich plan people.csv\n  octave-enrich plan people.csv --limit 100 --json",
		Args:    help.Args(cobra.MinimumNArgs(1)),
	}
	fs := cmd.Flags()
	o.List.Flags(fs)
	o.List.SkipFlags(fs)
	o.Question.Flags(fs)
	o.Service.Flags(fs)
	o.Async.Flags(fs)
	o.Pace.Flags(fs)
	o.Budget.Flags(fs)
	o.Output.Flags(fs)
	o.Output.NewFlag(fs)
	o.JSONFlag(fs)
	fs.BoolVar(&show.all, "requests", false, "the request of every row as JSONL: row, key, status, request")
	fs.StringVar(&show.rows, "rows", "", "those of some rows alone, such as `4,17-20`; with --requests")
	o.ConfigFlag(fs)
	cmd.RunE = options.Configured(o, func(_ *cobra.Command, inputs []string) error { return a.plan(o, show, inputs) })
	return cmd
}

// Estimate is what plan prints as JSON.
type Estimate struct {
	pipeline.Plan
	// BeyondBudget counts the questions that --max-usage or --max-calls leaves for
	// another time; Budget is which of them.
	BeyondBudget int    `json:"beyond_budget"`
	Budget       string `json:"budget,omitempty"`
	// Changed counts contacts among those to ask that have an answer to another
	// question, Changes says what is different.
	Changed int      `json:"changed"`
	Changes []string `json:"changes"`
	// UsagePerCall is what an answer in the checkpoint cost on the average,
	// CostToRun what the agent says; either may be unknown.
	UsagePerCall *pipeline.Amount `json:"usage_per_call,omitempty"`
	CostToRun    octave.Decimal   `json:"cost_to_run,omitempty"`
	Usage        *pipeline.Amount `json:"expected_usage,omitempty"`
	CreditsLeft  octave.Decimal   `json:"credits_left,omitempty"`
	// Seconds is the expected duration at the given rate and concurrency.
	Seconds float64 `json:"expected_seconds"`
	Latency string  `json:"latency_assumed"`
	// Upload is the file of a preset, once there are answers.
	Upload *Upload `json:"upload,omitempty"`
	// Doubts are rows that may not be worth a call, with the flag that leaves them out.
	Doubts []string `json:"doubts"`
	Notes  []string `json:"notes"`

	beyond      string // the flag that leaves those beyond the limit
	agent       string // by name
	concurrency int
	rate        rate.Limit
	guessed     bool // the latency
	free        bool // the embedded agent costs nothing
}

// usualLatency of a call, when no answer in the checkpoint says better.
const usualLatency = 30 * time.Second

func (a *app) plan(o *options.Options, show requested, inputs []string) error {
	limit, err := o.Pace.Limit()
	if err != nil {
		return err
	}
	budgets, err := o.Budget.Budgets()
	if err != nil {
		return err
	}
	if err := errors.Join(o.Output.CheckNew(), o.Budget.CheckSample()); err != nil {
		return err
	}
	only, err := show.only()
	if err != nil {
		return err
	}
	v := outlook{o: o, inputs: inputs}
	defer v.close()
	if err := v.open(a); err != nil {
		return err
	}
	if show.all {
		return a.printRequests(v.list, v.selection, only)
	}
	e, err := v.survey()
	if err != nil {
		return err
	}
	if err := a.price(o, &e, v.past, budgets); err != nil {
		return err
	}
	if e.Upload, err = a.rehearse(o, inputs, v.list, v.journal, v.at); err != nil {
		return err
	}
	return a.tellPlan(o, e, v.past, limit)
}

// An outlook is a list beside what is known of it.
type outlook struct {
	o      *options.Options
	inputs []string

	list       *list
	at         options.Places
	past       past
	journal    *checkpoint.Journal // nil without a checkpoint
	last       pipeline.RunBody
	earlier    *pipeline.Known
	neighbours *beside // nil when nothing would be taken over
	selection  pipeline.Selection
}

// open reads the list and what is known, and changes nothing.
func (v *outlook) open(a *app) (err error) {
	o := v.o
	if v.at, err = placesOfPlan(o, v.inputs); err != nil {
		return err
	}
	if v.list, err = a.openList(o, v.inputs); err != nil {
		return err
	}
	if v.past, v.journal, err = openPast(v.at.Checkpoint); err != nil {
		return err
	}
	v.selection = pipeline.Selection{Exclude: v.list.exclude, Limit: o.Budget.Limit}
	if v.journal != nil {
		v.last, _ = pipeline.LastRun(v.journal.RunRecords())
		v.selection.Memory, v.earlier = memory(o, v.journal, v.list.skip), known(v.journal, v.at.Checkpoint)
		if v.selection.Memory.Submissions, err = pipeline.OpenSubmissions(v.journal.Waiting()); err != nil {
			return exit.CheckpointError(v.at.Checkpoint, err)
		}
	}
	if v.neighbours, err = neighbours(o, v.list, v.at.Checkpoint); err != nil {
		return err
	}
	if v.neighbours != nil {
		answers := v.neighbours.answers
		v.selection.Memory = &pipeline.Memory{Journal: offered{answers}, MaxAge: time.Duration(o.Budget.MaxAge), Redo: answers.Marks()}
		v.earlier = answers.Known()
	}
	if err := v.list.meet(v.selection.Memory); err != nil {
		return err
	}
	v.selection.Ask = v.list.ask
	v.selection.Sample, err = sampled(o, v.list, v.journal, v.selection)
	return err
}

func (v *outlook) close() {
	if v.journal != nil {
		v.journal.Close()
	}
	if v.list != nil {
		v.list.input.Close()
	}
}

// survey counts what would be asked, and what is to be said of the list.
func (v *outlook) survey() (Estimate, error) {
	plan, changes, err := pipeline.Survey(v.list.input.Contacts(), v.selection, v.earlier)
	if err != nil {
		return Estimate{}, exit.InputError(err)
	}
	e := Estimate{Plan: plan, beyond: v.o.Budget.Beyond(), Doubts: doubts(v.list),
		Changed: changes.Contacts, Changes: append([]string{}, whatChanged(changes, v.last, v.list)...)}
	e.Notes = append(otherNotes(v.list.input.Profile()), notes(v.o, v.list)...)
	e.Notes = append(e.Notes, v.list.warnings(v.journal)...)
	if note := tellSample(v.o, plan); note != "" {
		e.Notes = append(e.Notes, note)
	}
	if v.neighbours != nil {
		e.Notes = append(e.Notes, v.neighbours.notes()...)
	}
	return e, nil
}

// warnings say whom the list has lost, and whether a run would stop at it.
func (l *list) warnings(journal *checkpoint.Journal) (notes []string) {
	if gone := l.lost(journal); gone != "" {
		notes = append(notes, gone)
	}
	if err := l.input.Overlooked(); err != nil {
		notes = append(notes, stopsHere(err))
	}
	return notes
}

// placesOfPlan are those of the run, which may be none where run would ask for a name.
func placesOfPlan(o *options.Options, inputs []string) (at options.Places, err error) {
	at.Checkpoint = o.Output.Checkpoint
	if o.Output.Path != "" || !options.AreSeveral(inputs) && inputs[0] != "-" {
		if at, err = o.Places(inputs); err != nil {
			return at, err
		}
	}
	return at, paths.Of(o, inputs, at).Check() // as run would refuse
}

// tellPlan says how long it takes, and prints the estimate.
func (a *app) tellPlan(o *options.Options, e Estimate, past past, limit rate.Limit) error {
	e.Latency = words.Round(past.latency()).String()
	e.Seconds = seconds(e.ToAsk, limit, o.Pace.Concurrency, past.latency())
	if o.JSON {
		return writeJSON(a.stdout, e)
	}
	e.concurrency, e.rate, e.guessed, e.free = o.Pace.Concurrency, limit, past.ledger.Attempts.Answered == 0, o.Service.Sandbox
	if err := e.print(a.stdout); err != nil {
		return err
	}
	a.nextAfterPlan(o, e)
	return nil
}

// neighbours looks beside a checkpoint as a run does.
func neighbours(o *options.Options, list *list, path string) (*beside, error) {
	service, err := o.Service.Name()
	if err != nil || path == "" {
		return nil, err
	}
	return lookBeside(o, list, path, service)
}

// seconds is how long n calls take: as long as the slower of rate and workers
// needs.
func seconds(n int, limit rate.Limit, concurrency int, latency time.Duration) float64 {
	if n == 0 {
		return 0
	}
	byRate := 0.0
	if limit != rate.Inf {
		byRate = float64(n-1)/float64(limit) + latency.Seconds()
	}
	byWorkers := math.Ceil(float64(n)/float64(max(concurrency, 1))) * latency.Seconds()
	return math.Round(max(byRate, byWorkers))
}

// past is what a checkpoint tells about the cost of calls.
type past struct {
	ledger pipeline.Ledger
}

func (p past) latency() time.Duration {
	if n := p.ledger.Attempts.Answered; n > 0 {
		return time.Duration(p.ledger.LatencyMS/int64(n)) * time.Millisecond
	}
	return usualLatency
}

// openPast reads the checkpoint if there is one.
func openPast(path string) (p past, journal *checkpoint.Journal, err error) {
	if err := checkpoint.Chosen(path, nil); err != nil { // whether or not it is there
		return p, nil, exit.CheckpointError(path, err)
	}
	if !paths.Exists(path) {
		return p, nil, nil
	}
	if journal, err = checkpoint.Open(path, checkpoint.Options{ReadOnly: true}); err != nil {
		return p, nil, exit.CheckpointError(path, err)
	}
	if p.ledger, err = readLedger(path); err != nil {
		journal.Close()
		return p, nil, err
	}
	return p, journal, nil
}

// readLedger adds a checkpoint up.
func readLedger(path string) (ledger pipeline.Ledger, err error) {
	for entry, err := range checkpoint.Records(path, nil) {
		if err != nil {
			return ledger, exit.CheckpointError(path, err)
		}
		ledger.Add(entry.Record)
	}
	return ledger, nil
}

// price fills in what the calls would cost: by the agent's own word when there is
// a key, else by the answers in the checkpoint. Calls that a budget does not hold
// are left out.
func (a *app) price(o *options.Options, e *Estimate, p past, budgets pipeline.Budgets) error {
	var each *pipeline.Amount
	if n := p.ledger.Attempts.Answered; n > 0 {
		mean := p.ledger.Usage.Div(n)
		e.UsagePerCall, each = &mean, &mean
	}
	client, err := o.NewClient(version)
	switch {
	case o.Service.Sandbox:
	case err != nil:
		e.Notes = append(e.Notes, "what is left, and what the agent costs, was not asked: "+err.Error())
	default:
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := a.askPrice(ctx, o, client, e); err != nil {
			return err
		}
	}
	if cost, err := pipeline.ParseAmount(string(e.CostToRun)); err == nil {
		each, budgets.CostToRun = &cost, cost
	}
	budgets.Largest = p.ledger.Largest
	e.keepTo(budgets, each)
	if each != nil {
		usage := each.Mul(e.ToAsk)
		e.Usage = &usage
	}
	return nil
}

// keepTo leaves out what the budgets do not hold when each call costs so much, if
// that is known.
func (e *Estimate) keepTo(budgets pipeline.Budgets, each *pipeline.Amount) {
	mean := budgets.Expected()
	if each != nil {
		mean = *each
	}
	calls, ends := budgets.Affords(e.ToAsk, mean)
	e.ToAsk, e.BeyondBudget = calls, e.ToAsk-calls
	switch ends {
	case pipeline.ErrMaxCalls:
		e.Budget = "max-calls"
	case pipeline.ErrMaxUsage:
		e.Budget = "max-usage"
	}
}

// askPrice asks what costs nothing to ask. A plan without it is still a plan, but
// none for an agent that there is not.
func (a *app) askPrice(ctx context.Context, o *options.Options, client *octave.Client, e *Estimate) error {
	account, err := client.Validate(ctx)
	if err != nil {
		e.Notes = append(e.Notes, "the service was not asked for the credits left: "+errText(err))
		return nil
	}
	e.CreditsLeft = account.Credits.TotalRemaining
	named := cmp.Or(o.Question.Agent, o.Question.Experiment)
	agent, err := (&lookout{client: client}).findAgent(ctx, named)
	var none *exit.Error
	switch {
	case errors.As(err, &none):
		return err
	case err != nil:
		e.Notes = append(e.Notes, "the agent's cost is not known: "+errText(err))
	case named == "":
		e.Notes = append(e.Notes, "no agent is named: list them with "+words.Tool+" agents, and name one with --agent OID")
	}
	e.CostToRun, e.agent = agent.CostToRun, agent.Name
	return nil
}

// errText is what a log may say of an error of the service.
func errText(err error) string {
	var call *octave.Error
	if errors.As(err, &call) {
		return call.Error()
	}
	return err.Error()
}
