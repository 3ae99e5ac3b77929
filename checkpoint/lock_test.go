package checkpoint

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"octave-enrich/checkpoint/durable"
	"octave-enrich/checkpoint/durable/durabletest"
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
	d := durabletest.New()
	j := open(t, diskPath, testOptions(d))
	must(t, j.Append(answer(1, "1")))
	must(t, j.Append(answer(2, "2")))
	must(t, j.Close())
	d.OnLock = func() { // between opening and locking
		d.OnLock = nil
		_, err := Rewrite(diskPath, testOptions(d), func(rec Record) (Record, bool) { return rec, rec.Key != key(1) })
		must(t, err)
	}
	j = open(t, diskPath, testOptions(d))
	if j.State(key(1)) != Unknown || j.State(key(2)) != AnsweredState {
		t.Error("the old file was opened")
	}
	goesOn(t, j, d)
}

// lockless is a file system that cannot lock.
type lockless struct{ durable.OS }

func (l lockless) OpenFile(path string, flag int, perm fs.FileMode) (durable.File, error) {
	f, err := l.OS.OpenFile(path, flag, perm)
	if err != nil {
		return nil, err
	}
	return noted{f}, nil
}

type noted struct{ durable.File }

func (noted) Lock() (string, error) { return "a file stands in", nil }

func TestLockNote(t *testing.T) {
	j := open(t, filepath.Join(t.TempDir(), "c"), testOptions(lockless{}))
	defer j.Close()
	if j.LockNote() != "a file stands in" {
		t.Errorf("LockNote = %q", j.LockNote())
	}
}
