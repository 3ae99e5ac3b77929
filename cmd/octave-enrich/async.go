package main

// What belongs to --async: the flags of runs, of check and of the sandbox, and what
// check --async finds out.

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/octave"
	"octave-enrich/octave/sandbox"
	"octave-enrich/pipeline"
)

// resume finds what an earlier run submitted: its answers are polled for, whether
// or not this run submits.
func (j *job) resume() (err error) {
	if j.memory.Submissions, err = pipeline.OpenSubmissions(j.journal.Waiting()); err != nil {
		return exit.CheckpointError(j.places.Checkpoint, err)
	}
	if n := j.memory.Submissions.Len(); n > 0 && j.fleet != nil {
		return &exit.Error{Code: exit.Usage, Err: fmt.Errorf("%s of an earlier run wait for their answers, which are paid for, and a fleet does not poll for them", words.Count(n, "submission")),
			Hint: "run once without --fleet: " + words.Tool + " run " + strings.Join(j.names, " ") + " --limit 1"}
	}
	return nil
}

// tellAsync says what is not seen of the list: submissions that no row asks for,
// and where personal data goes.
func (j *job) tellAsync(plan pipeline.Plan) {
	if n := j.memory.Submissions.Len() - plan.Submitted; n > 0 {
		j.log.Info(fmt.Sprintf("%s of an earlier run are of questions that this list does not ask; their answers are polled for, too", words.Count(n, "submission")))
	}
	if to := j.o.Async.PostsTo(); j.o.Async.On && to != "" {
		j.log.Info("the service is told to post every answer, personal data, to " + to)
	}
}

// newAsync makes calls by submitting and polling, and goes on with what is
// submitted.
func (j *job) newAsync(brake *pipeline.Brake) *pipeline.Async {
	o := j.o.Async
	return pipeline.NewAsync(pipeline.AsyncConfig{
		Submit: func(ctx context.Context, req octave.Request) (octave.Submission, error) {
			return j.client.Submit(ctx, req, o.Callback)
		},
		Poll: j.client.Poll, Every: time.Duration(o.Poll), MaxWait: time.Duration(o.MaxWait),
	}, j.journal, j.memory.Submissions, brake)
}

// call is the innermost agent, and how its calls are recorded.
func (j *job) call(async *pipeline.Async) (pipeline.Agent, func(pipeline.Agent, pipeline.Journal, pipeline.Observer) pipeline.Agent) {
	if j.o.Async.On {
		return async.Call, pipeline.RecordSubmissions
	}
	return pipeline.Call(j.client.Run), pipeline.Record
}

// callbackHint says what to do when the service refuses the address of the answers.
func (j *job) callbackHint(reason error) string {
	var alike *pipeline.RefusedAlikeError
	if !j.o.Async.On || !errors.As(reason, &alike) || !strings.Contains(strings.ToLower(alike.Error()), "callback") {
		return ""
	}
	return "the service checks where it would post the answers to: name an address of yours with --callback-url https://..."
}

// printSubmitted says what a checkpoint knows of submissions.
func (s Status) printSubmitted(row func(string, any)) {
	if n := s.Questions.Submitted; n > 0 {
		row("submitted, waiting", words.Thousands(n))
	}
	for _, lost := range s.Lost {
		name := "question " + lost.Key.String()
		if lost.Row > 0 {
			name = fmt.Sprintf("row %d, %s", lost.Row, name)
		}
		row("submitted, id never came", name+", "+lost.At.Local().Format(time.DateTime))
	}
}

