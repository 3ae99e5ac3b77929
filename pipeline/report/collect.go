package report

import (
	"cmp"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
	"octave-enrich/pipeline"
	"octave-enrich/pipeline/lint"
)

// A summary is what the first of two passes learns of a checkpoint.
type summary struct {
	rule *lint.Rule // about the text of messages

	header  checkpoint.Header
	ledger  pipeline.Ledger
	missed  map[cause]int
	latency []int64 // of the answers, in milliseconds
	runs    []*run
	damaged int // records
	last    map[checkpoint.Key]place
	// replaced leads from a question to the one whose answer follows its own.
	replaced map[checkpoint.Key]checkpoint.Key
	end      int64 // of what was read of the file
}

// A place is where the record lies that tells what became of a question.
type place struct {
	offset   int64
	answered bool
	attempts int32
}

// A cause is why attempts brought no answer.
type cause struct {
	Kind   string `json:"kind"`
	Status int    `json:"status,omitempty"` // of HTTP
}

// A causeCount is a line of the table of causes.
type causeCount struct {
	cause
	Attempts int `json:"attempts"`
}

// A head is the summary as the page reads it.
type head struct {
	Checkpoint     string                 `json:"checkpoint"` // name of the file
	Tool           string                 `json:"tool"`
	Service        string                 `json:"service"`
	Created        time.Time              `json:"created"`
	Made           time.Time              `json:"made"`
	Live           bool                   `json:"live,omitempty"`
	End            int64                  `json:"end"` // bytes of the checkpoint that the page is about
	Reviewed       bool                   `json:"reviewed,omitempty"`
	Damaged        int                    `json:"damaged,omitempty"`
	Questions      pipeline.QuestionCount `json:"questions"`
	Attempts       pipeline.AttemptCount  `json:"attempts"`
	PossiblyBilled int                    `json:"possibly_billed"`
	Usage          pipeline.Amount        `json:"usage"`
	Missed         []causeCount           `json:"missed"`
	Latency        latency                `json:"latency"`
	Runs           []*run                 `json:"runs"`
	List           *listHead              `json:"list,omitempty"`
}

// collect makes the first pass.
func collect(path string, rule *lint.Rule) (*summary, error) {
	s := &summary{rule: rule, missed: map[cause]int{}, last: map[checkpoint.Key]place{}, replaced: map[checkpoint.Key]checkpoint.Key{}}
	for entry, err := range checkpoint.Records(path, nil) {
		if _, ok := errors.AsType[*checkpoint.DamageError](err); ok {
			s.damaged++
			continue
		}
		if err != nil {
			return nil, err
		}
		s.add(entry)
	}
	return s, nil
}

func (s *summary) add(e checkpoint.Entry) {
	s.end = e.Offset + e.Len
	if !s.ledger.Add(e.Record) {
		return
	}
	switch e.Type {
	case checkpoint.Begin:
		_ = json.Unmarshal(e.Body, &s.header)
	case checkpoint.Run:
		s.runs = append(s.runs, &run{Begin: e.At, End: e.At, Began: e.Body})
	case pipeline.Ended:
		s.run().Ended, s.run().End = e.Body, e.At
	case checkpoint.Asked:
		at := s.last[e.Key]
		at.attempts++
		s.last[e.Key] = at
		s.run().at(e.At).asked++
	case checkpoint.Missed:
		s.miss(e.Record)
	case checkpoint.Failed:
		if at := s.last[e.Key]; !at.answered {
			at.offset = e.Offset
			s.last[e.Key] = at
		}
	case checkpoint.Answered:
		at := s.last[e.Key]
		at.offset, at.answered = e.Offset, true
		s.last[e.Key] = at
		facts := pipeline.ReadFacts(e.Record)
		delete(s.replaced, e.Key) // asked again itself, it is the newest
		if facts.Replaces != nil {
			s.replaced[*facts.Replaces] = e.Key
		}
		if facts.From != "" {
			return // it was brought in another checkpoint
		}
		s.latency = append(s.latency, facts.LatencyMS)
		second := s.run().at(e.At)
		second.answered++
		second.latency += facts.LatencyMS
	}
}

// run is the one that is going on. A checkpoint whose record of it is damaged
// has calls all the same.
func (s *summary) run() *run {
	if len(s.runs) == 0 {
		s.runs = append(s.runs, &run{})
	}
	return s.runs[len(s.runs)-1]
}

func (s *summary) miss(rec checkpoint.Record) {
	body, _ := pipeline.ReadFailure(rec)
	s.missed[cause{body.Cause, body.Status}]++
	second := s.run().at(rec.At)
	if body.Cause == octave.CauseRateLimited.String() {
		second.refused++
	} else {
		second.failed++
	}
}

func (s *summary) head(name string, opt Options) head {
	for _, r := range s.runs {
		r.fold()
	}
	return head{
		Checkpoint: name, Tool: s.header.Tool, Service: s.header.Service, Created: s.header.Created,
		Made: opt.Made.UTC().Truncate(time.Second), Live: opt.Live, End: s.end, Reviewed: opt.Decide != nil, Damaged: s.damaged,
		Questions: s.ledger.Questions(), Attempts: s.ledger.Attempts,
		PossiblyBilled: s.ledger.PossiblyBilled(), Usage: s.ledger.Usage,
		Missed: s.causes(), Latency: newLatency(s.latency), Runs: append([]*run{}, s.runs...), List: opt.List.head(),
	}
}

// causes lists why attempts failed, the most frequent first.
func (s *summary) causes() []causeCount {
	list := []causeCount{}
	for c, n := range s.missed {
		list = append(list, causeCount{c, n})
	}
	slices.SortFunc(list, func(a, b causeCount) int {
		return cmp.Or(b.Attempts-a.Attempts, cmp.Compare(a.Kind, b.Kind), a.Status-b.Status)
	})
	return list
}
