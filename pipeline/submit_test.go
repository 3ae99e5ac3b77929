package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
	"octave-enrich/reader"
)

// An asyncService is the asynchronous service: what it was told, in order, and work by id.
type asyncService struct {
	mu      sync.Mutex
	takes   time.Duration // of the work
	calls   []string      // submit EMAIL, poll EMAIL
	polls   []time.Time
	works   map[string]time.Time // by id, when it is ready
	waiting int                  // submitted and not answered
	most    int
	// refuse decides what becomes of the n-th submission, fail of the n-th poll for an
	// id; nil is success.
	refuse func(n int) error
	fail   func(n int, id string) (octave.Progress, error)
	failed map[string]int
}

func (s *asyncService) submit(_ context.Context, req octave.Request) (octave.Submission, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, "submit "+req.Email)
	if s.refuse != nil {
		if err := s.refuse(s.count("submit")); err != nil {
			return octave.Submission{}, err
		}
	}
	if s.works == nil {
		s.works = map[string]time.Time{}
	}
	id := fmt.Sprintf("%s/%d", req.Email, len(s.works))
	s.works[id] = time.Now().Add(s.takes)
	s.waiting++
	s.most = max(s.most, s.waiting)
	return octave.Submission{ID: id, Name: octave.RequestIDName}, nil
}

func (s *asyncService) poll(ctx context.Context, sub octave.Submission, turn func(context.Context) error) (octave.Progress, error) {
	if err := turn(ctx); err != nil {
		return octave.Progress{}, &octave.Error{Action: octave.Stop, Cause: octave.CauseStopped, Err: err}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	email, _, _ := strings.Cut(sub.ID, "/")
	s.calls = append(s.calls, "poll "+email)
	s.polls = append(s.polls, time.Now())
	if s.fail != nil {
		if s.failed == nil {
			s.failed = map[string]int{}
		}
		s.failed[sub.ID]++
		if p, err := s.fail(s.failed[sub.ID], sub.ID); err != nil || p.Failed != nil {
			return p, err
		}
	}
	if ready := s.works[sub.ID]; time.Now().Before(ready) {
		return octave.Progress{State: "running"}, nil
	}
	s.waiting--
	answer, err := octave.Decode([]byte(`{"_metadata":{"requestId":"r","usage":1},"found":true,"data":{"emails":[{"subject":"s","email":"to ` + email + `"}]}}`))
	return octave.Progress{Answer: answer}, err
}

// count is how many calls of a kind were made. The caller holds mu, or is alone.
func (s *asyncService) count(kind string) (n int) {
	for _, call := range s.calls {
		if strings.HasPrefix(call, kind) {
			n++
		}
	}
	return n
}

// An asyncRig is a rig whose calls are asynchronous.
type asyncRig struct {
	*rig
	service *asyncService
	maxWait time.Duration
	sync    bool // of a run without --async, which still polls for what is submitted
}

func newAsyncRig() *asyncRig {
	r := &asyncRig{rig: newRig(), service: &asyncService{takes: 30 * time.Second}, maxWait: 30 * time.Minute}
	return r
}

// run is one process: it knows of submissions what the journal says.
func (r *asyncRig) run(t *testing.T, n int) {
	t.Helper()
	r.again()
	r.mu.Lock()
	r.brake = NewBrake(t.Context())
	r.mu.Unlock()
	var err error
	if r.memory.Submissions, err = OpenSubmissions(r.journal.waiting()); err != nil {
		t.Fatal(err)
	}
	r.memory.Journal = r.journal
	async := NewAsync(AsyncConfig{Submit: r.service.submit, Poll: r.service.poll, Every: 5 * time.Second, MaxWait: r.maxWait},
		r.journal, r.memory.Submissions, r.brake)
	questioner, err := NewQuestioner(Settings{}, []string{"n"})
	if err != nil {
		t.Fatal(err)
	}
	obs := Observers(r.tally.Observe, func(e Event) {
		if r.events != nil {
			r.events(e)
		}
	})
	r.pace.Calls = r.workers
	pacer := NewPacer(r.pace, r.brake, obs)
	agent := RecordSubmissions(Final(async.Call, false), r.journal, obs)
	if r.sync {
		agent = Record(Final(Call(r.rig.service.run), false), r.journal, obs)
	}
	agent = async.Resume(Budget(Limit(agent, pacer), r.budgets, r.brake), obs)
	agent = Retry(InFlight(agent, r.workers, r.brake), r.policy, pacer, r.brake)
	cfg := Config{Selection: Selection{Ask: questioner.Request, Memory: &r.memory, Limit: r.limit}, Workers: 2 * r.workers, Brake: r.brake}
	if err := Run(t.Context(), cfg, people(n), Memo(agent, &r.memory, obs), r.sink, obs); err != nil {
		t.Fatal(err)
	}
}

// leave is the first signal.
func (r *asyncRig) leave() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.brake.Leave(errors.New("signal"))
}

