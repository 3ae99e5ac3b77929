package main

// What belongs to --async: what runs do with it, and what
// check --async finds out.

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/octave"
	"octave-enrich/pipeline"
)

// resume finds what an earlier run submitted: its answers are polled for, whether
// or not this run submits, and by whoever makes its calls.
func (r *run) resume() (err error) {
	r.memory.Submissions, err = pipeline.OpenSubmissions(r.journal.Waiting())
	return exit.CheckpointError(r.places.Checkpoint, err)
}

// tellAsync says what is not seen of the list: submissions that no row asks for,
// and where personal data goes.
func (r *run) tellAsync(plan pipeline.Plan) {
	if n := r.memory.Submissions.Len() - plan.Submitted; n > 0 {
		r.log.Info(fmt.Sprintf("%s of an earlier run are of questions that this list does not ask; their answers are polled for, too", words.Count(n, "submission")))
	}
	if to := r.o.Async.PostsTo(); r.o.Async.On && to != "" {
		r.log.Info("the service is told to post every answer, personal data, to " + to)
	}
}

// newAsync makes calls by submitting and polling, and goes on with what is
// submitted.
func (r *run) newAsync(brake *pipeline.Brake) *pipeline.Async {
	o := r.o.Async
	return pipeline.NewAsync(pipeline.AsyncConfig{
		Submit: func(ctx context.Context, req octave.Request) (octave.Submission, error) {
			return r.client.Submit(ctx, req, o.Callback)
		},
		Poll: r.client.Poll, Every: time.Duration(o.Poll), MaxWait: time.Duration(o.MaxWait),
	}, r.journal, r.memory.Submissions, brake)
}

// call is the innermost agent, and how its calls are recorded.
func (r *run) call(async *pipeline.Async) (pipeline.Agent, func(pipeline.Agent, pipeline.Journal, pipeline.Observer) pipeline.Agent) {
	if r.o.Async.On {
		return async.Call, pipeline.RecordSubmissions
	}
	return pipeline.Call(r.client.Run), pipeline.Record
}

// callbackHint says what to do when the service refuses the address of the answers.
func (r *run) callbackHint(reason error) string {
	var alike *pipeline.RefusedAlikeError
	if !r.o.Async.On || !errors.As(reason, &alike) || !strings.Contains(strings.ToLower(alike.Error()), "callback") {
		return ""
	}
	return "the service checks where it would post the answers to: name an address of yours with --callback-url https://..."
}

// mayCheckAsync refuses to pay without being told to.
func mayCheckAsync(o *options.Options) error {
	if err := o.CheckAsync(); err != nil || !o.Async.On {
		return err
	}
	if o.Budget.Limit != 1 {
		return &exit.Error{Code: exit.Usage, Err: errors.New("check --async submits one contact, a made-up one: that costs a call"), Hint: "if that is all right: add --limit 1"}
	}
	return nil
}
