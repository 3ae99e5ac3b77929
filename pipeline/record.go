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
	return record(agent, journal, obs, func(*Question) any { return nil })
}

// RecordSubmissions is Record for calls that are submissions: the record says which
// row asked, so that one whose id was lost can be named.
func RecordSubmissions(agent Agent, journal Journal, obs Observer) Agent {
	return record(agent, journal, obs, func(q *Question) any { return askedBody{Async: true, Row: q.Row} })
}

func record(agent Agent, journal Journal, obs Observer, body func(*Question) any) Agent {
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
		if err := note(journal, checkpoint.Asked, q.Key, body(q)); err != nil {
			return nil, err
		}
		obs.notify(CallStarted{Retry: q.Retry})
		started := time.Now()
		answer, err := agent(ctx, q)
		return answer, NoteEnd(journal, obs, q, started, answer, err)
	}
}

// NoteEnd takes the end of a call down. It returns err, or the journal's own.
func NoteEnd(journal Journal, obs Observer, q *Question, started time.Time, answer *octave.Answer, err error) error {
	done := CallDone{Latency: time.Since(started), Waiting: isWaiting(err)}
	if err == nil {
		done.Usage = answer.Usage
		obs.notify(done)
		return nil
	}
	if !errors.As(err, &done.Err) {
		done.Err = &octave.Error{Message: err.Error(), Err: err}
	}
	obs.notify(done)
	if done.Waiting {
		return err // it has not ended: the submitted record stands
	}
	body := failureBody(err)
	body.LatencyMS = done.Latency.Milliseconds()
	body.Answer = nil // the failed record keeps it
	return errors.Join(note(journal, checkpoint.Missed, q.Key, body), err)
}
