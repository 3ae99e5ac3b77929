//go:build unix

package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"

	"octave-enrich/checkpoint"
	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/octave/sandbox"
	"octave-enrich/pipeline"
)

// A story is what the checkpoint tells of a question.
type story struct {
	asked, answered, missed int
	found                   int // answers that cost something
	ambiguous               int // missed, and possibly billed
	afterwards              int // asked when it had been answered
	waiting                 int // 1 while it is submitted and has no end
	resubmitted             int // asked while it was waiting
	useless                 int // ambiguous when its id was known: the work brought nothing
}

// cutOff are the calls of which no end is known, and no id.
func (s story) cutOff() int { return s.asked - s.answered - s.missed - s.waiting }

func (s *story) add(rec checkpoint.Record) {
	switch rec.Type {
	case checkpoint.Asked:
		s.asked++
		s.resubmitted += s.waiting
		s.afterwards += min(s.answered, 1)
	case checkpoint.Submitted:
		s.waiting = 1
	case checkpoint.Missed:
		s.missed++
		had := s.waiting
		s.waiting = 0
		var body pipeline.FailureBody
		if json.Unmarshal(rec.Body, &body) == nil && body.Billed {
			s.ambiguous++
			s.useless += had
		}
	case checkpoint.Answered:
		s.answered++
		s.waiting = 0
		var body struct{ Answer struct{ Found bool } }
		if json.Unmarshal(rec.Body, &body) == nil && body.Answer.Found {
			s.found++
		}
	}
}

// stories reads the checkpoint as anybody may.
func (v *victim) stories() map[checkpoint.Key]*story {
	all := map[checkpoint.Key]*story{}
	if _, err := os.Stat(v.checkpoint()); errors.Is(err, fs.ErrNotExist) {
		return all
	}
	for entry, err := range checkpoint.Records(v.checkpoint(), nil) {
		if err != nil {
			v.t.Errorf("the checkpoint: %v", err)
			continue
		}
		if all[entry.Key] == nil {
			all[entry.Key] = &story{}
		}
		all[entry.Key].add(entry.Record)
	}
	delete(all, checkpoint.Key{}) // of the run, not of a question
	return all
}

// settled are the answered questions and how often the service was asked when the
// answer was first seen in the checkpoint.
type settled map[checkpoint.Key]int

// examine compares what the checkpoint, the service and the output say after the
// end of a process.
func (v *victim) examine(p *process) {
	v.t.Helper()
	if code := p.code(); code > 0 && code != exit.RowsFailed {
		v.t.Errorf("exit code %d:\n%s", code, p.stderr())
	}
	stories, books := v.stories(), v.service.books(v.t)
	asked, cutOff := 0, 0
	for key, s := range stories {
		asked, cutOff = asked+s.asked, cutOff+s.cutOff()
		v.examineQuestion(key, *s, books.Contacts[key.String()])
	}
	for key := range v.settled {
		if s := stories[key]; s == nil || s.answered == 0 {
			v.t.Errorf("question %v: its answer is lost", key)
		}
	}
	for name := range books.Contacts {
		var key checkpoint.Key
		if err := key.UnmarshalText([]byte(name)); err != nil || stories[key] == nil {
			v.t.Errorf("question %s was asked and not noted", name)
		}
	}
	if cut := cutOff - v.cutOff; cut > 2*v.concurrency || cut > 0 && p.code() >= 0 {
		v.t.Errorf("%d calls without an end after exit code %d", cut, p.code())
	}
	v.classify(p, asked, len(stories))
	v.asked, v.cutOff = asked, cutOff
	v.examineOutput(p)
}

// examineQuestion is the promise, for one contact.
func (v *victim) examineQuestion(key checkpoint.Key, s story, c sandbox.Count) {
	if s.answered > 1 || s.afterwards > 0 {
		v.t.Errorf("question %v: asked %d times after its answer was kept, answered %d times", key, s.afterwards, s.answered)
	}
	if before, known := v.settled[key]; known && c.Asked != before {
		v.t.Errorf("question %v: the service was asked %d times, and %d when its answer was kept", key, c.Asked, before)
	}
	if s.answered > 0 {
		v.settled[key] = c.Asked
	}
	if c.Asked > s.asked {
		v.t.Errorf("question %v: the service was asked %d times, %d calls were noted", key, c.Asked, s.asked)
	}
	if s.resubmitted > 0 {
		v.t.Errorf("question %v was submitted again %d times although its id was known", key, s.resubmitted)
	}
	if explained := s.found + s.ambiguous + s.cutOff() + s.waiting; c.Billed > explained {
		v.t.Errorf("question %v: billed %d times, explained are %d: %+v", key, c.Billed, explained, s)
	}
}

// classify counts kills by their moment.
func (v *victim) classify(p *process, asked, questions int) {
	switch {
	case p.code() >= 0:
	case asked == v.asked && len(v.settled) == questions && questions > 0:
		v.did.late++
	case asked == v.asked:
		v.did.early++
	}
}

// account closes the books of a finished list.
func (v *victim) account(books sandbox.Ledger) {
	v.did.calls, v.did.billed = books.Asked, books.Billed
	for _, n := range books.Faults {
		v.did.broken += n
	}
	for _, c := range books.Contacts {
		v.did.twice += max(0, c.Billed-1)
	}
	useless := 0
	for _, s := range v.stories() {
		v.did.answers += s.found
		useless += s.useless
		if s.answered != 1 {
			v.t.Errorf("answered %d times", s.answered)
		}
	}
	v.did.unkept = v.did.billed - v.did.answers

	cmd := command(v.t, v.dir, v.service.url, "status", v.checkpoint(), "--json")
	text, err := cmd.Output()
	check(v.t, err)
	var status struct {
		Questions      pipeline.QuestionCount
		Attempts       pipeline.AttemptCount
		PossiblyBilled int                       `json:"possibly_billed"`
		Lost           []pipeline.LostSubmission `json:"lost_submissions"`
		Damage         []string
	}
	check(v.t, json.Unmarshal(text, &status))
	v.did.possiblyBilled, v.did.idsLost = status.PossiblyBilled, len(status.Lost)
	if v.async && v.did.unkept > len(status.Lost)+useless {
		v.t.Errorf("billed %d times without an answer kept; %d ids were lost and %d works brought nothing", v.did.unkept, len(status.Lost), useless)
	}
	if v.did.unkept > status.PossiblyBilled {
		v.t.Errorf("billed %d times without an answer kept, but status says at most %d", v.did.unkept, status.PossiblyBilled)
	}
	if status.Attempts.Asked < books.Asked || status.Questions.Open > 0 || status.Questions.Failed > 0 || len(status.Damage) > 0 {
		v.t.Errorf("status of a finished list: %+v, %d calls by the ledger", status, books.Asked)
	}
}
