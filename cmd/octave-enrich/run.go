package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
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
	"octave-enrich/cmd/octave-enrich/plans"
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
	r := &run{app: a, o: o, inputs: inputs{names: names}, id: pipeline.NewRunID(), started: time.Now(), tally: &pipeline.Tally{}, seen: outputs.Seen{}, unlisten: func() {}}
	defer func() { r.unlisten() }()
	r.places, r.unplaced = o.Places(names)
	if err := paths.Of(o, names, r.places).Check(); err != nil {
		return err // and nobody is told: the summary is a file, too
	}
	if err := r.tellBegin(); err != nil {
		return err
	}
	err := r.prepare()
	if err == nil {
		err = r.execute()
	}
	return r.tellEnd(errors.Join(err, r.close()))
}

// end is how the run ended.
func (r *run) end() console.End {
	return console.End{Run: r.id, Summary: r.tally.Summary(), Took: time.Since(r.started), Left: r.left}
}

func (r *run) tellOutput(output writer.Output) {
	if r.o.Teller.Quiet {
		return
	}
	if r.app.log == nil {
		console.TellOutput(r.console, output)
		return
	}
	console.LogOutput(r.log, output)
	if r.upload != nil {
		r.log.Info("upload", zap.Any("upload", r.upload))
	}
}

// A run is one start of the main job: what it is about, and what it knows.
type run struct {
	app     *app
	o       *options.Options
	id      string
	started time.Time
	tally   *pipeline.Tally
	inputs
	teller

	service string // who answers, as the checkpoint names it
	journal *checkpoint.Journal
	memory  *pipeline.Memory
	survey  plans.Survey
	out     *writer.File
	seen    outputs.Seen
	sample  *pipeline.Sample

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
	concluded bool      // its rows are written, or cannot be
	outputs   []outputs.File
	upload    *outputs.Upload // when the output is a sender's

	told     errgroup.Group // who is being told that the run begins
	unserved atomic.Bool    // by any worker of the fleet
	listener net.Listener   // of --metrics-addr; nil without, and while another has the address
	live     func()         // stops it; nil before it begins
}

// selection is what the run asks.
func (r *run) selection() pipeline.Selection {
	return pipeline.Selection{Ask: r.list.Ask, Exclude: r.list.Exclude, Memory: r.memory, Limit: r.o.Budget.Limit, Sample: r.sample}
}

func (r *run) append(kind string, body any) error {
	return checkpoints.Append(r.journal, r.places.Checkpoint, kind, body)
}

// execute runs the pipeline under the eyes of signals and clocks.
func (r *run) execute() error {
	ctx, abandon := context.WithCancel(context.Background())
	defer abandon()
	brake := pipeline.NewBrake(ctx)
	r.brake.Store(brake)
	if d := time.Duration(r.o.Budget.MaxDuration); d > 0 {
		defer time.AfterFunc(d, func() { brake.Pull(pipeline.ErrMaxDuration) }).Stop()
	}
	progress := console.NewProgress(r.console, r.log, r.tally, r.survey.ToAsk)
	r.expect = progress.Expect
	obs := pipeline.Observers(r.tally.Observe, progress.Observe)

	done := make(chan struct{})
	var side errgroup.Group
	side.Go(func() error { progress.Follow(r.mode, r.app.log != nil, done); return nil })

	ask := r.ask
	if r.fleet != nil {
		ask = r.askFleet
	}
	err := ask(ctx, brake, obs)
	close(done)
	_ = side.Wait()
	return r.ended(r.conclude(err, brake.Reason()))
}

// ask lets this process make the calls.
func (r *run) ask(ctx context.Context, brake *pipeline.Brake, obs pipeline.Observer) error {
	cfg := r.config(brake)
	// A question that waits for the disk, or in a Retry-After, holds no call back.
	cfg.Workers = 2*r.o.Pace.Concurrency + 1000
	account := r.look(ctx, brake)
	if err := r.describe(ctx, account); err != nil {
		return err
	}
	agent := r.agent(account, brake, obs)
	return pipeline.Run(ctx, cfg, r.list.Input.Contacts(), agent, r.out, obs)
}

