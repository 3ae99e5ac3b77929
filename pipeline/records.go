package pipeline

// The bodies of all records of a checkpoint, and what reads them back. A body is
// JSON and grows only: a field that is read today is read in every later version.

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
	"octave-enrich/reader"
)

// Types of records that [checkpoint] does not know, none about a single question.
const (
	Ended     = "ended" // how a run ended: EndBody
	Paced     = "pace"  // how fast the service may be asked: PaceBody
	Described = "agent" // what an agent was when a run asked it: AgentBody
	Again     = "again" // what the next run asks once more: AgainBody
	// Filed says who is in a file for a sender: some before the file gets its name, and
	// one, which says so, when it has it: FiledBody.
	Filed = "filed"
	// Taken stands around answers that were taken over from another checkpoint: one before
	// the first of them, and one, which says so, behind the last.
	Taken = "taken"
)

// NewRunID names a run, or a file for a sender, so that no other has the name.
func NewRunID() string {
	var id [8]byte
	_, _ = rand.Read(id[:])
	return hex.EncodeToString(id[:])
}

// RunBody is the body of a run record: what the questions were made of.
type RunBody struct {
	ID       string    `json:"id"`
	Version  string    `json:"version"`
	Input    InputBody `json:"input"`
	Output   string    `json:"output"`
	Settings Settings  `json:"settings"`
	Mapping  []Mapped  `json:"mapping,omitempty"` // for the report
	// Skip are the kinds of rows that were left out, as the flag was given.
	Skip []string `json:"skip,omitempty"`
	// Exclude is the do-not-contact list of the run, an absolute path. An export follows it.
	Exclude string `json:"exclude,omitempty"`
	// Pinned is the mapping file of the run.
	Pinned *reader.MapFile `json:"pinned,omitempty"`
	// Changed is what the run did with contacts whose question had changed, redo or
	// keep; empty when there were none. An export follows it.
	Changed string `json:"changed,omitempty"`
	// Undecided says that nobody had said so: they were kept, and the run ended with 9.
	Undecided bool `json:"undecided,omitempty"`
	// Sample is what of the list the run asked, when that was not all.
	Sample *Sample `json:"sample,omitempty"`
	// Command is the command line, without secrets.
	Command string `json:"command,omitempty"`
	// Fleet is the database of the fleet that made the calls: host, port and name.
	Fleet string `json:"fleet,omitempty"`
}

// askedBody is the body of the asked record of a submission; that of a call which
// waits for its answer has none.
type askedBody struct {
	Async bool `json:"async"`
	Row   int  `json:"row,omitempty"` // as in AnswerBody
}

// submittedBody is the body of a submitted record: what the service works on, and
// what it calls the work.
type submittedBody struct {
	Request json.RawMessage `json:"request"`
	ID      string          `json:"id"`
	Name    string          `json:"name,omitempty"` // of the field that ID came in
	Row     int             `json:"row,omitempty"`  // as in AnswerBody
}

// InputBody names an input.
type InputBody struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
	Rows   int    `json:"rows"`
}

// Mapped is a column that fed a field.
type Mapped struct {
	Field  string `json:"field"`
	Column string `json:"column"`
}

// OutputBody is the body of an output record: what was written, so that it may be
// written again.
type OutputBody struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
	Rows   int    `json:"rows"`
	Page   bool   `json:"page,omitempty"` // a report, which has no rows
}

// EndBody is the body of an ended record: how a run ended.
type EndBody struct {
	ID string `json:"id"` // of the run
	Summary
	ExitCode int    `json:"exit_code"`
	Reason   string `json:"reason"`
}

// PaceBody is the body of a pace record: what a run found the service to take.
// The next run starts from it.
type PaceBody struct {
	Rate     float64 `json:"rate,omitempty"`      // calls per second that are kept to; 0 when that is no bound
	InFlight int     `json:"in_flight,omitempty"` // calls at the same time; 0 when that is no bound
}

// AgentBody is the body of an agent record: what an agent was when a run asked it. There is one when it differs from the one
// before it about the same agent.
type AgentBody struct {
	OID  string `json:"oId"` // of an agent or an experiment
	Name string `json:"name"`
	// Steps are how many the list of agents shows; 0 when it does not say.
	Steps int `json:"steps,omitempty"`
}

// AgainBody is the body of an again record: questions that the next run asks once
// more, though they are answered.
type AgainBody struct {
	Keys []checkpoint.Key `json:"keys"`
	// Asks are the questions that they become, one for each, and Replaces those whose
	// answers are the contacts' until then; zero where there is none.
	Asks     []checkpoint.Key `json:"asks,omitempty"`
	Replaces []checkpoint.Key `json:"replaces,omitempty"`
	// With is an instruction for these contacts alone. It makes another question
	// of each, which replaces the one that is named.
	With string `json:"with,omitempty"`
	// Undo takes the last mark of each question back, several where it is named as often.
	Undo bool `json:"undo,omitempty"`
}

