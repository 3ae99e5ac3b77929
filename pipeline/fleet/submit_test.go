//go:build fleet

package fleet

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/riverqueue/river"
	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
	"octave-enrich/pipeline"
)

// An office takes work on, and says how it went to whoever polls.
type office struct {
	*service
	mu      sync.Mutex
	works   map[string]octave.Request // by id
	polled  map[string]int
	done    bool                      // all of it
	outcome func(id string) error     // of a poll; nil is what there is to say
	lose    func(octave.Request) bool // the id is cut off
}

func newOffice(r *rig) *office {
	return &office{service: r.service, works: map[string]octave.Request{}, polled: map[string]int{}}
}

func (o *office) submit(_ context.Context, q *pipeline.Question, callback string) (octave.Submission, error) {
	o.service.mu.Lock()
	o.asked[q.Request.Email]++
	o.starts = append(o.starts, time.Now())
	n := len(o.starts)
	o.service.mu.Unlock()
	o.mu.Lock()
	defer o.mu.Unlock()
	id := fmt.Sprintf("work-%d", n)
	o.works[id] = q.Request
	if callback == "" || o.lose != nil && o.lose(q.Request) {
		return octave.Submission{}, &octave.Error{Action: octave.Again, Cause: octave.CauseAmbiguous, Message: "cut off", MaybeBilled: true}
	}
	return octave.Submission{ID: id, Name: octave.RequestIDName}, nil
}

func (o *office) poll(ctx context.Context, s octave.Submission, turn func(context.Context) error) (p octave.Progress, err error) {
	if err := turn(ctx); err != nil {
		return p, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.polled[s.ID]++
	if o.outcome != nil {
		if err := o.outcome(s.ID); err != nil {
			return p, err
		}
	}
	req, known := o.works[s.ID]
	if !known {
		return p, &octave.Error{Status: 404, Action: octave.Again, Cause: octave.CauseForgotten, Message: "no such work"}
	}
	if o.done {
		p.Answer, err = octave.Decode([]byte(`{"_metadata":{"requestId":"r","usage":1.5},"found":true,"data":{"emails":[{"subject":"s","email":"to ` + req.Email + `"}]}}`))
	}
	return p, err
}

// finish ends all the work.
func (o *office) finish() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.done = true
}

func (o *office) polls(id string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.polled[id]
}

func (o *office) worker(cfg *WorkerConfig) { cfg.Submit, cfg.Poll = o.submit, o.poll }

func submits(cfg *CoordinatorConfig) {
	cfg.Callback, cfg.Poll, cfg.MaxWait = "https://nobody.invalid/", 50*time.Millisecond, time.Hour
}

const waits = `call WHERE ended IS NULL AND until = 'infinity'`

