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

const (
	// Answers are looked for this often while some come, and less and less often
	// while none do.
	soonest = 40 * time.Millisecond
	rarest  = time.Second
	// again is when a question that is waited for is put into the queue anew, should
	// it not be there any more, and so on with longer and longer pauses.
	again       = 2 * time.Second
	rarelyAgain = 15 * time.Second
	// grace is what a call may take beyond its time-out until its end is stored.
	grace = 5 * time.Second
)

// collect brings back what becomes of the questions that are waited for.
func (c *Coordinator) collect(ctx, soft context.Context) error {
	var ensured time.Time
	for pause := soonest; sleep(soft.Done(), pause); {
		waiting := len(c.waiters())
		found, err := c.deliver(soft)
		if err == nil && time.Since(ensured) >= again {
			ensured = time.Now()
			err = c.enqueue(soft, due(c.waiters()))
		}
		if over(soft) {
			break
		}
		if err != nil {
			return err
		}
		if pause = min(2*pause, rarest); found > 0 || waiting == 0 {
			pause = soonest
		}
	}
	if over(ctx) {
		return nil
	}
	return c.stop(ctx)
}

func (c *Coordinator) waiters() []*waiter {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := make([]*waiter, 0, len(c.waiting))
	for _, w := range c.waiting {
		list = append(list, w)
	}
	return list
}

func (c *Coordinator) take(key checkpoint.Key) *waiter {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := c.waiting[key]
	delete(c.waiting, key)
	return w
}

// entry is a record of the fleet's journal.
type entry struct {
	checkpoint.Record
	run  string
	host int32
}

// deliver looks for outcomes of the questions that are waited for, all in one query
// unless they are too long for that, and hands them over. It returns how many it
// found.
func (c *Coordinator) deliver(ctx context.Context) (found int, err error) {
	for {
		n, bytes, err := c.deliverSome(ctx, inOrder(c.waiters()))
		found += n
		if bytes < statementBytes || err != nil {
			return found, err
		}
	}
}

// deliverSome hands over those of the first rows, on which the others wait: as many
// as a statement may bring, which are all if they are less.
func (c *Coordinator) deliverSome(ctx context.Context, waiting []*waiter) (found, bytes int, err error) {
	if len(waiting) == 0 {
		return 0, 0, nil
	}
	keys := make([][]byte, len(waiting))
	since, fresh := make([]time.Time, len(waiting)), make([]time.Time, len(waiting))
	for i, w := range waiting {
		keys[i], since[i], fresh[i] = scoped(c.queue, w.Key), w.since, c.freshFor(w)
	}
	histories, err := c.histories(ctx, nil, `SELECT r.key, r.type, r.run, r.host, r.at, r.body FROM octave_fleet.record r
		WHERE r.key = ANY(ARRAY(
			SELECT key FROM (
				SELECT s.key, coalesce(sum(octet_length(s.body)), 0) AS own, coalesce(sum(sum(octet_length(s.body))) OVER (ORDER BY min(q.nth)), 0) AS bytes
				FROM octave_fleet.record s JOIN unnest($1::bytea[], $2::timestamptz[], $3::timestamptz[]) WITH ORDINALITY AS q(key, since, fresh, nth) ON s.key = q.key AND s.key = ANY($1)
				WHERE s.type IN ('answered', 'failed') AND (s.type = 'answered' AND s.at >= q.fresh OR s.type = 'failed' AND s.at > q.since)
				GROUP BY s.key) k
			WHERE bytes - own < $4))
		ORDER BY r.at`, keys, since, fresh, statementBytes)
	if err != nil {
		return 0, 0, err
	}
	for key, history := range histories {
		for _, e := range history {
			bytes += len(e.Body)
		}
		w := c.take(key)
		if w == nil {
			continue
		}
		answer, err := c.outcome(w, history)
		w.outcome <- outcome{answer, err}
	}
	return len(histories), bytes, nil
}