// FiledBody is the body of a filed record.
type FiledBody struct {
	ID     string `json:"id"`     // of the file: its records share it
	Preset string `json:"preset"` // of the sender
	Path   string `json:"path"`   // absolute
	SHA256 string `json:"sha256"`
	List   string `json:"list"`             // the hash of the list that it was made from
	Part   int    `json:"part,omitempty"`   // of the people, 1-based
	People []byte `json:"people,omitempty"` // a [writer.Person] is 16 bytes of it
	// Profiles are the same people by their profiles, as far as they have one.
	Profiles []byte `json:"profiles,omitempty"`
	// Over says that the file took the place of one of the same name.
	Over bool `json:"over,omitempty"`
	// Done says that the file has its name.
	Done bool `json:"done,omitempty"`
	// From is the checkpoint that the record was taken over from.
	From string `json:"from,omitempty"`
}

// takenBody is the body of a taken record.
type takenBody struct {
	From    []string `json:"from"` // names of the checkpoints
	Answers int      `json:"answers,omitempty"`
	Done    bool     `json:"done,omitempty"`
}

// Append makes a record about a whole run durable.
func Append(journal *checkpoint.Journal, kind string, body any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return journal.Append(checkpoint.Record{Type: kind, At: time.Now(), Body: raw})
}

// bodyOf reads a record of a type; it reports false for any other.
func bodyOf[T any](rec checkpoint.Record, kind string) (body T, ok bool) {
	ok = rec.Type == kind && json.Unmarshal(rec.Body, &body) == nil
	return body, ok
}

// lastOf is the last body of a type that is wanted, and its record; false when there is
// none.
func lastOf[T any](records []checkpoint.Record, kind string, wanted func(T) bool) (last T, at checkpoint.Record, ok bool) {
	for _, rec := range slices.Backward(records) {
		if last, ok = bodyOf[T](rec, kind); ok && wanted(last) {
			return last, rec, true
		}
	}
	return *new(T), at, false
}

// answersIn are the answered records of a journal, but for those that are damaged.
func answersIn(journal iter.Seq2[checkpoint.Entry, error]) iter.Seq2[checkpoint.Record, error] {
	return func(yield func(checkpoint.Record, error) bool) {
		for entry, err := range journal {
			var damage *checkpoint.DamageError
			if errors.As(err, &damage) || err == nil && entry.Type != checkpoint.Answered {
				continue
			}
			if !yield(entry.Record, err) || err != nil {
				return
			}
		}
	}
}

// ReadRun reads a run record; it reports false for any other.
func ReadRun(rec checkpoint.Record) (RunBody, bool) { return bodyOf[RunBody](rec, checkpoint.Run) }

// LastRun is the last run of a journal; false when it holds none.
func LastRun(records []checkpoint.Record) (RunBody, bool) {
	last, _, ok := lastOf(records, checkpoint.Run, func(RunBody) bool { return true })
	return last, ok
}

// endFacts are what is read back of an EndBody: an Amount is not.
type endFacts struct {
	ID       string    `json:"id"`
	Rows     Counts    `json:"rows"`
	Kept     KeptCount `json:"kept"`
	ExitCode int       `json:"exit_code"`
}

// LastEnd is the last run of a journal, and whether it came to an end that left
// nothing to ask: no row failed, none was not attempted, none kept an older answer.
func LastEnd(records []checkpoint.Record) (last RunBody, settled bool) {
	for _, rec := range records {
		if body, ok := ReadRun(rec); ok {
			last, settled = body, false
		}
		if end, ok := bodyOf[endFacts](rec, Ended); ok && end.ID == last.ID {
			settled = end.ExitCode == 0 && end.Rows.Failed == 0 && end.Rows.NotAttempted == 0 && end.Kept.Rows == 0
		}
	}
	return last, settled
}

// LastExclude is the do-not-contact list of the last run that had one; "" when a later
// run of the same list went without it. A run that was refused or stopped takes nothing
// back.
func LastExclude(records []checkpoint.Record) (path string) {
	var last, with RunBody
	for _, rec := range records {
		if body, ok := ReadRun(rec); ok {
			if last = body; body.Exclude != "" {
				path, with = body.Exclude, body
			}
		}
		end, ok := bodyOf[endFacts](rec, Ended)
		if ok && end.ExitCode == 0 && end.ID == last.ID && last.Exclude == "" && last.Input.Name == with.Input.Name {
			path = ""
		}
	}
	return path
}

