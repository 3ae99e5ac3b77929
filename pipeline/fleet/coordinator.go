package fleet

import (
	"cmp"
	"context"
	"encoding/json"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
	"octave-enrich/pipeline"
)

// Waiting is how many questions a coordinator waits for at the same time: the
// workers of its run. Those behind them are in the queue all the same.
const Waiting = 1024

// CoordinatorConfig says for which run a coordinator asks.
type CoordinatorConfig struct {
	Run        string // its id
	Checkpoint string // the one file that all its runs write, by a name that stays
	Service    string
	Queue      string

	Budgets  pipeline.Budgets
	Policy   pipeline.RetryPolicy
	Fresh    time.Time     // older answers do not count; zero for any age
	Timeout  time.Duration // of a call, which an orderly stop waits for
	Patience time.Duration // how long a database or a service that is away is waited for

	// Whole says that Ahead is called with the whole list.
	Whole bool

	Journal  pipeline.Journal // hears of the attempts of all hosts
	Observer pipeline.Observer
	// Hosts is told that no host serves the queue (0), and why the last one left
	// when that was a rejected key or spent credits, or that some do again.
	Hosts func(n int, left error)
}

// A Coordinator answers the questions of one run with the hosts of a fleet.
type Coordinator struct {
	cfg   CoordinatorConfig
	db    *DB
	brake *pipeline.Brake
	queue int32
	// By the database's clock.
	began time.Time // this run
	since time.Time // what is older was told to this checkpoint by runs before

	asks    chan *waiter
	served  chan struct{} // closed when nobody answers any more
	mu      sync.Mutex
	waiting map[checkpoint.Key]*waiter
	stopped bool                         // nothing is waited for any more
	queued  int                          // questions of this run so far, for their priority
	told    map[checkpoint.Key]time.Time // until when the checkpoint knows of a question that failed in this run
	refused time.Time                    // the last refusal for pace that was told
	failing bool
	alone   time.Time // since when no host serves the queue; zero when one does
	back    time.Time // when the database was reached again; hosts need a moment, too
}

// A waiter is a question of the run that has no answer yet.
type waiter struct {
	*pipeline.Question
	since   time.Time     // a failure before is not its own
	queued  time.Time     // when it was last put into the queue; zero for not yet
	pause   time.Duration // until it is put there again
	outcome chan outcome
}

type outcome struct {
	answer *octave.Answer
	err    error
}

func (c *Coordinator) newWaiter(q *pipeline.Question) *waiter {
	w := &waiter{Question: q, since: c.began, outcome: make(chan outcome, 1)}
	c.mu.Lock()
	defer c.mu.Unlock()
	if told, again := c.told[w.Key]; again {
		w.since = told
	}
	return w
}

