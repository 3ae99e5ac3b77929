package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
	"octave-enrich/reader"
	"octave-enrich/writer"
)

// A memJournal keeps records in memory; broken makes it fail like a full disk.
type memJournal struct {
	mu      sync.Mutex
	last    map[checkpoint.Key]checkpoint.Record
	records []checkpoint.Record
	broken  error
	noCall  error // of MayAsk
}

func newJournal() *memJournal { return &memJournal{last: map[checkpoint.Key]checkpoint.Record{}} }

func (m *memJournal) State(key checkpoint.Key) checkpoint.State {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch m.last[key].Type {
	case checkpoint.Answered:
		return checkpoint.AnsweredState
	case checkpoint.Failed:
		return checkpoint.FailedState
	}
	return checkpoint.Unknown
}

func (m *memJournal) Answer(key checkpoint.Key) (checkpoint.Record, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	rec := m.last[key]
	return rec, rec.Type == checkpoint.Answered, m.broken
}

func (m *memJournal) Failure(key checkpoint.Key) (checkpoint.Record, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	rec := m.last[key]
	return rec, rec.Type == checkpoint.Failed, m.broken
}

func (m *memJournal) Append(rec checkpoint.Record) error { return m.Note(rec) }

func (m *memJournal) MayAsk() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.noCall
}

func (m *memJournal) Note(rec checkpoint.Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.broken != nil {
		return m.broken
	}
	if !json.Valid(rec.Body) && rec.Body != nil {
		return fmt.Errorf("body is no JSON: %s", rec.Body)
	}
	m.records = append(m.records, rec)
	if rec.Type == checkpoint.Answered || rec.Type == checkpoint.Failed && m.last[rec.Key].Type != checkpoint.Answered {
		m.last[rec.Key] = rec
	}
	return nil
}

func (m *memJournal) count(kind string) (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, rec := range m.records {
		if rec.Type == kind {
			n++
		}
	}
	return n
}

// A memSink collects rows; full makes it fail after so many.
type memSink struct {
	rows []writer.Row
	full int
}

var errFull = errors.New("no space left on device")

func (m *memSink) Write(row writer.Row) error {
	if m.full > 0 && len(m.rows) >= m.full {
		return errFull
	}
	m.rows = append(m.rows, row)
	return nil
}

// text is what the rows say, for comparing outputs.
func (m *memSink) text() string {
	var b strings.Builder
	for _, row := range m.rows {
		fmt.Fprintln(&b, row.Cells, row.Status, row.Error, row.RequestID, row.Emails)
	}
	return b.String()
}

func (m *memSink) statuses() map[string]int {
	n := map[string]int{}
	for _, row := range m.rows {
		n[row.Status]++
	}
	return n
}

// people are n contacts; every contact asks a question of its own.
func people(n int) iter.Seq2[reader.Contact, error] { return peopleAsking(n, n) }

// peopleAsking are n contacts of whom only the first few differ.
func peopleAsking(n, different int) iter.Seq2[reader.Contact, error] {
	return func(yield func(reader.Contact, error) bool) {
		for i := range n {
			email := fmt.Sprintf("p%d@example.com", i%different)
			c := reader.Contact{Row: i + 1, Cells: []string{fmt.Sprint(i)}, Person: reader.Person{Email: email}}
			if !yield(c, nil) {
				return
			}
		}
	}
}

// A service answers after a while, and counts.
type service struct {
	mu       sync.Mutex
	latency  time.Duration
	asked    map[string]int
	starts   []time.Time
	inFlight int
	most     int
	// outcome decides what becomes of a call; nil is an answer.
	outcome func(n int, req octave.Request) error
}

