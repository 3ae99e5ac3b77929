package fleet

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
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
	rarest  = 500 * time.Millisecond // and for what is not about one question
	// again is when a question that is waited for is put into the queue anew, should
	// it not be there any more, and so on with longer and longer pauses.
	again       = 5 * time.Second
	rarelyAgain = time.Minute
	// grace is what a call may take beyond its time-out until its end is stored.
	grace = 5 * time.Second
)

// unanswered are the questions that are waited for, in the order of the list: rows come out
// in its order.
func (c *Coordinator) unanswered() []*pending {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := make([]*pending, 0, len(c.waiting))
	for _, w := range c.waiting {
		list = append(list, w)
	}
	slices.SortStableFunc(list, func(a, b *pending) int { return cmp.Compare(a.Row, b.Row) })
	return list
}

func (c *Coordinator) take(key checkpoint.Key) *pending {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := c.waiting[key]
	if w != nil {
		delete(c.waiting, key)
		c.done++
	}
	return w
}

// An entry is a call of the fleet's journal.
type entry struct {
	id           int64
	key          checkpoint.Key
	run, result  string // result is "" while it has not ended
	failed       bool
	onWire       bool // or with the service: it has not ended, and is not lost
	attempts     int
	asked, ended time.Time
	work         *string // what the service calls it; nil for a call that was not submitted
	body         []byte
	row          int // that asks; 0 when it is not known
}

// entryColumns are those of an entry without its body, which comes last.
const entryColumns = `id, key, run, coalesce(result, ''), failed, ended IS NULL AND until > clock_timestamp(), attempts, asked, coalesce(ended, asked), work`

// eachEntry reads rows of entryColumns and a body.
func eachEntry(rows pgx.Rows, do func(entry)) error {
	var key []byte
	var e entry
	_, err := pgx.ForEachRow(rows, []any{&e.id, &key, &e.run, &e.result, &e.failed, &e.onWire, &e.attempts, &e.asked, &e.ended, &e.work, &e.body}, func() error {
		e.key = keyOf(key)
		do(e)
		return nil
	})
	return err
}

// hasID says whether it was submitted, and it is known what the service calls it.
func (e *entry) hasID() bool { return e.work != nil && *e.work != "" }

// open says whether the service works on it.
func (e *entry) open() bool { return e.result == "" && e.hasID() }

// submission is what the call is while the service works on it, or may, should its host
// have been taken for lost; nil for any other.
func (e *entry) submission() *pipeline.Submission {
	if !e.hasID() || e.result != "" && e.result != "lost" {
		return nil
	}
	s, _, err := pipeline.ReadSubmission(checkpoint.Record{Key: e.key, At: e.asked, Body: e.body})
	if err != nil {
		return nil
	}
	return &s
}

// deliver looks for outcomes of the questions that are waited for, all in one query
// unless they are too long for that, and hands them over. It returns how many it
// found.
func (c *Coordinator) deliver(ctx context.Context, waiting []*pending) (found int, err error) {
	for {
		n, bytes, err := c.deliverSome(ctx, c.still(waiting))
		found += n
		if bytes < statementBytes || err != nil {
			return found, err
		}
	}
}

