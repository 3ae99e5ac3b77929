package checkpoint

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"octave-enrich/checkpoint/durable"
)

// rescuedName is where a journal goes on that lost its name; the n-th, if there
// are such files.
func rescuedName(path string, n int) string {
	if n == 1 {
		return path + ".rescued"
	}
	return fmt.Sprintf("%s.rescued%d", path, n)
}

// maxRescued bounds the files that one checkpoint is rescued to.
const maxRescued = 99

// Chosen returns a [RescuedError] while nobody has said whether the checkpoint at
// path or what was rescued of it is right, whether or not there is anything at
// path. [Open] and [Rewrite] ask it, too. A nil fsys means the operating system's.
func Chosen(path string, fsys durable.FS) error {
	fsys = Options{FS: fsys}.withDefaults().FS
	path, err := fsys.Resolve(path)
	if err != nil {
		return fmt.Errorf("open checkpoint: %w", err)
	}
	rescued := rescuedName(path, 1)
	switch _, err := fsys.Stat(rescued); {
	case err == nil:
		return &RescuedError{path, rescued}
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("open checkpoint: %w", err)
	}
	return nil
}

// Stopped returns why no call may start any more, see [ErrNoCall], and nil while
// one may.
func (j *Journal) Stopped() error {
	j.mu.RLock()
	defer j.mu.RUnlock()
	return j.stopped
}

// MayAsk is to be called before each call: its error is ErrNoCall unless what the
// call brings is going to be found, and there is room for it. A call counts until
// its answered or missed record is written.
func (j *Journal) MayAsk() error {
	if j.readOnly {
		return ErrReadOnly
	}
	j.lockAtHome()
	var full error
	if j.stopped == nil && j.err == nil {
		if full = j.room.take(j.f, j.size, j.largest); full != nil {
			j.stopped = fmt.Errorf("%w: %w", ErrNoCall, full)
		}
	}
	err := cmp.Or(j.err, j.stopped)
	j.mu.Unlock()
	if full != nil {
		j.onStop(err)
	}
	return err
}

// whyLost says what happened to the name of the file, and nothing while it stands
// for the open file; the error is that of looking. Where a file has no number that
// stays, its length decides. The caller holds mu.
func (j *Journal) whyLost() (string, error) {
	if j.lost != nil || j.err != nil {
		return "", nil //nolint:nilerr // it was said when it came up
	}
	is, err := durable.Is(j.fs, j.f, j.path)
	var length int64
	if err == nil && is == durable.Same {
		length, err = sizeOf(j.f) // the length at a name may be one of a moment ago
	} else if err == nil {
		var there fs.FileInfo
		if there, err = j.fs.Stat(j.path); err == nil {
			length = there.Size()
		}
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "was moved or deleted", nil
	case err != nil:
		return fmt.Sprintf("could not be found any more (%v)", err), err
	case is == durable.Another:
		return "was replaced by another file", nil
	case length < j.size:
		return fmt.Sprintf("was cut from %d bytes to %d", j.size, length), nil
	case length > j.size:
		return fmt.Sprintf("was written by somebody else, from %d bytes to %d", j.size, length), nil
	}
	return "", nil
}

// lockAtHome locks mu when what is written can be found, see stay. The length is
// looked at before each write: behind it, a file that was cut is as long as ever.
func (j *Journal) lockAtHome() {
	j.mu.Lock()
	if why, _ := j.whyLost(); why != "" {
		j.mu.Unlock()
		j.syncing.Lock()
		j.stay()
		j.syncing.Unlock()
		j.mu.Lock()
	}
}

// stay sees to it that what is written can be found: the journal goes on in another
// file when this one lost its name. When that cannot be created, it goes on in the
// old one, which is whole wherever it was moved to. The caller holds syncing.
func (j *Journal) stay() {
	j.mu.Lock()
	why, cause := j.whyLost()
	if why == "" {
		j.mu.Unlock()
		return
	}
	j.lost = &LostError{Path: j.path, Why: why}
	rescued, err := j.rescue()
	j.lost.Rescued, j.lost.Err = rescued, errors.Join(cause, err)
	j.stopped = fmt.Errorf("%w: %w", ErrNoCall, j.lost) // it outweighs a full disk
	reason := j.stopped
	j.mu.Unlock()
	j.onStop(reason)
}

// rescue writes all records that are whole in the open file to a new one, makes it
// durable and goes on there: who waits for a record to be durable finds it there.
// The caller holds syncing and mu.
func (j *Journal) rescue() (name string, err error) {
	f, name, err := j.createRescued()
	if err != nil {
		return "", err
	}
	next := &Journal{path: name, f: f, index: make(map[Key]place), submitted: make(map[Key]Record)}
	if next.size, next.holes, err = j.copyWhole(f); err == nil {
		err = f.Sync()
	}
	if err == nil {
		_, err = next.load(next.size)
	}
	if err == nil {
		err = j.fs.SyncDir(filepath.Dir(name))
	}
	if err != nil {
		return "", errors.Join(err, f.Close(), durable.Remove(j.fs, name))
	}
	j.left, j.f, j.path, j.read = j.f, f, name, &blocks{f: f}
	j.lives++
	j.size, j.ended, j.holes = next.size, next.ended, next.holes
	j.index, j.answered, j.submitted, j.runs = next.index, next.answered, next.submitted, next.runs
	j.room.reserved = 0
	j.synced.Store(j.size)
	return name, nil
}

// createRescued creates a file that replaces none, and locks it.
func (j *Journal) createRescued() (f durable.File, name string, err error) {
	for n := 1; n <= maxRescued; n++ {
		name = rescuedName(j.path, n)
		f, err = j.fs.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, durable.Private)
		if !errors.Is(err, fs.ErrExist) {
			break
		}
	}
	if err != nil {
		return nil, "", err
	}
	_, err = f.Lock()
	if err == nil {
		var info fs.FileInfo
		if info, err = j.f.Stat(); err == nil {
			err = f.Adopt(info)
		}
	}
	if err != nil {
		return nil, "", errors.Join(err, f.Close(), durable.Remove(j.fs, name))
	}
	return f, name, nil
}

// copyWhole writes the header and the records that are whole. A file that was cut
// has holes in what was written since: what is not whole is left out.
func (j *Journal) copyWhole(to io.Writer) (size int64, holes bool, err error) {
	w := &recordWriter{w: bufio.NewWriterSize(to, 1<<20)}
	begin, err := j.header.record()
	if err == nil {
		err = w.write(begin, 0)
	}
	if err != nil {
		return 0, false, err
	}
	for rec, err := range j.records() {
		var damage *DamageError
		switch {
		case errors.As(err, &damage):
			holes = true
			continue
		case err == nil && rec.Type != Begin:
			err = w.write(rec, 0)
		}
		if err != nil {
			return 0, false, err
		}
	}
	return w.size, holes, w.w.Flush()
}

// mayLack says whether the file that the journal went on in may be without a record
// that was written to the one before.
func (j *Journal) mayLack(at span) bool {
	j.mu.RLock()
	defer j.mu.RUnlock()
	return at.life < j.lives && j.holes
}
