//go:build unix

package main

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"

	"octave-enrich/checkpoint"
	"octave-enrich/cmd/octave-enrich/exit"
)

const (
	sigINT, sigTERM, sigHUP = syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP

	crowd = 60 // contacts: more than a pipe takes while nobody reads it
)

// A phase is a moment in which a run is held, to be sent a signal.
type phase struct {
	name  string
	knobs []string // of the service
	args  []string // of the run, beside the usual ones
	rows  int      // on standard output, which nobody reads yet: crowd
	input string   // "pipe": standard input that does not end; "locked": somebody holds the checkpoint
	held  func(h *held) bool
	// What the first signal leads to.
	code []int // for SIGINT, SIGTERM, SIGHUP
	ok   int   // rows with an answer
	open bool  // the first signal ends nothing by itself; a second SIGINT does
}

var stopped = []int{exit.Interrupt, exit.Terminate, exit.Hangup}

func phases() []phase {
	first := func(kind string, n int) func(*held) bool {
		return func(h *held) bool { return told(h.checkpoint, kind) >= n }
	}
	stdout := func(format string) []string { return []string{"-o", "-", "--out-format", format} }
	return []phase{
		{name: "reading", input: "pipe", held: func(h *held) bool { return h.fed }, code: stopped},
		{name: "waiting for the lock", input: "locked", args: []string{"--wait-lock", "1h"},
			held: func(h *held) bool { return strings.Contains(h.stderr(), "waiting for it") }, code: stopped},
		{name: "waiting for a token", args: []string{"--rate", "1/h"}, held: first("answered", 1), code: stopped, ok: 1},
		{name: "in Retry-After", knobs: []string{"--rate", "0.001", "--burst", "1", "--retry-after", "250"},
			args: []string{"--concurrency", "1"}, held: first("missed", 1), code: stopped, ok: 1},
		{name: "in a backoff", knobs: []string{"--script", "ok", "--faults", "500=1"}, args: []string{"--concurrency", "1", "--limit", "2", "--retries", "1000"},
			held: first("missed", 1), code: stopped, ok: 1},
		{name: "in an outage", knobs: []string{"--faults", "503=1"}, args: []string{"--retries", "1000"}, held: first("missed", 6), code: stopped},
		{name: "on the wire", knobs: []string{"--latency", "1s"}, args: []string{"--rate", "1/h"}, held: first("asked", 1), code: stopped, ok: 1},
		{name: "on the wire, no answer", knobs: []string{"--script", "ok", "--faults", "hang=1"}, args: []string{"--concurrency", "1", "--timeout", "8s"},
			held: first("asked", 2), code: stopped, ok: 1},
		{name: "on the wire for long", knobs: []string{"--script", "ok", "--faults", "hang=1"}, args: []string{"--concurrency", "1"},
			held: func(h *held) bool { return told(h.checkpoint, "asked") >= 2 && told(h.checkpoint, "answered") >= 1 }, open: true, ok: 1},
		{name: "writing", rows: crowd, args: stdout("jsonl"), held: first("answered", crowd), code: stopped, ok: crowd, open: true},
		// It came too late to stop anything.
		{name: "closing", rows: crowd, args: stdout("csv"), held: func(h *held) bool { return h.begun() }, code: []int{0, 0, 0}, ok: crowd, open: true},
	}
}

// Whatever a run is doing: the first signal ends it in order, and soon, also when
// it is delivered twice; a second SIGINT, a while later, at once. The exit code says
// which, the last line how to resume, and the answers are not asked for again.
func TestSignals(t *testing.T) {
	t.Parallel()
	for _, ph := range phases() {
		for i, sig := range []syscall.Signal{sigINT, sigTERM, sigHUP} {
			if ph.code == nil {
				continue
			}
			t.Run(fmt.Sprintf("%s/%v", ph.name, sig), func(t *testing.T) {
				t.Parallel()
				h := hold(t, ph)
				h.signal(t, sig)
				if ph.open {
					h.stopping()
				}
				h.again(sig)
				if ph.open {
					h.drain()
				}
				h.exits(t, ph.code[i])
				h.orderly(ph)
				h.resume(ph)
			})
		}
		if ph.open {
			t.Run(ph.name+"/at once", func(t *testing.T) {
				t.Parallel()
				h := hold(t, ph)
				h.signal(t, sigINT)
				h.insist()
				h.exits(t, exit.Interrupt)
				h.saysHowToResume()
				h.resume(ph)
			})
		}
	}
}

