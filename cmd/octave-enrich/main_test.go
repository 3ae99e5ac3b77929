package main

import (
	"cmp"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"octave-enrich/checkpoint"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/octave/sandbox"
	"octave-enrich/pipeline/fleet/pgtest"
)

func TestMain(m *testing.M) {
	testscript.Main(tests{m}, map[string]func(){words.Tool: main, "bare": bare, "recopy": recopy, "floor": floor})
}

type tests struct{ *testing.M }

// Run makes the processes that tests start hear SIGHUP, even when nohup started the
// tests: what is caught here is not ignored there.
func (m tests) Run() int {
	if signal.Ignored(syscall.SIGHUP) {
		signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	}
	return pgtest.Main(m.M)
}

// TestScript holds the binary to its contract: a script a concern, named by what
// it specifies. The service is the binary's own, in the background.
func TestScript(t *testing.T) { testscript.Run(t, scripts("testdata/script")) }

// scripts are how those of a folder are run.
func scripts(dir string) testscript.Params {
	return testscript.Params{
		Dir:                 dir,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			samples, err := filepath.Abs("../../samples")
			env.Setenv("SAMPLES", samples)
			env.Setenv("OCTAVE_RATE", "0") // for speed; what the default is has a script of its own
			env.Setenv("OCTAVE_TIMEOUT", "60s")
			env.Values[signalled{}] = new(*exec.Cmd)
			return err
		},
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "root":
				return os.Geteuid() == 0, nil
			case "tmpfs":
				return canMount(), nil
			}
			return false, fmt.Errorf("unknown condition %s", cond)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "service": service, "ledger": ledger, "until": until, "signal": signalRun, "insist": insist, "code": code,
			"column": column, "mode": mode, "nowhere": nowhere, "value": value, "tmpfs": tmpfs, "mounted": mounted, "flip": flip,
			"schema": schema, "unpack": unpack, "decided": decided, "again": again, "rewritten": rewritten, "readme": readme, "aged": aged,
		},
	}
}

// patience is how long a script waits for something before it fails.
const patience = time.Minute

// wait polls until done, and fails the script when patience ends.
func wait(ts *testscript.TestScript, what string, done func() bool) {
	deadline := time.Now().Add(patience)
	for !done() {
		if time.Now().After(deadline) {
			ts.Fatalf("waited in vain for %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func usage(ts *testscript.TestScript, ok bool, text string) {
	if !ok {
		ts.Fatalf("usage: %s", text)
	}
}

// exits runs a program to the end and wants its exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) >= 2, "exits CODE PROGRAM [ARGS...]")
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var failed *exec.ExitError
		if !errors.As(err, &failed) {
			ts.Fatalf("%v", err)
		}
		got = failed.ExitCode()
	}
	if want := args[0]; strconv.Itoa(got) != want {
		ts.Fatalf("exit code %d, want %s", got, want)
	}
}

// service waits until the service in the background has written its address to
// the file, and makes it the one that runs ask.
func service(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) == 1, "service FILE")
	wait(ts, args[0], func() bool {
		text, err := os.ReadFile(ts.MkAbs(args[0]))
		ts.Setenv("OCTAVE_BASE_URL", strings.TrimSpace(string(text)))
		return err == nil
	})
	ts.Setenv("OCTAVE_API_KEY", cmp.Or(ts.Getenv("OCTAVE_API_KEY"), "a key"))
}

// ledger compares what the service counted, or waits for it.
func ledger(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) > 0, "ledger [-wait] NAME=N NAME<=N ...")
	if args[0] == "-wait" {
		wait(ts, "the service to count "+args[1], func() bool { return counted(ts, args[1], books(ts)) })
		return
	}
	have := books(ts)
	for _, arg := range args {
		if !counted(ts, arg, have) {
			ts.Fatalf("the service did not count %s, but %v", arg, have)
		}
	}
}

func counted(ts *testscript.TestScript, arg string, have map[string]int) bool {
	name, number, _ := strings.Cut(arg, "=")
	name, bound := strings.CutSuffix(name, "<")
	got, known := have[name]
	want, err := strconv.Atoi(number)
	if !known || err != nil {
		ts.Fatalf("ledger: %s?", arg)
	}
	return got == want || bound && got < want
}

