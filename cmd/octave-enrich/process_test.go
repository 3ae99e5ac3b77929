//go:build unix

package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/octave/sandbox"
)

// A process is the binary at work. What it says goes to files: a pipe that nobody
// reads would stop it.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed when it has ended
	said  string        // file with its standard error, unless that is the test's business
}

// command is the binary in a folder, against the service at url. CRASH_BIN names
// another one than the test itself.
func command(t *testing.T, dir, url string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), cmp.Or(os.Getenv("CRASH_BIN"), words.Tool), args...)
	cmd.Dir = dir
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "OCTAVE_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, "OCTAVE_API_KEY=a-key", "OCTAVE_RATE=0", "OCTAVE_BASE_URL="+url,
		"GORACE=atexit_sleep_ms=0") // under the race detector every process would end a second late
	return cmd
}

// start lets cmd run; whatever happens it does not outlive the test.
func start(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{cmd: cmd, ended: make(chan struct{})}
	if cmd.Stderr == nil {
		said, err := os.CreateTemp(t.TempDir(), "stderr-*")
		check(t, err)
		defer said.Close()
		cmd.Stderr, p.said = said, said.Name()
	}
	check(t, cmd.Start())
	var waiting sync.WaitGroup
	waiting.Go(func() {
		_ = cmd.Wait() // how it ended is in ProcessState
		close(p.ended)
	})
	t.Cleanup(waiting.Wait)
	return p
}

// runToEnd lets the binary run to its end and returns it.
func runToEnd(t *testing.T, dir, url string, args ...string) *process {
	t.Helper()
	p := start(t, command(t, dir, url, args...))
	<-p.ended
	return p
}

// code is the exit code of a process that has ended, -1 if a signal killed it.
func (p *process) code() int { return p.cmd.ProcessState.ExitCode() }

func (p *process) stderr() string {
	text, err := os.ReadFile(p.said)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func (p *process) signal(t *testing.T, sig syscall.Signal) {
	t.Helper()
	check(t, p.cmd.Process.Signal(sig))
}

// exits waits for the end and wants it to be this one.
func (p *process) exits(t *testing.T, code int) {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		t.Fatalf("it does not end; so far it said:\n%s", p.stderr())
	}
	if p.code() != code {
		t.Fatalf("exit code %d, want %d:\n%s", p.code(), code, p.stderr())
	}
}

// await polls until done.
func await(t *testing.T, p *process, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !done(); {
		select {
		case <-p.ended:
			if done() {
				return
			}
			t.Fatalf("it ended with %d before %s:\n%s", p.code(), what, p.stderr())
		case <-time.After(2 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s:\n%s", what, p.stderr())
		}
	}
}

// A remote is the service in a process of its own, which no kill of a run reaches.
type remote struct{ url string }

func serveRemote(t *testing.T, knobs ...string) remote {
	t.Helper()
	addr := filepath.Join(t.TempDir(), "addr")
	knobs = append([]string{"sandbox", "--addr", "127.0.0.1:0", "--addr-file", addr}, knobs...)
	p := start(t, command(t, "", "", knobs...))
	var text []byte
	await(t, p, "the service", func() (ok bool) {
		var err error
		text, err = os.ReadFile(addr)
		return err == nil
	})
	return remote{strings.TrimSpace(string(text))}
}

// gated is a service that answers so many calls and holds the others until it is
// let go.
func gated(t *testing.T, free int32, cfg sandbox.Config) (service remote, letGo func()) {
	t.Helper()
	gate, asked, agent := make(chan struct{}), atomic.Int32{}, sandbox.New(cfg)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && asked.Add(1) > free {
			<-gate
		}
		agent.ServeHTTP(w, r)
	}))
	letGo = sync.OnceFunc(func() { close(gate) })
	t.Cleanup(func() { letGo(); server.Close() })
	return remote{server.URL}, letGo
}

// books are what the service counted so far.
func (r remote) books(t *testing.T) (books sandbox.Ledger) {
	t.Helper()
	response, err := http.Get(r.url + "/sandbox/ledger")
	check(t, err)
	defer response.Body.Close()
	check(t, json.NewDecoder(response.Body).Decode(&books))
	return books
}

// told counts the whole records of a kind in a checkpoint, also of one being written:
// a kill may leave the beginning of one more behind, which is no record.
func told(path, kind string) int {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	whole := text[:bytes.LastIndexByte(text, '\n')+1]
	return bytes.Count(whole, []byte(`{"type":"`+kind+`"`))
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	check(t, err)
	return text
}
