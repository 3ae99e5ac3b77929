package pipeline

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"

	"golang.org/x/sync/errgroup"

	"octave-enrich/checkpoint"
	"octave-enrich/reader"
)

// ReadTaken says whether answers were taken over into a journal: begun, and done.
// A journal that was killed in between goes on where it was.
func ReadTaken(records []checkpoint.Record) (begun, done bool) {
	for _, rec := range records {
		if body, ok := bodyOf[takenBody](rec, Taken); ok {
			begun, done = true, done || body.Done
		}
	}
	return begun, done
}

// Offers are the answers of other checkpoints that are of use for a list.
type Offers struct {
	asked  map[checkpoint.Key]bool
	people *directory
	taken  map[checkpoint.Key]checkpoint.Record // without the answer
	marks  []checkpoint.Record
}

// NewOffers reads the list whose questions are looked for.
func NewOffers(src iter.Seq2[reader.Contact, error], selection Selection) (*Offers, error) {
	selection.Memory, selection.Limit, selection.Sample = nil, 0, nil
	s := &surveyor{plan: newPlan(), people: newDirectory(), asked: map[checkpoint.Key]bool{}}
	if err := s.read(src, selection); err != nil {
		return nil, err
	}
	return &Offers{asked: s.asked, people: s.people, taken: map[checkpoint.Key]checkpoint.Record{}}, nil
}

// Questions is how many different questions the list has.
func (o *Offers) Questions() int { return len(o.asked) }

// An Offer is what one checkpoint has for the list.
type Offer struct {
	Name    string // of its file, as it is noted in the answers that are taken over
	Answers int    // questions of the list that it answers and no offer before it
	Changed int    // answers to other questions about people of the list
	last    map[checkpoint.Key]int64
	records map[checkpoint.Key]checkpoint.Record // of these, without the answer; of questions of the list without a body
	marks   []checkpoint.Record                  // to ask again
	read    func() iter.Seq2[checkpoint.Entry, error]
}

// Look finds out what a checkpoint has. Its error is that of reading, or damage.
func (o *Offers) Look(name string, read func() iter.Seq2[checkpoint.Entry, error]) (Offer, error) {
	offer := Offer{Name: name, last: map[checkpoint.Key]int64{}, records: map[checkpoint.Key]checkpoint.Record{}, read: read}
	for entry, err := range read() {
		if err != nil {
			return offer, err
		}
		if entry.Type == Again {
			offer.marks = append(offer.marks, entry.Record)
		}
		if entry.Type == checkpoint.Answered && o.wants(entry.Record) {
			offer.last[entry.Key], offer.records[entry.Key] = entry.Offset, o.withoutAnswer(entry.Record)
		}
	}
	for key := range offer.last {
		if _, known := o.taken[key]; known {
			delete(offer.last, key)
			continue
		}
		if o.asked[key] {
			offer.Answers++
		} else {
			offer.Changed++
		}
	}
	return offer, nil
}

// Accept makes later offers count what this one does not have.
func (o *Offers) Accept(offer Offer) {
	for key := range offer.last {
		o.taken[key] = offer.records[key]
	}
	o.marks = append(o.marks, offer.marks...)
}

// withoutAnswer is what has to be known of an answer before it is taken over: its
// time, and of another question about a person of the list what was asked.
func (o *Offers) withoutAnswer(rec checkpoint.Record) checkpoint.Record {
	known := checkpoint.Record{Type: rec.Type, Key: rec.Key, At: rec.At}
	if o.asked[rec.Key] {
		return known
	}
	known.Body, _ = json.Marshal(map[string]json.RawMessage{"request": requestIn(rec)}) // it cannot fail
	return known
}

func (o *Offers) wants(rec checkpoint.Record) bool {
	if o.asked[rec.Key] {
		return true
	}
	request, ok := ReadRequest(rec.Body)
	return ok && len(o.people.find(request)) > 0
}

// Known is what [Survey] finds in the offers that were accepted.
func (o *Offers) Known() *Known {
	return &Known{Answers: len(o.taken), Records: func(yield func(checkpoint.Entry, error) bool) {
		for _, rec := range o.taken {
			if !yield(checkpoint.Entry{Record: rec}, nil) {
				return
			}
		}
	}}
}

