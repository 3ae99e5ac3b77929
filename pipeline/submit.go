package pipeline

// The asynchronous way to make a call: hand the question over, get an id at once,
// keep it, and ask what became of it until there is an answer. What was paid for
// cannot be lost any more by whatever cuts connections or ends processes, but for
// submissions whose id itself was cut off.

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
)

const (
	// PollsPerMinute bounds the polls with an API key, all submissions together.
	PollsPerMinute = 1000
	// forgetsAfter is how old a submission has to be before a service is believed
	// that says it does not know it.
	forgetsAfter = 24 * time.Hour
)

// A Submission is a question that the service works on.
type Submission struct {
	ID   string    // the service's name for the work
	Name string    // of the field that ID came in
	At   time.Time // when it was submitted
	Row  int       // of the input, that asked
}

// Submissions are the questions that were submitted and have no answer yet. The
// nil value has none and takes none.
type Submissions struct {
	mu   sync.Mutex
	open map[checkpoint.Key]Submission
	left map[checkpoint.Key]*Question // of an earlier run
}

// OpenSubmissions are those that records of an earlier run leave open.
func OpenSubmissions(records []checkpoint.Record) (*Submissions, error) {
	s := &Submissions{open: map[checkpoint.Key]Submission{}, left: map[checkpoint.Key]*Question{}}
	for _, rec := range records {
		submission, q, err := ReadSubmission(rec)
		if err != nil {
			return nil, err
		}
		s.open[rec.Key], s.left[rec.Key] = submission, q
	}
	return s, nil
}

// has says whether the question was submitted and has no answer yet.
func (s *Submissions) has(key checkpoint.Key) bool {
	_, has := s.Get(key)
	return has
}

