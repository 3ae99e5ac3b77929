package fleet

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"octave-enrich/checkpoint"
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

// A snapshot is what the database says about questions and their runs at one moment.
type snapshot struct {
	runs    map[string]*runState
	calls   map[checkpoint.Key][]entry
	entered map[int64]bool // calls that this transaction has noted
}

type runState struct {
	stopped, goesOn bool
	incarnation     string
	left            int  // calls, -1 for no limit
	budgeted        bool // with a limit of usage
	spent           bool // which holds no further call, were none in flight
	fits            int  // calls that it holds at the same time
	inFlight        int  // of one that is budgeted: those of others
}

// A decision is what becomes of a job before a call.
type decision struct {
	admitted bool   // the call may be made
	end      error  // else what River is told
	counted  bool   // among the calls that its run may make
	spent    bool   // it may make no more
	giveUp   string // the question, for this
	lost     int64  // the last call for it that was
}

// admit says whether a call may be made for the question now: it has no outcome yet,
// nobody asks it, and its run goes on and can pay for it. Entering notes the call, in the
// same transaction; else it is a look, so that no start is taken in vain. What becomes of
// a job that is not admitted is in end.
func (t *turn) admit(entering bool) (bool, error) {
	w := t.worker
	gate := w.looking
	if entering {
		gate = w.entering
	}
	v := &t.decision
	switch err := gate.join(t); {
	case err == nil:
		t.end, t.entered = v.end, entering && v.admitted
		return v.admitted, nil
	case w.brake.Reason() != nil || over(t.ctx):
		t.end = river.JobSnooze(0)
		t.entered = entering // perhaps: its commit may have been under way
		return false, t.leave()
	default:
		return false, &pipeline.JournalError{Err: err}
	}
}

// admit is one transaction for jobs that are at the same point. A host that drains stops
// looking at once. What it notes it brings to its end: cut off in its commit, a note would
// come after it was taken back, and others would wait for a call that nobody makes.
func (w *Worker) admit(turns []*turn, entering bool) error {
	bound := w.brake.Bound
	if entering {
		bound = w.brief
	}
	ctx, cancel := bound(turns[0].ctx)
	defer cancel()
	// Where hosts want the same, none waits for one that waits for it.
	turns = slices.SortedFunc(slices.Values(turns), func(a, b *turn) int { return bytes.Compare(a.Args.Key[:], b.Args.Key[:]) })
	return w.db.transaction(ctx, func(ctx context.Context, tx pgx.Tx) error {
		k := snapshot{runs: map[string]*runState{}, calls: map[checkpoint.Key][]entry{}, entered: map[int64]bool{}}
		batch := &pgx.Batch{}
		w.lookUp(batch, &k, turns, entering)
		if err := tx.SendBatch(ctx, batch).Close(); err != nil {
			return err
		}
		batch = &pgx.Batch{}
		for _, t := range turns {
			t.decision = k.decide(t, entering)
			if entering {
				k.enter(batch, t)
			}
		}
		if batch.Len() == 0 {
			return nil
		}
		return tx.SendBatch(ctx, batch).Close()
	})
}

// lostSQL takes calls of which nothing was heard for too long for lost: they may have
// been billed.
func lostSQL(which string) string {
	return `WITH lost AS (UPDATE octave_fleet.call SET ended = clock_timestamp(), result = 'lost', billed = true
			WHERE ended IS NULL AND until < clock_timestamp() AND ` + which + ` RETURNING run)
		UPDATE octave_fleet.run SET usage = usage + n * coalesce(cost, 1) FROM (SELECT run, count(*) AS n FROM lost GROUP BY run) l WHERE run.id = l.run AND max_usage IS NOT NULL`
}

// lookUp queues the questions about jobs. Entering, it locks what it sees: a run that
// is told to stop waits for calls that saw it go on, and only those that may change it,
// because of a budget, exclude each other; a call that is being ended, by a host that
// counted as lost, is waited for.
func (w *Worker) lookUp(b *pgx.Batch, k *snapshot, turns []*turn, entering bool) {
	var ids []int64
	var keys [][]byte
	var runs []string // of each
	var submits []bool
	budgeted := false
	for _, t := range turns {
		ids, keys, runs = append(ids, t.id), append(keys, t.Args.Key[:]), append(runs, t.Args.Run)
		submits = append(submits, t.Args.Callback != "")
		budgeted = budgeted || t.Args.Budgeted
	}
	queue, lockRun, lockCalls := w.queue.Load(), "", ""
	if entering {
		lockRun, lockCalls = " FOR SHARE", " FOR SHARE"
		if budgeted {
			lockRun = " FOR NO KEY UPDATE"
		}
	}
	var id, n int64
	var run string
	var state runState
	each(b, []any{&run, &state.stopped, &state.goesOn, &state.incarnation, &state.left, &state.budgeted, &state.spent, &state.fits}, func() error {
		seen := state
		k.runs[run] = &seen
		return nil
	}, `SELECT id, stopped IS NOT NULL, `+goesOn+`, incarnation, coalesce(max_calls - calls, -1), max_usage IS NOT NULL,
			coalesce(max_usage <= 0 OR usage + coalesce(cost, 1) > max_usage, false),
			least(greatest(coalesce(floor((max_usage - usage) / coalesce(cost, 1)), 0), 0), 1000000)::int
		FROM octave_fleet.run WHERE id = ANY($1) ORDER BY id`+lockRun, runs)
	if entering {
		b.Queue(lostSQL("queue = $1 AND key = ANY($2)"), queue, keys)
		each(b, []any{&id}, func() error { k.entered[id] = true; return nil }, `INSERT INTO octave_fleet.call (id, queue, key, run, host, until, work) OVERRIDING SYSTEM VALUE
			SELECT id, $1, key, run, $2, clock_timestamp() + $3::interval, CASE WHEN submits THEN '' END
			FROM unnest($4::bigint[], $5::bytea[], $6::text[], $7::boolean[]) AS u (id, key, run, submits)
			ON CONFLICT DO NOTHING RETURNING id`, queue, w.host.Load(), w.cfg.RescueAfter, ids, keys, runs, submits)
	} else {
		each(b, []any{&n, &id}, func() error { turns[n-1].id = id; return nil },
			`SELECT n, nextval(pg_get_serial_sequence('octave_fleet.call', 'id')) FROM generate_series(1, $1) n`, len(turns))
	}
	b.Queue(`SELECT `+entryColumns+`, CASE WHEN ended IS NULL OR result = 'lost' THEN body END
		FROM octave_fleet.call WHERE queue = $1 AND key = ANY($2) ORDER BY key, id`+lockCalls, queue, keys).Query(func(rows pgx.Rows) error {
		return eachEntry(rows, func(e entry) { k.calls[e.key] = append(k.calls[e.key], e) })
	})
	if budgeted {
		each(b, []any{&run, &n}, func() error {
			if r := k.runs[run]; r != nil {
				r.inFlight = int(n)
			}
			return nil
		}, `SELECT run, count(*) FROM octave_fleet.call WHERE ended IS NULL AND run = ANY($1) AND id <> ALL($2) GROUP BY run`, runs, ids)
	}
}

