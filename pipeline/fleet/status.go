package fleet

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/time/rate"

	"octave-enrich/octave"
	"octave-enrich/pipeline"
)

// A Status is what a fleet does now.
type Status struct {
	Queues []QueueStatus `json:"queues"`
	Hosts  []HostStatus  `json:"hosts"`
	Keys   []KeyStatus   `json:"keys"`
	Runs   []RunStatus   `json:"runs"` // that have not ended
}

// A QueueStatus counts what waits, and what was done; what was pruned is not known any
// more.
type QueueStatus struct {
	Service        string         `json:"service"`
	Queue          string         `json:"queue"`
	Queued         int            `json:"queued"`
	Running        int            `json:"running"`
	Submitted      int            `json:"submitted"` // and not answered yet: polled for
	Answered       int            `json:"answered"`
	Failed         int            `json:"failed"` // given up; running again asks again
	Calls          int            `json:"calls"`
	PossiblyBilled int            `json:"possibly_billed"` // calls without an answer, an upper bound
	Usage          octave.Decimal `json:"usage"`           // of all answers, as reported
	Lost           int            `json:"-"`               // calls of which nothing was heard, since the fleet began
}

// A HostStatus is a worker that has not ended.
type HostStatus struct {
	Name     string    `json:"name"`
	Version  string    `json:"version"`
	Service  string    `json:"service"`
	Queue    string    `json:"queue"`
	Key      string    `json:"key"` // fingerprint
	Slots    int       `json:"slots"`
	InFlight int       `json:"in_flight"`
	Started  time.Time `json:"started"`
	Seen     time.Time `json:"seen"`
	Alive    bool      `json:"alive"` // seen of late
}

// A KeyStatus is the pace of a key.
type KeyStatus struct {
	Key      string     `json:"key"` // fingerprint
	Limit    float64    `json:"limit_per_second"`
	Rate     float64    `json:"rate_per_second"` // in force, 0 for no limit as in Limit
	Started  float64    `json:"started_last_second"`
	PausedMS int64      `json:"paused_ms"`
	Outage   *time.Time `json:"outage_since,omitempty"`
	Stopped  string     `json:"stopped,omitempty"` // key or credits
	Error    string     `json:"error,omitempty"`

	pace pipeline.Pace
}

// A RunStatus is a run that has not ended in order.
type RunStatus struct {
	ID      string    `json:"id"`
	Service string    `json:"service"`
	Queue   string    `json:"queue"`
	Host    string    `json:"host"` // where it runs
	User    string    `json:"user"`
	List    string    `json:"list"`
	Total   int       `json:"total"` // questions that it has to ask
	Done    int       `json:"done"`  // and those that were answered or given up, as it knows
	Started time.Time `json:"started"`
	Seen    time.Time `json:"seen"`
	Alive   bool      `json:"alive"` // seen of late
	// State is running, paused by somebody, orphaned when nobody watched it for too long,
	// unconfirmed after a backup of the database was put back, or why it was stopped.
	State   string `json:"state"`
	Stopped string `json:"stopped,omitempty"`
	Left    int    `json:"-"` // questions of which nobody knows yet what becomes of them

	Age time.Duration `json:"-"` // by the clock of the database
}

// Status looks at everything at one moment.
func (d *DB) Status(ctx context.Context) (Status, error) {
	return d.status(ctx, &pgx.Batch{})
}

// status also asks what the batch holds.
func (d *DB) status(ctx context.Context, batch *pgx.Batch) (s Status, err error) {
	s.Keys = []KeyStatus{}
	options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err = pgx.BeginTxFunc(ctx, d.pool, options, func(tx pgx.Tx) error {
		collect(batch, &s.Queues, pgx.RowToStructByPos[QueueStatus], queueSQL)
		collect(batch, &s.Hosts, pgx.RowToStructByPos[HostStatus], hostSQL, deadFor)
		s.keys(batch)
		collect(batch, &s.Runs, pgx.RowToStructByPos[RunStatus], runSQL, stoppedAnew, deadFor)
		return tx.SendBatch(ctx, batch).Close()
	})
	return s, d.safe(err)
}