// Whatever came before, only SIGINT leaves at once.
func TestInterruptAfterAnother(t *testing.T) {
	for _, first := range []syscall.Signal{sigTERM, sigHUP} {
		i := slices.IndexFunc(phases(), func(ph phase) bool { return ph.name == "on the wire for long" })
		h := hold(t, phases()[i])
		h.signal(t, first)
		h.stopping()
		h.insist()
		h.exits(t, exit.Interrupt)
	}
}

// What a signal does depends on what came before it, and when.
func TestObey(t *testing.T) {
	const hup, term, stop, leave = sigHUP, sigTERM, "stop", "leave"
	at := func(ms int, sig os.Signal) delivery { return delivery{time.Duration(ms) * time.Millisecond, sig} }
	for name, c := range map[string]struct {
		heard []delivery
		want  []string
	}{
		"once":                   {[]delivery{at(0, os.Interrupt)}, []string{stop}},
		"sent twice":             {[]delivery{at(0, os.Interrupt), at(0, os.Interrupt)}, []string{stop}},
		"within a second":        {[]delivery{at(0, os.Interrupt), at(1000, os.Interrupt)}, []string{stop}},
		"later":                  {[]delivery{at(0, os.Interrupt), at(1001, os.Interrupt)}, []string{stop, leave}},
		"twice, then later":      {[]delivery{at(0, os.Interrupt), at(900, os.Interrupt), at(1800, os.Interrupt)}, []string{stop, leave}},
		"SIGTERM for ever":       {[]delivery{at(0, term), at(2000, term), at(4000, term)}, []string{stop}},
		"SIGHUP for ever":        {[]delivery{at(0, hup), at(2000, hup), at(4000, hup)}, []string{stop}},
		"SIGTERM behind SIGINT":  {[]delivery{at(0, os.Interrupt), at(2000, term), at(4000, hup)}, []string{stop}},
		"SIGINT behind SIGTERM":  {[]delivery{at(0, term), at(2000, os.Interrupt)}, []string{stop}},
		"SIGINTs behind SIGTERM": {[]delivery{at(0, term), at(2000, os.Interrupt), at(4000, os.Interrupt)}, []string{stop, leave}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var did []string
				heard, done := make(chan os.Signal, 8), make(chan struct{})
				var side errgroup.Group
				side.Go(func() error {
					note := func(what string) func(os.Signal) { return func(os.Signal) { did = append(did, what) } }
					obey(heard, done, note(stop), note(leave))
					return nil
				})
				began := time.Now()
				for _, d := range c.heard {
					time.Sleep(time.Until(began.Add(d.at)))
					heard <- d.sig
					synctest.Wait()
				}
				close(done)
				_ = side.Wait()
				if !slices.Equal(did, c.want) {
					t.Errorf("it did %q, want %q", did, c.want)
				}
			})
		})
	}
}

// A delivery is a signal at a moment.
type delivery struct {
	at  time.Duration
	sig os.Signal
}

// held is a run in a phase.
type held struct {
	*process
	t          *testing.T
	dir        string
	checkpoint string
	rows       int
	fed        bool // as much as no pipe holds
	stdin      io.Closer
	stdout     *os.File // the end to read from; nil if it is not a pipe
	read       bytes.Buffer
}

func hold(t *testing.T, ph phase) *held {
	h := &held{t: t, dir: t.TempDir(), rows: max(ph.rows, 5)}
	h.checkpoint = filepath.Join(h.dir, "answers")
	check(t, os.WriteFile(filepath.Join(h.dir, "list.csv"), contacts(h.rows), 0o600))
	cmd := command(t, h.dir, serveRemote(t, ph.knobs...).url, h.args(ph)...)
	if ph.rows > 0 {
		out, in, err := os.Pipe()
		check(t, err)
		defer in.Close()
		t.Cleanup(func() { out.Close() })
		cmd.Stdout, h.stdout = in, out
	}
	if ph.input == "locked" {
		journal, err := checkpoint.Open(h.checkpoint, checkpoint.Options{Header: checkpoint.Header{Service: "127.0.0.1"}})
		check(t, err)
		t.Cleanup(func() { journal.Close() })
	}
	if ph.input != "pipe" {
		h.process = start(t, cmd)
	} else {
		feed, err := cmd.StdinPipe()
		check(t, err)
		h.process = start(t, cmd)
		h.stdin = feed
		_, err = feed.Write(contacts(20_000)) // it returns when nearly all of it was read
		check(t, err)
		h.fed = true
	}
	await(t, h.process, ph.name, func() bool { return ph.held(h) })
	return h
}

