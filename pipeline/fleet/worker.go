package fleet

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"
	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
	"octave-enrich/pipeline"
)

// WorkerConfig says for whom a worker asks, and how.
type WorkerConfig struct {
	Run  pipeline.Agent              // one call to the service
	Look func(context.Context) error // what is free to ask, see [pipeline.LookFirst]; may be nil
	// Submit and Poll are those of [octave.Client].
	Submit func(ctx context.Context, q *pipeline.Question, callback string) (octave.Submission, error)
	Poll   func(context.Context, octave.Submission, func(context.Context) error) (octave.Progress, error)
	// Validate asks the service, free of charge, whether the key is valid; one that it
	// rejects is an [octave.Error] of CauseKey. Nil when nobody can be asked.
	Validate func(context.Context) error
	Service  string // who answers, as in the header of a checkpoint
	Queue    string // whose questions; those of other queues are left alone
	Account  string // of the key: see [Account]
	Version  string // of the program

	Slots       int           // calls in flight at most
	Timeout     time.Duration // of a call
	Limit       *rate.Limit   // calls started per second by all hosts with this key; nil leaves what was set before
	RescueAfter time.Duration // how old a call must be, without an end, to count as lost
	Retain      time.Duration // how long answers are kept; 0 for ever

	Observer pipeline.Observer
	Warn     func(text string, namesAndValues ...any) // of what befalls a host
}

// defaultLimit holds for a key for which nobody said one, as in a run.
const defaultLimit = rate.Limit(5)

// A Worker asks the questions of a queue.
type Worker struct {
	cfg   WorkerConfig
	db    *DB
	brake *pipeline.Brake
	hard  context.Context // ends when calls on the wire are abandoned

	queue atomic.Int32
	host  atomic.Int32
	name  string

	looking, entering, settling *together[*turn]
	pacing                      *together[change]

	slots   chan struct{} // full while as many calls are in flight as may be
	line    chan struct{} // held by the first of those who wait for a start
	starts  []lease       // of which somebody in the line has use; under line
	waiting atomic.Int64  // in the line
	inHand  atomic.Int64  // jobs
	freed   chan struct{} // told when a call has ended for which others wait
	// submitting are those in the line that submit their question, places the calls in
	// flight that all hosts with this key have room for, elsewhere those that other hosts
	// of the queue have free, polls bounds those of this host.
	submitting, places, elsewhere atomic.Int64
	polls                         *rate.Limiter

	inFlight atomic.Int64
	unstored atomic.Int64
	pulse    pulse
	keyCheck keyCheck
	seen     atomic.Pointer[sight]
}

// A sight is what a host saw when it looked at the row of its key.
type sight struct {
	allowed rate.Limit
	unbound bool // there is no rate
	outage  bool
	uneasy  bool // the pace has to hear of every call at once
	full    bool // a call may start when another one has ended
}

// NewWorker makes the host known. Pulling the brake drains it.
func NewWorker(ctx context.Context, db *DB, cfg WorkerConfig, brake *pipeline.Brake) (*Worker, error) {
	w := &Worker{cfg: cfg, db: db, brake: brake, hard: ctx, name: hostName(), slots: make(chan struct{}, cfg.Slots), line: make(chan struct{}, 1), freed: make(chan struct{}, 1),
		polls: rate.NewLimiter(0, 1)}
	most := func(*turn) int { return statementBytes / 100 }
	w.looking = newTogether(1, func(turns []*turn) error { return w.admit(turns, false) }, most) //nolint:contextcheck // each turn has its own
	w.entering = newTogether(1, func(turns []*turn) error { return w.admit(turns, true) }, most) //nolint:contextcheck // likewise
	w.pacing = newTogether(1, w.schedule, func(change) int { return 0 })
	// The end of a job is a round trip of its own, and the database may be far away.
	w.settling = newTogether(2, w.settle, func(t *turn) int { return len(t.body) + statementBytes/25 })
	queue, err := db.queueID(ctx, cfg.Service, cfg.Queue)
	if err != nil {
		return nil, err
	}
	w.queue.Store(queue)
	allowed, err := db.admitKey(ctx, cfg.Account, cfg.Limit, defaultLimit)
	if err != nil {
		return nil, err
	}
	if cfg.Limit != nil && *cfg.Limit != allowed {
		cfg.Warn("the rate is changed for all workers with this key", "from", Rate(allowed), "to", Rate(*cfg.Limit))
		allowed = *cfg.Limit
	}
	w.seen.Store(&sight{allowed: allowed})
	k := &keeper{w: w}
	return w, db.patient(ctx, func(ctx context.Context) error { _, err := k.beat(ctx); return err })
}

// hostName is unique among processes, and says which machine.
func hostName() string {
	machine, _ := os.Hostname()
	return fmt.Sprintf("%.60s-%s", cmp.Or(machine, "host"), strings.ToLower(rand.Text()[:8]))
}

