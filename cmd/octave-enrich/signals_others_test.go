//go:build unix

package main

import (
	"bytes"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"octave-enrich/cmd/octave-enrich/exit"
)

// The other commands listen to signals as run does: whichever comes, also twice, ends
// them in order.
func TestSignalsOfOtherCommands(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	check(t, os.WriteFile(filepath.Join(dir, "list.csv"), contacts(crowd), 0o600))
	if p := runToEnd(t, dir, "", "run", "list.csv", "--sandbox", "-o", "out.csv"); p.code() != 0 {
		t.Fatal(p.stderr())
	}
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections, says nothing
	check(t, err)
	defer silent.Close()
	nobody := "postgres://user@127.0.0.1:1/fleet?sslmode=disable"

	for _, c := range []struct {
		name string
		args []string
		held func(*held) bool
		code []int // for SIGINT, SIGTERM, SIGHUP
	}{
		{"export", []string{"export", "list.csv", "--checkpoint", "out.csv.checkpoint", "-o", "-", "--out-format", "jsonl"},
			func(h *held) bool { return h.begun() }, stopped},
		{"review", []string{"review", "out.csv.checkpoint", "--addr", "127.0.0.1:0"},
			func(h *held) bool { return strings.Contains(h.stderr(), "review at http") }, []int{0, 0, 0}},
		{"erase", []string{"erase", "out.csv.checkpoint", "--email", "a@b.example", "--fleet", "postgres://user@" + silent.Addr().String() + "/fleet?sslmode=disable"},
			func(*held) bool { conn, err := silent.Accept(); return err == nil && conn != nil }, stopped},
		{"worker", []string{"worker", "--sandbox", "--fleet", nobody, "--log-format", "text"},
			func(h *held) bool { return strings.Contains(h.stderr(), "database is away") }, stopped},
	} {
		for i, sig := range []syscall.Signal{sigINT, sigTERM, sigHUP} {
			t.Run(c.name+"/"+sig.String(), func(t *testing.T) {
				cmd := command(t, dir, "", c.args...)
				out, in, err := os.Pipe()
				check(t, err)
				cmd.Stdout = in
				h := &held{t: t, stdout: out, process: start(t, cmd)}
				check(t, in.Close())
				defer out.Close()
				await(t, h.process, "the moment", func() bool { return c.held(h) })
				h.signal(t, sig)
				h.again(sig)
				if c.name == "export" {
					h.stopping() // read before it heard the signal, it would come to a good end
				}
				h.drain()
				h.exits(t, c.code[i])
			})
		}
	}
}

// What writes files anew is not ended by a signal before it is done.
func TestWatch(t *testing.T) {
	out, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	check(t, err)
	defer out.Close()
	w := (&app{stderr: out}).watch()
	defer w.unlisten()
	ctx := w.begin(finishing)
	if w.ended() != nil {
		t.Error("ended before any signal")
	}
	w.stop(sigHUP)
	<-ctx.Done()
	if e := exit.As(w.ended()); e == nil || e.Code != exit.Hangup {
		t.Errorf("ended with %v", e)
	}
	_, err = out.Seek(0, io.SeekStart)
	check(t, err)
	said, err := io.ReadAll(out)
	check(t, err)
	if !bytes.Contains(said, []byte(finishing)) {
		t.Errorf("it said %q", said)
	}
}
