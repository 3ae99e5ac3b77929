package checkpoint

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"octave-enrich/checkpoint/durable"
)

// A Journal is an open checkpoint. It is safe for concurrent use.
//
// After an error of writing or syncing nobody knows what the disk holds, so the
// journal refuses everything with that error until it is opened again; opening
// finds out.
type Journal struct {
	path     string // the file that is written: the rescued one once the first is lost
	fs       durable.FS
	f        durable.File
	header   Header
	lockNote string
	cut      int64
	readOnly bool
	now      func() time.Time
	onStop   func(error)

	syncing sync.Mutex   // held by the one that syncs for all who wrote before it
	synced  atomic.Int64 // length known to be durable
	waiting atomic.Int32 // appends that wait for it

	mu        sync.RWMutex // guards what follows
	read      *blocks      // of the file that is written
	size      int64        // length written
	ended     bool         // the last record is Closed
	err       error        // sticky
	stopped   error        // why no call may start, nil while it may
	lost      *LostError   // nil while the file has its name
	left      durable.File // the one that lost its name, which keeps its lock; nil if none
	lives     int          // of the files that were written: an offset is of one of them
	holes     bool         // the last rescue left out what was not whole
	room      room
	largest   int64 // bytes of the longest answer
	index     map[Key]place
	answered  int
	submitted map[Key]Record // submitted, without an end
	runs      []Record
}

// A place is where the record that decides the state of a key begins, and which
// state that is in the lowest bit: 24 bytes an answer, with the key.
type place int64

func placeOf(offset int64, state State) place { return place(offset<<1 | int64(state&1)) }

func (p place) offset() int64 { return int64(p >> 1) }

func (p place) state() State {
	if p&1 == place(AnsweredState&1) {
		return AnsweredState
	}
	return FailedState
}

// Append writes rec and returns when it is durable: a crash at any later moment
// does not lose it. If it returns an error, the record may or may not be found
// when the journal is opened again.
func (j *Journal) Append(rec Record) error {
	if err := check(rec); err != nil {
		return err
	}
	at, err := j.write(rec)
	if err != nil {
		return err
	}
	if err := j.commit(at); err != nil {
		return err
	}
	if j.mayLack(at) {
		return j.Append(rec)
	}
	j.learn(rec, at)
	return nil
}

// Note writes rec and does not wait for the disk: the record survives a killed
// process, not a power loss. An answer is refused, it is worth the wait.
func (j *Journal) Note(rec Record) error {
	if rec.Type == Answered {
		return fmt.Errorf("%w: an answer is appended, not noted", ErrRecord)
	}
	if err := check(rec); err != nil {
		return err
	}
	at, err := j.write(rec)
	if err != nil {
		return err
	}
	j.learn(rec, at)
	return nil
}

// check tells whether callers may write rec.
func check(rec Record) error {
	keyed := rec.Type == Asked || rec.Type == Submitted || rec.Type == Missed || rec.Type == Answered || rec.Type == Failed
	switch {
	case !isWord(rec.Type):
		return fmt.Errorf("%w: type %q is not a lower-case word", ErrRecord, rec.Type)
	case rec.Type == Begin || rec.Type == Closed:
		return fmt.Errorf("%w: type %q is the journal's own", ErrRecord, rec.Type)
	case keyed && rec.Key == (Key{}):
		return fmt.Errorf("%w: type %q needs a key", ErrRecord, rec.Type)
	case rec.At.UTC().Year() < 0 || rec.At.UTC().Year() > 9999:
		return fmt.Errorf("%w: the year %d cannot be written", ErrRecord, rec.At.UTC().Year())
	case len(rec.Body) > MaxBody:
		return fmt.Errorf("%w: body of %d bytes, at most %d", ErrRecord, len(rec.Body), MaxBody)
	}
	return nil
}

// A span is where a record lies.
type span struct {
	life       int // of the journal
	begin, end int64
}

