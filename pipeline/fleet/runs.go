package fleet

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// ErrNoRun says that no run that goes on has this id.
var ErrNoRun = errors.New("no run of this id goes on")

// A Handled is a run that somebody cancelled, paused or resumed.
type Handled struct {
	ID     string    `json:"id"`
	Host   string    `json:"host"`
	User   string    `json:"user"`
	List   string    `json:"list"`
	Seen   time.Time `json:"seen"`    // when it was watched last
	Alive  bool      `json:"alive"`   // of late
	OnWire int       `json:"on_wire"` // calls, which come to their end and are stored
	// Submitted are calls that are polled for until they are answered, whatever becomes of
	// the run: they are paid for.
	Submitted int `json:"submitted"`
}

// Cancel ends a run: nothing more is asked for it, and whoever watches it hears why.
func (d *DB) Cancel(ctx context.Context, run string) (Handled, error) {
	h, err := d.handle(ctx, run, `stopped = '`+stoppedByHand+`'`)
	if err != nil {
		return h, err
	}
	return h, d.safe(d.withdraw(ctx, h.ID))
}

// Pause has nothing asked for a run until somebody resumes it.
func (d *DB) Pause(ctx context.Context, run string) (Handled, error) {
	return d.handle(ctx, run, `paused = coalesce(paused, clock_timestamp())`)
}

// Resume ends a pause. A run that is held because nobody watches it counts as watched
// now.
func (d *DB) Resume(ctx context.Context, run string) (Handled, error) {
	return d.handle(ctx, run, `paused = NULL, seen = clock_timestamp()`)
}

// handle changes a run that goes on. In place of run stands the beginning of an id, if
// it is that of one run alone.
func (d *DB) handle(ctx context.Context, run, change string) (h Handled, err error) {
	err = pgx.BeginFunc(ctx, d.pool, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT id, host, owner, list, seen, seen > clock_timestamp() - $2::interval,
				(SELECT count(*) FROM octave_fleet.call c WHERE c.run = run.id AND c.ended IS NULL AND c.until > clock_timestamp() AND c.until <> 'infinity'),
				(SELECT count(*) FROM octave_fleet.call c WHERE c.run = run.id AND c.ended IS NULL AND c.until = 'infinity')
			FROM octave_fleet.run WHERE starts_with(id, $1) AND ended IS NULL AND stopped IS NULL ORDER BY id <> $1, id FOR UPDATE`, run, deadFor)
		if err != nil {
			return err
		}
		found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Handled])
		switch {
		case err != nil:
			return err
		case len(found) == 0:
			return fmt.Errorf("%w: %s", ErrNoRun, run)
		case len(found) > 1 && found[0].ID != run:
			return fmt.Errorf("%w alone: %s", ErrNoRun, run)
		}
		h = found[0]
		_, err = tx.Exec(ctx, `UPDATE octave_fleet.run SET `+change+` WHERE id = $1`, h.ID)
		return err
	})
	return h, d.safe(err)
}