func (s *service) run(ctx context.Context, req octave.Request) (*octave.Answer, error) {
	s.mu.Lock()
	if s.asked == nil {
		s.asked = map[string]int{}
	}
	s.asked[req.Email]++
	s.starts = append(s.starts, time.Now())
	n := len(s.starts)
	s.inFlight++
	s.most = max(s.most, s.inFlight)
	s.mu.Unlock()
	defer func() { s.mu.Lock(); s.inFlight--; s.mu.Unlock() }()
	if s.outcome != nil {
		if err := s.outcome(n, req); err != nil {
			return nil, err
		}
	}
	timer := time.NewTimer(s.latency)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return nil, &octave.Error{Action: octave.Stop, Cause: octave.CauseStopped, Message: "stopped", MaybeBilled: true, Err: ctx.Err()}
	}
	return octave.Decode([]byte(`{"_metadata":{"requestId":"r-` + req.Email + `","usage":1},"found":true,"data":{"emails":[{"subject":"s","email":"to ` + req.Email + `"}]}}`))
}

func (s *service) calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.starts)
}

// busiestSecond is the greatest number of calls started within any one second.
func (s *service) busiestSecond() (most int) {
	for i, j := 0, 0; i < len(s.starts); i++ {
		for s.starts[i].Sub(s.starts[j]) >= time.Second {
			j++
		}
		most = max(most, i-j+1)
	}
	return most
}

// A rig is a run with everything around it.
type rig struct {
	service *service
	journal *memJournal
	sink    *memSink
	tally   *Tally
	brake   *Brake
	pacer   *Pacer     // of the last run
	mu      sync.Mutex // guards brake while a run starts
	events  func(Event)

	workers, limit, window int
	failed                 Threshold
	pace                   PacerConfig
	policy                 RetryPolicy
	budgets                Budgets
	memory                 Memory

	heard  bool                        // the service was heard before
	look   func(context.Context) error // is asked first in an outage
	proven func() (bool, error)        // refused alike stops the run unless so
}

func newRig() *rig {
	return &rig{
		service: &service{latency: time.Second}, journal: newJournal(), sink: &memSink{}, tally: &Tally{},
		workers: 8, pace: PacerConfig{Rate: rate.Inf, MaxOutage: time.Hour}, policy: RetryPolicy{Retries: 4},
	}
}

func (r *rig) run(t *testing.T, ctx context.Context, src iter.Seq2[reader.Contact, error]) error {
	t.Helper()
	r.mu.Lock()
	r.brake = NewBrake(ctx)
	r.mu.Unlock()
	r.memory.Journal = r.journal
	obs := Observers(r.tally.Observe, func(e Event) {
		if r.events != nil {
			r.events(e)
		}
	})
	questioner, err := NewQuestioner(Settings{}, []string{"n"})
	if err != nil {
		t.Fatal(err)
	}
	r.pace.Calls = r.workers
	pacer := NewPacer(r.pace, r.brake, obs)
	r.pacer = pacer
	agent := Record(Final(Call(r.service.run), r.heard), r.journal, obs)
	if r.proven != nil {
		agent = StopAlike(agent, r.journal, r.proven, true, r.brake)
	}
	if r.look != nil {
		agent = LookFirst(agent, r.look, pacer)
	}
	agent = InFlight(Budget(Limit(agent, pacer), r.budgets, r.brake), r.workers, r.brake)
	agent = Retry(agent, r.policy, pacer, r.brake)
	cfg := Config{Selection: Selection{Ask: questioner.Request, Memory: &r.memory, Limit: r.limit},
		Workers: 2 * r.workers, Window: r.window, MaxFailed: r.failed, Brake: r.brake}
	return Run(ctx, cfg, src, Memo(agent, &r.memory, obs), r.sink, obs)
}

// stop is the first signal.
func (r *rig) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.brake != nil {
		r.brake.Pull(errors.New("signal"))
	}
}

// again is the same run started anew, as a process would be.
func (r *rig) again() {
	r.sink, r.tally = &memSink{}, &Tally{}
}

func refusal(retryAfter time.Duration) error {
	return &octave.Error{Status: 429, Action: octave.Again, Cause: octave.CauseRateLimited, Message: "slow down", RetryAfter: retryAfter}
}

func serverError() error {
	return &octave.Error{Status: 503, Action: octave.Again, Cause: octave.CauseServer, Message: "unavailable"}
}

func unreachable() error {
	return &octave.Error{Action: octave.Again, Cause: octave.CauseUnreachable, Message: "connection refused"}
}
