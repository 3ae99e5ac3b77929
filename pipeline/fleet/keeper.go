package fleet

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"octave-enrich/pipeline"
)

// A keeper is what a host does for the others: it beats, and watches who does not.
type keeper struct {
	w       *Worker
	watched map[int32]watched
	last    time.Time // when it reached the database last
}

// watched is how long a host has been seen not to beat.
type watched struct {
	name  string
	beat  int64
	since time.Time
}

const (
	beat = time.Second
	// gap is how long the keeper may not reach the database before what it has
	// seen of others counts for nothing: they may not have reached it either.
	gap       = 5 * time.Second
	tidyEvery = 10 * time.Second
	orphanAge = 15 * time.Second
	pruneRows = 10_000 // in one transaction
)

// keep works until the context ends. A host that cannot beat must not work.
func (w *Worker) keep(ctx context.Context) error {
	k := &keeper{w: w, watched: map[int32]watched{}}
	for sleep(ctx.Done(), beat) {
		if err := w.db.patient(ctx, k.beat); over(ctx) {
			break
		} else if err != nil {
			w.brake.Pull(&pipeline.JournalError{Err: err})
			return err
		}
		for id, other := range k.watched {
			if time.Since(other.since) >= w.cfg.RescueAfter {
				w.try(ctx, "rescue", func(ctx context.Context) error { return k.rescue(ctx, id, other) })
			}
		}
	}
	return nil
}

// tidy clears away what is lost or old, until the context ends. It does not hold
// up the beat.
func (w *Worker) tidy(ctx context.Context) {
	for sleep(ctx.Done(), tidyEvery) {
		w.try(ctx, "look for lost jobs", w.adopt)
		if w.cfg.Retain > 0 {
			w.try(ctx, "prune", func(ctx context.Context) error { return w.db.prune(ctx, w.cfg.Retain) })
		}
	}
}

// try does what can as well be done the next time, unless it never can.
func (w *Worker) try(ctx context.Context, what string, do func(context.Context) error) {
	attempt, cancel := context.WithTimeout(ctx, operationTimeout)
	defer cancel()
	if err := do(attempt); err != nil && !over(ctx) && w.db.away() == 0 {
		w.cfg.Log.Warn("could not "+what, slog.String("error", w.db.safe(err).Error()))
	}
}

// beat says that this host lives, and looks at the others.
func (k *keeper) beat(ctx context.Context) error {
	w := k.w
	revived := true // unless it is known, and alive
	seen := map[int32]watched{}
	batch := &pgx.Batch{}
	batch.Queue(`UPDATE octave_fleet.host h SET beat = h.beat + 1, seen = clock_timestamp(), in_flight = $2, ended = NULL
		FROM (SELECT id, ended FROM octave_fleet.host WHERE id = $1) was WHERE h.id = was.id RETURNING was.ended IS NOT NULL`,
		w.host, w.InFlight()).Query(func(rows pgx.Rows) error {
		_, err := pgx.ForEachRow(rows, []any{&revived}, func() error { return nil })
		return err
	})
	batch.Queue(`INSERT INTO octave_fleet.host (id, name, version, format, queue, account, slots) OVERRIDING SYSTEM VALUE
		SELECT $1, $2, $3, $4, $5, $6, $7 WHERE NOT EXISTS (SELECT FROM octave_fleet.host WHERE id = $1)`, // it was pruned
		w.host, w.name, w.cfg.Version, Format, w.queue, w.cfg.Account, w.cfg.Slots)
	batch.Queue(`SELECT id, name, beat FROM octave_fleet.host WHERE ended IS NULL AND id <> $1`, w.host).Query(func(rows pgx.Rows) error {
		var id int32
		var other watched
		_, err := pgx.ForEachRow(rows, []any{&id, &other.name, &other.beat}, func() error { seen[id] = other; return nil })
		return err
	})
	var kind, text *string // why this key may not ask; one that is idle does not hear of it otherwise
	batch.Queue(`SELECT kind, error FROM octave_fleet.pace WHERE account = $1`, w.cfg.Account).QueryRow(func(row pgx.Row) error { return row.Scan(&kind, &text) })
	if err := w.db.pool.SendBatch(ctx, batch).Close(); err != nil {
		return err
	}
	if kind != nil {
		w.brake.Pull(stopError(*kind, text))
	}
	if revived {
		// Others took this host for dead and gave its jobs away. Calls on the wire
		// are stored; none is repeated here.
		w.cfg.Log.Warn("this host was taken for dead: its jobs are in other hands, calls on the wire may be billed twice")
	}
	k.compare(seen, time.Now())
	return nil
}

