package checkpoints

import (
	"time"

	"octave-enrich/checkpoint"
	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/cmd/octave-enrich/paths"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/pipeline"
)

// UsualLatency of a call, when no answer in the checkpoint says better.
const UsualLatency = 30 * time.Second

// Latency is how long a call took on the average, or usually takes.
func Latency(l *pipeline.Ledger) time.Duration {
	if n := l.Attempts.Answered; n > 0 {
		return time.Duration(l.LatencyMS/int64(n)) * time.Millisecond
	}
	return UsualLatency
}

// Unanswered says what was asked before, may be billed and has no answer, "" for
// nothing. What failed is asked again unless it is skipped.
func Unanswered(l *pipeline.Ledger, skip map[string]bool) string {
	if n := l.InDoubt(skip[options.SkipFailed]); n > 0 {
		return "asked before and not answered: " + words.Count(n, "question") + "; asking again may be billed twice"
	}
	return ""
}

// OpenPast reads the checkpoint if there is one.
func OpenPast(path string) (past pipeline.Ledger, journal *checkpoint.Journal, err error) {
	if err := checkpoint.Chosen(path, nil); err != nil { // whether or not it is there
		return past, nil, exit.CheckpointError(path, err)
	}
	if !paths.Exists(path) {
		return past, nil, nil
	}
	if journal, err = checkpoint.Open(path, checkpoint.Options{ReadOnly: true}); err != nil {
		return past, nil, exit.CheckpointError(path, err)
	}
	if past, err = ReadLedger(path); err != nil {
		_ = journal.Close() // only read
		return past, nil, err
	}
	return past, journal, nil
}

// ReadLedger adds a checkpoint up.
func ReadLedger(path string) (ledger pipeline.Ledger, err error) {
	for entry, err := range checkpoint.Records(path, nil) {
		if err != nil {
			return ledger, exit.CheckpointError(path, err)
		}
		ledger.Add(entry.Record)
	}
	return ledger, nil
}