// Take copies the answers of offers into a journal that has none of its own, with
// their time and where they came from, and what was noted along with them. It may be
// killed at any moment and done again.
func Take(journal *checkpoint.Journal, offers []Offer) (answers int, err error) {
	names := make([]string, len(offers))
	for i, offer := range offers {
		names[i] = offer.Name
	}
	if err := Append(journal, Taken, takenBody{From: names}); err != nil {
		return 0, err
	}
	known := notes{}
	for _, rec := range journal.RunRecords() {
		known[noteID(rec)] = true
	}
	for _, offer := range offers {
		taken, err := take(journal, offer, known)
		if answers += taken; err != nil {
			return answers, err
		}
	}
	// From here on the journal's answers are its own.
	return answers, Append(journal, Taken, takenBody{From: names, Answers: answers, Done: true})
}

// together is how many answers that are taken over share a sync of the journal.
const together = 256

func take(journal *checkpoint.Journal, offer Offer, known notes) (answers int, err error) {
	var g errgroup.Group
	g.SetLimit(together)
	for entry, err := range offer.read() {
		if err != nil {
			return answers, errors.Join(err, g.Wait())
		}
		if err := known.take(journal, entry.Record, offer.Name); err != nil {
			return answers, errors.Join(err, g.Wait())
		}
		if offset, ok := offer.last[entry.Key]; !ok || offset != entry.Offset {
			continue
		}
		answers++
		if journal.State(entry.Key) != checkpoint.AnsweredState {
			g.Go(func() error { return journal.Append(withOrigin(entry.Record, offer.Name)) })
		}
	}
	return answers, g.Wait()
}

// notes are the records of a journal that go along with answers: which were to be
// asked again, who is in a file for a sender, and what agents were.
type notes map[string]bool

// noteID tells records apart wherever they were copied to; it is "" for others.
func noteID(rec checkpoint.Record) string {
	if again, ok := bodyOf[AgainBody](rec, Again); ok {
		return fmt.Sprint(rec.Type, rec.At.UnixMilli(), again.Keys, again.With, again.Undo)
	}
	if filed, ok := bodyOf[FiledBody](rec, Filed); ok {
		return fmt.Sprint(rec.Type, filed.ID, filed.Part, filed.Done)
	}
	if agent, ok := bodyOf[AgentBody](rec, Described); ok {
		return fmt.Sprint(rec.Type, rec.At.UnixMilli(), agent)
	}
	return ""
}

// take copies a record of that kind, unless it is known.
func (n notes) take(journal *checkpoint.Journal, rec checkpoint.Record, name string) error {
	id := noteID(rec)
	if id == "" || n[id] {
		return nil
	}
	n[id] = true
	return journal.Append(withOrigin(rec, name))
}

// withOrigin notes where an answer was paid for, unless it says so already.
func withOrigin(rec checkpoint.Record, name string) checkpoint.Record {
	if ReadFacts(rec).From != "" {
		return rec
	}
	quoted, _ := json.Marshal(name) // a string does not fail
	rec.Body = slices.Concat(rec.Body[:len(rec.Body)-1], []byte(`,"from":`), quoted, []byte("}"))
	return rec
}

// Memory is what a run would know that takes the accepted offers over, and nothing
// else.
func (o *Offers) Memory() *Memory { return &Memory{Journal: offered{o}, Redo: ReadMarks(o.marks)} }

// offered is the journal of a plan whose checkpoint is new: it knows what a run
// would take over, and nothing else.
type offered struct{ answers *Offers }

func (o offered) State(key checkpoint.Key) checkpoint.State {
	if _, ok := o.answers.taken[key]; ok {
		return checkpoint.AnsweredState
	}
	return checkpoint.Unknown
}

// Answer has the time of an answer, and what was asked, where that is not the same.
func (o offered) Answer(key checkpoint.Key) (checkpoint.Record, bool, error) {
	rec, ok := o.answers.taken[key]
	return rec, ok, nil
}

func (offered) Failure(checkpoint.Key) (rec checkpoint.Record, found bool, err error) { return }

func (offered) Append(checkpoint.Record) error { return checkpoint.ErrReadOnly }

func (offered) MayAsk() error { return checkpoint.ErrReadOnly }

func (offered) Note(checkpoint.Record) error { return checkpoint.ErrReadOnly }
