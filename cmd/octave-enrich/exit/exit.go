// Package exit gives every error its exit code, which scripts rely on, and says
// what to do about it.
package exit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"octave-enrich/checkpoint"
	"octave-enrich/checkpoint/durable"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/octave"
	"octave-enrich/pipeline"
	"octave-enrich/pipeline/fleet"
	"octave-enrich/reader"
)

// The exit codes, which scripts rely on.
const (
	OK          = 0
	Internal    = 1
	Usage       = 2  // usage, configuration, mapping, exclude file
	RowsFailed  = 3  // finished, some rows failed
	Input       = 4  // input missing, unreadable or damaged
	Service     = 5  // the service kept failing
	Output      = 6  // output or checkpoint not writable
	Credits     = 7  // out of credits
	Budget      = 8  // --max-usage or --max-calls
	Decide      = 9  // old answers were kept, or others would be paid for again: say what to do
	MaxDuration = 10 // --max-duration
	Locked      = 11 // another run holds the checkpoint
	Key         = 12 // key rejected
	Damaged     = 13 // checkpoint damaged
	Hangup      = 129
	Interrupt   = 130
	Terminate   = 143
)

// Resumable says whether the same command goes on where this one ended.
func Resumable(code int) bool {
	switch code {
	case RowsFailed, Service, Credits, Budget, MaxDuration, Hangup, Interrupt, Terminate:
		return true
	}
	return false
}

// An Error is an error with its exit code and what to do about it.
type Error struct {
	Code   int    // one of the codes above
	Err    error  // what went wrong; nil for nothing to say
	Hint   string // what to do about it: one or more lines, "" for none
	Resume string // the command that goes on, "" for none
	Stuck  bool   // the same command would end alike

	Success bool // the user calls it one: the process ends with 0
}

func (e *Error) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit code %d", e.Code)
	}
	return e.Err.Error()
}

// Unwrap returns what went wrong.
func (e *Error) Unwrap() error { return e.Err }

// As is the error that decides the exit code; nil is success.
func As(err error) *Error {
	var e *Error
	if err != nil && !errors.As(err, &e) {
		e = &Error{Code: Internal, Err: err}
	}
	return e
}

// Told is the code of an end and why it was, as summaries and checkpoints have them; nil
// is success.
func (e *Error) Told() (code int, reason string) {
	if e == nil {
		return OK, "every row settled"
	}
	return e.Code, e.Error()
}

// UsageError is a flag, a setting or an argument that says nothing usable.
func UsageError(format string, args ...any) error {
	return &Error{Code: Usage, Err: fmt.Errorf(format, args...)}
}

// InputError gives errors of the reader their code.
func InputError(err error) error {
	var mapping *reader.MappingError
	var option *reader.OptionError
	if errors.As(err, &mapping) || errors.As(err, &option) {
		return &Error{Code: Usage, Err: err}
	}
	return &Error{Code: Input, Err: err}
}

// NoFile is the error of a checkpoint that cannot even be looked at.
func NoFile(path string, err error) *Error {
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%s: no such file", path)
	}
	return &Error{Code: Input, Err: err}
}

// CheckpointError gives errors of the journal their code and a way out; nil stays nil.
func CheckpointError(path string, err error) error {
	var damage *checkpoint.DamageError
	var format *checkpoint.FormatError
	var lost *checkpoint.LostError
	var rescued *checkpoint.RescuedError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &lost):
		return &Error{Code: Output, Err: lost, Hint: lostHint(lost)}
	case errors.As(err, &rescued):
		return &Error{Code: Damaged, Err: rescued, Hint: rescuedHint(rescued.Path, rescued.Rescued)}
	case errors.Is(err, checkpoint.ErrLocked):
		return &Error{Code: Locked, Err: fmt.Errorf("another run holds the checkpoint %s", path),
			Hint: "wait for it to end; run and redo do so with --wait-lock 10m"}
	case errors.As(err, &damage):
		return &Error{Code: Damaged, Err: err,
			Hint: fmt.Sprintf("what is whole: %s status %s\nrestore the file from a backup; to start over, paying again: move it away", words.Tool, words.Quote(path))}
	case errors.Is(err, checkpoint.ErrNotCheckpoint):
		return &Error{Code: Damaged, Err: fmt.Errorf("%s: %w", path, checkpoint.ErrNotCheckpoint),
			Hint: "name another one with --checkpoint FILE"}
	case errors.As(err, &format):
		return &Error{Code: Damaged, Err: err, Hint: "use the version that wrote it, or a newer one"}
	}
	return OutputError(err)
}

func lostHint(lost *checkpoint.LostError) string {
	if lost.Rescued == "" {
		return "the answers of this run are in the file that was moved, if it still is anywhere: put it back before the next run"
	}
	return rescuedHint(lost.Path, lost.Rescued)
}

// rescuedHint says how to choose between a checkpoint and what was rescued of it.
func rescuedHint(path, rescued string) string {
	path, rescued = words.Quote(path), words.Quote(rescued)
	return fmt.Sprintf(`choose one of the two before the next run:
  go on with what was rescued: mv %s %s
  go on with what has the name now, or anew: rm %s (what only it holds is paid for again)
what is in it: %s status %s`, rescued, path, rescued, words.Tool, rescued)
}

// RunError does the same for errors in the middle of a run.
func RunError(path string, err error) error {
	var journal *pipeline.JournalError
	var input *reader.InputError
	var coded *Error
	switch {
	case errors.As(err, &coded):
		return coded
	case errors.As(err, &journal):
		return CheckpointError(path, journal.Err)
	case errors.As(err, &input):
		return InputError(err)
	}
	return OutputError(err)
}

