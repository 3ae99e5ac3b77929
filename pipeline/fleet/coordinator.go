package fleet

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"golang.org/x/sync/errgroup"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
	"octave-enrich/pipeline"
)

// Waiting is how many questions a coordinator waits for at the same time, and has in
// its queue, the workers of its run: 200 calls a second of 30 s each.
const Waiting = 6000

// CoordinatorConfig says for which run a coordinator asks.
type CoordinatorConfig struct {
	Run        string // its id
	Checkpoint string // the one file that all its runs write, by a name that stays
	Service    string
	Queue      string

	Host  string // where it runs, for whom and with which list: for people
	Owner string
	List  string
	Total int // questions to ask
	// OrphanAfter is how long a run is asked for that nobody watches; 0 for ever.
	OrphanAfter time.Duration

	Budgets  pipeline.Budgets
	Policy   pipeline.RetryPolicy
	Fresh    time.Time     // older answers do not count; zero for any age
	Timeout  time.Duration // of a call, which an orderly stop waits for
	Patience time.Duration // how long a database or a service that is away is waited for

	// Callback is where the service posts answers to questions that are submitted; empty
	// for calls that wait for their answers.
	Callback string
	Poll     time.Duration // how often a submission is polled for
	MaxWait  time.Duration // a submitted row is given up for this run after so long; 0 for never
	// Submissions are those of earlier runs of the checkpoint, and hear of new ones; nil
	// for none.
	Submissions *pipeline.Submissions

	Journal  pipeline.Journal // hears of the attempts of all hosts
	Observer pipeline.Observer
	// Hosts is told that no host serves the queue (0), and why the last one left
	// when that was a rejected key or spent credits, or that some do again.
	Hosts func(n int, left error)
	// Paused is told that somebody paused the run, or resumed it.
	Paused func(bool)
}

// A Coordinator answers the questions of one run with the hosts of a fleet.
type Coordinator struct {
	cfg         CoordinatorConfig
	db          *DB
	brake       *pipeline.Brake
	queue       int32
	began       time.Time // by the database's clock
	from        int64     // the last call before this run
	incarnation string    // of the database
	since       int64     // the last call that was told to this checkpoint by runs before

	mu      sync.Mutex // of what those who ask have to know
	waiting map[checkpoint.Key]*pending
	stopped bool                     // nothing is waited for any more
	done    int                      // questions of which the run knows what became of them
	told    map[checkpoint.Key]int64 // the call until which the checkpoint knows of a question that failed in this run

	looked  time.Time // at the fleet
	refused time.Time // the last refusal for pace that was told
	failing bool
	alone   time.Time // since when no host serves the queue; zero when one does
	back    time.Time // when the database was reached again; hosts need a moment, too
	paused  bool
	clock   time.Time // of the database, as last seen

	handed map[checkpoint.Key]string // what earlier runs submitted
	gaveUp bool                      // on a submission
	noted  map[int64]bool            // calls, as submitted
}

// A pending question is one of the run that has no answer yet.
type pending struct {
	*pipeline.Question
	since   int64         // a failure up to this call is not its own
	noted   int64         // the last call for it that is known as submitted
	began   time.Time     // when it was first waited for
	queued  time.Time     // when it was last put into the queue; zero for not yet
	pause   time.Duration // until it is put there again
	outcome chan outcome
}

type outcome struct {
	answer *octave.Answer
	err    error
}

func (c *Coordinator) newPending(q *pipeline.Question) *pending {
	w := &pending{Question: q, began: time.Now(), outcome: make(chan outcome, 1)}
	c.mu.Lock()
	defer c.mu.Unlock()
	w.since = c.from
	if told, again := c.told[w.Key]; again {
		w.since = told
	}
	return w
}

// NewCoordinator makes the run known and takes over from those of the same
// checkpoint before it: what they left in the queue is not asked any more, for
// their list may have been another one.
func NewCoordinator(ctx context.Context, db *DB, cfg CoordinatorConfig, brake *pipeline.Brake) (*Coordinator, error) {
	c := &Coordinator{cfg: cfg, db: db, brake: brake, waiting: map[checkpoint.Key]*pending{}, told: map[checkpoint.Key]int64{},
		handed: map[checkpoint.Key]string{}, noted: map[int64]bool{}}
	if cfg.Submissions == nil {
		c.cfg.Submissions, _ = pipeline.OpenSubmissions(nil)
	}
	for _, q := range c.cfg.Submissions.Earlier() {
		c.handed[q.Key] = c.work(q.Key).ID
	}
	before, err := c.register(ctx)
	if err != nil {
		return nil, err
	}
	return c, db.withdraw(ctx, before...)
}