// waiting are the submissions without an end.
func (m *memJournal) waiting() []checkpoint.Record {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []checkpoint.Record
	for _, rec := range m.records {
		switch rec.Type {
		case checkpoint.Submitted:
			list = append(list, rec)
		case checkpoint.Answered, checkpoint.Missed:
			list = slices.DeleteFunc(list, func(w checkpoint.Record) bool { return w.Key == rec.Key })
		}
	}
	return list
}

func (m *memJournal) kinds() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var kinds []string
	for _, rec := range m.records {
		kinds = append(kinds, rec.Type)
	}
	return strings.Join(kinds, " ")
}

func (r *asyncRig) ledger() *Ledger {
	var l Ledger
	for _, rec := range r.journal.records {
		l.Add(rec)
	}
	return &l
}

func (r *asyncRig) want(t *testing.T, submitted int, statuses map[string]int) {
	t.Helper()
	if got := r.service.count("submit"); got != submitted {
		t.Errorf("%d submissions, want %d", got, submitted)
	}
	if got := r.sink.statuses(); fmt.Sprint(got) != fmt.Sprint(statuses) {
		t.Errorf("rows %v, want %v", got, statuses)
	}
}

func TestAsyncSubmitsOnceAndPolls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newAsyncRig()
		r.service.takes = 12 * time.Second
		r.events = func(e Event) {
			if _, ok := e.(CallDone); ok && r.journal.count(checkpoint.Submitted) == 0 {
				t.Error("the submission was not durable before the answer")
			}
		}
		began := time.Now()
		r.run(t, 1)
		r.want(t, 1, map[string]int{StatusOK: 1})
		if took := time.Since(began); took != 15*time.Second || r.service.count("poll") != 3 {
			t.Errorf("%d polls in %v", r.service.count("poll"), took)
		}
		if got := r.journal.kinds(); got != "asked submitted answered" {
			t.Errorf("records: %s", got)
		}
		if calls := r.tally.Summary().Calls; calls.Started != 1 || calls.Answered != 1 || calls.Failed+calls.Waiting+calls.Resumed != 0 {
			t.Errorf("calls: %+v", calls)
		}
		if _, answer, err := ReadAnswer(r.journal.records[2]); err != nil || answer.Latency != 15*time.Second {
			t.Errorf("latency %v, %v", answer.Latency, err)
		}
	})
}

// A signal waits for nobody that has an id; the next run polls for these before it
// asks anybody else, with or without --async.
func TestAsyncLeavesAndResumes(t *testing.T) {
	for _, alsoSync := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			r := newAsyncRig()
			r.workers, r.service.takes = 3, time.Hour
			time.AfterFunc(time.Minute, r.leave)
			began := time.Now()
			r.run(t, 10)
			if took := time.Since(began); took != time.Minute {
				t.Errorf("it was left after %v", took)
			}
			r.want(t, 3, map[string]int{StatusNotAttempted: 10})
			if calls := r.tally.Summary().Calls; calls.Waiting != 3 || calls.Failed+calls.PossiblyBilled != 0 {
				t.Errorf("calls: %+v", calls)
			}
			if l := r.ledger(); l.PossiblyBilled() != 0 || l.Questions().Submitted != 3 || l.Questions().Open != 0 || len(l.Lost()) > 0 {
				t.Errorf("ledger: %+v, possibly billed %d", l.Questions(), l.PossiblyBilled())
			}
			var spending SpendingList
			for _, rec := range r.journal.records {
				spending.Add(rec)
			}
			if part := spending.Parts()[0]; part.Waiting != 3 || part.PossiblyBilled != 0 {
				t.Errorf("spending: %+v", part)
			}
			plan, _, err := Survey(people(10), Selection{Ask: mustAsk(t), Memory: &Memory{Journal: r.journal, Submissions: r.memory.Submissions}}, nil)
			if err != nil || plan.Submitted != 3 || plan.ToAsk != 7 {
				t.Errorf("plan: %+v, %v", plan, err)
			}

			time.Sleep(time.Hour)
			var want []string
			for _, call := range r.service.calls {
				if email, is := strings.CutPrefix(call, "submit "); is {
					want = append(want, "poll "+email)
				}
			}
			slices.Sort(want)
			r.service.calls = nil
			r.service.takes, r.sync = 10*time.Second, alsoSync
			r.run(t, 10)
			first := slices.Sorted(slices.Values(r.service.calls[:3]))
			if !slices.Equal(first, want) {
				t.Errorf("the next run began with %v", first)
			}
			asked := 7
			if alsoSync {
				asked = 0
			}
			r.want(t, asked, map[string]int{StatusOK: 10})
			if calls := r.tally.Summary().Calls; calls.Resumed != 3 || calls.Started != 7 || calls.Answered != 10 {
				t.Errorf("calls: %+v", calls)
			}
			if l := r.ledger(); l.Attempts.Asked != 10 || l.Attempts.Answered != 10 || l.PossiblyBilled() != 0 {
				t.Errorf("ledger: %+v", l.Attempts)
			}
		})
	}
}

