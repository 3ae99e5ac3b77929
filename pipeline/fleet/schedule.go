package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/time/rate"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
	"octave-enrich/pipeline"
)

// A schedule is the row of a key while a transaction holds it: the pace that all
// hosts keep, and the next start that was not given away. Its clock is the
// database's. The transaction is short and does not wait for the disk: a crash of
// the database that forgets the last leases gives some starts away twice, once.
type schedule struct {
	account string
	pace    pipeline.Pace
	next    time.Time
	now     time.Time
	read    time.Time // the same moment by the clock of this host, or a little later
	stopped bool      // nobody may ask
	// rejected are the calls with the key that were rejected since one was taken.
	rejected int
	batch    pgx.Batch // what else the transaction writes
}

const (
	// ahead is how far in the future a start may be given away: long enough for
	// the schedule to have no holes between fetches, short enough for a pause to
	// reach every host well within a second.
	ahead = 200 * time.Millisecond
	// catchUp is how much of the past may be made up for.
	catchUp = 20 * time.Millisecond
	// used is the share of the limit that is planned. Starts are some
	// milliseconds late, and not equally so: without it six calls of a limit of
	// five would now and then fall into one second.
	used = 0.965
	// look is how long a host waits at most before it looks at the row again.
	look = 500 * time.Millisecond
	// backwards is how far back a clock may go unnoticed.
	backwards = 2 * time.Second
	// mostWait is how long a question waits at most before somebody looks at the row
	// again: a pause may end earlier.
	mostWait = time.Minute
	// quiet is from when on the calls in flight are counted anew.
	quiet = 5 * time.Second
)

// A lease is one start that was given away.
type lease struct {
	at   time.Time        // by the clock of this host
	call pipeline.Started // by the clock of the database
}

// allSlots is more calls in flight than the hosts of a key have places for.
const allSlots = 1 << 20

// spacing is the time between two starts, 0 without a limit.
func spacing(limit rate.Limit) time.Duration {
	if limit == rate.Inf {
		return 0
	}
	return time.Duration(float64(time.Second) / (float64(limit) * used))
}

