package durabletest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"slices"

	"octave-enrich/checkpoint/durable"
)

type inode struct {
	mode    fs.FileMode
	data    []byte // as processes see it
	durable []byte
	room    int64 // bytes that it takes on the disk at least
	pending []change
	holder  *handle // of the lock
}

func (n *inode) info(name string) fs.FileInfo {
	return info{name: path.Base(name), size: int64(len(n.data)), mode: n.mode, inode: n}
}

// takes is how many bytes of the disk the file has.
func (n *inode) takes() int64 { return max(n.room, int64(len(n.data))) }

// A change is a write, or a truncation if data is nil.
type change struct {
	at   int64
	data []byte
}

func (c change) apply(b []byte) []byte {
	end := c.at + int64(len(c.data))
	if grow := end - int64(len(b)); grow > 0 {
		b = append(b, make([]byte, grow)...)
	}
	if c.data == nil {
		return b[:c.at:c.at]
	}
	copy(b[c.at:], c.data)
	return b
}

// lose returns the durable content with any part of what was not synced: each
// change in pieces, each piece there or not, zeros where the length made it and
// the data did not.
func (n *inode) lose(rng *rand.Rand) []byte {
	b := slices.Clone(n.durable)
	keep := rng.IntN(5) // in quarters: none, some, all
	for _, c := range n.pending {
		if c.data == nil {
			if rng.IntN(4) < keep {
				b = c.apply(b)
			}
			continue
		}
		for at, data := c.at, c.data; len(data) > 0; {
			size := 1 + rng.IntN(min(len(data), 1+rng.IntN(400)))
			if rng.IntN(4) < keep {
				b = change{at, data[:size]}.apply(b)
			}
			at, data = at+int64(size), data[size:]
		}
	}
	return b
}

// A handle is an open file.
type handle struct {
	disk   *Disk
	inode  *inode
	path   string
	at     int64
	closed bool
}

// Read reads on from where the last Read, Write or Seek ended.
func (h *handle) Read(p []byte) (int, error) {
	h.disk.mu.Lock()
	defer h.disk.mu.Unlock()
	n, err := h.readAt(p, h.at)
	h.at += int64(n)
	if n > 0 && err == io.EOF {
		err = nil
	}
	return n, err
}

// ReadAt reads from an offset.
func (h *handle) ReadAt(p []byte, off int64) (int, error) {
	h.disk.mu.Lock()
	defer h.disk.mu.Unlock()
	return h.readAt(p, off)
}

func (h *handle) readAt(p []byte, off int64) (int, error) {
	if h.closed {
		return 0, os.ErrClosed
	}
	_, err := h.disk.op("read", h.path)
	if off > int64(len(h.inode.data)) {
		return 0, errors.Join(err, io.EOF)
	}
	n := copy(p, h.inode.data[off:])
	switch {
	case err != nil && h.disk.how == InPart:
		return n / 2, err
	case err != nil:
		return 0, err
	case n < len(p):
		return n, io.EOF
	}
	return n, nil
}

// Write writes on from where the last Read, Write or Seek ended.
func (h *handle) Write(p []byte) (int, error) {
	h.disk.mu.Lock()
	defer h.disk.mu.Unlock()
	n, err := h.writeAt(p, h.at)
	h.at += int64(n)
	return n, err
}

// WriteAt writes at an offset.
func (h *handle) WriteAt(p []byte, off int64) (int, error) {
	h.disk.mu.Lock()
	defer h.disk.mu.Unlock()
	return h.writeAt(p, off)
}

func (h *handle) writeAt(p []byte, off int64) (int, error) {
	if h.closed {
		return 0, os.ErrClosed
	}
	do, err := h.disk.op("write", h.path)
	n := len(p)
	if err != nil && h.disk.how == InPart {
		do, n = true, n/2
	}
	if lacks := h.lacks(off + int64(n)); do && lacks > 0 {
		n, err = max(0, n-int(lacks)), fmt.Errorf("write %s: %w", h.path, ErrFull)
	}
	if do && n > 0 {
		h.change(change{off, append([]byte{}, p[:n]...)})
	}
	if h.disk.Wrote != nil {
		h.disk.Wrote <- true
	}
	return n, err
}