// NewCoordinator makes the run known and takes over from those of the same
// checkpoint before it: what they left in the queue is not asked any more, for
// their list may have been another one.
func NewCoordinator(ctx context.Context, db *DB, cfg CoordinatorConfig, brake *pipeline.Brake) (*Coordinator, error) {
	c := &Coordinator{cfg: cfg, db: db, brake: brake, asks: make(chan *waiter, Waiting), served: make(chan struct{}), waiting: map[checkpoint.Key]*waiter{}, told: map[checkpoint.Key]time.Time{}}
	var err error
	if c.queue, err = db.queueID(ctx, cfg.Service, cfg.Queue); err != nil {
		return nil, err
	}
	var before []string
	err = db.transaction(ctx, func(ctx context.Context, tx pgx.Tx) (err error) {
		before, err = c.register(ctx, tx)
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, run := range before {
		if err := c.withdraw(ctx, run); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// register enters the run and returns those that it takes over from. Repeated
// after a commit of unknown end, it does not take over from itself.
func (c *Coordinator) register(ctx context.Context, tx pgx.Tx) (before []string, err error) {
	rows, err := tx.Query(ctx, `UPDATE octave_fleet.run SET stopped = coalesce(stopped, $3)
		WHERE checkpoint = $1 AND id <> $2 AND ended IS NULL RETURNING id`, c.cfg.Checkpoint, c.cfg.Run, stoppedAnew)
	if err != nil {
		return nil, err
	}
	if before, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
		return nil, err
	}
	var ended *time.Time
	if err := tx.QueryRow(ctx, `SELECT max(ended) FROM octave_fleet.run WHERE checkpoint = $1`, c.cfg.Checkpoint).Scan(&ended); err != nil {
		return nil, err
	}
	if ended != nil {
		c.since = *ended
	}
	var maxCalls *int
	var maxUsage, cost *string
	budgets := c.cfg.Budgets
	if budgets.HasCalls {
		maxCalls = &budgets.MaxCalls
	}
	if budgets.HasUsage {
		text := budgets.MaxUsage.String()
		maxUsage = &text
		if known := budgets.CostToRun.Max(budgets.Largest); known.Cmp(pipeline.Amount{}) > 0 {
			text := known.String()
			cost = &text
		}
	}
	if _, err = tx.Exec(ctx, `INSERT INTO octave_fleet.run (id, checkpoint, queue, max_calls, max_usage, cost)
		VALUES ($1, $2, $3, $4, $5::text::numeric, $6::text::numeric) ON CONFLICT (id) DO NOTHING`, c.cfg.Run, c.cfg.Checkpoint, c.queue, maxCalls, maxUsage, cost); err != nil {
		return nil, err
	}
	return before, tx.QueryRow(ctx, `SELECT started FROM octave_fleet.run WHERE id = $1`, c.cfg.Run).Scan(&c.began)
}

// Ask is the agent of the run: it waits for what a host makes of the question.
func (c *Coordinator) Ask(ctx context.Context, q *pipeline.Question) (*octave.Answer, error) {
	w := c.newWaiter(q)
	if c.cfg.Whole {
		w.queued, w.pause = time.Now(), again // or in a moment
	}
	if c.brake.Reason() != nil {
		return nil, pipeline.ErrStopped
	}
	select {
	case c.asks <- w:
	case <-c.brake.Pulled():
		return nil, pipeline.ErrStopped
	}
	select {
	case out := <-w.outcome:
		return out.answer, out.err
	case <-c.served:
		return nil, pipeline.ErrStopped
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Serve puts questions into the queue and brings back what becomes of them, until
// the context ends. After the brake was pulled it waits for calls on the wire,
// and for nothing else.
func (c *Coordinator) Serve(ctx context.Context) error {
	defer close(c.served)
	g, ctx := errgroup.WithContext(ctx)
	// Whoever waits for the database when the brake is pulled stops waiting.
	soft, cancel := c.brake.Bound(ctx)
	defer cancel()
	g.Go(func() error { return c.submit(ctx, soft) })
	g.Go(func() error { return c.collect(ctx, soft) })
	g.Go(func() error { return c.watch(ctx) })
	err := g.Wait()
	if err != nil {
		c.brake.Pull(&pipeline.JournalError{Err: err})
	}
	c.abandon(nil)
	c.notify(pipeline.OnTheWire{})
	return err
}

// Close ends the run in the database. In order means that the checkpoint is whole:
// what it was not told yet is told now, and not again to a later run.
func (c *Coordinator) Close(ctx context.Context, inOrder bool) error {
	return c.once(ctx, func(ctx context.Context) error {
		if _, err := c.db.pool.Exec(ctx, `UPDATE octave_fleet.run SET stopped = coalesce(stopped, $2) WHERE id = $1`, c.cfg.Run, stoppedRun); err != nil {
			return err
		}
		if err := c.withdraw(ctx, c.cfg.Run); err != nil || !inOrder {
			return err
		}
		if c.brake.Reason() != nil {
			if err := c.tellRest(ctx); err != nil {
				return err
			}
		}
		_, err := c.db.pool.Exec(ctx, `UPDATE octave_fleet.run SET ended = clock_timestamp(), seen = clock_timestamp() WHERE id = $1`, c.cfg.Run)
		return err
	})
}

// tellRest tells the checkpoint of the attempts for questions that the run stopped
// waiting for, or never waited for: they may have been billed.
func (c *Coordinator) tellRest(ctx context.Context) error {
	untold := func(key checkpoint.Key) bool { return c.cfg.Journal.State(key) != checkpoint.AnsweredState }
	histories, err := c.histories(ctx, untold, `SELECT key, type, run, host, at, body FROM octave_fleet.record
		WHERE run = $1 AND at >= $2 AND type IN ('asked', 'missed') ORDER BY at`, c.cfg.Run, c.began)
	if err != nil {
		return err
	}
	for key, history := range histories {
		if err := c.copyAttempts(key, history, entry{}); err != nil {
			return err
		}
	}
	return nil
}

// once tries only so long, and not at all when the database does not answer: at
// the end of a run nobody waits for it.
func (c *Coordinator) once(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, 6*operationTimeout)
	defer cancel()
	if err := c.db.ping(ctx); err != nil {
		return err
	}
	return c.db.safe(do(ctx))
}

// Ahead puts the questions of a whole list into the queue, long before the run
// waits for their answers: hosts go on when this process is gone.
func (c *Coordinator) Ahead(ctx context.Context, questions iter.Seq2[*pipeline.Question, error]) error {
	ctx, cancel := c.brake.Bound(ctx)
	defer cancel()
	batch := make([]*waiter, 0, insertRows)
	var failed error
	flush := func() bool {
		failed = c.enqueue(ctx, batch)
		batch = batch[:0]
		return failed == nil && c.brake.Reason() == nil
	}
	for q, err := range questions {
		if err != nil {
			return nil // the run itself reads the same and says so
		}
		batch = append(batch, c.newWaiter(q))
		if len(batch) == insertRows && !flush() {
			break
		}
	}
	if failed == nil && len(batch) > 0 && c.brake.Reason() == nil {
		flush()
	}
	if c.brake.Reason() != nil || ctx.Err() != nil {
		return nil
	}
	return failed
}

// insertRows is how many questions share a statement at most.
const insertRows = 2000

// submit puts questions into the queue as the run asks them, unless they go there
// ahead of it, in the order of the list.
func (c *Coordinator) submit(ctx, soft context.Context) error {
	for {
		select {
		case first := <-c.asks:
			batch := c.gather(first)
			err := c.enqueue(soft, due(batch))
			c.await(batch)
			if err != nil && !over(soft) {
				return err
			}
		case <-ctx.Done():
			return nil
		}
	}
}

func (c *Coordinator) gather(first *waiter) []*waiter {
	batch := []*waiter{first}
	for len(batch) < insertRows {
		select {
		case w := <-c.asks:
			batch = append(batch, w)
		default:
			return inOrder(batch)
		}
	}
	return inOrder(batch)
}

// inOrder sorts questions as the list does: rows come out in its order.
func inOrder(batch []*waiter) []*waiter {
	slices.SortStableFunc(batch, func(a, b *waiter) int { return cmp.Compare(a.Row, b.Row) })
	return batch
}

// await makes the questions known to those who collect.
func (c *Coordinator) await(batch []*waiter) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range batch {
		if c.stopped {
			w.outcome <- outcome{err: pipeline.ErrStopped}
		} else {
			c.waiting[w.Key] = w
		}
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

// due are the questions that are to be put into the queue, once more or at last.
func due(list []*waiter) (now []*waiter) {
	for _, w := range list {
		if time.Since(w.queued) >= w.pause {
			now = append(now, w)
		}
	}
	return now
}

// priorities let a short list not wait for a long one that came before: the first
// questions of every run go before the rest of any.
func priority(nth int) int16 {
	switch {
	case nth < 1_000:
		return 1
	case nth < 20_000:
		return 2
	}
	return 3
}

// enqueue puts questions into the queue that are not in it and have no outcome.
// Doing so again brings back what was withdrawn by the run that it belonged to.
func (c *Coordinator) enqueue(ctx context.Context, batch []*waiter) error {
	for len(batch) > 0 {
		n, size := 0, 0
		for n < len(batch) && (n == 0 || size+len(batch[n].Canonical) <= statementBytes) {
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
func (c *Coordinator) freshFor(w *waiter) time.Time {
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
func (c *Coordinator) insert(ctx context.Context, batch []*waiter) error {
	n := len(batch)
	keys, args := make([][]byte, n), make([]string, n)
	priorities, since, fresh := make([]int16, n), make([]time.Time, n), make([]time.Time, n)
	c.mu.Lock()
	for i, w := range batch {
		keys[i] = scoped(c.queue, w.Key)
		priorities[i], since[i], fresh[i] = priority(c.queued), w.since, c.freshFor(w)
		if w.queued.IsZero() {
			c.queued++
		}
		w.queued, w.pause = time.Now(), min(max(2*w.pause, again), rarelyAgain)
		text, err := json.Marshal(job{Format: Format, Key: w.Key, Run: c.cfg.Run, Request: w.Canonical,
			Retries: c.cfg.Policy.Retries, FailAmbiguous: c.cfg.Policy.FailAmbiguous, Since: w.since, Fresh: fresh[i]})
		if err != nil {
			c.mu.Unlock()
			return err
		}
		args[i] = string(text)
	}
	c.mu.Unlock()
	return c.db.pipeline(ctx, func(b *pgx.Batch) {
		b.Queue(enqueueSQL, keys, args, priorities, since, fresh, riverQueue(c.queue), kind)
	})
}

// enqueueSQL keeps the order of the list (by scheduled_at) but inserts in that of
// the keys: two coordinators with the same list wait for each other's rows and
// must not do so crosswise. That the record's key is among all of them says nothing
// new, but lets the planner probe the index whatever it believes of the table. The bits of unique_states are the states in which a
// job is in the queue or in a host's hands.
const enqueueSQL = `INSERT INTO octave_fleet.river_job (args, kind, max_attempts, priority, queue, state, scheduled_at, unique_key, unique_states, tags)
	SELECT q.args::jsonb, $7, 32767, q.priority, $6, 'available', now() + q.nth * interval '1 microsecond', q.key, B'11110001', '{}'
	FROM unnest($1::bytea[], $2::text[], $3::smallint[], $4::timestamptz[], $5::timestamptz[]) WITH ORDINALITY AS q(key, args, priority, since, fresh, nth)
	WHERE NOT EXISTS (
		SELECT FROM octave_fleet.record r WHERE r.key = ANY($1) AND r.key = q.key AND r.type IN ('answered', 'failed')
		AND (r.type = 'answered' AND r.at >= q.fresh OR r.type = 'failed' AND r.at > q.since))
	ORDER BY q.key
	ON CONFLICT (unique_key) WHERE unique_key IS NOT NULL AND unique_states IS NOT NULL AND octave_fleet.river_job_state_in_bitmask(unique_states, state)
	DO NOTHING`

// withdraw takes what a run left in the queue out of it. Its calls on the wire go
// on.
func (c *Coordinator) withdraw(ctx context.Context, run string) error {
	for {
		var gone int64
		err := c.db.patient(ctx, func(ctx context.Context) error {
			tag, err := c.db.pool.Exec(ctx, `DELETE FROM octave_fleet.river_job WHERE id = ANY(ARRAY(
				SELECT id FROM octave_fleet.river_job WHERE state = 'available' AND queue = $1 AND args->>'run' = $2
				LIMIT $3 FOR UPDATE SKIP LOCKED))`, riverQueue(c.queue), run, withdrawRows)
			gone = tag.RowsAffected()
			return err
		})
		if err != nil || gone < withdrawRows {
			return err
		}
	}
}

const withdrawRows = 20_000