// leftSQL are the runs that go on and the questions of each of which nobody knows yet
// what becomes of them: its coordinator says what it knows, and what its hosts have
// settled is known also when that is gone.
const leftSQL = `SELECT r.id, r.queue, r.started, greatest(r.total - greatest(r.done, coalesce(t.settled, 0)), 0) AS left_over
	FROM octave_fleet.run r LEFT JOIN (SELECT run, sum(answered + failed) AS settled FROM octave_fleet.tally GROUP BY run) t ON t.run = r.id
	WHERE r.ended IS NULL AND r.stopped IS NULL`

// queueSQL counts as a ledger of a checkpoint does: a call that did not end
// is possibly billed.
const queueSQL = `SELECT q.service, q.name, greatest(coalesce(r.left, 0) - coalesce(o.running + o.submitted, 0), 0), coalesce(o.running, 0), coalesce(o.submitted, 0),
		coalesce(t.answered, 0), coalesce(t.failed, 0), coalesce(t.calls, 0) + coalesce(o.running + o.submitted, 0), coalesce(t.billed, 0) + coalesce(o.running, 0), coalesce(t.usage, 0)::text, coalesce(t.lost, 0)
	FROM octave_fleet.queue q
	LEFT JOIN (SELECT queue, sum(answered) AS answered, sum(failed) AS failed, sum(calls) AS calls, sum(billed) AS billed, sum(usage) AS usage, sum(lost) AS lost
		FROM octave_fleet.tally GROUP BY queue) t ON t.queue = q.id
	LEFT JOIN (SELECT queue, count(*) FILTER (WHERE until <> 'infinity') AS running, count(*) FILTER (WHERE until = 'infinity') AS submitted FROM octave_fleet.call WHERE ended IS NULL GROUP BY queue) o ON o.queue = q.id
	LEFT JOIN (SELECT queue, sum(left_over) AS left FROM (` + leftSQL + `) l GROUP BY queue) r ON r.queue = q.id
	ORDER BY q.service, q.name`

const hostSQL = `SELECT h.name, h.version, q.service, q.name, h.account, h.slots, h.in_flight, h.started, h.seen, h.seen > clock_timestamp() - $1::interval
	FROM octave_fleet.host h JOIN octave_fleet.queue q ON q.id = h.queue WHERE h.ended IS NULL ORDER BY h.id`

// keys queues what the paces of the keys say.
func (s *Status) keys(batch *pgx.Batch) {
	var k KeyStatus
	var pace pipeline.Pace
	var now time.Time
	each(batch, []any{&k.Key, &pace, &k.Stopped, &k.Error, &now}, func() error {
		key := k
		key.pace = pace
		key.Limit, key.Rate = perSecond(pace.Allowed), perSecond(pace.Limit)
		key.Started = pace.Recent.LastSecond(now)
		key.PausedMS = max(pace.PausedUntil.Sub(now).Milliseconds(), 0)
		if first := pace.Failing.First; pace.Failing.On {
			key.Outage = &first
		}
		s.Keys = append(s.Keys, key)
		return nil
	}, `SELECT account, state, coalesce(kind, ''), coalesce(error, ''), clock_timestamp() FROM octave_fleet.pace ORDER BY account`)
}

// perSecond is 0 for no limit.
func perSecond(limit rate.Limit) float64 {
	if limit >= rate.Inf {
		return 0
	}
	return float64(limit)
}

const runSQL = `SELECT r.id, q.service, q.name, r.host, r.owner, r.list, r.total, r.done, r.started, r.seen, r.seen > clock_timestamp() - $2::interval,
		CASE WHEN r.stopped IS NOT NULL THEN r.stopped WHEN r.paused IS NOT NULL THEN 'paused' WHEN r.incarnation <> octave_fleet.incarnation() THEN 'unconfirmed'
			WHEN r.seen <= clock_timestamp() - r.orphan_after THEN 'orphaned' ELSE 'running' END, coalesce(r.stopped, ''), coalesce(l.left_over, 0), clock_timestamp() - r.started
	FROM octave_fleet.run r JOIN octave_fleet.queue q ON q.id = r.queue LEFT JOIN (` + leftSQL + `) l ON l.id = r.id
	WHERE r.ended IS NULL AND (r.stopped IS NULL OR r.stopped <> $1) ORDER BY r.started`
