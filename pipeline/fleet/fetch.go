package fleet

import (
	"cmp"
	"context"
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
	for waited := time.Duration(0); waited < look && w.brake.Reason() == nil && params.MaxToLock > 0; {
		jobs, wait, err := w.fetch(params)
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

// A catch is what came out of the queue in one transaction.
type catch struct {
	rows  []*rivertype.JobRow // what may start
	turns []*turn

	done    []int64 // answered already, or of a run that has stopped
	refused []int64 // of another version
	records recordRows
	calls   map[string]int    // started, by run
	spent   map[string]string // why a run stops here
}

func newCatch() *catch { return &catch{calls: map[string]int{}, spent: map[string]string{}} }

// fetch takes as many jobs as may start, each with its start, its asked record
// and its place in the budget of its run, in one transaction.
func (w *Worker) fetch(params *riverdriver.JobGetAvailableParams) (jobs []*rivertype.JobRow, wait time.Duration, err error) {
	var c *catch
	var accepted int64
	err = w.db.transaction(w.soft(), func(ctx context.Context, tx pgx.Tx) error {
		c = newCatch()
		s, err := openSchedule(ctx, tx, w.cfg.Account)
		if err != nil {
			return paceError(err)
		}
		if s.stopped != nil {
			w.brake.Pull(s.stopped)
			return nil
		}
		accepted = w.accepted.Load()
		s.pace.Accepted(int(accepted))
		var n int
		if n, wait = s.free(params.MaxToLock); n > 0 {
			if err := w.take(ctx, tx, c, params, n); err != nil {
				return err
			}
			if wait = idle; len(c.done)+len(c.refused) > 0 {
				wait = 0
			}
		}
		for i, start := range s.give(len(c.turns), w.probe()) {
			c.turns[i].start = start
		}
		w.see(s)
		batch := &pgx.Batch{}
		if err := s.save(batch); err != nil {
			return err
		}
		c.write(batch, w)
		return tx.SendBatch(ctx, batch).Close()
	})
	if err != nil {
		return nil, wait, err
	}
	w.accepted.Add(-accepted)
	w.mu.Lock()
	for _, t := range c.turns {
		w.turns[t.id] = t
	}
	w.mu.Unlock()
	return c.rows, wait, nil
}

// soft is a context that ends with the brake.
func (w *Worker) soft() context.Context { return w.brake.Context() }

// take moves up to n jobs out of the queue and sorts them by what becomes of them.
func (w *Worker) take(ctx context.Context, tx pgx.Tx, c *catch, params *riverdriver.JobGetAvailableParams, n int) error {
	limited := *params
	limited.MaxToLock = n
	got, err := w.driver.UnwrapExecutor(tx).JobGetAvailable(ctx, &limited)
	if err != nil || len(got.Jobs) == 0 {
		return err
	}
	slices.SortFunc(got.Jobs, func(a, b *rivertype.JobRow) int {
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), a.ScheduledAt.Compare(b.ScheduledAt), cmp.Compare(a.ID, b.ID))
	})
	var turns []*turn
	for _, row := range got.Jobs {
		j, request, err := parseJob(row.EncodedArgs)
		if err != nil {
			w.cfg.Log.Warn("a job that this version does not understand is left to others", slog.Int64("job", row.ID), slog.String("error", err.Error()))
			c.refused = append(c.refused, row.ID)
			continue
		}
		turns = append(turns, &turn{job: j, worker: w, id: row.ID, request: request, reign: w.reign.Load()})
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

// knowledge is what the database says about the jobs of a catch.
type knowledge struct {
	runs     map[string]runState
	answered map[checkpoint.Key]time.Time // when last
}

type runState struct {
	stopped bool
	left    int // calls, -1 for no limit
	spent   bool
}

// lookUp locks the runs of the jobs and looks for answers that are there already.
// Of a question that had an answer when its job was put into the queue, or got it
// from another host since, nobody pays for a second one.
func (w *Worker) lookUp(ctx context.Context, tx pgx.Tx, turns []*turn) (k knowledge, err error) {
	k = knowledge{runs: map[string]runState{}, answered: map[checkpoint.Key]time.Time{}}
	var runs []string
	var keys [][]byte
	for _, t := range turns {
		if !slices.Contains(runs, t.Run) {
			runs = append(runs, t.Run)
		}
		keys = append(keys, t.Key[:])
	}
	slices.Sort(runs) // two hosts lock them in the same order
	batch := &pgx.Batch{}
	batch.Queue(`SELECT id, stopped IS NOT NULL, coalesce(max_calls - calls, -1), coalesce(usage >= max_usage, false)
		FROM octave_fleet.run WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE`, runs).Query(func(rows pgx.Rows) error {
		var id string
		var s runState
		_, err := pgx.ForEachRow(rows, []any{&id, &s.stopped, &s.left, &s.spent}, func() error { k.runs[id] = s; return nil })
		return err
	})
	batch.Queue(`SELECT key, max(at) FROM octave_fleet.record WHERE queue = $1 AND key = ANY($2) AND type = 'answered' AND type IN ('answered', 'failed') GROUP BY key`,
		w.queue, keys).Query(func(rows pgx.Rows) error {
		var key []byte
		var at time.Time
		_, err := pgx.ForEachRow(rows, []any{&key, &at}, func() error { k.answered[checkpoint.Key(key)] = at; return nil })
		return err
	})
	return k, tx.SendBatch(ctx, batch).Close()
}

// sort decides what becomes of a job.
func (c *catch) sort(t *turn, row *rivertype.JobRow, known knowledge) {
	switch {
	case !c.admit(t, known):
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

// admit says whether a call may be made for a job: nobody has answered it, and
// its run goes on and can pay for it.
func (c *catch) admit(t *turn, known knowledge) bool {
	at, answered := known.answered[t.Key]
	run, exists := known.runs[t.Run]
	switch {
	case answered && !at.Before(t.Fresh), !exists, run.stopped, c.spent[t.Run] != "":
		return false
	case run.spent:
		c.spent[t.Run] = stoppedUsage
		return false
	case !t.asked && run.left >= 0 && c.calls[t.Run] >= run.left:
		c.spent[t.Run] = stoppedCalls
		return false
	}
	return true
}

// ask notes a call, unless one was noted and never made.
func (c *catch) ask(t *turn) {
	if t.asked {
		return
	}
	t.asked = true
	c.calls[t.Run]++
	c.note(t, checkpoint.Record{Type: checkpoint.Asked, Key: t.Key})
}

func (c *catch) giveUp(t *turn, why string) {
	c.note(t, failedRecord(t.job, why))
	c.done = append(c.done, t.id)
}

func (c *catch) note(t *turn, rec checkpoint.Record) {
	it := recordOf(rec, t)
	it.seq = t.worker.store.seq.Add(1)
	c.records.add(it)
}

// write queues what the catch changes.
func (c *catch) write(batch *pgx.Batch, w *Worker) {
	c.records.insert(batch, w.host, w.queue)
	if len(c.done) > 0 {
		batch.Queue(`DELETE FROM octave_fleet.river_job WHERE id = ANY($1)`, c.done)
	}
	if len(c.refused) > 0 {
		batch.Queue(`UPDATE octave_fleet.river_job SET state = 'available', attempt = greatest(attempt - 1, 0), scheduled_at = now() + $2 WHERE id = ANY($1)`,
			c.refused, refusedFor)
	}
	for run, calls := range c.calls {
		batch.Queue(`UPDATE octave_fleet.run SET calls = calls + $2 WHERE id = $1 AND max_calls IS NOT NULL`, run, calls)
	}
	for run, word := range c.spent {
		batch.Queue(`UPDATE octave_fleet.run SET stopped = $2 WHERE id = $1 AND stopped IS NULL`, run, word)
	}
}

// lease gets another start for a job that this host holds, and notes the call. It
// returns ErrStopped when none may start.
func (w *Worker) lease(t *turn) error {
	noted := t.asked
	for {
		var wait time.Duration
		err := w.db.transaction(w.soft(), func(ctx context.Context, tx pgx.Tx) (err error) {
			t.asked, t.start = noted, time.Time{}
			wait, err = w.tryLease(ctx, tx, t)
			return err
		})
		switch {
		case w.brake.Reason() != nil, err == nil && wait < 0:
			t.asked, t.start = t.asked && err == nil, time.Time{}
			return pipeline.ErrStopped
		case err != nil:
			return &pipeline.JournalError{Err: err}
		case !t.start.IsZero():
			return nil
		case !sleep(w.brake.Pulled(), wait):
			return pipeline.ErrStopped
		}
	}
}

// tryLease returns how long to wait before the next try, less than 0 when none
// makes sense.
func (w *Worker) tryLease(ctx context.Context, tx pgx.Tx, t *turn) (wait time.Duration, err error) {
	s, err := openSchedule(ctx, tx, w.cfg.Account)
	if err != nil {
		return 0, paceError(err)
	}
	if s.stopped != nil {
		w.brake.Pull(s.stopped)
		return -1, nil
	}
	known, err := w.lookUp(ctx, tx, []*turn{t})
	if err != nil {
		return 0, err
	}
	c := newCatch()
	n, wait := s.free(1)
	switch {
	case t.reign != w.reign.Load() || !c.admit(t, known):
		wait = -1
	case n > 0:
		c.ask(t)
		t.start = s.give(1, w.probe())[0]
	}
	w.see(s)
	batch := &pgx.Batch{}
	if err := s.save(batch); err != nil {
		return 0, err
	}
	c.write(batch, w)
	return wait, tx.SendBatch(ctx, batch).Close()
}

// probe is how long the one call of an outage keeps all others back at most, for
// its host may be lost.
func (w *Worker) probe() time.Duration { return w.cfg.Timeout + time.Second }

// Why a run was stopped by its hosts; the kinds of errors that stop everybody are
// the others.
const (
	stoppedUsage = "max-usage"
	stoppedCalls = "max-calls"
	stoppedAnew  = "superseded" // its checkpoint has a newer run
	stoppedRun   = "stopped"    // by itself
)

// stopReason is why a run was stopped by others, nil when it was not.
func stopReason(word string, text *string) error {
	switch word {
	case "", stoppedRun:
		return nil
	case stoppedUsage:
		return pipeline.ErrMaxUsage
	case stoppedCalls:
		return pipeline.ErrMaxCalls
	case octave.KindKey.String(), octave.KindCredits.String():
		return stopError(word, text)
	}
	return fmt.Errorf("stopped: %s", word)
}
