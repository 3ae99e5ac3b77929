package main

// The bill: what plan says to a person.

import (
	"fmt"
	"time"

	"octave-enrich/cmd/octave-enrich/checkpoints"
	"octave-enrich/cmd/octave-enrich/plans"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/octave"
	"octave-enrich/pipeline"
)

// comesTo says what a run is about to cost and take, by the agent's own word and a
// guess.
func (r *run) comesTo(cost octave.Decimal) string {
	each, err := pipeline.ParseAmount(string(cost))
	if err != nil || r.survey.ToAsk == 0 {
		return ""
	}
	b := r.budgets
	b.CostToRun = each
	calls, _ := b.Affords(r.survey.ToAsk, b.Expected())
	took := plans.Seconds(calls, r.pace.Rate, r.o.Pace.Concurrency, checkpoints.UsualLatency)
	return fmt.Sprintf("about %s, %s at %s a call", words.Credits(each.Mul(calls).String()),
		words.Span(time.Duration(took*float64(time.Second))), words.Span(checkpoints.UsualLatency))
}
