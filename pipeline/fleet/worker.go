package fleet

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
	"octave-enrich/pipeline"
)

// WorkerConfig says for whom a worker asks, and how.
type WorkerConfig struct {
	Run     pipeline.Agent              // one call to the service
	Look    func(context.Context) error // what is free to ask, see [pipeline.LookFirst]; may be nil
	Service string                      // who answers, as in the header of a checkpoint
	Queue   string                      // whose questions; those of other queues are left alone
	Account string                      // of the key: see [Account]
	Version string                      // of the program

	Slots       int           // calls in flight at most
	Timeout     time.Duration // of a call
	Limit       *rate.Limit   // calls started per second by all hosts with this key; nil leaves what was set before
	RescueAfter time.Duration // how long a host must not beat to count as dead
	Retain      time.Duration // how long answers are kept; 0 for ever

	Observer pipeline.Observer
	Log      *slog.Logger // of what a host does for others

	EngineLog *slog.Logger // of the engine, to which every lost connection is an error
}

// DefaultLimit holds for a key for which nobody said one, as in a run.
const DefaultLimit = rate.Limit(5)

// A Worker asks the questions of a queue.
type Worker struct {
	cfg   WorkerConfig
	db    *DB
	brake *pipeline.Brake
	hard  context.Context // ends when calls on the wire are abandoned

	queue  int32
	host   int32
	name   string
	driver *driver
	store  *store

	mu    sync.Mutex
	turns map[int64]*turn // by the engine's job

	accepted   atomic.Int64 // calls that the service took, not yet told to all
	acceptedAt atomic.Int64 // when the last of them ended
	uneasy     atomic.Bool  // the pace, last seen, has to hear of every call
	outage     atomic.Bool
	inFlight   atomic.Int64

	seenMu  sync.Mutex
	seenAt  time.Time  // when the pace was last looked at
	free    bool       // nothing bound the calls then
	allowed rate.Limit // of the key, then
}

// NewWorker makes the host known. Pulling the brake drains it.
func NewWorker(ctx context.Context, db *DB, cfg WorkerConfig, brake *pipeline.Brake) (*Worker, error) {
	w := &Worker{cfg: cfg, db: db, brake: brake, turns: map[int64]*turn{}, name: hostName()}
	observer := cfg.Observer
	w.cfg.Observer = func(e pipeline.Event) {
		switch e.(type) {
		case pipeline.CallStarted:
			w.inFlight.Add(1)
		case pipeline.CallDone:
			w.inFlight.Add(-1)
		}
		if observer != nil {
			observer(e)
		}
	}
	var err error
	if w.queue, err = db.queueID(ctx, cfg.Service, cfg.Queue); err != nil {
		return nil, err
	}
	if w.allowed, err = db.allow(ctx, cfg.Account, cfg.Limit, DefaultLimit); err != nil {
		return nil, err
	}
	if cfg.Limit != nil && *cfg.Limit != w.allowed {
		cfg.Log.Warn("the rate is changed for all workers with this key", slog.Any("from", Rate(w.allowed)), slog.Any("to", Rate(*cfg.Limit)))
		w.allowed = *cfg.Limit
	}
	if err := db.pardon(ctx, cfg.Account); err != nil {
		return nil, err
	}
	err = db.patient(ctx, func(ctx context.Context) error {
		return db.pool.QueryRow(ctx, `INSERT INTO octave_fleet.host (name, version, format, queue, account, slots)
			VALUES ($1, $2, $3, $4, $5, $6) RETURNING id`, w.name, cfg.Version, Format, w.queue, cfg.Account, cfg.Slots).Scan(&w.host)
	})
	if err != nil {
		return nil, err
	}
	w.store = newStore(db, w.queue, w.host, w.name)
	w.driver = newDriver(db.pool, w)
	return w, nil
}

// hostName is unique among processes, and says which machine.
func hostName() string {
	var id [4]byte
	_, _ = rand.Read(id[:])
	machine, err := os.Hostname()
	if err != nil || machine == "" {
		machine = "host"
	}
	return fmt.Sprintf("%.60s-%s", machine, hex.EncodeToString(id[:]))
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
func (w *Worker) Allowed() Rate {
	w.seenMu.Lock()
	defer w.seenMu.Unlock()
	return Rate(w.allowed)
}

// Name is what the host is called in the fleet.
func (w *Worker) Name() string { return w.name }

// InFlight is the number of calls on the wire.
func (w *Worker) InFlight() int { return int(w.inFlight.Load()) }

// Unstored is the number of answers, and of other ends of calls, that wait for
// the database.
func (w *Worker) Unstored() int { return int(w.store.kept.Load()) }

// Run asks until the brake is pulled and every call on the wire has come to its
// end and is stored. Cancelling ctx abandons them. It returns why the brake was
// pulled.
func (w *Worker) Run(ctx context.Context) error {
	hard, abandon := context.WithCancel(ctx)
	defer abandon()
	w.hard = hard
	client, err := w.engine()
	if err != nil {
		return err
	}
	side, stopSide := context.WithCancel(hard)
	defer stopSide()
	var g errgroup.Group
	g.Go(func() error { return w.store.run(side) })
	g.Go(func() error { return w.keep(side) })
	g.Go(func() error { w.tidy(side); return nil })
	err = w.serve(ctx, client)
	stopSide()
	if err := errors.Join(err, g.Wait()); err != nil {
		return err
	}
	if err := w.retire(ctx); err != nil {
		w.cfg.Log.Warn("the fleet was not told that this host has ended; others will notice", slog.String("error", err.Error()))
	}
	return nil
}

// serve runs the engine until the brake is pulled and its jobs are done. It waits
// for a database that is away when it begins.
func (w *Worker) serve(ctx context.Context, client *river.Client[pgx.Tx]) error {
	soft, cancel := w.brake.Bound(ctx)
	defer cancel()
	outlives := context.WithoutCancel(ctx)
	err := w.db.patient(soft, func(context.Context) error { return client.Start(outlives) })
	if w.brake.Reason() == nil && err != nil {
		return err
	}
	<-w.brake.Pulled()
	return client.Stop(ctx)
}

// brief is a context for what a host that drains does not wait long for, should
// the database be away: anything but an answer.
func (w *Worker) brief() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(w.hard)
	stop := context.AfterFunc(w.brake.Context(), func() { time.AfterFunc(operationTimeout, cancel) })
	return ctx, func() { stop(); cancel() }
}

