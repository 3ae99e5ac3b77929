//go:build unix

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"octave-enrich/checkpoint"
	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/octave/sandbox"
)

// site is a folder with a list of so many contacts.
func site(t *testing.T, rows int) string {
	dir := t.TempDir()
	check(t, os.WriteFile(filepath.Join(dir, "list.csv"), contacts(rows), 0o600))
	return dir
}

// A second run waits for the first, and then has nothing to ask.
func TestWaitLock(t *testing.T) {
	const rows = 12
	dir := site(t, rows)
	service, letGo := gated(t, 0, sandbox.Config{})
	first := start(t, command(t, dir, service.url, "run", "list.csv", "-o", "out.csv", "--concurrency", "2"))
	await(t, first, "the first call", func() bool { return told(filepath.Join(dir, "out.csv.checkpoint"), "asked") > 0 })
	second := start(t, command(t, dir, service.url, "run", "list.csv", "-o", "out.csv", "--wait-lock", "1h"))
	await(t, second, "the wait", func() bool { return strings.Contains(second.stderr(), "waiting for it") })
	letGo()
	first.exits(t, exit.OK)
	second.exits(t, exit.OK)
	if asked := service.books(t).Asked; asked != rows {
		t.Errorf("asked %d times for %d contacts", asked, rows)
	}
	if found := statuses(t, read(t, filepath.Join(dir, "out.csv")), rows); found["ok"] != rows {
		t.Errorf("rows: %v", found)
	}

	// It does not wait for longer than it was told to.
	journal, err := checkpoint.Open(filepath.Join(dir, "out.csv.checkpoint"), checkpoint.Options{})
	check(t, err)
	defer journal.Close()
	run := runToEnd(t, dir, service.url, "run", "list.csv", "-o", "out.csv", "--wait-lock", "2s")
	run.exits(t, exit.Locked)
	if !strings.Contains(run.stderr(), "waiting for it") {
		t.Errorf("it did not wait: %s", run.stderr())
	}
}

// Who only reads may look at any moment of a run, and does not disturb it.
func TestReadersBesideARun(t *testing.T) {
	const rows = 60
	dir, service := site(t, rows), serveRemote(t, "--latency", "30ms")
	answers := filepath.Join(dir, "out.csv.checkpoint")
	p := start(t, command(t, dir, service.url, "run", "list.csv", "-o", "out.csv", "--concurrency", "2"))
	await(t, p, "the first answer", func() bool { return told(answers, "answered") > 0 })
	seen := 0
	for running := true; running; {
		select {
		case <-p.ended:
			running = false
		default:
		}
		status := runToEnd(t, dir, service.url, "status", answers)
		if status.code() != 0 {
			t.Fatalf("status: exit code %d:\n%s", status.code(), status.stderr())
		}
		if export := runToEnd(t, dir, service.url, "export", "list.csv", "-o", "now.csv", "--checkpoint", answers, "--force"); export.code() != 0 {
			t.Fatalf("export: exit code %d:\n%s", export.code(), export.stderr())
		}
		ok := statuses(t, read(t, filepath.Join(dir, "now.csv")), rows)["ok"]
		if ok < seen {
			t.Errorf("export shows %d answers after it had shown %d", ok, seen)
		}
		seen = ok
	}
	p.exits(t, exit.OK)
	if seen != rows {
		t.Errorf("the last look saw %d answers of %d", seen, rows)
	}
	if !bytes.Equal(read(t, filepath.Join(dir, "now.csv")), read(t, filepath.Join(dir, "out.csv"))) {
		t.Error("the last export differs from the output")
	}
}

