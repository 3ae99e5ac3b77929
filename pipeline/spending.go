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
	open map[checkpoint.Key]begun // calls without an end so far
}

// A begun call belongs to a part. One that was submitted is not cut off.
type begun struct {
	part      *Spending
	submitted bool
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
			s.open = map[checkpoint.Key]begun{}
		}
		s.open[rec.Key] = begun{part: part}
	case checkpoint.Submitted:
		if call, open := s.open[rec.Key]; open {
			s.open[rec.Key] = begun{call.part, true}
		}
	case checkpoint.Missed:
		part := s.began(rec)
		if body, err := ReadFailure(rec); err == nil && body.Billed {
			part.PossiblyBilled++
		}
	case checkpoint.Answered:
		facts := ReadFacts(rec)
		if facts.From != "" {
			return // paid for in another checkpoint
		}
		part := s.began(rec)
		part.Answers++
		part.Usage = part.Usage.Plus(facts.Usage)
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
	call, open := s.open[rec.Key]
	delete(s.open, rec.Key)
	if !open {
		return s.part(rec.At)
	}
	return call.part
}

// cutOff counts a call that will not end any more: its process did.
func (s *SpendingList) cutOff(key checkpoint.Key) {
	switch call, open := s.open[key]; {
	case !open:
	case call.submitted:
		call.part.Waiting++
	default:
		call.part.PossiblyBilled++
	}
	delete(s.open, key)
}

// Parts ends the list and returns it, the oldest first.
func (s *SpendingList) Parts() []*Spending {
	for key := range s.open {
		s.cutOff(key)
	}
	return append([]*Spending{}, s.list...)
}