// A Rate is a limit in words.
type Rate rate.Limit

// String is as the user writes it, "none" for no limit.
func (r Rate) String() string {
	if rate.Limit(r) == rate.Inf {
		return "none"
	}
	return fmt.Sprintf("%.3g/s", float64(r))
}

// Allowed is what the user allows of the key, as last seen.
func (w *Worker) Allowed() Rate { return Rate(w.seen.Load().allowed) }

// Name is what the host is called in the fleet.
func (w *Worker) Name() string { return w.name }

// InFlight is the number of calls on the wire.
func (w *Worker) InFlight() int { return int(w.inFlight.Load()) }

// Unstored is the number of answers, and of other ends of calls, that wait for
// the database.
func (w *Worker) Unstored() int { return int(w.unstored.Load()) }

// Run asks until the brake is pulled and every call on the wire has come to its
// end and is stored. Cancelling ctx abandons them. It returns why the brake was
// pulled.
func (w *Worker) Run(ctx context.Context) error {
	hard, abandon := context.WithCancel(ctx)
	defer abandon()
	w.hard = hard
	client, err := w.riverClient()
	if err != nil {
		return err
	}
	// A database that is away is waited for.
	soft, cancel := w.brake.Bound(ctx)
	defer cancel()
	outlives := context.WithoutCancel(ctx)
	err = w.db.patient(soft, func(context.Context) error { return client.Start(outlives) })
	switch {
	case err == nil:
		err = w.serve(ctx, client)
	case over(soft):
		err = nil
	}
	if err != nil {
		return err
	}
	w.returnStarts(w.starts...)
	if err := w.retire(ctx); err != nil {
		w.cfg.Warn("the fleet was not told that this host has ended; others will notice", "error", err)
	}
	return nil
}

// serve has River at work until the brake is pulled and its jobs are done.
func (w *Worker) serve(ctx context.Context, client *river.Client[pgx.Tx]) error {
	stopping, giveUp := context.WithCancel(ctx)
	defer giveUp()
	var g errgroup.Group
	g.Go(func() error { return (&keeper{w: w, client: client, served: map[string]bool{}}).run(stopping) })
	<-w.brake.Pulled()
	g.Go(func() error { w.drain(stopping, giveUp); return nil })
	err := client.Stop(stopping)
	if !over(ctx) && over(stopping) {
		err = nil // River finds by their age what it cannot put back now
	}
	giveUp()
	return errors.Join(err, g.Wait())
}

// drain gives River a moment to put its jobs back when no call is on the wire any more,
// and every answer is stored.
func (w *Worker) drain(ctx context.Context, giveUp func()) {
	for w.inHand.Load() > 0 && sleep(ctx.Done(), soonest) {
	}
	if sleep(ctx.Done(), operationTimeout) {
		giveUp()
	}
}

// brief is a context for what a host that drains does not wait long for, should
// the database be away: anything but an answer.
func (w *Worker) brief(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(w.brake.Context(), func() { time.AfterFunc(operationTimeout, cancel) })
	return ctx, func() { stop(); cancel() }
}

// retire says goodbye, so that nobody has to find out.
func (w *Worker) retire(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, operationTimeout)
	defer cancel()
	_, err := w.db.pool.Exec(ctx, `UPDATE octave_fleet.host SET ended = clock_timestamp(), in_flight = 0 WHERE name = $1`, w.name)
	return w.db.safe(err)
}

const (
	// fetchPause is between two fetches while the queue has more than there is room
	// for, fetchPoll when it has not.
	fetchPause = 100 * time.Millisecond
	fetchPoll  = 250 * time.Millisecond
	// upkeepQueue is for what the hosts do for each other, upkeepEvery so often.
	upkeepQueue = "upkeep"
	upkeepEvery = time.Minute
	// mostSlots is what River allows.
	mostSlots = river.QueueNumWorkersMax
)

// riverClient makes River's client. It begins with no run's queue: see keeper. It polls, for a
// pooler may give every transaction another session, where nobody hears a notification.
func (w *Worker) riverClient() (*river.Client[pgx.Tx], error) {
	workers := river.NewWorkers()
	river.AddWorker(workers, river.WorkFunc(func(ctx context.Context, j *river.Job[job]) error { return w.turn(ctx, j, (*turn).work) }))
	river.AddWorker(workers, river.WorkFunc(func(ctx context.Context, j *river.Job[poll]) error {
		return w.turn(ctx, &river.Job[job]{JobRow: j.JobRow, Args: j.Args.job}, func(t *turn) error { return t.poll(&j.Args) })
	}))
	river.AddWorker(workers, river.WorkFunc(func(ctx context.Context, _ *river.Job[upkeep]) error { return w.db.upkeep(ctx, w.cfg.Retain) }))
	return river.NewClient(riverpgxv5.New(w.db.pool), &river.Config{
		ID:     w.name,
		Schema: schema,
		Queues: map[string]river.QueueConfig{
			upkeepQueue:   {MaxWorkers: 1, FetchPollInterval: time.Second},
			w.pollQueue(): {MaxWorkers: pollWorkers, FetchPollInterval: pollFetch},
		},
		RetryPolicy:         rescued{},
		Workers:             workers,
		FetchCooldown:       fetchPause,
		FetchPollInterval:   fetchPoll,
		FetchOnlyKnownKinds: true, // others are a newer host's
		PollOnly:            true,
		// A job is a wait of some seconds and a call, so that one that is older was lost
		// with its host.
		JobTimeout:           w.cfg.RescueAfter,
		RescueStuckJobsAfter: w.cfg.RescueAfter,
		PeriodicJobs:         []*river.PeriodicJob{upkeepJob()},
		Logger:               w.db.log,
	})
}

