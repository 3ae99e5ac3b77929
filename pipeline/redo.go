package pipeline

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"octave-enrich/checkpoint"
)

// Again is the type of the record that marks questions for the next run.
const Again = "again"

// AgainBody is the body of an again record: questions that the next run asks once
// more, though they are answered.
type AgainBody struct {
	Keys []checkpoint.Key `json:"keys"`
	// With is an instruction for these contacts alone. It makes another question
	// of each, which replaces the one that is named.
	With string `json:"with,omitempty"`
	// Undo takes the last mark of each question back.
	Undo bool `json:"undo,omitempty"`
}

// A Mark says that a question is to be asked again.
type Mark struct {
	With string    // an instruction for this contact alone, or ""
	At   time.Time // an answer from before does not settle it
}

// Marks are the marks of each question, oldest first. The last one counts: it
// stays when it was answered, since it says which answer is the row's.
type Marks map[checkpoint.Key][]Mark

// ReadMarks collects what the records of a journal mark.
func ReadMarks(records []checkpoint.Record) Marks {
	marks := Marks{}
	for _, rec := range records {
		var body AgainBody
		if rec.Type != Again || json.Unmarshal(rec.Body, &body) != nil {
			continue
		}
		for _, key := range body.Keys {
			switch n := len(marks[key]); {
			case !body.Undo:
				marks[key] = append(marks[key], Mark{body.With, rec.At})
			case n > 0:
				marks[key] = marks[key][:n-1]
			}
		}
	}
	maps.DeleteFunc(marks, func(_ checkpoint.Key, list []Mark) bool { return len(list) == 0 })
	return marks
}

// OpenMarks counts the questions that are marked and have no new answer yet.
func OpenMarks(journal Journal, records []checkpoint.Record) (open int) {
	memory := &Memory{Journal: journal, Redo: ReadMarks(records)}
	for key := range memory.Redo {
		rec, ok, _ := journal.Answer(key)
		if !ok {
			rec, ok, _ = journal.Failure(key)
		}
		var body struct {
			Request json.RawMessage `json:"request"`
		}
		if !ok || json.Unmarshal(rec.Body, &body) != nil {
			open++ // never asked before: nothing is known of it but its mark
			continue
		}
		if q, err := ParseQuestion(body.Request); err == nil && memory.Open(q) {
			open++
		}
	}
	return open
}

// WithoutKeys is a record of marks that names none of the questions; it reports
// false when there is nothing left to keep.
func WithoutKeys(rec checkpoint.Record, gone map[checkpoint.Key]bool) (checkpoint.Record, bool) {
	var body AgainBody
	if json.Unmarshal(rec.Body, &body) != nil {
		return rec, true
	}
	body.Keys = slices.DeleteFunc(body.Keys, func(key checkpoint.Key) bool { return gone[key] })
	raw, err := json.Marshal(body)
	if err != nil {
		return rec, true
	}
	rec.Body, rec.OneLine = raw, false
	return rec, len(body.Keys) > 0
}

// Apply makes the question the one that its last mark asks for.
func (m Marks) Apply(q *Question) *Question {
	marks := m[q.Key]
	if len(marks) == 0 {
		return q
	}
	last := marks[len(marks)-1]
	next := q.with(last.With)
	next.Since = last.At
	for i := len(marks) - 2; i >= 0; i-- {
		if before := q.with(marks[i].With).Key; before != next.Key {
			next.Older = append(next.Older, before)
		}
	}
	if next.Key != q.Key {
		next.Older = append(next.Older, q.Key)
	}
	return next
}

// with is the question with one more instruction for its contact.
func (q *Question) with(text string) *Question {
	if text == "" {
		same := *q
		return &same
	}
	request := q.Request
	request.RuntimeInstructions = maps.Clone(request.RuntimeInstructions)
	appendText(&request, "runtimeInstructions.all", text)
	return NewQuestion(request, q.Row)
}

// Open says whether a question is marked and has no new answer yet.
func (m *Memory) Open(q *Question) bool {
	if len(m.Redo[q.Key]) == 0 {
		return false
	}
	_, decision := m.decide(q)
	return decision != Answered
}
