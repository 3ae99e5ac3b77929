package checkpoint

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLockExcludes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c")
	j := open(t, path, testOptions(nil))
	before, _ := os.ReadFile(path)
	if _, err := Open(path, testOptions(nil)); !errors.Is(err, ErrLocked) {
		t.Fatalf("a second Open = %v", err)
	}
	if after, _ := os.ReadFile(path); string(after) != string(before) {
		t.Error("a second Open has changed the file")
	}
	if j.LockNote() != "" {
		t.Errorf("LockNote = %q", j.LockNote())
	}
	must(t, j.Close())
	must(t, open(t, path, testOptions(nil)).Close())
}

// A run that waited for the lock of a file which was replaced meanwhile must not
// write into the old one, which nobody will ever read.
func TestLockOfAReplacedFile(t *testing.T) {
	d := newDisk()
	j := open(t, diskPath, testOptions(d))
	must(t, j.Append(answer(1, "1")))
	must(t, j.Append(answer(2, "2")))
	must(t, j.Close())
	d.onLock = func() { // between opening and locking
		d.onLock = nil
		_, err := Rewrite(diskPath, testOptions(d), func(rec Record) (Record, bool) { return rec, rec.Key != key(1) })
		must(t, err)
	}
	j = open(t, diskPath, testOptions(d))
	if j.State(key(1)) != Unknown || j.State(key(2)) != AnsweredState {
		t.Error("the old file was opened")
	}
	goesOn(t, j, d)
}

func TestLockSeesThatItsFileWasReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c")
	f, err := osFS{}.OpenFile(path, os.O_RDWR|os.O_CREATE)
	must(t, err)
	defer f.Close()
	if err := os.Rename(path, path+".old"); err != nil {
		t.Skip(err) // not of a file that is open, on Windows
	}
	if _, err := f.Lock(); !errors.Is(err, errReplaced) {
		t.Errorf("nothing at the path: %v", err)
	}
	must(t, os.WriteFile(path, nil, 0o600))
	if _, err := f.Lock(); !errors.Is(err, errReplaced) {
		t.Errorf("another file at the path: %v", err)
	}
}

// lockless is a file system that cannot lock.
type lockless struct{ osFS }

func (l lockless) OpenFile(path string, flag int) (File, error) {
	f, err := l.osFS.OpenFile(path, flag)
	if err != nil {
		return nil, err
	}
	return besides{f.(*osFile)}, nil
}

type besides struct{ *osFile }

func (b besides) Lock() (string, error) { return b.lockBeside() }

func TestLockFileStandsIn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c")
	j := open(t, path, testOptions(lockless{}))
	if !strings.Contains(j.LockNote(), path+".lock") {
		t.Errorf("LockNote = %q", j.LockNote())
	}
	_, err := Open(path, testOptions(lockless{}))
	if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), "process ") || !strings.Contains(err.Error(), path+".lock") {
		t.Errorf("a second Open = %v", err)
	}
	must(t, j.Close())
	if _, err := os.Stat(path + ".lock"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the lock file is still there: %v", err)
	}
	must(t, open(t, path, testOptions(lockless{})).Close())
}

// A link to a file that is yet to be is followed too: that file is the checkpoint,
// and its directory the one to be synced.
func TestResolveFollowsLinksToNothing(t *testing.T) {
	dir, far := t.TempDir(), t.TempDir()
	relative, err := filepath.Rel(dir, far)
	must(t, err)
	for name, to := range map[string]string{"a": filepath.Join(far, "c"), "b": filepath.Join(relative, "c")} {
		link := filepath.Join(dir, name)
		if err := os.Symlink(to, link); err != nil {
			t.Skip(err)
		}
		if got, err := (osFS{}).Resolve(link); got != filepath.Join(far, "c") || err != nil {
			t.Errorf("Resolve(%s -> %s) = %s, %v", link, to, got, err)
		}
		must(t, open(t, link, testOptions(nil)).Close())
		if _, err := os.Stat(filepath.Join(far, "c")); err != nil {
			t.Error(err)
		}
		must(t, os.Remove(filepath.Join(far, "c")))
	}
}
