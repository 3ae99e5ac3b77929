// Package durabletest is a disk for tests that fails and loses power: the one of
// all users of package durable.
package durabletest

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"octave-enrich/checkpoint/durable"
)

// A Disk is a file system in memory that can fail and knows what a loss of power
// would leave: what was synced, and any part of what was not. Names are as
// volatile as data until their directory is synced. It has one directory.
type Disk struct {
	OnSync func()    // called before a sync, without the disk's lock
	OnLock func()    // called before a lock, without the disk's lock
	Wrote  chan bool // gets a value for each write, if not nil

	mu      sync.Mutex
	names   map[string]*inode // as processes see them
	durable map[string]*inode
	pending []func(map[string]*inode) // changes of names since the last SyncDir

	calls     []string // see Calls
	ops       int
	syncs     int
	temps     int
	failAt    int // the operation that fails, from 1; 0 for none
	how       Failure
	failed    string // which operation it was
	room      int64  // bytes that all files may have; negative for any number
	anonymous bool   // SameFile knows nothing
}

// A Failure is what happens to the operation that fails.
type Failure int

// The ways in which an operation fails.
const (
	DidNotHappen Failure = iota
	Happened             // but is reported as failed
	InPart               // a short read or write; else as DidNotHappen
	Halt                 // the power is lost: this operation and all that follow do nothing
)

// Failures are all of them.
func Failures() []Failure { return []Failure{DidNotHappen, Happened, InPart, Halt} }

// ErrInjected is the error of an operation that fails.
var ErrInjected = errors.New("injected failure")

// ErrFull is the error of a write for which there is no room.
var ErrFull = syscall.ENOSPC

// New returns an empty disk.
func New() *Disk {
	return &Disk{names: make(map[string]*inode), durable: make(map[string]*inode), room: -1}
}

// With returns a disk with one durable file.
func With(path string, data []byte) *Disk {
	d := New()
	d.Put(path, data, 0o600)
	return d
}

// Put makes a durable file, in place of what is there.
func (d *Disk) Put(path string, data []byte, mode fs.FileMode) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := &inode{mode: mode, data: slices.Clone(data), durable: slices.Clone(data)}
	d.names[path], d.durable[path] = n, n
}

// Move renames a file, or removes it if to is empty, behind everybody's back.
func (d *Disk) Move(from, to string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, names := range []map[string]*inode{d.names, d.durable} {
		if n := names[from]; n != nil && to != "" {
			names[to] = n
		}
		delete(names, from)
	}
}

// Change changes what processes see of a file behind everybody's back.
func (d *Disk) Change(path string, change func([]byte) []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.names[path]
	n.data = change(n.data)
}

// Fail makes the n-th operation from now fail.
func (d *Disk) Fail(n int, how Failure) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.failAt, d.how, d.failed = d.ops+n, how, ""
}

// Failed returns the call that failed, empty if none did yet.
func (d *Disk) Failed() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.failed
}

// Room bounds the bytes of all files together; negative for no bound.
func (d *Disk) Room(bytes int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.room = bytes
}

// Used returns the bytes that all files take together.
func (d *Disk) Used() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.used()
}

func (d *Disk) used() (sum int64) {
	for _, n := range d.names {
		sum += n.takes()
	}
	return sum
}

// Anonymous makes the disk one on which files have no number: no two
// descriptions are known to be of one file.
func (d *Disk) Anonymous() { d.anonymous = true }

// Syncs returns how many times files were synced.
func (d *Disk) Syncs() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.syncs
}

// Calls returns the calls since the last time that change what is on the disk,
// in order and each as one string with the last elements of the paths; of equal
// ones in a row, such as writes, only the first.
func (d *Disk) Calls() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	calls := slices.Compact(d.calls)
	d.calls = nil
	return calls
}

// Data returns what processes see of a file, nil if there is none.
func (d *Disk) Data(path string) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	if n := d.names[path]; n != nil {
		return append([]byte{}, n.data...)
	}
	return nil
}

// Mode returns the mode of a file.
func (d *Disk) Mode(path string) fs.FileMode {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.names[path].mode
}

// Names returns the paths of all files in order.
func (d *Disk) Names() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Sorted(maps.Keys(d.names))
}

// Killed is the disk after the end of all processes.
func (d *Disk) Killed() *Disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.failAt, d.how = 0, DidNotHappen
	for _, n := range d.names {
		n.holder = nil
	}
	return d
}

