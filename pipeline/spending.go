package pipeline

import (
	"time"

	"octave-enrich/checkpoint"
)

// A Spending is what the calls of a run, or of a day, came to. A call belongs to
// where it began, its answer and its price too.
type Spending struct {
	Run            string    `json:"run,omitempty"` // id
	Day            string    `json:"day,omitempty"` // local, 2006-01-02
	Start          time.Time `json:"start,omitzero"`
	Calls          int       `json:"calls"`
	Answers        int       `json:"answers"`
	Usage          Amount    `json:"usage"`           // as reported
	PossiblyBilled int       `json:"possibly_billed"` // without an answer
	Waiting        int       `json:"waiting"`         // submitted, and not answered yet
}

// A SpendingList adds the records of a journal up, part by part.
type SpendingList struct {
	ByDay bool // else by run

	list []*Spending
	open map[checkpoint.Key]*Spending // calls without an end so far
	// submitted are those among them that have an id: they are not cut off.
	submitted map[checkpoint.Key]bool
}

// Add takes the next record of the journal.
func (s *SpendingList) Add(rec checkpoint.Record) {
	if body, ok := ReadRun(rec); ok && !s.ByDay {
		s.list = append(s.list, &Spending{Run: body.ID, Start: rec.At})
	}
	switch rec.Type {
	case checkpoint.Asked:
		part := s.part(rec.At)
		part.Calls++
		s.cutOff(rec.Key)
		if s.open == nil {
			s.open, s.submitted = map[checkpoint.Key]*Spending{}, map[checkpoint.Key]bool{}
		}
		s.open[rec.Key] = part
	case checkpoint.Submitted:
		if s.open[rec.Key] != nil {
			s.submitted[rec.Key] = true
		}
	case checkpoint.Missed:
		part := s.began(rec)
		if body, err := ReadFailure(rec); err == nil && body.Billed {
			part.PossiblyBilled++
		}
	case checkpoint.Answered:
		part := s.began(rec)
		part.Answers++
		part.Usage = part.Usage.Plus(ReadFacts(rec).Usage)
	}
}

// part is the one that a call which begins now belongs to.
func (s *SpendingList) part(at time.Time) *Spending {
	if !s.ByDay {
		if len(s.list) == 0 {
			s.list = append(s.list, &Spending{Start: at})
		}
		return s.list[len(s.list)-1]
	}
	day := at.Local().Format(time.DateOnly)
	for i := len(s.list) - 1; i >= 0; i-- { // a fleet tells of calls later
		if s.list[i].Day == day {
			return s.list[i]
		}
	}
	s.list = append(s.list, &Spending{Day: day})
	return s.list[len(s.list)-1]
}

// began is the part in which the call began that ends with this record.
func (s *SpendingList) began(rec checkpoint.Record) *Spending {
	part := s.open[rec.Key]
	delete(s.open, rec.Key)
	delete(s.submitted, rec.Key)
	if part == nil {
		part = s.part(rec.At)
	}
	return part
}

// cutOff counts a call that will not end any more: its process did.
func (s *SpendingList) cutOff(key checkpoint.Key) {
	if part := s.open[key]; part != nil {
		if s.submitted[key] {
			part.Waiting++
		} else {
			part.PossiblyBilled++
		}
		delete(s.open, key)
		delete(s.submitted, key)
	}
}

// Parts ends the list and returns it, the oldest first.
func (s *SpendingList) Parts() []*Spending {
	for key := range s.open {
		s.cutOff(key)
	}
	return append([]*Spending{}, s.list...)
}
