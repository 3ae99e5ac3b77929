package pipeline

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"octave-enrich/checkpoint"
)

// A Mark says that a question is to be asked again.
type Mark struct {
	With string         // an instruction for this contact alone, or ""
	At   time.Time      // an answer from before does not settle it
	Asks checkpoint.Key // the question it leads to; zero when the record does not say
}

// mostMarked is how many contacts one record marks.
const mostMarked = 100_000

// Add marks a contact, or takes back all its marks that have no answer yet.
func (b *AgainBody) Add(s ContactState, memory *Memory) {
	if b.Undo {
		b.Keys = append(b.Keys, slices.Repeat([]checkpoint.Key{s.Base.Key}, memory.unsettled(s.Base))...)
		return
	}
	b.Keys = append(b.Keys, s.Base.Key)
	var replaces checkpoint.Key
	if answers := s.Answers(memory); len(answers) > 0 {
		replaces = answers[0]
	}
	b.Asks, b.Replaces = append(b.Asks, s.Base.with(b.With).Key), append(b.Replaces, replaces)
}

// Parts divides the marks among records that a journal takes.
func (b AgainBody) Parts() (parts []AgainBody) {
	for from := 0; from < len(b.Keys); from += mostMarked {
		to, part := min(from+mostMarked, len(b.Keys)), b
		part.Keys = b.Keys[from:to]
		if !b.Undo {
			part.Asks, part.Replaces = b.Asks[from:to], b.Replaces[from:to]
		}
		parts = append(parts, part)
	}
	return parts
}

// Marks are the marks of each question, oldest first. The last one counts: it
// stays when it was answered, since it says which answer is the row's.
type Marks map[checkpoint.Key][]Mark

// ReadMarks collects what the records of a journal mark.
func ReadMarks(records []checkpoint.Record) Marks {
	marks := Marks{}
	for _, rec := range ofType(records, Again) {
		body, ok := bodyOf[AgainBody](rec, Again)
		if !ok {
			continue
		}
		for i, key := range body.Keys {
			switch n := len(marks[key]); {
			case !body.Undo:
				mark := Mark{With: body.With, At: rec.At}
				if len(body.Asks) == len(body.Keys) {
					mark.Asks = body.Asks[i]
				}
				marks[key] = append(marks[key], mark)
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
	for key, marks := range memory.Redo {
		if last := marks[len(marks)-1]; last.Asks != (checkpoint.Key{}) {
			if rec, ok, _ := journal.Answer(last.Asks); !ok || rec.At.Before(last.At) {
				open++
			}
			continue
		}
		rec, ok, _ := journal.Answer(key)
		if !ok {
			rec, ok, _ = journal.Failure(key)
		}
		if !ok {
			open++ // never asked before: nothing is known of it but its mark
			continue
		}
		if q, err := ParseQuestion(requestIn(rec)); err == nil && memory.Open(q) {
			open++
		}
	}
	return open
}

// WithoutKeys is a record of marks that names none of the questions; it reports
// false when there is nothing left to keep.
func WithoutKeys(rec checkpoint.Record, gone map[checkpoint.Key]bool) (checkpoint.Record, bool) {
	body, ok := bodyOf[AgainBody](rec, Again)
	if !ok {
		return rec, true
	}
	left := AgainBody{With: body.With, Undo: body.Undo}
	for i, key := range body.Keys {
		whole := len(body.Asks) == len(body.Keys) && len(body.Replaces) == len(body.Keys)
		if gone[key] || whole && (gone[body.Asks[i]] || gone[body.Replaces[i]]) {
			continue
		}
		left.Keys = append(left.Keys, key)
		if whole {
			left.Asks, left.Replaces = append(left.Asks, body.Asks[i]), append(left.Replaces, body.Replaces[i])
		}
	}
	raw, err := json.Marshal(left)
	if err != nil {
		return rec, true
	}
	rec.Body, rec.OneLine = raw, false
	return rec, len(left.Keys) > 0
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

// unsettled counts the last marks of a question that have no answer yet.
func (m *Memory) unsettled(q *Question) (n int) {
	before := *m
	for marks := m.Redo[q.Key]; len(marks) > n; n++ {
		before.Redo = Marks{q.Key: marks[:len(marks)-n]}
		if !before.Open(q) {
			break
		}
	}
	return n
}
