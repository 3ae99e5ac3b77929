package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"octave-enrich/checkpoint"
	"octave-enrich/cmd/octave-enrich/accounts"
	"octave-enrich/cmd/octave-enrich/checkpoints"
	"octave-enrich/cmd/octave-enrich/console"
	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/help"
	"octave-enrich/cmd/octave-enrich/lists"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/cmd/octave-enrich/outputs"
	"octave-enrich/cmd/octave-enrich/paths"
	"octave-enrich/octave"
	"octave-enrich/pipeline"
	"octave-enrich/pipeline/fleet"
	"octave-enrich/writer"
)

func newRun(a *app) *cobra.Command {
	o := &options.Options{}
	cmd := &cobra.Command{
		Use:   "run INPUT... [-o OUTPUT]",
		Short: "Ask for a sequence for every contact and write one row per contact",
		Example: `  octave-enrich run people.csv --sandbox             try it: no key, no cost
  octave-enrich run people.csv --agent ca_123        the real thing
  octave-enrich run people.csv --set lang=de --limit 10
  octave-enrich run people.csv --context Notes --instructions 'Tone:1'
  octave-enrich run leads.csv --preset smartlead -o upload.csv
  cat people.jsonl | octave-enrich run - -o - --checkpoint people.checkpoint`,
		Args: help.Args(cobra.MinimumNArgs(1)),
	}
	fs := cmd.Flags()
	o.Flags(fs)
	cmd.RunE = options.Configured(o, func(_ *cobra.Command, inputs []string) error {
		if o.Teller.DryRun {
			return a.dryRun()
		}
		return success(a.run(o, inputs), o.Teller.SuccessExit)
	})
	return cmd
}

// dryRun answers who asks run for what plan does.
func (a *app) dryRun() error {
	return &exit.Error{Code: exit.Usage, Err: fmt.Errorf("run has no --dry-run: plan says what it would ask, cost and take, and pays nothing"),
		Hint: a.instead("plan", map[string]bool{"dry-run": false})}
}

// success makes an end that the user calls one an exit with 0. All else that is told
// of it stays.
func success(err error, codes []int) error {
	end := exit.As(err)
	if end == nil || !slices.Contains(codes, end.Code) {
		return err
	}
	quiet := *end
	quiet.Success = true
	return &quiet
}

// run is the main job: everything that can be refused is refused before the
// first call.
func (a *app) run(o *options.Options, names []string) error {
	j := &job{app: a, o: o, inputs: inputs{names: names}, id: pipeline.NewRunID(), started: time.Now(), tally: &pipeline.Tally{}, unlisten: func() {}}
	defer func() { j.unlisten() }()
	j.places, j.unplaced = o.Places(names)
	if err := paths.Of(o, names, j.places).Check(); err != nil {
		return err // and nobody is told: the summary is a file, too
	}
	if err := j.tellBegin(); err != nil {
		return err
	}
	err := j.prepare()
	if err == nil {
		err = j.execute()
	}
	return j.tellEnd(errors.Join(err, j.close()))
}

// end is how the run ended.
func (j *job) end() console.End {
	return console.End{Run: j.id, Summary: j.tally.Summary(), Took: time.Since(j.started), Left: j.left}
}

func (j *job) tellOutput(output writer.Output) {
	if j.o.Teller.Quiet {
		return
	}
	if j.app.log == nil {
		console.TellOutput(j.console, output)
		return
	}
	console.LogOutput(j.log, output)
	if j.upload != nil {
		j.log.Info("upload", zap.Any("upload", j.upload))
	}
}

// A job is a run made ready.
type job struct {
	app     *app
	o       *options.Options
	id      string
	started time.Time
	tally   *pipeline.Tally
	inputs
	teller

	journal   *checkpoint.Journal
	memory    *pipeline.Memory
	changes   pipeline.Changes
	changed   string // what is done with contacts whose question changed, "" when there are none
	undecided bool   // nobody has said so
	out       *writer.File
	sample    *pipeline.Sample

	client   *octave.Client // nil with a fleet
	fleet    *fleet.DB      // nil without
	pace     pipeline.PacerConfig
	pacer    *pipeline.Pacer // nil with a fleet
	budgets  pipeline.Budgets
	failed   pipeline.Threshold
	brake    atomic.Pointer[pipeline.Brake] // nil until calls may be made
	unlisten func()                         // ends listening to signals
}

