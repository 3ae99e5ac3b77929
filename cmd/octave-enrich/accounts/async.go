package accounts

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/octave"
)

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

// CheckVariants submits one contact and finds out which variants of the
// documentation the service speaks.
func CheckVariants(stderr io.Writer, o *options.Options, client *octave.Client) (*AsyncCheck, error) {
	fmt.Fprintf(stderr, "%s: submitting one made-up contact, which costs a call\n", words.Tool)
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(o.Async.MaxWait))
	defer cancel()
	began := time.Now()
	submission, err := client.Submit(ctx, madeUp(o), o.Async.Callback)
	if ctx.Err() != nil {
		return nil, &exit.Error{Code: exit.Service, Err: fmt.Errorf("no answer within %v (--max-wait), which was over before its id came", o.Async.MaxWait.String())}
	}
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
		if call, ok := errors.AsType[*octave.Error](err); ok && call.Action == octave.All {
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
