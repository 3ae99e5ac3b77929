package pipeline

import (
	"cmp"
	"encoding/json"
	"iter"
	"slices"
	"strings"

	"octave-enrich/checkpoint"
	"octave-enrich/reader"
)

// Changes are the contacts of a list that need a call although the journal has an
// answer about the same person: to another question, one that no row asks any more.
type Changes struct {
	// Earlier leads from the question of such a contact to the one that is answered.
	Earlier map[checkpoint.Key]checkpoint.Key
	// Contacts counts those of the whole list, whatever limit the run has.
	Contacts int
	// Because says what changed about them, the most frequent first.
	Because []Change
}

// A Change is a set of fields in which questions differ from those before.
type Change struct {
	Fields   []string // as the service spells them, sorted: jobTitle, runtimeInstructions.all
	Contacts int
	// Before and After are the fields of one such question.
	Before, After map[string]string
}

// Survey goes through the contacts as [Run] would and asks nobody. Known are the
// records of the journal and how many answers it has; they are read when somebody
// is to be asked and answers are left that no row asks for. A nil Known finds no changes.
func Survey(src iter.Seq2[reader.Contact, error], selection Selection, known *Known) (Plan, Changes, error) {
	s := newSurveyor()
	if err := s.read(src, selection); err != nil {
		return s.plan, Changes{}, err
	}
	changes := Changes{Earlier: map[checkpoint.Key]checkpoint.Key{}}
	if known == nil || len(s.people.list) == 0 || s.answered >= known.Answers {
		return s.plan, changes, nil
	}
	if err := s.match(known.Records, changes.Earlier); err != nil || len(changes.Earlier) == 0 {
		return s.plan, changes, err
	}
	selection.Limit, selection.Sample = 0, nil
	return s.plan, changes, changes.explain(src, selection)
}

// Known is a journal as far as [Survey] looks for earlier questions in it.
type Known struct {
	Records iter.Seq2[checkpoint.Entry, error]
	Answers int // questions that are answered
}

// A surveyor goes through a list once and through the journal once.
type surveyor struct {
	plan     Plan
	people   *directory
	asked    map[checkpoint.Key]bool // questions of the list; true when one has no answer
	answered int                     // answers that rows of the list ask for
	retried  map[checkpoint.Key]bool // questions that failed before, and that the limit admits
}

func newSurveyor() *surveyor {
	return &surveyor{plan: newPlan(), people: newDirectory(), asked: map[checkpoint.Key]bool{}, retried: map[checkpoint.Key]bool{}}
}

func (s *surveyor) read(src iter.Seq2[reader.Contact, error], selection Selection) error {
	selector := newSelector(selection)
	var last []*Question // what failed before is asked after all others
	for contact, err := range src {
		if err != nil {
			return err
		}
		decision, q, why := selector.decide(contact, func(key checkpoint.Key) bool { return s.asked[key] })
		s.plan.add(contact, decision, why)
		if q == nil {
			continue
		}
		s.plan.show(q.Request)
		if _, seen := s.asked[q.Key]; seen {
			continue
		}
		switch decision {
		case ToAsk, ToAskLast, BeyondLimit, LeftAlone: // what failed may have an older answer, too
			s.asked[q.Key] = true
		default:
			s.asked[q.Key] = false
		}
		if decision == ToAskLast {
			last = append(last, q)
		}
		if decision == ToAsk {
			s.plan.ask(selection.Memory, q)
		}
		if decision == BeyondLimit && selection.Memory.changed(q) {
			s.plan.ChangedBeyond++
		}
		if decision == Answered {
			s.answered++
		}
		for _, older := range q.Older {
			if _, seen := s.asked[older]; !seen {
				s.asked[older] = false // its answer is the row's still
			}
		}
		if s.asked[q.Key] && !selection.Memory.answered(q) {
			s.people.add(q)
		}
	}
	for _, q := range last {
		if s.retried[q.Key] = selector.admit(q); s.retried[q.Key] {
			s.plan.ToAsk++
			s.plan.ask(selection.Memory, q)
			continue
		}
		s.plan.BeyondLimit++
		if selection.Memory.changed(q) {
			s.plan.ChangedBeyond++
		}
	}
	return nil
}

// match finds answers about the people who are to be asked. The last answer counts.
func (s *surveyor) match(records iter.Seq2[checkpoint.Entry, error], earlier map[checkpoint.Key]checkpoint.Key) error {
	for rec, err := range answersIn(records) {
		if err != nil {
			return &JournalError{err}
		}
		if _, listed := s.asked[rec.Key]; listed {
			continue
		}
		if request, ok := ReadRequest(rec.Body); ok {
			for _, key := range s.people.find(request) {
				earlier[key] = rec.Key
			}
		}
	}
	return nil
}

// explain goes through the list again and says what changed about the contacts
// that would be asked if there were no limit.
func (c *Changes) explain(src iter.Seq2[reader.Contact, error], selection Selection) error {
	selector := newSelector(selection)
	seen := map[checkpoint.Key]bool{}
	byFields := map[string]*Change{}
	for contact, err := range src {
		if err != nil {
			return err
		}
		decision, q, _ := selector.decide(contact, func(key checkpoint.Key) bool { return seen[key] })
		if decision != ToAsk && decision != ToAskLast {
			continue
		}
		seen[q.Key] = true
		before, changed := c.Earlier[q.Key]
		if !changed || !q.Since.IsZero() { // a mark is no change: it asks again on purpose
			continue
		}
		change, err := selection.Memory.difference(before, q)
		if err != nil {
			return err
		}
		c.Contacts++
		same := strings.Join(change.Fields, " ")
		if byFields[same] == nil {
			byFields[same] = &change
		}
		byFields[same].Contacts++
	}
	for _, change := range byFields {
		c.Because = append(c.Because, *change)
	}
	slices.SortFunc(c.Because, func(a, b Change) int {
		return cmp.Or(cmp.Compare(b.Contacts, a.Contacts), slices.Compare(a.Fields, b.Fields))
	})
	return nil
}

// difference says in which fields a question differs from one that was answered.
func (m *Memory) difference(before checkpoint.Key, q *Question) (Change, error) {
	rec, _, err := m.Journal.Answer(before)
	if err != nil {
		return Change{}, &JournalError{err}
	}
	c := Change{Before: flat(requestIn(rec)), After: flat(q.Canonical)}
	for field, value := range c.After {
		if c.Before[field] != value {
			c.Fields = append(c.Fields, field)
		}
	}
	for field := range c.Before {
		if _, still := c.After[field]; !still {
			c.Fields = append(c.Fields, field)
		}
	}
	slices.Sort(c.Fields)
	return c, nil
}

// flat lists the values of a canonical request by their dotted names.
func flat(canonical []byte) map[string]string {
	values := map[string]string{}
	var tree map[string]any
	_ = json.Unmarshal(canonical, &tree)
	var walk func(prefix string, node map[string]any)
	walk = func(prefix string, node map[string]any) {
		for name, value := range node {
			switch value := value.(type) {
			case map[string]any:
				walk(prefix+name+".", value)
			case string:
				values[prefix+name] = value
			case bool:
				values[prefix+name] = "true"
			}
		}
	}
	walk("", tree)
	return values
}
