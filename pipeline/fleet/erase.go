package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
	"octave-enrich/pipeline"
)

// Erased is what Erase dropped, and what is left to do.
type Erased struct {
	Keys    []checkpoint.Key // the questions, with those that were known
	Records int              // of the journal: a call, and what came of it
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
	keys := map[checkpoint.Key]bool{}
	for _, key := range known {
		keys[key] = true
	}
	// The queues first: what is answered in between is found among the calls.
	jobs, err := d.findJobs(ctx, keys, about)
	if err != nil {
		return erased, d.safe(err)
	}
	if err := d.findCalls(ctx, keys, about); err != nil {
		return erased, d.safe(err)
	}
	erased.Keys = slices.Collect(maps.Keys(keys))
	names := make([][]byte, len(erased.Keys))
	for i, key := range erased.Keys {
		names[i] = key[:]
	}
	held := errors.New("a host holds some")
	err = pgx.BeginFunc(ctx, d.pool, func(tx pgx.Tx) error {
		var onWire int
		if err := tx.QueryRow(ctx, `SELECT count(*) FROM octave_fleet.call WHERE key = ANY($1) AND ended IS NULL AND until > clock_timestamp() AND until <> 'infinity'`, names).Scan(&onWire); err != nil {
			return err
		}
		if erased.Queued, erased.Running, err = d.eraseJobs(ctx, tx, jobs); err != nil {
			return err
		}
		if erased.Running = max(erased.Running, onWire); erased.Running > 0 {
			return held
		}
		return tx.QueryRow(ctx, `WITH gone AS (DELETE FROM octave_fleet.call WHERE key = ANY($1) RETURNING result)
			SELECT count(*) + count(*) FILTER (WHERE result IN ('answered', 'missed')) FROM gone`, names).Scan(&erased.Records)
	})
	if errors.Is(err, held) {
		return Erased{Running: erased.Running}, nil
	}
	return erased, d.safe(err)
}

// eraseJobs deletes jobs, of which some were still to be asked, and counts those that are
// in the hands of a host.
func (d *DB) eraseJobs(ctx context.Context, tx pgx.Tx, jobs []int64) (queued, running int, err error) {
	for some := range slices.Chunk(jobs, withdrawRows) {
		deleted, err := d.river.JobDeleteManyTx(ctx, tx, river.NewJobDeleteManyParams().IDs(some...).First(withdrawRows))
		if err != nil {
			return 0, 0, err
		}
		for _, job := range deleted.Jobs {
			if slices.Contains(waitingStates(), job.State) {
				queued++
			}
		}
		running += len(some) - len(deleted.Jobs)
	}
	return queued, running, nil
}

// findJobs returns the jobs that are about somebody, those of River's history, too, and
// adds their questions.
func (d *DB) findJobs(ctx context.Context, keys map[checkpoint.Key]bool, about func(octave.Request) bool) (jobs []int64, err error) {
	params := river.NewJobListParams().Kinds(kinds()...).OrderBy(river.JobListOrderByID, river.SortOrderAsc).First(eraseRows)
	for {
		page, err := d.river.JobList(ctx, params)
		if err != nil {
			return nil, err
		}
		for _, row := range page.Jobs {
			var j job
			if err := json.Unmarshal(row.EncodedArgs, &j); err != nil {
				continue // another version's, which erases it
			}
			if q, err := j.question(); err == nil && (keys[j.Key] || about(q.Request)) {
				keys[j.Key] = true
				jobs = append(jobs, row.ID)
			}
		}
		if len(page.Jobs) < eraseRows {
			return jobs, nil
		}
		params = params.After(page.LastCursor)
	}
}

// findCalls adds the questions that were settled and are about somebody.
func (d *DB) findCalls(ctx context.Context, keys map[checkpoint.Key]bool, about func(octave.Request) bool) error {
	var last int64
	for n := eraseRows; n == eraseRows; {
		rows, err := d.pool.Query(ctx, `SELECT id, key, body FROM octave_fleet.call
			WHERE id > $1 AND (result = 'answered' OR failed OR until = 'infinity') ORDER BY id LIMIT $2`, last, eraseRows)
		if err != nil {
			return err
		}
		n = 0
		var name, text []byte
		_, err = pgx.ForEachRow(rows, []any{&last, &name, &text}, func() error {
			n++
			if request, ok := pipeline.ReadRequest(text); ok && about(request) {
				keys[keyOf(name)] = true
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
