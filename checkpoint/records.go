package checkpoint

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"os"

	"octave-enrich/checkpoint/durable"
)

// An Entry is a record and where it lies.
type Entry struct {
	Record
	Offset int64 // bytes from the start of the file
	Line   int   // from 1
	Len    int64 // bytes, newline included
}

// Records reads the journal at path without a lock, also while a run writes it:
// every whole record in order, the header and the closing ones included, up to
// the length that the file has when it begins, a torn tail left out. A nil fs
// means the operating system's.
//
// Damage is yielded as a [DamageError] and the records behind it follow. Any
// other error is the last thing yielded: [ErrNotCheckpoint], a [FormatError], or
// one of reading. A file of which a crash left no whole header has no records.
func Records(path string, fs durable.FS) iter.Seq2[Entry, error] { return RecordsFrom(path, 0, fs) }

// RecordsFrom is [Records] from the record that begins at offset on, for a reader
// that follows a journal and went as far before: the offset and the length of an
// Entry say where the next one begins. Lines are counted from there.
func RecordsFrom(path string, offset int64, fs durable.FS) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		walk := walker{path: path, from: offset, fs: Options{FS: fs}.withDefaults().FS}
		if err := walk.run(yield); err != nil {
			yield(Entry{}, err)
		}
	}
}

// ReadHeader reads the header of the journal at path and nothing else. Its errors
// are [ErrNotCheckpoint], a [FormatError], or those of reading; a damaged header
// is none. A nil fs means the operating system's.
func ReadHeader(path string, fs durable.FS) (Header, error) {
	f, err := Options{FS: fs}.withDefaults().FS.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return Header{}, fmt.Errorf("open checkpoint: %w", err)
	}
	defer f.Close()          // nothing was written
	const longest = 64 << 10 // bytes of a first line that may be a header
	length, err := sizeOf(f)
	if err != nil {
		return Header{}, fmt.Errorf("open checkpoint: %w", err)
	}
	s := newScanner(path, f, 0, min(length, longest))
	if err := s.next(); err != nil || s.reason != "" || string(s.typ) != Begin {
		return Header{}, fmt.Errorf("%s: %w", path, ErrNotCheckpoint)
	}
	return newScanner(path, f, 0, min(length, longest)).header()
}

// A walker goes through a journal, damaged or not.
type walker struct {
	path   string
	from   int64 // where the first record begins that is of interest
	fs     durable.FS
	f      durable.File
	header Header
	length int64 // of the file
	proven int64 // -1 until there is a line that is not whole
	end    int64 // of what is not a torn tail
}

// run yields until the end or an error, or until yield says no.
func (w *walker) run(yield func(Entry, error) bool) error {
	f, err := w.fs.OpenFile(w.path, os.O_RDONLY, 0)
	if err != nil {
		return fmt.Errorf("open checkpoint: %w", err)
	}
	defer f.Close() // nothing was written
	if w.length, err = sizeOf(f); err != nil {
		return fmt.Errorf("open checkpoint: %w", err)
	}
	w.f, w.proven = f, -1
	s, err := w.first()
	for ; err == nil; err = s.next() {
		var more bool
		if more, err = w.step(s, yield); err != nil || !more {
			return err
		}
	}
	if err == io.EOF || err == errTorn {
		return nil
	}
	return err
}

// first returns a scanner at the first line, if the file is a checkpoint.
func (w *walker) first() (s *scanner, err error) {
	if w.from > 0 {
		s = newScanner(w.path, w.f, w.from, w.length)
		return s, s.next()
	}
	s = newScanner(w.path, w.f, 0, w.length)
	w.header, err = s.header()
	var damage *DamageError
	if errors.As(err, &damage) { // to find out, s has gone to the end
		s = newScanner(w.path, w.f, 0, w.length)
		err = s.next()
	}
	return s, err
}

// step yields the current line. The result is false when there is nothing more
// to yield, or nobody to take it.
func (w *walker) step(s *scanner, yield func(Entry, error) bool) (more bool, err error) {
	next := s.offset + s.length
	if s.reason == "" {
		w.end = next
		return yield(Entry{Record: s.record(), Offset: s.offset, Line: s.number, Len: s.length}, nil), nil
	}
	if w.proven < 0 {
		if w.proven, err = newScanner(w.path, w.f, s.offset, w.length).proven(); err != nil {
			return false, err
		}
	}
	if s.offset >= w.proven {
		return false, nil // the torn tail
	}
	w.end = next
	return yield(Entry{}, s.damage()), nil
}

// A Report is what Verify found.
type Report struct {
	Header  Header         // zero if it is damaged or torn
	Bytes   int64          // length of the file
	Records int            // whole ones, the journal's own included
	Answers int            // keys with an answer
	Tail    int64          // bytes at the end that were never promised; opening cuts them off
	Closed  bool           // the last record closes the journal: damage anywhere before it would have been found
	Damage  []*DamageError // what was once durable and is not whole any more
}

// Verify reads all of the journal at path as [Records] does and checks it. The
// error is that of reading, ErrNotCheckpoint or a FormatError; damage is in the
// report.
func Verify(path string, fs durable.FS) (Report, error) {
	w := walker{path: path, fs: Options{FS: fs}.withDefaults().FS}
	var r Report
	answers := make(map[Key]struct{})
	err := w.run(func(e Entry, err error) bool {
		if damage, ok := errors.AsType[*DamageError](err); ok {
			r.Damage = append(r.Damage, damage)
			return true
		}
		r.Records++
		r.Closed = e.Type == Closed
		if e.Type == Answered && e.Key != (Key{}) {
			answers[e.Key] = struct{}{}
		}
		return true
	})
	r.Header, r.Bytes, r.Answers, r.Tail = w.header, w.length, len(answers), w.length-w.end
	r.Closed = r.Closed && r.Tail == 0
	return r, err
}
