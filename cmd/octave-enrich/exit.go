package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
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
	exitOK          = 0
	exitInternal    = 1
	exitUsage       = 2  // usage, configuration, mapping, exclude file
	exitRowsFailed  = 3  // finished, some rows failed
	exitInput       = 4  // input missing, unreadable or damaged
	exitService     = 5  // the service kept failing
	exitOutput      = 6  // output or checkpoint not writable
	exitCredits     = 7  // out of credits
	exitBudget      = 8  // --max-usage or --max-calls
	exitDecide      = 9  // old answers were kept, or others would be paid for again: say what to do
	exitMaxDuration = 10 // --max-duration
	exitLocked      = 11 // another run holds the checkpoint
	exitKey         = 12 // key rejected
	exitDamaged     = 13 // checkpoint damaged
	exitHangup      = 129
	exitInterrupt   = 130
	exitTerminate   = 143
)

// resumable says whether the same command goes on where this one ended.
func resumable(code int) bool {
	switch code {
	case exitRowsFailed, exitService, exitCredits, exitBudget, exitMaxDuration, exitHangup, exitInterrupt, exitTerminate:
		return true
	}
	return false
}

// An exitError is an error with its exit code and what to do about it.
type exitError struct {
	code   int
	err    error
	hint   string // one or more lines
	resume string // the command that goes on
	stuck  bool   // the same command would end alike
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// asExit is the error that decides the exit code; nil is success.
func asExit(err error) *exitError {
	var e *exitError
	if err != nil && !errors.As(err, &e) {
		e = &exitError{code: exitInternal, err: err}
	}
	return e
}

func usageError(format string, args ...any) error {
	return &exitError{code: exitUsage, err: fmt.Errorf(format, args...)}
}

// inputError gives errors of the reader their code.
func inputError(err error) error {
	var mapping *reader.MappingError
	var option *reader.OptionError
	if errors.As(err, &mapping) || errors.As(err, &option) {
		return &exitError{code: exitUsage, err: err}
	}
	return &exitError{code: exitInput, err: err}
}

// noFile is the error of a checkpoint that cannot even be looked at.
func noFile(path string, err error) *exitError {
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%s: no such file", path)
	}
	return &exitError{code: exitInput, err: err}
}

