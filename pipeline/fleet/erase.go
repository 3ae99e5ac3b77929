package fleet

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/jackc/pgx/v5"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
)

// Erased is what Erase dropped, and what is left to do.
type Erased struct {
	Keys    []checkpoint.Key // the questions, with those that were known
	Records int              // of the journal
	Queued  int              // questions that will not be asked
	// Running are questions that a host is asking right now, and whose answers it
	// will store. While there are some, nothing is erased.
	Running int
}

// eraseRows are looked at in one statement: a snapshot that lasts keeps vacuum
// from its work.
const eraseRows = 2000

// Erase drops from all queues the known questions, and whatever about says is a
// question about somebody: what came back, every attempt, and what was not asked
// yet.
func (d *DB) Erase(ctx context.Context, known []checkpoint.Key, about func(octave.Request) bool) (erased Erased, err error) {
	names, err := d.names(ctx, known)
	if err != nil {
		return erased, d.safe(err)
	}
	// The queue first: what is answered in between is found among the records.
	if err := d.findJobs(ctx, names, about); err != nil {
		return erased, d.safe(err)
	}
	if err := d.findRecords(ctx, names, about); err != nil {
		return erased, d.safe(err)
	}
	keys := make([][]byte, 0, len(names))
	for name := range names {
		keys = append(keys, []byte(name))
	}
	for _, key := range keys {
		erased.Keys = append(erased.Keys, unscoped(key))
	}
	held := errors.New("a host holds some")
	err = pgx.BeginFunc(ctx, d.pool, func(tx pgx.Tx) error {
		queued, err := tx.Exec(ctx, `DELETE FROM octave_fleet.river_job WHERE state <> 'running' AND `+queuedSQL, keys)
		if err != nil {
			return err
		}
		records, err := tx.Exec(ctx, `DELETE FROM octave_fleet.record WHERE key = ANY($1)`, keys)
		if err != nil {
			return err
		}
		erased.Queued, erased.Records = int(queued.RowsAffected()), int(records.RowsAffected())
		err = tx.QueryRow(ctx, `SELECT count(*) FROM octave_fleet.river_job WHERE `+queuedSQL, keys).Scan(&erased.Running)
		if err == nil && erased.Running > 0 {
			return held
		}
		return err
	})
	if errors.Is(err, held) {
		return Erased{Running: erased.Running}, nil
	}
	return erased, d.safe(err)
}

// names are the questions as every queue calls them.
func (d *DB) names(ctx context.Context, keys []checkpoint.Key) (map[string]bool, error) {
	rows, err := d.pool.Query(ctx, `SELECT id FROM octave_fleet.queue`)
	if err != nil {
		return nil, err
	}
	queues, err := pgx.CollectRows(rows, pgx.RowTo[int32])
	names := map[string]bool{}
	for _, queue := range queues {
		for _, key := range keys {
			names[string(scoped(queue, key))] = true
		}
	}
	return names, err
}

// findJobs adds the questions in the queue that are about somebody.
func (d *DB) findJobs(ctx context.Context, names map[string]bool, about func(octave.Request) bool) error {
	var last int64
	for n := eraseRows; n == eraseRows; {
		rows, err := d.pool.Query(ctx, `SELECT id, unique_key, args FROM octave_fleet.river_job WHERE id > $1 ORDER BY id LIMIT $2`, last, eraseRows)
		if err != nil {
			return err
		}
		n = 0
		var name, args []byte
		_, err = pgx.ForEachRow(rows, []any{&last, &name, &args}, func() error {
			n++
			if _, q, err := parseJob(args); err == nil && about(q.Request) { // else another version's, which erases it
				names[string(name)] = true
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// findRecords adds the questions that were settled and are about somebody.
func (d *DB) findRecords(ctx context.Context, names map[string]bool, about func(octave.Request) bool) error {
	var host int32
	var seq int64
	for n := eraseRows; n == eraseRows; {
		rows, err := d.pool.Query(ctx, `SELECT host, seq, key, body FROM octave_fleet.record
			WHERE (host, seq) > ($1, $2) AND type IN ('answered', 'failed') ORDER BY host, seq LIMIT $3`, host, seq, eraseRows)
		if err != nil {
			return err
		}
		n = 0
		var name, text []byte
		_, err = pgx.ForEachRow(rows, []any{&host, &seq, &name, &text}, func() error {
			n++
			var body struct {
				Request octave.Request `json:"request"`
			}
			if json.Unmarshal(text, &body) == nil && about(body.Request) {
				names[string(name)] = true
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