func books(ts *testscript.TestScript) map[string]int {
	response, err := http.Get(ts.Getenv("OCTAVE_BASE_URL") + "/sandbox/ledger")
	ts.Check(err)
	defer response.Body.Close()
	var books sandbox.Ledger
	ts.Check(json.NewDecoder(response.Body).Decode(&books))
	most := sandbox.Count{}
	for _, c := range books.Contacts {
		most.Asked, most.Billed = max(most.Asked, c.Asked), max(most.Billed, c.Billed)
	}
	return map[string]int{
		"looked": books.Looked, "asked": books.Asked, "billed": books.Billed, "delivered": books.Delivered, "refused": books.Refused,
		"works": len(books.Works), "polled": books.Polled, "max_waiting": books.MaxWaiting,
		"max_in_flight": books.MaxInFlight, "contacts": len(books.Contacts),
		"most_asked": most.Asked, "most_billed": most.Billed, "most_per_second": slices.Max(append(books.PerSecond, 0)),
	}
}

// until waits for a file that holds at least n matches.
func until(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) == 3, "until N PATTERN FILE")
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	pattern, err := regexp.Compile(args[1])
	ts.Check(err)
	wait(ts, strings.Join(args, " "), func() bool {
		text, err := os.ReadFile(ts.MkAbs(args[2]))
		return err == nil && len(pattern.FindAll(text, n)) == n
	})
}

type signalled struct{} // key of the command that was sent a signal

// signalRun sends a signal to the run, or another command, in the background.
func signalRun(ts *testscript.TestScript, neg bool, args []string) {
	signals := map[string]os.Signal{"INT": os.Interrupt, "TERM": syscall.SIGTERM, "HUP": syscall.SIGHUP, "KILL": os.Kill,
		"STOP": syscall.SIGSTOP, "CONT": syscall.SIGCONT}
	usage(ts, !neg && len(args) >= 1 && signals[args[0]] != nil, "signal INT|TERM|HUP|KILL|STOP|CONT [COMMAND]")
	command := "run"
	if len(args) > 1 {
		command = args[1]
	}
	for _, background := range ts.BackgroundCmds() {
		if strings.Contains(strings.Join(background.Args, " "), words.Tool+" "+command+" ") {
			ts.Check(background.Process.Signal(signals[args[0]]))
			*ts.Value(signalled{}).(**exec.Cmd) = background
			return
		}
	}
	ts.Fatalf("nothing runs in the background")
}

// insist sends SIGINT, as a person does, until the command in the background has
// ended.
func insist(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) == 1, "insist COMMAND")
	signalRun(ts, false, []string{"INT", args[0]})
	background := *ts.Value(signalled{}).(**exec.Cmd)
	wait(ts, args[0]+" to leave", func() bool { return background.Process.Signal(os.Interrupt) != nil })
}

// code wants the exit code of the run that was sent a signal and waited for.
func code(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) == 1, "code N")
	background := *ts.Value(signalled{}).(**exec.Cmd)
	if got := background.ProcessState.ExitCode(); strconv.Itoa(got) != args[0] {
		ts.Fatalf("exit code %d, want %s", got, args[0])
	}
}

// column wants the values of a column of a CSV file, from top to bottom, or
// sorted when their order is up to the calls.
func column(ts *testscript.TestScript, neg bool, args []string) {
	sorted := len(args) > 0 && args[0] == "-sorted"
	if sorted {
		args = args[1:]
	}
	usage(ts, !neg && len(args) >= 2, "column [-sorted] FILE NAME VALUES...")
	records, err := csv.NewReader(strings.NewReader(ts.ReadFile(args[0]))).ReadAll()
	ts.Check(err)
	i := slices.Index(records[0], args[1])
	if i < 0 {
		ts.Fatalf("no column %s in %q", args[1], records[0])
	}
	var got []string
	for _, record := range records[1:] {
		got = append(got, record[i])
	}
	if sorted {
		slices.Sort(got)
	}
	if want := args[2:]; !slices.Equal(got, want) {
		ts.Fatalf("%s is %q, want %q", args[1], got, want)
	}
}

