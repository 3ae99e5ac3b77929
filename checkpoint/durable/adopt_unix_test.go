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

// Root leaves a file to its owner, and to its group.
func TestOwnerIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c")
	uid, gid := os.Getuid(), os.Getgid()
	owners := [][2]int{{4711, 4712}, {4711, gid}, {uid, 4712}}
	if groups, _ := os.Getgroups(); uid != 0 {
		owners = [][2]int{{uid, append(groups, gid)[0]}}
	}
	for _, owner := range owners {
		must(t, os.WriteFile(path, nil, 0o640))
		must(t, os.Chown(path, owner[0], owner[1]))
		must(t, WriteFile(path, []byte("new"), Private))
		info, err := os.Stat(path)
		must(t, err)
		if stat := info.Sys().(*syscall.Stat_t); int(stat.Uid) != owner[0] || int(stat.Gid) != owner[1] || info.Mode().Perm() != 0o640 || info.Size() != 3 {
			t.Errorf("owner %d, group %d, mode %v, want %v", stat.Uid, stat.Gid, info.Mode(), owner)
		}
		must(t, os.Remove(path))
	}
}
