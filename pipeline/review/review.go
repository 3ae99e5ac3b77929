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
	"maps"
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

// A Book holds the last decision about each question.
type Book struct {
	mu        sync.Mutex
	decisions map[checkpoint.Key]report.Decision
	journal   *checkpoint.Journal // nil when open for reading

	made []checkpoint.Key // decisions since it was opened, in order
	more chan struct{}    // closed when there is another
}

// since returns the questions that were decided after the first n, and what is
// closed when there are more.
func (b *Book) since(n int) ([]checkpoint.Key, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.made[n:]), b.more
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
			if d.Number == 0 { // written before decisions were numbered
				d.Number = b.decisions[entry.Key].Number + 1
			}
			d.At = entry.At
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
	b.journal, b.more = journal, make(chan struct{})
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
// the same question says nothing about this one, but that it was made.
func (b *Book) Decision(key checkpoint.Key, answer *octave.Answer) report.Decision {
	return b.about(key, Fingerprint(answer))
}

func (b *Book) about(key checkpoint.Key, words string) report.Decision {
	b.mu.Lock()
	defer b.mu.Unlock()
	d := b.decisions[key]
	if d.Of == words || d.Number == 0 {
		d.Of = words
		return d
	}
	return report.Decision{Of: words, Number: d.Number, Before: d.State}
}

// any says whether there is a decision at all.
func (b *Book) any() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.decisions) > 0
}

// Decided says whether any decision holds: one that was taken back does not.
func (b *Book) Decided() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, d := range b.decisions {
		if d.State != "" || d.Emails != nil {
			return true
		}
	}
	return false
}

// Count is how many questions were last decided so, whatever became of their answers
// since.
func (b *Book) Count(state string) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, d := range b.decisions {
		if d.State == state {
			n++
		}
	}
	return n
}

// Fingerprint names the messages of an answer.
func Fingerprint(answer *octave.Answer) string {
	h := sha256.New()
	for _, e := range answer.Emails {
		fmt.Fprintf(h, "%d %s %d %s\n", len(e.Subject), e.Subject, len(e.Body), e.Body)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// A Verdict is a decision to be made: about which question, which words, and on
// top of which decision.
type Verdict struct {
	Key checkpoint.Key `json:"key"`
	// After is the number of the decision that the reviewer saw, 0 if none.
	After  int              `json:"after,omitempty"`
	Of     string           `json:"of"` // fingerprint of the answer that was read
	State  string           `json:"state"`
	Reason string           `json:"reason,omitempty"`
	Emails []report.Message `json:"emails,omitempty"`
}

// What became of a verdict.
const (
	Saved    = "saved"
	Conflict = "conflict" // another decision was made since the reviewer looked
	Stale    = "stale"    // the contact was asked again: the words are others now
	Refused  = "refused"  // it makes no sense
)

// A Result is what became of a verdict, and what holds now.
type Result struct {
	Key      checkpoint.Key  `json:"key"`
	Outcome  string          `json:"outcome"`
	Decision report.Decision `json:"decision"`          // the present one
	Contact  json.RawMessage `json:"contact,omitempty"` // of a stale verdict: the present answer, as pages hold it
	Problem  string          `json:"problem,omitempty"` // of a refused one
}

// check refuses what could not be exported. messages is how many the answer has.
func (v Verdict) check(messages int) error {
	switch {
	case !slices.Contains([]string{"", Approved, Rejected}, v.State):
		return fmt.Errorf("%q is neither %s nor %s", v.State, Approved, Rejected)
	case v.Emails != nil && len(v.Emails) != messages:
		return fmt.Errorf("%d messages for an answer of %d", len(v.Emails), messages)
	case v.Emails != nil && v.Emails[0].Dropped():
		return errors.New("the first message has no text; only later ones can be dropped")
	}
	return nil
}

// Decide keeps the verdicts that were made on the last decision there is; the
// others are conflicts. When it returns without an error what it calls saved is
// durable. After an error some may be, and to decide again is safe.
func (b *Book) Decide(verdicts []Verdict) ([]Result, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	results := make([]Result, len(verdicts))
	made := map[checkpoint.Key]report.Decision{}
	var records []checkpoint.Record
	for i, v := range verdicts {
		last, ok := made[v.Key]
		if !ok {
			last = b.decisions[v.Key]
		}
		results[i] = Result{Key: v.Key, Outcome: Saved, Decision: last}
		switch {
		case v.made(last): // sent twice: the first reply got lost
		case v.After != last.Number:
			results[i].Outcome = Conflict
		default:
			d := report.Decision{Of: v.Of, State: v.State, Reason: v.Reason, Emails: v.Emails, Number: last.Number + 1, At: time.Now().UTC()}
			body, err := json.Marshal(d)
			if err != nil {
				return nil, err
			}
			records = append(records, checkpoint.Record{Type: Decided, Key: v.Key, At: d.At, Body: body})
			made[v.Key], results[i].Decision = d, d
		}
	}
	if err := b.write(records); err != nil {
		return nil, err
	}
	maps.Copy(b.decisions, made)
	if len(made) > 0 {
		b.made = slices.AppendSeq(b.made, maps.Keys(made))
		close(b.more)
		b.more = make(chan struct{})
	}
	return results, nil
}

// made says whether d is the very decision that the verdict asks for.
func (v Verdict) made(d report.Decision) bool {
	return d.Number > 0 && d.Of == v.Of && d.State == v.State && d.Reason == v.Reason && slices.Equal(d.Emails, v.Emails)
}

func (b *Book) write(records []checkpoint.Record) error {
	for i, rec := range records {
		write := b.journal.Note
		if i == len(records)-1 { // its fsync covers those before it
			write = b.journal.Append
		}
		if err := write(rec); err != nil {
			return err
		}
	}
	return b.journal.Stopped() // kept, and not where they will be looked for
}
