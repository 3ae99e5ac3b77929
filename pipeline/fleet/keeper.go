package fleet

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"golang.org/x/time/rate"

	"octave-enrich/pipeline"
)

// A keeper says that its host is alive, and has it serve the runs that go on.
type keeper struct {
	w           *Worker
	client      *river.Client[pgx.Tx]
	served      map[string]bool // false for one that still has calls on the wire
	incarnation string          // of the database
}

const beat = 500 * time.Millisecond

// run beats until the context ends. A host that cannot beat must not work.
func (k *keeper) run(ctx context.Context) error {
	w := k.w
	for {
		w.pulse.beat(time.Now())
		var runs []string
		err := w.db.patient(ctx, func(ctx context.Context) (err error) { runs, err = k.beat(ctx); return err })
		if over(ctx) {
			return nil
		}
		if err != nil {
			w.brake.Pull(&pipeline.JournalError{Err: err})
			return err
		}
		k.serve(ctx, runs)
		if !sleep(ctx.Done(), beat) {
			return nil
		}
	}
}

// goesOn says that a run is asked for: nobody paused it, somebody watches it, and its
// coordinator knows this database.
const goesOn = `(paused IS NULL AND incarnation = octave_fleet.incarnation() AND coalesce(seen > clock_timestamp() - orphan_after, true))`

// beat says that this host lives, and returns the runs to serve.
func (k *keeper) beat(ctx context.Context) (runs []string, err error) {
	w := k.w
	batch := &pgx.Batch{}
	var id int32
	known := func() error { w.host.Store(id); return nil }
	each(batch, []any{&id}, known, `UPDATE octave_fleet.host SET seen = clock_timestamp(), in_flight = $2, queue = $3, ended = NULL WHERE name = $1 RETURNING id`,
		w.name, w.InFlight(), w.queue.Load())
	each(batch, []any{&id}, known, `INSERT INTO octave_fleet.host (name, version, format, queue, account, slots)
		SELECT $1, $2, $3, $4, $5, $6 WHERE NOT EXISTS (SELECT FROM octave_fleet.host WHERE name = $1) RETURNING id`,
		w.name, w.cfg.Version, ourFormat, w.queue.Load(), w.cfg.Account, w.cfg.Slots)
	var kind, text string // why this key may not ask; one that is idle does not hear of it otherwise
	one(batch, []any{&kind, &text}, `SELECT coalesce(kind, ''), coalesce(error, '') FROM octave_fleet.pace WHERE account = $1`, w.cfg.Account)
	var hosts, places, elsewhere int64
	one(batch, []any{&hosts, &places, &elsewhere}, `SELECT count(*), coalesce(sum(slots), 0), coalesce(sum(slots - in_flight) FILTER (WHERE queue = $3 AND name <> $4), 0)
		FROM octave_fleet.host WHERE account = $1 AND ended IS NULL AND seen > clock_timestamp() - $2::interval`,
		w.cfg.Account, deadFor, w.queue.Load(), w.name)
	collect(batch, &runs, pgx.RowTo[string], `SELECT id FROM octave_fleet.run WHERE queue = $1 AND ended IS NULL AND stopped IS NULL AND `+goesOn, w.queue.Load())
	var incarnation string
	one(batch, []any{&incarnation}, `SELECT octave_fleet.incarnation()`)
	if err := w.db.pool.SendBatch(ctx, batch).Close(); err != nil {
		return nil, err
	}
	w.places.Store(places)
	w.elsewhere.Store(elsewhere)
	w.polls.SetLimit(rate.Every(time.Minute/pipeline.PollsPerMinute) / rate.Limit(max(hosts, 1)))
	if kind != "" {
		stop := stopError(kind, text)
		_ = w.pacing.join(func(s *schedule) {
			if s.stopped { // still: runs that began since have to know, too
				s.forbid(w.queue.Load(), stop.Cause, stop.Error())
			}
		})
		w.brake.Pull(stop)
	}
	if k.incarnation != "" && incarnation != k.incarnation {
		w.cfg.Warn("this is another database, or one of before: nothing is asked for a run until it says that it goes on")
		queue, err := w.db.queueID(ctx, w.cfg.Service, w.cfg.Queue) // it may have another number here
		if err != nil {
			return nil, err
		}
		w.queue.Store(queue)
	}
	k.incarnation = incarnation
	return runs, nil
}

