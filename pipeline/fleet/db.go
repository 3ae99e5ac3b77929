package fleet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
)

// Errors of opening a fleet.
var (
	// ErrURL says that the database's URL cannot be read, or that the database
	// refuses who it names.
	ErrURL = errors.New("the fleet's database cannot be used")
	// ErrUnreachable says that nothing answers at the database's address.
	ErrUnreachable = errors.New("the fleet's database cannot be reached")
	// ErrNoFleet says that Init was never called.
	ErrNoFleet = errors.New("the database holds no fleet")
)

// Events are told when a fleet's database goes away and when it is back, and what River
// says, to which every lost connection is an error. Each may be nil.
type Events struct {
	Away  func(error)
	Back  func(after time.Duration)
	River slog.Handler
}

// A DB is the database of a fleet. It is safe for concurrent use.
type DB struct {
	pool     *pgxpool.Pool
	river    *river.Client[pgx.Tx] // puts jobs into queues and takes them out
	password string
	events   Events
	log      *slog.Logger // River's
	away     atomic.Int64 // since when; 0 while it answers
}

const (
	connectTimeout = 5 * time.Second
	// operationTimeout bounds one attempt: a connection that was cut is silent.
	operationTimeout = 10 * time.Second
	// statementBytes is about how much one statement sends or brings at most: a
	// line of 1 Mbit/s carries it within the time of an attempt.
	statementBytes = 1 << 20
	firstWait      = 50 * time.Millisecond
	longestWait    = 2 * time.Second
)

// Open makes ready for the database at url, a URL or a connection string of
// PostgreSQL's, with so many connections at most. Nothing is sent yet. Its errors
// wrap [ErrURL], and never hold the password.
func Open(ctx context.Context, url string, connections int, events Events) (*DB, error) {
	cfg, err := parse(url)
	if err != nil {
		return nil, err
	}
	cfg.MaxConns = int32(connections)
	cfg.ConnConfig.ConnectTimeout = connectTimeout
	cfg.ConnConfig.RuntimeParams["application_name"] = "octave-enrich"
	// Statements without a name are planned anew each time: a plan that was kept
	// from when the tables were small reads all of them when they are not any more.
	// And a pooler may give every transaction another session.
	cfg.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	cfg.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		// A host that is cut off in the middle of a transaction must not keep its
		// locks: all others with the same key would wait for it.
		_, err := conn.Exec(ctx, `SET idle_in_transaction_session_timeout = '5s';
			SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3; SET tcp_user_timeout = '15s'`)
		return err
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrURL, err)
	}
	log := slog.New(slog.DiscardHandler)
	if events.River != nil {
		log = slog.New(events.River)
	}
	client, err := river.NewClient(riverpgxv5.New(pool), &river.Config{Schema: schema, Logger: log})
	if err != nil {
		return nil, err
	}
	return &DB{pool: pool, river: client, password: cfg.ConnConfig.Password, events: events, log: log}, nil
}

// parse reads a URL or a connection string. Its errors hold no part of it: nobody
// knows where in a text that cannot be read the password is.
func parse(text string) (*pgxpool.Config, error) {
	cfg, err := pgxpool.ParseConfig(text)
	if err == nil && !strings.Contains(cfg.ConnConfig.Host+cfg.ConnConfig.Database, "@") {
		return cfg, nil
	}
	const how = "write it as postgres://user:password@host/database, and @ : / ? # % in the password as %40 %3A %2F %3F %23 %25"
	for _, option := range []string{"sslmode", "pool_", "connect_timeout", "target_session_attrs", "passfile", "sslcert", "sslrootcert", "service"} {
		if err != nil && strings.Contains(err.Error(), option+" ") {
			return nil, fmt.Errorf("%w: %s; look at its option %s", ErrURL, how, option)
		}
	}
	return nil, fmt.Errorf("%w: %s", ErrURL, how)
}

// IsURL says whether a text is a URL or a connection string of PostgreSQL's.
func IsURL(text string) bool {
	_, err := parse(text)
	return err == nil
}

// unusable tells a database that refuses us from one that is not there, is about
// to leave or has no room.
func unusable(err error) error {
	switch class(err) {
	case "", "08", "53", "57":
		if !canceled(err) {
			return fmt.Errorf("%w: %w", ErrUnreachable, err)
		}
	}
	var refused *pgconn.PgError
	errors.As(err, &refused)
	return fmt.Errorf("%w: %s", ErrURL, refused.Message)
}

