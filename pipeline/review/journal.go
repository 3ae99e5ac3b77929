package review

import (
	"encoding/json"
	"fmt"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
	"octave-enrich/pipeline"
	"octave-enrich/pipeline/report"
)

// ApprovedOnly is a journal in which nothing was answered but what a reviewer
// approved, in the words that the reviewer left: a run over it writes those rows
// and asks nobody about the others.
func ApprovedOnly(journal pipeline.Journal, book *Book) pipeline.Journal {
	return &approvedOnly{journal, book}
}

type approvedOnly struct {
	pipeline.Journal
	book *Book
}

// State is that of an answer when there is an approved one. One that cannot be
// read is left to Answer, which says so.
func (j *approvedOnly) State(key checkpoint.Key) checkpoint.State {
	if j.book.state(key) != Approved || j.Journal.State(key) != checkpoint.AnsweredState {
		return checkpoint.Unknown
	}
	if _, ok, err := j.Answer(key); err == nil && !ok {
		return checkpoint.Unknown
	}
	return checkpoint.AnsweredState
}

// state is the last decision about a question, whichever answer it is about.
func (b *Book) state(key checkpoint.Key) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.decisions[key].State
}

// Failure is never found: a failure cannot be approved.
func (j *approvedOnly) Failure(checkpoint.Key) (checkpoint.Record, bool, error) {
	return checkpoint.Record{}, false, nil
}

// Answer returns an approved answer, edited.
func (j *approvedOnly) Answer(key checkpoint.Key) (checkpoint.Record, bool, error) {
	rec, ok, err := j.Journal.Answer(key)
	if err != nil || !ok {
		return rec, ok, err
	}
	body, answer, err := pipeline.ReadAnswer(rec)
	if err != nil {
		return rec, false, fmt.Errorf("the answer to question %v: %w", key, err)
	}
	decision := j.book.Decision(key, answer)
	if decision.State != Approved {
		return rec, false, nil
	}
	if decision.Emails == nil {
		return rec, true, nil
	}
	if body.Answer, err = edited(body.Answer, answer.Emails, decision.Emails); err != nil {
		return rec, false, fmt.Errorf("the edits of question %v: %w", key, err)
	}
	rec.Body, err = json.Marshal(body)
	return rec, err == nil, err
}

// edited returns the answer with the messages that were changed replaced. What
// the service said of the parts of a changed text holds no more and is left out.
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
	for i, m := range after {
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
