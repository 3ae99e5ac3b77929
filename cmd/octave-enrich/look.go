package main

// What a run knows before it pays. The service answers about the account free of
// charge: is the key good, does the agent exist, what does a call cost, what is
// left. A service without such endpoints is gone on with.

import (
	"cmp"
	"context"
	"errors"

	"go.uber.org/zap"

	"octave-enrich/checkpoint"
	"octave-enrich/cmd/octave-enrich/accounts"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/octave"
	"octave-enrich/pipeline"
)

// say tells people in a sentence, and programs in fields, too.
func (r *run) say(msg string, fields ...zap.Field) {
	if r.app.log == nil {
		fields = nil
	}
	r.log.Info(msg, fields...)
}

// look asks about the account before the first call. What no call can get past ends
// the run before there is one; a service that does not answer yet is met by the calls.
func (r *run) look(ctx context.Context, brake *pipeline.Brake) *accounts.Account {
	l := accounts.New(r.client, cmp.Or(r.list.Settings.Agent, r.list.Settings.Experiment), r.o.Service.Sandbox, r.say)
	l.Bill = r.comesTo
	ctx, cancel := brake.Bound(ctx)
	defer cancel()
	err := l.Look(ctx)
	var call *octave.Error
	switch {
	case err == nil, brake.Reason() != nil:
	case errors.As(err, &call) && call.Action == octave.All:
		brake.Pull(err)
	default:
		r.log.Warn("the service does not answer about the account", zap.String("error", words.Masked(err.Error())))
	}
	if cost, err := pipeline.ParseAmount(string(l.Cost)); err == nil {
		r.budgets.CostToRun = cost
	}
	r.left = string(l.Left)
	calls, _ := r.budgets.Affords(r.survey.ToAsk, r.budgets.Expected())
	r.expect(calls)
	return l
}

// proven says whether the checkpoint holds an answer of this run's agent.
func (r *run) proven() (bool, error) {
	return pipeline.Proven(checkpoint.Records(r.places.Checkpoint, nil), r.list.Settings)
}
