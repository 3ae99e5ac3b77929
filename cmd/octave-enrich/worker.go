package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"octave-enrich/cmd/octave-enrich/accounts"
	"octave-enrich/cmd/octave-enrich/console"
	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/help"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/octave"
	"octave-enrich/pipeline"
	"octave-enrich/pipeline/fleet"
	"octave-enrich/pipeline/metrics"
)

func newWorker(a *app) *cobra.Command {
	o, w := &options.Options{}, &options.Worker{}
	cmd := &cobra.Command{
		Use:   "worker --fleet URL",
		Short: "Make the calls of a fleet's runs, on any number of hosts",
		Example: `  octave-enrich worker --fleet "postgres://octave@db.internal/fleet?sslmode=verify-full" --rate 20/s
  OCTAVE_FLEET=... octave-enrich worker --queue emea --key-file emea.key
  octave-enrich worker --fleet postgres:///fleet --sandbox`,
		Args: help.Args(cobra.NoArgs),
	}
	fs := cmd.Flags()
	o.WorkerFlags(fs)
	w.Flags(fs)
	cmd.RunE = options.Configured(o, func(*cobra.Command, []string) error {
		return a.worker(o, w)
	})
	return cmd
}

// shortestRetain is how long a run may take to fetch an answer; what is dropped
// before would be paid for again.
const shortestRetain = time.Hour

// A host is a process that makes calls of a fleet.
type host struct {
	app   *app
	o     *options.Options
	log   *zap.Logger
	brake *pipeline.Brake
	tally *pipeline.Tally

	// For who looks at it from outside, which is possible from the beginning.
	began  time.Time
	db     atomic.Pointer[fleet.DB]     // nil until it is looked for
	worker atomic.Pointer[fleet.Worker] // nil until the fleet knows it
}

// worker asks the questions of a queue until a signal, or until nobody may.
func (a *app) worker(o *options.Options, w *options.Worker) error {
	s := &host{app: a, o: o, brake: pipeline.NewBrake(context.Background()), tally: &pipeline.Tally{}, began: time.Now()}
	cfg, err := s.prepare(w)
	if err != nil {
		return err
	}
	tune(0)
	client, err := o.NewClient(version)
	if err != nil {
		return err
	}
	ctx, abandon := context.WithCancel(context.Background())
	defer abandon()
	defer s.listen()()
	listener, err := listenLive(o.Teller.MetricsAddr)
	if err != nil {
		return err
	}
	unserve, err := serveLive(listener, metrics.Live{Run: s.metricsRun, Worker: true, Fleet: s.metricsFleet, Ready: s.ready}, s.log)
	if err != nil {
		return err
	}
	defer unserve()
	account := accounts.New(client, "", o.Service.Sandbox, s.log.Info)
	if err := s.checkKey(ctx, account); err != nil {
		return err
	}
	soft, cancel := s.brake.Bound(ctx) // a signal waits for no database
	defer cancel()
	db, err := openFleet(soft, o, s.log)
	if err != nil {
		return err
	}
	defer db.Close()
	s.db.Store(db)
	if err := db.Check(soft, math.MaxInt64); err != nil {
		return s.stoppedOr(fleetError(err))
	}
	s.calls(&cfg, client, account)
	worker, err := fleet.NewWorker(soft, db, cfg, s.brake)
	if err != nil {
		return s.stoppedOr(fleetError(err))
	}
	s.worker.Store(worker)
	s.log.Info("the worker is ready", zap.String("host", worker.Name()), zap.String("service", cfg.Service),
		zap.String("queue", cfg.Queue), zap.String("key", cfg.Account), zap.Int("slots", cfg.Slots), zap.Stringer("rate", worker.Allowed()))
	done := make(chan struct{})
	var side errgroup.Group
	side.Go(func() error {
		console.Every(console.LineBeat, console.LineBeat, done, func() { s.line("progress", worker) })
		return nil
	})
	err = worker.Run(ctx)
	close(done)
	_ = side.Wait()
	s.line("the worker has ended", worker)
	if err != nil {
		return fleetError(err)
	}
	return s.ended(s.brake.Reason())
}