// retire says goodbye, so that nobody has to find out, and leaves nothing behind:
// a fetch that was broken off may have taken jobs that nobody here heard of.
func (w *Worker) retire(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, operationTimeout)
	defer cancel()
	batch := &pgx.Batch{}
	batch.Queue(`UPDATE octave_fleet.host SET ended = clock_timestamp(), in_flight = 0 WHERE id = $1`, w.host)
	batch.Queue(rescueSQL, w.name)
	return w.db.safe(w.db.pool.SendBatch(ctx, batch).Close())
}

// poll is how often the engine asks for jobs; how long there is nothing to take
// is decided in [Worker.fetch].
const poll = 30 * time.Millisecond

// engine makes the queue's client. It fetches and runs jobs; who is dead, what is
// old and how a job ends is decided here.
func (w *Worker) engine() (*river.Client[pgx.Tx], error) {
	workers := river.NewWorkers()
	river.AddWorker(workers, &sequenceWorker{worker: w})
	return river.NewClient(w.driver, &river.Config{
		ID:                     w.name,
		Schema:                 schema,
		Queues:                 map[string]river.QueueConfig{riverQueue(w.queue): {MaxWorkers: w.cfg.Slots}},
		Workers:                workers,
		FetchCooldown:          poll,
		FetchPollInterval:      poll,
		PollOnly:               true,
		LeaderElectionDisabled: true,
		JobTimeout:             -1, // waiting for a start, or for the end of an outage, is no fault of the job
		Logger:                 w.cfg.EngineLog,
	})
}

// A sequenceWorker is what the engine runs a job with.
type sequenceWorker struct {
	river.WorkerDefaults[job]
	worker *Worker
}

// Timeout has no limit: a call has its own.
func (s *sequenceWorker) Timeout(*river.Job[job]) time.Duration { return -1 }

// Work asks one question.
func (s *sequenceWorker) Work(ctx context.Context, j *river.Job[job]) error {
	t := s.worker.turn(j.ID)
	if t == nil {
		return fmt.Errorf("job %d was not fetched by this host", j.ID)
	}
	return t.work(ctx)
}

func (w *Worker) turn(id int64) *turn {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.turns[id]
}

func (w *Worker) drop(t *turn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.turns[t.id] == t { // and not a later one for the same job
		delete(w.turns, t.id)
	}
}

// holds says whether a job is in the hands of this process.
func (w *Worker) holds(id int64) bool { return w.turn(id) != nil }

// ended tells the pace of the key how a call ended. What goes well is told with
// the next lease.
func (w *Worker) ended(started pipeline.Started, key checkpoint.Key, answer *octave.Answer, err error) {
	var call *octave.Error
	refusedAll := errors.As(err, &call) && call.Action == octave.All
	if err == nil && !w.uneasy.Load() && answer.Quota.Limit == 0 {
		w.acceptedAt.Store(time.Now().UnixNano())
		w.accepted.Add(1)
		return
	}
	var news pipeline.Event
	ctx, cancel := w.brief()
	defer cancel()
	broken := w.schedule(ctx, func(s *schedule, batch *pgx.Batch) error {
		const patience = 1 << 60 // how long an outage is waited for is up to the runs
		news = s.pace.Ended(s.now, started, key, answer, err, patience)
		if refusedAll {
			forbid(batch, w.cfg.Account, w.queue, call)
		}
		return nil
	})
	if refusedAll {
		w.brake.Pull(err)
	}
	if broken == nil && news != nil {
		w.cfg.Observer(news)
	}
}

// giveUp gives starts back that no call was made for.
func (w *Worker) giveUp(starts []lease) {
	if len(starts) == 0 {
		return
	}
	ctx, cancel := w.brief()
	defer cancel()
	_ = w.schedule(ctx, func(s *schedule, _ *pgx.Batch) error { // else they are counted anew
		for _, start := range starts {
			s.pace.Ended(s.now, start.call, checkpoint.Key{}, nil, pipeline.ErrStopped, 0)
		}
		return nil
	})
}

// failedRecord gives a question up.
func failedRecord(j job, text string) checkpoint.Record {
	body, _ := json.Marshal(pipeline.FailureBody{Request: j.Request, Error: text})
	return checkpoint.Record{Type: checkpoint.Failed, Key: j.Key, Body: body}
}