// Len is how many there are.
func (s *Submissions) Len() int {
	if s == nil {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

// Get returns the submission of a question that has no answer yet.
func (s *Submissions) Get(key checkpoint.Key) (Submission, bool) {
	if s == nil {
		return Submission{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	found, has := s.open[key]
	return found, has
}

// Set takes note of a submission.
func (s *Submissions) Set(key checkpoint.Key, submission Submission) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open[key] = submission
}

// End takes note that a submission has ended.
func (s *Submissions) End(key checkpoint.Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, key)
}

// Earlier are the questions of an earlier run, the oldest submission first.
func (s *Submissions) Earlier() (list []*Question) {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, q := range s.left {
		list = append(list, q)
	}
	slices.SortFunc(list, func(a, b *Question) int {
		return cmp.Or(s.open[a.Key].At.Compare(s.open[b.Key].At), slices.Compare(a.Key[:], b.Key[:]))
	})
	return list
}

// A waitingError is a submission that is still open: its answer is polled for by
// the next run.
type waitingError struct {
	message string
	err     error // ErrStopped, or what stops the run; nil when only this row was given up
}

func (e *waitingError) Error() string { return e.message }
func (e *waitingError) Unwrap() error { return e.err }

// StillWaiting is the end of a call whose submission is open; err is [ErrStopped], or
// what stops the run.
func StillWaiting(message string, err error) error { return &waitingError{message, err} }

// GaveUp is the end of a row in this run, and not of its submission; last is why the
// last poll failed, nil when it did not.
func GaveUp(after time.Duration, last *octave.Error) error {
	message := fmt.Sprintf("submitted, but not answered within %v (--max-wait); the next run polls for it first", after)
	if last != nil {
		message += "; the last poll: " + last.Error()
	}
	return &waitingError{message: message}
}

// isWaiting says whether a call ended with its submission open.
func isWaiting(err error) bool {
	var waiting *waitingError
	return errors.As(err, &waiting)
}

// AsyncConfig says how questions are submitted and polled.
type AsyncConfig struct {
	// Submit and Poll are those of the service, see [octave.Client].
	Submit func(context.Context, octave.Request) (octave.Submission, error)
	Poll   func(context.Context, octave.Submission, func(context.Context) error) (octave.Progress, error)

	Every   time.Duration // one submission is polled so often
	MaxWait time.Duration // a row is given up for this run after so long
}

// An Async makes calls by submitting and polling.
type Async struct {
	cfg     AsyncConfig
	journal Journal
	open    *Submissions
	brake   *Brake
	polls   *rate.Limiter
}

// NewAsync goes on with the submissions that are open.
func NewAsync(cfg AsyncConfig, journal Journal, open *Submissions, brake *Brake) *Async {
	return &Async{cfg: cfg, journal: journal, open: open, brake: brake, polls: rate.NewLimiter(rate.Every(time.Minute/PollsPerMinute), 1)}
}

// Call is the agent that submits a question and waits for its answer: the
// innermost of all, in place of the function [Call]. In flight is what was
// submitted and has no answer. A run that is left leaves it to the next one.
func (a *Async) Call(ctx context.Context, q *Question) (*octave.Answer, error) {
	began := time.Now()
	work, err := a.cfg.Submit(ctx, q.Request)
	if err != nil {
		return nil, err
	}
	s := Submission{ID: work.ID, Name: work.Name, At: began, Row: q.Row}
	// The commit point: a crash before it has lost an id, and perhaps an answer that
	// is paid for; a crash after it has lost nothing.
	if err := a.journal.Append(SubmittedRecord(q, s)); err != nil {
		return nil, &JournalError{err}
	}
	a.open.Set(q.Key, s)
	if q.accepted != nil {
		q.accepted(work.Quota)
	}
	return a.await(ctx, q, s, a.cfg.Every)
}

// Resume polls for what is submitted already and does not ask agent. It belongs
// outside of all that a call costs: the budget, the gate, the record of the call.
func (a *Async) Resume(agent Agent, obs Observer) Agent {
	return func(ctx context.Context, q *Question) (*octave.Answer, error) {
		s, open := a.open.Get(q.Key)
		if !open {
			return agent(ctx, q)
		}
		obs.notify(CallResumed{})
		answer, err := a.await(ctx, q, s, 0)
		return answer, NoteEnd(a.journal, obs, q, s.At, answer, err)
	}
}

// await polls until the work has ended, the first time after a while.
func (a *Async) await(ctx context.Context, q *Question, s Submission, wait time.Duration) (*octave.Answer, error) {
	ctx, cancel := a.brake.boundLeft(ctx)
	defer cancel()
	until := time.Now().Add(a.cfg.MaxWait)
	for pause(ctx, min(wait, time.Until(until))) {
		p, err := a.cfg.Poll(ctx, octave.Submission{ID: s.ID, Name: s.Name}, a.polls.Wait)
		if ctx.Err() != nil && p.Answer == nil {
			break
		}
		q.Polled()
		end := EndOf(p, err, s)
		if p.Answer != nil || end != nil {
			a.open.End(q.Key)
			return p.Answer, end
		}
		var call *octave.Error
		wait = a.cfg.Every
		switch errors.As(err, &call); {
		case call != nil && call.Action == octave.All:
			return nil, &waitingError{call.Error(), call}
		case !time.Now().Before(until):
			return nil, GaveUp(a.cfg.MaxWait, call)
		case call != nil:
			wait = max(wait, min(call.RetryAfter, MaxRetryAfter))
		}
	}
	return nil, &waitingError{"submitted, and the run stopped before the answer; running again polls for it", ErrStopped}
}

// EndOf is why there will be no answer, nil while there may be one. An error of a
// poll is no end, but for a service that has forgotten the work.
func EndOf(p octave.Progress, err error, s Submission) error {
	var call *octave.Error
	forgotten := errors.As(err, &call) && call.Cause == octave.CauseForgotten
	switch age := time.Since(s.At); {
	case p.Answer != nil:
		p.Answer.Latency = age
		return nil
	case p.Failed != nil:
		return p.Failed
	case forgotten && age >= forgetsAfter:
		return &octave.Error{Action: octave.Again, Cause: octave.CauseForgotten, MaybeBilled: true, Err: err,
			Message: fmt.Sprintf("submitted %v ago, and the service does not know it any more", age.Round(time.Hour))}
	}
	return nil
}

// pause reports false when ctx has ended.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// Accepted says that the service has accepted a call that has not ended yet.
func (p *Pacer) Accepted(call Started, limit octave.Quota) {
	p.obs.notify(p.accepted(call, limit))
}

// accepted returns what there is to tell, nil for nothing.
func (p *Pacer) accepted(call Started, limit octave.Quota) (news Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	news = p.pace.Accepted(now, call, limit)
	p.follow(now)
	close(p.changed)
	p.changed = make(chan struct{})
	return news
}
