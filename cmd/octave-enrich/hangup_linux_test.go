package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"octave-enrich/cmd/octave-enrich/exit"
)

// terminal opens a terminal: the end of the person, and that of the programs.
func terminal(t *testing.T) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no terminals here: %v", err)
	}
	var unlocked, number int32
	for request, arg := range map[uintptr]*int32{syscall.TIOCSPTLCK: &unlocked, syscall.TIOCGPTN: &number} {
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, person.Fd(), request, uintptr(unsafe.Pointer(arg))); errno != 0 {
			t.Fatal(errno)
		}
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	check(t, err)
	return person, program
}

// A terminal that is closed takes the run's own standard error along. The run ends
// in order all the same; under nohup it does not even end.
func TestTerminalCloses(t *testing.T) {
	t.Parallel()
	for _, nohup := range []bool{false, true} {
		t.Run(fmt.Sprintf("nohup=%v", nohup), func(t *testing.T) {
			t.Parallel()
			dir, service := t.TempDir(), serveRemote(t, "--latency", "300ms")
			check(t, os.WriteFile(filepath.Join(dir, "list.csv"), contacts(12), 0o600))
			cmd := command(t, dir, service.url, "run", "list.csv", "-o", "out.csv", "--concurrency", "2", "--progress", "bar")
			if nohup {
				self := cmd.Args
				cmd = command(t, dir, service.url)
				cmd.Path, cmd.Args = "/bin/sh", append([]string{"sh", "-c", `trap "" HUP; exec "$@"`, "sh"}, self...)
			} else {
				cmd.Args = append(cmd.Args, "--rate", "1/h") // it must not end before the terminal does
			}
			person, program := terminal(t)
			defer person.Close()
			cmd.Stdin, cmd.Stdout, cmd.Stderr = program, program, program
			cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
			p := start(t, cmd)
			check(t, program.Close())

			checkpoint := filepath.Join(dir, "out.csv.checkpoint")
			await(t, p, "the first call", func() bool { return told(checkpoint, "asked") >= 1 })
			check(t, person.Close())
			want := exit.Hangup
			if nohup {
				want = exit.OK
			}
			p.exits(t, want)
			found := statuses(t, read(t, filepath.Join(dir, "out.csv")), 12)
			if all := found["ok"] == 12; all != nohup || found["ok"] < 1 {
				t.Errorf("rows: %v", found)
			}
			asked := service.books(t).Asked
			if p := runToEnd(t, dir, service.url, "run", "list.csv", "-o", "out.csv"); p.code() != 0 {
				t.Errorf("resumed: exit code %d:\n%s", p.code(), p.stderr())
			}
			if again := service.books(t).Asked - asked; again != 12-found["ok"] {
				t.Errorf("resumed: asked %d times, want %d", again, 12-found["ok"])
			}
		})
	}
}

// A reader that goes away is an error of the output for the rows, and none for
// what is said to people.
func TestReaderGoesAway(t *testing.T) {
	t.Parallel()
	const rows = 3 * crowd
	for _, c := range []struct {
		name, gone string
		args       []string
		code       int
	}{
		{"rows as they come", "stdout", []string{"-o", "-", "--out-format", "jsonl", "--checkpoint", "out.csv.checkpoint"}, exit.Output},
		{"rows at the end", "stdout", []string{"-o", "-", "--out-format", "csv", "--checkpoint", "out.csv.checkpoint"}, exit.Output},
		{"messages", "stderr", []string{"-o", "out.csv", "--log-level", "debug", "--rate", "1000/s"}, exit.OK},
		{"both", "both", []string{"-o", "-", "--out-format", "jsonl", "--checkpoint", "out.csv.checkpoint", "--log-level", "debug"}, exit.Output},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir, service := t.TempDir(), serveRemote(t, "--script", "ok*20,500*5", "--latency", "5ms")
			check(t, os.WriteFile(filepath.Join(dir, "list.csv"), contacts(rows), 0o600))
			cmd := command(t, dir, service.url, append([]string{"run", "list.csv", "--retries", "9"}, c.args...)...)
			out, in, err := os.Pipe()
			check(t, err)
			if c.gone != "stderr" {
				cmd.Stdout = in
			}
			if c.gone != "stdout" {
				cmd.Stderr = in
			}
			p := start(t, cmd)
			check(t, in.Close())
			_, err = bufio.NewReader(io.LimitReader(out, 100)).ReadString('\n')
			if err != nil && err != io.EOF {
				t.Fatal(err)
			}
			check(t, out.Close())
			p.exits(t, c.code)

			kept := told(filepath.Join(dir, "out.csv.checkpoint"), "answered")
			before := service.books(t) // it counts an answer when it has gone out
			for deadline := time.Now().Add(patience); before.Delivered < kept && time.Now().Before(deadline); before = service.books(t) {
				time.Sleep(5 * time.Millisecond)
			}
			if before.Delivered != kept {
				t.Errorf("%d answers were delivered, %d are kept", before.Delivered, kept)
			}
			if again := runToEnd(t, dir, service.url, "run", "list.csv", "-o", "out.csv"); again.code() != 0 {
				t.Fatalf("resumed: exit code %d:\n%s", again.code(), again.stderr())
			}
			if after := service.books(t); after.Delivered != rows {
				t.Errorf("resumed: %d answers for %d rows", after.Delivered, rows)
			}
			if found := statuses(t, read(t, filepath.Join(dir, "out.csv")), rows); found["ok"] != rows {
				t.Errorf("resumed: %v", found)
			}
		})
	}
}