// lacks returns how many bytes there is no room for when the file is to take so many.
func (h *handle) lacks(bytes int64) int64 {
	if h.disk.room < 0 || bytes <= h.inode.takes() {
		return 0
	}
	return h.disk.used() + bytes - h.inode.takes() - h.disk.room
}

// Reserve takes room on the disk.
func (h *handle) Reserve(_, end int64) error {
	h.disk.mu.Lock()
	defer h.disk.mu.Unlock()
	do, err := h.disk.op("reserve", h.path)
	if do && err == nil && h.lacks(end) > 0 {
		return fmt.Errorf("reserve %s: %w", h.path, ErrFull)
	}
	if do {
		h.inode.room = max(h.inode.room, end)
	}
	return err
}

func (h *handle) change(c change) {
	h.inode.data = c.apply(h.inode.data)
	h.inode.pending = append(h.inode.pending, c)
}

// Seek sets where the next Read or Write begins.
func (h *handle) Seek(offset int64, whence int) (int64, error) {
	h.disk.mu.Lock()
	defer h.disk.mu.Unlock()
	if h.closed {
		return 0, os.ErrClosed
	}
	do, err := h.disk.op("seek", h.path)
	if do {
		h.at = map[int]int64{io.SeekStart: 0, io.SeekCurrent: h.at, io.SeekEnd: int64(len(h.inode.data))}[whence] + offset
	}
	return h.at, err
}

// Stat describes the file.
func (h *handle) Stat() (fs.FileInfo, error) {
	h.disk.mu.Lock()
	defer h.disk.mu.Unlock()
	if _, err := h.disk.op("stat", h.path); err != nil {
		return nil, err
	}
	return h.inode.info(h.path), nil
}

// Adopt takes the mode of another file.
func (h *handle) Adopt(other fs.FileInfo) error {
	h.disk.mu.Lock()
	defer h.disk.mu.Unlock()
	do, err := h.disk.op("adopt", h.path)
	if do {
		h.inode.mode = other.Mode()
	}
	return err
}

// Truncate sets the length.
func (h *handle) Truncate(size int64) error {
	h.disk.mu.Lock()
	defer h.disk.mu.Unlock()
	do, err := h.disk.op("truncate", h.path)
	if do {
		h.inode.room = 0
		h.change(change{at: size})
	}
	return err
}

// Sync that fails forgets what it should have written, as Linux does: the pages
// stay in memory and count as clean.
func (h *handle) Sync() error {
	if h.disk.OnSync != nil {
		h.disk.OnSync()
	}
	h.disk.mu.Lock()
	defer h.disk.mu.Unlock()
	h.disk.syncs++
	do, err := h.disk.op("sync", h.path)
	if do {
		for _, c := range h.inode.pending {
			h.inode.durable = c.apply(h.inode.durable)
		}
	}
	if h.disk.how != Halt || err == nil {
		h.inode.pending = nil
	}
	return err
}

// Lock locks the file.
func (h *handle) Lock() (string, error) {
	if h.disk.OnLock != nil {
		h.disk.OnLock()
	}
	h.disk.mu.Lock()
	defer h.disk.mu.Unlock()
	do, err := h.disk.op("lock", h.path)
	switch {
	case !do:
		return "", err
	case h.inode.holder != nil:
		return "", durable.ErrLocked
	case h.disk.names[h.path] != h.inode:
		return "", durable.ErrReplaced
	}
	h.inode.holder = h
	return "", err
}

// Close gives up the lock even when it fails.
func (h *handle) Close() error {
	h.disk.mu.Lock()
	defer h.disk.mu.Unlock()
	if h.closed {
		return os.ErrClosed
	}
	_, err := h.disk.op("close", h.path)
	h.closed = true
	if h.inode.holder == h {
		h.inode.holder = nil
	}
	return err
}