// write puts rec behind what was written before.
func (j *Journal) write(rec Record) (span, error) {
	if j.readOnly {
		return span{}, ErrReadOnly
	}
	if rec.At.IsZero() {
		rec.At = j.now()
	}
	j.mu.RLock()
	life, synced := j.lives, j.synced.Load()
	j.mu.RUnlock()
	buf, err := encode(rec, synced)
	if err != nil {
		return span{}, err
	}
	j.lockAtHome()
	defer j.mu.Unlock()
	if j.lives != life { // what it says of the bytes before it is of another file
		if buf, err = encode(rec, j.synced.Load()); err != nil {
			return span{}, err
		}
	}
	if j.err != nil {
		return span{}, j.err
	}
	// What a failed write leaves behind is a torn tail, which Open cuts.
	if _, err := j.f.WriteAt(buf, j.size); err != nil {
		j.err = fmt.Errorf("write checkpoint: %w", err)
		return span{}, j.err
	}
	at := span{j.lives, j.size, j.size + int64(len(buf))}
	j.size, j.ended = at.end, rec.Type == Closed
	j.room.wrote(rec.Type)
	if rec.Type == Answered {
		j.largest = max(j.largest, int64(len(buf)))
	}
	return at, nil
}

// groupDelay is what a busy journal waits for further records before it syncs them
// together: nothing beside a call, and several times fewer syncs.
const groupDelay = time.Millisecond

// commit returns when the file is durable up to the end of a record. Whoever gets
// the mutex first syncs for all who have written by then; they find their work
// done.
func (j *Journal) commit(at span) error {
	j.waiting.Add(1)
	defer j.waiting.Add(-1)
	j.syncing.Lock()
	defer j.syncing.Unlock()
	if j.isDurable(at) {
		return nil
	}
	if j.waiting.Load() > 1 { // a crowd: let more of it come along
		time.Sleep(groupDelay)
	}
	if j.stay(); j.isDurable(at) {
		return nil
	}
	j.mu.RLock()
	size, f, err := j.size, j.f, j.err
	j.mu.RUnlock()
	if err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return j.fail(fmt.Errorf("sync checkpoint: %w", err))
	}
	j.synced.Store(size) // the commit point of every record before size
	return nil
}

// fail makes err the answer to everything from now on.
func (j *Journal) fail(err error) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err == nil {
		j.err = err
	}
	return j.err
}

// isDurable tells whether a record is on the disk. When the journal went to another
// file, all that was written before went along.
func (j *Journal) isDurable(at span) bool {
	j.mu.RLock()
	defer j.mu.RUnlock()
	return at.life < j.lives || j.synced.Load() >= at.end
}

// learn takes a record into what can be looked up.
func (j *Journal) learn(rec Record, at span) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if at.life == j.lives { // else it was read when the file was rescued
		j.learnAt(at.begin, rec.Type, rec.Key, func() Record { return rec })
	}
}

// learnAt takes the record at an offset into what can be looked up.
func (j *Journal) learnAt(offset int64, kind string, key Key, record func() Record) {
	switch {
	case key == (Key{}):
		j.runs = append(j.runs, record())
	case kind == Answered:
		j.learnAnswer(key, offset)
	case kind == Submitted:
		j.submitted[key] = record()
	case kind == Missed:
		delete(j.submitted, key)
	case kind == Failed:
		j.learnFailure(key, offset)
	}
}

func (j *Journal) learnAnswer(key Key, offset int64) {
	delete(j.submitted, key)
	known, ok := j.index[key]
	wasAnswered := ok && known.state() == AnsweredState
	if wasAnswered && known.offset() > offset { // a later one was quicker to get here
		return
	}
	if !wasAnswered {
		j.answered++
	}
	j.index[key] = placeOf(offset, AnsweredState)
}

func (j *Journal) learnFailure(key Key, offset int64) {
	known, ok := j.index[key]
	if !ok || known.state() == FailedState && known.offset() < offset {
		j.index[key] = placeOf(offset, FailedState)
	}
}

// Answer reads the last answer to the question named by key back from the file
// and checks it. The result is false if there is none.
func (j *Journal) Answer(key Key) (Record, bool, error) {
	return j.last(key, AnsweredState, Answered)
}

// Failure reads back why the question named by key was last given up. The result
// is false if it was not, or was answered.
func (j *Journal) Failure(key Key) (Record, bool, error) {
	return j.last(key, FailedState, Failed)
}