// CutShort says whether a run of a journal was killed: it has no end.
func CutShort(records []checkpoint.Record) bool {
	goesOn := false
	for _, rec := range records {
		switch rec.Type {
		case checkpoint.Run:
			if goesOn {
				return true
			}
			goesOn = true
		case Ended:
			goesOn = false
		}
	}
	return goesOn
}

// EndedInDoubt says whether calls of a run that came to its end may be billed without an
// answer.
func EndedInDoubt(records []checkpoint.Record) bool {
	return slices.ContainsFunc(records, func(rec checkpoint.Record) bool {
		var end struct { // an EndBody; an Amount is not read back
			Calls Calls `json:"calls"`
		}
		return rec.Type == Ended && json.Unmarshal(rec.Body, &end) == nil && end.Calls.PossiblyBilled > 0
	})
}

// ReadOutput reads an output record; it reports false for any other.
func ReadOutput(rec checkpoint.Record) (OutputBody, bool) {
	return bodyOf[OutputBody](rec, checkpoint.Output)
}

// FileOf is the hash of the file with rows that a record of a run or an export is about,
// "" for any other record, and whether these rows were held back.
func FileOf(rec checkpoint.Record) (sum string, held bool) {
	if output, ok := ReadOutput(rec); ok && !output.Page {
		return output.SHA256, isHeld(output.Path)
	}
	filed, _ := bodyOf[FiledBody](rec, Filed)
	return filed.SHA256, false
}

// isHeld says whether a file has the rows that a preset held back.
func isHeld(path string) bool { return strings.Contains(filepath.Base(path), ".held.") }

// AnswerBody is the body of an answered record.
type AnswerBody struct {
	Request   json.RawMessage `json:"request"`
	Answer    json.RawMessage `json:"answer"` // as the service sent it
	LatencyMS int64           `json:"latency_ms"`
	Usage     octave.Decimal  `json:"usage,omitempty"` // as reported
	Row       int             `json:"row,omitempty"`   // of the run's input, 1-based, that asked first
	// Replaces is the question whose answer this one follows, when it is another one.
	Replaces *checkpoint.Key `json:"replaces,omitempty"`
	// From is the checkpoint that the answer was taken over from: it was paid for there.
	From string `json:"from,omitempty"`
}

// FailureBody is the body of a failed record (a row that was given up, with its
// request) and of a missed one (an attempt without an answer).
type FailureBody struct {
	Request   json.RawMessage `json:"request,omitempty"`
	Error     string          `json:"error"`
	Cause     string          `json:"kind,omitempty"`   // in words
	Status    int             `json:"status,omitempty"` // of the HTTP response
	Billed    bool            `json:"billed,omitempty"` // may have been billed all the same
	LatencyMS int64           `json:"latency_ms,omitempty"`
	Row       int             `json:"row,omitempty"` // as in AnswerBody
	// Answer is what was paid for but is of no use, such as one without messages.
	Answer json.RawMessage `json:"answer,omitempty"`
}

// ReadAnswer reads an answered record: its body, and the answer that is in it, which
// share the record's bytes.
func ReadAnswer(rec checkpoint.Record) (AnswerBody, *octave.Answer, error) {
	var body AnswerBody
	answer, err := octave.DecodeKept(rec.Body, body.take)
	if err != nil {
		return body, nil, err
	}
	body.Answer = answer.Raw
	answer.Latency, answer.At = time.Duration(body.LatencyMS)*time.Millisecond, rec.At
	return body, answer, nil
}

// requestIn is the request in the body of a record, as it was sent; nil when it cannot
// be read.
func requestIn(rec checkpoint.Record) json.RawMessage {
	var body struct {
		Request json.RawMessage `json:"request"`
	}
	_ = json.Unmarshal(rec.Body, &body)
	return body.Request
}

// ReadRequest is what the request in the body of a record says; false when it cannot be
// read.
func ReadRequest(body json.RawMessage) (request octave.Request, ok bool) {
	of := struct {
		Request *octave.Request `json:"request"`
	}{&request}
	ok = json.Unmarshal(body, &of) == nil
	return request, ok
}

// take reads one member of the body, but for the answer.
func (b *AnswerBody) take(name string, spelled json.RawMessage) (err error) {
	if string(spelled) == "null" {
		return nil
	}
	switch name {
	case "request":
		b.Request = spelled
	case "latency_ms":
		b.LatencyMS, err = strconv.ParseInt(string(spelled), 10, 64)
	case "row":
		b.Row, err = strconv.Atoi(string(spelled))
	case "usage":
		err = b.Usage.UnmarshalJSON(spelled)
	case "replaces":
		err = json.Unmarshal(spelled, &b.Replaces)
	case "from":
		err = json.Unmarshal(spelled, &b.From)
	}
	return err
}

