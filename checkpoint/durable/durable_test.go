package durable_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"octave-enrich/checkpoint/durable"
	"octave-enrich/checkpoint/durable/durabletest"
)

const path = "/people.html"

func write(text string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	}
}

// The calls are those that the package comment lists, in that order.
func TestReplaceCalls(t *testing.T) {
	d := durabletest.With(path, []byte("old"))
	d.Put(durable.DraftName(path), []byte("of a process that was killed"), 0o600)
	if err := durable.Replace(d, path, durable.Private, write("new")); err != nil {
		t.Fatal(err)
	}
	draft := "people.html.octave-enrich.partial"
	want := []string{
		"remove " + draft, "create " + draft, "write " + draft, "adopt " + draft, "sync " + draft,
		"rename " + draft + " people.html", "sync directory",
	}
	if got := d.Calls(); !slices.Equal(got, want) {
		t.Errorf("calls %q, want %q", got, want)
	}
	if got := d.Data(path); string(got) != "new" || len(d.Names()) != 1 {
		t.Errorf("%q in %q", got, d.Names())
	}
}

func TestReplaceKeepsTheMode(t *testing.T) {
	d := durabletest.New()
	if err := durable.Replace(d, path, 0o644, write("first")); err != nil || d.Mode(path) != 0o644 {
		t.Errorf("new: mode %v, %v", d.Mode(path), err)
	}
	d.Put(path, nil, 0o640)
	if err := durable.Replace(d, path, 0o644, write("second")); err != nil || d.Mode(path) != 0o640 {
		t.Errorf("again: mode %v, %v", d.Mode(path), err)
	}
}

// Each call fails once, in every way: what stands at the path is the old or the
// new file, whole, the new one if nothing was reported, before and after a loss of
// power; and nothing is left beside it by a process that lives.
func TestReplaceFailsAnywhere(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	old, fresh := []byte("old\n"), bytes.Repeat([]byte("new\n"), 40_000)
	for _, how := range durabletest.Failures() {
		for n := 1; ; n++ {
			d := durabletest.With(path, old)
			d.Fail(n, how)
			err := durable.Replace(d, path, durable.Private, write(string(fresh)))
			label := fmt.Sprintf("failure %d of %q (%v)", how, d.Failed(), err)
			if d.Failed() == "" {
				if n < 10 {
					t.Fatalf("only %d operations", n)
				}
				break
			}
			if err == nil {
				t.Errorf("%s: not reported", label)
			}
			check := func(what string, got []byte) {
				if !bytes.Equal(got, fresh) && (err == nil || !bytes.Equal(got, old)) {
					t.Errorf("%s, %s: %d bytes at the path", label, what, len(got))
				}
			}
			check("seen", d.Data(path))
			for range 20 {
				check("power lost", d.Crashed(rng).Data(path))
			}
			again := d.Killed()
			if how == durabletest.Halt {
				again = d.Crashed(rng)
			}
			if err := durable.Replace(again, path, durable.Private, write("last")); err != nil || len(again.Names()) != 1 {
				t.Errorf("%s, then again: %v, %q", label, err, again.Names())
			}
		}
	}
}

// What the caller cannot write leaves the old file and nothing beside it.
func TestReplaceGivesUp(t *testing.T) {
	d := durabletest.With(path, []byte("old"))
	broken := errors.New("half way")
	err := durable.Replace(d, path, durable.Private, func(w io.Writer) error {
		_, _ = w.Write(make([]byte, 1<<20))
		return broken
	})
	if !errors.Is(err, broken) || string(d.Data(path)) != "old" || len(d.Names()) != 1 {
		t.Errorf("%v, %q in %q", err, d.Data(path), d.Names())
	}
}

// A draft whose name another process took is neither published nor removed.
func TestDraftTaken(t *testing.T) {
	for _, sealed := range []bool{false, true} {
		for what, take := range map[string]func(d *durabletest.Disk){
			"replaced": func(d *durabletest.Disk) { d.Put("/draft", []byte("mine!"), 0o600) },
			"removed":  func(d *durabletest.Disk) { d.Move("/draft", "") },
			"grown": func(d *durabletest.Disk) {
				d.Change("/draft", func(data []byte) []byte { return append(data, "more"...) })
			},
		} {
			if what == "grown" && !sealed {
				continue // it may grow
			}
			d := durabletest.With(path, []byte("old"))
			draft, err := durable.Create(d, "/draft", durable.Private)
			if err == nil && sealed {
				_, err = draft.Write([]byte("mine."))
				err = errors.Join(err, draft.Seal(path))
			}
			if err != nil {
				t.Fatal(err)
			}
			take(d)
			if err := draft.Mine(); err == nil {
				t.Errorf("%s: it is still mine", what)
			}
			left := d.Data("/draft")
			if err := draft.Publish(path); err == nil || string(d.Data(path)) != "old" {
				t.Errorf("%s: Publish = %v, and there is %q", what, err, d.Data(path))
			}
			if err := draft.Discard(); err != nil || !bytes.Equal(d.Data("/draft"), left) {
				t.Errorf("%s: Discard = %v, and there is %q", what, err, d.Data("/draft"))
			}
		}
	}
}