// Two checkpoints and one output: whoever ends second must not give half of the
// other's rows the name.
func TestTwoRunsOneOutput(t *testing.T) {
	const rows = 30
	dir, quick := site(t, rows), serveRemote(t)
	slow, letGo := gated(t, 0, sandbox.Config{})
	output := filepath.Join(dir, "out.csv")
	first := start(t, command(t, dir, slow.url, "run", "list.csv", "-o", "out.csv", "--checkpoint", "a", "--concurrency", "2"))
	await(t, first, "the first call", func() bool { return told(filepath.Join(dir, "a"), "asked") > 0 })
	// The second one takes OUTPUT.partial over; whoever ends first, it is the second's.
	second := start(t, command(t, dir, slow.url, "run", "list.csv", "-o", "out.csv", "--checkpoint", "b", "--concurrency", "1"))
	await(t, second, "its first call", func() bool { return told(filepath.Join(dir, "b"), "asked") > 0 })
	letGo()
	<-first.ended
	if text, err := os.ReadFile(output); err == nil {
		statuses(t, text, rows) // wants every row
	}
	<-second.ended
	if text, err := os.ReadFile(output); err == nil {
		statuses(t, text, rows)
	}
	if first.code() != exit.Output || second.code() != exit.OK {
		t.Errorf("exit codes %d and %d, want %d and %d\n%s%s", first.code(), second.code(), exit.Output, exit.OK, first.stderr(), second.stderr())
	}
	// No answer is lost of either.
	for _, answers := range []string{"a", "b"} {
		p := runToEnd(t, dir, quick.url, "run", "list.csv", "-o", answers+".csv", "--checkpoint", answers)
		p.exits(t, exit.OK)
	}
	if asked := quick.books(t).Asked; asked != 0 {
		t.Errorf("asked again %d times", asked)
	}
}

