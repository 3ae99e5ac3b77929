package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
	"octave-enrich/octave/sandbox"
	"octave-enrich/pipeline"
	"octave-enrich/reader"
	"octave-enrich/writer"
)

// A retried call: the first attempt is answered with 503, the second one with a
// sequence.
func Example() {
	service := sandbox.New(sandbox.Config{Script: []string{"503"}, Messages: 2})
	client, err := octave.NewClient(octave.Config{BaseURL: "http://127.0.0.1", Key: "any", Transport: sandbox.Transport(service)})
	if err != nil {
		fmt.Println(err)
		return
	}
	brake := pipeline.NewBrake(context.Background())
	pacer := pipeline.NewPacer(pipeline.PacerConfig{Rate: 10, MaxOutage: time.Hour}, brake, nil)
	agent := pipeline.Retry(pipeline.Limit(pipeline.Call(client.Run), pacer), pipeline.RetryPolicy{Retries: 4}, pacer, brake)

	answer, err := agent(context.Background(), pipeline.NewQuestion(octave.Request{Email: "ann@example.com", FirstName: "Ann"}, 1))
	if err != nil {
		fmt.Println(err)
		return
	}
	row := pipeline.RowOf(reader.Contact{Row: 1, Cells: []string{"ann@example.com"}}, answer, nil)
	fmt.Println(row.Status, len(row.Emails), "messages,", service.Ledger().Asked, "calls")
	// Output: ok 2 messages, 2 calls
}

// A run that its budget stops, and the same run once more: the second one asks what the
// first did not, and writes what the first would have written.
func ExampleRun() {
	dir := must(os.MkdirTemp("", "example"))
	defer os.RemoveAll(dir)
	service := sandbox.New(sandbox.Config{})
	client := must(octave.NewClient(octave.Config{BaseURL: "http://127.0.0.1", Key: "any", Transport: sandbox.Transport(service)}))
	for _, calls := range []int{1, 10} {
		journal := must(checkpoint.Open(filepath.Join(dir, "people.checkpoint"), checkpoint.Options{Header: checkpoint.Header{Service: "sandbox"}}))
		out := must(writer.Create(filepath.Join(dir, "people.csv"), writer.Options{Columns: []string{"email"}}))
		brake := pipeline.NewBrake(context.Background())
		memory := &pipeline.Memory{Journal: journal}
		agent := pipeline.Budget(pipeline.Call(client.Run), pipeline.Budgets{MaxCalls: calls, HasCalls: true}, brake)
		tally := &pipeline.Tally{}
		cfg := pipeline.Config{Selection: pipeline.Selection{Ask: request, Memory: memory}, Brake: brake}
		err := pipeline.Run(context.Background(), cfg, contacts, pipeline.Memo(agent, memory, tally.Observe), out, tally.Observe)
		must(out.Finish())
		if err := errors.Join(err, out.Publish(), journal.Close()); err != nil {
			log.Fatal(err)
		}
		rows := tally.Summary().Rows
		fmt.Println(rows.OK, "answered,", rows.NotAttempted, "not attempted,", service.Ledger().Asked, "calls so far")
	}
	// Output:
	// 1 answered, 1 not attempted, 1 calls so far
	// 2 answered, 0 not attempted, 2 calls so far
}

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}

// contacts are who is asked about.
func contacts(yield func(reader.Contact, error) bool) {
	for i, email := range []string{"ann@example.com", "bob@example.com"} {
		if !yield(reader.Contact{Row: i + 1, Cells: []string{email}, Person: reader.Person{Email: email}}, nil) {
			return
		}
	}
}

// request is what is asked about one of them.
func request(c reader.Contact) (octave.Request, error) {
	return octave.Request{Email: c.Person.Email}, nil
}
