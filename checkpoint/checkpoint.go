// Package checkpoint keeps what must survive a crash: an append-only journal of
// records, one a line, of which the answers can be looked up by key.
//
// A line is the CRC-32C of a JSON object in eight hex digits, a space, the
// object and a newline, so "cut -c10- FILE | jq" reads it:
//
//	5d0ed14c {"type":"answered","key":"6f...","at":"2026-11-23T19:00:00.123Z","synced":4711,"body":{...}}
//
// The fields stand in this order and body, the caller's JSON, is the last one.
// The first record is the header (type "checkpoint"), the last record of a
// journal that was closed in order has the type "closed".
//
// # Durability
//
// The commit point is the fsync that covers a record: [Journal.Append] returns
// after it and [Journal.Answer] knows nothing of a record before it. Concurrent
// appends share one fsync. [Journal.Note] does not wait; what it wrote survives
// a killed process but not a power loss.
//
// # Damage and torn tails
//
// Each record says in "synced" how many bytes of the file were durable when it was
// written; the greatest such number is the proven length. What is not whole below it
// was whole once and somebody was told so: that is damage, and [Open] refuses the file
// with a [DamageError]. At or behind it, it was never promised to anybody: it is the
// tail of a write that a crash tore, and Open cuts the file there. The closing record
// proves all that is before it; without one, a flip in the last synced group counts as
// a torn tail.
//
// # Names and room
//
// A file that is moved, deleted or replaced while it is open would be written to all
// the same, and nobody would ever find it: its name is looked at before each commit and
// each call, see [LostError]. Before a call starts, [Journal.MayAsk] takes room in the
// file for what all calls under way may bring: a full disk costs no answer.
package checkpoint

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"octave-enrich/checkpoint/durable"
)

// The types of records. Those of [Asked], [Submitted], [Missed], [Answered] and
// [Failed] have a key, those of [Run] and [Output] have none. Callers may add
// lower-case words of their own; the journal knows what was answered, what failed,
// and what was submitted and has no end yet.
const (
	Run   = "run"   // a run began: settings of its questions, name and hash of the input
	Asked = "asked" // a call is about to start
	// Submitted says under which id the service works on the question: it is appended,
	// for it names what is paid for. The next record but Failed says how that ended.
	Submitted = "submitted"
	Missed    = "missed"   // a call ended without an answer, and another one may follow
	Answered  = "answered" // the service answered, be it "not found": settled
	Failed    = "failed"   // the contact was given up in this run; running again is retrying
	Output    = "output"   // an output was written: name and hash

	Begin  = "checkpoint" // the header, written by the journal itself
	Closed = "closed"     // the end of an orderly run, written by the journal itself
)

// Format is the version of the file format that this package reads and writes.
const Format = 1

// MaxBody is the size in bytes that the body of a record may have at most:
// an answer of 16 MiB, its request and room to spare.
const MaxBody = 32 << 20

// Errors of opening and writing. Those of the operating system are wrapped and
// can be told apart with errors.Is, for example syscall.ENOSPC.
var (
	// ErrNotCheckpoint says that a file does not begin with a header of ours.
	ErrNotCheckpoint = errors.New("not a checkpoint of octave-enrich")
	// ErrLocked says that another run holds the checkpoint.
	ErrLocked = durable.ErrLocked
	// ErrNoCall is the error of Journal.MayAsk: a call must not start, since its answer could not be kept:
	// there is no room for it (an error of the system is wrapped), or the file lost
	// its name (a LostError is wrapped). What calls under way bring is kept.
	ErrNoCall = errors.New("no call may start")
	// ErrReadOnly says that a journal opened with Options.ReadOnly was written to.
	ErrReadOnly = errors.New("checkpoint is open for reading only")
	// ErrRecord says that a record cannot be stored as it is: its body is no
	// JSON or too large, or its type or key is out of place. The journal stays
	// usable.
	ErrRecord = errors.New("record refused")
)

// A DamageError says that a record which was once durable is not whole any
// more, or cannot be read back.
type DamageError struct {
	Path   string
	Offset int64 // bytes from the start of the file to the start of the line
	Line   int   // number of the line, from 1; 0 if not known
	Reason string
}