// sandboxAsyncFlags are the knobs of asynchronous work.
func sandboxAsyncFlags(fs *pflag.FlagSet, cfg *sandbox.Async, pollFaults *string) {
	fs.StringVar(&cfg.ID, "async-id", octave.RequestIDName, "what the id of asynchronous work is called: "+octave.RequestIDName+" or "+octave.AgentRunIDName)
	fs.StringVar(&cfg.Done, "async-done", "completed", "the `WORD` for asynchronous work that is done; none for answers without a state")
	fs.StringVar(&cfg.Result, "async-result", "envelope", "the `SHAPE` of its result: "+strings.Join(sandbox.Results(), ", "))
	fs.DurationVar(&cfg.Forget, "async-forget", 0, "how long its id is known; 0 for ever")
	fs.BoolVar(&cfg.StrictCallback, "strict-callback", false, "refuse a callbackUrl that cannot be reached, such as one under .invalid")
	fs.StringVar(pollFaults, "poll-faults", "", "share of polls by kind, as for --faults")
}

// AsyncCheck is what check --async found out about the service.
type AsyncCheck struct {
	IDName     string         `json:"id_name"`     // of the field with the id, in the answer to a submission
	QueryNames []string       `json:"query_names"` // under which a poll is answered
	States     []string       `json:"states"`      // as they came, "" for none
	Result     string         `json:"result"`      // its shape: envelope, data or string
	Found      bool           `json:"found"`
	Usage      octave.Decimal `json:"usage,omitempty"`
	Seconds    float64        `json:"seconds"` // from submission to answer
}

// madeUp is whom check --async asks about.
func madeUp(o *options.Options) octave.Request {
	return octave.Request{Email: "ada.lovelace@example.com", FirstName: "Ada", LastName: "Lovelace", JobTitle: "Head of Sales",
		CompanyName: "Example", CompanyDomain: "example.com", AgentOID: o.Question.Agent}
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

// checkVariants submits one contact and finds out which variants of the
// documentation the service speaks.
func (a *app) checkVariants(o *options.Options, client *octave.Client) (*AsyncCheck, error) {
	fmt.Fprintf(a.stderr, "%s: submitting one made-up contact, which costs a call\n", words.Tool)
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(o.Async.MaxWait))
	defer cancel()
	began := time.Now()
	submission, err := client.Submit(ctx, madeUp(o), o.Async.Callback)
	if err != nil {
		return nil, err
	}
	check := &AsyncCheck{IDName: submission.Name, QueryNames: []string{}, States: []string{}}
	for {
		select {
		case <-time.After(time.Duration(o.Async.Poll)):
		case <-ctx.Done():
			return nil, &exit.Error{Code: exit.Service, Err: fmt.Errorf("no answer within %v (--max-wait); its id is %s", o.Async.MaxWait.String(), submission.ID)}
		}
		progress, err := client.Poll(ctx, submission, func(context.Context) error { return nil })
		var call *octave.Error
		if errors.As(err, &call) && call.Action == octave.All {
			return nil, err
		}
		if n := len(check.States); err == nil && (n == 0 || check.States[n-1] != progress.State) {
			check.States = append(check.States, progress.State)
		}
		if progress.Failed != nil {
			return nil, progress.Failed
		}
		if answer := progress.Answer; answer != nil {
			check.Result, check.Found, check.Usage, check.Seconds = progress.Shape, answer.Found, answer.Usage, time.Since(began).Seconds()
			check.QueryNames = queryNames(ctx, client, submission)
			return check, nil
		}
	}
}

// queryNames are the names under which a poll is answered.
func queryNames(ctx context.Context, client *octave.Client, s octave.Submission) (names []string) {
	for _, name := range []string{octave.RequestIDName, octave.AgentRunIDName} {
		if _, err := client.PollAs(ctx, s.ID, name); err == nil {
			names = append(names, name)
		}
	}
	return names
}

func (c *AsyncCheck) print(row func(string, any)) {
	if c == nil {
		return
	}
	states := slices.Clone(c.States)
	if i := slices.Index(states, ""); i >= 0 {
		states[i] = "none"
	}
	row("asynchronous id", c.IDName)
	row("polled as", strings.Join(c.QueryNames, ", "))
	row("states", strings.Join(states, ", "))
	row("result", c.Result)
	row("usage", c.Usage)
	row("took", time.Duration(c.Seconds*float64(time.Second)).Round(time.Second))
}
