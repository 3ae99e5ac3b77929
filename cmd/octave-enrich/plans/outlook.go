package plans

import (
	"io"
	"time"

	"octave-enrich/checkpoint"
	"octave-enrich/cmd/octave-enrich/checkpoints"
	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/lists"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/cmd/octave-enrich/paths"
	"octave-enrich/pipeline"
)

// An Outlook is a list beside what is known of it.
type Outlook struct {
	Options *options.Options
	Inputs  []string

	List       *lists.List
	Places     options.Places
	Past       pipeline.Ledger
	Journal    *checkpoint.Journal // nil without a checkpoint
	last       pipeline.RunBody
	earlier    *pipeline.Known
	neighbours *lists.Beside // nil when nothing would be taken over
	Selection  pipeline.Selection
}

// Open reads the list and what is known, and changes nothing.
func (v *Outlook) Open(stdin io.Reader) (err error) {
	o := v.Options
	if v.Places, err = placesOfPlan(o, v.Inputs); err != nil {
		return err
	}
	if v.List, err = lists.Open(o, v.Inputs, stdin); err != nil {
		return err
	}
	if v.Past, v.Journal, err = checkpoints.OpenPast(v.Places.Checkpoint); err != nil {
		return err
	}
	v.Selection = pipeline.Selection{Exclude: v.List.Exclude, Limit: o.Budget.Limit}
	if v.Journal != nil {
		v.last, _ = pipeline.LastRun(v.Journal.RunRecords())
		v.Selection.Memory, v.earlier = checkpoints.Memory(o, v.Journal, v.List.Skip), checkpoints.Known(v.Journal, v.Places.Checkpoint)
		if v.Selection.Memory.Submissions, err = pipeline.OpenSubmissions(v.Journal.Waiting()); err != nil {
			return exit.CheckpointError(v.Places.Checkpoint, err)
		}
	}
	if v.neighbours, err = lists.Neighbours(o, v.List, v.Places.Checkpoint); err != nil {
		return err
	}
	if v.neighbours != nil {
		v.Selection.Memory = v.neighbours.Answers.Memory()
		v.Selection.Memory.MaxAge = time.Duration(o.Budget.MaxAge)
		v.earlier = v.neighbours.Answers.Known()
	}
	if err := v.List.Meet(v.Selection.Memory); err != nil {
		return err
	}
	v.Selection.Ask = v.List.Ask
	return nil
}

// Close closes what was opened.
func (v *Outlook) Close() {
	if v.Journal != nil {
		_ = v.Journal.Close() // only read
	}
	if v.List != nil {
		v.List.Input.Close()
	}
}

// Survey counts what would be asked, and what is to be said of the list.
func (v *Outlook) Survey() (Estimate, error) {
	survey, err := Take(v.Options, v.List, v.Journal, v.Selection, v.earlier)
	if err != nil {
		return Estimate{}, exit.InputError(err)
	}
	e := Estimate{Plan: survey.Plan, beyond: v.Options.Budget.Beyond(), Doubts: lists.Doubts(v.List), Changed: survey.Contacts,
		Changes: append([]string{}, lists.WhatChanged(survey.Changes, v.last, v.List)...), hint: survey.hint(v.Options.Budget.Changed != "")}
	e.Notes = append(lists.OtherNotes(v.List.Input.Profile()), lists.Notes(v.Options, v.List)...)
	e.Notes = append(e.Notes, v.List.Warnings(v.Options, v.Journal)...)
	if note := checkpoints.Unanswered(&v.Past, v.List.Skip); note != "" {
		e.Notes = append(e.Notes, note)
	}
	if note := lists.TellSample(v.Options, survey.Plan); note != "" {
		e.Notes = append(e.Notes, note)
	}
	if v.neighbours != nil {
		e.Notes = append(e.Notes, v.neighbours.Notes()...)
	}
	return e, nil
}

// placesOfPlan are those of the run, which may be none where run would ask for a name.
func placesOfPlan(o *options.Options, inputs []string) (at options.Places, err error) {
	at.Checkpoint = o.Output.Checkpoint
	if o.Output.Path != "" || !options.AreSeveral(inputs) && inputs[0] != "-" {
		if at, err = o.Places(inputs); err != nil {
			return at, err
		}
	}
	return at, paths.Of(o, inputs, at).Check() // as run would refuse
}