// open are the submissions that the records of a book leave open, as the next run has them.
func (b *book) open(t *testing.T) *pipeline.Submissions {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	submitted := map[checkpoint.Key]checkpoint.Record{}
	for _, rec := range b.records {
		switch rec.Type {
		case checkpoint.Submitted:
			submitted[rec.Key] = rec
		case checkpoint.Missed:
			delete(submitted, rec.Key)
		}
	}
	var open []checkpoint.Record
	for key, rec := range submitted {
		if !b.answered[key] {
			open = append(open, rec)
		}
	}
	s, err := pipeline.OpenSubmissions(open)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// What one host submitted, any other polls for, and no more is in flight than all hosts
// have places for.
func TestFleetSubmits(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	o := newOffice(r)
	first := r.host(o.worker)
	p := r.party("a", submits)
	var g errgroup.Group
	var answered int
	g.Go(func() error { answered, _, _ = p.ask(30); return nil })
	r.until("8 submissions", func() bool { return r.count(waits) == 8 })
	r.until("8 polls of one", func() bool { return o.polls("work-1") > 8 })
	if n := r.service.calls(); n != 8 {
		t.Errorf("%d are in flight, places are 8", n)
	}
	r.until("the checkpoint to know", func() bool { return p.book.open(t).Len() == 8 })
	first.drain(t) // waits for no answer
	second := r.host(func(cfg *WorkerConfig) { o.worker(cfg); cfg.Slots = 16 })
	r.until("16 submissions", func() bool { return r.count(waits) == 16 })
	if err := r.look.upkeep(t.Context(), time.Hour); err != nil || r.count(waits) != 16 {
		t.Errorf("%d of 16 wait after the upkeep: %v", r.count(waits), err)
	}
	status, err := r.look.Status(t.Context())
	if err != nil || status.Queues[0].Submitted != 16 || status.Queues[0].PossiblyBilled != status.Queues[0].Running {
		t.Errorf("status: %+v, %v", status.Queues, err)
	}
	if g, err := r.look.Gauges(t.Context(), "test", "q"); err != nil || g.Submitted != 16 || g.InFlight != status.Queues[0].Running {
		t.Errorf("gauges: %+v, %v", g, err)
	}
	o.finish()
	if _ = g.Wait(); answered != 30 || r.service.calls() != 30 {
		t.Errorf("%d of 30 answered, after %d submissions", answered, r.service.calls())
	}
	if s := p.tally.Summary(); s.Calls.Started != 30 || s.Calls.Answered != 30 || s.Usage.String() != "45" {
		t.Errorf("%+v", s)
	}
	for key := range p.book.answered { // what Memo appends
		p.book.ledger.Add(checkpoint.Record{Type: checkpoint.Answered, Key: key})
	}
	if n := p.book.ledger.PossiblyBilled(); p.book.ledger.Attempts.Asked != 30 || n != 0 {
		t.Errorf("the checkpoint: %+v, possibly billed %d", p.book.ledger.Attempts, n)
	}
	r.until("no job to be left", func() bool { return r.jobs() == 0 && second.InFlight() == 0 })
}

// A run that stops leaves its submissions to the next one: in its checkpoint, for a run
// of its own or another fleet, and in the fleet, where they are polled for all the same.
func TestFleetLeavesSubmissions(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	o := newOffice(r)
	r.host(o.worker)
	p := r.party("a", submits)
	var g errgroup.Group
	var stopped int
	g.Go(func() error { _, stopped, _ = p.ask(5); return nil })
	r.until("5 submissions", func() bool { return r.count(waits) == 5 })
	p.brake.Pull(errDrain)
	if _ = g.Wait(); stopped != 5 {
		t.Errorf("%d of 5 stopped", stopped)
	}
	p.close(t)
	open := p.book.open(t)
	if open.Len() != 5 || p.tally.Summary().Calls.Waiting != 5 || p.book.ledger.PossiblyBilled() != 0 {
		t.Fatalf("%d of 5 are in the checkpoint; %+v", open.Len(), p.tally.Summary().Calls)
	}

	other := newRig(t) // another fleet, which does not know of them
	other.service = r.service
	other.host(o.worker)
	q := other.party("b", func(cfg *CoordinatorConfig) { cfg.Submissions = open }) // and a run that submits nothing
	var answered int
	g.Go(func() error { answered, _, _ = q.ask(5); return nil })
	other.until("them to be handed over", func() bool { return other.count(waits) == 5 })
	o.finish()
	if _ = g.Wait(); answered != 5 || r.service.calls() != 5 {
		t.Errorf("%d of 5 answered, after %d submissions", answered, r.service.calls())
	}
	if s := q.tally.Summary(); s.Calls.Started != 0 || s.Calls.Resumed != 5 || s.Calls.Answered != 5 || s.Usage.String() != "7.5" {
		t.Errorf("%+v", s)
	}
	r.until("the fleet to have the answers, too", func() bool { return r.count(`call WHERE result = 'answered'`) == 5 })
	if answered, _, _ := r.party("c", submits).ask(5); answered != 5 || r.service.calls() != 5 {
		t.Errorf("%d of 5 answered, after %d submissions", answered, r.service.calls())
	}
}

// What a run that is paused, or was cancelled, has submitted is polled for to the end.
func TestFleetPollsForHeldRuns(t *testing.T) {
	t.Parallel()
	for name, hold := range map[string]func(*DB, context.Context, string) (Handled, error){"pause": (*DB).Pause, "cancel": (*DB).Cancel} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			o := newOffice(r)
			r.host(func(cfg *WorkerConfig) { o.worker(cfg); cfg.Slots = 4 })
			p := r.party("a", submits)
			var g errgroup.Group
			g.Go(func() error { p.ask(9); return nil })
			r.until("4 submissions", func() bool { return r.count(waits) == 4 })
			if h, err := hold(r.look, t.Context(), "a"); err != nil || h.Submitted != 4 || h.OnWire != 0 {
				t.Errorf("%+v, %v", h, err)
			}
			o.finish()
			r.until("4 answers", func() bool { return r.count(`call WHERE result = 'answered'`) == 4 })
			if r.service.calls() != 4 {
				t.Errorf("%d submissions", r.service.calls())
			}
			p.brake.Pull(errDrain)
			_ = g.Wait()
		})
	}
}

