package pipeline

import (
	"iter"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
	"octave-enrich/reader"
)

// A Selection says which contacts of a list are asked about, and what.
type Selection struct {
	// Ask builds the request about a contact. Its error makes the row invalid.
	Ask func(reader.Contact) (octave.Request, error)
	// Exclude says why a contact must not be asked about, "" when it may.
	Exclude func(reader.Contact) string
	// Memory says what is answered already; nil knows nothing.
	Memory *Memory
	// Limit is how many contacts are asked at most, in input order; 0 for all. Changed
	// ones, and those whose answers are too old, are among them as far as the memory has
	// room for them, and those that failed in an earlier run are last.
	Limit int
	// Sample is what of the list is asked; nil for all of it.
	Sample *Sample
}

// A Decision is what becomes of a contact before anything is paid for it, in the
// words of plan --requests.
type Decision string

// The decisions.
const (
	Invalid     Decision = "invalid"      // it cannot be asked about
	Excluded    Decision = "excluded"     // it must not be asked about
	Duplicate   Decision = "duplicate"    // an earlier row asks the same
	Answered    Decision = "answered"     // the journal has the answer
	Submitted   Decision = "submitted"    // the service works on it since an earlier run: its answer is polled for
	Kept        Decision = "kept"         // the journal has an answer to another question about the person, which is taken
	LeftAlone   Decision = "left_alone"   // it failed in an earlier run and is not asked again
	BeyondLimit Decision = "beyond_limit" // it is new, and left for another time: beyond the limit, or not in the sample
	ToAsk       Decision = "to_ask"       // it needs a call
	ToAskLast   Decision = "to_ask_last"  // it failed in an earlier run: after all others, if the limit admits it then
)

// A selector goes through one list and decides, contact by contact. Runs, plans,
// exports and fleets share it, so that a plan says what a run does.
type selector struct {
	Selection
	admitted map[checkpoint.Key]bool // new questions under Limit
	changed  int                     // of them, about contacts whose question changed
}

func newSelector(s Selection) *selector {
	return &selector{Selection: s, admitted: map[checkpoint.Key]bool{}}
}

// decide says what becomes of the next contact, with its question unless it is
// invalid or excluded, in which case the error says why. earlier says whether a row
// before asks the same question; which rows it remembers is up to the caller.
func (s *selector) decide(contact reader.Contact, earlier func(checkpoint.Key) bool) (Decision, *Question, error) {
	base, refused := s.question(contact)
	if refused != nil {
		return Decision(refused.status), nil, refused
	}
	q, known := s.Memory.decide(base)
	if earlier(q.Key) {
		return Duplicate, q, nil
	}
	if known != ToAsk {
		return known, q, nil // also what is to be asked last: it is admitted when its turn has come
	}
	if !s.admit(q) {
		return BeyondLimit, q, nil
	}
	return ToAsk, q, nil
}

// question is what the list asks about a contact; the error settles a row that is
// invalid or excluded.
func (s Selection) question(contact reader.Contact) (*Question, *rowError) {
	if contact.Problem != "" {
		return nil, &rowError{StatusInvalid, contact.Problem}
	}
	if s.Exclude != nil {
		if why := s.Exclude(contact); why != "" {
			return nil, &rowError{StatusExcluded, why}
		}
	}
	request, err := s.Ask(contact)
	if err != nil {
		return nil, &rowError{StatusInvalid, err.Error()}
	}
	return NewQuestion(request, contact.Row), nil
}

// admit says whether the question is in the sample, and among the first Limit new ones.
func (s *selector) admit(q *Question) bool {
	if !s.Sample.has(q.Key) {
		return false
	}
	if s.Limit <= 0 || s.admitted[q.Key] {
		return true
	}
	changed := s.Memory.changed(q) || s.Memory.aged(q)
	if len(s.admitted) >= s.Limit || changed && s.changed >= s.Memory.ChangedRoom {
		return false
	}
	s.admitted[q.Key] = true
	if changed {
		s.changed++
	}
	return true
}

// A ContactState is what a journal knows of one contact of a list.
type ContactState struct {
	Contact reader.Contact
	Base    *Question // as the list asks it
	Current *Question // as it was last marked to be asked, which is the same when it never was
	Asked   bool      // it has an answer, be it to an earlier question, or failed
	Failed  bool      // it failed and has no answer
}

// Answers are the questions that the contact's answers are to, the present one
// first, as far as there are such.
func (s ContactState) Answers(memory *Memory) (keys []checkpoint.Key) {
	last, _ := memory.decide(s.Base)
	for _, key := range memory.present(last) {
		if memory.Journal.State(key) == checkpoint.AnsweredState {
			keys = append(keys, key)
		}
	}
	return keys
}

// ContactStates goes through the contacts that may be asked about.
func ContactStates(src iter.Seq2[reader.Contact, error], selection Selection) iter.Seq2[ContactState, error] {
	return func(yield func(ContactState, error) bool) {
		for contact, err := range src {
			if err != nil {
				yield(ContactState{}, err)
				return
			}
			base, refused := selection.question(contact)
			if refused != nil {
				continue
			}
			s := ContactState{Contact: contact, Base: base, Current: selection.Memory.Redo.Apply(base)}
			state := selection.Memory.Journal.State(s.Current.Key)
			s.Failed = state == checkpoint.FailedState
			_, changed := selection.Memory.Earlier[s.Current.Key]
			s.Asked = changed || state != checkpoint.Unknown || selection.Memory.Journal.State(base.Key) != checkpoint.Unknown
			if !yield(s, nil) {
				return
			}
		}
	}
}