// rescued is River's policy for the jobs of a host that was lost.
type rescued struct{}

// NextRetry is some seconds later, for the host may only have been cut off, with an
// answer to store.
func (rescued) NextRetry(*rivertype.JobRow) time.Time { return time.Now().Add(rescueDelay) }

const rescueDelay = 3 * time.Second

// turn has a job in the hands of this host.
func (w *Worker) turn(ctx context.Context, j *river.Job[job], work func(*turn) error) error {
	w.inHand.Add(1)
	defer w.inHand.Add(-1)
	// River's context ends with a job that is too old, or was cancelled. A call that is
	// paid for goes on.
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(w.hard, cancel)()       //nolint:contextcheck // a hard stop ends it all the same
	return work(&turn{Job: j, ctx: ctx, worker: w}) //nolint:contextcheck // what a call did is stored after ctx has ended, too
}

// ended tells the pace of the key how a call ended. What goes well is told with
// the next lease, unless somebody has to hear of it.
func (w *Worker) ended(started pipeline.Started, began time.Time, key checkpoint.Key, answer *octave.Answer, err error) {
	if w.seen.Load().full {
		defer func() {
			select {
			case w.freed <- struct{}{}:
			default:
			}
		}()
	}
	var call *octave.Error
	switch {
	case err == nil:
		w.notRejected()
		at := time.Now()
		took := func(s *schedule) pipeline.Event { return s.answered(at, started, key, answer) }
		if w.seen.Load().uneasy || answer.Quota.Limit > 0 {
			w.tell(took)
		} else {
			w.pacing.add(func(s *schedule) { took(s) })
		}
		return
	case errors.As(err, &call) && call.Action == octave.All:
		w.forbidden(call, began)
	case w.pulse.slept(began):
		err = pipeline.ErrStopped // it says something of this host, and nothing of the service
	}
	w.tell(func(s *schedule) pipeline.Event { return s.pace.Ended(s.now, started, key, answer, err, patience) })
}

// forbidden takes note of a call, a poll or work that ended with the word that nobody may
// ask.
func (w *Worker) forbidden(call *octave.Error, at time.Time) {
	ctx, cancel := w.brief(w.hard)
	defer cancel()
	all, alone := error(call), error(nil)
	if call.Cause == octave.CauseKey || call.Foreign {
		all, alone = w.rejected(ctx, call, at)
	}
	if all != nil {
		_ = w.pacing.join(func(s *schedule) { s.forbid(w.queue.Load(), call.Cause, all.Error()) }) // else others find out
	}
	if stop := cmp.Or(all, alone); stop != nil {
		w.brake.Pull(stop)
	}
}

// accepted tells the pace of the key that the service took a call on that has not ended.
func (w *Worker) accepted(started pipeline.Started, quota octave.Quota) {
	w.notRejected()
	if !w.seen.Load().uneasy && quota.Limit == 0 {
		return
	}
	w.tell(func(s *schedule) pipeline.Event {
		s.rejected = 0
		return s.pace.Accepted(s.now, started, quota)
	})
}

// returnStarts gives starts back that no call was made for.
func (w *Worker) returnStarts(starts ...lease) {
	if len(starts) == 0 {
		return
	}
	w.tell(func(s *schedule) pipeline.Event {
		for _, start := range starts {
			s.pace.Ended(s.now, start.call, checkpoint.Key{}, nil, pipeline.ErrStopped, 0)
		}
		return nil
	})
}

// A pulse notices that the process stood still: its machine slept, or it was stopped.
type pulse struct {
	last, woke atomic.Int64 // by the clock on the wall, which goes on meanwhile
}

// stoodFor is longer than any process waits for a processor.
const stoodFor = 10 * time.Second

func (p *pulse) beat(now time.Time) {
	if last := p.last.Swap(now.UnixNano()); last > 0 && now.UnixNano()-last > int64(stoodFor) {
		p.woke.Store(now.UnixNano())
	}
}

// slept says whether the process stood still since a moment.
func (p *pulse) slept(since time.Time) bool {
	p.beat(time.Now())
	return since.UnixNano() < p.woke.Load()
}