// inputs are what a run is about, and where it goes.
type inputs struct {
	names    []string // of files, as given
	list     *lists.List
	places   options.Places
	unplaced error // why they are not known
}

// A teller is who hears of a run, and what there is to say at its end.
type teller struct {
	log       *zap.Logger
	console   *console.Console
	mode      string    // of the progress display
	expect    func(int) // corrects how many questions it counts to
	left      string    // credits when it began, as far as the service tells
	toAsk     int       // questions that need a call, if no budget ends the run
	concluded bool      // its rows are written, or cannot be
	outputs   []outputs.File
	upload    *outputs.Upload // when the output is a sender's

	told errgroup.Group // who is being told that the run begins
	live func()         // stops --metrics-addr; nil before it begins
}

// prepare opens what the run needs, and refuses what can be refused.
func (j *job) prepare() error {
	if err := j.check(); err != nil {
		return err
	}
	j.unlisten = j.listen()
	service, err := j.o.Service.Name()
	if err != nil {
		return err
	}
	if err := j.findWorkers(); err != nil {
		return err
	}
	if err := j.openInputs(); err != nil {
		return err
	}
	if err := j.reachFleet(); err != nil {
		return err
	}
	if err := j.openMemory(service); err != nil {
		return err
	}
	if err := j.bill(); err != nil {
		return err
	}
	if err := j.openOutput(); err != nil {
		return err
	}
	if err := j.serveMetrics(); err != nil {
		return err
	}
	return j.begin()
}

// openInputs reads the list, and looks whether the files of the run may be written.
func (j *job) openInputs() (err error) {
	if j.unplaced != nil {
		return j.unplaced
	}
	if err := j.checkReport(); err != nil {
		return err
	}
	if j.list, err = lists.Open(j.o, j.names, j.app.stdin); err != nil {
		return err
	}
	if err := paths.Of(j.o, j.names, j.places).Folders(); err != nil {
		return err
	}
	if err := j.list.Input.Overlooked(); err != nil {
		return exit.InputError(err)
	}
	if err := lists.RefuseEmpty(j.list.Input, j.places.Output); err != nil {
		return err
	}
	j.tellInput()
	if err := checkpoint.Chosen(j.places.Checkpoint, nil); err != nil {
		return exit.CheckpointError(j.places.Checkpoint, err)
	}
	if err := outputs.Fits(j.o, j.places.Output, j.list); err != nil {
		return err
	}
	if _, err := os.Stat(j.places.Checkpoint); errors.Is(err, os.ErrNotExist) {
		// Before the checkpoint is created: a refusal leaves nothing behind.
		return outputs.MayReplace(j.o, j.o.Output.Files(j.places.Output), nil)
	}
	return nil
}

// openMemory opens the checkpoint, and takes over what others beside it know.
func (j *job) openMemory(service string) error {
	beside, err := lists.LookBeside(j.o, j.list, j.places.Checkpoint, service)
	if err != nil {
		return err
	}
	if err := beside.Decide(j.app.commandLine(), j.names); err != nil {
		return err
	}
	waiting := func() { j.log.Info("another run holds the checkpoint: waiting for it to end") }
	if j.journal, err = checkpoints.OpenForRun(context.Background(), j.o, j.places.Checkpoint, toolVersion(), service, waiting, j.noCall); err != nil {
		return err
	}
	if err := outputs.MayReplace(j.o, j.o.Output.Files(j.places.Output), j.journal); err != nil {
		return err
	}
	tune(max(j.list.Input.Profile().Rows, j.journal.Len()))
	for _, note := range beside.PassedOver() {
		j.log.Warn(note)
	}
	note, err := beside.Take(j.journal, j.places.Checkpoint)
	if note != "" {
		j.log.Info(note)
	}
	return err
}

func (j *job) openOutput() error {
	opt, err := j.o.WriterOptions(j.app.stdout, j.list.Input.Columns(), filepath.Dir(j.places.Checkpoint))
	if err != nil {
		return err
	}
	opt.Header = j.list.Input.Header()
	if note := outputs.LeaveOut(j.o, &opt, j.list, j.journal, j.places.Output); note != "" {
		j.log.Info(note)
	}
	if j.out, err = writer.Create(j.places.Output, opt); err != nil {
		return outputs.CreateError(err)
	}
	return nil
}

