package durable

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"unicode"
)

// A Place tells which file a path leads to, also one that is yet to be.
type Place struct {
	path string      // absolute, without links
	info fs.FileInfo // nil when it is not there
}

// Locate looks where a path leads to.
func Locate(path string) Place {
	id := Place{path: Resolved(path)}
	if info, err := os.Stat(path); err == nil {
		id.info = info
	}
	return id
}

// Same says whether two paths lead to one file.
func (id Place) Same(other Place) bool { return id.is(other, foldsCase) }

// is says whether two paths lead to one file. folds says of a folder whether its
// files are known by their names in capitals, too.
func (id Place) is(other Place, folds func(dir string) bool) bool {
	if id.info != nil && other.info != nil {
		return os.SameFile(id.info, other.info)
	}
	return id.path == other.path || strings.EqualFold(id.path, other.path) && folds(filepath.Dir(id.path))
}

// Resolved is a path without links, as far as there are folders and files on it.
func Resolved(path string) string {
	if whole, err := filepath.Abs(path); err == nil {
		path = whole
	}
	if real, err := (OS{}).Resolve(path); err == nil {
		path = real
	}
	if dir, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		path = filepath.Join(dir, filepath.Base(path))
	}
	return path
}

// foldsCase says whether the file system of a folder takes capitals for small
// letters: it does when it knows the folder, or one above it, by another spelling.
func foldsCase(dir string) bool {
	for {
		up, name := filepath.Dir(dir), filepath.Base(dir)
		if other := swapCase(name); other != name {
			a, errA := os.Stat(dir)
			b, errB := os.Stat(filepath.Join(up, other))
			return errA == nil && errB == nil && os.SameFile(a, b)
		}
		if up == dir {
			return runtime.GOOS == "windows" || runtime.GOOS == "darwin"
		}
		dir = up
	}
}

func swapCase(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsUpper(r) {
			return unicode.ToLower(r)
		}
		return unicode.ToUpper(r)
	}, name)
}