func mustAsk(t *testing.T) func(reader.Contact) (octave.Request, error) {
	t.Helper()
	questioner, err := NewQuestioner(Settings{}, []string{"n"})
	if err != nil {
		t.Fatal(err)
	}
	return questioner.Request
}

// After --max-wait the row is failed for this run alone, also for --skip failed.
func TestAsyncMaxWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newAsyncRig()
		r.maxWait, r.service.takes = time.Minute, time.Hour
		began := time.Now()
		r.run(t, 2)
		r.want(t, 2, map[string]int{StatusFailed: 2})
		if took := time.Since(began).Truncate(time.Second); took != time.Minute { // the second one starts later
			t.Errorf("waited %v", took)
		}
		if r.journal.count(checkpoint.Missed) != 0 || r.journal.count(checkpoint.Failed) != 2 || !strings.Contains(r.sink.rows[0].Error, "--max-wait") {
			t.Errorf("records: %s; %s", r.journal.kinds(), r.sink.rows[0].Error)
		}
		if l := r.ledger(); l.PossiblyBilled() != 0 || l.Questions().Submitted != 2 || l.Questions().Failed != 0 {
			t.Errorf("ledger: %+v", l.Questions())
		}
		time.Sleep(time.Hour)
		r.memory.KeepFailures = true
		r.run(t, 2)
		r.want(t, 2, map[string]int{StatusOK: 2})
	})
}

// What stops the starts lets the calls in flight end.
func TestAsyncBudgetWaitsForAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newAsyncRig()
		r.service.takes = 10 * time.Minute
		r.budgets = Budgets{HasCalls: true, MaxCalls: 2}
		r.run(t, 5)
		r.want(t, 2, map[string]int{StatusOK: 2, StatusNotAttempted: 3})
		if !errors.Is(r.brake.Reason(), ErrMaxCalls) {
			t.Errorf("stopped for %v", r.brake.Reason())
		}
	})
}

// A poll that fails is polled again, whatever it says, and never submitted again.
func TestAsyncFailingPolls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newAsyncRig()
		errs := []error{serverError(), refusal(0), unreachable(),
			&octave.Error{Status: 404, Action: octave.Again, Cause: octave.CauseForgotten},
			&octave.Error{Status: 400, Action: octave.Again, Cause: octave.CauseRequest}}
		r.service.fail = func(n int, _ string) (octave.Progress, error) {
			if n <= 20*len(errs) {
				return octave.Progress{}, errs[n%len(errs)]
			}
			return octave.Progress{}, nil
		}
		r.run(t, 20)
		r.want(t, 20, map[string]int{StatusOK: 20})
	})
}

// A Retry-After of a poll holds its row's polls.
func TestAsyncPollRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newAsyncRig()
		r.service.fail = func(n int, _ string) (octave.Progress, error) {
			if n == 1 {
				return octave.Progress{}, refusal(time.Minute)
			}
			return octave.Progress{}, nil
		}
		r.run(t, 1)
		if gap := r.service.polls[1].Sub(r.service.polls[0]); gap != time.Minute {
			t.Errorf("polled again after %v", gap)
		}
	})
}

