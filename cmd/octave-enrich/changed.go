package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"octave-enrich/checkpoint"
	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/pipeline"
)

// fewChanged is how many of them a run asks again without being told to.
const fewChanged = 10

// memory is the checkpoint as what need not be asked.
func memory(o *options.Options, journal *checkpoint.Journal, skip map[string]bool) *pipeline.Memory {
	return &pipeline.Memory{Journal: journal, MaxAge: time.Duration(o.Budget.MaxAge), KeepFailures: skip[options.SkipFailed], ExcludeFailures: skip[options.SkipFailed],
		Redo: pipeline.ReadMarks(journal.RunRecords())}
}

// known is the checkpoint as what earlier questions are looked for in.
func known(journal *checkpoint.Journal, path string) *pipeline.Known {
	return &pipeline.Known{Records: checkpoint.Records(path, nil), Answers: journal.Len()}
}

// bill says what the run is about to pay for and why, before the first call, and
// decides what becomes of contacts whose question changed.
func (j *job) bill() error {
	j.memory = memory(j.o, j.journal, j.list.skip)
	if err := j.resume(); err != nil {
		return err
	}
	if err := j.list.meet(j.memory); err != nil {
		return err
	}
	for _, note := range notes(j.o, j.list) {
		j.log.Info(note)
	}
	if j.nothingNew() {
		j.log.Info(fmt.Sprintf("%s: the list and the questions of the last run, which settled every row", inputBody(j.list.input.Profile()).Name))
		return nil
	}
	var err error
	if j.sample, err = sampled(j.o, j.list, j.journal, j.selection()); err != nil {
		return err
	}
	plan, changes, err := pipeline.Survey(j.list.input.Contacts(), j.selection(), known(j.journal, j.places.Checkpoint))
	if err != nil {
		return exit.RunError(j.places.Checkpoint, err)
	}
	j.changes, j.memory.Earlier = changes, changes.Earlier
	how := j.o.Budget.Changed
	if how == "" && changes.Contacts > fewChanged {
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
	j.log.Info(inputBody(j.list.input.Profile()).Name + ": " + billOf(plan, changes, j.memory.KeepChanged, j.o.Budget.Beyond()))
	j.tellAsync(plan)
	if note := tellSample(j.o, plan); note != "" {
		j.log.Info(note)
	}
	for _, line := range whatChanged(changes, last, j.list) {
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
	return settled && last.Version == version && slices.Equal(last.Skip, j.o.List.Skip) && last.Input.SHA256 == j.list.input.Profile().SHA256 &&
		last.Settings.Fingerprint() == j.list.settings.Fingerprint() && slices.Equal(last.Mapping, mapping(j.list.input.Profile()))
}

// billOf is the list in numbers: what is new, known, changed.
func billOf(plan pipeline.Plan, changes pipeline.Changes, keep bool, beyond string) string {
	changed := changes.Contacts
	parts := []string{fmt.Sprintf("%s to ask", words.Thousands(plan.ToAsk))}
	if keep {
		parts[0] = fmt.Sprintf("%s to ask", words.Thousands(plan.ToAsk-changed))
	}
	for _, part := range []struct {
		n    int
		what string
	}{
		{changed, "changed"}, {plan.Submitted, "submitted and waiting"}, {plan.Answered, "known"}, {plan.Duplicates, "duplicate"}, {plan.LeftAlone, "failed and left alone"},
		{plan.BeyondLimit, "beyond " + beyond}, {plan.Excluded, "excluded"}, {unusable(plan), "unusable"},
	} {
		if part.n > 0 {
			parts = append(parts, words.Thousands(part.n)+" "+part.what)
		}
	}
	text := words.Count(plan.Rows, "row") + ": " + strings.Join(parts, ", ")
	switch {
	case changed == 0:
	case keep:
		text += "; the changed ones keep their old answers"
	default:
		text += " (the changed ones are among those to ask)"
	}
	return text
}

func unusable(plan pipeline.Plan) (n int) {
	for _, rows := range plan.Invalid {
		n += rows
	}
	return n
}

// mostChanges are told in full.
const mostChanges = 3

// whatChanged says in a few lines what is different about the changed contacts.
func whatChanged(changes pipeline.Changes, last pipeline.RunBody, list *list) (lines []string) {
	now := mapping(list.input.Profile())
	for i, change := range changes.Because {
		if i == mostChanges {
			lines = append(lines, fmt.Sprintf("and %d other combinations", len(changes.Because)-i))
			break
		}
		var parts []string
		for _, field := range change.Fields {
			parts = append(parts, fieldChange(field, change, now, last.Mapping))
		}
		slices.Sort(parts)
		lines = append(lines, fmt.Sprintf("%s of %s: %s", words.Thousands(change.Contacts), words.Thousands(changes.Contacts), strings.Join(slices.Compact(parts), "; ")))
	}
	return lines
}

// fieldChange names what changed; values of contacts are personal data and are
// not shown.
func fieldChange(field string, change pipeline.Change, now, before []pipeline.Mapped) string {
	group, _, _ := strings.Cut(field, ".")
	switch group {
	case "agentOId":
		return "agent " + cmp.Or(change.Before[field], "none") + " -> " + cmp.Or(change.After[field], "none")
	case "experimentOId":
		return "experiment " + cmp.Or(change.Before[field], "none") + " -> " + cmp.Or(change.After[field], "none")
	case "runtimeInstructions":
		return "instructions"
	case "runtimeContext":
		return "context"
	}
	is, was := columnOf(field, now), columnOf(field, before)
	switch {
	case change.Before[field] == "":
		return fmt.Sprintf("%s, from column %s; the last run had none", field, is)
	case change.After[field] == "":
		return fmt.Sprintf("%s, which is missing now", field)
	case is == was || was == "":
		return fmt.Sprintf("%s, other values in column %s", field, is)
	}
	return fmt.Sprintf("%s, from column %s; the last run had %s", field, is, was)
}

func columnOf(field string, mapped []pipeline.Mapped) string {
	var columns []string
	for _, m := range mapped {
		named := m.Field == field || m.Field == "fullName" && (field == "firstName" || field == "lastName")
		if named && !slices.Contains(columns, m.Column) {
			columns = append(columns, m.Column)
		}
	}
	return strings.Join(columns, ", ")
}

// decide is the end of a run that kept old answers because nobody had said what to
// do about them.
func (j *job) decide() *exit.Error {
	if !j.undecided {
		return nil
	}
	why := whatChanged(j.changes, pipeline.RunBody{}, j.list)
	err := fmt.Errorf("%s changed and kept the old answers (%s)", words.Count(j.changes.Contacts, "contact"), strings.Join(why, "; "))
	return &exit.Error{Code: exit.Decide, Err: err, Hint: fmt.Sprintf(
		"to pay for new answers: %[1]s --changed redo\nto keep the old ones: %[1]s --changed keep", j.app.commandLine())}
}

// changedHint says what a run does with so many changed contacts.
func changedHint(contacts int) string {
	if contacts > fewChanged {
		return "a run keeps it, unless --changed redo is given, and ends with 9"
	}
	return "a run asks them again, unless --changed keep is given"
}
