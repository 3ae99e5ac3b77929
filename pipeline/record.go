package pipeline

import (
	"context"
	"errors"
	"time"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
)

// Record notes every attempt in the journal, before it goes on the wire and, when
// it brought no answer, after. An attempt that is only asked is possibly billed:
// the process was killed before it heard.
func Record(agent Agent, journal Journal, obs Observer) Agent {
	return func(ctx context.Context, q *Question) (*octave.Answer, error) {
		if ctx.Err() != nil {
			// A run is abandoned: the brake may hear of it after its calls did.
			return nil, ErrStopped
		}
		switch err := journal.MayAsk(); {
		case errors.Is(err, checkpoint.ErrNoCall):
			return nil, ErrStopped // whoever opened the journal hears why, and stops the run
		case err != nil:
			return nil, &JournalError{err}
		}
		if err := journal.Note(checkpoint.Record{Type: checkpoint.Asked, Key: q.Key, At: time.Now()}); err != nil {
			return nil, &JournalError{err}
		}
		obs.notify(CallStarted{Again: q.Again})
		started := time.Now()
		answer, err := agent(ctx, q)
		done := CallDone{Latency: time.Since(started)}
		if err == nil {
			done.Usage = answer.Usage
			obs.notify(done)
			return answer, nil
		}
		if !errors.As(err, &done.Err) {
			done.Err = &octave.Error{Message: err.Error(), Err: err}
		}
		obs.notify(done)
		body := failureBody(err)
		body.LatencyMS = done.Latency.Milliseconds()
		body.Answer = nil // the failed record keeps it
		return nil, errors.Join(note(journal, checkpoint.Missed, q.Key, body), err)
	}
}