// mode wants the permissions of files.
func mode(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) >= 2, "mode PERM FILES...")
	for _, file := range args[1:] {
		info, err := os.Stat(ts.MkAbs(file))
		ts.Check(err)
		if got := fmt.Sprintf("%04o", info.Mode().Perm()); got != args[0] {
			ts.Fatalf("%s has mode %s, want %s", file, got, args[0])
		}
	}
}

// nowhere wants a text in no file below a folder, but for those named.
func nowhere(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) >= 2, "nowhere TEXT FOLDER [BUT FILES...]")
	ts.Check(filepath.WalkDir(ts.MkAbs(args[1]), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || slices.Contains(args[2:], d.Name()) {
			return err
		}
		text, err := os.ReadFile(path)
		if strings.Contains(string(text), args[0]) {
			return fmt.Errorf("%s holds %q", path, args[0])
		}
		return err
	}))
}

// value wants a value of a JSON file: rows.ok, first.0.email. Only a text may be
// given as it is; all else in JSON.
func value(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) == 3, "value FILE PATH JSON")
	var v any
	decoder := json.NewDecoder(strings.NewReader(ts.ReadFile(args[0])))
	decoder.UseNumber()
	ts.Check(decoder.Decode(&v))
	if _, err := decoder.Token(); err != io.EOF {
		ts.Fatalf("%s holds more than one JSON value", args[0])
	}
	for _, name := range strings.Split(args[1], ".") {
		switch at := v.(type) {
		case map[string]any:
			v = at[name]
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i >= len(at) {
				ts.Fatalf("%s: no %s in %v", args[1], name, at)
			}
			v = at[i]
		default:
			ts.Fatalf("%s: no %s in %v", args[1], name, v)
		}
	}
	got, isText := v.(string)
	if !isText {
		text, err := json.Marshal(v)
		ts.Check(err)
		got = string(text)
	}
	if got != args[2] {
		ts.Fatalf("%s is %s, want %s", args[1], got, args[2])
	}
}

// flip changes one bit of a file, so many bytes from its beginning.
func flip(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) == 2, "flip OFFSET FILE")
	offset, err := strconv.Atoi(args[0])
	ts.Check(err)
	text := []byte(ts.ReadFile(args[1]))
	text[offset] ^= 1
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), text, 0o600))
}

// aged makes all records of a checkpoint older.
func aged(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) == 2, "aged CHECKPOINT DURATION")
	by, err := time.ParseDuration(args[1])
	ts.Check(err)
	_, err = checkpoint.Rewrite(ts.MkAbs(args[0]), checkpoint.Options{}, func(rec checkpoint.Record) (checkpoint.Record, bool) {
		rec.At = rec.At.Add(-by)
		return rec, true
	})
	ts.Check(err)
}

// tmpfs makes a folder a disk of its own that is soon full.
func tmpfs(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) == 2, "tmpfs FOLDER SIZE")
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o700))
	ts.Check(exec.Command("mount", "-t", "tmpfs", "-o", "size="+args[1], "tmpfs", dir).Run())
	ts.Defer(func() { ts.Check(exec.Command("umount", dir).Run()) })
}

// mounted mounts a file at the place of another one.
func mounted(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) == 2, "mounted FILE AT")
	at := ts.MkAbs(args[1])
	ts.Check(os.WriteFile(at, nil, 0o600))
	ts.Check(exec.Command("mount", "--bind", ts.MkAbs(args[0]), at).Run())
	ts.Defer(func() { ts.Check(exec.Command("umount", at).Run()) })
}

func canMount() bool {
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		return false
	}
	dir, err := os.MkdirTemp("", "mount")
	if err != nil {
		return false
	}
	defer os.Remove(dir)
	return exec.Command("mount", "-t", "tmpfs", "tmpfs", dir).Run() == nil && exec.Command("umount", dir).Run() == nil
}
