package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/octave"
	"octave-enrich/octave/sandbox"
)

const markedKey = "oct_MARKEDMARKED+key/0123456789"

// spelled are the ways in which a key could leak.
func spelled(key string) []string {
	return []string{key, url.QueryEscape(key), url.PathEscape(key), hex.EncodeToString([]byte(key)), fmt.Sprintf("% x", key),
		base64.StdEncoding.EncodeToString([]byte(key)), "MARKEDMARKED"}
}

// leaks says which spelling of the marked key a text holds, if any.
func leaks(text string) string {
	for _, s := range spelled(markedKey) {
		if strings.Contains(strings.ToLower(text), strings.ToLower(s)) {
			return s
		}
	}
	return ""
}

// An indiscreet service quotes the key wherever it can, and sends callers away
// with it, to another host.
type indiscreet struct {
	sandbox http.Handler
	other   string        // base URL of the other host
	hanging chan struct{} // gets a value when somebody waits for an answer in vain
}

func (s *indiscreet) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key := r.Header.Get("api_key")
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	var request octave.Request
	_ = json.Unmarshal(body, &request)
	name, _, _ := strings.Cut(request.Email, "@")
	switch name {
	case "message":
		http.Error(w, `{"message":"the key `+key+` is not liked, \u006fct_MARKEDMARKED+key/0123456789"}`, http.StatusUnprocessableEntity)
	case "page":
		http.Error(w, "<title>"+key[:8]+"\u200b"+key[8:]+" "+url.QueryEscape(key)+"</title>", http.StatusBadGateway)
	case "wait":
		w.Header().Set("Retry-After", key)
		http.Error(w, key, http.StatusServiceUnavailable)
	case "answer":
		_, _ = io.WriteString(w, `{"found":true,"data":{"emails":[{"subject":"`+key+`","email":"`+url.QueryEscape(key)+`","sections":["`+strings.ReplaceAll(key, "/", `\/`)+`"]}]}}`)
	case "nobody":
		_, _ = io.WriteString(w, `{"found":false,"message":"not with `+key+`"}`)
	case "broken":
		_, _ = io.WriteString(w, `{"found":true,`+key)
	case "malformed":
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_, _ = io.WriteString(conn, "HTTP/1.1 "+key+"\r\n"+key+"\r\n\r\n")
			_ = conn.Close()
		}
	case "301", "302", "303", "307", "308":
		w.Header().Set("Location", s.other+"/"+url.PathEscape(key)+"?key="+url.QueryEscape(key))
		w.WriteHeader(int(name[2]-'0') + 300)
	case "hang":
		s.hanging <- struct{}{}
		<-r.Context().Done()
	default:
		s.sandbox.ServeHTTP(w, r)
	}
}

// A confidant runs the binary with the marked key and looks at what it says.
type confidant struct {
	t    *testing.T
	dir  string
	base string
}

func (c confidant) command(args ...string) (*exec.Cmd, *bytes.Buffer) {
	cmd := exec.CommandContext(c.t.Context(), words.Tool, args...)
	cmd.Dir = c.dir
	cmd.Env = append(os.Environ(), "OCTAVE_API_KEY="+markedKey, "OCTAVE_BASE_URL="+c.base, "OCTAVE_RATE=0", "GOTRACEBACK=all")
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	return cmd, &said
}

func (c confidant) run(args ...string) {
	c.t.Helper()
	cmd, said := c.command(args...)
	_ = cmd.Run() // every exit code is fine here
	if code := cmd.ProcessState.ExitCode(); code == exit.Internal || code == exit.Usage {
		c.t.Errorf("%v: exit code %d\n%s", args, code, said)
	}
	if s := leaks(said.String()); s != "" {
		c.t.Errorf("%v says %q:\n%s", args, s, said)
	}
}

