package review

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
	"octave-enrich/pipeline"
	"octave-enrich/pipeline/report"
)

// Approvals is a journal in which nothing was answered but what a reviewer
// approved, in the words that the reviewer left: a run over it writes those rows
// and asks nobody about the others. An approval that cannot be followed is a
// failure of its row alone, which says why.
type Approvals struct {
	pipeline.Journal
	book *Book

	// replaced are questions whose answers were replaced by those of others, so that
	// no row shows their words; unheard says why an approval of them does not do for
	// the question that stands for the row now.
	replaced map[checkpoint.Key]bool
	unheard  map[checkpoint.Key]string
}

// ApprovedOnly sees a journal through what was approved. Questions that replaced
// others about the same person are to be told by Present and Before.
func ApprovedOnly(journal pipeline.Journal, book *Book) *Approvals {
	return &Approvals{journal, book, map[checkpoint.Key]bool{}, map[checkpoint.Key]string{}}
}

// Why an approval is not followed when the words of its row are others.
const (
	changedSince = "changed since approval"
	otherWords   = "it was asked again and has other words; approve it again"
)

// Present tells which answers there are for a row, the one first whose words it
// shows. What was approved of the others is not what it shows, and never stands
// for it.
func (j *Approvals) Present(question checkpoint.Key, answers []checkpoint.Key) {
	for i, key := range answers {
		if i == 0 {
			continue
		}
		j.replaced[key] = true
		if j.book.last(key).State == Approved && j.open(answers[0]) {
			j.unheard[question] = otherWords
		}
	}
}

// Before tells of a question that the person had another one before it, which was
// approved and which no row of the list asks any more.
func (j *Approvals) Before(question checkpoint.Key) {
	switch {
	case !j.open(question):
	case j.Journal.State(question) == checkpoint.AnsweredState:
		j.unheard[question] = otherWords
	default:
		j.unheard[question] = "the list asks something else about it now; run it again, and approve that"
	}
}

// open says whether the words that answer a question now are still to be decided. One
// that the disk does not give is left to Answer, which says so.
func (j *Approvals) open(question checkpoint.Key) bool {
	d, err := j.book.About(j.Journal, question)
	return err == nil && d.State == ""
}

// A held is why an approved answer is not exported: the name of a check, and what
// it found.
type held struct{ check, found string }

// Error implements error.
func (h *held) Error() string { return h.check + ": " + h.found }

// State is that of an answer when there is an approved one. One that the disk does
// not give is left to Answer, which says so.
func (j *Approvals) State(key checkpoint.Key) checkpoint.State {
	if j.unheard[key] != "" {
		return checkpoint.FailedState
	}
	if j.replaced[key] || j.book.last(key).State != Approved || j.Journal.State(key) != checkpoint.AnsweredState {
		return checkpoint.Unknown
	}
	var why *held
	if _, err := j.approved(key); errors.As(err, &why) {
		return checkpoint.FailedState
	}
	return checkpoint.AnsweredState
}

// Rejected says whether a question's answer was rejected.
func (b *Book) Rejected(key checkpoint.Key) bool { return b.last(key).State == Rejected }

// IsApproved says whether an answer to a question was approved last.
func (b *Book) IsApproved(key checkpoint.Key) bool { return b.last(key).State == Approved }

// About is what was decided about the words that answer a question now; nothing when
// they are not to be had.
func (b *Book) About(journal pipeline.Journal, key checkpoint.Key) (report.Decision, error) {
	if b.last(key).Number == 0 {
		return report.Decision{}, nil
	}
	rec, ok, err := journal.Answer(key)
	if err != nil || !ok {
		return report.Decision{}, err
	}
	_, answer, err := pipeline.ReadAnswer(rec)
	if err != nil {
		return report.Decision{}, nil //nolint:nilerr // no words, no decision about them
	}
	return b.Decision(key, answer), nil
}