// Work that the service has forgotten is asked again, a day after it was submitted
// and not before; that obeys --on-lost.
func TestAsyncForgotten(t *testing.T) {
	for _, fail := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			r := newAsyncRig()
			r.policy.FailAmbiguous = fail
			r.service.takes = time.Hour
			time.AfterFunc(time.Minute, r.leave)
			r.run(t, 1)
			r.service.fail = func(_ int, id string) (octave.Progress, error) {
				if strings.HasSuffix(id, "/0") {
					return octave.Progress{}, &octave.Error{Status: 404, Action: octave.Again, Cause: octave.CauseForgotten, Message: "unknown"}
				}
				return octave.Progress{}, nil
			}
			time.Sleep(23 * time.Hour)
			r.run(t, 1)
			r.want(t, 1, map[string]int{StatusFailed: 1})
			time.Sleep(time.Hour)
			r.service.takes = time.Second
			r.run(t, 1)
			if fail {
				r.want(t, 1, map[string]int{StatusFailed: 1})
				r.run(t, 1) // running again is retrying
			}
			r.want(t, 2, map[string]int{StatusOK: 1})
			if l := r.ledger(); l.PossiblyBilled() != 1 || len(l.Lost()) != 0 {
				t.Errorf("possibly billed %d, lost %v", l.PossiblyBilled(), l.Lost())
			}
		})
	}
}

// A submission whose id never came may be billed: it obeys --on-lost, and is named.
func TestAsyncLostID(t *testing.T) {
	for _, fail := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			r := newAsyncRig()
			r.workers, r.policy.FailAmbiguous = 1, fail
			r.service.refuse = func(n int) error {
				switch n {
				case 2:
					return &octave.Error{Action: octave.Again, Cause: octave.CauseAmbiguous, Message: "cut off", MaybeBilled: true}
				case 4:
					return refusal(0)
				}
				return nil
			}
			r.run(t, 3)
			lost := r.ledger().Lost()
			// Which of the three is second is the workers' affair.
			if len(lost) != 1 || lost[0].Row == 0 || r.ledger().PossiblyBilled() != 1 {
				t.Errorf("lost %+v, possibly billed %d", lost, r.ledger().PossiblyBilled())
			}
			if fail {
				r.want(t, 3, map[string]int{StatusOK: 2, StatusFailed: 1})
			} else {
				r.want(t, 5, map[string]int{StatusOK: 3})
			}
		})
	}
}

// A process that was killed before the id came lost it; what is known of it is the
// row.
func TestLedgerNamesCutOffSubmissions(t *testing.T) {
	var l Ledger
	at := time.Date(2026, 11, 23, 19, 0, 0, 0, time.UTC)
	add := func(kind string, key byte, body string) {
		at = at.Add(time.Second)
		l.Add(checkpoint.Record{Type: kind, Key: checkpoint.Key{key}, At: at, Body: []byte(body)})
	}
	add(checkpoint.Asked, 1, `{"async":true,"row":7}`) // killed
	add(checkpoint.Asked, 1, `{"async":true,"row":7}`)
	add(checkpoint.Submitted, 1, `{"id":"x"}`)
	add(checkpoint.Asked, 2, `{"async":true,"row":8}`) // killed
	add(checkpoint.Asked, 3, `{"async":true,"row":9}`)
	add(checkpoint.Missed, 3, `{"error":"no","kind":"rate limited"}`)
	add(checkpoint.Asked, 4, "") // a call that waits for its answer
	if lost := l.Lost(); len(lost) != 2 || lost[0].Row != 7 || lost[1].Row != 8 {
		t.Errorf("lost: %+v", lost)
	}
	if q := l.Questions(); q.Submitted != 1 || q.Open != 3 || l.PossiblyBilled() != 3 {
		t.Errorf("questions %+v, possibly billed %d", q, l.PossiblyBilled())
	}
	add(checkpoint.Answered, 1, `{"answer":{"found":true}}`)
	if q := l.Questions(); q.Submitted != 0 || q.Answered != 1 || l.PossiblyBilled() != 3 {
		t.Errorf("questions %+v, possibly billed %d", q, l.PossiblyBilled())
	}
}

// Work that failed fails the row, and is not submitted again in this run.
func TestAsyncWorkFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newAsyncRig()
		r.service.fail = func(int, string) (octave.Progress, error) {
			return octave.Progress{Failed: &octave.Error{Action: octave.Row, Cause: octave.CauseRequest, Message: "no luck", MaybeBilled: true}}, nil
		}
		r.run(t, 1)
		r.want(t, 1, map[string]int{StatusFailed: 1})
		if got := r.journal.kinds(); got != "asked submitted missed failed" {
			t.Errorf("records: %s", got)
		}
		r.service.fail = nil
		r.run(t, 1)
		r.want(t, 2, map[string]int{StatusOK: 1})
	})
}

