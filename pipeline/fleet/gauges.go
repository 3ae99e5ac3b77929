package fleet

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/time/rate"

	"octave-enrich/octave"
	"octave-enrich/pipeline"
)

// Away is how long the database has not answered, 0 when it does.
func (d *DB) Away() time.Duration { return d.away() }

// Gauges are what a queue does at one moment, for those who watch it.
type Gauges struct {
	Queued   int           // questions that no host has in hand
	Oldest   time.Duration // since the oldest run that has some came
	Hosts    int           // that were seen of late
	Slots    int           // theirs
	InFlight int           // calls on the wire
	// Submitted are questions that the service works on, and that are polled for.
	Submitted int
	Lost      int           // calls of which nothing was heard, since the fleet began
	Latency   time.Duration // of the latest answers, a mean; 0 when there are none

	// Of the keys of these hosts, or of the last one when none is left; added up.
	Limit   rate.Limit // calls a second that are allowed
	Rate    rate.Limit // likewise, in force
	Started float64    // calls in the last second
	// Of the best of these keys.
	Paused  bool
	Failing bool
	Stopped octave.Cause // key or credits; 0 when calls may be made
}

// latestCalls are those whose latency counts as that of now.
const latestCalls = 500

// Gauges looks at a queue. It reads what is kept, and not the calls themselves but for
// those on the wire and the latest.
func (d *DB) Gauges(ctx context.Context, service, queue string) (g Gauges, err error) {
	batch := &pgx.Batch{}
	batch.Queue(`SELECT coalesce(sum(l.left_over), 0), coalesce(extract(epoch FROM clock_timestamp() - min(l.started) FILTER (WHERE l.left_over > 0)), 0)::float8
		FROM (`+leftSQL+`) l JOIN octave_fleet.queue q ON q.id = l.queue WHERE q.service = $1 AND q.name = $2`, service, queue).QueryRow(func(row pgx.Row) error {
		var oldest float64
		err := row.Scan(&g.Queued, &oldest)
		g.Oldest = time.Duration(max(oldest, 0) * float64(time.Second))
		return err
	})
	batch.Queue(`SELECT count(*), coalesce(sum(h.slots), 0) FROM octave_fleet.host h JOIN octave_fleet.queue q ON q.id = h.queue
		WHERE q.service = $1 AND q.name = $2 AND h.ended IS NULL AND h.seen > clock_timestamp() - $3::interval`, service, queue, deadFor).
		QueryRow(func(row pgx.Row) error { return row.Scan(&g.Hosts, &g.Slots) })
	batch.Queue(`SELECT count(*) FILTER (WHERE c.until <> 'infinity'), count(*) FILTER (WHERE c.until = 'infinity')
		FROM octave_fleet.call c JOIN octave_fleet.queue q ON q.id = c.queue WHERE q.service = $1 AND q.name = $2 AND c.ended IS NULL`, service, queue).
		QueryRow(func(row pgx.Row) error { return row.Scan(&g.InFlight, &g.Submitted) })
	batch.Queue(`SELECT coalesce(sum(t.lost), 0) FROM octave_fleet.tally t JOIN octave_fleet.queue q ON q.id = t.queue WHERE q.service = $1 AND q.name = $2`, service, queue).
		QueryRow(func(row pgx.Row) error { return row.Scan(&g.Lost) })
	batch.Queue(`SELECT coalesce(avg(extract(epoch FROM c.ended - c.asked)) FILTER (WHERE c.result = 'answered' AND q.service = $1 AND q.name = $2), 0)::float8
		FROM (SELECT queue, asked, ended, result FROM octave_fleet.call ORDER BY id DESC LIMIT $3) c JOIN octave_fleet.queue q ON q.id = c.queue`, service, queue, latestCalls).
		QueryRow(func(row pgx.Row) error {
			var seconds float64
			err := row.Scan(&seconds)
			g.Latency = time.Duration(seconds * float64(time.Second))
			return err
		})
	g.keys(batch, service, queue)
	if err := d.pool.SendBatch(ctx, batch).Close(); err != nil {
		return Gauges{}, d.safe(err)
	}
	g.Queued = max(g.Queued-g.InFlight-g.Submitted, 0)
	if g.Queued == 0 {
		g.Oldest = 0
	}
	return g, nil
}

// keys queues what the keys of living hosts, or of the last one, do.
func (g *Gauges) keys(batch *pgx.Batch, service, queue string) {
	var pace pipeline.Pace
	var kind string
	var now time.Time
	best := -1
	each(batch, []any{&pace, &kind, &now}, func() error {
		g.Started += pace.Recent.LastSecond(now)
		stopped, paused := octave.ParseCause(kind), pace.PausedUntil.After(now)
		rank := 3
		switch {
		case stopped != 0:
			rank = 0
		case pace.Failing.On:
			rank = 1
		case paused:
			rank = 2
		}
		if stopped == 0 {
			g.Limit, g.Rate = g.Limit+pace.Allowed, g.Rate+pace.Limit
		}
		if rank > best {
			best = rank
			g.Stopped, g.Failing, g.Paused = stopped, pace.Failing.On, paused
		}
		return nil
	}, `SELECT state, coalesce(kind, ''), clock_timestamp() FROM octave_fleet.pace WHERE account IN (
		SELECT account FROM (
			SELECT h.account, h.ended IS NULL AND h.seen > clock_timestamp() - $3::interval AS alive, row_number() OVER (ORDER BY h.seen DESC) AS nth
			FROM octave_fleet.host h JOIN octave_fleet.queue q ON q.id = h.queue WHERE q.service = $1 AND q.name = $2) h WHERE alive OR nth = 1)`, service, queue, deadFor)
}
