package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"octave-enrich/checkpoint"
	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/pipeline/review"
)

const pruneHelp = `Drop what is older than an age from a checkpoint by writing it anew: answers,
failures and attempts, with the decisions of a review that have no answer any more.

A contact whose answer was dropped is asked, and paid for, again when it comes up
in a later run. Runs and outputs stay recorded, so that outputs are still known as
ours.`

func newPrune(a *app) *cobra.Command {
	var age days
	cmd := &cobra.Command{
		Use:     "prune CHECKPOINT --older-than D",
		Short:   "Drop old answers from a checkpoint",
		Long:    pruneHelp,
		Example: "  octave-enrich prune people.enriched.csv.checkpoint --older-than 180d",
		Args:    args(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, list []string) error {
			if age == 0 {
				return exit.UsageError("how old? name an age with --older-than, such as 180d")
			}
			return found(list, func(path string) error { return a.prune(path, time.Now().Add(-time.Duration(age))) })
		},
	}
	cmd.Flags().Var(&age, "older-than", "age from which on an answer is dropped, such as 180d")
	return cmd
}

func (a *app) prune(path string, before time.Time) error {
	watch := a.watch()
	defer watch.unlisten()
	files := &paths{}
	files.answers(path)
	if err := files.check(); err != nil {
		return err
	}
	p := pruning{before: before, last: map[checkpoint.Key]checkpoint.Record{}, split: map[checkpoint.Key]time.Time{}, kept: map[checkpoint.Key]bool{}}
	for entry, err := range checkpoint.Records(path, nil) {
		if err != nil {
			return exit.CheckpointError(path, err)
		}
		p.look(entry.Record)
	}
	watch.begin(finishing)
	// The decisions first, or not at all: a review may be going on.
	decisions, err := rewrite(review.Path(path), p.keepDecision)
	if err != nil {
		return err
	}
	stats, err := rewrite(path, p.keep)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "dropped %s, kept %s; %s bytes, were %s\n", words.Count(stats.Dropped, "record"), words.Count(stats.Kept, "record"),
		words.Thousands(int(stats.After)), words.Thousands(int(stats.Before)))
	if decisions.Dropped > 0 {
		fmt.Fprintf(a.stdout, "dropped %s of the review\n", words.Count(decisions.Dropped, "record"))
	}
	return nil
}

// A pruning drops attempts whole: what was asked before the cut and answered
// after it stays, or the books would no longer balance.
type pruning struct {
	before time.Time
	last   map[checkpoint.Key]checkpoint.Record // without bodies
	split  map[checkpoint.Key]time.Time         // when a call began that ended behind the cut
	kept   map[checkpoint.Key]bool              // questions of which something stays
}

func (p *pruning) old(rec checkpoint.Record) bool { return rec.At.Before(p.before) }

// look takes the records in order. Attempts at one question do not overlap.
func (p *pruning) look(rec checkpoint.Record) {
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

func (p *pruning) keep(rec checkpoint.Record) (checkpoint.Record, bool) {
	if rec.Key == (checkpoint.Key{}) {
		return rec, true
	}
	began, ok := p.split[rec.Key]
	return rec, !p.old(rec) || ok && rec.Type == checkpoint.Asked && rec.At.Equal(began)
}

func (p *pruning) keepDecision(rec checkpoint.Record) (checkpoint.Record, bool) {
	return rec, rec.Key == (checkpoint.Key{}) || p.kept[rec.Key]
}
