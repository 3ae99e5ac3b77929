package plans

import (
	"cmp"
	"context"
	"errors"
	"math"
	"time"

	"golang.org/x/time/rate"

	"octave-enrich/cmd/octave-enrich/accounts"
	"octave-enrich/cmd/octave-enrich/checkpoints"
	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/cmd/octave-enrich/outputs"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/octave"
	"octave-enrich/pipeline"
)

const noAgent = "no agent is named: list them with " + words.Tool + " agents, and name one with --agent OID"

// Estimate is what plan prints as JSON.
type Estimate struct {
	pipeline.Plan
	// BeyondBudget counts the questions that --max-usage or --max-calls leaves for
	// another time; Budget is which of them.
	BeyondBudget int    `json:"beyond_budget"`
	Budget       string `json:"budget,omitempty"`
	// Changed counts contacts that have an answer to another question, be they
	// asked again or kept; Changes says what is different.
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
	Guessed bool    `json:"-"` // the latency
	// Upload is the file of a preset, once there are answers.
	Upload *outputs.Upload `json:"upload,omitempty"`
	// Doubts are rows that may not be worth a call, with the flag that leaves them out.
	Doubts []string `json:"doubts"`
	Notes  []string `json:"notes"`

	hint        string // what becomes of those that changed
	beyond      string // the flag that leaves those beyond the limit
	agent       string // by name
	concurrency int
	rate        rate.Limit
	latency     time.Duration
	free        bool // the embedded agent costs nothing
}

// Seconds is how long n calls take: as long as the slower of rate and workers
// needs.
func Seconds(n int, limit rate.Limit, concurrency int, latency time.Duration) float64 {
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

// Price fills in what the calls would cost: by the agent's own word when there is
// a key, else by the answers in the checkpoint. Calls that a budget does not hold
// are left out.
func (e *Estimate) Price(o *options.Options, past *pipeline.Ledger, budgets pipeline.Budgets, version string) error {
	var each *pipeline.Amount
	if mean, known := past.PerAnswer(); known {
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
		if err := e.askPrice(ctx, o, client); err != nil {
			return err
		}
	}
	if cost, err := pipeline.ParseAmount(string(e.CostToRun)); err == nil {
		each, budgets.CostToRun = &cost, cost
	}
	budgets.Largest = past.Largest
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
func (e *Estimate) askPrice(ctx context.Context, o *options.Options, client *octave.Client) error {
	account, err := client.Validate(ctx)
	if err != nil {
		e.Notes = append(e.Notes, "the service was not asked for the credits left: "+errText(err))
		return nil
	}
	e.CreditsLeft = account.Credits.TotalRemaining
	named := cmp.Or(o.Question.Agent, o.Question.Experiment)
	agent, err := accounts.New(client, "", false, nil).FindAgent(ctx, named)
	var none *exit.Error
	switch {
	case errors.As(err, &none):
		return err
	case err != nil:
		e.Notes = append(e.Notes, "the agent's cost is not known: "+errText(err))
	case e.Agentless > 0:
		e.Notes = append(e.Notes, noAgent)
	}
	e.CostToRun, e.agent = agent.CostToRun, agent.Name
	return nil
}

// errText is what a log may say of an error of the service.
func errText(err error) string {
	if call, ok := errors.AsType[*octave.Error](err); ok {
		return call.Error()
	}
	return err.Error()
}

// Time fills in how long the calls take.
func (e *Estimate) Time(o *options.Options, past *pipeline.Ledger, limit rate.Limit) {
	e.latency = words.Round(checkpoints.Latency(past))
	e.Latency = e.latency.String()
	e.Seconds = Seconds(e.ToAsk, limit, o.Pace.Concurrency, checkpoints.Latency(past))
	e.concurrency, e.rate, e.Guessed, e.free = o.Pace.Concurrency, limit, past.Attempts.Answered == 0, o.Service.Sandbox
}