// After --max-wait a row fails in its run, and its submission does not.
func TestFleetGivesUpWaiting(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	o := newOffice(r)
	r.host(o.worker)
	p := r.party("a", func(cfg *CoordinatorConfig) { submits(cfg); cfg.MaxWait = time.Second })
	if _, err := p.Ask(t.Context(), pipeline.NewQuestion(who(0), 3)); err == nil || !strings.Contains(err.Error(), "--max-wait") || errors.Is(err, pipeline.ErrStopped) {
		t.Fatalf("it ends with %v", err)
	}
	p.close(t)
	open := p.book.open(t)
	if s, is := open.Get(pipeline.NewQuestion(who(0), 0).Key); !is || s.ID != "work-1" || s.Row != 3 {
		t.Errorf("the checkpoint has %+v", s)
	}
	o.finish()
	if answered, _, _ := r.party("b", func(cfg *CoordinatorConfig) { submits(cfg); cfg.Submissions = open }).ask(1); answered != 1 || r.service.calls() != 1 {
		t.Errorf("%d of 1 answered, after %d submissions", answered, r.service.calls())
	}
}

// A poll that fails says nothing of the work. Only a service that has forgotten it, a day
// later, is asked again; work that failed is not.
func TestFleetPollsFail(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	o := newOffice(r)
	var old []checkpoint.Record
	for i, age := range []time.Duration{0, 50 * time.Minute, 25 * time.Hour} {
		s := pipeline.Submission{ID: fmt.Sprintf("gone-%d", i), Name: octave.AgentRunIDName, At: time.Now().Add(-age)}
		old = append(old, pipeline.SubmittedRecord(pipeline.NewQuestion(who(i), i), s))
	}
	open, err := pipeline.OpenSubmissions(old)
	if err != nil {
		t.Fatal(err)
	}
	r.host(o.worker)
	p := r.party("a", func(cfg *CoordinatorConfig) { submits(cfg); cfg.Submissions = open })
	var g errgroup.Group
	var answered int
	g.Go(func() error { answered, _, _ = p.ask(3); return nil })
	r.until("the one of yesterday to be submitted anew", func() bool { return r.count(`call WHERE ended IS NULL AND work = 'work-1'`) == 1 })
	r.until("the others to be polled", func() bool { return o.polls("gone-0") > 3 && o.polls("gone-1") > 1 })
	if r.service.asked[who(2).Email] != 1 || r.service.calls() != 1 || r.count(`call WHERE result = 'missed' AND billed`) != 1 {
		t.Errorf("submitted %v", r.service.asked)
	}
	o.mu.Lock()
	o.works["gone-0"], o.works["gone-1"] = who(0), who(1)
	o.mu.Unlock()
	o.finish()
	if _ = g.Wait(); answered != 3 || r.service.calls() != 1 {
		t.Errorf("%d of 3 answered, after %d submissions", answered, r.service.calls())
	}
	if n := p.book.ledger.Attempts; n.Failed != 1 {
		t.Errorf("the checkpoint: %+v", n)
	}
}

