package checkpoints

import (
	"time"

	"octave-enrich/checkpoint"
	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/paths"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/pipeline"
)

// UsualLatency of a call, when no answer in the checkpoint says better.
const UsualLatency = 30 * time.Second

// Past is what a checkpoint tells about the cost of calls.
type Past struct {
	Ledger pipeline.Ledger
}

// Latency is how long a call took on the average, or usually takes.
func (p Past) Latency() time.Duration {
	if n := p.Ledger.Attempts.Answered; n > 0 {
		return time.Duration(p.Ledger.LatencyMS/int64(n)) * time.Millisecond
	}
	return UsualLatency
}

// Unanswered says what was asked before and has no answer, "" for nothing.
func Unanswered(l *pipeline.Ledger) string {
	if n := l.Questions().Open; n > 0 {
		return "asked before and not answered: " + words.Count(n, "question") + "; asking again may be billed twice"
	}
	return ""
}

// OpenPast reads the checkpoint if there is one.
func OpenPast(path string) (p Past, journal *checkpoint.Journal, err error) {
	if err := checkpoint.Chosen(path, nil); err != nil { // whether or not it is there
		return p, nil, exit.CheckpointError(path, err)
	}
	if !paths.Exists(path) {
		return p, nil, nil
	}
	if journal, err = checkpoint.Open(path, checkpoint.Options{ReadOnly: true}); err != nil {
		return p, nil, exit.CheckpointError(path, err)
	}
	if p.Ledger, err = ReadLedger(path); err != nil {
		journal.Close()
		return p, nil, err
	}
	return p, journal, nil
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