// OutputError is what could not be written.
func OutputError(err error) error {
	e := &Error{Code: Output, Err: err}
	if errors.Is(err, durable.ErrMountPoint) {
		e.Hint = "mount its folder instead of the single file, or name another file"
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		e.Hint = "the disk is full; every answer that was acknowledged is in the checkpoint: make room and run the same command again"
	}
	if errors.Is(err, syscall.EFBIG) {
		e.Hint = "files may not grow that large here (ulimit -f); every answer that was acknowledged is in the checkpoint"
	}
	return e
}

// ServiceError gives errors of a single call, such as check, their code.
func ServiceError(err error) error {
	var call *octave.Error
	var coded *Error
	if errors.As(err, &coded) || !errors.As(err, &call) {
		return err
	}
	switch {
	case call.Trouble != 0 || call.Cause == octave.CauseKey || call.Cause == octave.CauseCredits:
		return stopped(call, err)
	case call.Action == octave.Again:
		return &Error{Code: Service, Err: err}
	}
	return &Error{Code: Usage, Err: err}
}

// stopped is the exit for a call that no other one can get past.
func stopped(call *octave.Error, err error) *Error {
	switch {
	case call.Trouble != 0:
		return troubled(call)
	case call.Cause == octave.CauseKey:
		return &Error{Code: Key, Err: fmt.Errorf("the service rejected the key: %w", err)}
	}
	return &Error{Code: Credits, Err: fmt.Errorf("out of credits: %w", err)}
}

// A SignalError is a first signal: a stop in order.
type SignalError struct{ Signal os.Signal }

func (e *SignalError) Error() string { return "stopped by " + e.Signal.String() }

// Code is the exit code of a run that was stopped by this signal.
func (e *SignalError) Code() int {
	switch e.Signal {
	case syscall.SIGTERM:
		return Terminate
	case syscall.SIGHUP:
		return Hangup
	}
	return Interrupt
}

// OfRun is the exit of a run whose rows are all written: why it stopped, or
// what became of the rows.
func OfRun(rows pipeline.Counts, kept pipeline.KeptCount, reason error) *Error {
	var sig *SignalError
	var alike *pipeline.RefusedAlikeError
	var coded *Error
	var call *octave.Error
	switch {
	case errors.As(reason, &sig):
		return &Error{Code: sig.Code(), Err: reason}
	case errors.As(reason, &alike):
		return &Error{Code: Usage, Err: reason,
			Hint: "look at what is asked, and for which agent: " + words.Tool + " plan, " + words.Tool + " agents"}
	case reason != nil && rows.NotAttempted+kept.NotAttempted == 0:
		// It came too late to matter.
	case errors.As(reason, &coded):
		return coded
	case errors.As(reason, &call):
		return stopped(call, reason)
	case errors.Is(reason, pipeline.ErrOutage):
		return &Error{Code: Service, Err: reason}
	case errors.Is(reason, pipeline.ErrMaxCalls), errors.Is(reason, pipeline.ErrMaxUsage):
		return &Error{Code: Budget, Err: reason}
	case errors.Is(reason, pipeline.ErrMaxDuration):
		return &Error{Code: MaxDuration, Err: reason}
	case errors.Is(reason, pipeline.ErrMaxFailed):
		return &Error{Code: RowsFailed, Err: reason}
	case errors.Is(reason, fleet.ErrSuperseded):
		return &Error{Code: Locked, Err: reason}
	case errors.Is(reason, fleet.ErrCancelled):
		return &Error{Code: Terminate, Err: reason}
	case reason != nil:
		return &Error{Code: Internal, Err: reason}
	}
	if failed := rows.Failed + kept.Failed; failed > 0 {
		return &Error{Code: RowsFailed, Err: fmt.Errorf("%s failed", words.Count(failed, "row"))}
	}
	return nil
}

// troubled is the exit of a run whose calls cannot come through, with what to do.
func troubled(call *octave.Error) *Error {
	said := map[octave.Trouble]struct{ what, hint string }{
		octave.NoSuchHost:       {"there is no such host", "check --base-url (env OCTAVE_BASE_URL), and HTTPS_PROXY if this network needs a proxy"},
		octave.UnknownAuthority: {"nobody known here vouches for the service's certificate", "if your network has an authority of its own, name its certificate: --cacert FILE (env OCTAVE_CACERT); on a bare machine install the package ca-certificates"},
		octave.Expired:          {"the service's certificate is not valid at this time", "check the clock of this machine; else who runs the service has to renew it"},
		octave.WrongName:        {"the certificate is for another host", "check --base-url (env OCTAVE_BASE_URL)"},
		octave.NotTLS:           {"what listens there does not speak TLS", "check --base-url (env OCTAVE_BASE_URL): its port, and https or http"},
		octave.Redirected:       {"the service is somewhere else", "if you trust that address, name it with --base-url (env OCTAVE_BASE_URL)"},
		octave.ProxyRefused:     {"the proxy lets nobody through without its password", "set HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT, or NO_PROXY to go without it"},
		octave.TooManyFiles:     {"this process may open no more files", "raise the limit with ulimit -n, or lower --concurrency"},
	}[call.Trouble]
	return &Error{Code: Service, Err: fmt.Errorf("%s: %w", said.what, call), Hint: said.hint, Stuck: true}
}
