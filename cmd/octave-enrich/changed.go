package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"octave-enrich/cmd/octave-enrich/checkpoints"
	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/lists"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/cmd/octave-enrich/plans"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/pipeline"
)

// bill says what the run is about to pay for and why, before the first call, and
// decides what becomes of contacts whose question changed.
func (j *job) bill() error {
	j.memory = checkpoints.Memory(j.o, j.journal, j.list.Skip)
	if err := j.resume(); err != nil {
		return err
	}
	if err := j.list.Meet(j.memory); err != nil {
		return err
	}
	for _, note := range lists.Notes(j.o, j.list) {
		j.log.Info(note)
	}
	if j.nothingNew() {
		j.log.Info(fmt.Sprintf("%s: the list and the questions of the last run, which settled every row", lists.InputOf(j.list.Input.Profile()).Name))
		return nil
	}
	var err error
	if j.sample, err = lists.Sampled(j.o, j.list, j.journal, j.selection()); err != nil {
		return err
	}
	plan, changes, err := pipeline.Survey(j.list.Input.Contacts(), j.selection(), checkpoints.Known(j.journal, j.places.Checkpoint))
	if err != nil {
		return exit.RunError(j.places.Checkpoint, err)
	}
	j.changes, j.memory.Earlier = changes, changes.Earlier
	how := j.o.Budget.Changed
	if how == "" && changes.Contacts > plans.FewChanged {
		how, j.undecided = options.ChangedKeep, true
	}
	j.memory.KeepChanged = how == options.ChangedKeep
	if j.toAsk = plan.ToAsk; j.memory.KeepChanged {
		j.toAsk -= changes.Contacts
	}
	if len(changes.Earlier) > 0 {
		j.changed = cmp.Or(how, options.ChangedRedo)
	}
	last, _ := pipeline.LastRun(j.journal.RunRecords())
	j.log.Info(lists.InputOf(j.list.Input.Profile()).Name + ": " + plans.Bill(plan, changes, j.memory.KeepChanged, j.o.Budget.Beyond()))
	j.tellAsync(plan)
	if note := lists.TellSample(j.o, plan); note != "" {
		j.log.Info(note)
	}
	for _, line := range lists.WhatChanged(changes, last, j.list) {
		j.log.Info("changed: " + line)
	}
	return nil
}

// nothingNew says whether the last run was about the same list with the same
// settings and left nothing to ask.
func (j *job) nothingNew() bool {
	if j.memory.MaxAge > 0 || len(j.memory.Redo) > 0 || j.memory.Submissions.Len() > 0 {
		return false
	}
	last, settled := pipeline.LastEnd(j.journal.RunRecords())
	return settled && last.Version == version && slices.Equal(last.Skip, j.o.List.Skip) && last.Input.SHA256 == j.list.Input.Profile().SHA256 &&
		last.Settings.Fingerprint() == j.list.Settings.Fingerprint() && slices.Equal(last.Mapping, lists.MappingOf(j.list.Input.Profile()))
}

// decide is the end of a run that kept old answers because nobody had said what to
// do about them.
func (j *job) decide() *exit.Error {
	if !j.undecided {
		return nil
	}
	why := lists.WhatChanged(j.changes, pipeline.RunBody{}, j.list)
	err := fmt.Errorf("%s changed and kept the old answers (%s)", words.Count(j.changes.Contacts, "contact"), strings.Join(why, "; "))
	return &exit.Error{Code: exit.Decide, Err: err, Hint: fmt.Sprintf(
		"to pay for new answers: %[1]s --changed redo\nto keep the old ones: %[1]s --changed keep", j.app.commandLine())}
}
