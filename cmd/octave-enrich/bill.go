package main

// The bill of a run: what it is about to pay for, and why.

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"octave-enrich/cmd/octave-enrich/checkpoints"
	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/lists"
	"octave-enrich/cmd/octave-enrich/outputs"
	"octave-enrich/cmd/octave-enrich/plans"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/octave"
	"octave-enrich/pipeline"
)

// bill says what the run is about to pay for and why, before the first call, and
// decides what becomes of contacts whose question changed.
func (r *run) bill() error {
	r.memory = checkpoints.Memory(r.o, r.journal, r.list.Skip)
	if err := r.resume(); err != nil {
		return err
	}
	if err := r.list.Meet(r.memory); err != nil {
		return err
	}
	if note := lists.NotExcluded(r.o, r.journal); note != "" {
		r.log.Warn(note)
	}
	for _, note := range lists.Notes(r.o, r.list) {
		r.log.Info(note)
	}
	if r.nothingNew() {
		r.log.Info(fmt.Sprintf("%s: the list and the questions of the last run, which settled every row", lists.InputOf(r.list.Input.Profile()).Name))
		return nil
	}
	var err error
	if r.survey, err = plans.Take(r.o, r.list, r.journal, r.selection(), checkpoints.Known(r.journal, r.places.Checkpoint)); err != nil {
		return exit.RunError(r.places.Checkpoint, err)
	}
	r.sample = r.survey.Sample
	last, _ := pipeline.LastRun(r.journal.RunRecords())
	r.log.Info(lists.InputOf(r.list.Input.Profile()).Name + ": " + r.survey.Bill(r.o.Budget.Beyond()))
	for _, line := range plans.Again(r.survey.Plan) {
		r.log.Info(line)
	}
	if note := r.survey.Unpriced(r.o); note != "" {
		r.log.Warn(note)
	}
	r.tellAsync(r.survey.Plan)
	if note := lists.TellSample(r.o, r.survey.Plan); note != "" {
		r.log.Info(note)
	}
	for _, line := range lists.WhatChanged(r.survey.Changes, last, r.list) {
		r.log.Info("changed: " + line)
	}
	return r.tellLeftOut()
}

// tellLeftOut says who will not be in the file, whatever is paid for them: an earlier one
// held them.
func (r *run) tellLeftOut() error {
	if !r.o.Output.New || r.survey.ToAsk == 0 {
		return nil
	}
	note, err := outputs.TellLeftOut(r.o, r.list, r.journal, r.places, r.app.stdout)
	if note != "" {
		r.log.Info(note)
	}
	return err
}

// nothingNew says whether the last run was about the same list with the same
// settings and left nothing to ask.
func (r *run) nothingNew() bool {
	if r.memory.MaxAge > 0 || len(r.memory.Redo) > 0 || r.memory.Submissions.Len() > 0 {
		return false
	}
	last, settled := pipeline.LastEnd(r.journal.RunRecords())
	if last.Exclude != "" || r.o.List.Exclude != "" {
		return false // who is on the list may have changed
	}
	return settled && last.Version == version && slices.Equal(last.Skip, r.o.List.Skip) && last.Input.SHA256 == r.list.Input.Profile().SHA256 &&
		last.Settings.Fingerprint() == r.list.Settings.Fingerprint() && slices.Equal(last.Mapping, lists.MappingOf(r.list.Input.Profile()))
}

// decide is the end of a run that kept old answers because nobody had said what to
// do about them.
func (r *run) decide() *exit.Error {
	if !r.survey.Undecided {
		return nil
	}
	why := lists.WhatChanged(r.survey.Changes, pipeline.RunBody{}, r.list)
	err := fmt.Errorf("%s changed and kept the old answers (%s)", words.Count(r.survey.Contacts, "contact"), strings.Join(why, "; "))
	return &exit.Error{Code: exit.Decide, Err: err, Hint: fmt.Sprintf(
		"to pay for new answers: %[1]s --changed redo\nto keep the old ones: %[1]s --changed keep", r.app.commandLine())}
}

// comesTo says what a run is about to cost and take, by the agent's own word and a
// guess.
func (r *run) comesTo(cost octave.Decimal) string {
	each, err := pipeline.ParseAmount(string(cost))
	if err != nil || r.survey.ToAsk == 0 {
		return ""
	}
	b := r.budgets
	b.CostToRun = each
	calls, _ := b.Affords(r.survey.ToAsk, b.Expected())
	took := plans.Seconds(calls, r.pace.Rate, r.o.Pace.Concurrency, checkpoints.UsualLatency)
	return fmt.Sprintf("about %s, %s at %s a call", words.Credits(each.Mul(calls).String()),
		words.Span(time.Duration(took*float64(time.Second))), words.Span(checkpoints.UsualLatency))
}