// last is the last decision about a question, whichever answer it is about.
func (b *Book) last(key checkpoint.Key) report.Decision {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.decisions[key]
}

// Failure says why an approved answer is held.
func (j *Approvals) Failure(key checkpoint.Key) (checkpoint.Record, bool, error) {
	rec, err := j.approved(key)
	var why *held
	if !errors.As(err, &why) {
		return checkpoint.Record{}, false, err
	}
	body, err := json.Marshal(pipeline.FailureBody{Error: why.Error()})
	return checkpoint.Record{Type: checkpoint.Failed, Key: key, At: rec.At, Body: body}, err == nil, err
}

// Answer returns an approved answer, edited.
func (j *Approvals) Answer(key checkpoint.Key) (checkpoint.Record, bool, error) {
	rec, err := j.approved(key)
	if _, ok := errors.AsType[*held](err); ok {
		return checkpoint.Record{}, false, nil
	}
	return rec, err == nil && rec.Type != "", err
}

// approved returns the answer to a question as approved, a record without a type
// if none was, and a held error if it must not be used.
func (j *Approvals) approved(key checkpoint.Key) (checkpoint.Record, error) {
	if why := j.unheard[key]; why != "" {
		return checkpoint.Record{}, &held{changedSince, why}
	}
	if j.replaced[key] {
		return checkpoint.Record{}, nil
	}
	last := j.book.last(key)
	rec, ok, err := j.Journal.Answer(key)
	if err != nil || !ok || last.State != Approved {
		return checkpoint.Record{}, err
	}
	_, answer, err := pipeline.ReadAnswer(rec)
	switch {
	case err != nil:
		return rec, &held{"unreadable answer", err.Error()}
	case Fingerprint(answer) != last.Of:
		return rec, &held{changedSince, otherWords}
	case last.Emails == nil:
		return rec, nil
	}
	if rec.Body, err = editedBody(rec.Body, answer.Emails, last.Emails); err != nil {
		return rec, &held{"edits", err.Error()}
	}
	return rec, nil
}

// editedBody returns the body of an answered record with the edits in it.
func editedBody(raw json.RawMessage, before []octave.Email, after []report.Message) (json.RawMessage, error) {
	var body pipeline.AnswerBody
	err := json.Unmarshal(raw, &body)
	if err == nil {
		body.Answer, err = edited(body.Answer, before, after)
	}
	if err == nil { // what a run over the journal does with it
		_, err = octave.Decode(body.Answer)
	}
	if err != nil {
		return nil, err
	}
	return json.Marshal(body)
}

// edited returns the answer with the messages that were changed replaced, and
// without those that were dropped. What the service said of the parts of a changed
// text holds no more and is left out.
func edited(raw json.RawMessage, before []octave.Email, after []report.Message) (json.RawMessage, error) {
	var answer, data map[string]json.RawMessage
	var emails []json.RawMessage
	if err := json.Unmarshal(raw, &answer); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(answer["data"], &data); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(data["emails"], &emails); err != nil {
		return nil, err
	}
	if len(emails) != len(after) || len(emails) != len(before) {
		return nil, fmt.Errorf("%d messages for an answer of %d", len(after), len(emails))
	}
	if after[0].Dropped() {
		return nil, errors.New("the first message has no text")
	}
	for i, m := range slices.Backward(after) {
		if m.Dropped() {
			emails = slices.Delete(emails, i, i+1)
			continue
		}
		if m.Subject == before[i].Subject && m.Body == before[i].Body {
			continue
		}
		changed, err := json.Marshal(map[string]string{"subject": m.Subject, "email": m.Body, "coreValueProp": before[i].CoreValueProp})
		if err != nil {
			return nil, err
		}
		emails[i] = changed
	}
	var err error
	if data["emails"], err = json.Marshal(emails); err != nil {
		return nil, err
	}
	if answer["data"], err = json.Marshal(data); err != nil {
		return nil, err
	}
	return json.Marshal(answer)
}
