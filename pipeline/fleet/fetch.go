package fleet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivershared/baseservice"
	"github.com/riverqueue/river/rivershared/riverpilot"
	"github.com/riverqueue/river/rivertype"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
	"octave-enrich/pipeline"
)

// A driver is the engine's own, but for two things that its pilot decides.
type driver struct {
	*riverpgxv5.Driver
	pilot *pilot
}

func newDriver(pool *pgxpool.Pool, w *Worker) *driver {
	return &driver{riverpgxv5.New(pool), &pilot{worker: w}}
}

// PluginInit implements the engine's plugin.
func (d *driver) PluginInit(*baseservice.Archetype) {}

// PluginPilot implements the engine's plugin.
func (d *driver) PluginPilot() riverpilot.Pilot { return d.pilot }

// A pilot fetches as many jobs as may start instead of as many as there is room
// for, and leaves the end of a job to the transaction that stored its answer.
type pilot struct {
	riverpilot.StandardPilot
	worker *Worker
}

// JobGetAvailable returns jobs that may start, after a while none.
func (p *pilot) JobGetAvailable(_ context.Context, _ riverdriver.Executor, _ riverpilot.ProducerState, params *riverdriver.JobGetAvailableParams) (*riverdriver.JobGetAvailableResult, error) {
	w := p.worker
	// Not the engine's context, which outlives an orderly stop.
	for waited := time.Duration(0); waited < look && w.brake.Reason() == nil && params.MaxToLock > 0; {
		jobs, wait, err := w.fetch(w.brake.Context(), params) //nolint:contextcheck // see above
		if err != nil || len(jobs) > 0 {
			return &riverdriver.JobGetAvailableResult{Jobs: jobs}, err
		}
		if !sleep(w.brake.Pulled(), wait) {
			break
		}
		waited += wait
	}
	return &riverdriver.JobGetAvailableResult{}, nil
}

// JobSetStateIfRunningMany is told of jobs that have ended, of which the engine
// need not take note: they have left the queue already, or are in other hands.
func (p *pilot) JobSetStateIfRunningMany(context.Context, riverdriver.Executor, *riverdriver.JobSetStateIfRunningManyParams) ([]*rivertype.JobRow, error) {
	return nil, nil
}

const (
	// lostHosts is how many hosts may die with a question in their hands before it
	// is given up: it may be what they die of.
	lostHosts = 5
	// refusedFor is how long a job that this version does not understand is left
	// to others.
	refusedFor = time.Minute
	// idle is how long a host waits when the queue was empty.
	idle = 250 * time.Millisecond
)

// A fetched is what came out of the queue in one transaction.
type fetched struct {
	rows  []*rivertype.JobRow // what may start
	turns []*turn

	done    []int64 // answered already, or of a run that has stopped
	refused []int64 // of another version
	waiting []int64 // their run can not pay for one more call in flight
	records recordRows
	counted map[string]int    // calls of runs that have a budget
	spent   map[string]string // why a run stops here
}

func newFetched() *fetched { return &fetched{counted: map[string]int{}, spent: map[string]string{}} }

func (c *fetched) empty() bool { return len(c.turns)+len(c.done)+len(c.refused)+len(c.waiting) == 0 }

