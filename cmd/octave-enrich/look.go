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
func (j *job) say(msg string, fields ...zap.Field) {
	if j.app.log == nil {
		fields = nil
	}
	j.log.Info(msg, fields...)
}

// look asks about the account before the first call. What no call can get past ends
// the run before there is one; a service that does not answer yet is met by the calls.
func (j *job) look(ctx context.Context, brake *pipeline.Brake) *accounts.Account {
	l := accounts.New(j.client, cmp.Or(j.list.Settings.Agent, j.list.Settings.Experiment), j.o.Service.Sandbox, j.say)
	l.Bill = j.comesTo
	ctx, cancel := brake.Bound(ctx)
	defer cancel()
	err := l.Look(ctx)
	var call *octave.Error
	switch {
	case err == nil, brake.Reason() != nil:
	case errors.As(err, &call) && call.Action == octave.All:
		brake.Pull(err)
	default:
		j.log.Warn("the service does not answer about the account", zap.String("error", words.Masked(err.Error())))
	}
	if cost, err := pipeline.ParseAmount(string(l.Cost)); err == nil {
		j.budgets.CostToRun = cost
	}
	j.left = string(l.Left)
	calls, _ := j.budgets.Affords(j.toAsk, j.budgets.Expected())
	j.expect(calls)
	return l
}

// proven says whether the checkpoint holds an answer of this run's agent.
func (j *job) proven() (bool, error) {
	return pipeline.Proven(checkpoint.Records(j.places.Checkpoint, nil), j.list.Settings)
}