func (j *Journal) last(key Key, state State, kind string) (Record, bool, error) {
	j.mu.RLock()
	p, ok := j.index[key]
	now, err := reading{j.path, j.read, j.size}, j.err
	j.mu.RUnlock()
	if err != nil {
		return Record{}, false, err
	}
	if !ok || p.state() != state {
		return Record{}, false, nil
	}
	rec, err := now.at(p.offset())
	if err != nil {
		return Record{}, false, err
	}
	if rec.Type != kind || rec.Key != key {
		return Record{}, false, &DamageError{Path: now.path, Offset: p.offset(), Reason: "another record than when it was opened"}
	}
	return rec, true, nil
}

// State tells what is known of key.
func (j *Journal) State(key Key) State {
	j.mu.RLock()
	defer j.mu.RUnlock()
	p, ok := j.index[key]
	if !ok {
		return Unknown
	}
	return p.state()
}

// Header returns the header of the file; it is zero for a file without one that
// is open for reading only.
func (j *Journal) Header() Header { return j.header }

// RunRecords returns the records without a key in the order in which they were
// written, the journal's own aside.
func (j *Journal) RunRecords() []Record {
	j.mu.RLock()
	defer j.mu.RUnlock()
	return append([]Record(nil), j.runs...)
}

// Waiting returns the records of what was submitted and has neither been answered
// nor missed since, the oldest first.
func (j *Journal) Waiting() []Record {
	j.mu.RLock()
	defer j.mu.RUnlock()
	return slices.SortedFunc(maps.Values(j.submitted), func(a, b Record) int {
		return cmp.Or(a.At.Compare(b.At), bytes.Compare(a.Key[:], b.Key[:]))
	})
}

// Len returns the number of keys that have an answer.
func (j *Journal) Len() int {
	j.mu.RLock()
	defer j.mu.RUnlock()
	return j.answered
}

// Recovered returns how many bytes of a torn tail Open cut off, or passed over
// when it opened for reading only.
func (j *Journal) Recovered() int64 { return j.cut }

// LockNote returns a sentence for the user if the file system cannot lock files
// and a lock file stands in, else "".
func (j *Journal) LockNote() string { return j.lockNote }

// Close writes the last record, makes everything durable and gives up the lock.
// An error other than that of an earlier write means that Notes since the last
// Append may be lost; what Append confirmed is safe.
func (j *Journal) Close() error {
	var err error
	if !j.readOnly {
		err = j.end()
	}
	_ = j.fail(fmt.Errorf("checkpoint %s: %w", filepath.Base(j.path), os.ErrClosed))
	if j.left != nil {
		err = errors.Join(err, j.left.Close())
	}
	return errors.Join(err, j.f.Close())
}

// end seals a journal that has changed: first everything is made durable, then
// a record says so, which makes a flip anywhere before it provable.
func (j *Journal) end() error {
	j.mu.RLock()
	at, ended, err := span{j.lives, j.size, j.size}, j.ended, j.err
	j.mu.RUnlock()
	if err != nil || ended {
		return err
	}
	if err := j.commit(at); err != nil {
		return err
	}
	if at, err = j.write(Record{Type: Closed}); err != nil {
		return err
	}
	if err := j.commit(at); err != nil {
		return err
	}
	return j.giveBack()
}

// A reading is the file as it was at some moment.
type reading struct {
	path string
	read *blocks
	size int64
}

// at reads the record that begins at offset.
func (r reading) at(offset int64) (Record, error) {
	damaged := func(reason string) error {
		return &DamageError{Path: r.path, Offset: offset, Reason: reason}
	}
	raw, err := r.read.line(offset, r.size)
	if err == io.EOF {
		return Record{}, damaged("record is cut short")
	}
	if err != nil {
		return Record{}, fmt.Errorf("read checkpoint: %w", err)
	}
	l, reason := parse(raw)
	if reason != "" {
		return Record{}, damaged(reason)
	}
	return Record{Type: string(l.typ), Key: l.key, At: l.at.UTC(), Body: l.body}, nil // of bytes that are its own
}
