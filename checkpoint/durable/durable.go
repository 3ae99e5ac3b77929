// Package durable replaces, syncs and locks files. It is the only place of this
// program that gives a finished file its name.
//
// # Replacing a file
//
// A file is replaced whole or not at all. These are the system calls of
// [Replace], in order; [Draft] lets a caller make them at its own pace:
//
//	readlink(path) ...                     the file behind a link is replaced, not the link
//	unlink(draft)                          left over by a process that was killed
//	open(draft, O_CREAT|O_EXCL, 0600)      nobody else reads what is not whole
//	write(draft) ...
//	fchown(draft), fchmod(draft)           as those of the file at path, if there is one
//	fsync(draft)
//	close(draft)
//	lstat(draft)                           still the file that was opened
//	rename(draft, path)                    from here on path is the new file
//	open(dir), fsync(dir), close(dir)      from here on a power loss does not undo it
//
// A crash before the rename leaves the old file and a draft, which the next one
// removes. Between the rename and the last fsync a power loss leaves the old or
// the new file. A draft has a name of its own, see [DraftName], so that no file
// of the user's is taken for one.
package durable

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// An FS is what this program needs of the operating system's file system. It is
// an interface so that tests can make every part of it fail: see durabletest.
type FS interface {
	// Resolve returns path with its symbolic links followed, also those to a file
	// that is yet to be.
	Resolve(path string) (string, error)
	// OpenFile is os.OpenFile.
	OpenFile(path string, flag int, perm fs.FileMode) (File, error)
	// Temp returns a file that is gone with Close, in the directory or, if that
	// is empty, in the one for temporary files.
	Temp(dir string) (File, error)
	Rename(oldpath, newpath string) error
	Remove(path string) error
	// Stat is os.Lstat.
	Stat(path string) (fs.FileInfo, error)
	// SameFile is os.SameFile.
	SameFile(a, b fs.FileInfo) bool
	// MountPoint says whether something is mounted at path itself.
	MountPoint(path string) (bool, error)
	// SyncDir makes the names in a directory durable.
	SyncDir(dir string) error
}

// A File is an open file.
type File interface {
	io.Reader
	io.Writer
	io.Seeker
	io.ReaderAt
	io.WriterAt
	io.Closer
	Stat() (fs.FileInfo, error)
	Truncate(size int64) error
	Sync() error
	// Adopt gives the file the owner, group and mode of another, as far as the
	// system lets this process. Where the group cannot be kept, it may do nothing
	// with the file: it is another one.
	Adopt(other fs.FileInfo) error
	// Reserve makes sure that what is written up to end finds room, without changing
	// the length of the file, which is from. Where a file system cannot keep room
	// free, it proves that there is some now.
	Reserve(from, end int64) error
	// Lock excludes every other File that is locked at the same path, until
	// Close. It does not wait: the error is ErrLocked if another one is, and
	// ErrReplaced if this file is not the one at its path any more. The note is
	// for the user, about a lock that is not the usual one.
	Lock() (note string, err error)
}

// Errors of locking, drafts and places.
var (
	ErrLocked     = errors.New("in use by another process")
	ErrReplaced   = errors.New("replaced by another process or by hand")
	ErrNotRegular = errors.New("not a regular file")
	ErrMountPoint = errors.New("mounted by itself, so that no other file can take its place")
)

// An Identity says whether a name stands for an open file.
type Identity int

// What can be known of a name.
const (
	Same    Identity = iota // it stands for the file
	Another                 // it stands for another file
	Unclear                 // this file system gives one file another number each time
)

// Is tells whether path stands for f. The error is that of looking, such as
// fs.ErrNotExist.
func Is(fsys FS, f File, path string) (Identity, error) {
	var there, mine [2]fs.FileInfo
	var err error
	for i := range mine { // the second time to find out whether the numbers mean anything here
		if there[i], err = fsys.Stat(path); err != nil {
			return Unclear, err
		}
		if mine[i], err = f.Stat(); err != nil {
			return Unclear, err
		}
		if i == 0 && fsys.SameFile(mine[i], there[i]) {
			return Same, nil
		}
	}
	if !fsys.SameFile(mine[0], mine[1]) || !fsys.SameFile(there[0], there[1]) {
		return Unclear, nil
	}
	return Another, nil
}

// Private is the mode of a file that holds personal data.
const Private fs.FileMode = 0o600

// DraftName is where a file grows that [Replace] puts at path.
func DraftName(path string) string { return path + ".octave-enrich.partial" }

