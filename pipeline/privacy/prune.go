package privacy

import (
	"time"

	"octave-enrich/checkpoint"
	"octave-enrich/pipeline/review"
)

// Pruned says what was dropped. Sizes are in bytes.
type Pruned struct {
	checkpoint.RewriteStats
	Decisions int // records of the review that were dropped
}

// ReadPruning reads which records of a checkpoint are older than a time; nothing
// is written yet.
func ReadPruning(path string, before time.Time) (*Pruning, error) {
	p := &Pruning{path: path, before: before, last: map[checkpoint.Key]checkpoint.Record{},
		split: map[checkpoint.Key]time.Time{}, kept: map[checkpoint.Key]bool{}}
	for entry, err := range checkpoint.Records(path, nil) {
		if err != nil {
			return nil, err
		}
		p.look(entry.Record)
	}
	return p, nil
}

// Prune writes the checkpoint and the decisions of its review anew. The error is a
// [FileError].
func (p *Pruning) Prune() (done Pruned, err error) {
	// The decisions first, or not at all: a review may be going on.
	decisions, err := rewrite(review.Path(p.path), p.keepDecision)
	if err != nil {
		return done, err
	}
	done.Decisions = decisions.Dropped
	done.RewriteStats, err = rewrite(p.path, p.keep)
	return done, err
}

// A Pruning drops attempts whole: what was asked before the cut and answered
// after it stays, or the books would no longer balance.
type Pruning struct {
	path   string
	before time.Time
	last   map[checkpoint.Key]checkpoint.Record // without bodies
	split  map[checkpoint.Key]time.Time         // when a call began that ended behind the cut
	kept   map[checkpoint.Key]bool              // questions of which something stays
}

func (p *Pruning) old(rec checkpoint.Record) bool { return rec.At.Before(p.before) }

// look takes the records in order. Attempts at one question do not overlap.
func (p *Pruning) look(rec checkpoint.Record) {
	if rec.Key == (checkpoint.Key{}) {
		return
	}
	if last := p.last[rec.Key]; last.Type == checkpoint.Asked && p.old(last) && rec.Type != checkpoint.Asked && !p.old(rec) {
		p.split[rec.Key] = last.At
	}
	if !p.old(rec) {
		p.kept[rec.Key] = true
	}
	p.last[rec.Key] = checkpoint.Record{Type: rec.Type, At: rec.At}
}

func (p *Pruning) keep(rec checkpoint.Record) (checkpoint.Record, bool) {
	if rec.Key == (checkpoint.Key{}) {
		return rec, true
	}
	began, ok := p.split[rec.Key]
	return rec, !p.old(rec) || ok && rec.Type == checkpoint.Asked && rec.At.Equal(began)
}

func (p *Pruning) keepDecision(rec checkpoint.Record) (checkpoint.Record, bool) {
	return rec, rec.Key == (checkpoint.Key{}) || p.kept[rec.Key]
}