// serve takes jobs from the queues of these runs, and of no others. Calls on the wire
// of a run that is not served any more go on.
func (k *keeper) serve(ctx context.Context, runs []string) {
	wanted := map[string]bool{}
	for _, run := range runs {
		wanted[run] = true
	}
	for run, serving := range k.served {
		if serving && wanted[run] {
			continue
		}
		k.served[run] = false
		// River tells the queue to stop, and says that its calls are still on the wire.
		moment, cancel := context.WithTimeout(ctx, time.Millisecond)
		err := k.client.Queues().Remove(moment, runQueue(run))
		cancel()
		if err == nil || errors.Is(err, &river.QueueNotFoundError{Name: runQueue(run)}) {
			delete(k.served, run)
		}
	}
	for _, run := range runs {
		if _, known := k.served[run]; known || k.w.brake.Reason() != nil {
			continue
		}
		err := k.client.Queues().Add(runQueue(run), river.QueueConfig{MaxWorkers: min(k.w.cfg.Slots, mostSlots)})
		k.served[run] = err == nil // else it is removed, and added again
		if err != nil && !over(ctx) && k.w.db.Away() == 0 {
			k.w.cfg.Warn("could not serve a run", "run", run, "error", k.w.db.safe(err))
		}
	}
}

// upkeep are the arguments of the job that clears away what is old or lost. One host
// does it for all.
type upkeep struct{}

// Kind implements River's JobArgs.
func (upkeep) Kind() string { return "octave_upkeep" }

func upkeepJob() *river.PeriodicJob {
	return river.NewPeriodicJob(river.PeriodicInterval(upkeepEvery), func() (river.JobArgs, *river.InsertOpts) {
		return upkeep{}, &river.InsertOpts{Queue: upkeepQueue, MaxAttempts: 1, UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: unfinished()}}
	}, nil)
}

// upkeep takes what was lost out of the way, and drops what is older than it is to be
// kept.
func (d *DB) upkeep(ctx context.Context, retain time.Duration) error {
	batch := &pgx.Batch{}
	batch.Queue(lostSQL("true"))
	// A host that was lost with a question of a run that is over gives it back to its queue.
	var over []string
	collect(batch, &over, pgx.RowTo[string], `SELECT id FROM octave_fleet.run WHERE (ended IS NOT NULL OR stopped IS NOT NULL) AND seen > clock_timestamp() - interval '1 day'`)
	if err := d.pool.SendBatch(ctx, batch).Close(); err != nil {
		return err
	}
	if err := d.withdraw(ctx, over...); err != nil || retain <= 0 {
		return err
	}
	for pruned := int64(pruneRows); pruned == pruneRows; {
		tag, err := d.pool.Exec(ctx, pruneSQL, retain, pruneRows)
		if err != nil {
			return err
		}
		pruned = tag.RowsAffected()
	}
	batch = &pgx.Batch{}
	batch.Queue(`DELETE FROM octave_fleet.run WHERE seen < clock_timestamp() - $1::interval`, retain)
	batch.Queue(foldSQL)
	batch.Queue(`DELETE FROM octave_fleet.host WHERE seen < clock_timestamp() - $1::interval`, retain)
	return d.pool.SendBatch(ctx, batch).Close()
}

// foldSQL adds up what is kept of runs that were dropped.
const foldSQL = `WITH gone AS (DELETE FROM octave_fleet.tally WHERE run <> '' AND NOT EXISTS (SELECT FROM octave_fleet.run r WHERE r.id = tally.run) RETURNING *)
	INSERT INTO octave_fleet.tally AS t (queue, run, share, calls, answered, failed, lost, billed, usage)
		SELECT queue, '', 0, sum(calls), sum(answered), sum(failed), sum(lost), sum(billed), sum(usage) FROM gone GROUP BY queue
	ON CONFLICT (queue, run, share) DO UPDATE SET calls = t.calls + excluded.calls, answered = t.answered + excluded.answered, failed = t.failed + excluded.failed,
		lost = t.lost + excluded.lost, billed = t.billed + excluded.billed, usage = t.usage + excluded.usage`

const (
	pruneRows = 10_000 // in one transaction
	// pruneSQL reads calls in the order in which they were made, the oldest alone.
	pruneSQL = `DELETE FROM octave_fleet.call WHERE id = ANY(ARRAY(
		SELECT id FROM (SELECT id, ended FROM octave_fleet.call ORDER BY id LIMIT $2) oldest WHERE ended < now() - $1::interval))`
)