// prepare reads the flags.
func (s *host) prepare(w *options.Worker) (cfg fleet.WorkerConfig, err error) {
	o, a := s.o, s.app
	var format string
	if s.log, format, err = a.newLog(o, console.New(a.stderr)); err != nil {
		return cfg, err
	}
	if format == "json" {
		a.log = s.log
	}
	if o.Pace.Concurrency < 1 {
		return cfg, exit.UsageError("--concurrency is too small")
	}
	cfg = fleet.WorkerConfig{
		Queue: o.Fleet.Queue, Version: version, Slots: o.Pace.Concurrency, Timeout: time.Duration(o.Service.Timeout),
		RescueAfter: time.Duration(w.RescueAfter), Retain: time.Duration(w.Retain),
		Observer: pipeline.Observers(s.tally.Observe, func(e pipeline.Event) { console.TellService(s.log, e) }), Warn: s.log.Sugar().Warnw,
	}
	if cfg.RescueAfter == 0 {
		cfg.RescueAfter = cfg.Timeout + time.Minute
	}
	if shortest := cfg.Timeout + time.Second; cfg.RescueAfter < shortest {
		return cfg, exit.UsageError("--rescue-after %v is too short: a call may take %v (--timeout), and would be made twice; write %v or more", cfg.RescueAfter, cfg.Timeout, shortest)
	}
	if err := o.Fleet.CheckQueue(); err != nil {
		return cfg, err
	}
	if cfg.Retain > 0 && cfg.Retain < shortestRetain {
		return cfg, exit.UsageError("--retain %v is too short: a run may not have fetched its answers yet; write %v or more, or 0 for ever", cfg.Retain, shortestRetain)
	}
	if o.Given("rate") {
		limit, err := o.Pace.Limit()
		if err != nil {
			return cfg, err
		}
		cfg.Limit = &limit
	}
	if cfg.Service, err = o.Service.FleetName(); err != nil {
		return cfg, err
	}
	key := octave.Secret(options.SandboxService)
	if !o.Service.Sandbox {
		if key, err = o.Service.Key(); err != nil {
			return cfg, err
		}
	}
	cfg.Account = fleet.Account(cfg.Service, key)
	return cfg, nil
}

// calls has the worker call the service.
func (s *host) calls(cfg *fleet.WorkerConfig, client *octave.Client, account *accounts.Account) {
	know := account.KnowAgents()
	cfg.Look, cfg.Poll = account.Look, client.Poll
	cfg.Run = func(ctx context.Context, q *pipeline.Question) (*octave.Answer, error) {
		if err := know(ctx, q); err != nil {
			return nil, err
		}
		return client.Run(ctx, q.Request)
	}
	cfg.Submit = func(ctx context.Context, q *pipeline.Question, callback string) (octave.Submission, error) {
		if err := know(ctx, q); err != nil {
			return octave.Submission{}, err
		}
		return client.Submit(ctx, q.Request, callback)
	}
	if !s.o.Service.Sandbox {
		cfg.Validate = validate(client)
	}
}

// validate asks the service whether it takes the key. Of a service that does not tell,
// the rejection of a call is all there is to know; a page for people is somebody else's.
func validate(client *octave.Client) func(context.Context) error {
	return func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, accounts.Timeout)
		defer cancel()
		account, err := client.Validate(ctx)
		if octave.Lacks(err) || err == nil && !account.Valid {
			var page *octave.Error
			return &octave.Error{Action: octave.All, Cause: octave.CauseKey, Message: "the service does not call the key valid",
				Foreign: errors.As(err, &page) && page.Status/100 == 2}
		}
		return err
	}
}

// checkKey asks the service, which costs nothing, whether the key is good: a worker
// that starts lets its key ask again, should it have been stopped.
func (s *host) checkKey(ctx context.Context, account *accounts.Account) error {
	err := account.Look(ctx)
	var call *octave.Error
	switch {
	case errors.As(account.Lack, &call) && call.Status == http.StatusNotFound:
		// A worker at a wrong address would fail the questions of all runs.
		return exit.ServiceError(account.Lack)
	case errors.As(err, &call) && call.Action == octave.All:
		return accounts.WithCode(s.o, err)
	case err != nil:
		s.log.Warn("the service did not say whether the key is valid", zap.String("error", words.Masked(err.Error())))
	}
	return nil
}

// listen makes the first signal drain the worker.
func (s *host) listen() (unlisten func()) {
	return listen(func(sig os.Signal) {
		s.brake.Pull(&exit.SignalError{Signal: sig})
		s.log.Warn("stopping: calls in flight may end and are stored"+orLeave(sig), zap.String("signal", sig.String()))
	}, func(sig os.Signal) {
		err := fmt.Errorf("%w; calls in flight may have been billed", leftError(sig))
		os.Exit(s.app.exit(&exit.Error{Code: (&exit.SignalError{Signal: sig}).Code(), Err: err}))
	})
}

// line logs what the worker does.
func (s *host) line(msg string, w *fleet.Worker) {
	sum := s.tally.Summary()
	s.log.Info(msg, zap.Int("in_flight", w.InFlight()), zap.Int("unstored", w.Unstored()), zap.Int("calls", sum.Calls.Started), zap.Int("answered", sum.Calls.Answered),
		zap.Int("refused", sum.Calls.Refused), zap.Int("failed", sum.Calls.Failed), zap.String("usage", sum.Usage.String()))
}

// stoppedOr is why a worker ends that has not begun: a signal, or else err.
func (s *host) stoppedOr(err error) error {
	if reason := s.brake.Reason(); reason != nil {
		return s.ended(reason)
	}
	return err
}

// ended gives the reason of a drained worker its code.
func (s *host) ended(reason error) error {
	var sig *exit.SignalError
	var broken *pipeline.JournalError
	switch {
	case errors.As(reason, &sig):
		return &exit.Error{Code: sig.Code(), Err: reason}
	case errors.As(reason, &broken):
		return fleetError(broken.Err)
	}
	return exit.ServiceError(reason)
}