func (h *held) args(ph phase) []string {
	input := "list.csv"
	if ph.input == "pipe" {
		input = "-"
	}
	args := append([]string{"run", input, "--checkpoint", "answers"}, ph.args...)
	if ph.rows == 0 {
		args = append(args, "-o", "out.csv")
	}
	return args
}

func contacts(n int) []byte {
	var text bytes.Buffer
	fmt.Fprintln(&text, "n,Email")
	for i := range n {
		fmt.Fprintf(&text, "%d,ada.%d@company.example\n", i+1, i+1)
	}
	return text.Bytes()
}

// begun says whether a row has come out, without taking more than one byte.
func (h *held) begun() bool {
	_, err := io.CopyN(&h.read, h.stdout, 1)
	return err == nil
}

// drain reads what was held up.
func (h *held) drain() {
	_, err := io.Copy(&h.read, h.stdout)
	check(h.t, err)
}

func (h *held) stopping() {
	h.t.Helper()
	await(h.t, h.process, "the stop", func() bool { return strings.Contains(h.stderr(), "stopping") })
}

// again delivers the same signal once more, to a process that may have ended.
func (h *held) again(sig syscall.Signal) {
	h.t.Helper()
	if err := h.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		h.t.Fatal(err)
	}
}

// insist presses Ctrl-C until it helps.
func (h *held) insist() {
	h.t.Helper()
	await(h.t, h.process, "the end", func() bool {
		h.again(sigINT)
		select {
		case <-h.ended:
			return true
		default:
			return false
		}
	})
}

func (h *held) saysHowToResume() {
	h.t.Helper()
	lines := strings.Split(strings.TrimSpace(h.stderr()), "\n")
	if last := lines[len(lines)-1]; !strings.Contains(last, "to resume, run the same command again: octave-enrich run ") {
		h.t.Errorf("the last line is %q", last)
	}
}

// orderly wants the output of a stop in order: every row, and no other file.
func (h *held) orderly(ph phase) {
	h.t.Helper()
	if h.code() != 0 {
		h.saysHowToResume()
	}
	output := filepath.Join(h.dir, "out.csv")
	if _, err := os.Stat(output + ".partial"); err == nil {
		h.t.Error("rows are left in .partial")
	}
	var ok int
	switch {
	case slices.Contains(ph.args, "jsonl"):
		ok = strings.Count(h.read.String(), `"octave":{"status":"ok"`)
	case ph.rows > 0:
		ok = statuses(h.t, h.read.Bytes(), h.rows)["ok"]
	case ph.input != "":
		if _, err := os.Stat(output); err == nil {
			h.t.Error("there is an output, though it had not begun")
		}
	default:
		found := statuses(h.t, read(h.t, output), h.rows)
		if ok = found["ok"]; found["not_attempted"] != h.rows-ok {
			h.t.Errorf("rows: %v", found)
		}
	}
	if ok != ph.ok {
		h.t.Errorf("%d rows are ok, want %d", ok, ph.ok)
	}
}

func statuses(t *testing.T, text []byte, rows int) map[string]int {
	t.Helper()
	records, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	check(t, err)
	if len(records) != rows+1 {
		t.Fatalf("%d rows of %d", len(records)-1, rows)
	}
	column := slices.Index(records[0], "octave_status")
	found := map[string]int{}
	for _, record := range records[1:] {
		found[record[column]]++
	}
	return found
}

// resume runs the list again, against a service in good health, and wants that
// only to be asked what had no answer.
func (h *held) resume(ph phase) {
	h.t.Helper()
	if ph.input == "locked" {
		return
	}
	service := serveRemote(h.t)
	p := runToEnd(h.t, h.dir, service.url, "run", "list.csv", "--checkpoint", "answers", "-o", "out.csv")
	if p.code() != 0 {
		h.t.Fatalf("resumed: exit code %d:\n%s", p.code(), p.stderr())
	}
	if found := statuses(h.t, read(h.t, filepath.Join(h.dir, "out.csv")), h.rows); found["ok"] != h.rows {
		h.t.Errorf("resumed: %v", found)
	}
	if asked := service.books(h.t).Asked; asked != h.rows-ph.ok {
		h.t.Errorf("resumed: asked %d times, want %d", asked, h.rows-ph.ok)
	}
}