// safe is err in one line and without the password, should anything quote it.
func (d *DB) safe(err error) error {
	if err == nil {
		return nil
	}
	var lines []string // of each address that was tried; two are often the same
	for line := range strings.Lines(err.Error()) {
		if line = strings.Join(strings.Fields(line), " "); !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	text := strings.Join(lines, " ")
	if d.password != "" {
		text = strings.ReplaceAll(text, d.password, "***")
	}
	if text == err.Error() {
		return err
	}
	return &saidError{text, err}
}

// A saidError is an error in other words.
type saidError struct {
	text string
	err  error
}

func (e *saidError) Error() string { return e.text }
func (e *saidError) Unwrap() error { return e.err }

// Address is host, port and name of the database.
func (d *DB) Address() string {
	cfg := d.pool.Config().ConnConfig
	return net.JoinHostPort(cfg.Host, strconv.Itoa(int(cfg.Port))) + "/" + cfg.Database
}

// Close gives up the connections. One that is away is not waited for until it has
// taken leave, too.
func (d *DB) Close() {
	if d.Away() == 0 {
		d.pool.Close()
	}
}

// patient repeats op until it succeeds, the context ends, or the database says
// that it never will. op is given a context of its own for each attempt.
func (d *DB) patient(ctx context.Context, op func(context.Context) error) error {
	cancelled := 0
	for wait := firstWait; ; wait = min(2*wait, longestWait) {
		attempt, cancel := context.WithTimeout(ctx, operationTimeout)
		err := op(attempt)
		cancel()
		if canceled(err) {
			cancelled++
		}
		switch {
		case err == nil:
			d.reached()
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case cancelled == mostCancelled:
			return d.safe(fmt.Errorf("%w: it gave up the same statement %d times: raise statement_timeout for this user: %w", ErrURL, cancelled, err))
		case permanent(err):
			return d.safe(err)
		case canceled(err), contended(err): // it is there
		default:
			d.lost(err)
		}
		if !sleep(ctx.Done(), wait) {
			return ctx.Err()
		}
	}
}

// exec is one patient statement.
func (d *DB) exec(ctx context.Context, sql string, args ...any) error {
	return d.patient(ctx, func(ctx context.Context) error { _, err := d.pool.Exec(ctx, sql, args...); return err })
}

// transaction is a patient one: all of do, or nothing, in one round trip for the
// beginning and one for the end.
func (d *DB) transaction(ctx context.Context, do func(context.Context, pgx.Tx) error) error {
	return d.patient(ctx, func(ctx context.Context) error {
		return pgx.BeginFunc(ctx, d.pool, func(tx pgx.Tx) error { return do(ctx, tx) })
	})
}

// one queues a query, whose row is read into dest when there is one.
func one(b *pgx.Batch, dest []any, sql string, args ...any) {
	each(b, dest, func() error { return nil }, sql, args...)
}

// each queues a query, and what is done with each of its rows once it is in dest.
func each(b *pgx.Batch, dest []any, do func() error, sql string, args ...any) {
	b.Queue(sql, args...).Query(func(rows pgx.Rows) error {
		_, err := pgx.ForEachRow(rows, dest, do)
		return err
	})
}

// collect queues a query, whose rows are read into a list.
func collect[T any](b *pgx.Batch, into *[]T, row pgx.RowToFunc[T], sql string, args ...any) {
	b.Queue(sql, args...).Query(func(rows pgx.Rows) (err error) {
		*into, err = pgx.CollectRows(rows, row)
		return err
	})
}

// over says whether a context has ended, which is no error where it is used.
func over(ctx context.Context) bool { return ctx.Err() != nil }

// class is the class of an error of the database, "" if it is none of its.
func class(err error) string {
	var refused *pgconn.PgError
	if errors.As(err, &refused) && len(refused.Code) == 5 {
		return refused.Code[:2]
	}
	return ""
}

// permanent says whether another try gives the same: data, constraints, syntax
// and what is not supported.
func permanent(err error) bool {
	switch class(err) {
	case "0A", "21", "22", "23", "42":
		return true
	}
	return false
}

// mostCancelled is how often a statement may be cancelled by the database, by its
// statement_timeout or by somebody's hand, before it is given up.
const mostCancelled = 5

// canceled says whether the database cancelled a statement.
func canceled(err error) bool {
	var refused *pgconn.PgError
	const queryCanceled = "57014"
	return errors.As(err, &refused) && refused.Code == queryCanceled
}

// contended says whether others were in the way: serialization, locks.
func contended(err error) bool { return class(err) == "40" || class(err) == "55" }

// ping finds out, and takes note, whether the database answers right now.
func (d *DB) ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	if err := d.pool.Ping(ctx); err != nil {
		d.lost(err)
		return d.safe(err)
	}
	d.reached()
	return nil
}

func (d *DB) lost(err error) {
	if d.away.CompareAndSwap(0, time.Now().UnixNano()) && d.events.Away != nil {
		d.events.Away(d.safe(err))
	}
}

func (d *DB) reached() {
	away := d.Away()
	if d.away.Swap(0) != 0 && d.events.Back != nil {
		d.events.Back(away)
	}
}

// Away is how long the database has not answered, 0 when it does.
func (d *DB) Away() time.Duration {
	if since := d.away.Load(); since != 0 {
		return max(time.Since(time.Unix(0, since)), 1)
	}
	return 0
}

// sleep reports false when done was closed first.
func sleep(done <-chan struct{}, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-done:
		return false
	}
}

// queueID is the number of a queue, made when it is new.
func (d *DB) queueID(ctx context.Context, service, name string) (id int32, err error) {
	err = d.patient(ctx, func(ctx context.Context) error {
		if _, err := d.pool.Exec(ctx, `INSERT INTO octave_fleet.queue (service, name) VALUES ($1, $2) ON CONFLICT DO NOTHING`, service, name); err != nil {
			return err
		}
		return d.pool.QueryRow(ctx, `SELECT id FROM octave_fleet.queue WHERE service = $1 AND name = $2`, service, name).Scan(&id)
	})
	return id, err
}

// withdraw takes what waits in the queues of these runs out of them. Calls on the wire
// go on.
func (d *DB) withdraw(ctx context.Context, runs ...string) error {
	if len(runs) == 0 {
		return nil
	}
	queues := make([]string, len(runs))
	for i, run := range runs {
		queues[i] = runQueue(run)
	}
	params := river.NewJobDeleteManyParams().Queues(queues...).States(waitingStates()...).First(withdrawRows)
	for {
		gone := 0
		err := d.patient(ctx, func(ctx context.Context) error {
			deleted, err := d.river.JobDeleteMany(ctx, params)
			if err == nil {
				gone = len(deleted.Jobs)
			}
			return err
		})
		if err != nil || gone < withdrawRows {
			return err
		}
	}
}

const withdrawRows = 1000
