// Package checkpoints is a checkpoint as the commands see it: opened for a run or
// for a look, written to, and added up.
package checkpoints

import (
	"errors"
	"fmt"
	"os"
	"time"

	"octave-enrich/checkpoint"
	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/pipeline"
)

// OpenForRun opens the checkpoint for a run, waiting for another one as long as
// was asked; waiting says so. When no call may start any more, stop hears why.
func OpenForRun(o *options.Options, path, tool, service string, waiting func(), stop func(error)) (*checkpoint.Journal, error) {
	opt := checkpoint.Options{Header: checkpoint.Header{Tool: tool, Service: service}, OnStop: stop}
	deadline := time.Now().Add(time.Duration(o.Teller.WaitLock))
	for {
		journal, err := checkpoint.Open(path, opt)
		if errors.Is(err, checkpoint.ErrLocked) && time.Now().Before(deadline) {
			waiting()
			waiting = func() {} // once is enough
			time.Sleep(200 * time.Millisecond)
			continue
		}
		if err != nil {
			return nil, exit.CheckpointError(path, err)
		}
		if answered := journal.Header().Service; answered != service {
			_ = journal.Close() // nothing was written
			return nil, &exit.Error{Code: exit.Usage,
				Err:  fmt.Errorf("%s holds answers of %s; they are not mixed with those of %s", path, answered, service),
				Hint: "start another one with --checkpoint FILE (and -o), or move this one away"}
		}
		return journal, nil
	}
}

// Append makes a record about the whole run durable.
func Append(journal *checkpoint.Journal, path, kind string, body any) error {
	return exit.CheckpointError(path, pipeline.Append(journal, kind, body))
}

// Memory is the checkpoint as what need not be asked.
func Memory(o *options.Options, journal *checkpoint.Journal, skip map[string]bool) *pipeline.Memory {
	return &pipeline.Memory{Journal: journal, MaxAge: time.Duration(o.Budget.MaxAge), KeepFailures: skip[options.SkipFailed], ExcludeFailures: skip[options.SkipFailed],
		Redo: pipeline.ReadMarks(journal.RunRecords())}
}

// Known is the checkpoint as what earlier questions are looked for in.
func Known(journal *checkpoint.Journal, path string) *pipeline.Known {
	return &pipeline.Known{Records: checkpoint.Records(path, nil), Answers: journal.Len()}
}

// Free says whether nobody holds the checkpoint.
func Free(path string) error {
	journal, err := checkpoint.Open(path, checkpoint.Options{})
	if err != nil {
		return HoldError(path, err)
	}
	return journal.Close()
}

// HoldError tells a checkpoint that somebody holds from one that is damaged.
func HoldError(path string, err error) error {
	if errors.Is(err, checkpoint.ErrLocked) {
		return &exit.Error{Code: exit.Locked, Err: fmt.Errorf("%s is in use", path), Hint: "wait for the run or the review to end, and do this again"}
	}
	return exit.CheckpointError(path, err)
}

// OpenForExport opens a checkpoint beside a run that may be going on, and takes
// from it what the flags do not say.
func OpenForExport(o *options.Options, path string) (*checkpoint.Journal, error) {
	if err := checkpoint.Chosen(path, nil); err != nil { // whether or not it is there
		return nil, exit.CheckpointError(path, err)
	}
	if _, err := os.Stat(path); err != nil {
		end := exit.NoFile(path, err)
		end.Hint = "name the checkpoint of the run with --checkpoint FILE"
		return nil, end
	}
	// Who is in the file has to be noted, or the next one holds them again.
	journal, err := checkpoint.Open(path, checkpoint.Options{ReadOnly: !o.Output.New})
	if errors.Is(err, checkpoint.ErrLocked) {
		return nil, &exit.Error{Code: exit.Locked, Err: fmt.Errorf("another run holds %s, where --new notes who is in the file", path),
			Hint: "wait for it to end, or export without --new"}
	}
	if err != nil {
		return nil, exit.CheckpointError(path, err)
	}
	if last, ok := pipeline.LastRun(journal.RunRecords()); ok {
		o.Take(last)
	}
	o.List.TakeExclude(pipeline.LastExclude(journal.RunRecords()))
	return journal, nil
}
