package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"strings"
	"text/tabwriter"
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
	"octave-enrich/pipeline"
	"octave-enrich/pipeline/fleet"
)

// fleetConnections is what a process takes of the database's: fetching, settling
// and looking around do not wait for each other.
const fleetConnections = 6

// openFleet makes ready for the database, and says when it goes away and is back.
func openFleet(ctx context.Context, o *options.Options, log *zap.Logger) (*fleet.DB, error) {
	url, err := o.Database()
	if err != nil {
		return nil, err
	}
	if url == "" {
		return nil, &exit.Error{Code: exit.Usage, Err: errors.New("no fleet"), Hint: "name its database with --fleet postgres://user@host/database, or in OCTAVE_FLEET"}
	}
	db, err := fleet.Open(ctx, string(url), fleetConnections, fleet.Events{
		Away: func(err error) {
			log.Warn("the fleet's database is away; waiting for it", zap.String("error", err.Error()))
		},
		Back: func(after time.Duration) {
			log.Info("the fleet's database is back", zap.Duration("after", after))
		},
		River: console.Library(log, "river"),
	})
	if err != nil {
		return nil, fleetError(err)
	}
	return db, nil
}

// joinFleet opens a fleet that was made before, and does not wait for its database.
func joinFleet(ctx context.Context, o *options.Options) (*fleet.DB, error) {
	db, err := openFleet(ctx, o, zap.NewNop())
	if err != nil {
		return nil, err
	}
	if err := db.Check(ctx, 0); err != nil {
		db.Close()
		return nil, fleetError(err)
	}
	return db, nil
}

// fleetError gives errors of a fleet's database their code and a way out.
func fleetError(err error) error {
	var format *fleet.FormatError
	var coded *exit.Error
	end := &exit.Error{Code: exit.Usage, Err: err}
	switch {
	case errors.Is(err, fleet.ErrNoRun):
		end.Hint = "those that go on: " + words.Tool + " fleet status"
	case errors.As(err, &coded):
		return coded
	case errors.Is(err, fleet.ErrUnreachable), errors.Is(err, context.DeadlineExceeded):
		end.Code = exit.Service
	case errors.Is(err, fleet.ErrNoFleet):
		end.Hint = "make one with: " + words.Tool + " fleet init --fleet URL"
	case errors.As(err, &format) && format.TooOld():
		end.Hint = "with the version that made it, run each list again that fleet status names, so that what was answered gets into its checkpoint; " +
			"then end the workers, and make a fleet with this version in another database"
	case errors.As(err, &format) && format.Older():
		end.Hint = "bring it up to date, when no run and no worker of the older version is at work: " + words.Tool + " fleet init"
	case errors.As(err, &format):
		end.Hint = "use the version of " + words.Tool + " that the fleet was brought up to date with"
	case strings.Contains(err.Error(), "permission denied"):
		end.Hint = "make the fleet with the same user as its workers and runs, who needs CREATE on the database for that"
	}
	return end
}

// findWorkers finds who makes the calls: this process with its key, or a fleet,
// whose workers have it.
func (r *run) findWorkers() (err error) {
	if r.o.Fleet.URL == "" {
		r.client, err = r.o.NewClient(version)
		return err
	}
	r.fleet, err = openFleet(context.Background(), r.o, r.log)
	return err
}

// reachFleet waits for a database that is away as for a service that is.
func (r *run) reachFleet() error {
	if r.fleet == nil {
		return nil
	}
	err := r.fleet.Check(context.Background(), r.pace.MaxOutage)
	if err == nil {
		return nil
	}
	err = fleetError(err)
	if e, ok := errors.AsType[*exit.Error](err); ok && e.Code == exit.Service {
		e.Resume = r.app.commandLine()
	}
	return err
}

// askFleet lets the hosts of a fleet make the calls.
func (r *run) askFleet(ctx context.Context, brake *pipeline.Brake, obs pipeline.Observer) error {
	cfg := r.config(brake)
	cfg.Workers = fleet.Waiting
	coordinator, err := r.coordinator(ctx, brake, obs)
	if err != nil && brake.Reason() == nil {
		return fleetError(err)
	}
	if err != nil { // stopped before it began: every row says so
		return pipeline.Run(ctx, cfg, r.list.Input.Contacts(), pipeline.Memo(pipeline.AskNobody, r.memory, obs), r.out, obs)
	}
	serving, stop := context.WithCancel(ctx)
	var side errgroup.Group
	side.Go(func() error { return coordinator.Serve(serving) })
	// All of a queue would have to be heard, and costs as much time: it is not waited for.
	agent := pipeline.StopAlike(coordinator.Ask, r.journal, r.proven, false, brake)
	err = pipeline.Run(ctx, cfg, r.list.Input.Contacts(), pipeline.Memo(agent, r.memory, obs), r.out, obs)
	stop()
	broken := side.Wait()
	if failed := coordinator.Close(ctx, err == nil && broken == nil); failed != nil {
		r.log.Warn("the fleet was not told that the run has ended: workers go on with what it left in the queue; to take it back, run again and stop it",
			zap.String("error", failed.Error()))
	}
	if broken != nil {
		return errors.Join(err, fleetError(broken))
	}
	return err
}