// fetch takes as many jobs as there are starts for, each with its asked record and
// its place in the budget of its run, in one transaction.
func (w *Worker) fetch(ctx context.Context, params *riverdriver.JobGetAvailableParams) (jobs []*rivertype.JobRow, wait time.Duration, err error) {
	limited := *params
	if !w.unbound() { // so that no start is leased in vain
		if limited.MaxToLock, err = w.available(ctx, params); err != nil || limited.MaxToLock == 0 {
			return nil, idle, err
		}
	}
	starts, wait, err := w.lease(ctx, limited.MaxToLock)
	if err != nil || len(starts) == 0 {
		return nil, wait, err
	}
	limited.MaxToLock = len(starts)
	c := newFetched()
	err = w.db.transaction(ctx, func(ctx context.Context, tx pgx.Tx) error {
		c = newFetched()
		if err := w.take(ctx, tx, c, &limited); err != nil {
			return err
		}
		batch := &pgx.Batch{}
		c.write(batch, w)
		return tx.SendBatch(ctx, batch).Close()
	})
	unused := starts[min(len(c.turns), len(starts)):]
	if err != nil {
		unused = starts
	}
	w.giveUp(unused) //nolint:contextcheck // its own; if a start was a probe's, others may probe
	if err != nil && !over(ctx) {
		w.brake.Pull(&pipeline.JournalError{Err: err}) // it refuses for good
	}
	if err != nil || c.empty() {
		return nil, idle, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, t := range c.turns {
		t.start = starts[i]
		w.turns[t.id] = t
	}
	return c.rows, 0, nil
}

// available counts what could be fetched.
func (w *Worker) available(ctx context.Context, params *riverdriver.JobGetAvailableParams) (n int, err error) {
	err = w.db.patient(ctx, func(ctx context.Context) error {
		return w.db.pool.QueryRow(ctx, `SELECT count(*) FROM (SELECT FROM octave_fleet.river_job
			WHERE state = 'available' AND queue = $1 AND scheduled_at <= now() LIMIT $2) j`, params.Queue, params.MaxToLock).Scan(&n)
	})
	return n, err
}

// take moves jobs out of the queue and sorts them by what becomes of them.
func (w *Worker) take(ctx context.Context, tx pgx.Tx, c *fetched, params *riverdriver.JobGetAvailableParams) error {
	got, err := w.driver.UnwrapExecutor(tx).JobGetAvailable(ctx, params)
	if err != nil || len(got.Jobs) == 0 {
		return err
	}
	slices.SortFunc(got.Jobs, func(a, b *rivertype.JobRow) int {
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), a.ScheduledAt.Compare(b.ScheduledAt), cmp.Compare(a.ID, b.ID))
	})
	var turns []*turn
	for _, row := range got.Jobs {
		j, q, err := parseJob(row.EncodedArgs)
		if err != nil {
			w.cfg.Log.Warn("a job that this version does not understand is left to others", slog.Int64("job", row.ID), slog.String("error", err.Error()))
			c.refused = append(c.refused, row.ID)
			continue
		}
		turns = append(turns, &turn{job: j, worker: w, id: row.ID, question: q, asked: true})
	}
	known, err := w.lookUp(ctx, tx, turns)
	if err != nil {
		return err
	}
	rows := map[int64]*rivertype.JobRow{}
	for _, row := range got.Jobs {
		rows[row.ID] = row
	}
	for _, t := range turns {
		c.sort(t, rows[t.id], known)
	}
	return nil
}

// knowledge is what the database says about the jobs that were fetched.
type knowledge struct {
	runs     map[string]runState
	answered map[checkpoint.Key]time.Time // when last
	failed   map[checkpoint.Key]time.Time // likewise
}

type runState struct {
	stopped  bool
	left     int  // calls, -1 for no limit
	budgeted bool // with a limit of usage
	spent    bool // which holds no further call, were none in flight
	fits     int  // calls that it holds at the same time
	inFlight int  // calls of a run with a limit of usage
}

