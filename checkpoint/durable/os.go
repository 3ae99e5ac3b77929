package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// OS is the file system of the operating system.
type OS struct{}

// maxLinks is how many links to files that are yet to be are followed.
const maxLinks = 40

// Resolve follows symbolic links.
func (OS) Resolve(path string) (string, error) {
	for range maxLinks {
		real, err := filepath.EvalSymlinks(path)
		if !errors.Is(err, fs.ErrNotExist) {
			return real, err
		}
		// Not yet. The directory that has to be synced is the one of the file, not
		// the one of a link to it.
		to, err := os.Readlink(path)
		if err != nil {
			return path, nil //nolint:nilerr // it is no link
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(filepath.Dir(path), to)
		}
		path = to
	}
	return "", fmt.Errorf("%s: too many links", path)
}

// OpenFile opens a file.
func (OS) OpenFile(path string, flag int, perm fs.FileMode) (File, error) {
	f, err := os.OpenFile(path, flag, perm)
	if err != nil {
		return nil, err // not f: a nil *os.File in an interface is not nil
	}
	return &osFile{File: f}, nil
}

// Temp opens a file that loses its name at once, or when it is closed where an
// open file cannot be removed.
func (OS) Temp(dir string) (File, error) {
	f, err := os.CreateTemp(dir, "octave-enrich-*")
	if err != nil {
		return nil, err
	}
	t := &osFile{File: f}
	if os.Remove(f.Name()) != nil {
		t.remove = f.Name()
	}
	return t, nil
}

// Rename puts oldpath in the place of newpath.
func (OS) Rename(oldpath, newpath string) error { return os.Rename(oldpath, newpath) }

// Remove removes a file.
func (OS) Remove(path string) error { return os.Remove(path) }

// Stat does not follow a link.
func (OS) Stat(path string) (fs.FileInfo, error) { return os.Lstat(path) }

// SameFile tells whether two descriptions are of one file.
func (OS) SameFile(a, b fs.FileInfo) bool { return os.SameFile(a, b) }

// SyncDir syncs a directory.
func (OS) SyncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // it cannot, and journals its names itself
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(ignoreUnsupported(d.Sync()), d.Close())
}

type osFile struct {
	*os.File
	remove string // with Close: a lock file that stands in, or a temporary file; "" if none
}

// Adopt gives the file another's owner, group and mode.
func (f *osFile) Adopt(other fs.FileInfo) error { return adopt(f.File, other) }

// Reserve takes room on the disk.
func (f *osFile) Reserve(from, end int64) error {
	err := reserve(f.File, from, end)
	if errors.Is(err, errors.ErrUnsupported) {
		err = f.prove(from, end)
	}
	if err != nil {
		return fmt.Errorf("reserve room in %s: %w", f.Name(), err)
	}
	return nil
}

// prove writes so many bytes and takes them back: a crash in between leaves zeros
// behind the end.
func (f *osFile) prove(from, end int64) error {
	zeros := make([]byte, min(end-from, 1<<20))
	for at := from; at < end; {
		n, err := f.WriteAt(zeros[:min(end-at, int64(len(zeros)))], at)
		if err != nil {
			return errors.Join(err, f.Truncate(from))
		}
		at += int64(n)
	}
	return errors.Join(f.Sync(), f.Truncate(from)) // some find out at the sync alone
}

// Lock locks the file.
func (f *osFile) Lock() (string, error) {
	note, err := "", lockFile(f.File)
	if errors.Is(err, errors.ErrUnsupported) {
		note, err = f.lockBeside()
	}
	if err != nil {
		return "", err
	}
	is, err := Is(OS{}, f, f.Name())
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return "", err
	case err != nil || is == Another:
		return "", ErrReplaced
	}
	return note, nil
}

// LockName is the file that stands in for a lock of the file system.
func LockName(path string) string { return path + ".lock" }

// lockBeside locks by creating a file next to the locked one, for file systems
// that have no locks. It says who holds it, because nobody removes it when the
// holder is killed.
func (f *osFile) lockBeside() (string, error) {
	name := LockName(f.Name())
	lock, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, Private)
	if errors.Is(err, fs.ErrExist) {
		holder, _ := os.ReadFile(name) // it only makes the message better
		return "", fmt.Errorf("%w, says %s (%s); if that is gone, remove the file",
			ErrLocked, name, strings.TrimSpace(string(holder)))
	}
	if err != nil {
		return "", err
	}
	host, _ := os.Hostname() // as above
	_, err = fmt.Fprintf(lock, "process %d on %s\n", os.Getpid(), host)
	if err := errors.Join(err, lock.Close()); err != nil {
		return "", errors.Join(err, os.Remove(name))
	}
	f.remove = name
	return fmt.Sprintf("this file system cannot lock files: %s stands in, remove it if the run is killed", name), nil
}

// Close also gives up the lock: the system's goes with the file.
func (f *osFile) Close() error {
	err := f.File.Close()
	if f.remove != "" {
		err = errors.Join(err, os.Remove(f.remove))
		f.remove = ""
	}
	return err
}