// coordinator makes the run one of a fleet.
func (r *run) coordinator(ctx context.Context, brake *pipeline.Brake, obs pipeline.Observer) (*fleet.Coordinator, error) {
	service, err := r.o.Service.FleetName()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, max(r.pace.MaxOutage, accounts.Timeout)) // a signal ends the wait for a database, too
	defer cancel()
	ctx, unbind := brake.Bound(ctx)
	defer unbind()
	cfg := fleet.CoordinatorConfig{
		Run: r.id, Checkpoint: r.fileID(), Service: service, Queue: r.o.Fleet.Queue,
		Host: machine(), Owner: userName(), List: strings.Join(r.names, " "), Total: r.survey.ToAsk, OrphanAfter: time.Duration(r.o.Fleet.OrphanAfter),
		Budgets: r.budgets, Policy: r.policy(), Timeout: time.Duration(r.o.Service.Timeout), Patience: r.pace.MaxOutage,
		Journal: r.journal, Observer: obs, Hosts: r.tellHosts, Paused: r.tellPaused,
		Poll: time.Duration(r.o.Async.Poll), MaxWait: time.Duration(r.o.Async.MaxWait), Submissions: r.memory.Submissions,
	}
	if r.o.Async.On {
		cfg.Callback = r.o.Async.Callback
	}
	if age := time.Duration(r.o.Budget.MaxAge); age > 0 {
		cfg.Fresh = r.started.Add(-age)
	}
	return fleet.NewCoordinator(ctx, r.fleet, cfg, brake)
}

// fileID names the checkpoint wherever it lies: by its first run.
func (r *run) fileID() string {
	for _, rec := range r.journal.RunRecords() {
		if body, ok := pipeline.ReadRun(rec); ok {
			return body.ID
		}
	}
	return r.id
}

func (r *run) tellHosts(n int, left error) {
	r.unserved.Store(n == 0)
	if n == 0 {
		service, _ := r.o.Service.FleetName() // else the run had not begun
		if left != nil {
			r.log.Warn("no worker serves the queue: the last one left because of its key; waiting a minute for another",
				zap.String("queue", r.o.Fleet.Queue), zap.String("service", service), zap.String("error", words.Masked(left.Error())))
			return
		}
		r.log.Warn("no worker serves the queue for this service; waiting for one: a worker needs the same --queue, and --base-url or --sandbox, as the run",
			zap.String("queue", r.o.Fleet.Queue), zap.String("service", service))
		return
	}
	r.log.Info("workers serve the queue", zap.Int("workers", n))
}

func (r *run) tellPaused(paused bool) {
	if paused {
		r.log.Warn("the run is paused: it goes on with " + words.Tool + " fleet resume " + r.id)
		return
	}
	r.log.Info("the run goes on")
}

// machine and userName say to people whose run it is.
func machine() string {
	name, _ := os.Hostname()
	return name
}

func userName() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return ""
}

func newFleet(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "fleet",
		Short: "Many hosts on PostgreSQL: make a fleet, look at it, hold its runs",
		Args:  help.UnknownCommand,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newFleetInit(a), newFleetGrants(a), newFleetStatus(a))
	for _, h := range handlings() {
		cmd.AddCommand(newFleetHandle(a, h))
	}
	return cmd
}

// initTimeout is for a database that is very busy.
const initTimeout = time.Hour

func newFleetInit(a *app) *cobra.Command {
	o := &options.Options{}
	cmd := &cobra.Command{
		Use:     "init",
		Short:   "Make the tables of a fleet, or bring them up to date",
		Example: "  octave-enrich fleet init --fleet \"postgres://octave@db.internal/fleet?sslmode=verify-full\"",
		Args:    help.Args(cobra.NoArgs),
	}
	fs := cmd.Flags()
	o.FleetFlags(fs)
	o.ConfigFlag(fs)
	restored := fs.Bool("restored", false, "say that a backup of the database was put back: nothing is asked for a run until it has said what it still waits for")
	cmd.RunE = options.Configured(o, func(*cobra.Command, []string) error {
		ctx, cancel := context.WithTimeout(context.Background(), initTimeout)
		defer cancel()
		db, err := openFleet(ctx, o, zap.NewNop())
		if err != nil {
			return err
		}
		defer db.Close()
		created, err := db.Init(ctx)
		if err != nil {
			return fleetError(err)
		}
		if *restored {
			if err := db.Restored(ctx); err != nil {
				return fleetError(err)
			}
			fmt.Fprintln(a.stderr, "runs that are watched go on by themselves; to go on with another one, run its command again")
		}
		if created {
			fmt.Fprintln(a.stderr, "made a fleet, in the schema octave_fleet")
		} else {
			fmt.Fprintln(a.stderr, "the fleet is there, and up to date")
		}
		return nil
	})
	return cmd
}