// register enters the run and returns those that it takes over from. Repeated
// after a commit of unknown end, it does not take over from itself.
func (c *Coordinator) register(ctx context.Context) (before []string, err error) {
	queue, err := c.db.queueID(ctx, c.cfg.Service, c.cfg.Queue)
	if err != nil {
		return nil, err
	}
	var began time.Time
	var told, last int64
	var incarnation string
	err = c.db.patient(ctx, func(ctx context.Context) error {
		batch := &pgx.Batch{}
		collect(batch, &before, pgx.RowTo[string], `UPDATE octave_fleet.run SET stopped = coalesce(stopped, $3)
			WHERE checkpoint = $1 AND id <> $2 AND ended IS NULL RETURNING id`, c.cfg.Checkpoint, c.cfg.Run, stoppedAnew)
		one(batch, []any{&told}, `SELECT coalesce(max(told), 0) FROM octave_fleet.run WHERE checkpoint = $1`, c.cfg.Checkpoint)
		b := c.cfg.Budgets
		batch.Queue(`INSERT INTO octave_fleet.run (id, checkpoint, queue, host, owner, list, total, orphan_after, incarnation, max_calls, max_usage, cost)
			VALUES ($1, $2, $3, $4, $5, $6, $7, nullif($8::interval, '0'), octave_fleet.incarnation(), CASE WHEN $9 THEN $10::bigint END,
				CASE WHEN $11 THEN $12::text::numeric END, CASE WHEN $11 THEN nullif(greatest($13::text::numeric, 0), 0) END) ON CONFLICT (id) DO NOTHING`,
			c.cfg.Run, c.cfg.Checkpoint, queue, c.cfg.Host, c.cfg.Owner, c.cfg.List, c.cfg.Total, c.cfg.OrphanAfter,
			b.HasCalls, b.MaxCalls, b.HasUsage, b.MaxUsage.String(), b.CostToRun.Max(b.Largest).String())
		one(batch, []any{&began, &last, &incarnation}, `SELECT started, (SELECT coalesce(max(id), 0) FROM octave_fleet.call), octave_fleet.incarnation() FROM octave_fleet.run WHERE id = $1`, c.cfg.Run)
		return c.db.pool.SendBatch(ctx, batch).Close()
	})
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.began.IsZero() {
		c.began = began
	}
	c.queue, c.since, c.from, c.incarnation = queue, told, last, incarnation
	return before, nil
}

// Ask is the agent of the run: it waits for what a host makes of the question.
func (c *Coordinator) Ask(ctx context.Context, q *pipeline.Question) (*octave.Answer, error) {
	w := c.newPending(q)
	if c.brake.Reason() != nil {
		return nil, pipeline.ErrStopped
	}
	c.await(w)
	q.Polled() // others do, with no place of this run's
	select {
	case out := <-w.outcome:
		return out.answer, out.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Serve puts questions into the queue and brings back what becomes of them, until
// the context ends. After the brake was pulled it waits for calls on the wire,
// and for nothing else.
func (c *Coordinator) Serve(ctx context.Context) error {
	var g errgroup.Group
	done, end := context.WithCancel(ctx)
	g.Go(func() error { c.wait(done.Done()); return nil })
	err := c.serve(ctx)
	end()
	_ = g.Wait()
	if err != nil {
		c.brake.Pull(&pipeline.JournalError{Err: err})
	}
	c.abandon(nil)
	c.cfg.Observer(pipeline.OnTheWire{})
	return err
}

// wait waits for a database that is away as long as for a service that is.
func (c *Coordinator) wait(done <-chan struct{}) {
	for sleep(done, rarest) {
		if c.db.Away() > c.cfg.Patience {
			c.brake.Pull(fmt.Errorf("%w: the fleet's database cannot be reached", pipeline.ErrOutage))
		}
	}
}

func (c *Coordinator) serve(ctx context.Context) error {
	// Whoever waits for the database when the brake is pulled stops waiting.
	soft, cancel := c.brake.Bound(ctx)
	defer cancel()
	c.looked = time.Now()
	for pause := soonest; sleep(soft.Done(), pause); {
		found, err := c.round(soft)
		if over(soft) {
			break
		}
		if err != nil {
			return err
		}
		if pause = min(2*pause, rarest); found {
			pause = soonest
		}
	}
	if over(ctx) {
		return nil
	}
	return c.stop(ctx)
}

// round looks at the fleet, now and then, and puts questions into the queue as the run
// asks them, unless they have an answer already. It reports whether the next one should
// come soon.
func (c *Coordinator) round(ctx context.Context) (soon bool, err error) {
	if time.Since(c.looked) >= rarest {
		if err := c.watch(ctx); err != nil {
			return false, err
		}
	}
	waiting := c.unanswered()
	found, err := c.deliver(ctx, waiting)
	if err != nil {
		return false, err
	}
	return found > 0 || len(waiting) == 0, c.enqueue(ctx, c.due(waiting))
}

// Close ends the run in the database. In order means that the checkpoint is whole:
// what it was not told yet is told now, and not again to a later run.
func (c *Coordinator) Close(ctx context.Context, inOrder bool) error {
	// Only so long, and not at all when the database does not answer: nobody waits for it.
	ctx, cancel := context.WithTimeout(ctx, 6*operationTimeout)
	defer cancel()
	if err := c.db.ping(ctx); err != nil {
		return err
	}
	if err := c.tellStopped(ctx); err != nil {
		return err
	}
	if err := c.db.withdraw(ctx, c.cfg.Run); err != nil || !inOrder {
		return c.db.safe(err)
	}
	if c.brake.Reason() != nil || c.gaveUp {
		if err := c.tellRest(ctx); err != nil {
			return err
		}
	}
	return c.db.exec(ctx, `UPDATE octave_fleet.run SET ended = clock_timestamp(), seen = clock_timestamp(), done = $2,
		told = (SELECT coalesce(max(id), 0) FROM octave_fleet.call) WHERE id = $1`, c.cfg.Run, c.progress())
}

// tellRest tells the checkpoint of the attempts for questions that the run stopped
// waiting for, or never waited for: they may have been billed.
func (c *Coordinator) tellRest(ctx context.Context) error {
	histories, err := c.histories(ctx, `SELECT `+entryColumns+`, body FROM octave_fleet.call
		WHERE run = $1 AND id > $2 AND result IS DISTINCT FROM 'answered' ORDER BY id`, c.cfg.Run, c.from)
	if err != nil {
		return err
	}
	for key, history := range histories {
		if c.cfg.Journal.State(key) == checkpoint.AnsweredState {
			continue
		}
		if err := c.copyAttempts(key, history, entry{}); err != nil {
			return err
		}
	}
	return nil
}

// insertRows is how many questions are put there at once.
const insertRows = 500

// await makes a question known to those who collect.
func (c *Coordinator) await(w *pending) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		w.outcome <- outcome{err: pipeline.ErrStopped}
	} else {
		c.waiting[w.Key] = w
	}
}

