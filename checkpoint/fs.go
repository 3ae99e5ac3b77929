package checkpoint

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// An FS is what a checkpoint needs of the operating system's directories. It is
// an interface so that tests can make every part of it fail.
type FS interface {
	// Resolve returns path with its symbolic links followed, so that a file
	// which replaces another comes to lie where that one lies.
	Resolve(path string) (string, error)
	// OpenFile opens with the flags of os.OpenFile. A file that it creates can
	// be read by its owner only (0600).
	OpenFile(path string, flag int) (File, error)
	// Rename puts oldpath in the place of newpath.
	Rename(oldpath, newpath string) error
	Remove(path string) error
	// SyncDir makes the names in a directory durable.
	SyncDir(dir string) error
}

// A File is what a checkpoint needs of an open file.
type File interface {
	io.ReaderAt
	io.WriterAt
	Size() (int64, error)
	Truncate(size int64) error
	Sync() error
	// Lock excludes every other File that is locked at the same path, until
	// Close. It does not wait: the error is ErrLocked if another one is. The
	// note is for the user, about a lock that is not the usual one.
	Lock() (note string, err error)
	Close() error
}

// errReplaced is what Lock returns if the locked file is not the one at its
// path any more.
var errReplaced = errors.New("file was replaced")

// osFS is the real thing.
type osFS struct{}

func (osFS) Resolve(path string) (string, error) {
	path, err := filepath.Abs(path) // the working directory may change
	if err != nil {
		return "", err
	}
	real, err := filepath.EvalSymlinks(path)
	if !errors.Is(err, os.ErrNotExist) {
		return real, err
	}
	// Not yet. The directory that has to be synced is the one of the file, not
	// the one of a link to it.
	if to, err := os.Readlink(path); err == nil {
		if !filepath.IsAbs(to) {
			to = filepath.Join(filepath.Dir(path), to)
		}
		return to, nil
	}
	return path, nil
}

func (osFS) OpenFile(path string, flag int) (File, error) {
	f, err := os.OpenFile(path, flag, 0o600)
	if err != nil {
		return nil, err
	}
	return &osFile{File: f}, nil
}

func (osFS) Rename(oldpath, newpath string) error { return os.Rename(oldpath, newpath) }

func (osFS) Remove(path string) error { return os.Remove(path) }

func (osFS) SyncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // it cannot, and journals its names itself
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return ignoreUnsupported(d.Sync())
}

type osFile struct {
	*os.File
	lockFile string // stands in for a lock of the file system; "" if none
}

func (f *osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func (f *osFile) Lock() (string, error) {
	note, err := "", lockFile(f.File)
	if errors.Is(err, errors.ErrUnsupported) {
		note, err = f.lockBeside()
	}
	if err != nil {
		return "", err
	}
	mine, err := f.Stat()
	if err != nil {
		return "", err
	}
	there, err := os.Stat(f.Name())
	if errors.Is(err, os.ErrNotExist) || err == nil && !os.SameFile(mine, there) {
		return "", errReplaced
	}
	return note, err
}

// lockBeside locks by creating a file next to the checkpoint, for file systems
// that have no locks. It says who holds it, because nobody removes it when the
// holder is killed.
func (f *osFile) lockBeside() (string, error) {
	name := f.Name() + ".lock"
	lock, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
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
	f.lockFile = name
	return fmt.Sprintf("this file system cannot lock files: %s stands in, remove it if the run is killed", name), nil
}

// Close also gives up the lock: the system's goes with the file.
func (f *osFile) Close() error {
	err := f.File.Close()
	if f.lockFile != "" {
		err = errors.Join(err, os.Remove(f.lockFile))
		f.lockFile = ""
	}
	return err
}
