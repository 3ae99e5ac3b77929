//go:build fleet

package fleet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
	"octave-enrich/pipeline"
	"octave-enrich/pipeline/fleet/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// A rig is a fleet without processes: a database, a service that counts, and
// whatever hosts and runs a test starts.
type rig struct {
	t       *testing.T
	server  *pgtest.Server
	address string // of the server, or of what is before it
	options string // of its URL
	service *service
	logs    *logs
	look    *DB
}

func newRig(t *testing.T) *rig {
	return rigOn(t, pgtest.Filled(t, func(server *pgtest.Server) { initialize(t, server) }))
}

// rigAlone has a server that may be killed.
func rigAlone(t *testing.T) *rig {
	server := pgtest.Start(t)
	initialize(t, server)
	return rigOn(t, server)
}

// initialize makes a fleet.
func initialize(t *testing.T, server *pgtest.Server) {
	t.Helper()
	db, err := Open(t.Context(), server.URL(server.Address()), 2, Events{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func rigOn(t *testing.T, server *pgtest.Server) *rig {
	r := &rig{t: t, server: server, address: server.Address(), service: &service{asked: map[string]int{}}, logs: &logs{}}
	r.look = r.db()
	server.Exec(Grants(server.Database()))
	return r
}

// as are connections of a user who may do no more than that: half of a program's, for
// each costs the server more than what most tests do.
func (r *rig) as(does string) *DB {
	r.t.Helper()
	db, err := Open(r.t.Context(), pgtest.As(role(r.server.Database(), does), r.server.URL(r.address)+r.options), 3, Events{})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(db.Close)
	return db
}

// jobs counts those in some states; in none that are to be worked still.
func (r *rig) jobs(states ...rivertype.JobState) int {
	r.t.Helper()
	if len(states) == 0 {
		states = unfinished()
	}
	list, err := r.look.river.JobList(r.t.Context(), river.NewJobListParams().Kinds(kinds()...).States(states...).First(10_000))
	if err != nil {
		r.t.Fatal(err)
	}
	return len(list.Jobs)
}

func (r *rig) db() *DB {
	r.t.Helper()
	db, err := Open(r.t.Context(), r.server.URL(r.address), 6, Events{})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(db.Close)
	return db
}

// logs is where hosts say things.
type logs struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// A service answers, and counts who was asked when.
type service struct {
	mu      sync.Mutex
	asked   map[string]int
	starts  []time.Time
	most    int // at the same time
	now     int
	outcome func(n int, req octave.Request) error // nil is an answer
	hold    chan struct{}                         // calls wait until it is closed; nil for none
	quota   octave.Quota                          // what the headers of its answers say
}

func (s *service) run(ctx context.Context, req octave.Request) (*octave.Answer, error) {
	s.mu.Lock()
	s.asked[req.Email]++
	s.starts = append(s.starts, time.Now())
	n := len(s.starts)
	s.now++
	s.most = max(s.most, s.now)
	s.mu.Unlock()
	defer func() { s.mu.Lock(); s.now--; s.mu.Unlock() }()
	if s.hold != nil {
		select {
		case <-s.hold:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if s.outcome != nil {
		if err := s.outcome(n, req); err != nil {
			return nil, err
		}
	}
	answer, err := octave.Decode([]byte(`{"_metadata":{"requestId":"r","usage":1.5},"found":true,"data":{"emails":[{"subject":"s","email":"to ` + req.Email + `"}]}}`))
	if err == nil {
		answer.Quota = s.quota
	}
	return answer, err
}

func (s *service) calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.starts)
}

// A host is a worker at work.
type host struct {
	*Worker
	brake *pipeline.Brake
	group errgroup.Group
}

func (r *rig) host(change func(*WorkerConfig)) *host {
	r.t.Helper()
	h := r.newHost(change)
	h.begin(r.t)
	return h
}

// newHost is one that has not begun.
func (r *rig) newHost(change func(*WorkerConfig)) *host {
	r.t.Helper()
	limit := rate.Inf
	log := slog.New(slog.NewTextHandler(r.logs, nil))
	cfg := WorkerConfig{Run: pipeline.Call(r.service.run), Service: "test", Queue: "q", Account: "key", Version: "v", Slots: 8, Timeout: 5 * time.Second,
		Limit: &limit, RescueAfter: time.Hour, Retain: time.Hour, Warn: log.Warn, Observer: func(pipeline.Event) {}}
	if change != nil {
		change(&cfg)
	}
	h := &host{brake: pipeline.NewBrake(context.Background())}
	var err error
	if h.Worker, err = NewWorker(r.t.Context(), r.as(roleWorker), cfg, h.brake); err != nil {
		r.t.Fatal(err)
	}
	return h
}

func (h *host) begin(t *testing.T) {
	h.group.Go(func() error { return h.Run(context.Background()) })
	t.Cleanup(func() { h.drain(t) })
}

func (h *host) drain(t *testing.T) {
	h.brake.Pull(errDrain)
	if err := h.group.Wait(); err != nil {
		t.Errorf("the host: %v", err)
	}
}

var errDrain = errors.New("drain")

// A book is a checkpoint in memory: it hears of attempts.
type book struct {
	pipeline.Journal
	mu       sync.Mutex
	ledger   pipeline.Ledger
	records  []checkpoint.Record
	answered map[checkpoint.Key]bool
}

// State knows what was answered.
func (b *book) State(key checkpoint.Key) checkpoint.State {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.answered[key] {
		return checkpoint.AnsweredState
	}
	return checkpoint.Unknown
}

// Note adds a record up.
func (b *book) MayAsk() error { return nil }

func (b *book) Note(rec checkpoint.Record) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ledger.Add(rec)
	b.records = append(b.records, rec)
	return nil
}

// A party is a run that asks.
type party struct {
	*Coordinator
	brake *pipeline.Brake
	tally *pipeline.Tally
	book  *book
	group errgroup.Group
	end   context.CancelFunc
}

func (r *rig) party(run string, change func(*CoordinatorConfig)) *party {
	r.t.Helper()
	p := &party{brake: pipeline.NewBrake(context.Background()), tally: &pipeline.Tally{}, book: &book{answered: map[checkpoint.Key]bool{}}}
	cfg := CoordinatorConfig{Run: run, Checkpoint: "of " + run, Service: "test", Queue: "q", Policy: pipeline.RetryPolicy{Retries: 2},
		Timeout: 5 * time.Second, Patience: time.Hour, Journal: p.book, Observer: p.tally.Observe,
		Hosts: func(int, error) {}, Paused: func(bool) {}}
	if change != nil {
		change(&cfg)
	}
	var err error
	if p.Coordinator, err = NewCoordinator(r.t.Context(), r.as(roleRun), cfg, p.brake); err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	p.end = cancel
	p.group.Go(func() error { return p.Serve(ctx) })
	r.t.Cleanup(func() { p.close(r.t) })
	return p
}

func (p *party) close(t *testing.T) {
	if p.end == nil {
		return
	}
	p.end()
	p.end = nil
	if err := p.group.Wait(); err != nil {
		t.Errorf("the coordinator: %v", err)
	}
	if err := p.Close(context.Background(), true); err != nil {
		t.Errorf("closing the run: %v", err)
	}
}

// ask asks n questions at once and counts what becomes of them.
func (p *party) ask(n int) (answered, stopped, failed int) {
	var mu sync.Mutex
	var g errgroup.Group
	for i := range n {
		g.Go(func() error {
			answer, err := p.Ask(context.Background(), pipeline.NewQuestion(who(i), i))
			mu.Lock()
			defer mu.Unlock()
			if err == nil { // what Memo does
				p.book.mu.Lock()
				p.book.answered[pipeline.NewQuestion(who(i), 0).Key] = true
				p.book.mu.Unlock()
			}
			switch {
			case errors.Is(err, pipeline.ErrStopped):
				stopped++
			case err != nil:
				failed++
			case answer.Emails[0].Body == "to "+who(i).Email:
				answered++
			}
			return nil
		})
	}
	_ = g.Wait()
	return answered, stopped, failed
}

// put has questions in the queue for which nobody waits.
func (p *party) put(t *testing.T, from, to int) {
	t.Helper()
	var batch []*pending
	for i := from; i < to; i++ {
		batch = append(batch, p.newPending(pipeline.NewQuestion(who(i), 0)))
	}
	if err := p.enqueue(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
}

func who(i int) octave.Request { return octave.Request{Email: fmt.Sprintf("p%d@example.com", i)} }

func (r *rig) count(what string) (n int) {
	r.t.Helper()
	r.server.Scan(`SELECT count(*) FROM octave_fleet.`+what, &n)
	return n
}

// until polls.
func (r *rig) until(what string, done func() bool) {
	r.t.Helper()
	for deadline := time.Now().Add(3 * time.Minute); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			r.t.Fatalf("waited in vain for %s; hosts said:\n%s", what, r.logs)
		}
	}
}

func TestFleetPaysOnceForTwoCoordinators(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.host(nil)
	r.host(nil)
	a, b := r.party("a", nil), r.party("b", nil)
	var g errgroup.Group
	for _, p := range []*party{a, b} {
		g.Go(func() error {
			if answered, _, _ := p.ask(200); answered != 200 {
				return fmt.Errorf("%d of 200 answered", answered)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
	if r.service.calls() != 200 {
		t.Errorf("%d calls for 200 questions", r.service.calls())
	}
	sa, sb := a.tally.Summary().Calls, b.tally.Summary().Calls
	if sa.Answered+sb.Answered != 200 || sa.Remembered+sb.Remembered != 200 {
		t.Errorf("between them they say they made %d calls and remembered %d", sa.Answered+sb.Answered, sa.Remembered+sb.Remembered)
	}
	for _, p := range []*party{a, b} {
		if asked := p.book.ledger.Attempts.Asked; asked != 200 {
			t.Errorf("a checkpoint heard of %d calls for its 200 answers", asked)
		}
	}
}

func TestFleetBudgets(t *testing.T) {
	t.Parallel()
	usage := func(most, cost octave.Decimal) pipeline.Budgets {
		return pipeline.Budgets{HasUsage: true, MaxUsage: pipeline.Amount{}.Plus(most), CostToRun: pipeline.Amount{}.Plus(cost)}
	}
	for name, tc := range map[string]struct {
		budgets    pipeline.Budgets
		reason     error
		least, top int
	}{
		"calls":    {pipeline.Budgets{MaxCalls: 20, HasCalls: true}, pipeline.ErrMaxCalls, 20, 20},
		"no calls": {pipeline.Budgets{HasCalls: true}, pipeline.ErrMaxCalls, 0, 0},
		// Each answer costs 1.5.
		"usage": {usage("31", "1.5"), pipeline.ErrMaxUsage, 20, 20},
		// Until the first answer comes, as many calls start as would cost 1 each.
		"usage that is not known": {usage("5", ""), pipeline.ErrMaxUsage, 3, 5},
		"usage less than a call":  {usage("1", "1.5"), pipeline.ErrMaxUsage, 0, 0},
		"usage of nothing":        {usage("0", ""), pipeline.ErrMaxUsage, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			for range 3 {
				r.host(nil)
			}
			p := r.party("a", func(cfg *CoordinatorConfig) { cfg.Budgets = tc.budgets })
			answered, stopped, _ := p.ask(60)
			if !errors.Is(p.brake.Reason(), tc.reason) {
				t.Errorf("it stops because of %v", p.brake.Reason())
			}
			if n := r.service.calls(); n < tc.least || n > tc.top {
				t.Errorf("%d calls, want %d to %d", n, tc.least, tc.top)
			}
			if answered != r.service.calls() || answered+stopped != 60 {
				t.Errorf("%d answered and %d not asked, after %d calls", answered, stopped, r.service.calls())
			}
		})
	}
}

// A rejected key stops every host that has it and every run that waits for them,
// before another call.
func TestFleetKeyRejected(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	rejected := &octave.Error{Status: 401, Action: octave.All, Cause: octave.CauseKey, Message: "Invalid API key"}
	r.service.outcome = func(n int, _ octave.Request) error {
		if n >= 10 {
			return rejected
		}
		return nil
	}
	hosts := []*host{r.host(nil), r.host(nil), r.host(nil)}
	other := r.host(func(cfg *WorkerConfig) { cfg.Account, cfg.Queue = "another", "z" })
	p := r.party("a", nil)
	p.ask(100)
	var call *octave.Error
	if !errors.As(p.brake.Reason(), &call) || call.Cause != octave.CauseKey || !strings.Contains(call.Error(), "Invalid API key") {
		t.Errorf("the run stops because of %v", p.brake.Reason())
	}
	for _, h := range hosts {
		<-h.brake.Pulled()
		if !errors.As(h.brake.Reason(), &call) || call.Cause != octave.CauseKey {
			t.Errorf("a host stops because of %v", h.brake.Reason())
		}
		h.drain(t)
	}
	if other.brake.Reason() != nil {
		t.Errorf("a host with another key stops: %v", other.brake.Reason())
	}
	if n := r.service.calls(); n > 10+3*8 {
		t.Errorf("%d calls", n)
	}
	p.close(t)
	if left := r.jobs(); left > 0 {
		t.Errorf("%d jobs are left in the queue", left)
	}
	// Whoever starts a worker vouches for the key.
	r.service.outcome = nil
	r.host(nil)
	if answered, _, _ := r.party("b", nil).ask(100); answered != 100 {
		t.Errorf("%d of 100 answered after that", answered)
	}
}

// Refusals in a row, whichever host gets them, hold all hosts back, within a second
// of their being told.
func TestFleetPause(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var wall atomic.Bool
	wall.Store(true)
	r.service.outcome = func(n int, _ octave.Request) error {
		if n > 30 && wall.Load() {
			return &octave.Error{Status: 429, Action: octave.Again, Cause: octave.CauseRateLimited, Message: "slow down", RetryAfter: 4 * time.Second}
		}
		return nil
	}
	for range 3 {
		r.host(func(cfg *WorkerConfig) { limit := rate.Limit(50); cfg.Limit = &limit })
	}
	p := r.party("a", nil)
	var g errgroup.Group
	var answered int
	g.Go(func() error { answered, _, _ = p.ask(100); return nil })
	var until time.Time
	r.until("the pause", func() bool {
		r.server.Scan(`SELECT coalesce((state->>'paused_until')::timestamptz, 'epoch') FROM octave_fleet.pace`, &until)
		return until.After(time.Now())
	})
	told := time.Now()
	wall.Store(false)
	if _ = g.Wait(); answered != 100 {
		t.Fatalf("%d of 100 answered", answered)
	}
	during := 0
	for _, at := range r.service.starts {
		if at.After(told.Add(time.Second)) && at.Before(until) {
			during++
		}
	}
	if during > 0 {
		t.Errorf("%d calls started in the pause", during)
	}
}

// A service that is down is probed with one call at a time by all hosts together,
// and no row fails.
func TestFleetOutage(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var mu sync.Mutex
	var known time.Time // to all hosts
	down, probes, now, most := true, 0, 0, 0
	r.service.outcome = func(int, octave.Request) error {
		mu.Lock()
		defer mu.Unlock()
		if !down {
			return nil
		}
		probe := !known.IsZero() && time.Now().After(known)
		if probe {
			probes, now = probes+1, now+1
			most = max(most, now)
		}
		mu.Unlock()
		time.Sleep(50 * time.Millisecond) // what a probe takes
		mu.Lock()
		if probe {
			now--
		}
		return &octave.Error{Action: octave.Again, Cause: octave.CauseUnreachable, Message: "connection refused"}
	}
	for range 3 {
		r.host(nil)
	}
	p := r.party("a", nil)
	var g errgroup.Group
	var answered int
	g.Go(func() error { answered, _, _ = p.ask(60); return nil })
	r.until("the outage", func() bool {
		var on bool
		r.server.Scan(`SELECT coalesce((state->'failing'->>'on')::bool, false) FROM octave_fleet.pace`, &on)
		return on
	})
	mu.Lock()
	known = time.Now().Add(time.Second) // what had its start before may still be made
	mu.Unlock()
	r.until("two probes", func() bool { mu.Lock(); defer mu.Unlock(); return probes >= 2 })
	mu.Lock()
	if most != 1 {
		t.Errorf("%d probes at the same time", most)
	}
	mu.Unlock()
	mu.Lock()
	down = false
	mu.Unlock()
	if _ = g.Wait(); answered != 60 {
		t.Errorf("%d of 60 answered", answered)
	}
}

// An answer that came while the database was down is stored when it is back, and
// nobody asks again.
func TestFleetAnswerOutlivesTheDatabase(t *testing.T) {
	t.Parallel()
	r := rigAlone(t)
	r.service.hold = make(chan struct{})
	h := r.host(nil)
	p := r.party("a", nil)
	var g errgroup.Group
	var answered int
	g.Go(func() error { answered, _, _ = p.ask(5); return nil })
	r.until("calls", func() bool { return r.service.calls() == 5 })
	r.server.Kill()
	close(r.service.hold)
	r.until("the answers to wait", func() bool { return h.Unstored() == 5 })
	r.server.Run()
	_ = g.Wait()
	r.until("nothing to wait", func() bool { return h.Unstored() == 0 })
	if answered != 5 || r.service.calls() != 5 {
		t.Errorf("%d answered after %d calls", answered, r.service.calls())
	}
}

// A database that is away when somebody begins is waited for.
func TestFleetBeginsWithoutDatabase(t *testing.T) {
	t.Parallel()
	r := rigAlone(t)
	h, db := r.newHost(nil), r.db()
	r.server.Kill()
	if err := db.Check(t.Context(), 0); !errors.Is(err, ErrUnreachable) {
		t.Errorf("a database that is away: %v", err)
	}
	h.begin(t)
	var g errgroup.Group
	g.Go(func() error { return db.Check(t.Context(), time.Hour) })
	r.until("both to notice", func() bool { return db.Away() > 0 && h.db.Away() > 0 })
	r.server.Run()
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
	if answered, _, _ := r.party("a", nil).ask(3); answered != 3 {
		t.Errorf("%d of 3 answered", answered)
	}
}

// Who is told to stop before the database came back just ends.
func TestFleetNeverBegins(t *testing.T) {
	t.Parallel()
	r := rigAlone(t)
	h := r.newHost(nil)
	r.server.Kill()
	h.begin(t)
	r.until("it to notice", func() bool { return h.db.Away() > 0 })
	h.drain(t)
}

// The first signal lets calls in flight end and gives everything else back.
func TestFleetDrain(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service.hold = make(chan struct{})
	h := r.host(nil)
	p := r.party("a", nil)
	var g errgroup.Group
	var answered, stopped int
	g.Go(func() error { answered, stopped, _ = p.ask(30); return nil })
	r.until("8 calls", func() bool { return r.service.calls() == 8 && r.jobs() == 30 })
	h.brake.Pull(errDrain)
	close(r.service.hold)
	h.drain(t)
	if n := r.count(`call WHERE result = 'answered'`); n != 8 || r.service.calls() != 8 {
		t.Errorf("%d answers of %d calls are stored", n, r.service.calls())
	}
	if n := r.jobs(waitingStates()...); n != 22 {
		t.Errorf("%d jobs are for others", n)
	}
	if n := r.count(`host WHERE ended IS NULL`); n != 0 {
		t.Errorf("%d hosts are alive", n)
	}
	p.brake.Pull(errDrain)
	_ = g.Wait()
	if answered != 8 || stopped != 22 {
		t.Errorf("the run has %d answers and %d questions that were not asked", answered, stopped)
	}
	p.close(t)
	if n := r.jobs(); n != 0 {
		t.Errorf("%d jobs of a run that has ended are left", n)
	}
}

// A run that stops waits for its calls on the wire.
func TestFleetRunStops(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service.hold = make(chan struct{})
	r.host(nil)
	p := r.party("a", nil)
	var g errgroup.Group
	var answered, stopped int
	g.Go(func() error { answered, stopped, _ = p.ask(30); return nil })
	r.until("8 calls", func() bool { return r.service.calls() == 8 })
	p.brake.Pull(errDrain)
	r.until("those that wait to be let go", func() bool { return len(p.unanswered()) == 8 })
	close(r.service.hold)
	_ = g.Wait()
	if answered != 8 || stopped != 22 || r.service.calls() != 8 {
		t.Errorf("%d answered, %d stopped, %d calls", answered, stopped, r.service.calls())
	}
}

// A signal does not wait for a database that is away.
func TestFleetRunStopsWithoutDatabase(t *testing.T) {
	t.Parallel()
	r := rigAlone(t)
	r.service.hold = make(chan struct{})
	h := r.host(nil)
	p := r.party("a", nil)
	var g errgroup.Group
	var stopped int
	g.Go(func() error { _, stopped, _ = p.ask(30); return nil })
	r.until("8 calls", func() bool { return r.service.calls() == 8 })
	r.server.Kill()
	g.Go(func() error { p.Ask(context.Background(), pipeline.NewQuestion(who(99), 99)); return nil })
	r.until("both to notice", func() bool { return p.db.Away() > 0 && h.db.Away() > 0 })
	p.brake.Pull(errDrain)
	if _ = g.Wait(); stopped != 30 {
		t.Errorf("%d of 30 stopped", stopped)
	}
	// The host keeps trying to store what it was paid for, and nothing else.
	h.brake.Pull(errDrain)
	close(r.service.hold)
	r.until("the answers", func() bool { r.service.mu.Lock(); defer r.service.mu.Unlock(); return r.service.now == 0 })
	r.server.Run()
	h.drain(t)
	if n := r.count(`call WHERE result = 'answered'`); n != 8 {
		t.Errorf("%d of 8 answers are stored", n)
	}
	if n := r.jobs(rivertype.JobStateRunning); n != 0 {
		t.Errorf("%d jobs are in the hands of a host that has ended", n)
	}
}

// A newer run of the same checkpoint takes over: the list may be another one, and
// nobody who is not on it any more is asked about.
func TestFleetTakesOver(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	first := r.party("a", func(cfg *CoordinatorConfig) { cfg.Checkpoint = "file" })
	var g errgroup.Group
	g.Go(func() error { first.ask(50); return nil })
	r.until("50 jobs", func() bool { return r.jobs() == 50 })
	second := r.party("b", func(cfg *CoordinatorConfig) { cfg.Checkpoint = "file" })
	r.host(nil)
	if answered, _, _ := second.ask(10); answered != 10 {
		t.Errorf("%d of 10 answered", answered)
	}
	if n := r.service.calls(); n != 10 {
		t.Errorf("%d calls for the 10 contacts that are left", n)
	}
	_ = g.Wait() // the first hears that it was superseded
	if first.brake.Reason() == nil {
		t.Error("the first run goes on")
	}
}

func TestFleetFailuresAreTold(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service.outcome = func(_ int, req octave.Request) error {
		if req.Email == who(0).Email {
			return &octave.Error{Status: 422, Action: octave.Row, Cause: octave.CauseRequest, Message: "cannot be processed"}
		}
		return nil
	}
	r.host(nil)
	p := r.party("a", nil)
	_, err := p.Ask(t.Context(), pipeline.NewQuestion(who(0), 0))
	var call *octave.Error
	if err == nil || err.Error() != "422 Unprocessable Entity: cannot be processed" || !errors.As(err, &call) || call.Cause != octave.CauseRequest {
		t.Errorf("the error is %v", err)
	}
	r.service.outcome = nil
	if answered, _, _ := p.ask(1); answered != 1 { // running again is retrying
		t.Error("a failure settled the question")
	}
	if s := p.tally.Summary().Calls; s.Started != 2 || s.Failed != 1 || s.Answered != 1 {
		t.Errorf("calls: %+v", s)
	}
}

// Jobs of another version stay where they are.
func TestFleetRefusesOtherVersions(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.host(nil)
	p := r.party("a", nil)
	for _, kind := range []river.JobArgs{job{Run: "a", Request: []byte(`{"email":"ada@example.com","tone":"warm"}`)}, later{}} {
		if _, err := r.look.river.Insert(t.Context(), kind, &river.InsertOpts{Queue: runQueue("a")}); err != nil {
			t.Fatal(err)
		}
	}
	if answered, _, _ := p.ask(20); answered != 20 {
		t.Errorf("%d of 20 answered", answered)
	}
	r.until("the refusal", func() bool { return strings.Contains(r.logs.String(), "left to others") })
	r.until("both to wait for a newer worker", func() bool {
		var n int
		r.server.Scan(`SELECT count(*) FROM octave_fleet.river_job WHERE state IN ('available', 'scheduled') AND attempt = 0`, &n)
		return n == 2
	})
}

// later is a kind of job that this version does not know.
type later struct{}

func (later) Kind() string { return "octave_question_99" }

// A call of which nothing was heard for too long is lost, and the question is asked
// again. An answer that comes after all is kept.
func TestFleetLostCalls(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service.hold = make(chan struct{})
	r.host(nil)
	a := r.party("a", nil)
	var g errgroup.Group
	var answered int
	g.Go(func() error { answered, _, _ = a.ask(8); return nil })
	r.until("8 calls", func() bool { return r.service.calls() == 8 })
	b := r.party("b", nil)
	g.Go(func() error { b.ask(8); return nil })
	r.host(nil)
	r.until("the questions of b to wait for those of a", func() bool {
		var n int
		r.server.Scan(`SELECT count(*) FROM octave_fleet.river_job WHERE queue = 'run-b' AND (metadata->>'snoozes')::int > 0`, &n)
		return n == 8
	})
	if n := r.service.calls(); n != 8 {
		t.Errorf("%d calls while 8 are on the wire", n)
	}
	r.server.Exec(`UPDATE octave_fleet.call SET until = clock_timestamp()`)
	r.until("8 calls by the other", func() bool { return r.service.calls() == 16 })
	if n := r.count(`call WHERE result = 'lost' AND billed`); n != 8 {
		t.Errorf("%d calls are lost", n)
	}
	close(r.service.hold)
	_ = g.Wait()
	r.until("all answers to be stored", func() bool { return r.count(`call WHERE result = 'answered' AND NOT billed`) == 16 })
	if answered != 8 || r.service.calls() != 16 {
		t.Errorf("%d of 8 answered after %d calls", answered, r.service.calls())
	}
}

// A host that is cut off while it holds the row of a key must not stop the others.
func TestFleetLocksEnd(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.host(func(cfg *WorkerConfig) { limit := rate.Limit(100); cfg.Limit = &limit })
	cut := r.db()
	tx, err := cut.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(context.Background()) //nolint:errcheck // the database has ended it
	if _, err := openSchedule(t.Context(), tx, "key"); err != nil {
		t.Fatal(err)
	}
	if answered, _, _ := r.party("a", nil).ask(10); answered != 10 {
		t.Errorf("%d of 10 answered", answered)
	}
}

// A question that failed before its run came to wait for it has failed in this run
// and is not asked again in it.
func TestFleetFailsOnceInARun(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service.outcome = func(int, octave.Request) error {
		return &octave.Error{Status: 422, Action: octave.Row, Cause: octave.CauseRequest, Message: "no"}
	}
	r.host(nil)
	p := r.party("a", nil)
	p.put(t, 0, 20)
	r.until("20 failures", func() bool { return r.count(`call WHERE failed`) == 20 })
	if _, _, failed := p.ask(20); failed != 20 || r.service.calls() != 20 {
		t.Errorf("%d of 20 failed, after %d calls", failed, r.service.calls())
	}
}

// The checkpoint of a run that stops is told of attempts for questions that it
// stopped waiting for, and of those that it never waited for.
func TestFleetTellsTheRest(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service.outcome = func(int, octave.Request) error {
		return &octave.Error{Action: octave.Again, Cause: octave.CauseAmbiguous, Message: "cut", MaybeBilled: true}
	}
	h := r.host(nil)
	p := r.party("a", func(cfg *CoordinatorConfig) { cfg.Policy.Retries = 9 })
	p.put(t, 10, 13)
	var g errgroup.Group
	g.Go(func() error { p.ask(2); return nil })
	r.until("a call about each", func() bool { return r.count(`call WHERE result = 'missed'`) >= 5 })
	h.drain(t)
	p.brake.Pull(errDrain)
	_ = g.Wait()
	p.close(t)
	if n := p.book.ledger.PossiblyBilled(); n != r.service.calls() {
		t.Errorf("%d calls may have been billed, the checkpoint knows of %d", r.service.calls(), n)
	}
}

// A host that was taken for dead commits an answer: while it does, nobody takes the
// question that was given back to the queue.
func TestFleetAnswerIsBeingStored(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service.hold = make(chan struct{})
	r.host(func(cfg *WorkerConfig) { cfg.Slots = 1 })
	p := r.party("a", nil)
	var g errgroup.Group
	g.Go(func() error { p.ask(1); return nil })
	r.until("the call", func() bool { return r.service.calls() == 1 })
	r.server.Exec(`UPDATE octave_fleet.river_job SET state = 'available'; UPDATE octave_fleet.call SET until = clock_timestamp()`) // as a rescue finds it
	err := r.server.Try(t.Context(), func(conn *pgx.Conn) error {
		tx, err := conn.Begin(t.Context())
		if err != nil {
			return err
		}
		if _, err := tx.Exec(t.Context(), `SELECT FROM octave_fleet.call FOR UPDATE`); err != nil {
			return err
		}
		close(r.service.hold)
		waiting := func(n int) func() bool {
			return func() bool {
				var waiting int
				r.server.Scan(`SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%octave_fleet.call%'`, &waiting)
				return waiting == n
			}
		}
		r.until("the commit to begin", waiting(1))
		r.host(nil)
		r.until("the other host to want to ask", waiting(2))
		return tx.Rollback(t.Context())
	})
	if err != nil {
		t.Fatal(err)
	}
	_ = g.Wait()
	if r.service.calls() != 1 {
		t.Errorf("asked %d times", r.service.calls())
	}
}

// A question that is waited for comes back into the queue should it be gone.
func TestFleetAsksWhatIsGone(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	p := r.party("a", nil)
	var g errgroup.Group
	g.Go(func() error {
		_, err := p.Ask(t.Context(), pipeline.NewQuestion(who(1), 1))
		return err
	})
	r.until("the question", func() bool { return r.jobs() == 1 })
	if err := r.look.withdraw(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	r.host(nil)
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
}

// Questions wait in the order of the list, whichever was asked first.
func TestFleetKeepsTheOrder(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	p := r.party("a", nil)
	const n = 50
	var want []string
	var batch []*pending
	for i := range n {
		asked := pipeline.NewQuestion(who(i), 0)
		asked.Row = i + 1
		want = append(want, asked.Key.String())
		batch = append(batch, p.newPending(asked))
	}
	rand.Shuffle(n, func(i, j int) { batch[i], batch[j] = batch[j], batch[i] })
	p.end() // it would put them there itself
	_ = p.group.Wait()
	p.stopped = false
	for _, w := range batch {
		p.await(w)
	}
	if err := p.enqueue(t.Context(), p.unanswered()); err != nil {
		t.Fatal(err)
	}
	var got []string
	r.server.Scan(`SELECT array_agg(args->>'key' ORDER BY priority, scheduled_at, id) FROM octave_fleet.river_job`, &got) // as River does
	if !slices.Equal(got, want) {
		t.Errorf("the queue holds %v, want %v", got, want)
	}
}

// What goes over the line at once is bounded; all of it arrives, the first rows
// first.
func TestFleetStatementsAreShort(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	p := r.party("a", nil)
	var long []*pending
	for i := range 5 {
		req := who(i)
		req.RuntimeContext = map[string]string{"all": strings.Repeat("x", statementBytes/3)}
		long = append(long, p.newPending(pipeline.NewQuestion(req, 0)))
	}
	if err := p.enqueue(t.Context(), long); err != nil {
		t.Fatal(err)
	}
	if jobs, statements := r.jobs(), 0; jobs != 5 {
		t.Errorf("%d of 5 are in the queue", jobs)
	} else if r.server.Scan(`SELECT count(DISTINCT xmin::text) FROM octave_fleet.river_job`, &statements); statements != 3 {
		t.Errorf("put there by %d statements", statements)
	}

	const n, atOnce = 11, 4
	var list []*pending
	for i := range n {
		w := p.newPending(pipeline.NewQuestion(who(i), 0))
		w.Row = i + 1
		list = append(list, w)
		answer, _ := r.service.run(t.Context(), who(i))
		body := fmt.Appendf(nil, `{"answer":%s,"x":%q}`, answer.Raw, strings.Repeat("x", statementBytes/atOnce))
		r.server.Exec(`INSERT INTO octave_fleet.call (queue, key, run, host, until, ended, result, body) VALUES ($1, $2, 'a', 77, now(), now(), 'answered', $3)`, p.queue, w.Key[:], body)
	}
	p.end() // it would collect them itself
	_ = p.group.Wait()
	p.stopped = false
	for _, w := range list {
		p.await(w)
	}
	if found, _, err := p.deliverSome(t.Context(), p.unanswered()); found != atOnce || err != nil {
		t.Fatalf("%d at once: %v", found, err)
	}
	for _, w := range list {
		if first := w.Row <= atOnce; first != (len(w.outcome) == 1) {
			t.Errorf("row %d of %d first ones", w.Row, atOnce)
		}
	}
	if _, err := p.deliver(t.Context(), p.unanswered()); err != nil {
		t.Fatal(err)
	}
	for _, w := range list {
		if out := <-w.outcome; out.err != nil {
			t.Error(out.err)
		}
	}
}

// However much a fleet holds, what it does all the time reads little.
func TestFleetReadsByIndex(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.server.Exec(`INSERT INTO octave_fleet.call (queue, key, run, host, asked, until, ended, result)
		SELECT 1, decode(md5(n::text), 'hex'), 'r', 1, now() - n * interval '1 minute', now(), now(), 'answered' FROM generate_series(1, 20000) n`)
	r.server.Exec(`ANALYZE octave_fleet.call`)
	for name, q := range map[string]struct {
		sql  string
		args []any
	}{
		"prune": {pruneSQL, []any{30 * 24 * time.Hour, pruneRows}},
		"lost":  {lostSQL("queue = $1 AND key = ANY($2)"), []any{1, [][]byte{{1}, {2}}}},
	} {
		var plan string
		r.server.Try(t.Context(), func(conn *pgx.Conn) error {
			rows, err := conn.Query(t.Context(), `EXPLAIN `+q.sql, append([]any{pgx.QueryExecModeCacheDescribe}, q.args...)...)
			if err != nil {
				return err
			}
			lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
			plan = strings.Join(lines, "\n")
			return err
		})
		if plan == "" || strings.Contains(plan, "Seq Scan") {
			t.Errorf("%s:\n%s", name, plan)
		}
	}
}

// A pooler gives every transaction another session: nothing may be left in one.
func TestFleetBehindAPooler(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.address = r.server.Pooler(3)
	if _, err := r.db().Init(t.Context()); err != nil {
		t.Error(err)
	}
	for range 3 {
		r.host(nil)
	}
	p := r.party("a", func(cfg *CoordinatorConfig) {
		cfg.Budgets = pipeline.Budgets{MaxCalls: 120, HasCalls: true, MaxUsage: pipeline.Amount{}.Plus("1000"), HasUsage: true}
	})
	if answered, stopped, failed := p.ask(120); answered != 120 || r.service.calls() != 120 {
		t.Errorf("%d answered, %d stopped, %d failed after %d calls; hosts said:\n%s", answered, stopped, failed, r.service.calls(), r.logs)
	}
	if _, err := r.as(roleStatus).Status(t.Context()); err != nil {
		t.Error(err)
	}
}

// Who changes the rate of a key says so, and so do the others.
func TestFleetTellsOfAnotherRate(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	with := func(limit rate.Limit) *host { return r.host(func(cfg *WorkerConfig) { cfg.Limit = &limit }) }
	with(50)
	with(50).drain(t)
	if said := r.logs.String(); strings.Contains(said, "rate") {
		t.Errorf("nothing changed, and they said\n%s", said)
	}
	with(20).drain(t)
	r.party("a", nil).ask(3)
	r.until("the other to say so", func() bool { return strings.Contains(r.logs.String(), "the rate of this key was changed") })
	if said := r.logs.String(); !strings.Contains(said, "the rate is changed for all workers with this key\" from=50/s to=20/s") {
		t.Errorf("they said\n%s", said)
	}
}

// Whoever watches a run sees the calls that hosts make for it while they last.
func TestFleetShowsCallsOnTheWire(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service.hold = make(chan struct{})
	r.host(nil)
	p := r.party("a", nil)
	var g errgroup.Group
	g.Go(func() error { p.ask(3); return nil })
	r.until("three calls to be seen", func() bool { return p.tally.Summary().Calls.InFlight == 3 })
	close(r.service.hold)
	_ = g.Wait()
	p.close(t)
	if calls := p.tally.Summary().Calls; calls.InFlight != 0 || calls.Answered != 3 {
		t.Errorf("at the end: %+v", calls)
	}
}

// A person goes out of the journal and out of the queue, but not while a host is
// asking: the answer is still to come.
func TestFleetErase(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	h := r.host(nil)
	p := r.party("a", nil)
	if answered, _, _ := p.ask(10); answered != 10 {
		t.Fatalf("%d of 10 answered", answered)
	}
	db := r.db()
	erase := func(known []checkpoint.Key, about func(octave.Request) bool) [3]int {
		t.Helper()
		got, err := db.Erase(t.Context(), known, about)
		if err != nil {
			t.Error(err)
		}
		if about(who(3)) != slices.Contains(got.Keys, pipeline.NewQuestion(who(3), 0).Key) {
			t.Errorf("it found the questions %v", got.Keys)
		}
		return [3]int{got.Records, got.Queued, got.Running}
	}
	about := func(persons ...int) func(octave.Request) bool {
		return func(req octave.Request) bool {
			return slices.ContainsFunc(persons, func(i int) bool { return req.Email == who(i).Email })
		}
	}
	if got := erase(nil, about(3)); got != [3]int{2, 0, 0} {
		t.Errorf("of one who was answered: %v records, queued, running", got)
	}
	if got := erase([]checkpoint.Key{pipeline.NewQuestion(who(4), 0).Key}, about()); got != [3]int{2, 0, 0} {
		t.Errorf("of one whose question is known: %v records, queued, running", got)
	}
	if n := r.count(`call`); n != 8 {
		t.Errorf("%d calls of the 8 others", n)
	}

	r.service.hold = make(chan struct{})
	p.put(t, 10, 30)
	r.until("calls", func() bool { return r.service.calls() == 18 })
	if got := erase(nil, about(10, 29)); got != [3]int{0, 0, 1} {
		t.Errorf("of one who is asked about and one who is not yet: %v records, queued, running", got)
	}
	if got := erase(nil, about(29)); got != [3]int{0, 1, 0} {
		t.Errorf("of one who is not asked about yet: %v records, queued, running", got)
	}
	close(r.service.hold)
	r.until("the others", func() bool { return r.jobs() == 0 })
	h.drain(t)
	if r.service.asked[who(29).Email] != 0 || r.service.calls() != 10+19 {
		t.Errorf("%d calls, %d about one who was erased before", r.service.calls(), r.service.asked[who(29).Email])
	}
	if got := erase(nil, about(10)); got != [3]int{2, 0, 0} {
		t.Errorf("of one who was answered since: %v records, queued, running", got)
	}
}

// What befell yesterday's runs is not held against one that begins.
func TestFleetForgivesYesterday(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.host(nil)
	r.server.Exec(`UPDATE octave_fleet.pace SET state = jsonb_set(jsonb_set(state::jsonb, '{scouting}', 'true'), '{failing}', '{"first":"2020-01-01T00:00:00Z"}')::json`)
	p := r.party("a", func(cfg *CoordinatorConfig) { cfg.Patience = time.Minute })
	r.service.hold = make(chan struct{})
	var g errgroup.Group
	var answered int
	g.Go(func() error { answered, _, _ = p.ask(3); return nil })
	r.until("the calls", func() bool { return r.service.calls() > 0 })
	if s, err := p.look(t.Context()); err != nil {
		t.Error(err)
	} else {
		p.react(s)
	}
	close(r.service.hold)
	if _ = g.Wait(); answered != 3 {
		t.Errorf("%d of 3 answered; it stopped because of %v", answered, p.brake.Reason())
	}
}

// Usage is counted once, however often a commit is repeated.
func TestFleetUsageCountsOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	h := r.host(nil)
	r.party("a", func(cfg *CoordinatorConfig) {
		cfg.Budgets = pipeline.Budgets{HasUsage: true, MaxUsage: pipeline.Amount{}.Plus("100")}
	})
	for i, usage := range []octave.Decimal{"2.5", "nonsense"} {
		one := &turn{Job: &river.Job[job]{Args: job{Run: "a", Budgeted: true, Key: checkpoint.Key{byte(i)}}}, worker: h.Worker, id: int64(100 + i), usage: usage, result: "answered", body: []byte(`{}`)}
		r.server.Exec(`INSERT INTO octave_fleet.call (id, queue, key, run, host, until) OVERRIDING SYSTEM VALUE VALUES ($1, 1, $2, 'a', 1, now())`, one.id, one.Args.Key[:])
		for range 3 {
			batch := &pgx.Batch{}
			closeCalls(batch, []*turn{one})
			if err := h.db.pool.SendBatch(t.Context(), batch).Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	var usage string
	if r.server.Scan(`SELECT usage::text FROM octave_fleet.run`, &usage); usage != "2.5" {
		t.Errorf("usage is %s", usage)
	}
}

// What the headers of an answer say of the limit holds for every host.
func TestFleetSharesWhatHeadersSay(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service.quota = octave.Quota{Limit: 40, Remaining: 7, Reset: time.Hour}
	r.host(nil)
	r.party("a", nil).ask(1)
	r.until("the limit in the row of the key", func() bool {
		var limit, left int
		r.server.Scan(`SELECT coalesce((state->'quota'->>'limit')::int, 0), coalesce((state->'quota'->>'left')::int, 0) FROM octave_fleet.pace`, &limit, &left)
		return limit == 40 && left == 7
	})
}

// Spent credits are news to a run that begins afterwards, too.
func TestFleetKeyRejectedBefore(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	h := r.host(nil)
	r.server.Exec(`UPDATE octave_fleet.pace SET kind = 'credits', error = 'none left'`)
	p := r.party("a", func(cfg *CoordinatorConfig) { cfg.Patience = time.Second })
	p.ask(3)
	var call *octave.Error
	for _, b := range []*pipeline.Brake{p.brake, h.brake} {
		if !errors.As(b.Reason(), &call) || call.Cause != octave.CauseCredits {
			t.Errorf("it stops because of %v", b.Reason())
		}
	}
	if r.service.calls() > 0 {
		t.Errorf("%d calls", r.service.calls())
	}
}

func TestFleetPrunes(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.host(nil)
	p := r.party("a", nil)
	if answered, _, _ := p.ask(30); answered != 30 {
		t.Fatalf("%d of 30 answered", answered)
	}
	p.close(t) // it says that it lives
	r.server.Exec(`UPDATE octave_fleet.call SET ended = ended - interval '2 days' WHERE id IN (SELECT id FROM octave_fleet.call ORDER BY id LIMIT 20)`)
	r.server.Exec(`UPDATE octave_fleet.run SET seen = seen - interval '2 days'`)
	if err := r.look.upkeep(t.Context(), 24*time.Hour); err != nil {
		t.Fatal(err)
	}
	if calls, runs := r.count("call"), r.count("run"); calls != 10 || runs != 0 {
		t.Errorf("%d calls and %d runs are left", calls, runs)
	}
}

// A question that hosts die of is given up, and one whose run wants no call twice
// is not repeated after a host was lost.
func TestFleetGivesUp(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		attempts int
		policy   pipeline.RetryPolicy
		failed   int
	}{
		"after five hosts":   {lostHosts, pipeline.RetryPolicy{}, 1},
		"not after four":     {lostHosts - 1, pipeline.RetryPolicy{}, 0},
		"nothing ambiguous":  {1, pipeline.RetryPolicy{FailAmbiguous: true}, 1},
		"never asked before": {0, pipeline.RetryPolicy{FailAmbiguous: true}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			p := r.party("a", func(cfg *CoordinatorConfig) { cfg.Policy = tc.policy })
			var g errgroup.Group
			var failed int
			g.Go(func() error { _, _, failed = p.ask(1); return nil })
			r.until("the job", func() bool { return r.jobs() == 1 })
			key := pipeline.NewQuestion(who(0), 0).Key
			r.server.Exec(`INSERT INTO octave_fleet.call (queue, key, run, host, until, ended, result, billed)
				SELECT $1, $2, 'a', 77, now(), now(), 'lost', true FROM generate_series(1, $3)`, p.queue, key[:], tc.attempts)
			r.host(nil)
			_ = g.Wait()
			if failed != tc.failed || r.service.calls() != 1-tc.failed {
				t.Errorf("%d failed after %d calls", failed, r.service.calls())
			}
		})
	}
}

func TestFleetInit(t *testing.T) {
	t.Parallel()
	server := pgtest.Shared(t)
	address := server.Pooler(2)
	open := func() *DB {
		db, err := Open(t.Context(), server.URL(address), 4, Events{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(db.Close)
		return db
	}
	if err := open().Check(t.Context(), 0); !errors.Is(err, ErrNoFleet) {
		t.Errorf("an empty database: %v", err)
	}
	var g errgroup.Group
	var mu sync.Mutex
	made := 0
	for range 4 {
		db := open()
		g.Go(func() error {
			created, err := db.Init(t.Context())
			mu.Lock()
			defer mu.Unlock()
			if created {
				made++
			}
			return err
		})
	}
	if err := g.Wait(); err != nil || made != 1 {
		t.Errorf("made %d times by four at once: %v", made, err)
	}
	if status, err := open().Status(t.Context()); err != nil || len(status.Queues) != 0 {
		t.Errorf("a new fleet: %+v, %v", status, err)
	}
	var format *FormatError
	server.Exec(`UPDATE octave_fleet.format SET version = 99, oldest = 99`)
	if err := open().Check(t.Context(), 0); !errors.As(err, &format) || format.Fleet != 99 || format.Older() {
		t.Errorf("a fleet of a later version: %v", err)
	}
}

// Nothing that is said of a database holds its password.
func TestFleetPasswordIsNotSaid(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	address := server.Address()
	for name, url := range map[string]string{
		"nobody there":     server.URL("127.0.0.1:1"),
		"no such database": strings.Replace(server.URL(address), "/postgres", "/nosuch", 1),
		"no such user":     strings.Replace(server.URL(address), "octave:", "nosuch:", 1),
		"stray slash":      "postgres://octave:1234/" + pgtest.Password + "@127.0.0.1:1/x",
		"stray at":         "postgres://octave:1234@" + pgtest.Password + "@127.0.0.1:1/x",
		"no URL":           "postgres://octave:" + pgtest.Password + "@[::1/x",
		"bad option":       server.URL(address) + "&pool_max_conns=x",
	} {
		db, err := Open(t.Context(), url, 2, Events{})
		if err == nil {
			err = db.Check(t.Context(), 0)
			db.Close()
		}
		if err == nil || strings.Contains(err.Error(), pgtest.Password) {
			t.Errorf("%s: %v", name, err)
		}
		if want := map[bool]error{true: ErrUnreachable, false: ErrURL}[name == "nobody there"]; !errors.Is(err, want) {
			t.Errorf("%s: %v is not %v", name, err, want)
		}
	}
	if err := server.Try(t.Context(), func(conn *pgx.Conn) error { return conn.Ping(t.Context()) }); err != nil {
		t.Error(err)
	}
}