// deliverSome hands over those of the first rows, on which the others wait: as many
// as a statement may bring, which are all if they are less.
func (c *Coordinator) deliverSome(ctx context.Context, waiting []*pending) (found, bytes int, err error) {
	if len(waiting) == 0 {
		return 0, 0, nil
	}
	keys := make([][]byte, len(waiting))
	since, fresh := make([]int64, len(waiting)), make([]time.Time, len(waiting))
	for i, w := range waiting {
		keys[i], since[i], fresh[i] = w.Key[:], w.since, c.freshFor(w)
	}
	histories, err := c.histories(ctx, `SELECT `+entryColumns+`, body FROM octave_fleet.call
		WHERE queue = $1 AND key = ANY(ARRAY(
			SELECT key FROM (
				SELECT s.key, coalesce(sum(octet_length(s.body)), 0) AS own, coalesce(sum(sum(octet_length(s.body))) OVER (ORDER BY min(q.nth)), 0) AS bytes
				FROM octave_fleet.call s JOIN unnest($2::bytea[], $3::bigint[], $4::timestamptz[]) WITH ORDINALITY AS q(key, since, fresh, nth) ON s.key = q.key AND s.key = ANY($2)
				WHERE s.queue = $1 AND (s.result = 'answered' OR s.failed) AND (s.result = 'answered' AND s.ended >= q.fresh OR s.failed AND s.id > q.since)
				GROUP BY s.key) k
			WHERE bytes - own < $5))
		ORDER BY id`, c.queue, keys, since, fresh, statementBytes)
	if err != nil {
		return 0, 0, err
	}
	for key, history := range histories {
		for _, e := range history {
			bytes += len(e.body)
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

// histories reads calls by their question.
func (c *Coordinator) histories(ctx context.Context, query string, args ...any) (histories map[checkpoint.Key][]entry, err error) {
	err = c.db.patient(ctx, func(ctx context.Context) error {
		histories = map[checkpoint.Key][]entry{}
		rows, err := c.db.pool.Query(ctx, query, args...)
		if err != nil {
			return err
		}
		return eachEntry(rows, func(e entry) { histories[e.key] = append(histories[e.key], e) })
	})
	return histories, err
}

// keyOf is the question that is called so.
func keyOf(name []byte) (key checkpoint.Key) {
	copy(key[:], name)
	return key
}

// outcome tells the checkpoint what the hosts did for a question and returns what
// became of it. The answer itself goes into the checkpoint where every answer
// does, in Memo.
func (c *Coordinator) outcome(w *pending, history []entry) (*octave.Answer, error) {
	last := c.decisive(w, history)
	for i := range history {
		history[i].row = w.Row
	}
	if err := c.copyAttempts(w.Key, history, last); err != nil {
		return nil, &pipeline.JournalError{Err: err}
	}
	rec := checkpoint.Record{Key: w.Key, At: last.ended, Body: last.body}
	c.cfg.Submissions.End(w.Key)
	if last.failed {
		c.mu.Lock()
		c.told[w.Key] = last.id
		c.mu.Unlock()
		return nil, failureOf(rec)
	}
	_, answer, err := pipeline.ReadAnswer(rec)
	if err != nil {
		return nil, &pipeline.JournalError{Err: fmt.Errorf("the fleet's answer to question %v: %w", w.Key, err)}
	}
	if last.run == c.cfg.Run || c.resumed(last) {
		c.cfg.Observer(pipeline.CallDone{Latency: answer.Latency, Usage: answer.Usage})
	} else {
		c.cfg.Observer(pipeline.Remembered{}) // another run paid for it
	}
	return answer, nil
}

// decisive is the call that settles a question: the first answer that is not too old,
// else the failure that came last.
func (c *Coordinator) decisive(w *pending, history []entry) (last entry) {
	for _, e := range history {
		switch {
		case e.result == "answered" && !e.ended.Before(c.freshFor(w)):
			return e
		case e.failed && e.id > w.since:
			last = e
		}
	}
	return last
}

// copyAttempts writes the calls for a question into the checkpoint, so that its books
// are those of all hosts: what was billed without an answer is not forgotten because
// another host paid for it. Calls that an earlier run of this checkpoint has written are
// left out, but for the one that brought the answer.
func (c *Coordinator) copyAttempts(key checkpoint.Key, history []entry, last entry) error {
	c.mu.Lock()
	since := c.since
	if told, again := c.told[key]; again {
		since = told
	}
	c.mu.Unlock()
	started := 0 // calls for this run
	for _, e := range history {
		brings := e.id == last.id && e.result == "answered"
		if e.id <= since && !brings {
			continue
		}
		if err := c.note(e); err != nil {
			return err
		}
		ours := e.run == c.cfg.Run
		switch {
		case c.resumed(e):
			ours = true
			c.cfg.Observer(pipeline.CallResumed{})
		case ours:
			c.cfg.Observer(pipeline.CallStarted{Retry: started > 0})
			started++
		}
		var end pipeline.Event
		switch {
		case e.result == "missed":
			body, done := missed(key, e)
			if err := c.cfg.Journal.Note(checkpoint.Record{Type: checkpoint.Missed, Key: key, At: e.ended, Body: body}); err != nil {
				return err
			}
			end = done
		case e.open():
			end = pipeline.CallDone{Waiting: true, Err: &octave.Error{Message: "submitted"}}
		case !brings:
			end = pipeline.CallDone{Err: &octave.Error{Cause: octave.CauseAmbiguous, Message: "its host was lost", MaybeBilled: true}}
		}
		if ours && end != nil {
			c.cfg.Observer(end)
		}
	}
	return nil
}

// missed is the end of a call without an answer, as a checkpoint has it. What belongs to
// the question is told with its failure.
func missed(key checkpoint.Key, e entry) ([]byte, pipeline.Event) {
	body, err := pipeline.ReadFailure(checkpoint.Record{Key: key, Body: e.body})
	if err != nil {
		body.Error = err.Error()
	}
	event := pipeline.CallDone{Latency: time.Duration(body.LatencyMS) * time.Millisecond, Err: callOf(body)}
	body.Request, body.Row, body.Answer = nil, 0, nil
	text, err := json.Marshal(body)
	if err != nil {
		return e.body, event
	}
	return text, event
}

// tellStopped has no call start for the run any more.
func (c *Coordinator) tellStopped(ctx context.Context) error {
	return c.db.exec(ctx, `UPDATE octave_fleet.run SET stopped = coalesce(stopped, $2) WHERE id = $1`, c.cfg.Run, stoppedRun)
}

// stop is the orderly end: no call starts for this run any more, and only those
// on the wire are waited for.
func (c *Coordinator) stop(ctx context.Context) error {
	reach, cancel := context.WithTimeout(ctx, c.cfg.Timeout+grace)
	defer cancel()
	if c.db.Away() > 0 || c.db.ping(reach) != nil {
		return nil
	}
	told, cancel := context.WithTimeout(ctx, operationTimeout)
	defer cancel()
	err := c.tellStopped(told)
	for err == nil {
		// What is on the wire is looked up first, so that what ends in between is delivered.
		var s state
		if s, err = c.look(reach); err == nil {
			_, err = c.deliver(reach, c.unanswered())
		}
		if err == nil {
			c.abandon(s.wire)
		}
		if len(c.unanswered()) == 0 || !sleep(reach.Done(), soonest) {
			break
		}
	}
	if over(told) || over(reach) {
		return nil
	}
	return err
}

// deadFor is how long a host that was not seen is waited for by somebody who
// only wants to know whether to wait.
const deadFor = 15 * time.Second

// failureOf is why a host gave a question up, in the words that a run of its own would
// have used, and of the last call if it was because of that.
func failureOf(rec checkpoint.Record) error {
	body, err := pipeline.ReadFailure(rec)
	switch {
	case err != nil:
		return fmt.Errorf("a host of another version gave it up: %w", err)
	case body.Cause == "":
		return errors.New(body.Error)
	}
	return &saidError{body.Error, callOf(body)}
}

// callOf is the error of a call that was made by another host. Its action is the
// row's: whether to call again was decided there.
func callOf(body pipeline.FailureBody) *octave.Error {
	return &octave.Error{Status: body.Status, Action: octave.Row, Cause: octave.ParseCause(body.Cause), Message: body.Error, MaybeBilled: body.Billed, Raw: body.Answer}
}