// histories reads records by their question, of those that are to be kept; nil
// keeps all.
func (c *Coordinator) histories(ctx context.Context, keep func(checkpoint.Key) bool, query string, args ...any) (histories map[checkpoint.Key][]entry, err error) {
	err = c.db.patient(ctx, func(ctx context.Context) error {
		histories = map[checkpoint.Key][]entry{}
		rows, err := c.db.pool.Query(ctx, query, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var key []byte
			var e entry
			if err := rows.Scan(&key, &e.Type, &e.run, &e.host, &e.At, &e.Body); err != nil {
				return err
			}
			if e.Key = unscoped(key); keep == nil || keep(e.Key) {
				histories[e.Key] = append(histories[e.Key], e)
			}
		}
		return rows.Err()
	})
	return histories, err
}

// outcome tells the checkpoint what the hosts did for a question and returns what
// became of it. The answer itself goes into the checkpoint where every answer
// does, in Memo.
func (c *Coordinator) outcome(w *waiter, history []entry) (*octave.Answer, error) {
	last := c.decisive(w, history)
	if err := c.copyAttempts(w.Key, history, last); err != nil {
		return nil, &pipeline.JournalError{Err: err}
	}
	if last.Type == checkpoint.Failed {
		c.mu.Lock()
		c.told[w.Key] = last.At
		c.mu.Unlock()
		return nil, failureOf(last.Record)
	}
	_, answer, err := pipeline.ReadAnswer(last.Record)
	if err != nil {
		return nil, &pipeline.JournalError{Err: fmt.Errorf("the fleet's answer to question %v: %w", last.Key, err)}
	}
	if last.run == c.cfg.Run {
		c.notify(pipeline.CallDone{Latency: answer.Latency, Usage: answer.Usage})
	} else {
		c.notify(pipeline.Remembered{}) // another run paid for it
	}
	return answer, nil
}

// decisive is the record that settles a question: the first answer that is not
// too old, else the failure that came last.
func (c *Coordinator) decisive(w *waiter, history []entry) (last entry) {
	for _, e := range history {
		switch {
		case e.Type == checkpoint.Answered && !e.At.Before(c.freshFor(w)):
			return e
		case e.Type == checkpoint.Failed && e.At.After(w.since):
			last = e
		}
	}
	return last
}

// copyAttempts writes the attempts for a question into the checkpoint, so that
// its books are those of all hosts: what was billed without an answer is not
// forgotten because another host paid for it. Attempts that an earlier run of
// this checkpoint has written are left out, but for the one that brought the
// answer.
func (c *Coordinator) copyAttempts(key checkpoint.Key, history []entry, last entry) error {
	since := c.since
	c.mu.Lock()
	if told, again := c.told[key]; again {
		since = told
	}
	c.mu.Unlock()
	var asked *entry // the attempt of the host that answered
	for i, e := range history {
		if e.Type == checkpoint.Asked && e.host == last.host && e.At.Before(last.At) {
			asked = &history[i]
		}
	}
	started, open := 0, 0 // calls for this run; those of which no end is known
	for i, e := range history {
		answers := &history[i] == asked && last.Type == checkpoint.Answered
		if e.Type != checkpoint.Asked && e.Type != checkpoint.Missed || !e.At.After(since) && !answers {
			continue
		}
		if err := c.cfg.Journal.Note(checkpoint.Record{Type: e.Type, Key: e.Key, At: e.At, Body: e.Body}); err != nil {
			return err
		}
		switch {
		case e.run != c.cfg.Run:
		case e.Type == checkpoint.Asked:
			c.notify(pipeline.CallStarted{Again: started > 0})
			started, open = started+1, open+1
		default:
			c.notify(missed(e.Record))
			open--
		}
	}
	if last.Type == checkpoint.Answered && last.run == c.cfg.Run {
		open--
	}
	for ; open > 0; open-- {
		c.notify(pipeline.CallDone{Err: &octave.Error{Cause: octave.CauseAmbiguous, Message: "its host was lost", MaybeBilled: true}})
	}
	return nil
}

// missed is the end of an attempt without an answer.
func missed(rec checkpoint.Record) pipeline.Event {
	body, err := pipeline.ReadFailure(rec)
	if err != nil {
		body.Error = err.Error()
	}
	return pipeline.CallDone{Latency: time.Duration(body.LatencyMS) * time.Millisecond, Err: callOf(body)}
}

func (c *Coordinator) notify(e pipeline.Event) {
	if c.cfg.Observer != nil {
		c.cfg.Observer(e)
	}
}

