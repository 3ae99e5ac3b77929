package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"octave-enrich/octave"
	"octave-enrich/pipeline"
)

const (
	// lostHosts is how many hosts may die with a question in their hands before it
	// is given up: it may be what they die of.
	lostHosts = 5
	// askedElsewhere is how long a question waits that somebody asks already.
	askedElsewhere = time.Second
	// noBudget is how long it waits for calls in flight that may cost less than expected.
	noBudget = 250 * time.Millisecond
)

// known is what the database says about a question and its run at one moment.
type known struct {
	run      runState
	inFlight int // calls of a run that has a budget, but for this one
	calls    []pastCall
	entered  bool // this call was, by this statement
}

type runState struct {
	exists, stopped, goesOn bool
	incarnation             string
	left                    int  // calls, -1 for no limit
	budgeted                bool // with a limit of usage
	spent                   bool // which holds no further call, were none in flight
	fits                    int  // calls that it holds at the same time
}

type pastCall struct {
	id             int64
	run, result    string
	failed, onWire bool
	ended          *time.Time
	attempts       int
}

// A verdict is what becomes of a job. Without an end, the call may be made.
type verdict struct {
	admitted bool
	end      error
	stop     string // the run, for this
	giveUp   string // the question, for this
}

// admit says whether a call may be made for the question now: it has no outcome yet,
// nobody asks it, and its run goes on and can pay for it. Entering notes the call, in the
// same transaction; else it is a look, so that no start is taken in vain. What becomes of
// a job that is not admitted is in end.
func (t *turn) admit(entering bool) (bool, error) {
	w := t.worker
	ctx, cancel := w.brake.Bound(t.ctx)
	defer cancel()
	var v verdict
	look := func(ctx context.Context, db interface {
		SendBatch(context.Context, *pgx.Batch) pgx.BatchResults
	}) (known, error) {
		var k known
		batch := &pgx.Batch{}
		t.lookUp(batch, &k, entering)
		if err := db.SendBatch(ctx, batch).Close(); err != nil {
			return k, err
		}
		v = t.judge(&k, entering)
		return k, nil
	}
	var err error
	if entering {
		err = w.db.transaction(ctx, func(ctx context.Context, tx pgx.Tx) error {
			k, err := look(ctx, tx)
			if err != nil {
				return err
			}
			batch := &pgx.Batch{}
			if err := t.enter(batch, &k, v); err != nil || batch.Len() == 0 {
				return err
			}
			return tx.SendBatch(ctx, batch).Close()
		})
	} else {
		err = w.db.patient(ctx, func(ctx context.Context) error { _, err := look(ctx, w.db.pool); return err })
		v.admitted = v.admitted || v.stop+v.giveUp != "" // which is written when it is entered
	}
	if over(ctx) && err != nil {
		t.end = river.JobSnooze(0)
		t.entered = entering // perhaps: its commit may have been under way
		return false, t.leave()
	}
	if err != nil {
		return false, &pipeline.JournalError{Err: err}
	}
	t.end, t.entered = v.end, entering && v.admitted
	return v.admitted, nil
}

// lostSQL takes calls of which nothing was heard for too long for lost: they may have
// been billed.
func lostSQL(which string) string {
	return `WITH lost AS (UPDATE octave_fleet.call SET ended = clock_timestamp(), result = 'lost', billed = true
			WHERE ended IS NULL AND until < clock_timestamp() AND ` + which + ` RETURNING run)
		UPDATE octave_fleet.run SET usage = usage + coalesce(cost, 1) FROM lost WHERE run.id = lost.run AND max_usage IS NOT NULL`
}

// lookUp queues the questions about the job. Entering, it locks what it sees: a run that
// is told to stop waits for calls that saw it go on, and only those that may change it,
// because of a budget, exclude each other; a call that is being ended, by a host that
// counted as lost, is waited for.
func (t *turn) lookUp(b *pgx.Batch, k *known, entering bool) {
	w, queue, key := t.worker, t.worker.queue.Load(), t.Args.Key[:]
	lockRun, lockCalls := "", ""
	if entering {
		lockRun, lockCalls = " FOR SHARE", " FOR SHARE"
		if t.Args.Budgeted {
			lockRun = " FOR NO KEY UPDATE"
		}
	}
	b.Queue(`SELECT true, stopped IS NOT NULL, `+goesOn+`, incarnation, coalesce(max_calls - calls, -1), max_usage IS NOT NULL,
			coalesce(max_usage <= 0 OR usage + coalesce(cost, 1) > max_usage, false),
			least(greatest(coalesce(floor((max_usage - usage) / coalesce(cost, 1)), 0), 0), 1000000)::int
		FROM octave_fleet.run WHERE id = $1`+lockRun, t.Args.Run).Query(func(rows pgx.Rows) error {
		r := &k.run
		_, err := pgx.ForEachRow(rows, []any{&r.exists, &r.stopped, &r.goesOn, &r.incarnation, &r.left, &r.budgeted, &r.spent, &r.fits}, func() error { return nil })
		return err
	})
	if entering {
		b.Queue(lostSQL("queue = $1 AND key = $2"), queue, key)
		b.Queue(`INSERT INTO octave_fleet.call (id, queue, key, run, host, until) OVERRIDING SYSTEM VALUE
			VALUES ($1, $2, $3, $4, $5, clock_timestamp() + $6::interval) ON CONFLICT DO NOTHING RETURNING true`,
			t.id, queue, key, t.Args.Run, w.host.Load(), w.cfg.RescueAfter).Query(func(rows pgx.Rows) error {
			_, err := pgx.ForEachRow(rows, []any{&k.entered}, func() error { return nil })
			return err
		})
	} else {
		b.Queue(`SELECT nextval(pg_get_serial_sequence('octave_fleet.call', 'id'))`).QueryRow(func(row pgx.Row) error { return row.Scan(&t.id) })
	}
	b.Queue(`SELECT id, run, coalesce(result, ''), failed, ended IS NULL AND until > clock_timestamp(), ended, attempts
		FROM octave_fleet.call WHERE queue = $1 AND key = $2 ORDER BY id`+lockCalls, queue, key).Query(func(rows pgx.Rows) error {
		var c pastCall
		_, err := pgx.ForEachRow(rows, []any{&c.id, &c.run, &c.result, &c.failed, &c.onWire, &c.ended, &c.attempts}, func() error {
			k.calls = append(k.calls, c)
			return nil
		})
		return err
	})
	if t.Args.Budgeted {
		b.Queue(`SELECT count(*) FROM octave_fleet.call WHERE ended IS NULL AND run = $1 AND id <> $2`, t.Args.Run, t.id).
			QueryRow(func(row pgx.Row) error { return row.Scan(&k.inFlight) })
	}
}

