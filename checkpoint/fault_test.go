package checkpoint

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"octave-enrich/checkpoint/durable"
	"octave-enrich/checkpoint/durable/durabletest"
)

// A history is what somebody who used a journal has been told, over any number
// of crashes.
type history struct {
	confirmed map[int]string   // the answers that Append confirmed
	tried     map[int][]string // those since then that it did not
	noted     map[int]bool     // questions that Note confirmed
	erased    map[int]erasure
	serial    int
}

type erasure int

const (
	erasureTried erasure = iota + 1
	erasureConfirmed
)

func newHistory() *history {
	return &history{
		confirmed: make(map[int]string), tried: make(map[int][]string),
		noted: make(map[int]bool), erased: make(map[int]erasure),
	}
}

// session opens the journal, asks and answers, closes it and erases a person,
// until something fails.
func (h *history) session(fs durable.FS) error {
	j, err := Open(diskPath, testOptions(fs))
	if err != nil {
		return err
	}
	if err := h.write(j); err != nil {
		j.Close() // as a run does that ends early
		return err
	}
	if err := j.Close(); err != nil {
		return err
	}
	if err := j.Stopped(); err != nil {
		return err
	}
	return h.erase(fs, h.serial%7)
}

func (h *history) write(j *Journal) error {
	if err := j.Append(Record{Type: Run}); err != nil {
		return err
	}
	for range 5 {
		h.serial++
		k := h.serial % 7
		if err := ask(j, k); err != nil {
			return err
		}
		h.noted[k] = true
		body := fmt.Sprintf(`{"serial":%d,"pad":"%0*d"}`, h.serial, h.serial*97%600, 0)
		h.tried[k] = append(h.tried[k], body)
		if h.erased[k] > 0 { // asked again: from now on it may be there
			h.erased[k] = erasureTried
		}
		if err := j.Append(answer(k, body)); err != nil {
			return err
		}
		h.confirmed[k], h.tried[k], h.erased[k] = body, nil, 0
	}
	return nil
}

func (h *history) erase(fs durable.FS, k int) error {
	h.erased[k] = erasureTried
	h.noted[k] = false
	_, err := Rewrite(diskPath, testOptions(fs), func(rec Record) (Record, bool) {
		return rec, rec.Key != key(k)
	})
	if err == nil {
		h.erased[k] = erasureConfirmed
		delete(h.confirmed, k)
		delete(h.tried, k)
	}
	return err
}

// check fails the test unless the journal opens and agrees with the history.
func (h *history) check(t *testing.T, d *durabletest.Disk, label string) {
	t.Helper()
	choose(d)
	j, err := Open(diskPath, testOptions(d))
	if err != nil {
		t.Fatalf("%s: %v", label, err)
	}
	for k := range 7 {
		got, ok, err := j.Answer(key(k))
		body, confirmed := h.confirmed[k]
		switch {
		case err != nil:
			t.Fatalf("%s: answer %d: %v", label, k, err)
		case ok && string(got.Body) != body && !slices.Contains(h.tried[k], string(got.Body)):
			t.Fatalf("%s: answer %d is %s, confirmed %s", label, k, got.Body, body)
		case ok && h.erased[k] == erasureConfirmed:
			t.Fatalf("%s: answer %d was erased and is there", label, k)
		case !ok && confirmed && h.erased[k] == 0:
			t.Fatalf("%s: answer %d was confirmed and is gone", label, k)
		}
	}
	if d.Data(scratchName(diskPath)) != nil {
		t.Fatalf("%s: the scratch file is still there", label)
	}
	goesOn(t, j, d)
}

// choose does what a user does who finds a rescued file: the one with more in it is
// right.
func choose(d *durabletest.Disk) {
	rescued := rescuedName(diskPath, 1)
	if d.Data(rescued) == nil {
		return
	}
	here, err1 := Verify(diskPath, d)
	there, err2 := Verify(rescued, d)
	if err2 != nil || err1 == nil && there.Answers < here.Answers {
		d.Move(rescued, "")
	} else {
		d.Move(rescued, diskPath)
	}
}

