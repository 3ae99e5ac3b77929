package fleet

import (
	"context"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
)

// A keeper is what a host does for the others: it beats, watches who does not,
// and clears away what is old.
type keeper struct {
	w       *Worker
	watched map[int32]watched
	last    time.Time // when it reached the database last
	pruned  time.Time
	checked time.Time // for jobs that this host does not know of
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
	gap         = 5 * time.Second
	orphanEvery = 10 * time.Second
	orphanAge   = 15 * time.Second
	pruneEvery  = time.Minute
	pruneRows   = 10_000 // in one transaction
)

// keep works until the context ends.
func (w *Worker) keep(ctx context.Context) error {
	k := &keeper{w: w, watched: map[int32]watched{}}
	for sleep(ctx.Done(), beat) {
		if err := w.db.patient(ctx, k.beat); over(ctx) {
			break
		} else if err != nil {
			return err
		}
		k.attend(ctx)
	}
	return nil
}

// attend does what a beat found due. What fails is done at a later one.
func (k *keeper) attend(ctx context.Context) {
	now := time.Now()
	for id, other := range k.watched {
		if now.Sub(other.since) >= k.w.cfg.RescueAfter {
			k.try(ctx, "rescue", func(ctx context.Context) error { return k.rescue(ctx, id, other) })
		}
	}
	if now.Sub(k.checked) >= orphanEvery {
		k.checked = now
		k.try(ctx, "look for lost jobs", k.adopt)
	}
	if k.w.cfg.Retain > 0 && now.Sub(k.pruned) >= pruneEvery {
		k.pruned = now
		k.try(ctx, "prune", func(ctx context.Context) error { return k.w.db.prune(ctx, k.w.cfg.Retain) })
	}
}

func (k *keeper) try(ctx context.Context, what string, do func(context.Context) error) {
	attempt, cancel := context.WithTimeout(ctx, operationTimeout)
	defer cancel()
	if err := do(attempt); err != nil && ctx.Err() == nil {
		k.w.cfg.Log.Debug("could not "+what, slog.String("error", k.w.db.safe(err).Error()))
	}
}

// beat says that this host lives, and looks at the others.
func (k *keeper) beat(ctx context.Context) error {
	w := k.w
	var revived bool
	seen := map[int32]watched{}
	batch := &pgx.Batch{}
	batch.Queue(`UPDATE octave_fleet.host h SET beat = h.beat + 1, seen = clock_timestamp(), in_flight = $2, ended = NULL
		FROM (SELECT id, ended FROM octave_fleet.host WHERE id = $1) was WHERE h.id = was.id RETURNING was.ended IS NOT NULL`,
		w.host, w.InFlight()).QueryRow(func(row pgx.Row) error { return row.Scan(&revived) })
	batch.Queue(`SELECT id, name, beat FROM octave_fleet.host WHERE ended IS NULL AND id <> $1`, w.host).Query(func(rows pgx.Rows) error {
		var id int32
		var other watched
		_, err := pgx.ForEachRow(rows, []any{&id, &other.name, &other.beat}, func() error { seen[id] = other; return nil })
		return err
	})
	if err := w.db.pool.SendBatch(ctx, batch).Close(); err != nil {
		return err
	}
	if revived {
		// Others took this host for dead and gave its jobs away. Calls on the wire
		// are stored; none is repeated here.
		w.reign.Add(1)
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

// adopt returns jobs to the queue that the database says this host holds, and of
// which it does not know: the answer to a fetch was lost.
func (k *keeper) adopt(ctx context.Context) error {
	w := k.w
	rows, err := w.db.pool.Query(ctx, `SELECT id FROM octave_fleet.river_job
		WHERE state = 'running' AND attempted_by[array_upper(attempted_by, 1)] = $1 AND attempted_at < clock_timestamp() - $2::interval`, w.name, orphanAge)
	if err != nil {
		return err
	}
	held, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return err
	}
	var lost []int64
	for _, id := range held {
		if !w.holds(id) {
			lost = append(lost, id)
		}
	}
	if len(lost) == 0 {
		return nil
	}
	_, err = w.db.pool.Exec(ctx, rescueSQL+` AND id = ANY($2)`, w.name, lost)
	return err
}

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
			tag, err := tx.Exec(ctx, `DELETE FROM octave_fleet.record WHERE ctid = ANY(ARRAY(
				SELECT ctid FROM octave_fleet.record WHERE at < clock_timestamp() - $1::interval LIMIT $2))`, retain, pruneRows)
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