// openSchedule locks the row of a key.
func openSchedule(ctx context.Context, tx pgx.Tx, account string) (*schedule, error) {
	s := &schedule{account: account}
	var seen time.Time
	err := tx.QueryRow(ctx, `SELECT state, next, seen, kind IS NOT NULL, rejected, clock_timestamp() FROM octave_fleet.pace WHERE account = $1 FOR UPDATE`, account).
		Scan(&s.pace, &s.next, &seen, &s.stopped, &s.rejected, &s.now)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, fmt.Errorf("the row of this key is gone from the fleet's database: %w", err) // by hand
	}
	if err != nil {
		return nil, err
	}
	s.read = time.Now()
	if s.now.Before(seen.Add(-backwards)) {
		// The clock went back: all that is planned, paused or probed would be as far in
		// the future.
		limit := s.pace.Limit
		s.pace, s.next = pipeline.NewPace(s.pace.Allowed, allSlots), s.now
		s.pace.Limit = limit
	}
	if s.now.Sub(s.pace.Last.At) > quiet {
		// Nobody started a call for a while. A host that was lost ends none of its.
		if err := tx.QueryRow(ctx, `SELECT coalesce(sum(in_flight) FILTER (WHERE ended IS NULL AND seen > clock_timestamp() - $2::interval), 0)
				+ (SELECT count(*) FROM octave_fleet.call c JOIN octave_fleet.host o ON o.id = c.host WHERE o.account = $1 AND c.ended IS NULL AND c.until = 'infinity')
			FROM octave_fleet.host WHERE account = $1`,
			account, deadFor).Scan(&s.pace.Flying); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// A change is of the row of a key. It may be repeated.
type change func(*schedule)

// schedule makes changes of the row of a key, in their order and in one transaction.
func (d *DB) schedule(ctx context.Context, account string, changes ...change) error {
	return d.transaction(ctx, func(ctx context.Context, tx pgx.Tx) error {
		s, err := openSchedule(ctx, tx, account)
		if err != nil {
			return err
		}
		for _, change := range changes {
			change(s)
		}
		state, err := json.Marshal(s.pace)
		if err != nil {
			return err
		}
		s.batch.Queue(`SET LOCAL synchronous_commit TO off`)
		s.batch.Queue(`UPDATE octave_fleet.pace SET state = $2, next = $3, seen = $4, rejected = $5 WHERE account = $1`, account, state, s.next, s.now, s.rejected)
		return tx.SendBatch(ctx, &s.batch).Close()
	})
}

// schedule makes changes of the row of the key of this host.
func (w *Worker) schedule(changes []change) error {
	ctx, cancel := w.brief(w.hard)
	defer cancel()
	return w.db.schedule(ctx, w.cfg.Account, append(changes, w.see)...)
}

// tell makes a change, and passes on what is news to others. One that the database does
// not take is found out anew when all is quiet.
func (w *Worker) tell(change func(*schedule) pipeline.Event) {
	var news pipeline.Event
	err := w.pacing.join(func(s *schedule) { news = change(s) })
	if err == nil && news != nil {
		w.cfg.Observer(news)
	}
}

// answered takes note of an answer that came at a moment by the clock of this host. One
// from before a series of failures does not end it.
func (s *schedule) answered(at time.Time, call pipeline.Started, key checkpoint.Key, answer *octave.Answer) pipeline.Event {
	s.rejected = 0
	if s.now.Add(at.Sub(s.read)).Before(s.pace.Failing.First) {
		s.pace.Flying = max(s.pace.Flying-1, 0)
		return nil
	}
	return s.pace.Ended(s.now, call, key, answer, nil, patience)
}

// patience of a pace has no end: how long an outage is waited for is up to the runs.
const patience = 1 << 60

// lease gets starts for up to want calls, and when there are none how long to wait before
// asking again.
func (w *Worker) lease(want int) (starts []lease, wait time.Duration, err error) {
	err = w.pacing.join(func(s *schedule) {
		n := want
		if w.submitting.Load() > 0 { // what was submitted is in flight, and in no slot
			n = max(min(n, int(w.places.Load())-s.pace.Flying), 0)
		}
		n, wait = s.free(n)
		starts = s.give(n, w.cfg.Timeout+time.Second) // a probe's host may be lost
	})
	return starts, wait, err
}

// take waits for the start of a call as long as the context lasts, first come, first
// served. Whoever is first gets starts for those behind, too. Without one it says for how
// long nobody may start a call; an error is the database's, which refuses for good.
func (w *Worker) take(ctx context.Context) (start lease, wait time.Duration, err error) {
	w.waiting.Add(1)
	defer w.waiting.Add(-1)
	select {
	case w.line <- struct{}{}:
		defer func() { <-w.line }()
	case <-ctx.Done():
		return start, comeBack, nil
	}
	for {
		late := 0 // those were for somebody who did not wait
		for late < len(w.starts) && time.Since(w.starts[late].at) >= latest {
			late++
		}
		w.returnStarts(w.starts[:late]...)
		if w.starts = w.starts[late:]; len(w.starts) > 0 {
			start, w.starts = w.starts[0], w.starts[1:]
			return start, 0, nil
		}
		if w.starts, wait, err = w.lease(int(w.waiting.Load())); len(w.starts) > 0 {
			continue
		}
		if err != nil || wait > longWait || w.brake.Reason() != nil {
			return start, wait, err
		}
		var freed <-chan struct{}
		if w.seen.Load().full {
			freed = w.freed
		}
		select {
		case <-freed:
		case <-time.After(min(wait, look)):
		case <-ctx.Done():
			return start, comeBack, nil
		}
	}
}

// see remembers what this host has to know between two looks at the row.
func (w *Worker) see(s *schedule) {
	if before := w.seen.Load().allowed; before != s.pace.Allowed {
		w.cfg.Warn("the rate of this key was changed", "from", Rate(before), "to", Rate(s.pace.Allowed))
	}
	w.seen.Store(&sight{allowed: s.pace.Allowed, unbound: s.pace.Limit == rate.Inf, outage: s.pace.Failing.On, uneasy: s.pace.Uneasy(),
		full: s.pace.Flying >= s.pace.InFlight})
}

// free says how many calls may get a start now, want at most, and when there is
// none how long to wait before asking again.
func (s *schedule) free(want int) (n int, wait time.Duration) {
	if s.stopped { // see keeper
		return 0, look
	}
	if closed := s.pace.ClosedFor(s.now); closed > 0 {
		if s.pace.Flying >= s.pace.InFlight {
			closed = look // until one of them ends
		}
		return 0, min(closed, mostWait)
	}
	if s.pace.Failing.On || s.pace.Scouting {
		return min(want, 1), look
	}
	// It may be more than are to be in flight: some of them may have been given up already.
	want = min(want, max(s.pace.InFlight-s.pace.Flying, 1))
	apart := spacing(s.pace.Rate(s.first()))
	if apart == 0 {
		return want, look
	}
	room := s.now.Add(ahead).Sub(s.first())
	if room < 0 {
		return 0, -room
	}
	return min(want, 1+int(room/apart)), look
}

// first is the next start to give away.
func (s *schedule) first() time.Time {
	if earliest := s.now.Add(-catchUp); s.next.Before(earliest) {
		return earliest
	}
	return s.next
}

// give gives n starts away. A call that is a probe keeps all others back for so
// long at most.
func (s *schedule) give(n int, probe time.Duration) []lease {
	starts := make([]lease, n)
	at := s.first()
	for i := range starts {
		apart := spacing(s.pace.Rate(at))
		if apart == 0 {
			at = s.now
		}
		begins := at
		if begins.Before(s.now) { // it makes up for the past, and begins now all the same
			begins = s.now
		}
		starts[i] = lease{at: s.read.Add(begins.Sub(s.now)), call: s.pace.Start(begins, probe)}
		at = at.Add(apart)
	}
	if n > 0 {
		s.next = at
	}
	return starts
}

// stopError is why nobody may ask: the key or the credits.
func stopError(kind, text string) *octave.Error {
	return &octave.Error{Action: octave.All, Cause: octave.ParseCause(kind), Message: text}
}

// admitKey makes the row of a key when there is none, and lets it ask again should it have
// been rejected or out of credits. A nil limit leaves what was allowed before, or fallback.
// It returns what was allowed before.
func (d *DB) admitKey(ctx context.Context, account string, limit *rate.Limit, fallback rate.Limit) (before rate.Limit, err error) {
	if limit != nil {
		fallback = *limit
	}
	fresh, err := json.Marshal(pipeline.NewPace(fallback, allSlots))
	if err != nil {
		return 0, err
	}
	if err := d.exec(ctx, `INSERT INTO octave_fleet.pace (account, state) VALUES ($1, $2) ON CONFLICT DO NOTHING`, account, fresh); err != nil {
		return 0, err
	}
	err = d.schedule(ctx, account, func(s *schedule) {
		before = s.pace.Allowed
		if limit != nil {
			s.pace.Allow(*limit)
		}
		s.rejected = 0
		s.batch.Queue(`UPDATE octave_fleet.pace SET kind = NULL, error = NULL WHERE account = $1`, account)
	})
	return before, err
}

// forbid stops everybody with this key: no host asks any more, and when no living host
// of the queue has another one, no run waits for its answers.
func (s *schedule) forbid(queue int32, cause octave.Cause, text string) {
	s.batch.Queue(`UPDATE octave_fleet.pace SET kind = $2, error = $3 WHERE account = $1`, s.account, cause.String(), text)
	s.batch.Queue(`UPDATE octave_fleet.run SET stopped = $2, error = $3 WHERE queue = $1 AND ended IS NULL AND stopped IS NULL AND NOT EXISTS (
			SELECT FROM octave_fleet.host h JOIN octave_fleet.pace p ON p.account = h.account
			WHERE h.queue = $1 AND h.ended IS NULL AND h.seen > clock_timestamp() - $4::interval AND p.kind IS NULL)`,
		queue, cause.String(), text, deadFor)
}
