package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func openOS(t *testing.T, path string) *osFile {
	t.Helper()
	f, err := OS{}.OpenFile(path, os.O_RDWR|os.O_CREATE, Private)
	must(t, err)
	t.Cleanup(func() { f.Close() })
	return f.(*osFile)
}

func TestLockExcludes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c")
	first, second := openOS(t, path), openOS(t, path)
	if note, err := first.Lock(); note != "" || err != nil {
		t.Fatalf("Lock = %q, %v", note, err)
	}
	if _, err := second.Lock(); !errors.Is(err, ErrLocked) {
		t.Errorf("a second Lock = %v", err)
	}
	must(t, first.Close())
	if _, err := second.Lock(); err != nil {
		t.Errorf("Lock after the first was closed = %v", err)
	}
}

func TestLockSeesThatItsFileWasReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c")
	f := openOS(t, path)
	if err := os.Rename(path, path+".old"); err != nil {
		t.Skip(err) // not of a file that is open, on Windows
	}
	if _, err := f.Lock(); !errors.Is(err, ErrReplaced) {
		t.Errorf("nothing at the path: %v", err)
	}
	must(t, os.WriteFile(path, nil, 0o600))
	if _, err := f.Lock(); !errors.Is(err, ErrReplaced) {
		t.Errorf("another file at the path: %v", err)
	}
}

func TestLockFileStandsIn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c")
	first, second := openOS(t, path), openOS(t, path)
	if note, err := first.lockBeside(); !strings.Contains(note, path+".lock") || err != nil {
		t.Errorf("lockBeside = %q, %v", note, err)
	}
	_, err := second.lockBeside()
	if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), "process ") || !strings.Contains(err.Error(), path+".lock") {
		t.Errorf("a second lockBeside = %v", err)
	}
	must(t, first.Close())
	if _, err := os.Stat(path + ".lock"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the lock file is still there: %v", err)
	}
	if _, err := second.lockBeside(); err != nil {
		t.Errorf("lockBeside after the first was closed = %v", err)
	}
}

// A link to a file that is yet to be is followed too, and one to such a link: that
// file is meant, and its directory is the one to be synced.
func TestResolveFollowsLinksToNothing(t *testing.T) {
	dir, far := t.TempDir(), t.TempDir()
	relative, err := filepath.Rel(dir, far)
	must(t, err)
	for name, to := range map[string]string{
		"a": filepath.Join(far, "c"), "b": filepath.Join(relative, "c"), "of-link": "a",
	} {
		link := filepath.Join(dir, name)
		if err := os.Symlink(to, link); err != nil {
			t.Skip(err)
		}
	}
	for _, name := range []string{"a", "b", "of-link"} {
		link := filepath.Join(dir, name)
		if got, err := (OS{}).Resolve(link); got != filepath.Join(far, "c") || err != nil {
			t.Errorf("Resolve(%s) = %s, %v", name, got, err)
		}
		must(t, WriteFile(link, []byte("x"), Private))
		if _, err := os.Stat(filepath.Join(far, "c")); err != nil {
			t.Error(err)
		}
		if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 {
			t.Errorf("%s is no link any more: %v", name, err)
		}
		must(t, os.Remove(filepath.Join(far, "c")))
	}
	must(t, os.Symlink("loop", filepath.Join(dir, "loop")))
	if _, err := (OS{}).Resolve(filepath.Join(dir, "loop")); err == nil {
		t.Error("a link to itself resolves")
	}
}

// What a rename would destroy is left alone.
func TestWriteFileReplacesFilesOnly(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "d"), 0o700))
	if err := WriteFile(filepath.Join(dir, "d"), nil, Private); !errors.Is(err, ErrNotRegular) {
		t.Errorf("of a directory: %v", err)
	}
	if err := WriteFile(os.DevNull, nil, Private); !errors.Is(err, ErrNotRegular) {
		t.Errorf("of a device: %v", err)
	}
	if list, _ := os.ReadDir(dir); len(list) != 1 {
		t.Errorf("left behind: %v", list)
	}
}

// Room is taken, or shown to be there, and the file is as long as it was.
func TestReserveKeepsTheLength(t *testing.T) {
	for name, take := range map[string]func(f *osFile, from, end int64) error{"Reserve": (*osFile).Reserve, "prove": (*osFile).prove} {
		f := openOS(t, filepath.Join(t.TempDir(), "c"))
		_, err := f.Write([]byte("content"))
		must(t, err)
		must(t, take(f, 7, 3<<20))
		if text, err := os.ReadFile(f.Name()); string(text) != "content" || err != nil {
			t.Errorf("%s: the file holds %d bytes, %v", name, len(text), err)
		}
		must(t, f.Close())
		if err := take(f, 7, 3<<20); err == nil {
			t.Errorf("%s of a closed file does not fail", name)
		}
	}
}

// What takes no bytes has no room.
func TestProveWrites(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	if err != nil {
		t.Skip("this system has no device that is always full")
	}
	defer full.Close()
	if err := (&osFile{File: full}).prove(0, 10); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("err = %v", err)
	}
}