// judge decides what becomes of the job.
func (t *turn) judge(k *known, entering bool) verdict {
	var lost int
	var onWire, mine bool
	t.attempts = 0
	for _, c := range k.calls {
		switch {
		case c.id == t.id:
			mine = true
			continue
		case c.result == "answered" && !c.ended.Before(t.Args.Fresh):
			return verdict{} // River completes it
		case c.failed && c.id > t.Args.Since:
			return verdict{end: river.JobCancel(errors.New("it was given up"))}
		case c.onWire:
			onWire = true
		}
		if c.run == t.Args.Run && c.id > t.Args.Since {
			t.attempts = max(t.attempts, c.attempts)
			if c.result == "lost" {
				lost++
			}
		}
	}
	switch run := k.run; {
	case !run.exists, run.stopped:
		return verdict{end: river.JobCancel(errors.New("its run has ended"))}
	case run.incarnation != t.Args.Incarnation:
		return verdict{end: river.JobCancel(errors.New("it was asked of a database that is gone"))}
	case !run.goesOn:
		return verdict{end: river.JobSnooze(longWait)}
	case onWire, entering && !mine:
		return verdict{end: river.JobSnooze(askedElsewhere)}
	case lost >= lostHosts:
		return givenUp(fmt.Sprintf("given up: %d hosts were lost while they asked", lostHosts))
	case lost > 0 && t.Args.FailAmbiguous:
		return givenUp("a host was lost while it asked: possibly billed, and not repeated")
	case run.spent:
		return verdict{stop: stoppedUsage, end: river.JobCancel(pipeline.ErrMaxUsage)}
	case run.left == 0 && (k.entered || !mine): // else it is counted already
		return verdict{stop: stoppedCalls, end: river.JobCancel(pipeline.ErrMaxCalls)}
	case run.budgeted && k.inFlight >= run.fits:
		return verdict{end: river.JobSnooze(noBudget)}
	}
	return verdict{admitted: true}
}

func givenUp(why string) verdict {
	return verdict{giveUp: why, end: river.JobCancel(errors.New(why))}
}

// enter queues what follows from the verdict.
func (t *turn) enter(b *pgx.Batch, k *known, v verdict) error {
	if v.admitted {
		if k.entered && k.run.left >= 0 {
			b.Queue(`UPDATE octave_fleet.run SET calls = calls + 1 WHERE id = $1`, t.Args.Run)
		}
		return nil
	}
	b.Queue(`DELETE FROM octave_fleet.call WHERE id = $1 AND ended IS NULL`, t.id)
	if v.stop != "" {
		b.Queue(`UPDATE octave_fleet.run SET stopped = $2 WHERE id = $1 AND stopped IS NULL`, t.Args.Run, v.stop)
	}
	if v.giveUp != "" {
		body, err := json.Marshal(pipeline.FailureBody{Request: t.Args.Request, Error: v.giveUp})
		if err != nil {
			return err
		}
		b.Queue(`UPDATE octave_fleet.call SET failed = true, body = $4 WHERE id = (
			SELECT max(id) FROM octave_fleet.call WHERE queue = $1 AND key = $2 AND run = $3 AND result = 'lost')`,
			t.worker.queue.Load(), t.Args.Key[:], t.Args.Run, body)
	}
	return nil
}

// Why a run was stopped by its hosts; the kinds of errors that stop everybody are
// the others.
const (
	stoppedUsage  = "max-usage"
	stoppedCalls  = "max-calls"
	stoppedAnew   = "superseded" // its checkpoint has a newer run
	stoppedRun    = "stopped"    // by itself
	stoppedByHand = "cancelled"  // by somebody
)

// ErrSuperseded says that a newer run with the same checkpoint, or a copy of it,
// has taken over.
var ErrSuperseded = errors.New("a newer run with a copy of this checkpoint took over")

// ErrCancelled says that somebody cancelled the run in the fleet.
var ErrCancelled = errors.New("the run was cancelled: fleet cancel")

// stopReason is why a run was stopped by others, nil when it was not.
func stopReason(word string, text *string) error {
	switch word {
	case "", stoppedRun:
		return nil
	case stoppedUsage:
		return pipeline.ErrMaxUsage
	case stoppedCalls:
		return pipeline.ErrMaxCalls
	case stoppedByHand:
		return ErrCancelled
	case octave.CauseKey.String(), octave.CauseCredits.String():
		return stopError(word, text)
	}
	return ErrSuperseded
}
