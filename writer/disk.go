package writer

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// A disk is what a File needs of the operating system, so that tests can make it fail.
type disk interface {
	create(path string) (handle, error) // anew, readable by its owner alone, even where there was one before
	temp(dir string) (handle, error)    // without a name, or gone with Close
	rename(from, to string) error
	remove(path string) error // not an error when there is none
	stat(path string) (fs.FileInfo, error)
	syncDir(path string) error
}

// A handle is an open file.
type handle interface {
	io.Reader
	io.Writer
	io.Seeker
	io.Closer
	Stat() (fs.FileInfo, error)
	Sync() error
}

// system is the disk of the operating system.
type system struct{}

func (s system) create(path string) (handle, error) {
	// Opened exclusively: an old file may be a link to elsewhere, or be readable by others.
	if err := s.remove(path); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err // not f: a nil *os.File in an interface is not nil
	}
	return f, nil
}

func (system) temp(dir string) (handle, error) {
	f, err := os.CreateTemp(dir, "octave-enrich-*")
	if err != nil {
		return nil, err
	}
	return &tempFile{f, os.Remove(f.Name()) == nil}, nil
}

func (system) stat(path string) (fs.FileInfo, error) { return os.Lstat(path) }

func (system) rename(from, to string) error { return os.Rename(from, to) }

func (system) remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (system) syncDir(path string) error {
	if runtime.GOOS == "windows" {
		return nil // directories cannot be opened there; the rename is in the journal of the file system
	}
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EINVAL) {
		err = nil // some network file systems
	}
	return errors.Join(err, d.Close())
}

// A tempFile loses its name at once, or when it is closed where an open file cannot be removed.
type tempFile struct {
	*os.File
	removed bool
}

func (t *tempFile) Close() error {
	err := t.File.Close()
	if !t.removed {
		err = errors.Join(err, os.Remove(t.Name()))
	}
	return err
}

// target resolves the symbolic links in path, so that the file behind is replaced and not the link, and refuses what a
// rename would destroy.
func target(path string) (string, error) {
	if resolved, err := filepath.EvalSymlinks(path); err == nil {
		path = resolved
	} else if link, err := os.Readlink(path); err == nil { // it points to nothing yet
		if !filepath.IsAbs(link) {
			link = filepath.Join(filepath.Dir(path), link)
		}
		path = link
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return path, nil
	}
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", &OptionsError{Msg: fmt.Sprintf("%s is not a regular file", path), Hint: "write to standard output with -o -"}
	}
	return path, nil
}

// A tally counts and hashes what is written through it.
type tally struct {
	to   io.Writer
	sum  hash.Hash // nil when nobody will ask for it
	size int64
}

func newTally(to io.Writer) *tally { return &tally{to: to, sum: sha256.New()} }

func (t *tally) Write(p []byte) (int, error) {
	n, err := t.to.Write(p)
	if t.sum != nil {
		t.sum.Write(p[:n])
	}
	t.size += int64(n)
	return n, err
}

func (t *tally) hex() string { return hex.EncodeToString(t.sum.Sum(nil)) }
