package durable

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// MountPoint says whether something is mounted at path itself, as a container does
// with a single file: nothing can be renamed to it.
func (OS) MountPoint(path string) (bool, error) {
	var stat unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, path, unix.AT_SYMLINK_NOFOLLOW, 0, &stat)
	switch {
	case errors.Is(err, unix.ENOENT):
		return false, nil
	case err == nil && stat.Attributes_mask&unix.STATX_ATTR_MOUNT_ROOT != 0:
		return stat.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0, nil
	}
	return inMountInfo(path) // a kernel before 5.8
}

// octal are the characters of a path that a list of mounts spells by their numbers.
var octal = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`, `\043`, "#")

// inMountInfo looks a path up in the list of mounts: its fifth column. Without the
// list nothing is known, and nothing refused.
func inMountInfo(path string) (bool, error) {
	whole, err := filepath.Abs(path)
	if err != nil {
		return false, err
	}
	list, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return false, nil //nolint:nilerr // as said
	}
	for line := range bytes.Lines(list) {
		if columns := bytes.Fields(line); len(columns) > 4 && octal.Replace(string(columns[4])) == whole {
			return true, nil
		}
	}
	return false, nil
}