// decide says what becomes of the job.
func (k *snapshot) decide(t *turn, entering bool) decision {
	var lost int
	var last int64                // that was lost
	var onWire, asking, mine bool // asking: what the service calls it is not known yet
	t.attempts, t.follows = 0, nil
	follows, followed := t.Args.Submission, int64(0)
	for _, c := range k.calls[t.Args.Key] {
		switch {
		case c.id == t.id:
			mine = true
			continue
		case c.result == "answered" && !c.ended.Before(t.Args.Fresh):
			return decision{} // River completes it
		case c.failed && c.id > t.Args.Since:
			return decision{end: river.JobCancel(errors.New("it was given up"))}
		case c.onWire:
			onWire = true
		}
		if follows != nil && c.work != nil && *c.work == follows.ID {
			follows = nil // it has ended, or is open: see below
		}
		if s := c.submission(); s != nil {
			follows, followed = s, c.id
		}
		asking = asking || c.onWire && !c.hasID()
		if c.run == t.Args.Run && c.id > t.Args.Since {
			t.attempts = max(t.attempts, c.attempts)
			if c.result == "lost" {
				lost, last = lost+1, c.id
			}
		}
	}
	switch run := k.runs[t.Args.Run]; {
	case run == nil, run.stopped:
		return decision{end: river.JobCancel(errors.New("its run has ended"))}
	case run.incarnation != t.Args.Incarnation:
		return decision{end: river.JobCancel(errors.New("it was asked of a database that is gone"))}
	case !entering && follows != nil && !asking:
		t.follows, t.followed = follows, followed
		return decision{}
	case !run.goesOn:
		return decision{end: river.JobSnooze(longWait)}
	case onWire, entering && !mine:
		return decision{end: river.JobSnooze(askedElsewhere)}
	case lost >= lostHosts:
		return decision{end: river.JobSnooze(0), lost: last, giveUp: fmt.Sprintf("given up: %d hosts were lost while they asked", lostHosts)}
	case lost > 0 && t.Args.FailAmbiguous:
		return decision{end: river.JobSnooze(0), lost: last, giveUp: "a host was lost while it asked: possibly billed, and not repeated"}
	case run.spent, run.left == 0 && (k.entered[t.id] || !mine): // else it is counted already
		return decision{end: river.JobSnooze(0), spent: true}
	case run.budgeted && run.inFlight >= run.fits:
		if t.Args.Callback != "" {
			return decision{end: river.JobSnooze(t.Args.Poll)}
		}
		return decision{end: river.JobSnooze(noBudget)}
	}
	return decision{admitted: true, counted: k.runs[t.Args.Run].left >= 0}
}

// enter queues what follows from the decision, and counts for those behind it.
func (k *snapshot) enter(b *pgx.Batch, t *turn) {
	if !t.decision.admitted {
		b.Queue(`DELETE FROM octave_fleet.call WHERE id = $1 AND key = $2 AND ended IS NULL`, t.id, t.Args.Key[:])
		return
	}
	run := k.runs[t.Args.Run]
	run.inFlight++
	if k.entered[t.id] && run.left > 0 {
		run.left--
		b.Queue(`UPDATE octave_fleet.run SET calls = calls + 1 WHERE id = $1`, t.Args.Run)
	}
}

// conclude does what follows when the question is not asked, or not for this run.
func (t *turn) conclude() error {
	switch v := t.decision; {
	case v.giveUp != "": // with the last call for it
		body, err := json.Marshal(pipeline.FailureBody{Request: t.Args.Request, Error: v.giveUp})
		if err != nil {
			return err
		}
		t.end = river.JobCancel(errors.New(v.giveUp))
		return t.brief(`UPDATE octave_fleet.call SET failed = true, body = $2 WHERE id = $1 AND result = 'lost'`, v.lost, body)
	case v.spent:
		return t.brief(`UPDATE octave_fleet.run SET stopped = CASE WHEN calls >= max_calls THEN '`+stoppedCalls+`' ELSE '`+stoppedUsage+`' END
			WHERE id = $1 AND stopped IS NULL AND (calls >= max_calls OR max_usage <= 0 OR usage + coalesce(cost, 1) > max_usage)`, t.Args.Run)
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
func stopReason(word, text string) error {
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