// A submission whose id is cut off is the only one that is repeated, and the checkpoint
// names its row.
func TestFleetLosesAnID(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	o := newOffice(r)
	lost := false
	o.lose = func(octave.Request) bool { was := lost; lost = true; return !was }
	o.finish()
	r.host(o.worker)
	p := r.party("a", submits)
	answer, err := p.Ask(t.Context(), pipeline.NewQuestion(who(0), 7))
	if err != nil || answer.Emails[0].Body != "to "+who(0).Email || r.service.calls() != 2 {
		t.Errorf("%v, after %d submissions", err, r.service.calls())
	}
	p.close(t)
	if names := p.book.ledger.Lost(); len(names) != 1 || names[0].Row != 7 {
		t.Errorf("the checkpoint names %+v", names)
	}
}

// A host that dies before it could store the id has lost it; one that could has not, and
// then nobody asks again, whatever else is lost with it.
func TestFleetHostDiesWithSubmissions(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	o := newOffice(r)
	gone, kill := context.WithCancel(t.Context())
	dead := r.newHost(func(cfg *WorkerConfig) {
		o.worker(cfg)
		cfg.Slots = 2
		cfg.Submit = func(ctx context.Context, q *pipeline.Question, callback string) (octave.Submission, error) {
			if s, err := o.submit(ctx, q, callback); q.Request.Email == who(0).Email {
				return s, err
			}
			<-gone.Done() // with the id in its hands
			return octave.Submission{}, gone.Err()
		}
	})
	dead.group.Go(func() error { return dead.Run(gone) })
	p := r.party("a", submits)
	var g errgroup.Group
	var answered int
	g.Go(func() error { answered, _, _ = p.ask(2); return nil })
	r.until("both", func() bool { return r.service.calls() == 2 && r.count(waits) == 1 })
	dead.brake.Pull(errDrain)
	kill()
	_ = dead.group.Wait() // it has left everything as it was
	r.server.Exec(`UPDATE octave_fleet.call SET until = clock_timestamp() WHERE until < 'infinity'; UPDATE octave_fleet.river_job SET state = 'available' WHERE state = 'running'`)
	o.finish()
	r.host(o.worker)
	if _ = g.Wait(); answered != 2 || r.service.asked[who(0).Email] != 1 || r.service.asked[who(1).Email] != 2 {
		t.Errorf("%d of 2 answered; submitted %v", answered, r.service.asked)
	}
}

// A host that counts as lost hears the id after all, when another one submits the question
// already. It is kept: when that one hears nothing, nobody submits a third time.
func TestFleetFollowsALostID(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	o := newOffice(r)
	gates := []chan struct{}{make(chan struct{}), make(chan struct{})}
	slow := func(gate chan struct{}, err error) func(*WorkerConfig) {
		return func(cfg *WorkerConfig) {
			o.worker(cfg)
			cfg.Submit = func(ctx context.Context, q *pipeline.Question, callback string) (octave.Submission, error) {
				s, _ := o.submit(ctx, q, callback)
				<-gate
				return s, err
			}
		}
	}
	first := r.host(slow(gates[0], nil))
	p := r.party("a", submits)
	var g errgroup.Group
	var answered int
	g.Go(func() error { answered, _, _ = p.ask(1); return nil })
	r.until("the first", func() bool { return r.service.calls() == 1 })
	first.brake.Pull(errDrain) // it takes no further job
	second := r.host(slow(gates[1], &octave.Error{Action: octave.Again, Cause: octave.CauseAmbiguous, Message: "cut off", MaybeBilled: true}))
	r.server.Exec(`UPDATE octave_fleet.call SET until = clock_timestamp(); UPDATE octave_fleet.river_job SET state = 'available' WHERE state = 'running'`)
	r.until("the second", func() bool { return r.service.calls() == 2 })
	close(gates[0])
	r.until("the id to be kept", func() bool { return r.count(`call WHERE result = 'lost' AND work = 'work-1'`) == 1 })
	var lost int
	if r.server.Scan(`SELECT sum(lost) FROM octave_fleet.tally`, &lost); lost != 1 {
		t.Errorf("one lost call counts as %d", lost)
	}
	second.brake.Pull(errDrain)
	close(gates[1])
	second.drain(t)
	o.finish()
	r.host(o.worker)
	if _ = g.Wait(); answered != 1 || r.service.calls() != 2 {
		t.Errorf("%d of 1 answered, after %d submissions", answered, r.service.calls())
	}
}

