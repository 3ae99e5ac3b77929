package pipeline

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
)

// enoughAlike contacts that are refused alike are no bad luck.
const enoughAlike = 5

// A RefusedAlikeError is a service that refuses every contact with the same words:
// it is the agent, or what all questions share, that is wrong.
type RefusedAlikeError struct{ Err *octave.Error }

func (e *RefusedAlikeError) Error() string {
	return fmt.Sprintf("the service refuses every contact alike, %d so far: %v", enoughAlike, e.Err)
}

func (e *RefusedAlikeError) Unwrap() error { return e.Err }

// StopAlike stops a run of which the service refuses five contacts alike, before
// all of the list is refused. It counts contacts that had not failed in an earlier
// run, and none once the agent is known to work: by an answer in this run, or in
// the checkpoint, which proven looks for. With hear, calls that are on the wire by
// then are heard first, for a refusal comes sooner than an answer; nothing starts
// meanwhile.
func StopAlike(agent Agent, journal Journal, proven func() (bool, error), hear bool, brake *Brake) Agent {
	a := &alike{proven: proven, hear: hear, brake: brake, refused: map[string]int{}}
	return func(ctx context.Context, q *Question) (*octave.Answer, error) {
		if !a.enter() {
			return nil, ErrStopped
		}
		failedBefore := journal.State(q.Key) == checkpoint.FailedState
		answer, err := agent(ctx, q)
		if broken := a.leave(err, failedBefore); broken != nil {
			return nil, broken
		}
		return answer, err
	}
}

// alike is what StopAlike remembers.
type alike struct {
	proven func() (bool, error)
	hear   bool
	brake  *Brake

	mu      sync.Mutex
	works   bool           // the agent is known to work
	onWire  int            // calls that have not ended
	refused map[string]int // contacts by what the service said of them
	last    *octave.Error  // of enough contacts refused alike; nil while there are not
	decided chan struct{}  // closed when it is decided what that means
}

// enter reports false when the run stops before the call may start.
func (a *alike) enter() bool {
	a.mu.Lock()
	for a.last != nil {
		decided := a.decided
		a.mu.Unlock()
		select {
		case <-decided:
		case <-a.brake.Pulled():
			return false
		}
		a.mu.Lock()
	}
	defer a.mu.Unlock()
	a.onWire++
	return true
}

func (a *alike) leave(err error, failedBefore bool) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.onWire--
	var call *octave.Error
	switch {
	case err == nil:
		a.works = true
	case a.works, failedBefore, !errors.As(err, &call), call.Action != octave.Row, call.Cause != octave.CauseRequest:
	default:
		said := fmt.Sprint(call.Status, " ", sameWords(call.Message))
		a.refused[said]++
		if a.refused[said] == enoughAlike {
			a.last, a.decided = call, make(chan struct{})
		}
	}
	if a.last == nil || a.hear && a.onWire > 0 && !a.works {
		return nil
	}
	defer func() { a.last = nil; close(a.decided) }()
	return a.decide()
}

// decide stops the run, unless the agent works.
func (a *alike) decide() (err error) {
	if !a.works {
		if a.works, err = a.proven(); err != nil {
			return err
		}
	}
	if !a.works {
		a.brake.Pull(&RefusedAlikeError{a.last})
	}
	return nil
}

// sameWords leaves out what differs from contact to contact: addresses, numbers
// and ids.
func sameWords(message string) string {
	words := strings.Fields(message)
	kept := words[:0]
	for _, word := range words {
		if !strings.ContainsAny(word, "@0123456789") {
			kept = append(kept, word)
		}
	}
	return strings.Join(kept, " ")
}

// Proven says whether a journal holds an answer of the agent of these settings.
func Proven(journal iter.Seq2[checkpoint.Entry, error], settings Settings) (bool, error) {
	for rec, err := range answersIn(journal) {
		if err != nil {
			return false, &JournalError{Err: err}
		}
		if request, ok := ReadRequest(rec.Body); ok && request.AgentOID == settings.Agent && request.ExperimentOID == settings.Experiment {
			return true, nil
		}
	}
	return false, nil
}
