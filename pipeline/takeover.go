package pipeline

import (
	"encoding/json"
	"errors"
	"iter"
	"time"

	"golang.org/x/sync/errgroup"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
	"octave-enrich/reader"
)

// Taken is the type of the record around answers that were taken over from another
// checkpoint: one before the first of them, and one, which says so, behind the last.
const Taken = "taken"

// TakenBody is the body of a taken record.
type TakenBody struct {
	From    []string `json:"from"` // names of the checkpoints
	Answers int      `json:"answers,omitempty"`
	Done    bool     `json:"done,omitempty"`
}

// ReadTaken says whether answers were taken over into a journal: begun, and done.
// A journal that was killed in between goes on where it was.
func ReadTaken(records []checkpoint.Record) (begun, done bool) {
	for _, rec := range records {
		var body TakenBody
		if rec.Type == Taken && json.Unmarshal(rec.Body, &body) == nil {
			begun, done = true, done || body.Done
		}
	}
	return begun, done
}

// Offers are the answers of other checkpoints that are of use for a list.
type Offers struct {
	asked  map[checkpoint.Key]bool
	people *directory
	taken  map[checkpoint.Key]time.Time
}

// NewOffers reads the list whose questions are looked for.
func NewOffers(src iter.Seq2[reader.Contact, error], selection Selection) (*Offers, error) {
	selection.Memory, selection.Limit = nil, 0
	s := &surveyor{plan: newPlan(), people: newDirectory(), asked: map[checkpoint.Key]bool{}}
	if err := s.read(src, selection); err != nil {
		return nil, err
	}
	return &Offers{asked: s.asked, people: s.people, taken: map[checkpoint.Key]time.Time{}}, nil
}

// Questions is how many different questions the list has.
func (o *Offers) Questions() int { return len(o.asked) }

// An Offer is what one checkpoint has for the list.
type Offer struct {
	Name    string // of its file, as it is noted in the answers that are taken over
	Answers int    // questions of the list that it answers and no offer before it
	Changed int    // answers to other questions about people of the list
	last    map[checkpoint.Key]int64
	read    func() iter.Seq2[checkpoint.Entry, error]
}

// Look finds out what a checkpoint has. Its error is that of reading, or damage.
func (o *Offers) Look(name string, read func() iter.Seq2[checkpoint.Entry, error]) (Offer, error) {
	offer := Offer{Name: name, last: map[checkpoint.Key]int64{}, read: read}
	at := map[checkpoint.Key]time.Time{}
	for entry, err := range read() {
		if err != nil {
			return offer, err
		}
		if entry.Type == checkpoint.Answered && o.wants(entry.Record) {
			offer.last[entry.Key], at[entry.Key] = entry.Offset, entry.At
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
		o.taken[key] = time.Time{}
	}
}

func (o *Offers) wants(rec checkpoint.Record) bool {
	if o.asked[rec.Key] {
		return true
	}
	var body struct {
		Request octave.Request `json:"request"`
	}
	return json.Unmarshal(rec.Body, &body) == nil && len(o.people.find(body.Request)) > 0
}

// Answered says whether an offer that was accepted answers a question.
func (o *Offers) Answered(key checkpoint.Key) bool {
	_, ok := o.taken[key]
	return ok
}

// Take copies the answers of offers into a journal that has none of its own, with
// their time and where they came from. It may be killed at any moment and done again.
func Take(journal *checkpoint.Journal, offers []Offer) (answers int, err error) {
	names := make([]string, len(offers))
	for i, offer := range offers {
		names[i] = offer.Name
	}
	if err := appendTaken(journal, TakenBody{From: names}); err != nil {
		return 0, err
	}
	for _, offer := range offers {
		taken, err := take(journal, offer)
		if answers += taken; err != nil {
			return answers, err
		}
	}
	// From here on the journal's answers are its own.
	return answers, appendTaken(journal, TakenBody{From: names, Answers: answers, Done: true})
}

// together is how many answers that are taken over share a sync of the journal.
const together = 256

func take(journal *checkpoint.Journal, offer Offer) (answers int, err error) {
	var g errgroup.Group
	g.SetLimit(together)
	for entry, err := range offer.read() {
		if err != nil {
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

func appendTaken(journal *checkpoint.Journal, body TakenBody) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return journal.Append(checkpoint.Record{Type: Taken, At: time.Now(), Body: raw})
}

// withOrigin notes where an answer was paid for, unless it says so already.
func withOrigin(rec checkpoint.Record, name string) checkpoint.Record {
	if ReadFacts(rec).From != "" {
		return rec
	}
	body := append([]byte(nil), rec.Body[:len(rec.Body)-1]...)
	quoted, err := json.Marshal(name)
	if err != nil {
		return rec // of a string it has none
	}
	rec.Body = append(append(append(body, `,"from":`...), quoted...), '}')
	return rec
}
