package pipeline

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
	"octave-enrich/reader"
)

func TestRowsComeOutInOrderOnceEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		r.workers = 64
		random := rand.New(rand.NewPCG(1, 2))
		r.service.outcome = func(int, octave.Request) error {
			r.service.mu.Lock()
			d := time.Duration(random.IntN(60)) * time.Second
			r.service.mu.Unlock()
			time.Sleep(d)
			return nil
		}
		if err := r.run(t, t.Context(), people(500)); err != nil {
			t.Fatal(err)
		}
		if len(r.sink.rows) != 500 {
			t.Fatalf("%d rows, want 500", len(r.sink.rows))
		}
		for i, row := range r.sink.rows {
			want := fmt.Sprintf("to p%d@example.com", i)
			if row.Cells[0] != fmt.Sprint(i) || len(row.Emails) != 1 || row.Emails[0].Body != want {
				t.Fatalf("row %d is %+v", i, row)
			}
		}
		if got := r.tally.Summary(); got.Rows.OK != 500 || got.Rows.Total() != 500 || got.Calls.Started != 500 || got.Usage.String() != "500" {
			t.Errorf("summary %+v", got)
		}
		if r.service.most != 64 {
			t.Errorf("%d calls in flight at most, want 64", r.service.most)
		}
	})
}

// A run that is stopped at any moment, softly or not, and run again ends like one
// that never was, and asks again only what it could not keep.
func TestInterruptedEqualsUninterrupted(t *testing.T) {
	const n = 120
	var want string
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		if err := r.run(t, t.Context(), peopleAsking(n, 100)); err != nil {
			t.Fatal(err)
		}
		want = r.sink.text()
	})
	for seed := range uint64(60) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			r := newRig()
			abandoned := 0
			for attempt := 0; ; attempt++ {
				r.again()
				ctx, kill := context.WithCancel(t.Context())
				soft := random.IntN(2) == 0
				timer := time.AfterFunc(time.Duration(random.IntN(8000))*time.Millisecond, func() {
					if soft {
						r.stop()
						return
					}
					synctest.Wait() // what starts or ends at the same moment has done so
					r.service.mu.Lock()
					abandoned += r.service.inFlight
					r.service.mu.Unlock()
					kill()
				})
				if attempt > 5 {
					timer.Stop()
				}
				err := r.run(t, ctx, peopleAsking(n, 100))
				timer.Stop()
				kill()
				if err == nil && len(r.sink.rows) != n {
					t.Fatalf("seed %d: %d rows and no error", seed, len(r.sink.rows))
				}
				if err == nil && r.sink.statuses()[StatusNotAttempted] == 0 {
					break
				}
			}
			if got := r.sink.text(); got != want {
				t.Fatalf("seed %d: the output differs\n%s", seed, got)
			}
			if twice := r.service.calls() - 100; twice > abandoned {
				t.Errorf("seed %d: %d calls more than questions, but only %d were abandoned", seed, twice, abandoned)
			}
		})
	}
}

func TestDuplicatesAreAskedOnceAndTakeNoWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		r.workers = 4
		began := time.Now()
		if err := r.run(t, t.Context(), peopleAsking(400, 4)); err != nil {
			t.Fatal(err)
		}
		if r.service.calls() != 4 || r.sink.statuses()[StatusOK] != 400 {
			t.Errorf("%d calls, rows %v", r.service.calls(), r.sink.statuses())
		}
		if took := time.Since(began); took > 3*time.Second/2 {
			t.Errorf("took %v, want little more than the second of one call", took)
		}
	})
}

func TestLimitTakesTheFirstNewContacts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		r.limit = 3
		if err := r.run(t, t.Context(), peopleAsking(10, 8)); err != nil {
			t.Fatal(err)
		}
		r.again()
		if err := r.run(t, t.Context(), peopleAsking(10, 8)); err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, row := range r.sink.rows {
			got += row.Status[:1]
		}
		if want := "oooooonnoo"; got != want { // rows 9 and 10 repeat 1 and 2
			t.Errorf("after two runs of 3: %s, want %s", got, want)
		}
		if r.brake.Reason() != nil {
			t.Errorf("a limit that was kept is no stop: %v", r.brake.Reason())
		}
	})
}

func amount(t *testing.T, s string) Amount {
	t.Helper()
	a, err := ParseAmount(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestMaxFailedStopsEarly(t *testing.T) {
	for _, tc := range []struct {
		threshold Threshold
		least     int
		most      int
	}{
		{Threshold{Set: true, Rows: 5}, 6, 6 + 8},
		{Threshold{Set: true, Rows: 0}, 1, 1 + 8},
		{Threshold{Set: true, Percent: 50}, 20, 20 + 8},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig()
			r.failed = tc.threshold
			r.service.outcome = func(int, octave.Request) error {
				return &octave.Error{Status: 422, Action: octave.Row, Cause: octave.CauseRequest, Message: "no"}
			}
			if err := r.run(t, t.Context(), people(200)); err != nil {
				t.Fatal(err)
			}
			if n := r.sink.statuses()[StatusFailed]; n < tc.least || n > tc.most || !errors.Is(r.brake.Reason(), ErrMaxFailed) {
				t.Errorf("%+v: %d rows failed, reason %v", tc.threshold, n, r.brake.Reason())
			}
		})
	}
}

func TestSoftStopKeepsTheCallsInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		if err := r.run(t, t.Context(), func(yield func(reader.Contact, error) bool) {
			for c, err := range people(50) {
				if c.Row > 40 && !yield(c, err) {
					return
				}
			}
		}); err != nil {
			t.Fatal(err)
		}
		r.again()
		r.service.latency = time.Minute
		r.window = 20 // the known rows are read after the stop
		time.AfterFunc(90*time.Second, r.stop)
		if err := r.run(t, t.Context(), people(50)); err != nil {
			t.Fatal(err)
		}
		if got := r.sink.statuses(); got[StatusOK] != 26 || got[StatusNotAttempted] != 24 {
			t.Errorf("rows %v, want the 16 that were asked, the 10 that were known and 24 not attempted", got)
		}
		if s := r.tally.Summary(); s.New != 16 || s.Kept != (KeptCount{}) {
			t.Errorf("%d new, kept %+v", s.New, s.Kept)
		}
	})
}

func TestNoCallStartsInAnAbandonedRun(t *testing.T) {
	r := newRig()
	ctx, abandon := context.WithCancel(t.Context())
	abandon()
	_, err := Record(Call(r.service.run), r.journal, r.tally.Observe)(ctx, NewQuestion(octave.Request{Email: "a@example.com"}, 1))
	if !errors.Is(err, ErrStopped) || r.service.calls() != 0 || len(r.journal.records) != 0 {
		t.Errorf("error %v after %d calls, journal %v", err, r.service.calls(), r.journal.records)
	}
}

func TestBrokenJournalEndsTheRunAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		time.AfterFunc(4500*time.Millisecond, func() {
			r.journal.mu.Lock()
			r.journal.broken = errFull
			r.journal.mu.Unlock()
		})
		err := r.run(t, t.Context(), people(100))
		var broken *JournalError
		if !errors.As(err, &broken) || !errors.Is(err, errFull) {
			t.Fatalf("error %v, want the journal's", err)
		}
		if calls := r.service.calls(); calls > 5*8 {
			t.Errorf("%d calls: some were made after the journal broke", calls)
		}
	})
}

// A journal that takes no further call, but what those under way bring, loses nothing.
func TestNoCallStartsThatTheJournalRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		time.AfterFunc(4500*time.Millisecond, func() {
			r.journal.mu.Lock()
			r.journal.noCall = checkpoint.ErrNoCall
			r.journal.mu.Unlock()
		})
		if err := r.run(t, t.Context(), people(100)); err != nil {
			t.Fatal(err)
		}
		calls, kept, rows := r.service.calls(), r.journal.count(checkpoint.Answered), r.sink.statuses()
		if calls != kept || calls == 0 || calls == 100 || rows[StatusOK] != calls || rows[StatusNotAttempted] != 100-calls {
			t.Errorf("%d calls, %d answers kept, rows %v", calls, kept, rows)
		}
		r.journal.noCall = errFull
		var broken *JournalError
		if err := r.run(t, t.Context(), people(100)); !errors.As(err, &broken) || !errors.Is(err, errFull) {
			t.Errorf("error %v, want the journal's", err)
		}
	})
}

func TestBrokenSinkLosesNoAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		r.sink.full = 5
		err := r.run(t, t.Context(), people(100))
		if !errors.Is(err, errFull) {
			t.Fatalf("error %v, want the sink's", err)
		}
		if calls, kept := r.service.calls(), r.journal.count(checkpoint.Answered); calls != kept || calls > 3*8 {
			t.Errorf("%d calls, %d answers kept", calls, kept)
		}
	})
}

func TestInputErrorInTheMiddle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		broken := errors.New("the file changed")
		src := func(yield func(reader.Contact, error) bool) {
			for c := range people(20) {
				if !yield(c, nil) {
					return
				}
			}
			yield(reader.Contact{}, broken)
		}
		if err := r.run(t, t.Context(), src); !errors.Is(err, broken) {
			t.Fatalf("error %v, want the input's", err)
		}
		if calls, kept := r.service.calls(), r.journal.count(checkpoint.Answered); calls != kept {
			t.Errorf("%d calls, %d answers kept", calls, kept)
		}
	})
}

func TestWindowBoundsWhatIsReadAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		r.window, r.workers = 50, 4
		r.service.outcome = func(_ int, req octave.Request) error {
			if req.Email == "p0@example.com" {
				time.Sleep(15 * time.Minute)
			}
			return nil
		}
		read, most := 0, 0
		src := counted(people(1000), &read)
		r.events = func(e Event) {
			if done, ok := e.(RowDone); ok && done.Row == 1 {
				most = read
			}
		}
		if err := r.run(t, t.Context(), src); err != nil {
			t.Fatal(err)
		}
		if most < 50 || most > 50+4+2 {
			t.Errorf("%d rows were read before the first was out, window 50", most)
		}
	})
}

// TestKnownRowsStayNear reads a list on only as its rows are written, where nothing is
// being asked that could hold them up.
func TestKnownRowsStayNear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		if err := r.run(t, t.Context(), people(10*stretch)); err != nil {
			t.Fatal(err)
		}
		r.again()
		read, most := 0, 0
		r.events = func(e Event) {
			if done, ok := e.(RowDone); ok && done.Row%stretch == 1 {
				synctest.Wait()
				most = max(most, read-done.Row)
			}
		}
		if err := r.run(t, t.Context(), counted(people(10*stretch), &read)); err != nil {
			t.Fatal(err)
		}
		if most < stretch || most > 2*stretch {
			t.Errorf("up to %d rows were read ahead, of stretches of %d", most, stretch)
		}
	})
}

func counted(src iter.Seq2[reader.Contact, error], n *int) iter.Seq2[reader.Contact, error] {
	return func(yield func(reader.Contact, error) bool) {
		for c, err := range src {
			*n++
			if !yield(c, err) {
				return
			}
		}
	}
}

func TestOneSlowContactDoesNotStopTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		r.service.outcome = func(_ int, req octave.Request) error {
			if req.Email == "p3@example.com" {
				time.Sleep(15 * time.Minute)
			}
			return nil
		}
		began := time.Now()
		if err := r.run(t, t.Context(), people(2000)); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > 16*time.Minute { // the others take five minutes
			t.Errorf("took %v: the others waited", took)
		}
	})
}

func TestPanicIsOneRowsFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		r.service.outcome = func(_ int, req octave.Request) error {
			if req.Email == "p7@example.com" {
				panic("odd row")
			}
			return nil
		}
		if err := r.run(t, t.Context(), people(20)); err != nil {
			t.Fatal(err)
		}
		if got := r.sink.statuses(); got[StatusFailed] != 1 || got[StatusOK] != 19 {
			t.Errorf("rows %v", got)
		}
	})
}

func TestAnswersThatDoNotFitInMemoryAreReadBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		p := settled(nil)
		p.question = &Question{}
		run := &run{cfg: Config{Selection: Selection{Memory: &Memory{Journal: r.journal}}}}
		if _, _, err := run.resolve(&place{question: p.question, pending: p}); err == nil {
			t.Error("an answer that is nowhere is no error")
		}
		if err := r.run(t, t.Context(), people(1)); err != nil {
			t.Fatal(err)
		}
		p.question.Key = r.journal.records[0].Key
		answer, _, err := run.resolve(&place{question: p.question, pending: p})
		if err != nil || answer.RequestID != "r-p0@example.com" {
			t.Errorf("read back %v, %v", answer, err)
		}
	})
}

func TestFailuresAreRetriedByRunningAgainOrLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		r.service.outcome = func(int, octave.Request) error {
			return &octave.Error{Status: 422, Action: octave.Row, Cause: octave.CauseRequest, Message: "unknown persona"}
		}
		for _, step := range []struct {
			skip  bool
			calls int
		}{{false, 3}, {true, 3}, {false, 6}} {
			r.again()
			r.memory.KeepFailures = step.skip
			if err := r.run(t, t.Context(), people(3)); err != nil {
				t.Fatal(err)
			}
			if r.service.calls() != step.calls || r.sink.statuses()[StatusFailed] != 3 {
				t.Errorf("skip %v: %d calls, rows %v", step.skip, r.service.calls(), r.sink.statuses())
			}
			if got := r.sink.rows[0].Error; got != "422: unknown persona" && got != r.sink.rows[1].Error {
				t.Errorf("skip %v: the row says %q", step.skip, got)
			}
		}
	})
}

func TestMaxAgeAsksAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		if err := r.run(t, t.Context(), people(5)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(48 * time.Hour)
		for _, step := range []struct {
			age   time.Duration
			calls int
		}{{72 * time.Hour, 5}, {24 * time.Hour, 10}, {24 * time.Hour, 10}} {
			r.again()
			r.memory.MaxAge = step.age
			if err := r.run(t, t.Context(), people(5)); err != nil {
				t.Fatal(err)
			}
			if r.service.calls() != step.calls || r.sink.statuses()[StatusOK] != 5 {
				t.Errorf("max age %v: %d calls, rows %v", step.age, r.service.calls(), r.sink.statuses())
			}
		}
	})
}