// TestKeyIsNowhere runs every command with a marked key, against a service that
// quotes it, and looks for it in all that is said, written and sent elsewhere.
func TestKeyIsNowhere(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var elsewhere []string
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		elsewhere = append(elsewhere, fmt.Sprint(r.Method, " ", r.URL, " ", r.Header))
	}))
	defer other.Close()
	service := &indiscreet{sandbox: sandbox.New(sandbox.Config{}), other: other.URL, hanging: make(chan struct{}, 1)}
	server := httptest.NewServer(service)
	defer server.Close()
	c := confidant{t, t.TempDir(), server.URL}
	list := "email\n"
	for _, name := range []string{"ann", "answer", "nobody", "message", "page", "wait", "broken", "malformed", "301", "302", "303", "307", "308"} {
		list += name + "@alder.example\n"
	}
	for name, text := range map[string]string{"people.csv": list, "hang.csv": "email\nhang@alder.example\n", "ann.csv": "email\nann@alder.example\n"} {
		if err := os.WriteFile(filepath.Join(c.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ran := map[string]bool{}
	for _, args := range discreetCommands() {
		ran[args[0]] = true
		if args[0] == "config" || args[0] == "fleet" {
			ran[args[0]+" "+args[1]] = true
		}
		c.run(args...)
	}
	c.serves(ran, "sandbox", "--addr", "127.0.0.1:0", "--addr-file", "sandbox.addr", "--key", markedKey)
	c.serves(ran, "review", "c", "--addr", "127.0.0.1:0", "--addr-file", "review.addr")
	c.joins(ran)
	everyCommand(t, ran)
	c.redirected(other.URL)
	c.dumped(service.hanging)

	for _, request := range elsewhere {
		t.Errorf("a redirect to another host was followed: %s", request)
	}
	c.files()
}

func discreetCommands() [][]string {
	run := []string{"run", "people.csv", "-o", "out.csv", "--checkpoint", "c", "--retries", "1", "--max-outage", "0s", "--timeout", "10s", "--log-level", "debug"}
	return [][]string{
		append(run, "--log-format", "json", "--summary", "summary.json", "--report", "run.html", "--metrics-file", "run.prom", "--on-exit", "cat > told.json"),
		append(run, "--progress", "bar", "--summary", "-"),
		{"run", "ann.csv", "-o", "ann.jsonl", "--checkpoint", "c", "--progress", "plain"},
		{"plan", "people.csv", "--checkpoint", "c", "--json"},
		{"plan", "people.csv", "--checkpoint", "c"},
		{"inspect", "people.csv", "--write", "map.yaml"},
		{"export", "people.csv", "-o", "again.jsonl", "--checkpoint", "c"},
		{"status", "c"},
		{"status", "c", "--json"},
		{"report", "c", "-o", "report.html"},
		{"check"},
		{"check", "--json"},
		{"agents"},
		{"agents", "--json", "--experiments"},
		{"config", "show"},
		{"config", "init"},
		{"fleet", "init", "--fleet", "postgres://octave@127.0.0.1:1/fleet"},
		{"fleet", "status", "--fleet", "postgres://octave@127.0.0.1:1/fleet"},
		{"fleet", "pause", "--fleet", "postgres://octave@127.0.0.1:1/fleet", "a1"},
		{"fleet", "resume", "--fleet", "postgres://octave@127.0.0.1:1/fleet", "a1"},
		{"fleet", "cancel", "--fleet", "postgres://octave@127.0.0.1:1/fleet", "a1"},
		{"fleet", "grants", "--fleet", "postgres://octave@127.0.0.1:1/fleet"},
		{"summary"},
		{"redo", "people.csv", "--checkpoint", "c", "--all"},
		{"redo", "people.csv", "--checkpoint", "c", "--all", "--undo"},
		{"senders"}, {"input"}, {"output"}, {"money"}, {"network"}, {"telling"}, {"exit-codes"},
		{"erase", "c", "--email", "message@alder.example"},
		{"prune", "c", "--older-than", "900d"},
		{"completion", "bash"},
		{"version"},
		{"man", "man"},
		{"help"},
		{"help", "run"},
	}
}

// everyCommand fails for a command that nobody thought of here.
func everyCommand(t *testing.T, ran map[string]bool) {
	t.Helper()
	var visit func(cmd *cobra.Command, path string)
	visit = func(cmd *cobra.Command, path string) {
		for _, sub := range cmd.Commands() {
			name := strings.TrimSpace(path + " " + sub.Name())
			if sub.Name() != "completion" {
				visit(sub, name)
			}
			if !ran[name] && !sub.HasSubCommands() {
				t.Errorf("no key was marked for the command %q", name)
			}
		}
	}
	visit(newRoot(&app{stdout: os.Stdout, stderr: os.Stderr}), "")
}

// serves looks at a command that serves until it is told to end.
func (c confidant) serves(ran map[string]bool, args ...string) {
	c.t.Helper()
	ran[args[0]] = true
	cmd, said := c.command(args...)
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	base := c.address(args[0] + ".addr")
	response, err := http.Get(base)
	if err == nil {
		page, _ := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if s := leaks(string(page)); s != "" {
			c.t.Errorf("%v serves %q", args, s)
		}
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if s := leaks(said.String()); s != "" || err != nil {
		c.t.Errorf("%v says %q: %v\n%s", args, s, err, said)
	}
}

// joins looks at a worker that waits for its database.
func (c confidant) joins(ran map[string]bool) {
	c.t.Helper()
	ran["worker"] = true
	database, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		c.t.Fatal(err)
	}
	defer database.Close()
	_ = database.(*net.TCPListener).SetDeadline(time.Now().Add(patience))
	cmd, said := c.command("worker", "--fleet", "postgres://octave@"+database.Addr().String()+"/fleet?sslmode=disable")
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	for range 3 { // of two connections each; before it tries again it says what is wrong
		conn, err := database.Accept()
		if err != nil {
			c.t.Error(err)
			break
		}
		_ = conn.Close()
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if s := leaks(said.String()); s != "" || !strings.Contains(said.String(), "waiting for it") {
		c.t.Errorf("a worker says %q:\n%s", s, said)
	}
}

func (c confidant) address(name string) string {
	c.t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if text, err := os.ReadFile(filepath.Join(c.dir, name)); err == nil {
			return strings.TrimSpace(string(text))
		}
	}
	c.t.Fatalf("waited in vain for %s", name)
	return ""
}

// redirected asks a host that sends every call on to another one.
func (c confidant) redirected(to string) {
	c.t.Helper()
	for status := http.StatusMovedPermanently; status <= http.StatusPermanentRedirect; status++ {
		if status > http.StatusSeeOther && status < http.StatusTemporaryRedirect {
			continue
		}
		gate := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, to+"/?key="+url.QueryEscape(r.Header.Get("api_key")), status)
		}))
		away := confidant{c.t, c.dir, gate.URL}
		away.run("check")
		away.run("agents")
		away.run("plan", "ann.csv", "--checkpoint", "d")
		away.run("run", "ann.csv", "-o", "d.csv", "--checkpoint", fmt.Sprintf("d%d", status), "--retries", "0", "--max-outage", "0s", "--force")
		gate.Close()
	}
}

