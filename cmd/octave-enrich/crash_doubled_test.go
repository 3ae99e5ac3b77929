//go:build unix

package main

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestCrashDoubled stops a run again and again as timeout(1) and a closed terminal
// do: each signal goes to the process and to its group. No call in flight may be
// thrown away: the service, which does not fail here, delivered whatever it was
// asked for, and the checkpoint holds each of these answers.
func TestCrashDoubled(t *testing.T) {
	t.Parallel()
	stops := max(number(t, "CRASH_KILLS", 32)/4, 1)
	v := &victim{t: t, dir: t.TempDir(), trial: trial{rows: 20 * stops, format: "csv", messages: 3,
		concurrency: 6, latency: 20 * time.Millisecond, jitter: 20 * time.Millisecond}}
	check(t, os.WriteFile(filepath.Join(v.dir, "list.csv"), v.list(), 0o600))
	v.uninterrupted()
	v.service = serveRemote(t, v.knobs()...)
	random := rand.New(rand.NewPCG(1, 2))
	stopped := 0
	for i := range stops {
		sig := []syscall.Signal{sigTERM, sigHUP, sigINT}[i%3]
		code := v.stopTwice(sig, time.Duration(random.Int64N(int64(40*time.Millisecond))))
		v.nothingThrownAway()
		if code == 0 || t.Failed() {
			break
		}
		stopped++
	}
	if stopped == 0 {
		t.Error("no run was stopped")
	}
	p := runToEnd(t, v.dir, v.service.url, v.args(filepath.Base(v.output()))...)
	v.nothingThrownAway()
	v.examineOutput(p)
	books := v.service.books(t)
	t.Logf("%d stops of %d rows: %d calls, %d answers delivered", stopped, v.rows, books.Asked, books.Delivered)
	for name, c := range books.Contacts {
		if c.Asked > 1 {
			t.Errorf("question %s was asked %d times", name, c.Asked)
		}
	}
}

// stopTwice lets a run make a call, sends the signal twice a moment later and
// returns the exit code.
func (v *victim) stopTwice(sig syscall.Signal, moment time.Duration) int {
	before := told(v.checkpoint(), "asked")
	cmd := command(v.t, v.dir, v.service.url, v.args(filepath.Base(v.output()))...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p := start(v.t, cmd)
	await(v.t, p, "a call", func() bool {
		select {
		case <-p.ended:
			return true // all were made before
		default:
			return told(v.checkpoint(), "asked") > before
		}
	})
	select {
	case <-p.ended:
	case <-time.After(moment): // the random moment
		for _, to := range []int{cmd.Process.Pid, -cmd.Process.Pid} {
			_ = syscall.Kill(to, sig) // it may have ended
		}
		<-p.ended
	}
	if code := p.code(); code != 0 && code != 128+int(sig) {
		v.t.Errorf("exit code %d after %v:\n%s", code, sig, p.stderr())
	}
	return p.code()
}

func (v *victim) nothingThrownAway() {
	v.t.Helper()
	asked, answered := 0, 0
	for _, s := range v.stories() {
		asked, answered = asked+s.asked, answered+s.answered
	}
	books := v.service.books(v.t)
	if books.Asked != asked || books.Delivered != asked || answered != asked {
		v.t.Errorf("%d calls noted, %d made, %d answers delivered, %d kept", asked, books.Asked, books.Delivered, answered)
	}
}
