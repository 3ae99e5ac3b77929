package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"octave-enrich/checkpoint"
	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/pipeline"
	"octave-enrich/reader"
	"octave-enrich/writer"
)

// openJournal opens the checkpoint for a run, waiting for another one as long as
// was asked; waiting says so. When no call may start any more, stop hears why.
func openJournal(ctx context.Context, o *options.Options, path, service string, waiting func(), stop func(error)) (*checkpoint.Journal, error) {
	opt := checkpoint.Options{Header: checkpoint.Header{Tool: words.Tool + " " + version, Service: service}, OnStop: stop}
	deadline := time.Now().Add(time.Duration(o.Teller.WaitLock))
	for {
		journal, err := checkpoint.Open(path, opt)
		if errors.Is(err, checkpoint.ErrLocked) && time.Now().Before(deadline) {
			waiting()
			waiting = func() {} // once is enough
			select {
			case <-time.After(200 * time.Millisecond):
				continue
			case <-ctx.Done():
				return nil, exit.CheckpointError(path, err)
			}
		}
		if err != nil {
			return nil, exit.CheckpointError(path, err)
		}
		if answered := journal.Header().Service; answered != service {
			journal.Close()
			return nil, &exit.Error{Code: exit.Usage,
				Err:  fmt.Errorf("%s holds answers of %s; they are not mixed with those of %s", path, answered, service),
				Hint: "start another one with --checkpoint FILE (and -o), or move this one away"}
		}
		return journal, nil
	}
}

func inputBody(p *reader.Profile) pipeline.InputBody {
	names := make([]string, len(p.Files))
	for i, file := range p.Files {
		names[i] = file.Name
	}
	return pipeline.InputBody{Name: strings.Join(names, ", "), SHA256: p.SHA256, Rows: p.Rows}
}

// appendRecord makes a record about the whole run durable.
func appendRecord(journal *checkpoint.Journal, path, kind string, body any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	if err := journal.Append(checkpoint.Record{Type: kind, At: time.Now(), Body: raw}); err != nil {
		return exit.CheckpointError(path, err)
	}
	return nil
}

// recordOutput remembers a finished output and the rows held back from it.
func recordOutput(journal *checkpoint.Journal, path string, output writer.Output) error {
	for _, part := range []*writer.Output{&output, output.Held} {
		if part == nil || part.Path == "-" {
			continue
		}
		whole, err := filepath.Abs(part.Path) // erase names it, wherever it is called
		if err != nil {
			whole = part.Path
		}
		body := pipeline.OutputBody{Path: whole, SHA256: part.SHA256, Rows: part.Rows}
		if err := appendRecord(journal, path, checkpoint.Output, body); err != nil {
			return err
		}
	}
	return nil
}
