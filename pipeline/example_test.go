package pipeline_test

import (
	"context"
	"fmt"
	"time"

	"octave-enrich/octave"
	"octave-enrich/octave/sandbox"
	"octave-enrich/pipeline"
	"octave-enrich/reader"
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
