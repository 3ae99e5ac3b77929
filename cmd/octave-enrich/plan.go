package main

import (
	"errors"

	"github.com/spf13/cobra"
	"golang.org/x/time/rate"

	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/help"
	"octave-enrich/cmd/octave-enrich/lists"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/cmd/octave-enrich/outputs"
	"octave-enrich/cmd/octave-enrich/plans"
	"octave-enrich/cmd/octave-enrich/words"
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
	o.JSONFlag(fs)
	fs.BoolVar(&show.all, "requests", false, "the request of every row as JSONL: row, key, status, request")
	fs.StringVar(&show.rows, "rows", "", "those of some rows alone, such as `4,17-20`; with --requests")
	o.ConfigFlag(fs)
	cmd.RunE = options.Configured(o, func(_ *cobra.Command, inputs []string) error { return a.plan(o, show, inputs) })
	return cmd
}

// requested says which requests plan shows.
type requested struct {
	all  bool   // --requests
	rows string // of some rows alone
}

// only reads --rows.
func (r requested) only() (lists.Rows, error) {
	if r.rows == "" {
		return nil, nil
	}
	if !r.all {
		return nil, exit.UsageError("--rows is about --requests: add it")
	}
	return lists.ReadRows(r.rows)
}

func (a *app) plan(o *options.Options, show requested, inputs []string) error {
	// Else run refuses tonight what was planned today.
	_, failed := o.Budget.Threshold()
	if err := errors.Join(o.Check(), failed); err != nil {
		return err
	}
	limit, err := o.Pace.Limit()
	if err != nil {
		return err
	}
	budgets, err := o.Budget.Budgets()
	if err != nil {
		return err
	}
	only, err := show.only()
	if err != nil {
		return err
	}
	v := plans.Outlook{Options: o, Inputs: inputs}
	defer v.Close()
	if err := v.Open(a.stdin); err != nil {
		return err
	}
	if err := outputs.Fits(o, v.Places.Output, v.List); err != nil {
		return err
	}
	if show.all {
		return v.PrintRequests(a.stdout, only)
	}
	e, err := v.Survey()
	if err != nil {
		return err
	}
	if err := e.Price(o, &v.Past, budgets, version); err != nil {
		return err
	}
	if e.Upload, err = outputs.Rehearse(o, v.List, v.Journal, v.Places, a.stdout); err != nil {
		return err
	}
	return a.tellPlan(o, e, &v.Past, limit)
}

// tellPlan says how long it takes, and prints the estimate.
func (a *app) tellPlan(o *options.Options, e plans.Estimate, past *pipeline.Ledger, limit rate.Limit) error {
	e.Time(o, past, limit)
	if o.JSON {
		return words.WriteJSON(a.stdout, e)
	}
	if err := e.Print(a.stdout); err != nil {
		return err
	}
	a.nextAfterPlan(o, e)
	return nil
}
