//go:build unix

package durable

import (
	"errors"
	"syscall"
	"testing"
)

// Only that a file system cannot sync directories is passed over.
func TestSyncErrorsThatMayBePassedOver(t *testing.T) {
	for _, err := range []error{nil, syscall.EINVAL, syscall.ENOTSUP, errors.ErrUnsupported} {
		if got := ignoreUnsupported(err); got != nil {
			t.Errorf("%v: %v", err, got)
		}
	}
	for _, err := range []error{syscall.EIO, syscall.ENOSPC, syscall.EBADF, syscall.EDQUOT} {
		if got := ignoreUnsupported(err); !errors.Is(got, err) {
			t.Errorf("%v is passed over", err)
		}
	}
	if err := (OS{}).SyncDir(t.TempDir() + "/nowhere"); !errors.Is(err, syscall.ENOENT) {
		t.Errorf("a directory that is not there: %v", err)
	}
}