// lookUp locks the runs of the jobs and looks for outcomes that are there already.
// Of a question that had an answer when its job was put into the queue, or got it
// from another host since, nobody pays for a second one.
func (w *Worker) lookUp(ctx context.Context, tx pgx.Tx, turns []*turn) (k knowledge, err error) {
	k = knowledge{map[string]runState{}, map[checkpoint.Key]time.Time{}, map[checkpoint.Key]time.Time{}}
	var runs []string
	var keys [][]byte
	var ids []int64
	for _, t := range turns {
		ids = append(ids, t.id)
		if !slices.Contains(runs, t.Run) {
			runs = append(runs, t.Run)
		}
		keys = append(keys, scoped(w.queue, t.Key))
	}
	batch := &pgx.Batch{}
	// A run that is told to stop waits for fetches that saw it go on. Only those
	// that may change it, because of a budget, exclude each other.
	for _, lock := range []string{
		`coalesce(max_calls, max_usage) IS NULL FOR SHARE`,
		`coalesce(max_calls, max_usage) IS NOT NULL ORDER BY id FOR NO KEY UPDATE`,
	} {
		batch.Queue(`SELECT id, stopped IS NOT NULL, coalesce(max_calls - calls, -1), max_usage IS NOT NULL,
				coalesce(max_usage <= 0 OR usage + coalesce(cost, 1) > max_usage, false),
				least(greatest(coalesce(floor((max_usage - usage) / coalesce(cost, 1)), 0), 0), 1000000)::int
			FROM octave_fleet.run WHERE id = ANY($1) AND `+lock, runs).Query(func(rows pgx.Rows) error {
			var id string
			var s runState
			_, err := pgx.ForEachRow(rows, []any{&id, &s.stopped, &s.left, &s.budgeted, &s.spent, &s.fits}, func() error { k.runs[id] = s; return nil })
			return err
		})
	}
	w.lookInFlight(batch, k, runs, ids)
	batch.Queue(`SELECT key, type = 'answered', max(at) FROM octave_fleet.record WHERE key = ANY($1) AND type IN ('answered', 'failed') GROUP BY 1, 2`, keys).
		Query(func(rows pgx.Rows) error {
			var key []byte
			var answered bool
			var at time.Time
			_, err := pgx.ForEachRow(rows, []any{&key, &answered, &at}, func() error {
				if answered {
					k.answered[unscoped(key)] = at
				} else {
					k.failed[unscoped(key)] = at
				}
				return nil
			})
			return err
		})
	return k, tx.SendBatch(ctx, batch).Close()
}

// lookInFlight counts the jobs in the hands of hosts, but for these, of runs that
// have a budget of usage. It comes behind the lock of the run, so that it sees what
// others fetched before.
func (w *Worker) lookInFlight(batch *pgx.Batch, k knowledge, runs []string, but []int64) {
	batch.Queue(`SELECT r.id, count(*) FROM octave_fleet.run r JOIN octave_fleet.river_job j ON j.args->>'run' = r.id
		WHERE r.id = ANY($1) AND r.max_usage IS NOT NULL AND j.state = 'running' AND j.queue = $2 AND j.id <> ALL($3) GROUP BY r.id`, runs, riverQueue(w.queue), but).
		Query(func(rows pgx.Rows) error {
			var id string
			var n int
			_, err := pgx.ForEachRow(rows, []any{&id, &n}, func() error {
				s := k.runs[id]
				s.inFlight = n
				k.runs[id] = s
				return nil
			})
			return err
		})
}

// sort decides what becomes of a job.
func (c *fetched) sort(t *turn, row *rivertype.JobRow, known knowledge) {
	switch admitted := c.admit(known, t); {
	case admitted == later:
		c.waiting = append(c.waiting, t.id)
	case admitted == never:
		c.done = append(c.done, t.id)
	case row.Attempt > lostHosts:
		c.giveUp(t, fmt.Sprintf("given up: %d hosts were lost while they asked", lostHosts))
	case row.Attempt > 1 && t.FailAmbiguous:
		c.giveUp(t, "a host was lost while it asked: possibly billed, and not repeated")
	default:
		c.ask(t)
		c.rows, c.turns = append(c.rows, row), append(c.turns, t)
	}
}

// Whether a call may be made for a job.
type admission int

const (
	never admission = iota
	later           // not beside the calls in flight, which may cost less than expected
	now
)

// admit says whether a call may be made for a job: it has no outcome yet, and its
// run goes on and can pay for it.
func (c *fetched) admit(known knowledge, t *turn) admission {
	at, answered := known.answered[t.Key]
	run, exists := known.runs[t.Run]
	switch {
	case answered && !at.Before(t.Fresh), known.failed[t.Key].After(t.Since):
		return never
	case !exists, run.stopped, c.spent[t.Run] != "":
		return never
	case run.spent:
		c.spent[t.Run] = stoppedUsage
		return never
	case run.left >= 0 && c.counted[t.Run] >= run.left:
		c.spent[t.Run] = stoppedCalls
		return never
	case run.budgeted && run.inFlight+c.counted[t.Run] >= run.fits:
		return later
	}
	t.budgeted, t.counted = run.budgeted, run.budgeted || run.left >= 0
	return now
}

// ask notes a call.
func (c *fetched) ask(t *turn) {
	if t.counted {
		c.counted[t.Run]++
	}
	c.note(t, checkpoint.Record{Type: checkpoint.Asked, Key: t.Key})
}

