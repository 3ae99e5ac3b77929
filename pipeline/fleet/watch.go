package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
	"octave-enrich/pipeline"
)

// glance is how often a coordinator looks at what is not about one question.
const glance = 500 * time.Millisecond

// watch looks for what stops the run or holds it up: a budget that its hosts
// found spent, a key that was rejected, a service that fails, a database that is
// away, and that there is nobody to ask.
func (c *Coordinator) watch(ctx context.Context) error {
	last := time.Now()
	for sleep(ctx.Done(), glance) {
		attempt, cancel := context.WithTimeout(ctx, operationTimeout)
		state, err := c.look(attempt)
		cancel()
		switch {
		case over(ctx):
			return nil
		case err == nil:
			if time.Since(last) > gap {
				c.back = time.Now()
			}
			last = time.Now()
			c.db.reached()
			c.react(state)
		case errors.Is(err, pgx.ErrNoRows):
			return fmt.Errorf("run %s is gone from the fleet's database", c.cfg.Run)
		case permanent(err):
			return c.db.safe(err)
		case !contended(err):
			c.db.lost(err)
		}
		if c.db.away() > c.cfg.Patience {
			c.brake.Pull(fmt.Errorf("%w: the fleet's database cannot be reached", pipeline.ErrOutage))
		}
	}
	return nil
}

// state is what a coordinator sees of the fleet.
type state struct {
	stopped string
	error   *string
	hosts   int   // that serve the queue and understand the jobs
	left    error // why the last of them may not ask, nil when it may
	paces   []pipeline.Pace
	wire    map[checkpoint.Key]bool // the questions that hosts are asking
	now     time.Time
}

func (c *Coordinator) look(ctx context.Context) (s state, err error) {
	batch := &pgx.Batch{}
	batch.Queue(`SELECT count(*) FROM octave_fleet.host WHERE queue = $1 AND format >= $2 AND ended IS NULL AND seen > clock_timestamp() - $3::interval`, c.queue, Format, deadFor).
		QueryRow(func(row pgx.Row) error { return row.Scan(&s.hosts) })
	batch.Queue(`SELECT p.kind, p.error FROM octave_fleet.host h JOIN octave_fleet.pace p ON p.account = h.account WHERE h.queue = $1 ORDER BY h.seen DESC LIMIT 1`, c.queue).
		Query(func(rows pgx.Rows) error {
			var kind, text *string
			_, err := pgx.ForEachRow(rows, []any{&kind, &text}, func() error {
				if kind != nil {
					s.left = stopError(*kind, text)
				}
				return nil
			})
			return err
		})
	batch.Queue(`SELECT state FROM octave_fleet.pace WHERE account IN (SELECT account FROM octave_fleet.host WHERE queue = $1 AND ended IS NULL AND seen > clock_timestamp() - $2::interval)`, c.queue, deadFor).
		Query(func(rows pgx.Rows) error {
			var text []byte
			_, err := pgx.ForEachRow(rows, []any{&text}, func() error {
				var pace pipeline.Pace
				err := json.Unmarshal(text, &pace)
				s.paces = append(s.paces, pace)
				return err
			})
			return err
		})
	s.wire = c.lookOnTheWire(batch)
	// Last, for hosts wait while its row is locked.
	batch.Queue(`UPDATE octave_fleet.run SET seen = clock_timestamp() WHERE id = $1 RETURNING coalesce(stopped, ''), error, clock_timestamp()`, c.cfg.Run).
		QueryRow(func(row pgx.Row) error { return row.Scan(&s.stopped, &s.error, &s.now) })
	return s, c.db.pool.SendBatch(ctx, batch).Close()
}

// react stops the run when there is a reason, and tells what holds it up.
func (c *Coordinator) react(s state) {
	if reason := stopReason(s.stopped, s.error); reason != nil {
		c.brake.Pull(reason)
	}
	exhausted, failing := len(s.paces) > 0, false
	for i := range s.paces {
		pace := &s.paces[i]
		// What was yesterday is not held against a run that begins.
		exhausted = exhausted && pace.Exhausted(s.now, c.cfg.Patience) && s.now.Sub(c.began) >= c.cfg.Patience
		failing = failing || pace.Failing.On
		// What the host was told that heard of it.
		if told := pace.Told; told.At.After(c.refused) && told.At.After(c.began) {
			c.refused = told.At
			c.notify(pipeline.Slowed{Rate: float64(told.Rate), InFlight: told.InFlight, For: max(pace.PausedUntil.Sub(s.now), 0)})
		}
	}
	if exhausted {
		c.brake.Pull(pipeline.ErrOutage)
	}
	if failing != c.failing {
		c.failing = failing
		if failing {
			c.notify(pipeline.OutageBegan{Err: &octave.Error{Message: "no host gets an answer"}})
		} else {
			c.notify(pipeline.OutageEnded{})
		}
	}
	c.notify(pipeline.OnTheWire{Calls: len(s.wire)})
	c.hosts(s.hosts, s.left)
}

// newKey is how long a run waits for a worker with a good key when the last one
// left because of its own.
const newKey = time.Minute

// hosts gives up when nobody was there to ask for too long.
func (c *Coordinator) hosts(n int, left error) {
	switch {
	case n > 0:
		if !c.alone.IsZero() {
			c.tellHosts(n, nil)
		}
		c.alone = time.Time{}
	case time.Since(c.back) < deadFor: // who has not beaten yet
	case c.alone.IsZero():
		c.alone = time.Now()
		c.tellHosts(0, left)
	case left != nil && time.Since(c.alone) > min(c.cfg.Patience, newKey):
		c.brake.Pull(left)
	case time.Since(c.alone) > c.cfg.Patience:
		c.brake.Pull(fmt.Errorf("%w: no worker serves the queue", pipeline.ErrOutage))
	}
}

func (c *Coordinator) tellHosts(n int, left error) {
	if c.cfg.Hosts != nil {
		c.cfg.Hosts(n, left)
	}
}