// stop is the orderly end: no call starts for this run any more, and only those
// on the wire are waited for.
func (c *Coordinator) stop(ctx context.Context) error {
	reach, cancel := context.WithTimeout(ctx, operationTimeout)
	defer cancel()
	var wire map[checkpoint.Key]bool
	if c.db.away() == 0 && c.db.ping(reach) == nil {
		err := c.db.patient(reach, func(ctx context.Context) error {
			_, err := c.db.pool.Exec(ctx, `UPDATE octave_fleet.run SET stopped = coalesce(stopped, $2) WHERE id = $1`, c.cfg.Run, stoppedRun)
			return err
		})
		if err == nil {
			wire, err = c.settleUp(reach)
		}
		if err != nil && reach.Err() == nil {
			return err
		}
	}
	c.abandon(wire)
	if len(wire) == 0 {
		return nil
	}
	c.last(ctx, time.Now().Add(c.cfg.Timeout+grace))
	return nil
}

// settleUp delivers what there is and returns what is on the wire: looked up
// first, so that what ends in between is delivered.
func (c *Coordinator) settleUp(ctx context.Context) (map[checkpoint.Key]bool, error) {
	wire, err := c.onTheWire(ctx)
	if err != nil {
		return nil, err
	}
	_, err = c.deliver(ctx)
	return wire, err
}

// last waits for the calls on the wire.
func (c *Coordinator) last(ctx context.Context, until time.Time) {
	reach, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	for len(c.waiters()) > 0 && sleep(reach.Done(), soonest) {
		wire, err := c.settleUp(reach)
		if err != nil {
			break
		}
		c.abandon(wire)
	}
	c.abandon(nil)
}

// onTheWire are the questions that a living host is asking right now.
func (c *Coordinator) onTheWire(ctx context.Context) (wire map[checkpoint.Key]bool, err error) {
	err = c.db.patient(ctx, func(ctx context.Context) error {
		batch := &pgx.Batch{}
		wire = c.lookOnTheWire(batch)
		return c.db.pool.SendBatch(ctx, batch).Close()
	})
	if err == nil {
		c.notify(pipeline.OnTheWire{Calls: len(wire)})
	}
	return wire, err
}

// lookOnTheWire queues the question which questions a host is asking. The map
// is filled when the batch is sent.
func (c *Coordinator) lookOnTheWire(batch *pgx.Batch) map[checkpoint.Key]bool {
	wire := map[checkpoint.Key]bool{}
	var keys [][]byte
	for _, w := range c.waiters() {
		keys = append(keys, scoped(c.queue, w.Key))
	}
	batch.Queue(`SELECT l.key FROM (
			SELECT DISTINCT ON (key) key, type, host FROM octave_fleet.record WHERE key = ANY($1) ORDER BY key, at DESC) l
		JOIN octave_fleet.host h ON h.id = l.host
		WHERE l.type = 'asked' AND h.ended IS NULL AND h.seen > clock_timestamp() - $2::interval`, keys, deadFor).
		Query(func(rows pgx.Rows) error {
			var key []byte
			_, err := pgx.ForEachRow(rows, []any{&key}, func() error { wire[unscoped(key)] = true; return nil })
			return err
		})
	return wire
}

// deadFor is how long a host that was not seen is waited for by somebody who
// only wants to know whether to wait.
const deadFor = 15 * time.Second

// A remoteError is why a host gave a question up, in the words that a run of its
// own would have used.
type remoteError struct {
	text string
	call *octave.Error
}

func (e *remoteError) Error() string { return e.text }

// Unwrap gives the error of the last call, nil when it was none.
func (e *remoteError) Unwrap() error {
	if e.call == nil {
		return nil
	}
	return e.call
}

// failureOf reads a failed record.
func failureOf(rec checkpoint.Record) error {
	body, err := pipeline.ReadFailure(rec)
	if err != nil {
		return &remoteError{text: fmt.Sprintf("a host of another version gave it up: %v", err)}
	}
	e := &remoteError{text: body.Error}
	if body.Cause != "" {
		e.call = callOf(body)
	}
	return e
}

// callOf is the error of a call that was made by another host. Its action is the
// row's: whether to call again was decided there.
func callOf(body pipeline.FailureBody) *octave.Error {
	return &octave.Error{Status: body.Status, Action: octave.Row, Cause: octave.ParseCause(body.Cause), Message: body.Error, MaybeBilled: body.Billed, Raw: body.Answer}
}
