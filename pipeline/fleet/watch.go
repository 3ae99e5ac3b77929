package fleet

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
	"octave-enrich/pipeline"
)

// gap is how long the database must have been away for hosts to need a moment, too.
const gap = 5 * time.Second

// watch looks for what stops the run or holds it up: a budget that its hosts
// found spent, a key that was rejected, a service that fails, and that there is nobody
// to ask.
func (c *Coordinator) watch(ctx context.Context) error {
	s, err := c.look(ctx)
	if err != nil {
		return err
	}
	if time.Since(c.looked) > gap {
		c.back = time.Now()
	}
	c.looked = time.Now()
	if err := c.settleIn(ctx, s); err != nil {
		return err
	}
	c.react(s)
	return nil
}

// state is what a coordinator sees of the fleet.
type state struct {
	stopped string
	error   string
	paused  bool
	known   bool  // the run is confirmed in this database, and no backup without it was put back
	hosts   int   // that serve the queue and understand the jobs
	left    error // why the last of them may not ask, nil when it may
	paces   []pipeline.Pace
	now     time.Time

	// Of the questions that the run waits for: calls by a living host, and submissions.
	wire      map[checkpoint.Key]bool
	submitted int
}

// look looks at the fleet, and takes note of what was submitted.
func (c *Coordinator) look(ctx context.Context) (s state, err error) {
	var open []entry
	if err := c.db.patient(ctx, func(ctx context.Context) (err error) { s, open, err = c.lookOnce(ctx); return err }); err != nil {
		return s, err
	}
	s.wire = map[checkpoint.Key]bool{}
	for _, e := range open {
		if !e.open() {
			s.wire[e.key] = true
			continue
		}
		s.submitted++
		if err := c.submitted(e, s.now); err != nil {
			return s, &pipeline.JournalError{Err: err}
		}
	}
	c.cfg.Observer(pipeline.OnTheWire{Calls: len(s.wire) + s.submitted})
	return s, nil
}

func (c *Coordinator) lookOnce(ctx context.Context) (s state, open []entry, err error) {
	batch := &pgx.Batch{}
	one(batch, []any{&s.hosts, &s.now}, `SELECT count(*), clock_timestamp() FROM octave_fleet.host
		WHERE queue = $1 AND format >= $2 AND ended IS NULL AND seen > clock_timestamp() - $3::interval`, c.queue, ourFormat, deadFor)
	var kind, text string
	each(batch, []any{&kind, &text}, func() error {
		if kind != "" {
			s.left = stopError(kind, text)
		}
		return nil
	}, `SELECT coalesce(p.kind, ''), coalesce(p.error, '') FROM octave_fleet.host h JOIN octave_fleet.pace p ON p.account = h.account WHERE h.queue = $1 ORDER BY h.seen DESC LIMIT 1`, c.queue)
	collect(batch, &s.paces, pgx.RowTo[pipeline.Pace], `SELECT state FROM octave_fleet.pace
		WHERE account IN (SELECT account FROM octave_fleet.host WHERE queue = $1 AND ended IS NULL AND seen > clock_timestamp() - $2::interval)`, c.queue, deadFor)
	var keys [][]byte
	var noted []int64
	for _, w := range c.unanswered() {
		keys, noted = append(keys, w.Key[:]), append(noted, w.noted)
	}
	batch.Queue(`SELECT `+entryColumns+`, CASE WHEN until = 'infinity' AND id <> ALL($4) THEN body END FROM octave_fleet.call c
		WHERE queue = $1 AND key = ANY($2) AND ended IS NULL AND until > clock_timestamp()
		AND (until = 'infinity' OR EXISTS (SELECT FROM octave_fleet.host h WHERE h.id = c.host AND h.ended IS NULL AND h.seen > clock_timestamp() - $3::interval))`,
		c.queue, keys, deadFor, noted).Query(func(rows pgx.Rows) error {
		return eachEntry(rows, func(e entry) { open = append(open, e) })
	})
	// Last, for hosts wait while its row is locked.
	one(batch, []any{&s.stopped, &s.error, &s.paused, &s.known}, `UPDATE octave_fleet.run SET seen = clock_timestamp(), done = $2 WHERE id = $1
		RETURNING coalesce(stopped, ''), coalesce(error, ''), paused IS NOT NULL, incarnation = octave_fleet.incarnation()`, c.cfg.Run, c.progress())
	return s, open, c.db.pool.SendBatch(ctx, batch).Close()
}

func (c *Coordinator) progress() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.done
}

// settleIn puts the questions of the run into the queue anew when the database is another
// one than it was, or its clock went back: jobs that were put there before would lie
// there until it is as late again. In a database of before, there may be questions in the
// queue that were answered since, and the numbers of calls begin anew.
func (c *Coordinator) settleIn(ctx context.Context, s state) error {
	back := s.now.Before(c.clock.Add(-backwards))
	c.clock = s.now
	if s.known && !back {
		return nil
	}
	if !s.known {
		if _, err := c.register(ctx); err != nil {
			return err
		}
	}
	if err := c.db.withdraw(ctx, c.cfg.Run); err != nil {
		return err
	}
	c.mu.Lock()
	for _, w := range c.waiting {
		w.pause = 0
		if !s.known {
			w.since = c.from
		}
	}
	if !s.known {
		clear(c.told)
	}
	c.mu.Unlock()
	if s.known {
		return nil
	}
	return c.db.exec(ctx, `UPDATE octave_fleet.run SET incarnation = octave_fleet.incarnation() WHERE id = $1`, c.cfg.Run)
}

// react stops the run when there is a reason, and tells what holds it up.
func (c *Coordinator) react(s state) {
	if reason := stopReason(s.stopped, s.error); reason != nil {
		c.brake.Pull(reason)
	}
	if s.paused != c.paused {
		c.paused = s.paused
		c.cfg.Paused(s.paused)
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
			c.cfg.Observer(pipeline.Slowed{Rate: float64(told.Rate), InFlight: told.InFlight, For: max(pace.PausedUntil.Sub(s.now), 0)})
		}
	}
	if exhausted {
		c.brake.Pull(pipeline.ErrOutage)
	}
	if failing != c.failing {
		c.failing = failing
		if failing {
			c.cfg.Observer(pipeline.OutageBegan{Err: &octave.Error{Message: "no host gets an answer"}})
		} else {
			c.cfg.Observer(pipeline.OutageEnded{})
		}
	}
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
			c.cfg.Hosts(n, nil)
		}
		c.alone = time.Time{}
	case time.Since(c.back) < deadFor: // who has not beaten yet
	case c.alone.IsZero():
		c.alone = time.Now()
		c.cfg.Hosts(0, left)
	case left != nil && time.Since(c.alone) > min(c.cfg.Patience, newKey):
		c.brake.Pull(left)
	case time.Since(c.alone) > c.cfg.Patience:
		c.brake.Pull(fmt.Errorf("%w: no worker serves the queue", pipeline.ErrOutage))
	}
}
