package fleet

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
	"octave-enrich/pipeline"
)

// A store writes what a host has to say about its jobs. Records that come
// together share a transaction. It is patient: an answer that was paid for is
// kept trying until it is stored.
type store struct {
	db    *DB
	host  int32
	queue int32
	name  string // of the host, in the engine
	seq   atomic.Int64
	items chan *item
	kept  atomic.Int64 // items that are not durable yet
}

// An item is a record, or the end of a job, or both.
type item struct {
	checkpoint.Record
	run      string
	seq      int64
	end      end
	job      int64
	usage    octave.Decimal // of an answer, as reported
	billed   bool           // of a missed attempt: possibly
	budgeted bool           // its run has a budget of usage
	done     chan error
}

// end is what becomes of a job.
type end int

const (
	stays   end = iota // in its host's hands
	settles            // it leaves the queue
	returns            // to the queue, for others
)

const (
	storeItems = 512 // in one transaction at most
	storeBytes = statementBytes
	// linger is how long an answer waits for others to share a commit with: next
	// to nothing of the time that its call took.
	linger = 10 * time.Millisecond
)

func newStore(db *DB, queue, host int32, name string) *store {
	return &store{db: db, host: host, queue: queue, name: name, items: make(chan *item, storeItems)}
}

// put returns when the item is durable, or the context has ended.
func (s *store) put(ctx context.Context, it *item) error {
	it.seq, it.done = s.seq.Add(1), make(chan error, 1)
	s.kept.Add(1)
	defer s.kept.Add(-1)
	select {
	case s.items <- it:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-it.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run writes until the context ends.
func (s *store) run(ctx context.Context) error {
	for {
		select {
		case first := <-s.items:
			s.write(ctx, s.gather(first))
		case <-ctx.Done():
			return nil
		}
	}
}

// gather takes what else comes within a moment.
func (s *store) gather(first *item) []*item {
	batch, size := []*item{first}, len(first.Body)
	moment := time.NewTimer(linger)
	defer moment.Stop()
	for len(batch) < storeItems && size < storeBytes {
		select {
		case it := <-s.items:
			batch, size = append(batch, it), size+len(it.Body)
		case <-moment.C:
			return batch
		}
	}
	return batch
}

// write commits a batch. When the database refuses one of its records for good,
// the others must not suffer: each is tried alone.
func (s *store) write(ctx context.Context, batch []*item) {
	err := s.commit(ctx, batch)
	for _, it := range batch {
		if err != nil && ctx.Err() == nil && len(batch) > 1 {
			it.done <- s.commit(ctx, []*item{it})
		} else {
			it.done <- err
		}
	}
}

// commit is the commit point of an answer: a crash before it asks again, a crash
// after it does not. It may be repeated when its outcome is not known: what it did
// already is not done twice.
func (s *store) commit(ctx context.Context, batch []*item) error {
	var records recordRows
	var settled [][]byte
	var returned []int64
	budgeted := false
	for _, it := range batch {
		if it.Type != "" {
			records.add(s.queue, it)
		}
		switch it.end {
		case stays:
		case settles:
			settled = append(settled, scoped(s.queue, it.Key))
		case returns:
			returned = append(returned, it.job)
		}
		budgeted = budgeted || it.budgeted
	}
	return s.db.pipeline(ctx, func(b *pgx.Batch) {
		if len(settled) > 0 {
			b.Queue(settleSQL, settled, s.host, records.seqs[0])
		}
		records.insert(b, s.host, s.queue, budgeted)
		if len(returned) > 0 {
			b.Queue(`UPDATE octave_fleet.river_job SET state = 'available', attempt = greatest(attempt - 1, 0) WHERE id = ANY($1) AND `+heldBy, returned, s.name)
		}
	})
}

// settleSQL takes the answered questions out of the queue, whichever host holds
// them: this host may have counted as dead, so that another one got the job. It
// runs before the answers are inserted, so that no host fetches a question whose
// answer is being committed.
//
// When the connection breaks during a commit, the host does not know whether it
// succeeded, and tries again. If it had, the first record of the batch is there
// ($2, $3), and nothing is deleted: a job of that key is then a new one, of a run
// that asked the question later.
const settleSQL = `DELETE FROM octave_fleet.river_job WHERE ` + queuedSQL + `
	AND NOT EXISTS (SELECT FROM octave_fleet.record WHERE host = $2 AND seq = $3)`

// queuedSQL finds the jobs of questions $1 in any state, by the engine's index.
const queuedSQL = `unique_key = ANY($1) AND unique_key IS NOT NULL AND unique_states IS NOT NULL
	AND octave_fleet.river_job_state_in_bitmask(unique_states, state)`

// heldBy says that a job is in the hands of host $2: what was given to others since
// is theirs.
const heldBy = `state = 'running' AND attempted_by[array_upper(attempted_by, 1)] = $2`

// recordRows are rows for the table record, in columns.
type recordRows struct {
	seqs        []int64
	keys        [][]byte
	types, runs []string
	bodies      [][]byte
	usage       []*string
	billed      []bool
}

func (r *recordRows) add(queue int32, it *item) {
	r.seqs = append(r.seqs, it.seq)
	r.keys = append(r.keys, scoped(queue, it.Key))
	r.types = append(r.types, it.Type)
	r.runs = append(r.runs, it.run)
	r.bodies = append(r.bodies, it.Body)
	r.usage = append(r.usage, amount(it.usage))
	r.billed = append(r.billed, it.billed)
}

// amount spells usage so that the database takes it; what is no number is none.
func amount(usage octave.Decimal) *string {
	if _, ok := usage.Rat(); !ok {
		return nil
	}
	text := pipeline.Amount{}.Plus(usage).String()
	return &text
}

// insert queues the rows, and what their calls cost when a run has a budget of
// that: of those that were there already it was counted already. A call that may
// have been billed is taken to have cost what was expected.
func (r *recordRows) insert(b *pgx.Batch, host, queue int32, budgeted bool) {
	if len(r.seqs) == 0 {
		return
	}
	sql := `INSERT INTO octave_fleet.record (host, queue, seq, key, type, run, body, usage, billed)
		SELECT $1::int, $2::int, seq, key, type, run, body, usage::numeric, billed
		FROM unnest($3::bigint[], $4::bytea[], $5::text[], $6::text[], $7::bytea[], $8::text[], $9::boolean[]) AS r(seq, key, type, run, body, usage, billed)
		ON CONFLICT (host, seq) DO NOTHING`
	if budgeted {
		sql = `WITH new AS (` + sql + ` RETURNING run, usage, billed)
			UPDATE octave_fleet.run SET usage = run.usage + of.usage + of.billed * coalesce(run.cost, 1), cost = greatest(run.cost, of.largest)
			FROM (SELECT run AS id, coalesce(sum(usage), 0) AS usage, count(*) FILTER (WHERE billed) AS billed, nullif(max(usage), 0) AS largest FROM new GROUP BY run) of
			WHERE run.id = of.id AND run.max_usage IS NOT NULL`
	}
	b.Queue(sql, host, queue, r.seqs, r.keys, r.types, r.runs, r.bodies, r.usage, r.billed)
}

// recordOf is an item that is a record of a job.
func recordOf(rec checkpoint.Record, t *turn) *item {
	rec.Key = t.Key // by which it is waited for, however this version spells the question
	return &item{Record: rec, run: t.Run, job: t.id}
}
