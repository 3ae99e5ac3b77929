package main

// What a run refuses, opens and says before its first call.

import (
	"errors"
	"os"

	"go.uber.org/zap"

	"octave-enrich/checkpoint"
	"octave-enrich/cmd/octave-enrich/checkpoints"
	"octave-enrich/cmd/octave-enrich/console"
	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/lists"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/cmd/octave-enrich/outputs"
	"octave-enrich/cmd/octave-enrich/paths"
	"octave-enrich/pipeline"
)

// prepare opens what the run needs, and refuses what can be refused.
func (r *run) prepare() error {
	if err := r.check(); err != nil {
		return err
	}
	r.unlisten = r.listen()
	for _, step := range []func() error{r.listenMetrics, r.nameService, r.findWorkers, r.openInputs, r.reachFleet, r.openMemory, r.serveMetrics, r.bill, r.openOutput, r.begin} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) nameService() (err error) {
	r.service, err = r.o.Service.Name()
	return err
}

func (r *run) openOutput() (err error) {
	say := func(note string) { r.log.Info(note) }
	r.out, err = outputs.Create(r.o, r.list, r.journal, r.places, r.app.stdout, say)
	return err
}

// check reads the flags that are a language of their own.
func (r *run) check() (err error) {
	o := r.o
	if err := errors.Join(o.Check(), options.OneOf("progress", o.Teller.Progress, "auto", "bar", "plain", "none")); err != nil {
		return err
	}
	if r.pace, err = o.Pace.Config(); err != nil {
		return err
	}
	if r.failed, err = o.Budget.Threshold(); err != nil {
		return err
	}
	if r.budgets, err = o.Budget.Budgets(); err != nil {
		return err
	}
	r.mode = r.app.progressMode(o)
	r.console = console.New(r.app.stderr)
	var format string
	if r.log, format, err = r.app.newLog(o, r.console); err == nil && format == "json" {
		r.app.log = r.log
	}
	return err
}

// openInputs reads the list, and looks whether the files of the run may be written.
func (r *run) openInputs() (err error) {
	if r.unplaced != nil {
		return r.unplaced
	}
	if err := r.checkReport(); err != nil {
		return err
	}
	if r.list, err = lists.Open(r.o, r.names, r.app.stdin); err != nil {
		return err
	}
	if err := paths.Of(r.o, r.names, r.places).Folders(); err != nil {
		return err
	}
	if err := r.list.Input.Overlooked(); err != nil {
		return exit.InputError(err)
	}
	if err := lists.RefuseEmpty(r.list.Input, r.places.Output); err != nil {
		return err
	}
	r.tellInput()
	if err := checkpoint.Chosen(r.places.Checkpoint, nil); err != nil {
		return exit.CheckpointError(r.places.Checkpoint, err)
	}
	if err := outputs.Fits(r.o, r.places.Output, r.list); err != nil {
		return err
	}
	if _, err := os.Stat(r.places.Checkpoint); errors.Is(err, os.ErrNotExist) {
		// Before the checkpoint is created: a refusal leaves nothing behind.
		return r.seen.MayReplace(r.o, r.o.Output.Files(r.places.Output), nil)
	}
	return nil
}

// openMemory opens the checkpoint, and takes over what others beside it know.
func (r *run) openMemory() error {
	beside, err := lists.LookBeside(r.o, r.list, r.places.Checkpoint, r.service)
	if err != nil {
		return err
	}
	if err := beside.Decide(r.app.commandLine(), r.names); err != nil {
		return err
	}
	waiting := func() { r.log.Info("another run holds the checkpoint: waiting for it to end") }
	if r.journal, err = checkpoints.OpenForRun(r.o, r.places.Checkpoint, toolVersion(), r.service, waiting, r.noCall); err != nil {
		return err
	}
	if err := r.seen.MayReplace(r.o, r.o.Output.Files(r.places.Output), r.journal); err != nil {
		return err
	}
	tune(max(r.list.Input.Profile().Rows, r.journal.Len()))
	for _, note := range beside.PassedOver() {
		r.log.Warn(note)
	}
	note, err := beside.Take(r.journal, r.places.Checkpoint)
	if note != "" {
		r.log.Info(note)
	}
	return err
}

// noCall stops a run whose checkpoint cannot keep what further calls would bring.
func (r *run) noCall(reason error) {
	if brake := r.brake.Load(); brake != nil {
		brake.Pull(&pipeline.JournalError{Err: reason})
	}
}

// tellInput says what was guessed about the input.
func (r *run) tellInput() {
	profile := r.list.Input.Profile()
	for _, note := range profile.Told() {
		r.log.Warn(note)
	}
	if r.o.Service.LooseKeyFile() {
		r.log.Warn("the key file can be read by others; chmod 600 it", zap.String("file", r.o.Service.KeyFile))
	}
}

// begin records the run, and says what the checkpoint brings along.
func (r *run) begin() error {
	if cut := r.journal.Recovered(); cut > 0 {
		r.log.Info("the last run was cut short; its last unfinished record was dropped", zap.Int64("bytes", cut))
	}
	if note := r.journal.LockNote(); note != "" {
		r.log.Warn(note)
	}
	if gone := r.list.Lost(r.journal); gone != "" {
		r.log.Warn(gone)
	}
	if past := r.journal.RunRecords(); r.budgets.HasUsage || pipeline.CutShort(past) || pipeline.EndedInDoubt(past) {
		ledger, err := checkpoints.ReadLedger(r.places.Checkpoint)
		if err != nil {
			return err
		}
		if r.budgets.HasUsage {
			r.budgets.Largest = ledger.Largest
		}
		if note := checkpoints.Unanswered(&ledger, r.list.Skip); note != "" {
			r.log.Warn(note)
		}
	}
	body := pipeline.RunBody{ID: r.id, Version: version, Output: r.places.Output, Settings: r.list.Settings, Pinned: r.o.List.Pinned, Skip: r.o.List.Skip, Exclude: r.o.List.ExcludePath(),
		Mapping: lists.MappingOf(r.list.Input.Profile()), Input: lists.InputOf(r.list.Input.Profile()), Changed: r.survey.Changed, Undecided: r.survey.Undecided, Sample: r.sample, Command: r.app.commandLine()}
	if r.fleet != nil {
		body.Fleet = r.fleet.Address()
	}
	return r.append(checkpoint.Run, body)
}