// checkNotes fails the test unless all notes are there, as after a kill.
func (h *history) checkNotes(t *testing.T, d *durabletest.Disk, label string) {
	t.Helper()
	found := make(map[int]bool)
	for e, err := range Records(diskPath, d) {
		if err != nil {
			t.Fatalf("%s: %v", label, err)
		}
		found[int(e.Key[0])] = found[int(e.Key[0])] || e.Type == Asked
	}
	for k, noted := range h.noted {
		if noted && !found[k] {
			t.Fatalf("%s: note %d is gone", label, k)
		}
	}
}

// Every operation fails once, in every way; whatever was confirmed is there
// after the process has ended and after the power was lost.
func TestFailEveryOperation(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, how := range durabletest.Failures() {
		for n := 1; ; n++ {
			label := fmt.Sprintf("failure %d of operation %d", how, n)
			h, d := newHistory(), durabletest.New()
			if err := h.session(d); err != nil {
				t.Fatal(err)
			}
			d.Fail(n, how)
			err := h.session(d)
			if d.Failed() == "" {
				if err != nil {
					t.Fatalf("%s: %v", label, err)
				}
				break
			}
			if err != nil && !errors.Is(err, durabletest.ErrInjected) {
				t.Fatalf("%s: the cause is missing from %v", label, err)
			}
			for range 4 {
				h.check(t, d.Crashed(rng), label+", power lost")
			}
			if how != durabletest.Halt {
				choose(d.Killed())
				h.checkNotes(t, d.Killed(), label+", killed")
				h.check(t, d.Killed(), label+", killed")
			}
		}
	}
}

// What was closed is all there, the notes and the closing record included.
func TestPowerLossAfterClose(t *testing.T) {
	for seed := range uint64(20) {
		d := durabletest.New()
		j := open(t, diskPath, testOptions(d))
		must(t, j.Note(Record{Type: Asked, Key: key(1)}))
		must(t, j.Close())
		after := d.Crashed(rand.New(rand.NewPCG(seed, 3)))
		if r := verified(t, diskPath, after); r.Records != 3 || !r.Closed {
			t.Fatalf("seed %d: report = %+v", seed, r)
		}
	}
}

// Lives of many crashes, so that recovery is crashed too.
func TestPowerLossAgainAndAgain(t *testing.T) {
	for seed := range uint64(250) {
		rng := rand.New(rand.NewPCG(seed, 1))
		h, d := newHistory(), durabletest.New()
		for life := range 8 {
			how := durabletest.Failure(rng.IntN(len(durabletest.Failures())))
			choose(d)
			d.Fail(1+rng.IntN(70), how)
			if err := h.session(d); err != nil && !errors.Is(err, durabletest.ErrInjected) {
				t.Fatalf("seed %d, life %d: %v", seed, life, err)
			}
			label := fmt.Sprintf("seed %d, life %d", seed, life)
			h.check(t, d.Crashed(rng), label)
			if how == durabletest.Halt || rng.IntN(2) == 0 {
				d = d.Crashed(rng)
			} else {
				d = d.Killed()
			}
		}
	}
}

// As above, with many who append at once.
func TestPowerLossDuringGroupCommit(t *testing.T) {
	for seed := range uint64(100) {
		rng := rand.New(rand.NewPCG(seed, 2))
		d := durabletest.New()
		j := open(t, diskPath, testOptions(d))
		d.Fail(1+rng.IntN(150), durabletest.Halt)
		var mu sync.Mutex
		confirmed := make(map[int]string)
		var wg sync.WaitGroup
		for w := range 8 {
			wg.Go(func() {
				for n := range 10 {
					k := 10*w + n
					body := fmt.Sprintf(`{"k":%d,"pad":"%0*d"}`, k, k*31%700, 0)
					if j.Append(answer(k, body)) != nil {
						return
					}
					mu.Lock()
					confirmed[k] = body
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		after := d.Crashed(rng)
		j = open(t, diskPath, testOptions(after))
		for k, body := range confirmed {
			if got, ok, err := j.Answer(key(k)); !ok || err != nil || string(got.Body) != body {
				t.Fatalf("seed %d: answer %d = %s, %v, %v", seed, k, got.Body, ok, err)
			}
		}
		goesOn(t, j, after)
	}
}