func (e *DamageError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("checkpoint %s is damaged at byte %d: %s", e.Path, e.Offset, e.Reason)
	}
	return fmt.Sprintf("checkpoint %s is damaged at byte %d (line %d): %s", e.Path, e.Offset, e.Line, e.Reason)
}

// A LostError says that the file lost its name while it was open: somebody moved,
// deleted, replaced or cut it. All that it held went to another file, and so does
// what came after.
type LostError struct {
	Path    string
	Why     string // what happened to it, as in "was moved or deleted"
	Rescued string // the file that holds what it held; empty if it could not be written
	Err     error  // what the system said to that, or when the name was looked for; nil if nothing
}

func (e *LostError) Error() string {
	if e.Rescued == "" {
		return fmt.Sprintf("checkpoint %s %s during the run, and what it held could not be written beside it: %v", e.Path, e.Why, e.Err)
	}
	return fmt.Sprintf("checkpoint %s %s during the run; all that it held is in %s", e.Path, e.Why, e.Rescued)
}

func (e *LostError) Unwrap() error { return e.Err }

// A RescuedError says that beside the checkpoint there is what another run rescued
// of it, see [LostError]: nobody but the user can know which of them is right.
type RescuedError struct{ Path, Rescued string }

func (e *RescuedError) Error() string {
	return fmt.Sprintf("%s holds what a run had when its checkpoint %s was moved, deleted or replaced", e.Rescued, e.Path)
}

// A FormatError says that a checkpoint has a format that this version does not
// know, most likely because a newer version wrote it.
type FormatError struct {
	Path   string
	Format int
	Tool   string // what wrote it
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("checkpoint %s has format %d, written by %q; this version reads format %d", e.Path, e.Format, e.Tool, Format)
}

// A Key names a question. The zero Key is that of records without one.
type Key [16]byte

// String returns the key as 32 hex digits.
func (k Key) String() string { return hex.EncodeToString(k[:]) }

// MarshalText returns the key as 32 hex digits.
func (k Key) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, k[:]), nil }

// UnmarshalText reads 32 hex digits.
func (k *Key) UnmarshalText(text []byte) error {
	if len(text) != hex.EncodedLen(len(k)) {
		return fmt.Errorf("key of %d characters, want %d hex digits", len(text), hex.EncodedLen(len(k)))
	}
	var parsed Key // text with a bad digit leaves k as it was
	if _, err := hex.Decode(parsed[:], text); err != nil {
		return err
	}
	*k = parsed
	return nil
}

// A Record is one line of the journal.
type Record struct {
	Type string          // one lower-case word
	Key  Key             // zero for records about the whole run
	At   time.Time       // when, to the millisecond; zero means now when written
	Body json.RawMessage // one JSON value; white space between its tokens is not kept, all else is
	// OneLine says that Body is known to be JSON without line ends, as an answer is that
	// was just decoded: it is not checked again, and written as it is. What does have a
	// line end is checked all the same.
	OneLine bool
}

// A Header is the body of the first record.
type Header struct {
	Format  int       `json:"format"`
	Tool    string    `json:"tool"`    // name and version of what created the file
	Created time.Time `json:"created"` // when
	Service string    `json:"service"` // who answers: the host name of the base URL, or the embedded service
}

// State is what the journal knows of a key.
type State int

// The states of a key.
const (
	Unknown       State = iota // never answered and never failed; may have been asked
	AnsweredState              // settled: Answer returns it
	FailedState                // failed, and not answered since or before
)

// Options say how to open a journal. The zero value opens for writing, on the
// real file system, by the real clock.
type Options struct {
	Header   Header           // Tool and Service of a journal that is created; an existing one keeps its own
	ReadOnly bool             // no lock, no recovery: what is whole, beside a run that goes on
	FS       durable.FS       // nil means the operating system's
	Now      func() time.Time // nil means time.Now
	// OnStop hears once why no call may start any more, see ErrNoCall.
	OnStop func(reason error)
}

func (o Options) withDefaults() Options {
	if o.FS == nil {
		o.FS = durable.OS{}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.OnStop == nil {
		o.OnStop = func(error) {}
	}
	return o
}
