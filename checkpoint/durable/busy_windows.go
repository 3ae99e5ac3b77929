package durable

import (
	"errors"

	"golang.org/x/sys/windows"
)

// busy says whether a rename may succeed once somebody has let go of a file: a
// spreadsheet that has it open, a sync client that reads it. Of a target that is
// open Windows says that access is denied.
func busy(err error) bool {
	return errors.Is(err, windows.ERROR_SHARING_VIOLATION) || errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_ACCESS_DENIED)
}
