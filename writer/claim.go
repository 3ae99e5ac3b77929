package writer

import (
	"fmt"
	"io/fs"
	"os"
)

// claims tell which file was created under a name. Another run may write the same output from another checkpoint, and
// takes our name for its own file: that one is not ours to publish, it is not finished.
type claims map[string]fs.FileInfo

// anySize is the size of a file that may have any.
const anySize = -1

// create opens a new file and claims its name.
func (f *File) create(path string) (handle, error) {
	h, err := f.disk.create(path)
	if err != nil {
		return nil, err
	}
	info, err := h.Stat()
	if err != nil {
		h.Close() // it is empty
		return nil, err
	}
	if f.claims == nil {
		f.claims = claims{}
	}
	f.claims[path] = info
	return h, nil
}

// ours returns an error unless the file at path is the one we created, of this size: when it was closed and removed
// meanwhile, the system may have given its number to another.
func (f *File) ours(path string, size int64) error {
	there, err := f.disk.stat(path)
	if err == nil && os.SameFile(f.claims[path], there) && (size == anySize || size == there.Size()) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s was taken away, by another run that writes the same output or by hand: %w", path, err)
	}
	return fmt.Errorf("%s was replaced, by another run that writes the same output or by hand", path)
}
