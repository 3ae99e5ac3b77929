package checkpoint

import (
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
)

// A disk is a file system in memory that can fail and knows what a loss of
// power would leave: what was synced, and any part of what was not. Names are
// as volatile as data until their directory is synced.
type disk struct {
	mu      sync.Mutex
	names   map[string]*inode // as processes see them
	durable map[string]*inode
	pending []func(map[string]*inode) // changes of names since the last SyncDir

	onSync func()    // called before a sync, without the lock
	onLock func()    // called before a lock, without the lock
	wrote  chan bool // gets a value for each write, if not nil
	ops    int
	syncs  int
	failAt int // the operation that fails, from 1; 0 for none
	how    failure
	failed bool
}

// A failure is what happens to the operation that fails.
type failure int

const (
	didNotHappen failure = iota
	happened             // but is reported as failed
	inPart               // a short read or write; else as didNotHappen
	halt                 // the power is lost: this operation and all that follow do nothing
	failures
)

var errInjected = errors.New("injected failure")

type inode struct {
	data    []byte // as processes see it
	durable []byte
	pending []change
	holder  *handle // of the lock
}

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

func newDisk() *disk {
	return &disk{names: make(map[string]*inode), durable: make(map[string]*inode)}
}

// diskWith has one durable file.
func diskWith(path string, data []byte) *disk {
	d := newDisk()
	n := &inode{data: slices.Clone(data), durable: slices.Clone(data)}
	d.names[path], d.durable[path] = n, n
	return d
}

// data returns what processes see of a file, nil if there is none.
func (d *disk) data(path string) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	if n := d.names[path]; n != nil {
		return append([]byte{}, n.data...)
	}
	return nil
}

// killed is the disk after the end of all processes.
func (d *disk) killed() *disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.failAt, d.how = 0, didNotHappen
	for _, n := range d.names {
		n.holder = nil
	}
	return d
}

// crashed is what a power loss leaves of the disk.
func (d *disk) crashed(rng *rand.Rand) *disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	names := maps.Clone(d.durable)
	for _, change := range d.pending {
		if rng.IntN(2) == 0 {
			change(names)
		}
	}
	after := newDisk()
	for _, name := range slices.Sorted(maps.Keys(names)) {
		data := names[name].lose(rng)
		n := &inode{data: data, durable: slices.Clone(data)}
		after.names[name], after.durable[name] = n, n
	}
	return after
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

// op counts an operation and tells whether to do it and what to return.
func (d *disk) op() (do bool, err error) {
	d.ops++
	switch {
	case d.failAt == 0 || d.ops < d.failAt:
		return true, nil
	case d.ops > d.failAt:
		return d.how != halt, errIf(d.how == halt)
	}
	d.failed = true
	return d.how == happened, errInjected
}

func errIf(fail bool) error {
	if fail {
		return errInjected
	}
	return nil
}

func (d *disk) Resolve(path string) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, err := d.op()
	return path, err
}

func (d *disk) OpenFile(path string, flag int) (File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	do, err := d.op()
	n := d.names[path]
	switch {
	case !do:
		return nil, err
	case n == nil && flag&os.O_CREATE == 0:
		return nil, os.ErrNotExist
	case n != nil && flag&os.O_EXCL != 0:
		return nil, os.ErrExist
	case n == nil:
		n = &inode{}
		d.rename(func(names map[string]*inode) { names[path] = n })
	}
	if err != nil {
		return nil, err
	}
	return &handle{disk: d, inode: n, path: path}, nil
}

// rename does a change of names that is not durable yet.
func (d *disk) rename(change func(map[string]*inode)) {
	change(d.names)
	d.pending = append(d.pending, change)
}

func (d *disk) Rename(oldpath, newpath string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	do, err := d.op()
	if n := d.names[oldpath]; do && n == nil {
		return os.ErrNotExist
	} else if do {
		d.rename(func(names map[string]*inode) {
			delete(names, oldpath)
			names[newpath] = n
		})
	}
	return err
}

func (d *disk) Remove(path string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	do, err := d.op()
	if do && d.names[path] == nil {
		return os.ErrNotExist
	}
	if do {
		d.rename(func(names map[string]*inode) { delete(names, path) })
	}
	return err
}

func (d *disk) SyncDir(string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	do, err := d.op()
	if do {
		d.durable, d.pending = maps.Clone(d.names), nil
	}
	return err
}

type handle struct {
	disk   *disk
	inode  *inode
	path   string
	closed bool
}

func (h *handle) ReadAt(p []byte, off int64) (int, error) {
	h.disk.mu.Lock()
	defer h.disk.mu.Unlock()
	if h.closed {
		return 0, os.ErrClosed
	}
	_, err := h.disk.op()
	if off > int64(len(h.inode.data)) {
		return 0, errors.Join(err, io.EOF)
	}
	n := copy(p, h.inode.data[off:])
	switch {
	case err != nil && h.disk.how == inPart:
		return n / 2, err
	case err != nil:
		return 0, err
	case n < len(p):
		return n, io.EOF
	}
	return n, nil
}

func (h *handle) WriteAt(p []byte, off int64) (int, error) {
	h.disk.mu.Lock()
	defer h.disk.mu.Unlock()
	if h.closed {
		return 0, os.ErrClosed
	}
	do, err := h.disk.op()
	n := len(p)
	if err != nil && h.disk.how == inPart {
		do, n = true, n/2
	}
	if do {
		h.change(change{off, append([]byte{}, p[:n]...)})
	}
	if h.disk.wrote != nil {
		h.disk.wrote <- true
	}
	return n, err
}

func (h *handle) change(c change) {
	h.inode.data = c.apply(h.inode.data)
	h.inode.pending = append(h.inode.pending, c)
}

func (h *handle) Size() (int64, error) {
	h.disk.mu.Lock()
	defer h.disk.mu.Unlock()
	_, err := h.disk.op()
	return int64(len(h.inode.data)), err
}

func (h *handle) Truncate(size int64) error {
	h.disk.mu.Lock()
	defer h.disk.mu.Unlock()
	do, err := h.disk.op()
	if do {
		h.change(change{at: size})
	}
	return err
}

// Sync that fails forgets what it should have written, as Linux does: the pages
// stay in memory and count as clean.
func (h *handle) Sync() error {
	if h.disk.onSync != nil {
		h.disk.onSync()
	}
	h.disk.mu.Lock()
	defer h.disk.mu.Unlock()
	h.disk.syncs++
	do, err := h.disk.op()
	if do {
		for _, c := range h.inode.pending {
			h.inode.durable = c.apply(h.inode.durable)
		}
	}
	if h.disk.how != halt || err == nil {
		h.inode.pending = nil
	}
	return err
}

func (h *handle) Lock() (string, error) {
	if h.disk.onLock != nil {
		h.disk.onLock()
	}
	h.disk.mu.Lock()
	defer h.disk.mu.Unlock()
	do, err := h.disk.op()
	switch {
	case !do:
		return "", err
	case h.inode.holder != nil:
		return "", ErrLocked
	case h.disk.names[h.path] != h.inode:
		return "", errReplaced
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
	_, err := h.disk.op()
	h.closed = true
	if h.inode.holder == h {
		h.inode.holder = nil
	}
	return err
}
