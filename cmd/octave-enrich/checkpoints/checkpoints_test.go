package checkpoints

import (
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	"octave-enrich/checkpoint"
	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/pipeline"
)

func code(err error) int {
	if e := exit.As(err); e != nil {
		return e.Code
	}
	return exit.OK
}

// Answers of one service are not mixed with those of another, and nobody writes while
// somebody else does.
func TestOpenForRun(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c")
	o := &options.Options{}
	journal, err := OpenForRun(o, path, "test", "sandbox", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenForRun(o, path, "test", "sandbox", nil, nil); code(err) != exit.Locked {
		t.Errorf("a second run: %v", err)
	}
	if err := Free(path); code(err) != exit.Locked {
		t.Errorf("Free: %v", err)
	}
	waited := 0
	o.Teller.WaitLock = options.Days(time.Hour)
	next, err := OpenForRun(o, path, "test", "sandbox", func() { waited++; err = journal.Close() }, nil)
	if err != nil || waited != 1 {
		t.Fatalf("one that waits until the first has ended: %v, said %d times", err, waited)
	}
	if err := next.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenForRun(o, path, "test", "app.octavehq.com", nil, nil); code(err) != exit.Usage {
		t.Errorf("a run of another service: %v", err)
	}
	if err := Free(path); err != nil {
		t.Errorf("it is not free after the end: %v", err)
	}
}

// A checkpoint tells how long calls take; one without answers, or none, does not.
func TestPast(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c")
	if past, journal, err := OpenPast(path); err != nil || journal != nil || Latency(&past) != UsualLatency {
		t.Errorf("none: %v, %v", Latency(&past), err)
	}
	past := pipeline.Ledger{LatencyMS: 9000}
	past.Attempts.Answered = 3
	if Latency(&past) != 3*time.Second {
		t.Errorf("latency %v", Latency(&past))
	}
}

// Export takes its settings from the last run, unless some are given.
func TestOpenForExport(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c")
	if _, err := OpenForExport(&options.Options{}, path); code(err) != exit.Input {
		t.Errorf("no checkpoint: %v", err)
	}
	journal, err := checkpoint.Open(path, checkpoint.Options{})
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(pipeline.RunBody{Settings: pipeline.Settings{Agent: "ca_1"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := journal.Append(checkpoint.Record{Type: checkpoint.Run, Body: body}); err != nil {
		t.Fatal(err)
	}
	o := &options.Options{}
	beside, err := OpenForExport(o, path) // beside the one that writes
	if err != nil || o.Question.Agent != "ca_1" {
		t.Fatalf("agent %q, %v", o.Question.Agent, err)
	}
	_ = beside.Close()
	o.Output.New = true
	if _, err := OpenForExport(o, path); code(err) != exit.Locked {
		t.Errorf("--new beside a run: %v", err)
	}
	_ = journal.Close()
}