// dumped looks at the stacks that a process with a call on the wire leaves.
func (c confidant) dumped(hanging <-chan struct{}) {
	c.t.Helper()
	if runtime.GOOS == "windows" {
		return // has no such signal
	}
	cmd, said := c.command("run", "hang.csv", "--progress", "none")
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	<-hanging
	_ = cmd.Process.Signal(syscall.SIGQUIT)
	_ = cmd.Wait()
	if s := leaks(said.String()); s != "" || !strings.Contains(said.String(), "goroutine ") {
		c.t.Errorf("the stacks of a run hold %q:\n%.2000s", s, said)
	}
}

// files looks into everything that was written.
func (c confidant) files() {
	c.t.Helper()
	seen := 0
	err := filepath.WalkDir(c.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if s := leaks(string(text)); s != "" {
			c.t.Errorf("%s holds %q", d.Name(), s)
		}
		seen++
		return err
	})
	if err != nil || seen < 15 {
		c.t.Error(errors.Join(err, fmt.Errorf("%d files were written", seen)))
	}
}

// What a service sends beyond the length that it announced is told to nobody, and
// a log for programs stays one.
func TestMoreThanAnnounced(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n"+strings.Repeat("{", 20)+"Hi Ann, "+r.Header.Get("api_key"))
	}))
	defer server.Close()
	dir := t.TempDir()
	check(t, os.WriteFile(filepath.Join(dir, "list.csv"), []byte("Email\nann@alder.example\n"), 0o600))
	p := runToEnd(t, dir, server.URL, "run", "list.csv", "--agent", "ca_1", "--retries", "0", "--log-format", "json")
	if p.code() != exit.RowsFailed {
		t.Errorf("exit code %d", p.code())
	}
	for line := range strings.Lines(p.stderr()) {
		if !json.Valid([]byte(line)) || strings.Contains(line, "Hi Ann") {
			t.Errorf("said %q", line)
		}
	}
}