// abandon answers everybody who waits, but for those in keep.
func (c *Coordinator) abandon(keep map[checkpoint.Key]bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopped = true
	for key, w := range c.waiting {
		if !keep[key] {
			delete(c.waiting, key)
			w.outcome <- outcome{err: pipeline.ErrStopped}
		}
	}
}

// due are those of them that are to be put into the queue, once more or at last.
func (c *Coordinator) due(batch []*pending) []*pending {
	return slices.DeleteFunc(c.still(batch), func(w *pending) bool { return time.Since(w.queued) < w.pause })
}

// still are those that wait still.
func (c *Coordinator) still(batch []*pending) (list []*pending) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range batch {
		if c.waiting[w.Key] == w {
			list = append(list, w)
		}
	}
	return list
}

// enqueue puts questions into the queue of the run that are not in it. Doing so again
// brings back what was lost.
func (c *Coordinator) enqueue(ctx context.Context, batch []*pending) error {
	for len(batch) > 0 {
		n, size := 0, 0
		for n < min(len(batch), insertRows) && (n == 0 || size+len(batch[n].Canonical) <= statementBytes) {
			size += len(batch[n].Canonical)
			n++
		}
		if err := c.insert(ctx, batch[:n]); err != nil {
			return err
		}
		batch = batch[n:]
	}
	return nil
}

// freshFor is how old an answer to a question may be. One that came during the run
// is never too old: by the clock of a database that is behind it would be asked
// for, and paid, again and again.
func (c *Coordinator) freshFor(w *pending) time.Time {
	fresh := c.cfg.Fresh
	if w.Since.After(fresh) {
		fresh = w.Since
	}
	if fresh.After(c.began) {
		return c.began
	}
	return fresh
}

// insert is one statement of enqueue.
func (c *Coordinator) insert(ctx context.Context, batch []*pending) error {
	jobs := make([]river.InsertManyParams, 0, len(batch))
	c.mu.Lock()
	for _, w := range batch {
		w.queued, w.pause = time.Now(), min(max(2*w.pause, again), rarelyAgain)
		jobs = append(jobs, river.InsertManyParams{InsertOpts: &river.InsertOpts{Queue: runQueue(c.cfg.Run)}, Args: job{
			Run: c.cfg.Run, Key: w.Key, Incarnation: c.incarnation, Request: w.Canonical, Retries: c.cfg.Policy.Retries, FailAmbiguous: c.cfg.Policy.FailAmbiguous,
			Budgeted: c.cfg.Budgets.HasCalls || c.cfg.Budgets.HasUsage, Since: w.since, Fresh: c.freshFor(w),
			Callback: c.cfg.Callback, Poll: c.cfg.Poll, Row: w.Row, Submission: c.work(w.Key)}})
	}
	c.mu.Unlock()
	return c.db.patient(ctx, func(ctx context.Context) error {
		_, err := c.db.river.InsertMany(ctx, jobs)
		return err
	})
}