// check reads the flags that are a language of their own.
func (j *job) check() (err error) {
	o := j.o
	if err := o.Check(); err != nil {
		return err
	}
	if j.pace, err = o.Pace.Config(); err != nil {
		return err
	}
	if j.failed, err = o.Budget.Threshold(); err != nil {
		return err
	}
	if j.budgets, err = o.Budget.Budgets(); err != nil {
		return err
	}
	j.mode = j.app.progressMode(o)
	j.console = console.New(j.app.stderr)
	var format string
	if j.log, format, err = j.app.newLog(o, j.console); err == nil && format == "json" {
		j.app.log = j.log
	}
	return err
}

// tellInput says what was guessed about the input.
func (j *job) tellInput() {
	profile := j.list.Input.Profile()
	for _, note := range profile.Told() {
		j.log.Warn(note)
	}
	if j.o.Service.LooseKeyFile() {
		j.log.Warn("the key file can be read by others; chmod 600 it", zap.String("file", j.o.Service.KeyFile))
	}
}

// begin records the run, and says what the checkpoint brings along.
func (j *job) begin() error {
	if cut := j.journal.Recovered(); cut > 0 {
		j.log.Info("the last run was cut short; its last unfinished record was dropped", zap.Int64("bytes", cut))
	}
	if note := j.journal.LockNote(); note != "" {
		j.log.Warn(note)
	}
	if gone := j.list.Lost(j.journal); gone != "" {
		j.log.Warn(gone)
	}
	if j.budgets.HasUsage {
		ledger, err := checkpoints.ReadLedger(j.places.Checkpoint)
		if err != nil {
			return err
		}
		j.budgets.Largest = ledger.Largest
	}
	body := pipeline.RunBody{ID: j.id, Version: version, Output: j.places.Output, Settings: j.list.Settings, Pinned: j.o.List.Pinned, Skip: j.o.List.Skip,
		Mapping: lists.MappingOf(j.list.Input.Profile()), Input: lists.InputOf(j.list.Input.Profile()), Changed: j.changed, Sample: j.sample, Command: j.app.commandLine()}
	if j.fleet != nil {
		body.Fleet = j.fleet.Address()
	}
	return j.append(checkpoint.Run, body)
}

// selection is what the run asks.
func (j *job) selection() pipeline.Selection {
	return pipeline.Selection{Ask: j.list.Ask, Exclude: j.list.Exclude, Memory: j.memory, Limit: j.o.Budget.Limit, Sample: j.sample}
}

func (j *job) append(kind string, body any) error {
	return checkpoints.Append(j.journal, j.places.Checkpoint, kind, body)
}

// execute runs the pipeline under the eyes of signals and clocks.
func (j *job) execute() error {
	ctx, abandon := context.WithCancel(context.Background())
	defer abandon()
	brake := pipeline.NewBrake(ctx)
	j.brake.Store(brake)
	if d := time.Duration(j.o.Budget.MaxDuration); d > 0 {
		defer time.AfterFunc(d, func() { brake.Pull(pipeline.ErrMaxDuration) }).Stop()
	}
	progress := console.NewProgress(j.console, j.log, j.tally, j.toAsk)
	j.expect = progress.Expect
	obs := pipeline.Observers(j.tally.Observe, progress.Observe)

	done := make(chan struct{})
	var side errgroup.Group
	side.Go(func() error { progress.Follow(j.mode, j.app.log != nil, done); return nil })

	ask := j.ask
	if j.fleet != nil {
		ask = j.askFleet
	}
	err := ask(ctx, brake, obs)
	close(done)
	_ = side.Wait()
	return j.ended(j.conclude(err, brake.Reason()))
}

// ask lets this process make the calls.
func (j *job) ask(ctx context.Context, brake *pipeline.Brake, obs pipeline.Observer) error {
	cfg := j.config(brake)
	// A question that waits for the disk, or in a Retry-After, holds no call back.
	cfg.Workers = 2*j.o.Pace.Concurrency + 1000
	account := j.look(ctx, brake)
	if err := j.describe(ctx, account); err != nil {
		return err
	}
	agent := j.agent(account, brake, obs)
	return pipeline.Run(ctx, cfg, j.list.Input.Contacts(), agent, j.out, obs)
}

