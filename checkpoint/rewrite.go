package checkpoint

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"runtime"

	"octave-enrich/checkpoint/durable"
)

// A RewriteStats says what Rewrite did. Records of the journal's own are not
// counted.
type RewriteStats struct {
	Kept    int   // records in the file now
	Dropped int   // records that are gone
	Before  int64 // bytes
	After   int64 // bytes
}

// scratchName is where the new file grows before it takes the place of path.
func scratchName(path string) string { return path + ".rewrite" }

// Beside are the files that may come and go beside a journal.
func Beside(path string) []string { return []string{scratchName(path), durable.LockName(path)} }

// Rewrite replaces the journal at path by one that holds what keep returns for
// each record, in order, where it returns true; the header stays. It locks the
// journal and recovers it as [Open] does and fails as that does; it does not
// create one.
//
// Until the rename, path is the old journal, after it the new one, at no moment
// anything else; what keep dropped is then in no file of ours.
func Rewrite(path string, opt Options, keep func(Record) (Record, bool)) (RewriteStats, error) {
	opt = opt.withDefaults()
	opt.ReadOnly = false
	if err := Chosen(path, opt.FS); err != nil {
		return RewriteStats{}, err // also where nothing has the name any more
	}
	f, err := opt.FS.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return RewriteStats{}, fmt.Errorf("open checkpoint: %w", err)
	}
	f.Close() // it is there
	j, err := Open(path, opt)
	if err != nil {
		return RewriteStats{}, err
	}
	stats, err := j.replace(opt.FS, keep)
	if err != nil {
		return stats, errors.Join(fmt.Errorf("rewrite checkpoint: %w", err), j.f.Close())
	}
	return stats, nil
}

// replace writes the new file, puts it in the place of the journal's and closes
// that. The lock is on the old file: another run that waits for it finds that
// it was replaced and opens the new one.
func (j *Journal) replace(fs durable.FS, keep func(Record) (Record, bool)) (stats RewriteStats, err error) {
	draft, err := durable.Create(fs, scratchName(j.path), durable.Private)
	if err != nil {
		return stats, err
	}
	defer func() { err = errors.Join(err, draft.Discard()) }()
	if stats, err = j.copyTo(draft, keep); err != nil {
		return stats, err
	}
	if err := draft.Seal(j.path); err != nil {
		return stats, err
	}
	if runtime.GOOS == "windows" {
		// It does not replace open files; one that is opened in between makes Publish fail.
		return stats, errors.Join(j.f.Close(), draft.Publish(j.path))
	}
	if err := draft.Publish(j.path); err != nil {
		return stats, err
	}
	return stats, j.f.Close()
}

// copyTo writes the records that keep wants.
func (j *Journal) copyTo(to io.Writer, keep func(Record) (Record, bool)) (stats RewriteStats, err error) {
	w := &recordWriter{w: bufio.NewWriterSize(to, int(min(j.size, 1<<20)))}
	for rec, err := range j.records() {
		if err != nil {
			return stats, err
		}
		if rec.Type != Begin {
			var ok bool
			if rec, ok = keep(rec); !ok {
				stats.Dropped++
				continue
			}
			if err := check(rec); err != nil {
				return stats, err
			}
			stats.Kept++
		}
		if err := w.write(rec, 0); err != nil {
			return stats, err
		}
	}
	// It says of all before it that they are durable, which is true when the
	// file gets the name that anybody opens.
	if err := w.write(Record{Type: Closed, At: j.now()}, w.size); err != nil {
		return stats, err
	}
	stats.Before, stats.After = j.size, w.size
	return stats, w.w.Flush()
}

// records yields what is in the open file, but for what closed it; a DamageError for
// each line that is not whole, and for an end that comes too early.
func (j *Journal) records() iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		s := newScanner(j.path, j.f, 0, j.size)
		err := s.next()
		for ; err == nil; err = s.next() {
			if s.reason != "" && !yield(Record{}, s.damage()) ||
				s.reason == "" && string(s.typ) != Closed && !yield(s.record(), nil) {
				return
			}
		}
		if err == io.EOF && s.offset < j.size {
			err = &DamageError{Path: j.path, Offset: s.offset, Line: s.number, Reason: "the file ends here"}
		}
		if err != io.EOF {
			yield(Record{}, err)
		}
	}
}

// A recordWriter writes records one after the other and counts their bytes.
type recordWriter struct {
	w    *bufio.Writer
	size int64
}

func (w *recordWriter) write(rec Record, synced int64) error {
	buf, err := encode(rec, synced)
	if err != nil {
		return err
	}
	n, err := w.w.Write(buf)
	w.size += int64(n)
	return err
}
