package fleet

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

// ourFormat is what this program reads and writes. It also works with a later fleet that
// still lets it, so that workers may be replaced one after another.
const ourFormat = 5

// schema is where the tables are, River's too, apart from all others of the database.
const schema = "octave_fleet"

// schemaSQL makes the tables.
//
//go:embed schema.sql
var schemaSQL string

// widenSQL gives tables of format 4 what is new, while programs of format 4 use them.
const widenSQL = `ALTER TABLE octave_fleet.call ADD COLUMN work text; UPDATE octave_fleet.format SET version = 5`

// oldestMoved is the oldest format that Init brings up to date.
const oldestMoved = 4

// A FormatError says that a fleet and this program do not go together.
type FormatError struct {
	Fleet  int // format of the fleet
	Oldest int // the oldest program that may work with it
}

func (e *FormatError) Error() string {
	if e.Older() {
		return fmt.Sprintf("the fleet has format %d; this version needs format %d", e.Fleet, ourFormat)
	}
	return fmt.Sprintf("the fleet has format %d, which programs of format %d and newer understand; this one knows format %d", e.Fleet, e.Oldest, ourFormat)
}

// Older says that it is the fleet that has to be brought up to date.
func (e *FormatError) Older() bool { return e.Fleet < ourFormat }

// TooOld says that Init cannot do that.
func (e *FormatError) TooOld() bool { return e.Fleet < oldestMoved }

// Check wants a fleet that this program understands. A database that does not answer is
// waited for, patience at most. Its errors are [ErrNoFleet] or a [FormatError], or wrap
// [ErrURL] or [ErrUnreachable].
func (d *DB) Check(ctx context.Context, patience time.Duration) (err error) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(patience, operationTimeout))
	defer cancel()
	_ = d.patient(ctx, func(ctx context.Context) error { // what it is in the end is in err
		if err = d.check(ctx); patience > 0 && errors.Is(err, ErrUnreachable) {
			return err
		}
		return nil
	})
	return err
}

func (d *DB) check(ctx context.Context) error {
	// Formats before 4 did not say which programs they let work: their own alone.
	var version, oldest int
	err := d.pool.QueryRow(ctx, `SELECT version, coalesce((to_jsonb(f)->>'oldest')::int, version) FROM octave_fleet.format f`).Scan(&version, &oldest)
	var refused *pgconn.PgError
	const undefinedTable = "42P01"
	switch {
	case errors.As(err, &refused) && refused.Code == undefinedTable:
		return ErrNoFleet
	case err != nil:
		return d.safe(unusable(err))
	case version < ourFormat, oldest > ourFormat:
		return &FormatError{Fleet: version, Oldest: oldest}
	}
	return nil
}

// Init makes the tables, or brings them and River's up to date. It may be called again,
// also by two at the same time, and reports whether it made a fleet where there was
// none. A fleet that is too old for that is a [FormatError].
func (d *DB) Init(ctx context.Context) (created bool, err error) {
	if err := d.pool.Ping(ctx); err != nil {
		return false, d.safe(unusable(err))
	}
	for alone := false; !alone; {
		if alone, created, err = d.initAlone(ctx); err != nil {
			return false, d.safe(err)
		}
		if !alone && !sleep(ctx.Done(), firstWait) {
			return false, ctx.Err()
		}
	}
	return created, d.Check(ctx, 0)
}

// Restored says that a backup of the database was put back: nothing is asked for any
// run until its coordinator has said what it still waits for.
func (d *DB) Restored(ctx context.Context) error {
	_, err := d.pool.Exec(ctx, `UPDATE octave_fleet.format SET restored = restored + 1`)
	return d.safe(err)
}

// initAlone does nothing while another Init is at work. River's steps are
// transactions of their own, so that the lock is one of another, which waits for
// them.
func (d *DB) initAlone(ctx context.Context) (alone, created bool, err error) {
	err = pgx.BeginFunc(ctx, d.pool, func(tx pgx.Tx) error {
		const initLock = 0x6f637461
		batch := &pgx.Batch{}
		batch.Queue(`SET LOCAL idle_in_transaction_session_timeout = 0`)
		one(batch, []any{&alone}, `SELECT pg_try_advisory_xact_lock($1)`, initLock)
		if err := tx.SendBatch(ctx, batch).Close(); err != nil || !alone {
			return err
		}
		if _, err := d.pool.Exec(ctx, `CREATE SCHEMA IF NOT EXISTS octave_fleet`); err != nil {
			return err
		}
		sql := ""
		var format *FormatError
		switch err := d.check(ctx); {
		case errors.Is(err, ErrNoFleet):
			created, sql = true, schemaSQL
		case errors.As(err, &format) && format.Older() && !format.TooOld():
			sql = widenSQL
		case err != nil:
			return err
		}
		if err := d.migrateRiver(ctx); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, sql)
		return err
	})
	return alone, created, err
}

// migrateRiver brings River's tables up to date.
func (d *DB) migrateRiver(ctx context.Context) error {
	migrator, err := rivermigrate.New(riverpgxv5.New(d.pool), &rivermigrate.Config{Schema: schema, Logger: d.log})
	if err != nil {
		return err
	}
	_, err = migrator.Migrate(ctx, rivermigrate.DirectionUp, nil)
	return err
}
