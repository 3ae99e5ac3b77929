package durable

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// reserve takes blocks behind the end of the file, which keeps its length.
func reserve(f *os.File, from, end int64) error {
	var limit unix.Rlimit // it binds writes, and no reservation
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &limit); err == nil && limit.Cur != unix.RLIM_INFINITY && uint64(end) > limit.Cur {
		return unix.EFBIG
	}
	for {
		err := unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_KEEP_SIZE, from, end-from)
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENODEV):
			return errors.ErrUnsupported
		default:
			return err
		}
	}
}