// elsewhere is a folder on another file system than the tests' own.
func elsewhere(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "octave-enrich-test-*") //nolint:usetesting // on another file system
	if err != nil {
		t.Skipf("there is no other file system: %v", err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// The rows on one file system, the answers on another, the list on a third: a
// rename never crosses a border.
func TestFileSystems(t *testing.T) {
	const rows = 20
	for _, c := range []struct{ name, output, answers string }{
		{"answers elsewhere", "here", "there"},
		{"output elsewhere", "there", "here"},
		{"both elsewhere", "there", "there"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := site(t, rows)
			place := map[string]string{"here": dir, "there": elsewhere(t)}
			output, answers := filepath.Join(place[c.output], "out.csv"), filepath.Join(place[c.answers], "answers")
			killedAndResumed(t, dir, rows, output, answers)
			if left, _ := filepath.Glob(output + ".partial*"); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// killedAndResumed kills a run in the middle and wants the next one to end it. It
// returns the service that the second one asked.
func killedAndResumed(t *testing.T, dir string, rows int, output, answers string) remote {
	t.Helper()
	const kept = 6
	silent := serveRemote(t, "--script", fmt.Sprintf("ok*%d", kept), "--faults", "hang=1", "--messages", "6")
	args := []string{"run", "list.csv", "-o", output, "--checkpoint", answers, "--concurrency", "2"}
	p := start(t, command(t, dir, silent.url, args...))
	await(t, p, "some answers", func() bool { return told(answers, "answered") == kept })
	check(t, p.cmd.Process.Kill())
	<-p.ended
	service := serveRemote(t, "--messages", "6")
	again := runToEnd(t, dir, service.url, args...)
	again.exits(t, exit.OK)
	if asked := service.books(t).Asked; asked != rows-kept {
		t.Errorf("asked %d times, %d answers of %d were kept", asked, kept, rows)
	}
	if found := statuses(t, read(t, output), rows); found["ok"] != rows {
		t.Errorf("rows: %v", found)
	}
	return service
}

// Input, output and checkpoint may be links, to other file systems and to files
// that are yet to be: they stay links, and the lock is on what they point at.
func TestLinks(t *testing.T) {
	const rows = 20
	dir, far := t.TempDir(), elsewhere(t)
	check(t, os.WriteFile(filepath.Join(far, "real.csv"), contacts(rows), 0o600))
	for link, to := range map[string]string{"list.csv": "real.csv", "out.csv": "rows.csv", "answers": "answers.real"} {
		check(t, os.Symlink(filepath.Join(far, to), filepath.Join(dir, link)))
	}
	service := killedAndResumed(t, dir, rows, filepath.Join(dir, "out.csv"), filepath.Join(dir, "answers"))
	for _, link := range []string{"list.csv", "out.csv", "answers"} {
		if info, err := os.Lstat(filepath.Join(dir, link)); err != nil || info.Mode()&os.ModeSymlink == 0 {
			t.Errorf("%s is no link any more: %v, %v", link, info, err)
		}
	}
	for _, file := range []string{"rows.csv", "answers.real"} {
		if info, err := os.Stat(filepath.Join(far, file)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", file, info, err)
		}
	}
	journal, err := checkpoint.Open(filepath.Join(far, "answers.real"), checkpoint.Options{})
	check(t, err)
	defer journal.Close()
	runToEnd(t, dir, service.url, "run", "list.csv", "-o", "out.csv", "--checkpoint", "answers").exits(t, exit.Locked)
}

// Permissions that change while a run goes on cost no answer. The run is another
// user's: root may do everything.
func TestPermissionsChange(t *testing.T) {
	const rows = 20
	for _, c := range []struct {
		name, path string
		mode       os.FileMode
		code, then int // of this run, and of one more while it lasts
	}{
		{"checkpoint", "answers/file", 0o400, exit.OK, exit.Output},
		{"folder of the checkpoint", "answers", 0o500, exit.OK, exit.OK},
		{"folder of the output", "rows", 0o500, exit.Output, exit.Output},
		{"rows so far", "rows/out.csv.partial", 0o000, exit.OK, exit.OK},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := site(t, rows)
			service, letGo := gated(t, 5, sandbox.Config{Messages: 5})
			user := stranger(t, dir)
			args := []string{"run", "list.csv", "-o", "rows/out.csv", "--checkpoint", "answers/file", "--concurrency", "2"}
			path, answers := filepath.Join(dir, c.path), filepath.Join(dir, "answers", "file")
			before := os.FileMode(0o600)
			if !strings.Contains(c.path, "/") {
				before = 0o700
			}
			p := start(t, user(command(t, dir, service.url, args...)))
			await(t, p, "some answers", func() bool { return told(answers, "answered") > 4 })
			check(t, os.Chmod(path, c.mode))
			letGo()
			p.exits(t, c.code)
			if kept := told(answers, "answered"); kept != rows {
				t.Errorf("%d answers of %d are kept", kept, rows)
			}
			more := start(t, user(command(t, dir, service.url, args...)))
			more.exits(t, c.then)
			if c.then != exit.OK {
				if !strings.Contains(more.stderr(), "permission denied") {
					t.Errorf("it does not say why: %s", more.stderr())
				}
				check(t, os.Chmod(path, before))
			}
			last := start(t, user(command(t, dir, service.url, args...)))
			last.exits(t, exit.OK)
			if asked := service.books(t).Asked; asked != rows {
				t.Errorf("asked %d times for %d contacts", asked, rows)
			}
			if found := statuses(t, read(t, filepath.Join(dir, "rows", "out.csv")), rows); found["ok"] != rows {
				t.Errorf("rows: %v", found)
			}
		})
	}
}

// stranger makes folders in dir that belong to a user who is not root, and returns
// what makes a command that user's.
func stranger(t *testing.T, dir string) func(*exec.Cmd) *exec.Cmd {
	t.Helper()
	const nobody = 65534
	root := os.Geteuid() == 0
	for _, folder := range []string{"rows", "answers"} {
		check(t, os.Mkdir(filepath.Join(dir, folder), 0o700))
		if root {
			check(t, os.Chown(filepath.Join(dir, folder), nobody, nobody))
		}
	}
	if !root {
		return func(cmd *exec.Cmd) *exec.Cmd { return cmd }
	}
	check(t, os.Chmod(filepath.Dir(dir), 0o755))
	check(t, os.Chmod(dir, 0o755))
	check(t, os.Chmod(filepath.Join(dir, "list.csv"), 0o644))
	binary := filepath.Join(dir, words.Tool)
	path, err := exec.LookPath(words.Tool)
	check(t, err)
	// By another process: a file that this one writes may still be open in a child
	// that another test starts at this moment, and cannot be executed then.
	check(t, exec.Command("cp", path, binary).Run())
	check(t, os.Chmod(binary, 0o755))
	return func(cmd *exec.Cmd) *exec.Cmd {
		cmd.Path = binary
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		return cmd
	}
}
