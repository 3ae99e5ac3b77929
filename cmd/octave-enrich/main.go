// Octave-enrich asks Octave's Sequence Agent for an outbound email sequence for
// every contact of a list, once, and writes one row per contact.
//
// The command line is documented by its own help texts and the README.
package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"os"
	"os/signal"
	"strings"
	"syscall"
	_ "time/tzdata" // so that TZ is heard where the system has no zones

	"octave-enrich/cmd/octave-enrich/console"
	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/cmd/octave-enrich/words"

	"go.uber.org/zap"
)

// version is set when a release is built.
var version = "dev"

// An app is the process as the commands see it.
type app struct {
	stdin  io.Reader
	stdout *os.File
	stderr *os.File
	args   []string // after the program's name

	// log is set once standard error is known to be read by a program.
	log *zap.Logger
}

// newLog is the log that the flags ask for, and its format.
func (a *app) newLog(o *options.Options, to *console.Console) (*zap.Logger, string, error) {
	if err := options.OneOf("log-format", o.Teller.LogFormat, "auto", "text", "json"); err != nil {
		return nil, "", err
	}
	terminal := console.IsTerminal(a.stderr)
	format := console.LogFormat(o.Teller.LogFormat, terminal)
	level := o.Teller.LogLevel
	switch {
	case o.Teller.Quiet && o.Teller.Verbose:
		return nil, "", exit.UsageError("--quiet and --verbose exclude each other")
	case o.Teller.Quiet:
		level = "warn"
	case o.Teller.Verbose:
		level = "debug"
	}
	log, err := console.NewLog(to, format, level, terminal)
	if err != nil {
		return nil, "", &exit.Error{Code: exit.Usage, Err: err}
	}
	return log, format, nil
}

// progressMode decides what auto means.
func (a *app) progressMode(o *options.Options) string {
	switch {
	case o.Teller.Progress != "auto":
		return o.Teller.Progress
	case o.Teller.Quiet:
		return "none"
	case console.IsTerminal(a.stderr):
		return "bar"
	}
	return "plain"
}

func main() { os.Exit(Main()) }

// Main runs the command line and returns the exit code.
func Main() int {
	// A reader of our standard output that goes away is a write error like any
	// other, not the end of the process: paid answers may be on the wire.
	signal.Ignore(syscall.SIGPIPE)
	// net/http tells the standard logger of bytes that come after the end of an
	// answer: they can be emails, or the key.
	log.SetOutput(io.Discard)
	a := &app{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, args: os.Args[1:]}
	root := newRoot(a)
	root.SetArgs(a.args)
	return a.exit(root.Execute())
}

// exit says what went wrong, what to do about it, and returns the exit code. How
// to resume is the last line on standard error.
func (a *app) exit(err error) int {
	e := exit.As(err)
	if e == nil {
		return exit.OK
	}
	if unread(err) {
		return exit.Output // whoever read it has seen enough
	}
	if e.Code == exit.Internal && onStdout(err) {
		e = &exit.Error{Code: exit.Output, Err: e.Err}
	}
	code := e.Code
	if e.Success {
		code = exit.OK
	}
	if a.log != nil {
		a.logExit(e)
		return code
	}
	if e.Err != nil {
		fmt.Fprintf(a.stderr, "%s: %v\n", words.Tool, e.Err)
	}
	for line := range strings.SplitSeq(e.Hint, "\n") {
		if line != "" {
			fmt.Fprintf(a.stderr, "  %s\n", line)
		}
	}
	if exit.Resumable(e.Code) && e.Resume != "" {
		fmt.Fprintf(a.stderr, "to resume, run the same command again: %s\n", e.Resume)
	}
	return code
}

// unread says whether it ended because nobody reads standard output any more, as
// with | head.
func unread(err error) bool { return onStdout(err) && errors.Is(err, syscall.EPIPE) }

// onStdout says whether it ended because standard output could not be written.
func onStdout(err error) bool {
	var path *fs.PathError
	return errors.As(err, &path) && path.Path == os.Stdout.Name()
}

// logExit says the same in one line.
func (a *app) logExit(e *exit.Error) {
	fields := []zap.Field{zap.Int("exit_code", e.Code)}
	if e.Hint != "" {
		fields = append(fields, zap.String("hint", e.Hint))
	}
	if exit.Resumable(e.Code) && e.Resume != "" {
		fields = append(fields, zap.String("resume", e.Resume))
	}
	a.log.Error(e.Error(), fields...)
}

// commandLine spells the command that was typed.
func (a *app) commandLine() string {
	typed := []string{words.Tool}
	for _, arg := range a.args {
		typed = append(typed, words.Quote(options.MaskPassword(arg)))
	}
	return strings.Join(typed, " ")
}