func (j *job) config(brake *pipeline.Brake) pipeline.Config {
	return pipeline.Config{Selection: j.selection(), MaxFailed: j.failed, Brake: brake}
}

func (j *job) policy() pipeline.RetryPolicy {
	return pipeline.RetryPolicy{Retries: j.o.Pace.Retries, FailAmbiguous: j.o.Pace.OnTimeout == "fail"}
}

// agent is the whole policy around a call, read from the inside out.
func (j *job) agent(account *accounts.Account, brake *pipeline.Brake, obs pipeline.Observer) pipeline.Agent {
	j.recallPace()
	pacer := pipeline.NewPacer(j.pace, brake, obs)
	j.pacer = pacer
	async := j.newAsync(brake)
	call, record := j.call(async)
	agent := pipeline.Final(call, account.Heard())
	agent = record(agent, j.journal, obs)
	agent = pipeline.StopAlike(agent, j.journal, j.proven, true, brake)
	agent = pipeline.LookFirst(agent, account.Look, pacer)
	agent = pipeline.Limit(agent, pacer)
	agent = pipeline.Budget(agent, j.budgets, brake)
	agent = async.Resume(agent, obs)
	agent = pipeline.InFlight(agent, j.o.Pace.Concurrency, brake)
	agent = pipeline.Retry(agent, j.policy(), pacer, brake)
	return pipeline.Memo(agent, j.memory, obs)
}

// conclude publishes the output and decides the exit code.
func (j *job) conclude(err error, reason error) error {
	summary := j.tally.Summary()
	j.concluded = true
	if stopped := j.journal.Stopped(); stopped != nil {
		err = errors.Join(exit.CheckpointError(j.places.Checkpoint, stopped), err)
	}
	if err != nil {
		_ = j.out.Abort()
		j.out = nil
		return exit.RunError(j.places.Checkpoint, err)
	}
	if err := j.publish(); err != nil {
		return err
	}
	end := exit.Verdict(summary.Rows, summary.Kept, reason)
	if end == nil || end.Code == exit.RowsFailed && j.undecided {
		end = cmp.Or(j.decide(), end)
	}
	if end == nil {
		return nil
	}
	if hint := j.callbackHint(reason); hint != "" {
		end.Hint = hint
	}
	if end.Code == exit.Key {
		end.Hint = accounts.KeyHint(j.o, reason)
	}
	if exit.Resumable(end.Code) && !end.Stuck {
		end.Resume = j.app.commandLine()
	}
	return end
}

// noCall stops a run whose checkpoint cannot keep what further calls would bring.
func (j *job) noCall(reason error) {
	if brake := j.brake.Load(); brake != nil {
		brake.Pull(&pipeline.JournalError{Err: reason})
	}
}

// answers is the file that holds the answers: not the checkpoint's any more when
// that lost its name.
func (j *job) answers() string {
	var lost *checkpoint.LostError
	if j.journal != nil && errors.As(j.journal.Stopped(), &lost) && lost.Rescued != "" {
		return lost.Rescued
	}
	return j.places.Checkpoint
}

// publish makes the output appear under its own name.
func (j *job) publish() error {
	file := j.out
	j.out = nil
	output, err := outputs.Finish(file)
	if err != nil {
		return err
	}
	p := outputs.Publication{Options: j.o, List: j.list, Journal: j.journal, Checkpoint: j.places.Checkpoint}
	if err := p.Publish(file, output, j.journal); err != nil {
		return err
	}
	j.outputs, j.upload = outputs.Files(output), outputs.UploadOf(j.o.Output.Preset, output)
	j.tellOutput(output)
	return nil
}

func (j *job) close() error {
	var errs []error
	if j.out != nil {
		errs = append(errs, j.out.Abort())
	}
	if j.journal != nil {
		if err := j.journal.Close(); err != nil {
			errs = append(errs, exit.CheckpointError(j.places.Checkpoint, err))
		}
	}
	if j.list != nil {
		errs = append(errs, j.list.Input.Close())
	}
	if j.fleet != nil {
		j.fleet.Close()
	}
	return errors.Join(errs...)
}
