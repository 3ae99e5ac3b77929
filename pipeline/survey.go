package pipeline

import (
	"slices"

	"octave-enrich/octave"
	"octave-enrich/reader"
)

// A Plan is what a run would do.
type Plan struct {
	Rows       int `json:"rows"`
	Sendable   int `json:"sendable"`
	Answered   int `json:"answered"`   // rows whose answer is in the checkpoint
	Duplicates int `json:"duplicates"` // rows that ask the same as one before
	Excluded   int `json:"excluded"`
	// ExcludedBecause are the excluded rows by reason.
	ExcludedBecause map[string]int `json:"excluded_because"`
	Invalid         map[string]int `json:"invalid"` // rows by reason
	ToAsk           int            `json:"to_ask"`  // questions that need a call
	// Marked counts those of them that are asked again because somebody said so.
	Marked int `json:"marked"`
	// Aged counts those that are asked again because their answers are too old.
	Aged int `json:"aged"`
	// Agentless counts those that leave it to the service who writes.
	Agentless int `json:"-"`
	// Submitted counts the questions that the service works on: their answers are
	// polled for, and cost no further call.
	Submitted int `json:"submitted"`
	// Kept counts rows that keep the answer to an earlier question about the person.
	Kept int `json:"kept"`
	// LeftAlone counts rows that failed in an earlier run and are not asked again.
	LeftAlone int `json:"left_alone"`
	// BeyondLimit counts the questions that a limit or a sample leaves for another time.
	BeyondLimit int `json:"beyond_limit"`
	// ChangedBeyond counts those of them whose question changed.
	ChangedBeyond int `json:"-"`
	// First are the first different requests, answered already or not.
	First []octave.Request `json:"first"`
}

const firstRequests = 3

func newPlan() Plan {
	return Plan{Invalid: map[string]int{}, ExcludedBecause: map[string]int{}, First: []octave.Request{}}
}

func (p *Plan) add(contact reader.Contact, decision Decision, why error) {
	p.Rows++
	switch decision {
	case Invalid:
		if contact.Raw != "" {
			p.Invalid[reader.NoObject]++
		} else {
			p.Invalid[why.Error()]++
		}
		return
	case Excluded:
		p.Excluded++
		p.ExcludedBecause[why.Error()]++
		return
	case Duplicate:
		p.Duplicates++
	case Answered:
		p.Answered++
	case Submitted:
		p.Submitted++
	case Kept:
		p.Kept++
	case LeftAlone:
		p.LeftAlone++
	case BeyondLimit:
		p.BeyondLimit++
	case ToAsk:
		p.ToAsk++
	case ToAskLast: // counted when its turn has come
	}
	p.Sendable++
}

// ask says of a question that is asked why that is done again, and whether it names nobody.
func (p *Plan) ask(memory *Memory, q *Question) {
	if q.Request.AgentOID == "" && q.Request.ExperimentOID == "" {
		p.Agentless++
	}
	switch aged := memory.aged(q); {
	case aged:
		p.Aged++
	case !q.Since.IsZero():
		p.Marked++
	}
}

// show keeps the first different requests.
func (p *Plan) show(request octave.Request) {
	same := func(other octave.Request) bool { return other.RequestID == request.RequestID }
	if len(p.First) < firstRequests && !slices.ContainsFunc(p.First, same) {
		p.First = append(p.First, request)
	}
}