// A key that is rejected while it polls ends the run, and not the submission.
func TestAsyncKeyRejected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newAsyncRig()
		r.service.fail = func(int, string) (octave.Progress, error) {
			return octave.Progress{}, &octave.Error{Status: 401, Action: octave.All, Cause: octave.CauseKey, Message: "no"}
		}
		r.run(t, 3)
		r.want(t, 3, map[string]int{StatusNotAttempted: 3})
		var call *octave.Error
		if !errors.As(r.brake.Reason(), &call) || call.Cause != octave.CauseKey || len(r.journal.waiting()) != 3 {
			t.Errorf("stopped for %v, %d are waiting", r.brake.Reason(), len(r.journal.waiting()))
		}
		r.service.fail = nil
		r.run(t, 3)
		r.want(t, 3, map[string]int{StatusOK: 3})
	})
}

// All polls together are bounded, and so is what is submitted and not answered.
func TestAsyncBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newAsyncRig()
		r.workers, r.service.takes = 300, 3*time.Minute
		r.pace.Rate = rate.Inf
		r.run(t, 900)
		r.want(t, 900, map[string]int{StatusOK: 900})
		if r.service.most > 300 || r.service.most < 250 {
			t.Errorf("%d were submitted at a time", r.service.most)
		}
		polls := r.service.polls
		most := 0
		for i, j := 0, 0; i < len(polls); i++ {
			for polls[i].Sub(polls[j]) >= time.Minute {
				j++
			}
			most = max(most, i-j+1)
		}
		if most > 1000 || most < 900 {
			t.Errorf("%d polls in a minute", most)
		}
	})
}

// Polls cost no token of the rate for starts.
func TestAsyncPollsCostNoToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newAsyncRig()
		r.pace.Rate, r.workers, r.service.takes = rate.Every(30*time.Second), 8, 25*time.Second
		began := time.Now()
		r.run(t, 4)
		if took := time.Since(began); took > 2*time.Minute {
			t.Errorf("4 calls, one every 30 s, took %v with their polls", took)
		}
	})
}

// An outage is over when a submission is taken, not when its answer comes.
func TestAsyncOutageEndsWithASubmission(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newAsyncRig()
		r.service.takes = 20 * time.Minute
		r.service.refuse = func(n int) error {
			if n <= 10 {
				return unreachable()
			}
			return nil
		}
		began := time.Now()
		var ended time.Duration
		r.events = func(e Event) {
			if _, ok := e.(OutageEnded); ok && ended == 0 {
				ended = time.Since(began)
			}
		}
		r.run(t, 16)
		r.want(t, 26, map[string]int{StatusOK: 16})
		if ended == 0 || ended > 10*time.Minute {
			t.Errorf("the outage ended after %v", ended)
		}
	})
}

// What was submitted for a contact that is not in the list any more is fetched, too.
func TestAsyncFetchesWhatNobodyAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newAsyncRig()
		time.AfterFunc(time.Second, r.leave)
		r.run(t, 4)
		r.run(t, 2)
		r.want(t, 4, map[string]int{StatusOK: 2})
		if n := r.journal.count(checkpoint.Answered); n != 4 {
			t.Errorf("%d answers", n)
		}
	})
}

func TestReadSubmission(t *testing.T) {
	q := NewQuestion(octave.Request{Email: "a@example.com"}, 3)
	at := time.Now()
	rec := SubmittedRecord(q, Submission{ID: "x", Name: "n", At: at, Row: 3})
	s, got, err := ReadSubmission(rec)
	if err != nil || s != (Submission{ID: "x", Name: "n", At: at, Row: 3}) || got.Key != q.Key || got.Row != 3 {
		t.Errorf("got %+v, %+v, %v", s, got, err)
	}
	rec.Key[0]++
	if _, _, err = ReadSubmission(rec); err == nil {
		t.Error("a submission of another question was read")
	}
}

// A submission whose id never came is named with the row that asked; one whose id came
// is waited for.
func TestAskedRecordNamesTheRow(t *testing.T) {
	q, at := NewQuestion(octave.Request{Email: "a@example.com"}, 7), time.Now()
	var lost, waiting Ledger
	lost.Add(AskedRecord(q.Key, at, q.Row))
	waiting.Add(AskedRecord(q.Key, at, q.Row))
	waiting.Add(SubmittedRecord(q, Submission{ID: "x", At: at, Row: q.Row}))
	if names := lost.Lost(); len(names) != 1 || names[0].Row != 7 || lost.PossiblyBilled() != 1 {
		t.Errorf("%+v, possibly billed %d", names, lost.PossiblyBilled())
	}
	if len(waiting.Lost()) != 0 || waiting.PossiblyBilled() != 0 || waiting.Questions().Submitted != 1 {
		t.Errorf("%+v, possibly billed %d", waiting.Lost(), waiting.PossiblyBilled())
	}
}