// ReadFailure reads a failed or a missed record.
func ReadFailure(rec checkpoint.Record) (FailureBody, error) {
	var body FailureBody
	if err := json.Unmarshal(rec.Body, &body); err != nil {
		return body, fmt.Errorf("the failure of question %v: %w", rec.Key, err)
	}
	return body, nil
}

// ReadSubmission reads a submitted record.
func ReadSubmission(rec checkpoint.Record) (Submission, *Question, error) {
	var body submittedBody
	err := json.Unmarshal(rec.Body, &body)
	if err != nil {
		return Submission{}, nil, fmt.Errorf("the submission of question %v: %w", rec.Key, err)
	}
	q, err := ParseQuestion(body.Request)
	if err == nil && q.Key != rec.Key {
		err = errors.New("it is of another question")
	}
	if err != nil {
		return Submission{}, nil, fmt.Errorf("the submission of question %v: %w", rec.Key, err)
	}
	q.Row = body.Row
	return Submission{ID: body.ID, Name: body.Name, At: rec.At, Row: body.Row}, q, nil
}

// AskedRecord is the record of a call that is, or was, about to submit the question of a
// row.
func AskedRecord(key checkpoint.Key, at time.Time, row int) checkpoint.Record {
	body, _ := json.Marshal(askedBody{Async: true, Row: row}) // it cannot fail
	return checkpoint.Record{Type: checkpoint.Asked, Key: key, At: at, Body: body}
}

// SubmittedRecord is the record of a submission.
func SubmittedRecord(q *Question, s Submission) checkpoint.Record {
	body, _ := json.Marshal(submittedBody{Request: q.Canonical, ID: s.ID, Name: s.Name, Row: s.Row}) // canonical JSON and texts: it cannot fail
	return checkpoint.Record{Type: checkpoint.Submitted, Key: q.Key, At: s.At, Body: body}
}

// AnswerFacts are what sums are made of, without the words of the answer.
type AnswerFacts struct {
	Usage     octave.Decimal  `json:"usage"`
	LatencyMS int64           `json:"latency_ms"`
	From      string          `json:"from"`     // the checkpoint it was taken over from, where it was paid for
	Replaces  *checkpoint.Key `json:"replaces"` // as in AnswerBody
	Answer    struct {
		Found bool `json:"found"`
	} `json:"answer"`
}

// ReadFacts reads them from an answered record; what cannot be read is zero.
func ReadFacts(rec checkpoint.Record) (facts AnswerFacts) {
	_ = json.Unmarshal(rec.Body, &facts)
	return facts
}

func failureBody(err error) FailureBody {
	body := FailureBody{Error: err.Error()}
	if call, ok := errors.AsType[*octave.Error](err); ok {
		body.Cause, body.Status, body.Billed, body.Answer = call.Cause.String(), call.Status, call.MaybeBilled, call.Raw
	}
	return body
}

// answerBody spells an [AnswerBody] by hand: encoding/json would re-escape the
// raw answer, and this is on the path of every contact.
func answerBody(q *Question, answer *octave.Answer) []byte {
	b := make([]byte, 0, len(q.Canonical)+len(answer.Raw)+len(answer.Usage)+80)
	b = append(append(b, `{"request":`...), q.Canonical...)
	b = append(append(b, `,"answer":`...), answer.Raw...)
	b = strconv.AppendInt(append(b, `,"latency_ms":`...), answer.Latency.Milliseconds(), 10)
	if answer.Usage != "" {
		b = append(append(b, `,"usage":`...), answer.Usage...)
	}
	if q.Row > 0 {
		b = strconv.AppendInt(append(b, `,"row":`...), int64(q.Row), 10)
	}
	if len(q.Older) > 0 {
		b = append(append(append(b, `,"replaces":"`...), q.Older[0].String()...), '"')
	}
	return append(b, '}')
}

// ofType are the records of a type, the oldest first: those that were taken over came
// later into the journal.
func ofType(records []checkpoint.Record, kind string) []checkpoint.Record {
	list := slices.DeleteFunc(slices.Clone(records), func(rec checkpoint.Record) bool { return rec.Type != kind })
	slices.SortStableFunc(list, func(a, b checkpoint.Record) int { return a.At.Compare(b.At) })
	return list
}

// LastOutput is the file with the rows of the last run or export, "" when there is
// none.
func LastOutput(records []checkpoint.Record) string {
	last, _, _ := lastOf(records, checkpoint.Output, func(b OutputBody) bool { return !b.Page && !isHeld(b.Path) })
	return last.Path
}
