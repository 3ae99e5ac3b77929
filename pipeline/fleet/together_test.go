package fleet

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/jackc/pgx/v5/pgconn"
)

// joins has so many join at the same moment, and returns what each was told.
func joins(g *together[int], n int) []error {
	told := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { told[i] = g.join(i) })
	}
	all.Wait()
	return told
}

// Whoever comes at the same time is in one transaction, as far as it has room.
func TestTogetherInOneTransaction(t *testing.T) {
	t.Parallel()
	for want, size := range map[int]int{1: 1, 3: statementBytes / 4, 10: statementBytes + 1} {
		synctest.Test(t, func(t *testing.T) {
			var done []int
			times := 0
			g := newTogether(1, func(items []int) error { times++; done = append(done, items...); return nil }, func(int) int { return size })
			for i, err := range joins(g, 10) {
				if err != nil || !slices.Contains(done, i) {
					t.Errorf("%d: %v", i, err)
				}
			}
			if len(done) != 10 || times != want {
				t.Errorf("%d of 10 in %d transactions, and not %d", len(done), times, want)
			}
		})
	}
}

// What the database refuses of one, or panics, does not cost the others; what keeps it
// from all does.
func TestTogetherRefused(t *testing.T) {
	t.Parallel()
	refused, away := &pgconn.PgError{Code: "22003"}, errors.New("away")
	for _, c := range []struct {
		err  error
		lost int
	}{{refused, 1}, {fmt.Errorf("wrapped: %w", refused), 1}, {away, 10}, {nil, 1}} {
		synctest.Test(t, func(t *testing.T) {
			g := newTogether(1, func(items []int) error {
				switch {
				case !slices.Contains(items, 7):
					return nil
				case c.err == nil:
					panic("of one")
				}
				return c.err
			}, func(int) int { return 1 })
			lost := 0
			for _, err := range joins(g, 10) {
				if err != nil {
					lost++
				}
			}
			if lost != c.lost {
				t.Errorf("%v: %d were not done, and not %d", c.err, lost, c.lost)
			}
		})
	}
}