// Target resolves the symbolic links in path and refuses, with ErrNotRegular,
// what a rename would destroy: a device, a pipe, a directory; and, with
// ErrMountPoint, what it could not replace.
func Target(fsys FS, path string) (string, error) {
	path, err := fsys.Resolve(path)
	if err != nil {
		return "", err
	}
	info, err := fsys.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return path, nil
	case err != nil:
		return "", err
	case !info.Mode().IsRegular():
		return "", fmt.Errorf("%s: %w", path, ErrNotRegular)
	}
	if mounted, err := fsys.MountPoint(path); err != nil {
		return "", err
	} else if mounted {
		return "", fmt.Errorf("%s: %w", path, ErrMountPoint)
	}
	return path, nil
}

// WriteFile replaces the file at path by one with this content. A file that is
// new gets the permissions perm, less the umask.
func WriteFile(path string, content []byte, perm fs.FileMode) error {
	return Replace(OS{}, path, perm, func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}

// Replace replaces the file at path by one with what write writes. When it
// returns an error, path is the old file, or the new one that a power loss may
// undo.
func Replace(fsys FS, path string, perm fs.FileMode, write func(io.Writer) error) (err error) {
	if path, err = Target(fsys, path); err != nil {
		return err
	}
	draft, err := Create(fsys, DraftName(path), perm)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, draft.Discard()) }()
	buf := bufio.NewWriterSize(draft, 64<<10)
	if err := write(buf); err != nil {
		return err
	}
	if err := buf.Flush(); err != nil {
		return err
	}
	if err := draft.Seal(path); err != nil {
		return err
	}
	return draft.Publish(path)
}

// A Draft is a file that grows under a name of its own until it is whole.
type Draft struct {
	File
	fs   FS
	name string      // empty when it is published or discarded
	info fs.FileInfo // which file it is
	open bool
	size int64 // when it was sealed; -1 before
}

// Create opens a draft, in place of one that was left over.
func Create(fsys FS, name string, perm fs.FileMode) (*Draft, error) {
	if err := Remove(fsys, name); err != nil {
		return nil, err
	}
	// Exclusively: what is there may be a link to elsewhere, or readable by others.
	f, err := fsys.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close(), Remove(fsys, name))
	}
	return &Draft{File: f, fs: fsys, name: name, info: info, open: true, size: -1}, nil
}

// Remove removes a file, if it is there.
func Remove(fsys FS, path string) error {
	if err := fsys.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Name is the path of the draft.
func (d *Draft) Name() string { return d.name }

// Seal makes the content durable and closes the file. It gets owner, group and
// mode of the file at path, which it is to replace.
func (d *Draft) Seal(path string) error {
	old, err := d.fs.Stat(path)
	if err == nil {
		err = d.Adopt(old)
	} else if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err != nil {
		return err
	}
	info, err := d.Stat()
	if err != nil {
		return err
	}
	if err := d.Sync(); err != nil {
		return err
	}
	d.size = info.Size()
	return d.Close()
}

// Close closes the file and leaves it where it is. It may be called again.
func (d *Draft) Close() error {
	if !d.open {
		return nil
	}
	d.open = false
	return d.File.Close()
}

// Mine returns an error unless the file under the draft's name is the one that
// was created and, if it is sealed, as long as it was then: when a file is removed,
// the system may give its number to another.
func (d *Draft) Mine() error {
	there, err := d.fs.Stat(d.name)
	switch {
	case err != nil:
		return fmt.Errorf("%s was taken away, by another process or by hand: %w", d.name, err)
	case !d.fs.SameFile(d.info, there), d.size >= 0 && there.Size() != d.size:
		return fmt.Errorf("%s was %w", d.name, ErrReplaced)
	}
	return nil
}

// Rename gives a sealed draft another name, which is one for a draft, too: it need
// not survive a power loss.
func (d *Draft) Rename(name string) error {
	if err := d.fs.Rename(d.name, name); err != nil {
		return err
	}
	d.name = name
	return nil
}

// How long, and how often, a file is tried to be replaced that somebody holds.
const (
	patience = 10 * time.Second
	pause    = 100 * time.Millisecond
)

// Publish puts a sealed draft at path. A file that somebody holds there, such as a
// spreadsheet that has it open, is waited for, up to ten seconds. After an error the
// draft is where it was.
func (d *Draft) Publish(path string) error {
	if err := d.Mine(); err != nil {
		return err
	}
	began := time.Now()
	err := d.fs.Rename(d.name, path)
	for busy(err) && time.Since(began) < patience {
		time.Sleep(pause)
		err = d.fs.Rename(d.name, path)
	}
	if err != nil {
		return err
	}
	d.name = ""
	return d.fs.SyncDir(filepath.Dir(path))
}

// Discard closes and removes a draft that is not to be published. It does nothing
// when it was.
func (d *Draft) Discard() error {
	err := d.Close()
	if d.name == "" {
		return err
	}
	if d.Mine() == nil {
		err = errors.Join(err, Remove(d.fs, d.name))
	}
	d.name = ""
	return err
}