// statusTimeout is for a database that is very busy.
const statusTimeout = 5 * time.Minute

func newFleetStatus(a *app) *cobra.Command {
	o := &options.Options{}
	cmd := &cobra.Command{
		Use:     "status",
		Short:   "What a fleet does: queues, hosts, keys, runs",
		Example: "  octave-enrich fleet status --fleet \"postgres://octave@db.internal/fleet?sslmode=verify-full\"\n  octave-enrich fleet status --json | jq '.queues[].queued'",
		Args:    help.Args(cobra.NoArgs),
	}
	fs := cmd.Flags()
	o.FleetFlags(fs)
	o.JSONFlag(fs)
	o.ConfigFlag(fs)
	cmd.RunE = options.Configured(o, func(*cobra.Command, []string) error {
		ctx, cancel := context.WithTimeout(context.Background(), statusTimeout)
		defer cancel()
		db, err := joinFleet(ctx, o)
		if err != nil {
			return err
		}
		defer db.Close()
		status, err := db.Status(ctx)
		if err != nil {
			return fleetError(err)
		}
		if o.JSON {
			return words.WriteJSON(a.stdout, status)
		}
		return printFleet(a.stdout, status)
	})
	return cmd
}

func printFleet(w io.Writer, s fleet.Status) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "QUEUE\tSERVICE\tQUEUED\tRUNNING\tSUBMITTED\tANSWERED\tFAILED\tCALLS\tPOSSIBLY BILLED\tCREDITS\n")
	for _, q := range s.Queues {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", q.Queue, q.Service, words.Thousands(q.Queued), words.Thousands(q.Running), words.Thousands(q.Submitted),
			words.Thousands(q.Answered), words.Thousands(q.Failed), words.Thousands(q.Calls), words.Thousands(q.PossiblyBilled), q.Usage)
	}
	fmt.Fprintf(t, "\nHOST\tQUEUE\tVERSION\tKEY\tSLOTS\tIN FLIGHT\tSEEN\n")
	for _, h := range s.Hosts {
		seen := h.Seen.Local().Format(time.DateTime)
		if !h.Alive {
			seen += " (lost?)"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%d\t%s\n", h.Name, h.Queue, h.Version, h.Key, h.Slots, h.InFlight, seen)
	}
	fmt.Fprintf(t, "\nKEY\tLIMIT\tRATE NOW\tSTARTED\tSTATE\n")
	for _, k := range s.Keys {
		fmt.Fprintf(t, "%s\t%s\t%s\t%.0f/s\t%s\n", k.Key, rateText(k.Limit), rateText(k.Rate), k.Started, keyState(k))
	}
	fmt.Fprintf(t, "\nRUN\tQUEUE\tHOST\tUSER\tLIST\tDONE\tSTARTED\tSEEN\tSTATE\n")
	for _, r := range s.Runs {
		seen := r.Seen.Local().Format(time.DateTime)
		if !r.Alive {
			seen += " (gone?)"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s of %s\t%s\t%s\t%s\n", r.ID, r.Queue, r.Host, r.User, r.List, words.Thousands(r.Done), words.Thousands(r.Total),
			r.Started.Local().Format(time.DateTime), seen, runState(r))
	}
	return t.Flush()
}

// runState is what a run does, with what to do about it.
func runState(r fleet.RunStatus) string {
	switch r.State {
	case "paused":
		return "paused: fleet resume " + r.ID
	case "orphaned":
		return "held: nobody watches it; run its command again, or fleet resume " + r.ID
	case "unconfirmed":
		return "held: the database was restored; run its command again"
	}
	return r.State
}

func rateText(rate float64) string {
	if rate == 0 {
		return "none"
	}
	return fleet.Rate(rate).String()
}

func keyState(k fleet.KeyStatus) string {
	var parts []string
	if k.Stopped != "" {
		parts = append(parts, "stopped: "+k.Stopped+" ("+words.Masked(k.Error)+")")
	}
	if k.Outage != nil {
		parts = append(parts, "the service fails since "+k.Outage.Local().Format(time.DateTime))
	}
	if k.PausedMS > 0 {
		parts = append(parts, "paused for "+words.Round(time.Duration(k.PausedMS)*time.Millisecond).String())
	}
	if len(parts) == 0 {
		return "ok"
	}
	return strings.Join(parts, "; ")
}
