package fleet

// The asynchronous way to make a call: one host submits the question, and whoever is
// there polls for the answer.

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
	"octave-enrich/pipeline"
)

// A poll is a submission as it lies in the queue of its workspace, apart from those of
// the runs: what is paid for is polled for when its run is paused, or over, too. It goes
// back there between two polls. It comes into being with the submission, in one
// transaction.
type poll struct {
	job
	Call     int64     `json:"call" river:"unique"`
	Work     string    `json:"work" river:"unique"` // what the service calls it
	Name     string    `json:"name"`                // of the field that Work came in
	At       time.Time `json:"at"`
	Attempts int       `json:"attempts,omitempty"` // that count, before it
}

// Kind implements River's JobArgs.
func (poll) Kind() string { return "octave_poll_1" }

// KindAliases implements River's JobArgsWithKindAliases: those of a job are not its.
func (poll) KindAliases() []string { return nil }

const (
	pollWorkers = 64
	pollFetch   = time.Second
	// A submission that is older than this is polled less and less often: nobody may
	// wait for it any more.
	pollSeldom = time.Hour
)

// pollQueue is what River calls the queue of a workspace's submissions.
func (w *Worker) pollQueue() string {
	sum := sha256.Sum256([]byte(w.cfg.Service + "\x00" + w.cfg.Queue))
	return "polls-" + hex.EncodeToString(sum[:8])
}

// submit hands the question over, and returns when what the service calls it is stored:
// after the call's ctx has ended, too.
func (t *turn) submit(ctx context.Context, q *pipeline.Question) (*octave.Answer, error) {
	w := t.worker
	t.began = time.Now()
	w.inFlight.Add(1)
	defer w.inFlight.Add(-1)
	work, err := w.cfg.Submit(ctx, q, t.Args.Callback)
	if err != nil {
		return nil, err
	}
	t.accepted = &work.Quota
	s := pipeline.Submission{ID: work.ID, Name: work.Name, At: t.began, Row: t.Args.Row}
	w.unstored.Add(1)
	defer w.unstored.Add(-1)
	// What was taken for lost, and is asked by another host, stays lost, with its id: it is
	// followed should that host get no answer.
	if err := t.keep(s, `UPDATE octave_fleet.call SET work = $2, body = $3 WHERE id = $1 AND key = $4 AND (ended IS NULL OR result = 'lost')`,
		t.id, s.ID, pipeline.SubmittedRecord(q, s).Body, q.Key[:]); err != nil {
		return nil, err
	}
	return nil, pipeline.StillWaiting("submitted", pipeline.ErrStopped)
}

// keep is the commit point of submissions: sql writes down what the service calls the
// work, the call waits for its answer, and the job ends with one that polls. A crash before
// it has lost the id, and perhaps an answer that is paid for; a crash after it has lost
// nothing, for any host may poll. When somebody else asks the same, the question is looked
// at once more.
func (t *turn) keep(s pipeline.Submission, sql string, args ...any) error {
	store := func(ctx context.Context, tx pgx.Tx) error {
		t.end = river.JobSnooze(askedElsewhere)
		if _, err := tx.Exec(ctx, sql, args...); err != nil {
			return err
		}
		if open, err := reopen(ctx, tx, t.id); err != nil || !open {
			return err
		}
		t.end = nil
		return t.handOver(ctx, tx, s)
	}
	err := t.worker.db.transaction(t.ctx, store)
	if class(err) == "23" { // another host began to ask at the same moment, which is seen now
		err = t.worker.db.transaction(t.ctx, store)
	}
	if err != nil {
		return &pipeline.JournalError{Err: err}
	}
	return nil
}

// reopen has a call with an id wait for its answer, unless it has one, or somebody asks
// the same.
func reopen(ctx context.Context, tx pgx.Tx, id int64) (open bool, err error) {
	done, err := tx.Exec(ctx, `UPDATE octave_fleet.call c SET until = 'infinity', ended = NULL, result = NULL, billed = false
		WHERE id = $1 AND work <> '' AND (ended IS NULL OR result = 'lost') AND NOT EXISTS (
			SELECT FROM octave_fleet.call o WHERE o.queue = c.queue AND o.key = c.key AND o.ended IS NULL AND o.id <> c.id)`, id)
	return done.RowsAffected() == 1, err
}

// handOver ends the job of a question with that of its submission.
func (t *turn) handOver(ctx context.Context, tx pgx.Tx, s pipeline.Submission) error {
	args := poll{job: t.Args, Call: t.id, Work: s.ID, Name: s.Name, At: s.At, Attempts: t.attempts}
	args.Submission = nil
	_, err := t.worker.db.river.InsertTx(ctx, tx, args, &river.InsertOpts{Queue: t.worker.pollQueue(), ScheduledAt: time.Now().Add(t.Args.Poll)})
	if err != nil {
		return err
	}
	t.result = "answered" // as a question
	return complete(ctx, tx, []*turn{t})
}

// follow is for a question that was submitted before, by another host or by a run of its
// checkpoint: somebody polls for its answer already, or does from now on.
func (t *turn) follow(q *pipeline.Question) error {
	w, s := t.worker, *t.follows
	s.Row = t.Args.Row
	if t.id = cmp.Or(t.followed, t.id); t.followed > 0 {
		return t.keep(s, "")
	}
	// The fleet did not know of it.
	err := t.keep(s, `INSERT INTO octave_fleet.call (id, queue, key, run, host, asked, until, work, body) OVERRIDING SYSTEM VALUE
		VALUES ($1, $2, $3, $4, $5, $6, 'infinity', $7, $8) ON CONFLICT DO NOTHING`,
		t.id, w.queue.Load(), q.Key[:], t.Args.Run, w.host.Load(), s.At, s.ID, pipeline.SubmittedRecord(q, s).Body)
	if err == nil && t.end == nil {
		w.tell(func(s *schedule) pipeline.Event { s.pace.Flying++; return nil })
	}
	return err
}