// Crashed is what a power loss leaves of the disk.
func (d *Disk) Crashed(rng *rand.Rand) *Disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	names := maps.Clone(d.durable)
	for _, change := range d.pending {
		if rng.IntN(2) == 0 {
			change(names)
		}
	}
	after := New()
	after.anonymous = d.anonymous
	for _, name := range slices.Sorted(maps.Keys(names)) {
		after.Put(name, names[name].lose(rng), names[name].mode)
	}
	return after
}

// op counts an operation and tells whether to do it and what to return.
func (d *Disk) op(what string, paths ...string) (do bool, err error) {
	for i, p := range paths {
		paths[i] = path.Base(p)
	}
	call := strings.Join(append([]string{what}, paths...), " ")
	d.ops++
	switch {
	case d.failAt == 0 || d.ops < d.failAt:
		do = true
	case d.ops > d.failAt:
		do = d.how != Halt
		err = errIf(d.how == Halt)
	default:
		d.failed = call
		do, err = d.how == Happened, fmt.Errorf("%s: %w", call, ErrInjected)
	}
	if do && err == nil && !slices.Contains([]string{"stat", "resolve", "read", "seek", "close", "reserve"}, what) {
		d.calls = append(d.calls, call)
	}
	return do, err
}

func errIf(fail bool) error {
	if fail {
		return ErrInjected
	}
	return nil
}

// Resolve returns the path as it is: there are no links.
func (d *Disk) Resolve(path string) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, err := d.op("resolve", path)
	return path, err
}

// MountPoint says no.
func (d *Disk) MountPoint(string) (bool, error) { return false, nil }

// OpenFile opens a file.
func (d *Disk) OpenFile(path string, flag int, perm fs.FileMode) (durable.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.names[path]
	what := "open"
	if n == nil {
		what = "create"
	}
	do, err := d.op(what, path)
	switch {
	case !do:
		return nil, err
	case n == nil && flag&os.O_CREATE == 0:
		return nil, fs.ErrNotExist
	case n != nil && flag&os.O_EXCL != 0:
		return nil, fs.ErrExist
	case n == nil:
		n = &inode{mode: perm}
		d.rename(func(names map[string]*inode) { names[path] = n })
	}
	if err != nil {
		return nil, err
	}
	return &handle{disk: d, inode: n, path: path}, nil
}

// Temp opens a file without a name.
func (d *Disk) Temp(string) (durable.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := d.op("temp"); err != nil {
		return nil, err
	}
	d.temps++
	return &handle{disk: d, inode: &inode{mode: durable.Private}, path: fmt.Sprintf("temp%d", d.temps)}, nil
}

// rename does a change of names that is not durable yet.
func (d *Disk) rename(change func(map[string]*inode)) {
	change(d.names)
	d.pending = append(d.pending, change)
}

// Rename puts a file in the place of another.
func (d *Disk) Rename(oldpath, newpath string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.names[oldpath]
	do, err := d.op("rename", oldpath, newpath)
	if n == nil {
		return cmp.Or(err, fs.ErrNotExist)
	}
	if do {
		d.rename(func(names map[string]*inode) {
			delete(names, oldpath)
			names[newpath] = n
		})
	}
	return err
}

// Remove removes a file.
func (d *Disk) Remove(path string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.names[path]
	what := "remove"
	if n == nil {
		what = "stat" // nothing changes
	}
	do, err := d.op(what, path)
	if n == nil {
		return cmp.Or(err, fs.ErrNotExist)
	}
	if do {
		d.rename(func(names map[string]*inode) { delete(names, path) })
	}
	return err
}

// Stat describes a file.
func (d *Disk) Stat(path string) (fs.FileInfo, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := d.op("stat", path); err != nil {
		return nil, err
	}
	n := d.names[path]
	if n == nil {
		return nil, fs.ErrNotExist
	}
	return n.info(path), nil
}

// SameFile tells whether two descriptions are of one file.
func (d *Disk) SameFile(a, b fs.FileInfo) bool { return !d.anonymous && a.Sys() == b.Sys() }

// SyncDir makes all names durable.
func (d *Disk) SyncDir(string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	do, err := d.op("sync directory")
	if do {
		d.durable, d.pending = maps.Clone(d.names), nil
	}
	return err
}

// An info describes a file.
type info struct {
	name  string
	size  int64
	mode  fs.FileMode
	inode *inode
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return i.size }
func (i info) Mode() fs.FileMode  { return i.mode }
func (i info) ModTime() time.Time { return time.Time{} }
func (i info) IsDir() bool        { return false }
func (i info) Sys() any           { return i.inode }
