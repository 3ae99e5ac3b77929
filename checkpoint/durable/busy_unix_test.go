//go:build unix

package durable_test

import (
	"errors"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"octave-enrich/checkpoint/durable"
	"octave-enrich/checkpoint/durable/durabletest"
)

// A heldDisk refuses to rename until a moment.
type heldDisk struct {
	*durabletest.Disk
	err   error
	until time.Time
}

func (d *heldDisk) Rename(from, to string) error {
	if time.Now().Before(d.until) {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: d.err}
	}
	return d.Disk.Rename(from, to)
}

// A file that somebody holds is waited for, ten seconds long; what will never be is
// not.
func TestBusy(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		held time.Duration
		ok   bool
		took time.Duration
	}{
		"let go":    {syscall.EBUSY, 9 * time.Second, true, 9 * time.Second},
		"executed":  {syscall.ETXTBSY, 3 * time.Second, true, 3 * time.Second},
		"held":      {syscall.EBUSY, time.Hour, false, 10 * time.Second},
		"forbidden": {syscall.EACCES, time.Second, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				disk := &heldDisk{durabletest.With("/out", []byte("old")), c.err, time.Now().Add(c.held)}
				draft, err := durable.Create(disk, "/out.partial", durable.Private)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := draft.Write([]byte("new")); err != nil {
					t.Fatal(err)
				}
				if err := draft.Seal("/out"); err != nil {
					t.Fatal(err)
				}
				began := time.Now()
				err = draft.Publish("/out")
				if took := time.Since(began); took != c.took {
					t.Errorf("it took %v, want %v", took, c.took)
				}
				want := map[bool]string{true: "new", false: "old"}[c.ok]
				if got := string(disk.Data("/out")); got != want || c.ok != (err == nil) || !c.ok && !errors.Is(err, c.err) {
					t.Errorf("it holds %q, %v", got, err)
				}
				if !c.ok && string(disk.Data("/out.partial")) != "new" {
					t.Error("the rows are gone")
				}
			})
		})
	}
}