func (c *fetched) giveUp(t *turn, why string) {
	c.note(t, failedRecord(t.job, why))
	c.done = append(c.done, t.id)
}

func (c *fetched) note(t *turn, rec checkpoint.Record) {
	it := recordOf(rec, t)
	it.seq = t.worker.store.seq.Add(1)
	c.records.add(t.worker.queue, it)
}

// write queues what was found out about the jobs.
func (c *fetched) write(batch *pgx.Batch, w *Worker) {
	c.records.insert(batch, w.host, w.queue, false)
	if len(c.done) > 0 {
		batch.Queue(`DELETE FROM octave_fleet.river_job WHERE id = ANY($1)`, c.done)
	}
	for pause, ids := range map[time.Duration][]int64{refusedFor: c.refused, idle: c.waiting} {
		if len(ids) > 0 {
			batch.Queue(`UPDATE octave_fleet.river_job SET state = 'available', attempt = greatest(attempt - 1, 0), scheduled_at = now() + $2 WHERE id = ANY($1)`,
				ids, pause)
		}
	}
	for run, calls := range c.counted {
		batch.Queue(`UPDATE octave_fleet.run SET calls = calls + $2 WHERE id = $1`, run, calls)
	}
	for run, word := range c.spent {
		batch.Queue(`UPDATE octave_fleet.run SET stopped = $2 WHERE id = $1 AND stopped IS NULL`, run, word)
	}
}

// another gets a start for one more call of a job that this host holds, and notes
// the call. It returns ErrStopped when none may start.
func (w *Worker) another(t *turn) error {
	for t.start.at.IsZero() {
		starts, wait, err := w.lease(w.brake.Context(), 1)
		if err != nil {
			return journalError(err)
		}
		if len(starts) == 0 {
			if !sleep(w.brake.Pulled(), wait) {
				return pipeline.ErrStopped
			}
			continue
		}
		t.start = starts[0]
	}
	admitted := false
	err := w.db.transaction(w.brake.Context(), func(ctx context.Context, tx pgx.Tx) error {
		c := newFetched()
		// Others may have taken this host for dead, and asked.
		var held bool
		if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM octave_fleet.river_job WHERE id = $1 AND `+heldBy+` FOR UPDATE)`, t.id, w.name).Scan(&held); err != nil {
			return err
		}
		known, err := w.lookUp(ctx, tx, []*turn{t})
		if err != nil {
			return err
		}
		admitted = held && (t.asked || c.admit(known, t) == now)
		if admitted && !t.asked { // else it is for a call that came too late to be made
			c.ask(t)
		}
		batch := &pgx.Batch{}
		c.write(batch, w)
		return tx.SendBatch(ctx, batch).Close()
	})
	if err == nil && !admitted {
		err = pipeline.ErrStopped
	}
	if err != nil {
		t.Ended(t.start.call, t.Key, nil, pipeline.ErrStopped)
		t.start = lease{}
		return journalError(err)
	}
	t.asked = true
	return nil
}

// journalError is what an agent returns when the database fails for good, and
// ErrStopped when it was only given up.
func journalError(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, pipeline.ErrStopped) {
		return pipeline.ErrStopped
	}
	return &pipeline.JournalError{Err: err}
}

// Why a run was stopped by its hosts; the kinds of errors that stop everybody are
// the others.
const (
	stoppedUsage = "max-usage"
	stoppedCalls = "max-calls"
	stoppedAnew  = "superseded" // its checkpoint has a newer run
	stoppedRun   = "stopped"    // by itself
)

// ErrSuperseded says that a newer run with the same checkpoint, or a copy of it,
// has taken over.
var ErrSuperseded = errors.New("a newer run with a copy of this checkpoint took over")

// stopReason is why a run was stopped by others, nil when it was not.
func stopReason(word string, text *string) error {
	switch word {
	case "", stoppedRun:
		return nil
	case stoppedUsage:
		return pipeline.ErrMaxUsage
	case stoppedCalls:
		return pipeline.ErrMaxCalls
	case octave.CauseKey.String(), octave.CauseCredits.String():
		return stopError(word, text)
	}
	return ErrSuperseded
}
