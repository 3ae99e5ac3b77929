//go:build fleet && unix

package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/goccy/go-yaml"

	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/pipeline/fleet/pgtest"
)

// The ready files are what Compose, Kubernetes and Prometheus understand: a name that
// their schemas do not know is an error.
func TestFleetSampleSchemas(t *testing.T) {
	t.Parallel()
	folder, err := filepath.Abs("../../samples/fleet")
	check(t, err)
	args := []string{"run", "."}
	for _, name := range []string{"docker-compose.yaml", "kubernetes.yaml", "alerts.yaml"} {
		args = append(args, filepath.Join(folder, name))
	}
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = "testdata/manifests"
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// Alerts come when they should, and not otherwise. Without promtool their words are
// still held to its parser, in the test before.
func TestFleetAlerts(t *testing.T) {
	t.Parallel()
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Log("promtool is not here: the rules are parsed, and not tried")
		return
	}
	rules, err := filepath.Abs("../../samples/fleet/alerts.yaml")
	check(t, err)
	tests := filepath.Join(t.TempDir(), "tests.yaml")
	check(t, os.WriteFile(tests, []byte(strings.Replace(string(read(t, "testdata/alerts_test.yaml")), "[ALERTS]", "["+rules+"]", 1)), 0o600))
	for _, args := range [][]string{{"check", "rules", rules}, {"test", "rules", tests}} {
		if out, err := exec.CommandContext(t.Context(), promtool, args...).CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", args[0], err, out)
		}
	}
}

// A composition is what is wanted of docker-compose.yaml.
type composition struct {
	Services map[string]struct {
		User        string            `yaml:"user"`
		Command     []string          `yaml:"command"`
		Environment map[string]string `yaml:"environment"`
		Secrets     []string          `yaml:"secrets"`
	} `yaml:"services"`
	Secrets map[string]struct {
		File string `yaml:"file"`
	} `yaml:"secrets"`
}

// TestFleetCompose does what docker-compose.yaml says without a daemon: its services
// run as the user that it names, whose files alone the secrets are, with nothing but
// the environment that it gives, and reach the database through its socket.
func TestFleetCompose(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Log("only root can become somebody else: the file is parsed, and not tried")
		return
	}
	const uid = 54321 // nobody's, as in an image without users
	var file composition
	check(t, yaml.Unmarshal(read(t, "../../samples/fleet/docker-compose.yaml"), &file))
	server := pgtest.Start(t)
	server.Exec("CREATE DATABASE fleet")
	folder, port := server.Socket()

	home, err := os.MkdirTemp("", "compose") //nolint:usetesting // the folder above that of a test is closed to others
	check(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(home) })
	program, err := exec.LookPath(words.Tool)
	check(t, err)
	binary, err := os.ReadFile(program)
	check(t, err)
	check(t, os.WriteFile(filepath.Join(home, words.Tool), binary, 0o755)) //nolint:gosec // for others to run
	check(t, os.WriteFile(filepath.Join(home, "key"), []byte("a key of the team\n"), 0o600))
	check(t, os.WriteFile(filepath.Join(home, "leads.csv"), []byte("Email\nann@alder.example\nben@birch.example\n"), 0o600))
	for _, name := range []string{"", "key", "leads.csv"} {
		check(t, os.Chown(filepath.Join(home, name), uid, uid))
	}
	service := serveRemote(t)

	// serve is a service's command, or another one in its place.
	serve := func(name string, args ...string) *exec.Cmd {
		s := file.Services[name]
		if s.User != "${OCTAVE_USER:?write it into .env, see above}" {
			t.Fatalf("%s runs as %q, and not as whose the key is", name, s.User)
		}
		if len(args) == 0 {
			args = s.Command
		}
		cmd := exec.CommandContext(t.Context(), filepath.Join(home, words.Tool))
		for _, arg := range args {
			for _, secret := range s.Secrets {
				arg = strings.Replace(arg, "/run/secrets/"+secret, filepath.Join(home, file.Secrets[secret].File), 1)
			}
			cmd.Args = append(cmd.Args, strings.Replace(arg, "0.0.0.0:9464", "127.0.0.1:0", 1))
		}
		cmd.Dir, cmd.Env = home, []string{"OCTAVE_BASE_URL=" + service.url}
		for key, value := range s.Environment {
			cmd.Env = append(cmd.Env, key+"="+strings.Replace(value, "host=/var/run/postgresql", fmt.Sprintf("host=%s&port=%d", folder, port), 1))
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
		return cmd
	}
	finish := func(name string, args ...string) {
		t.Helper()
		p := start(t, serve(name, args...))
		p.exits(t, 0)
	}
	finish("init")
	worker := start(t, serve("worker"))
	finish("run", "run", "leads.csv")
	finish("run", "fleet", "status")
	if got := strings.Count(string(read(t, filepath.Join(home, "leads.enriched.csv"))), ",ok,"); got != 2 {
		t.Errorf("%d rows are answered", got)
	}
	worker.signal(t, syscall.SIGTERM)
	worker.exits(t, 143)
}

// TestFleetRunbook does what the runbook says, command by command in its order, with the
// users that it makes. The same list costs nothing more, whatever is rotated, put back or
// brought up to date in between.
func TestFleetRunbook(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	server.Exec("CREATE ROLE owner LOGIN CREATEROLE")
	server.Exec("CREATE DATABASE fleet OWNER owner")
	service := serveRemote(t)
	dir := t.TempDir()
	check(t, os.WriteFile(filepath.Join(dir, "key"), []byte("a key\n"), 0o600))
	check(t, os.WriteFile(filepath.Join(dir, "key.new"), []byte("another key\n"), 0o600))
	check(t, os.WriteFile(filepath.Join(dir, "people.csv"), read(t, "../../samples/prospects.csv"), 0o600))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	port := strings.TrimPrefix(listener.Addr().String(), "127.0.0.1:")
	check(t, listener.Close())

	text := fleetSample(t, "README.md")
	_, text, _ = strings.Cut(text, "\n## Runbook\n")
	text, _, _ = strings.Cut(text, "\n## ")
	script := "set -eu\n"
	blocks := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(text, -1)
	for _, block := range blocks {
		script += block[1]
	}
	if len(blocks) < 7 {
		t.Errorf("%d blocks of commands were found", len(blocks))
	}
	script = strings.ReplaceAll(script, "db.internal/fleet?sslmode=verify-full", server.Address()+"/fleet?sslmode=disable")
	script = strings.ReplaceAll(script, "9464", port)
	cmd := exec.CommandContext(t.Context(), "sh", "-c", script)
	cmd.Dir = dir
	cmd.Env = slices.Concat(command(t, dir, service.url).Env, []string{"OCTAVE_API_KEY="})
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p := start(t, cmd)
	t.Cleanup(func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }) // what it left behind
	<-p.ended
	if p.code() != 0 {
		t.Fatalf("it ends with %d:\n%s", p.code(), p.stderr())
	}
	if books := service.books(t); books.Asked != 28 {
		t.Errorf("%d calls for 28 questions", books.Asked)
	}
}
