package fleet

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"

	"octave-enrich/octave"
	"octave-enrich/pipeline"
)

// settles says that the question has its outcome, which must not be lost.
func (t *turn) settles() bool { return t.failed || t.result == "answered" }

// settle is the commit point of answers: they and the ends of their jobs are one
// transaction. A crash before it asks again, a crash after it does not. It may be
// repeated when its outcome is not known.
func (w *Worker) settle(ends []*turn) error {
	ctx := ends[0].ctx // all are River's, and end together
	if !slices.ContainsFunc(ends, (*turn).settles) {
		brief, cancel := w.brief(ctx)
		defer cancel()
		ctx = brief
	}
	return w.db.transaction(ctx, func(ctx context.Context, tx pgx.Tx) error {
		batch := &pgx.Batch{}
		closeCalls(batch, ends)
		if err := tx.SendBatch(ctx, batch).Close(); err != nil {
			return err
		}
		return complete(ctx, tx, ends)
	})
}

// closeCalls queues the ends of calls. One that others took for lost has an answer after
// all. What it cost is added up once, however often it is repeated; one that may have
// been billed is taken to have cost what was expected. In a database of before, the number
// of a call may be that of another question.
func closeCalls(b *pgx.Batch, ends []*turn) {
	var ids []int64
	var keys, bodies [][]byte
	var results []string
	var failed, billed []bool
	var usages []*string
	var attempts []int
	for _, e := range ends {
		ids, keys, results, bodies = append(ids, e.id), append(keys, e.Args.Key[:]), append(results, e.result), append(bodies, e.body)
		failed, attempts = append(failed, e.failed), append(attempts, e.attempts)
		usages, billed = append(usages, amount(e.usage)), append(billed, e.missed != nil && e.missed.Billed)
	}
	b.Queue(closeSQL, ids, results, failed, bodies, usages, billed, attempts, keys)
}

const closeSQL = `WITH new AS (
		UPDATE octave_fleet.call c SET ended = clock_timestamp(), result = u.result, failed = u.failed, body = u.body, usage = u.usage::numeric, billed = u.billed, attempts = u.attempts
		FROM unnest($1::bigint[], $2::text[], $3::boolean[], $4::bytea[], $5::text[], $6::boolean[], $7::int[], $8::bytea[]) AS u (id, result, failed, body, usage, billed, attempts, key)
		WHERE c.id = u.id AND c.key = u.key AND (c.ended IS NULL OR c.result = 'lost') RETURNING c.run, c.usage, c.billed),
	sums AS (SELECT run, coalesce(sum(usage), 0) AS usage, count(*) FILTER (WHERE billed) AS billed, max(nullif(usage, 0)) AS cost FROM new GROUP BY run)
	UPDATE octave_fleet.run r SET usage = r.usage + s.usage + s.billed * coalesce(r.cost, 1), cost = greatest(r.cost, s.cost)
	FROM sums s WHERE r.id = s.run AND r.max_usage IS NOT NULL`

// complete ends the jobs of answers. A job that is in other hands is completed there; one
// that is gone needs no end.
func complete(ctx context.Context, tx pgx.Tx, ends []*turn) error {
	ends = slices.DeleteFunc(slices.Clone(ends), func(t *turn) bool { return t.result != "answered" })
	if len(ends) == 0 {
		return nil
	}
	slices.SortFunc(ends, func(a, b *turn) int { return cmp.Compare(a.ID, b.ID) })
	once := planned{Tx: tx, name: "complete_" + rand.Text()}
	if len(ends) > 1 {
		if _, err := tx.Exec(ctx, `SET LOCAL plan_cache_mode TO force_generic_plan`); err != nil {
			return err
		}
		tx = once
	}
	for _, e := range ends {
		if _, err := river.JobCompleteTx[*riverpgxv5.Driver](ctx, tx, e.Job); err != nil && !errors.Is(err, rivertype.ErrNotFound) {
			return err
		}
	}
	if len(ends) > 1 {
		return tx.Conn().Deallocate(ctx, once.name)
	}
	return nil
}

// A planned transaction says one statement again and again, and has it planned once
// (BenchmarkFleetContacts): the plan of the end of a job is dear. The statement is
// gone before the transaction ends, for behind a pooler the next one has another session.
type planned struct {
	pgx.Tx
	name string
}

// Query runs the statement.
func (p planned) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	if _, err := p.Prepare(ctx, p.name, sql); err != nil {
		return nil, err
	}
	return p.Tx.Query(ctx, p.name, args...)
}

// amount spells usage so that the database takes it; what is no number is none.
func amount(usage octave.Decimal) *string {
	if _, ok := usage.Rat(); !ok {
		return nil
	}
	text := pipeline.Amount{}.Plus(usage).String()
	return &text
}
