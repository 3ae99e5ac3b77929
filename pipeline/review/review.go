// Package review keeps what people decided about answers before anything is sent:
// approved, rejected, edited. Decisions stand in a journal of their own beside the
// checkpoint, append-only and of the same make, so that neither a browser nor a
// server that dies takes one along; a run never looks at it.
package review

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
	"octave-enrich/pipeline/report"
)

// Decided is the type of the records; their key is that of the question and their
// body a [report.Decision].
const Decided = "decided"

// The states of a decision; "" is one that is still to be made.
const (
	Approved = "approved"
	Rejected = "rejected"
)

// Path is where the decisions about a checkpoint are.
func Path(checkpoint string) string { return checkpoint + ".review" }

// ErrStale says that a decision is about an answer that is not the present one:
// the contact was asked again since.
var ErrStale = errors.New("the answer has changed since it was read")

// A Book holds the last decision about each question.
type Book struct {
	mu        sync.Mutex
	decisions map[checkpoint.Key]report.Decision
	journal   *checkpoint.Journal // nil when open for reading
}

// Read reads the decisions about the checkpoint at path, also while a server
// writes them. No file is no decisions.
func Read(path string) (*Book, error) {
	b := &Book{decisions: map[checkpoint.Key]report.Decision{}}
	if _, err := os.Stat(Path(path)); errors.Is(err, os.ErrNotExist) {
		return b, nil
	}
	for entry, err := range checkpoint.Records(Path(path), nil) {
		if err != nil {
			return nil, err
		}
		var d report.Decision
		if entry.Type == Decided && json.Unmarshal(entry.Body, &d) == nil {
			b.decisions[entry.Key] = d
		}
	}
	return b, nil
}

// Open opens the decisions about the checkpoint at path for writing. Its errors
// are those of [checkpoint.Open]: one server at a time holds them.
func Open(path, tool string) (*Book, error) {
	journal, err := checkpoint.Open(Path(path), checkpoint.Options{Header: checkpoint.Header{Tool: tool, Service: "review"}})
	if err != nil {
		return nil, err
	}
	b, err := Read(path) // under the lock: nobody writes
	if err != nil {
		return nil, errors.Join(err, journal.Close())
	}
	b.journal = journal
	return b, nil
}

// Close closes what Open opened.
func (b *Book) Close() error {
	if b.journal == nil {
		return nil
	}
	return b.journal.Close()
}

// Decision is what was decided about an answer. One about an earlier answer to
// the same question says nothing about this one.
func (b *Book) Decision(key checkpoint.Key, answer *octave.Answer) report.Decision {
	of := Fingerprint(answer)
	b.mu.Lock()
	defer b.mu.Unlock()
	if d, ok := b.decisions[key]; ok && d.Of == of {
		return d
	}
	return report.Decision{Of: of}
}

// Fingerprint names the messages of an answer.
func Fingerprint(answer *octave.Answer) string {
	h := sha256.New()
	for _, e := range answer.Emails {
		fmt.Fprintf(h, "%d %s %d %s\n", len(e.Subject), e.Subject, len(e.Body), e.Body)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// A Verdict is a decision and what it is about.
type Verdict struct {
	Key checkpoint.Key `json:"key"`
	report.Decision
}

// check refuses what could not be exported. messages is how many the answer has.
func (v Verdict) check(messages int) error {
	if !slices.Contains([]string{"", Approved, Rejected}, v.State) {
		return fmt.Errorf("%q is neither %s nor %s", v.State, Approved, Rejected)
	}
	if v.Emails != nil && len(v.Emails) != messages {
		return fmt.Errorf("%d messages for an answer of %d", len(v.Emails), messages)
	}
	return nil
}

// Decide keeps verdicts; when it returns without an error they are durable, all
// of them. After an error some may be, and to decide again is safe.
func (b *Book) Decide(verdicts []Verdict) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, v := range verdicts {
		body, err := json.Marshal(v.Decision)
		if err != nil {
			return err
		}
		write := b.journal.Note
		if i == len(verdicts)-1 { // its fsync covers those before it
			write = b.journal.Append
		}
		if err := write(checkpoint.Record{Type: Decided, Key: v.Key, At: time.Now(), Body: body}); err != nil {
			return err
		}
		b.decisions[v.Key] = v.Decision
	}
	return nil
}