// checkpointError gives errors of the journal their code and a way out.
func checkpointError(path string, err error) error {
	var damage *checkpoint.DamageError
	var format *checkpoint.FormatError
	var lost *checkpoint.LostError
	var rescued *checkpoint.RescuedError
	switch {
	case errors.As(err, &lost):
		return &exitError{code: exitOutput, err: lost, hint: lostHint(lost)}
	case errors.As(err, &rescued):
		return &exitError{code: exitDamaged, err: rescued, hint: rescuedHint(rescued.Path, rescued.Rescued)}
	case errors.Is(err, checkpoint.ErrLocked):
		return &exitError{code: exitLocked, err: fmt.Errorf("another run holds the checkpoint %s", path),
			hint: "wait for it to end; run and redo do so with --wait-lock 10m"}
	case errors.As(err, &damage):
		return &exitError{code: exitDamaged, err: err,
			hint: fmt.Sprintf("what is whole: %s status %s\nrestore the file from a backup; to start over, paying again: move it away", tool, words.Quote(path))}
	case errors.Is(err, checkpoint.ErrNotCheckpoint):
		return &exitError{code: exitDamaged, err: fmt.Errorf("%s: %w", path, checkpoint.ErrNotCheckpoint),
			hint: "name another one with --checkpoint FILE"}
	case errors.As(err, &format):
		return &exitError{code: exitDamaged, err: err, hint: "use the version that wrote it, or a newer one"}
	}
	return outputError(err)
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
what is in it: %s status %s`, rescued, path, rescued, tool, rescued)
}

// runError does the same for errors in the middle of a run.
func runError(path string, err error) error {
	var journal *pipeline.JournalError
	var input *reader.InputError
	var coded *exitError
	switch {
	case errors.As(err, &coded):
		return coded
	case errors.As(err, &journal):
		return checkpointError(path, journal.Err)
	case errors.As(err, &input):
		return inputError(err)
	}
	return outputError(err)
}

func outputError(err error) error {
	e := &exitError{code: exitOutput, err: err}
	if errors.Is(err, durable.ErrMountPoint) {
		e.hint = "mount its folder instead of the single file, or name another file"
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		e.hint = "the disk is full; every answer that was acknowledged is in the checkpoint: make room and run the same command again"
	}
	if errors.Is(err, syscall.EFBIG) {
		e.hint = "files may not grow that large here (ulimit -f); every answer that was acknowledged is in the checkpoint"
	}
	return e
}

// serviceError gives errors of a single call, such as check, their code.
func serviceError(err error) error {
	var call *octave.Error
	var coded *exitError
	if errors.As(err, &coded) || !errors.As(err, &call) {
		return err
	}
	switch {
	case call.Trouble != 0:
		return troubled(call)
	case call.Kind == octave.KindKey:
		return &exitError{code: exitKey, err: fmt.Errorf("the service rejected the key: %w", err)}
	case call.Kind == octave.KindCredits:
		return &exitError{code: exitCredits, err: fmt.Errorf("out of credits: %w", err)}
	case call.Fate == octave.Again:
		return &exitError{code: exitService, err: err}
	}
	return &exitError{code: exitUsage, err: err}
}

// signalError is a first signal: a stop in order.
type signalError struct{ sig os.Signal }

func (e *signalError) Error() string { return "stopped by " + e.sig.String() }

func (e *signalError) code() int {
	switch e.sig {
	case syscall.SIGTERM:
		return exitTerminate
	case syscall.SIGHUP:
		return exitHangup
	}
	return exitInterrupt
}

// verdict is the exit of a run whose rows are all written: why it stopped, or
// what became of the rows.
func verdict(rows pipeline.Counts, kept pipeline.KeptCount, reason error) *exitError {
	var sig *signalError
	var alike *pipeline.RefusedAlikeError
	var coded *exitError
	var call *octave.Error
	switch {
	case errors.As(reason, &sig):
		return &exitError{code: sig.code(), err: reason}
	case errors.As(reason, &alike):
		return &exitError{code: exitUsage, err: reason,
			hint: "look at what is asked, and for which agent: " + tool + " plan, " + tool + " agents"}
	case reason != nil && rows.NotAttempted+kept.NotAttempted == 0:
		// It came too late to matter.
	case errors.As(reason, &coded):
		return coded
	case errors.As(reason, &call) && call.Trouble != 0:
		return troubled(call)
	case errors.As(reason, &call) && call.Kind == octave.KindKey:
		return &exitError{code: exitKey, err: fmt.Errorf("the service rejected the key: %w", reason)}
	case errors.As(reason, &call):
		return &exitError{code: exitCredits, err: fmt.Errorf("out of credits: %w", reason)}
	case errors.Is(reason, pipeline.ErrOutage):
		return &exitError{code: exitService, err: reason}
	case errors.Is(reason, pipeline.ErrMaxCalls), errors.Is(reason, pipeline.ErrMaxUsage):
		return &exitError{code: exitBudget, err: reason}
	case errors.Is(reason, pipeline.ErrMaxDuration):
		return &exitError{code: exitMaxDuration, err: reason}
	case errors.Is(reason, pipeline.ErrMaxFailed):
		return &exitError{code: exitRowsFailed, err: reason}
	case errors.Is(reason, fleet.ErrSuperseded):
		return &exitError{code: exitLocked, err: reason}
	case reason != nil:
		return &exitError{code: exitInternal, err: reason}
	}
	if failed := rows.Failed + kept.Failed; failed > 0 {
		return &exitError{code: exitRowsFailed, err: fmt.Errorf("%s failed", words.Count(failed, "row"))}
	}
	return nil
}

// commandLine spells the command that was typed.
func (a *app) commandLine() string {
	typed := []string{tool}
	for _, arg := range a.args {
		typed = append(typed, words.Quote(maskPassword(arg)))
	}
	return strings.Join(typed, " ")
}
