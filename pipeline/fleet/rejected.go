package fleet

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"octave-enrich/octave"
)

// errAlone is why one host must not ask: for what is between it and the service, and not
// for its key, which works for others.
var errAlone = errors.New("this host alone cannot ask")

// rejectionsInARow is from when on a key is rejected that the service calls valid.
const rejectionsInARow = 5

// A keyCheck is what a host knows of the rejections of its key.
type keyCheck struct {
	mu      sync.Mutex
	inARow  int       // calls
	asked   time.Time // when the service was asked about the key last
	foreign bool      // and it was not the service that answered
}

// rejected finds out what the rejection of a call means: that nobody with this key may
// ask, and why, or that this host must not, or nothing yet.
func (w *Worker) rejected(ctx context.Context, call *octave.Error, began time.Time) (all, alone error) {
	if w.cfg.Validate == nil {
		return call, nil
	}
	k := &w.keyCheck
	k.mu.Lock()
	defer k.mu.Unlock()
	k.inARow++
	if !began.Before(k.asked) { // else it had been on the wire before it was asked
		err := w.cfg.Validate(ctx)
		k.asked = time.Now()
		var said *octave.Error
		rejects := errors.As(err, &said) && said.Cause == octave.CauseKey
		if rejects && !said.Foreign {
			return call, nil
		}
		k.foreign = rejects
		w.cfg.Warn("a call was rejected, and the service does not say that the key is not valid", "call", call, "key", err)
	}
	if call.Foreign || k.foreign {
		return nil, fmt.Errorf("%w: %w", errAlone, call)
	}
	inARow := 0 // by all hosts
	if w.pacing.join(func(s *schedule) { s.rejected++; inARow = s.rejected }) != nil {
		inARow = 0 // the database does not say
	}
	switch {
	case inARow >= rejectionsInARow:
		return fmt.Errorf("%d calls in a row: %w", inARow, call), nil
	case k.inARow >= rejectionsInARow: // others have their answers meanwhile
		return nil, fmt.Errorf("%w: %w", errAlone, call)
	}
	return nil, nil
}

// notRejected takes note of a call that the service took.
func (w *Worker) notRejected() {
	w.keyCheck.mu.Lock()
	defer w.keyCheck.mu.Unlock()
	w.keyCheck.inARow = 0
}