// poll asks once what has become of a submission. While there is no answer, the job goes
// back for whoever takes it next.
func (t *turn) poll(p *poll) error {
	w := t.worker
	if w.brake.Reason() != nil {
		return river.JobSnooze(0)
	}
	q, err := p.question()
	if err != nil {
		return river.JobSnooze(refusedFor)
	}
	var open bool
	err = w.db.patient(t.ctx, func(ctx context.Context) error {
		return w.db.pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM octave_fleet.call WHERE id = $1 AND work = $2 AND ended IS NULL)`, p.Call, p.Work).Scan(&open)
	})
	if err != nil {
		return t.told(&pipeline.JournalError{Err: err})
	}
	if !open {
		return nil
	}
	t.id, t.attempts = p.Call, p.Attempts
	agent := func(ctx context.Context, q *pipeline.Question) (*octave.Answer, error) { return t.polled(ctx, q, p) }
	err = t.told(t.ask(pipeline.Memo(t.later(agent), &pipeline.Memory{Journal: t}, nil), q))
	if t.missed != nil {
		return nil // it has ended; who waits for the question asks again
	}
	return err
}

// polled is one poll.
func (t *turn) polled(ctx context.Context, q *pipeline.Question, p *poll) (*octave.Answer, error) {
	w, began := t.worker, time.Now()
	ctx, unbind := w.brake.Bound(ctx)
	defer unbind()
	ctx, cancel := context.WithTimeout(ctx, w.cfg.Timeout)
	defer cancel()
	s := pipeline.Submission{ID: p.Work, Name: p.Name, At: p.At, Row: p.Row}
	progress, err := w.cfg.Poll(ctx, octave.Submission{ID: s.ID, Name: s.Name}, w.polls.Wait)
	end := pipeline.EndOf(progress, err, s)
	var call *octave.Error
	if progress.Answer == nil && end == nil {
		wait := p.Poll
		if age := time.Since(p.At); age > pollSeldom {
			wait = max(wait, age/60)
		}
		switch errors.As(err, &call); {
		case call != nil && call.Action == octave.All && !over(ctx):
			w.forbidden(call, began) //nolint:contextcheck // it is news for others after this poll has ended, too
		case call != nil:
			wait = max(wait, min(call.RetryAfter, pipeline.MaxRetryAfter))
		}
		t.end = river.JobSnooze(wait)
		return nil, pipeline.StillWaiting("submitted, and not answered yet", pipeline.ErrStopped)
	}
	w.cfg.Observer(pipeline.CallResumed{})
	if end == nil {
		t.usage = progress.Answer.Usage
	}
	ended := time.Now()
	w.tell(func(s *schedule) pipeline.Event { return s.answered(ended, pipeline.Started{}, p.Key, progress.Answer) })
	if errors.As(end, &call) && call.Action == octave.All {
		w.forbidden(call, began) //nolint:contextcheck // likewise
	}
	return progress.Answer, pipeline.NoteEnd(t, w.cfg.Observer, q, s.At, progress.Answer, end)
}

// submitted takes note of a submission for a question that the run waits for: what the
// service calls it goes into its checkpoint, so that a run without the fleet may poll,
// and a fleet whose database is another one.
func (c *Coordinator) submitted(e entry, now time.Time) error {
	w := c.pendingFor(e.key)
	if w == nil {
		return nil
	}
	if err := c.note(e); err != nil {
		return err
	}
	c.mu.Lock()
	w.noted, w.since = e.id, min(w.since, e.id-1) // how it ends is news to this run, whoever submitted it
	c.mu.Unlock()
	if most := c.cfg.MaxWait; most > 0 && now.Sub(e.asked) >= most && time.Since(w.began) >= most && c.take(e.key) == w {
		c.gaveUp = true
		w.outcome <- outcome{err: pipeline.GaveUp(most, nil)}
	}
	return nil
}

// note writes the start of a call into the checkpoint, and what the service calls it.
func (c *Coordinator) note(e entry) error {
	if c.noted[e.id] || c.resumed(e) {
		return nil
	}
	switch {
	case e.work != nil && *e.work == "": // its id did not come
		return c.cfg.Journal.Note(pipeline.AskedRecord(e.key, e.asked, e.row))
	case !e.open():
		return c.cfg.Journal.Note(checkpoint.Record{Type: checkpoint.Asked, Key: e.key, At: e.asked})
	}
	submitted := checkpoint.Record{Type: checkpoint.Submitted, Key: e.key, At: e.asked, Body: e.body}
	s, _, err := pipeline.ReadSubmission(submitted)
	if err != nil {
		return err
	}
	c.noted[e.id] = true
	c.cfg.Submissions.Set(e.key, s)
	return cmp.Or(c.cfg.Journal.Note(pipeline.AskedRecord(e.key, e.asked, s.Row)), c.cfg.Journal.Note(submitted))
}

// resumed says whether an earlier run of the checkpoint made the call, and wrote that
// down.
func (c *Coordinator) resumed(e entry) bool {
	return e.hasID() && c.handed[e.key] == *e.work
}

// work is what the service calls a question that was submitted; nil for one that was not.
func (c *Coordinator) work(key checkpoint.Key) *pipeline.Submission {
	if s, open := c.cfg.Submissions.Get(key); open {
		return &s
	}
	return nil
}

func (c *Coordinator) pendingFor(key checkpoint.Key) *pending {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.waiting[key]
}
