package checkpoint

import (
	"errors"
	"os"
	"syscall"
	"unsafe"
)

// lockFile locks f until it is closed. Locks of Windows keep others from reading
// too, so what is locked is one byte far behind any that is ever written.
func lockFile(f *os.File) error {
	const (
		failImmediately  = 1
		exclusive        = 2
		errLockViolation = syscall.Errno(33)
	)
	proc := syscall.NewLazyDLL("kernel32.dll").NewProc("LockFileEx")
	at := &syscall.Overlapped{OffsetHigh: 1 << 30}
	ok, _, err := proc.Call(f.Fd(), failImmediately|exclusive, 0, 1, 0, uintptr(unsafe.Pointer(at)))
	switch {
	case ok != 0:
		return nil
	case errors.Is(err, errLockViolation), errors.Is(err, syscall.ERROR_IO_PENDING):
		return ErrLocked
	case errors.Is(err, syscall.EWINDOWS), errors.Is(err, syscall.Errno(50)): // ERROR_NOT_SUPPORTED
		return errors.ErrUnsupported
	}
	return err
}

func ignoreUnsupported(err error) error { return err }
