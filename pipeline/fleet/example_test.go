package fleet_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
	"octave-enrich/octave/sandbox"
	"octave-enrich/pipeline"
	"octave-enrich/pipeline/fleet"
	"octave-enrich/reader"
	"octave-enrich/writer"
)

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}

// A run and a worker that makes its calls, here in one process. The run is as ever, Memo
// around an agent: its checkpoint stays the truth, and the fleet is that agent.
// OCTAVE_FLEET is a database of PostgreSQL.
func Example() {
	ctx := context.Background()
	db := must(fleet.Open(ctx, os.Getenv("OCTAVE_FLEET"), 8, fleet.Events{}))
	defer db.Close()
	must(db.Init(ctx)) // does nothing when it was done before

	// The worker: on any number of hosts, with the service's key.
	client := must(octave.NewClient(octave.Config{BaseURL: "http://127.0.0.1", Key: "any", Transport: sandbox.Transport(sandbox.New(sandbox.Config{}))}))
	drain := pipeline.NewBrake(ctx)
	worker := must(fleet.NewWorker(ctx, db, fleet.WorkerConfig{
		Run: pipeline.Call(client.Run), Service: "sandbox", Account: fleet.Account("sandbox", "any"),
		Slots: 4, Timeout: time.Minute, RescueAfter: 2 * time.Minute,
	}, drain))

	// The run: with the list, the checkpoint and the output.
	dir := must(os.MkdirTemp("", "example"))
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "people.checkpoint")
	journal := must(checkpoint.Open(path, checkpoint.Options{Header: checkpoint.Header{Service: "sandbox"}}))
	defer journal.Close()
	out := must(writer.Create("-", writer.Options{Columns: []string{"email"}, Format: "jsonl", Stdout: os.Stdout}))
	brake := pipeline.NewBrake(ctx)
	coordinator := must(fleet.NewCoordinator(ctx, db, fleet.CoordinatorConfig{
		Run: pipeline.NewRunID(), Checkpoint: path, Service: "sandbox", Total: 2,
		Policy: pipeline.RetryPolicy{Retries: 4}, Timeout: time.Minute, Patience: time.Minute,
		Journal: journal, Observer: func(pipeline.Event) {}, Hosts: func(int, error) {},
	}, brake))

	serving, stop := context.WithCancel(ctx)
	var side errgroup.Group
	side.Go(func() error { return worker.Run(ctx) })
	side.Go(func() error { return coordinator.Serve(serving) })
	memory := &pipeline.Memory{Journal: journal}
	cfg := pipeline.Config{Selection: pipeline.Selection{Ask: request, Memory: memory}, Workers: fleet.Waiting, Brake: brake}
	err := pipeline.Run(ctx, cfg, people, pipeline.Memo(coordinator.Ask, memory, nil), out, nil)
	stop()
	drain.Pull(pipeline.ErrStopped) // the worker ends when its calls have
	if err := errors.Join(err, side.Wait(), coordinator.Close(ctx, err == nil)); err != nil {
		log.Fatal(err)
	}
	must(out.Finish())
	if err := out.Publish(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(journal.Len(), "answers are in the checkpoint")
}

// people are the list.
func people(yield func(reader.Contact, error) bool) {
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