func (r *run) config(brake *pipeline.Brake) pipeline.Config {
	return pipeline.Config{Selection: r.selection(), MaxFailed: r.failed, Brake: brake}
}

func (r *run) policy() pipeline.RetryPolicy {
	return pipeline.RetryPolicy{Retries: r.o.Pace.Retries, FailAmbiguous: r.o.Pace.OnTimeout == "fail"}
}

// agent is the whole policy around a call, read from the inside out.
func (r *run) agent(account *accounts.Account, brake *pipeline.Brake, obs pipeline.Observer) pipeline.Agent {
	r.recallPace()
	pacer := pipeline.NewPacer(r.pace, brake, obs)
	r.pacer = pacer
	async := r.newAsync(brake)
	call, record := r.call(async)
	agent := pipeline.Final(call, account.Heard())
	agent = record(agent, r.journal, obs)
	agent = pipeline.StopAlike(agent, r.journal, r.proven, true, brake)
	agent = pipeline.LookFirst(agent, account.Look, pacer)
	agent = pipeline.Limit(agent, pacer)
	agent = pipeline.Budget(agent, r.budgets, brake)
	agent = async.Resume(agent, obs)
	agent = pipeline.InFlight(agent, r.o.Pace.Concurrency, brake)
	agent = pipeline.Retry(agent, r.policy(), pacer, brake)
	return pipeline.Memo(agent, r.memory, obs)
}

// conclude publishes the output and decides the exit code.
func (r *run) conclude(err error, reason error) error {
	summary := r.tally.Summary()
	r.concluded = true
	if stopped := r.journal.Stopped(); stopped != nil {
		err = errors.Join(exit.CheckpointError(r.places.Checkpoint, stopped), err)
	}
	if err != nil {
		_ = r.out.Abort()
		r.out = nil
		return exit.RunError(r.places.Checkpoint, err)
	}
	if err := r.publish(); err != nil {
		return err
	}
	end := exit.OfRun(summary.Rows, summary.Kept, reason)
	if end == nil || end.Code == exit.RowsFailed && r.survey.Undecided {
		end = cmp.Or(r.decide(), end)
	}
	if end == nil {
		return nil
	}
	if hint := r.callbackHint(reason); hint != "" {
		end.Hint = hint
	}
	if end.Code == exit.Key {
		end.Hint = accounts.KeyHint(r.o, reason)
	}
	if exit.Resumable(end.Code) && !end.Stuck {
		end.Resume = r.app.commandLine()
	}
	return end
}

// answers is the file that holds the answers: not the checkpoint's any more when
// that lost its name.
func (r *run) answers() string {
	var lost *checkpoint.LostError
	if r.journal != nil && errors.As(r.journal.Stopped(), &lost) && lost.Rescued != "" {
		return lost.Rescued
	}
	return r.places.Checkpoint
}

// publish makes the output appear under its own name.
func (r *run) publish() error {
	file := r.out
	r.out = nil
	output, err := outputs.Finish(file)
	if err != nil {
		return err
	}
	p := outputs.Publication{Options: r.o, List: r.list, Journal: r.journal, Checkpoint: r.places.Checkpoint, Seen: r.seen}
	if err := p.Publish(file, output, r.journal); err != nil {
		return err
	}
	r.outputs, r.upload = outputs.Files(output), outputs.UploadOf(r.o.Output.Preset, output)
	if r.o.Output.ForSender() {
		if unused := outputs.Unused(r.list, r.memory, r.places.Checkpoint); unused != "" {
			r.log.Warn(unused)
		}
	}
	r.tellOutput(output)
	return nil
}

func (r *run) close() error {
	var errs []error
	if r.out != nil {
		errs = append(errs, r.out.Abort())
	}
	if r.journal != nil {
		errs = append(errs, exit.CheckpointError(r.places.Checkpoint, r.journal.Close()))
	}
	if r.list != nil {
		errs = append(errs, r.list.Input.Close())
	}
	if r.fleet != nil {
		r.fleet.Close()
	}
	return errors.Join(errs...)
}
