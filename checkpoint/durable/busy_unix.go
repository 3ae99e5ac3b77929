//go:build unix

package durable

import (
	"errors"

	"golang.org/x/sys/unix"
)

// busy says whether a rename may succeed once somebody has let go of a file.
func busy(err error) bool { return errors.Is(err, unix.EBUSY) || errors.Is(err, unix.ETXTBSY) }
