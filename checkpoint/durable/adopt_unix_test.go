//go:build unix

package durable

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// A file that is written anew keeps its mode, and one that is new has the one that
// was asked for.
func TestModeIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c")
	for _, mode := range []os.FileMode{0o600, 0o640, 0o444, 0o666} {
		must(t, os.WriteFile(path, nil, 0o600))
		must(t, os.Chmod(path, mode))
		must(t, WriteFile(path, []byte("new"), Private))
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode || info.Size() != 3 {
			t.Errorf("mode %v became %v, %v", mode, info.Mode(), err)
		}
		must(t, os.Remove(path))
	}
	must(t, WriteFile(path, nil, Private))
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != Private {
		t.Errorf("a new file has mode %v, %v", info.Mode(), err)
	}
}

// Root leaves a file to its owner.
func TestOwnerIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c")
	must(t, os.WriteFile(path, nil, 0o640))
	uid, gid := os.Getuid(), os.Getgid()
	if uid == 0 {
		uid, gid = 4711, 4712
	} else if groups, _ := os.Getgroups(); len(groups) > 1 {
		gid = groups[1]
	}
	must(t, os.Chown(path, uid, gid))
	must(t, WriteFile(path, []byte("new"), Private))
	info, err := os.Stat(path)
	must(t, err)
	if stat := info.Sys().(*syscall.Stat_t); int(stat.Uid) != uid || int(stat.Gid) != gid || info.Mode().Perm() != 0o640 || info.Size() != 3 {
		t.Errorf("owner %d, group %d, mode %v", stat.Uid, stat.Gid, info.Mode())
	}
}