// Behind a pooler, too, what was submitted is polled for and stored.
func TestFleetSubmitsBehindAPooler(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.address = r.server.Pooler(3)
	o := newOffice(r)
	r.host(o.worker)
	r.host(o.worker)
	p := r.party("a", submits)
	var g errgroup.Group
	var answered int
	g.Go(func() error { answered, _, _ = p.ask(20); return nil })
	r.until("16 submissions", func() bool { return r.count(waits) == 16 })
	r.until("16 polls", func() bool { return o.polls("work-1") > 0 && o.polls("work-16") > 0 })
	o.finish()
	if _ = g.Wait(); answered != 20 || r.service.calls() != 20 {
		t.Errorf("%d of 20 answered, after %d submissions; hosts said:\n%s", answered, r.service.calls(), r.logs)
	}
}

// All polls with one key share a thousand a minute.
func TestFleetPollsAreFew(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	o := newOffice(r)
	hosts := []*host{r.host(o.worker), r.host(o.worker), r.host(func(cfg *WorkerConfig) { o.worker(cfg); cfg.Account = "another" })}
	for i, want := range []rate.Limit{pipeline.PollsPerMinute / 60. / 2, pipeline.PollsPerMinute / 60. / 2, pipeline.PollsPerMinute / 60.} {
		r.until("its share", func() bool { return hosts[i].polls.Limit() > want*0.99 && hosts[i].polls.Limit() < want*1.01 })
	}
}

// Who is erased is not polled for any more.
func TestFleetErasesSubmissions(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	o := newOffice(r)
	h := r.host(o.worker)
	p := r.party("a", submits)
	var g errgroup.Group
	g.Go(func() error { p.ask(2); return nil })
	r.until("2 submissions", func() bool { return r.count(waits) == 2 })
	p.brake.Pull(errDrain)
	_ = g.Wait()
	h.drain(t)
	erased, err := r.look.Erase(t.Context(), nil, func(req octave.Request) bool { return req.Email == who(1).Email })
	if err != nil || len(erased.Keys) != 1 || erased.Running != 0 || r.count(waits) != 1 {
		t.Errorf("%+v, %v; %d wait", erased, err, r.count(waits))
	}
	o.finish()
	r.host(o.worker)
	r.until("the answer for the other", func() bool { return r.count(`call WHERE result = 'answered'`) == 1 && r.jobs() == 0 })
	var left int
	r.server.Scan(`SELECT count(*) FROM octave_fleet.river_job WHERE args::text LIKE '%`+pipeline.NewQuestion(who(1), 0).Key.String()+`%'`, &left)
	if left > 0 {
		t.Errorf("%d jobs about who was erased are left", left)
	}
}

// Tables of format 4 get what is new while its programs use them, whose jobs are done.
func TestFleetFromFormat4(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.server.Exec(`ALTER TABLE octave_fleet.call DROP COLUMN work; UPDATE octave_fleet.format SET version = 4, oldest = 4`)
	var format *FormatError
	if err := r.look.Check(t.Context(), 0); !errors.As(err, &format) || !format.Older() {
		t.Errorf("a fleet of before: %v", err)
	}
	if created, err := r.look.Init(t.Context()); err != nil || created {
		t.Fatalf("made %v: %v", created, err)
	}
	r.host(nil)
	p := r.party("a", nil)
	p.mu.Lock()
	old := earlier{Run: "a", Key: pipeline.NewQuestion(who(5), 0).Key, Incarnation: p.incarnation, Request: who(5).Canonical()}
	p.mu.Unlock()
	if _, err := r.look.river.Insert(t.Context(), old, &river.InsertOpts{Queue: runQueue("a")}); err != nil {
		t.Fatal(err)
	}
	r.until("the answer", func() bool { return r.count(`call WHERE result = 'answered'`) == 1 })
	var version, oldest int
	if r.server.Scan(`SELECT version, oldest FROM octave_fleet.format`, &version, &oldest); version != ourFormat || oldest != 4 {
		t.Errorf("format %d, for %d and newer", version, oldest)
	}
}

// earlier is a job as a run of format 4 puts it there.
type earlier job

func (earlier) Kind() string { return "octave_question_2" }