// compare notes since when each host has not beaten.
func (k *keeper) compare(seen map[int32]watched, now time.Time) {
	blind := now.Sub(k.last) > gap
	for id, other := range seen {
		before, known := k.watched[id]
		if other.since = now; known && !blind && before.beat == other.beat {
			other.since = before.since
		}
		seen[id] = other
	}
	k.watched, k.last = seen, now
}

// rescue gives the jobs of a dead host to others, unless it beats again.
func (k *keeper) rescue(ctx context.Context, id int32, other watched) error {
	var jobs int64
	err := pgx.BeginFunc(ctx, k.w.db.pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `UPDATE octave_fleet.host SET ended = clock_timestamp(), in_flight = 0 WHERE id = $1 AND beat = $2 AND ended IS NULL`, id, other.beat)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		tag, err = tx.Exec(ctx, rescueSQL, other.name)
		jobs = tag.RowsAffected()
		return err
	})
	if err != nil {
		return err
	}
	delete(k.watched, id)
	k.w.cfg.Log.Warn("a host is lost: others take its jobs, and its calls may have been billed", slog.String("host", other.name), slog.Int64("jobs", jobs))
	return nil
}

// rescueSQL returns the jobs of host $1 to the queue.
const rescueSQL = `UPDATE octave_fleet.river_job SET state = 'available' WHERE state = 'running' AND attempted_by[array_upper(attempted_by, 1)] = $1`

// adopt returns jobs to the queue that are in nobody's hands: those that the
// database says this host holds and of which it does not know, because the answer
// to a fetch was lost, and those of hosts that have ended.
func (w *Worker) adopt(ctx context.Context) error {
	const old = `state = 'running' AND queue = $1 AND attempted_at < clock_timestamp() - $2::interval`
	if _, err := w.db.pool.Exec(ctx, `UPDATE octave_fleet.river_job j SET state = 'available' WHERE `+old+`
		AND NOT EXISTS (SELECT FROM octave_fleet.host h WHERE h.name = j.attempted_by[array_upper(j.attempted_by, 1)] AND h.ended IS NULL)`, riverQueue(w.queue), orphanAge); err != nil {
		return err
	}
	rows, err := w.db.pool.Query(ctx, `SELECT id FROM octave_fleet.river_job WHERE attempted_by[array_upper(attempted_by, 1)] = $3 AND `+old, riverQueue(w.queue), orphanAge, w.name)
	if err != nil {
		return err
	}
	lost, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	lost = slices.DeleteFunc(lost, w.holds)
	if err != nil || len(lost) == 0 {
		return err
	}
	_, err = w.db.pool.Exec(ctx, rescueSQL+` AND id = ANY($2)`, w.name, lost)
	return err
}

const pruneSQL = `DELETE FROM octave_fleet.record WHERE ctid = ANY(ARRAY(
	SELECT ctid FROM octave_fleet.record WHERE at < now() - $1::interval LIMIT $2))`

// prune drops what is older than it is to be kept, a part at a time. One host
// does it for all.
func (d *DB) prune(ctx context.Context, retain time.Duration) error {
	for more := true; more; {
		err := pgx.BeginFunc(ctx, d.pool, func(tx pgx.Tx) error {
			const pruning = 0x70727565 // one at a time
			var mine bool
			if err := tx.QueryRow(ctx, `SELECT pg_try_advisory_xact_lock($1)`, pruning).Scan(&mine); err != nil || !mine {
				more = false
				return err
			}
			tag, err := tx.Exec(ctx, pruneSQL, retain, pruneRows)
			if err != nil {
				return err
			}
			more = tag.RowsAffected() == pruneRows
			batch := &pgx.Batch{}
			// A job whose run is gone is not asked any more: see admit.
			batch.Queue(`DELETE FROM octave_fleet.run WHERE seen < clock_timestamp() - $1::interval`, retain)
			batch.Queue(`DELETE FROM octave_fleet.host WHERE ended < clock_timestamp() - $1::interval`, retain)
			return tx.SendBatch(ctx, batch).Close()
		})
		if err != nil {
			return err
		}
	}
	return nil
}
