package exit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"testing"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
	"octave-enrich/pipeline"
)

func code(err error) int {
	if e := As(err); e != nil {
		return e.Code
	}
	return OK
}

// Why a run stopped, or what became of its rows, as exit code. A reason that came when
// all rows were settled counts for nothing.
func TestOfRun(t *testing.T) {
	left := pipeline.Counts{OK: 1, NotAttempted: 1}
	key := &octave.Error{Action: octave.All, Cause: octave.CauseKey}
	for _, tt := range []struct {
		name   string
		rows   pipeline.Counts
		reason error
		want   int
	}{
		{"settled", pipeline.Counts{OK: 2}, nil, OK},
		{"failed rows", pipeline.Counts{OK: 1, Failed: 1}, nil, RowsFailed},
		{"too late to matter", pipeline.Counts{OK: 2}, pipeline.ErrMaxCalls, OK},
		{"too late, with failed rows", pipeline.Counts{Failed: 2}, pipeline.ErrMaxCalls, RowsFailed},
		{"a signal is never too late", pipeline.Counts{OK: 2}, &SignalError{os.Interrupt}, Interrupt},
		{"SIGTERM", left, &SignalError{syscall.SIGTERM}, Terminate},
		{"SIGHUP", left, &SignalError{syscall.SIGHUP}, Hangup},
		{"refused alike", left, &pipeline.RefusedAlikeError{Err: &octave.Error{Action: octave.Row}}, Usage},
		{"key", left, fmt.Errorf("stopped: %w", key), Key},
		{"credits", left, &octave.Error{Action: octave.All, Cause: octave.CauseCredits}, Credits},
		{"certificate", left, &octave.Error{Action: octave.All, Trouble: octave.UnknownAuthority}, Service},
		{"outage", left, pipeline.ErrOutage, Service},
		{"calls", left, pipeline.ErrMaxCalls, Budget},
		{"credits of the run", left, pipeline.ErrMaxUsage, Budget},
		{"time", left, pipeline.ErrMaxDuration, MaxDuration},
		{"too many failed", left, pipeline.ErrMaxFailed, RowsFailed},
		{"coded", left, fmt.Errorf("so: %w", &Error{Code: Locked}), Locked},
		{"anything else", left, errors.New("?"), Internal},
	} {
		if got := OfRun(tt.rows, pipeline.KeptCount{}, tt.reason); got == nil && tt.want != OK || got != nil && got.Code != tt.want {
			t.Errorf("%s: %+v, want %d", tt.name, got, tt.want)
		}
	}
	if got := OfRun(pipeline.Counts{OK: 2}, pipeline.KeptCount{Failed: 1}, nil); got == nil || got.Code != RowsFailed {
		t.Errorf("a kept answer whose question failed: %+v", got)
	}
}

// Errors of one call, of opening a checkpoint and of writing.
func TestCodes(t *testing.T) {
	for _, tt := range []struct {
		name string
		err  error
		want int
	}{
		{"key", ServiceError(&octave.Error{Action: octave.All, Cause: octave.CauseKey}), Key},
		{"credits", ServiceError(&octave.Error{Action: octave.All, Cause: octave.CauseCredits}), Credits},
		{"no such host", ServiceError(&octave.Error{Action: octave.Again, Cause: octave.CauseUnreachable, Trouble: octave.NoSuchHost}), Service},
		{"service down", ServiceError(&octave.Error{Action: octave.Again, Cause: octave.CauseServer}), Service},
		{"refused", ServiceError(&octave.Error{Action: octave.Row, Cause: octave.CauseRequest}), Usage},
		{"coded before", ServiceError(&Error{Code: Decide}), Decide},
		{"of nobody", ServiceError(errors.New("?")), Internal},
		{"locked", CheckpointError("c", checkpoint.ErrLocked), Locked},
		{"damaged", CheckpointError("c", fmt.Errorf("open: %w", &checkpoint.DamageError{})), Damaged},
		{"no checkpoint", CheckpointError("c", checkpoint.ErrNotCheckpoint), Damaged},
		{"newer", CheckpointError("c", &checkpoint.FormatError{}), Damaged},
		{"lost", CheckpointError("c", &checkpoint.LostError{}), Output},
		{"rescued", CheckpointError("c", &checkpoint.RescuedError{}), Damaged},
		{"disk", CheckpointError("c", syscall.ENOSPC), Output},
		{"journal of a run", RunError("c", fmt.Errorf("row 3: %w", &pipeline.JournalError{Err: checkpoint.ErrLocked})), Locked},
		{"missing", NoFile("c", fs.ErrNotExist), Input},
	} {
		if got := code(tt.err); got != tt.want {
			t.Errorf("%s: %d, want %d (%v)", tt.name, got, tt.want, tt.err)
		}
	}
	if code(nil) != OK {
		t.Error("nil is no success")
	}
}

// After these codes of run the same command goes on, and after no other.
func TestResumable(t *testing.T) {
	want := map[int]bool{RowsFailed: true, Service: true, Credits: true, Budget: true, MaxDuration: true, Hangup: true, Interrupt: true, Terminate: true}
	for code := range 150 {
		if Resumable(code) != want[code] {
			t.Errorf("Resumable(%d) = %v", code, !want[code])
		}
	}
}
