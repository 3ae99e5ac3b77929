package checkpoint

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"octave-enrich/checkpoint/durable"
)

// Open opens the journal at path, locks it and creates it if there is none.
//
// It reads the whole file, cuts a torn tail, makes the rest durable and keeps an
// index of it in memory, at most 64 bytes for each key that was answered or
// failed. Its errors are [ErrLocked], [ErrNotCheckpoint], a [FormatError] or a
// [DamageError], after all of which the file is as it was, or wrap those of the
// file system.
//
// A [RescuedError] is for the user to decide. With Options.ReadOnly the file must exist and is not changed in any way.
func Open(path string, opt Options) (*Journal, error) {
	opt = opt.withDefaults()
	path, err := opt.FS.Resolve(path)
	if err != nil {
		return nil, fmt.Errorf("open checkpoint: %w", err)
	}
	j := &Journal{path: path, fs: opt.FS, now: opt.Now, readOnly: opt.ReadOnly, index: make(map[Key]place), submitted: make(map[Key]Record), onStop: opt.OnStop}
	if err := Chosen(path, opt.FS); err != nil {
		return nil, err
	}
	if err := j.open(opt); err != nil {
		if j.f != nil {
			j.f.Close() // the first error is the one that counts
		}
		return nil, err
	}
	j.read = &blocks{f: j.f}
	return j, nil
}

// open reads the file and, unless it is only to be read, locks and recovers it.
func (j *Journal) open(opt Options) (err error) {
	if !opt.ReadOnly {
		j.f, j.lockNote, err = acquire(opt.FS, j.path)
	} else if j.f, err = opt.FS.OpenFile(j.path, os.O_RDONLY, 0); err != nil {
		err = fmt.Errorf("open checkpoint: %w", err)
	}
	if err != nil {
		return err
	}
	length, err := sizeOf(j.f)
	if err != nil {
		return fmt.Errorf("open checkpoint: %w", err)
	}
	proven, err := j.load(length)
	if err != nil || opt.ReadOnly {
		return err
	}
	if err := j.recover(opt, length, proven); err != nil {
		return fmt.Errorf("open checkpoint: %w", err)
	}
	return nil
}

// acquire opens and locks the file at path. Between the two another run may
// have put a new file there (Rewrite does), so that the lock is on one that
// nobody will ever open again; then the new one is tried.
func acquire(fs durable.FS, path string) (durable.File, string, error) {
	for range maxReplaced {
		f, err := fs.OpenFile(path, os.O_RDWR|os.O_CREATE, durable.Private)
		if err != nil {
			return nil, "", fmt.Errorf("open checkpoint: %w", err)
		}
		note, err := f.Lock()
		if err == nil {
			return f, note, nil
		}
		f.Close() // without the lock there is nothing in it that could be lost
		if !errors.Is(err, durable.ErrReplaced) {
			return nil, "", fmt.Errorf("lock checkpoint: %w", err)
		}
	}
	return nil, "", fmt.Errorf("lock checkpoint: %s: %w, again and again", path, durable.ErrReplaced)
}

// maxReplaced bounds how often a file that was replaced is opened again.
const maxReplaced = 100

// load reads a file of the given length into the index, sets size to the end of
// its last whole record before a torn tail and cut to what is behind it, and
// returns the proven length.
func (j *Journal) load(length int64) (proven int64, err error) {
	s := newScanner(j.path, j.f, 0, length)
	j.header, err = s.header()
	if err == errTorn {
		j.cut = length
		return 0, nil
	}
	for ; err == nil && s.reason == ""; err = s.next() {
		proven = max(proven, s.synced)
		j.take(s)
	}
	if err != nil && err != io.EOF {
		return 0, err
	}
	j.size, j.cut = s.offset, length-s.offset
	if err == nil {
		damage := s.damage()
		if later, err := s.proven(); err != nil {
			return 0, err
		} else if later > damage.Offset {
			return 0, damage
		}
	}
	if s.offset < length && !j.readOnly { // it shrinks in spite of the lock: cut nothing
		return 0, fmt.Errorf("read checkpoint: %w", io.ErrUnexpectedEOF)
	}
	return proven, nil
}

// take puts the scanner's current record into the index.
func (j *Journal) take(s *scanner) {
	kind := string(s.typ)
	if j.ended = kind == Closed; j.ended || kind == Begin {
		return
	}
	if kind == Answered {
		j.largest = max(j.largest, s.length)
	}
	j.learnAt(s.offset, kind, s.key, s.record)
}

// recover makes the file on disk what load found: a whole prefix, durable, with
// a name that is durable too. A crash in the middle leaves work for the next
// Open and nothing else.
func (j *Journal) recover(opt Options, length, proven int64) error {
	if j.size < length {
		if err := j.f.Truncate(j.size); err != nil {
			return err
		}
	}
	if j.size == 0 {
		if err := j.create(opt); err != nil {
			return err
		}
	} else if err := j.rewrite(proven, j.size); err != nil {
		return err
	}
	if err := j.f.Sync(); err != nil {
		return err
	}
	j.synced.Store(j.size)
	if err := durable.Remove(opt.FS, scratchName(j.path)); err != nil {
		return err // of a Rewrite that crashed: personal data, and of no use
	}
	return opt.FS.SyncDir(filepath.Dir(j.path))
}

// create writes the header of a new journal.
func (j *Journal) create(opt Options) error {
	j.header = opt.Header
	j.header.Format = Format
	if j.header.Created.IsZero() {
		j.header.Created = opt.Now().UTC()
	}
	begin, err := j.header.record()
	if err != nil {
		return err
	}
	_, err = j.write(begin)
	return err
}

// record is the first one of a file.
func (h Header) record() (Record, error) {
	body, err := json.Marshal(h)
	return Record{Type: Begin, At: h.Created, Body: body}, err
}

// rewrite writes the bytes from one offset to another over themselves. What no
// record proves durable may be in memory only, and be taken for clean there
// since a sync failed; written again, the sync that follows means something.
func (j *Journal) rewrite(from, to int64) error {
	buf := make([]byte, min(to-from, 1<<20))
	for from < to {
		part := buf[:min(to-from, int64(len(buf)))]
		if _, err := io.ReadFull(io.NewSectionReader(j.f, from, to-from), part); err != nil {
			return err
		}
		if _, err := j.f.WriteAt(part, from); err != nil {
			return err
		}
		from += int64(len(part))
	}
	return nil
}

func sizeOf(f durable.File) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
