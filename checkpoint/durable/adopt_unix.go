//go:build unix

package durable

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// adopt gives f the owner, group and mode of another file. Only root gives files
// away; who writes a file anew that is another's keeps at least the group, by
// which the other can read it, and where that cannot be the mode says nothing to
// the wrong group.
func adopt(f *os.File, other fs.FileInfo) error {
	mode := other.Mode().Perm()
	want, known := other.Sys().(*syscall.Stat_t)
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if have, ok := info.Sys().(*syscall.Stat_t); known && ok && (have.Uid != want.Uid || have.Gid != want.Gid) {
		err := f.Chown(int(want.Uid), int(want.Gid))
		if errors.Is(err, fs.ErrPermission) {
			err = f.Chown(-1, int(want.Gid))
		}
		if errors.Is(err, fs.ErrPermission) {
			mode, err = mode&^0o070, nil
		}
		if err != nil {
			return err
		}
	}
	if info.Mode().Perm() == mode {
		return nil // and no error of a file system without modes
	}
	return f.Chmod(mode)
}
