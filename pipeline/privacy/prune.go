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
		split: map[checkpoint.Key]time.Time{}, kept: map[checkpoint.Key]bool{}, waiting: map[checkpoint.Key]bool{}}
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
// after it stays, or the books would no longer balance; so does what was submitted
// and waits for its answer, which is paid for.
type Pruning struct {
	path    string
	before  time.Time
	last    map[checkpoint.Key]checkpoint.Record // without bodies
	split   map[checkpoint.Key]time.Time         // when a call began that ended behind the cut, or waits for its answer
	waiting map[checkpoint.Key]bool              // submitted, without an end so far
	kept    map[checkpoint.Key]bool              // questions of which something stays
}

func (p *Pruning) old(rec checkpoint.Record) bool { return rec.At.Before(p.before) }

// look takes the records in order. Attempts at one question do not overlap.
func (p *Pruning) look(rec checkpoint.Record) {
	if rec.Key == (checkpoint.Key{}) {
		return
	}
	if !p.old(rec) {
		p.kept[rec.Key] = true
	}
	last, waiting := p.last[rec.Key], p.waiting[rec.Key]
	switch {
	case rec.Type == checkpoint.Submitted:
		p.waiting[rec.Key] = true
		if p.old(last) {
			p.split[rec.Key] = last.At
		}
		return
	case waiting && rec.Type == checkpoint.Failed:
		return // the row was given up, not the call
	case waiting && p.old(rec):
		delete(p.split, rec.Key)
	case !waiting && last.Type == checkpoint.Asked && p.old(last) && rec.Type != checkpoint.Asked && !p.old(rec):
		p.split[rec.Key] = last.At
	}
	delete(p.waiting, rec.Key)
	p.last[rec.Key] = checkpoint.Record{Type: rec.Type, At: rec.At}
}

func (p *Pruning) keep(rec checkpoint.Record) (checkpoint.Record, bool) {
	if rec.Key == (checkpoint.Key{}) {
		return rec, true
	}
	began, ok := p.split[rec.Key]
	call := rec.Type == checkpoint.Asked && rec.At.Equal(began) || rec.Type == checkpoint.Submitted && !rec.At.Before(began)
	return rec, !p.old(rec) || ok && call
}

func (p *Pruning) keepDecision(rec checkpoint.Record) (checkpoint.Record, bool) {
	return rec, rec.Key == (checkpoint.Key{}) || p.kept[rec.Key] || p.waiting[rec.Key]
}
