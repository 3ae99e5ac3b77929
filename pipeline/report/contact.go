package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
	"octave-enrich/pipeline"
	"octave-enrich/pipeline/lint"
)

// A contact is what the page shows of one question.
type contact struct {
	Key      string          `json:"key"`
	Row      int             `json:"row,omitempty"`
	Status   string          `json:"status"` // ok, not_found, failed
	At       time.Time       `json:"at"`
	Attempts int32           `json:"attempts,omitempty"`
	Request  json.RawMessage `json:"request,omitempty"`
	Cells    []string        `json:"cells,omitempty"` // of the row, under the columns of the list

	// Of an answer.
	LatencyMS int64          `json:"latency_ms,omitempty"`
	Usage     octave.Decimal `json:"usage,omitempty"`
	RequestID string         `json:"request_id,omitempty"`
	Playbook  string         `json:"playbook,omitempty"`
	Persona   string         `json:"persona,omitempty"`
	Product   string         `json:"product,omitempty"`
	Matches   []match        `json:"matches,omitempty"`
	Sources   []source       `json:"sources,omitempty"`
	Emails    []email        `json:"emails,omitempty"`
	Review    *Decision      `json:"review,omitempty"`
	Replaces  string         `json:"replaces,omitempty"` // the key of the question whose answer this one follows
	Earlier   *version       `json:"earlier,omitempty"`  // the words that were there before

	// Of a failure, or why the person was not found.
	Error  string `json:"error,omitempty"`
	Kind   string `json:"kind,omitempty"`
	HTTP   int    `json:"http,omitempty"`
	Billed bool   `json:"billed,omitempty"` // possibly
}

// A version is an earlier answer about a contact that was asked again.
type version struct {
	At     time.Time `json:"at"`
	State  string    `json:"state,omitempty"` // what was decided about it
	Emails []email   `json:"emails"`
}

// A match is why the service chose a playbook, persona or product, as far as it says.
type match struct {
	Of         string `json:"of"`                   // playbook, persona, product
	Confidence any    `json:"confidence,omitempty"` // as the service sent it: a number or a word
	Name       string `json:"name,omitempty"`
	Reason     string `json:"reason,omitempty"`
}

// A source is where the service has a fact from: an annotation of its answer.
type source struct {
	Type  string `json:"type,omitempty"`
	Title string `json:"title,omitempty"`
	Text  string `json:"description,omitempty"`
	URL   string `json:"url,omitempty"`
}

// newMatch reads matchConfidence and matchAnalysis of an entity.
func newMatch(of string, entity octave.Entity) (m match, ok bool) {
	var raw struct {
		Confidence any `json:"matchConfidence"`
		Analysis   any `json:"matchAnalysis"`
	}
	_ = json.Unmarshal(entity.Raw, &raw)
	m = match{Of: of, Name: entity.Name, Confidence: raw.Confidence}
	if raw.Analysis != nil {
		m.Reason = fmt.Sprint(raw.Analysis)
	}
	return m, m.Confidence != nil || m.Reason != ""
}

// sourcesOf reads the annotations of an answer; one of another make is left out.
func sourcesOf(answer *octave.Answer) (list []source) {
	var raw struct {
		Data struct {
			Annotations struct {
				Annotations []json.RawMessage `json:"annotations"`
			} `json:"annotations"`
		} `json:"data"`
	}
	_ = json.Unmarshal(answer.Raw, &raw)
	for _, text := range raw.Data.Annotations.Annotations {
		var one source
		if json.Unmarshal(text, &one) == nil && one != (source{}) {
			list = append(list, one)
		}
	}
	return list
}

// An email is one message and what its parts tell.
type email struct {
	Message
	Value    string   `json:"value,omitempty"`
	HTML     bool     `json:"html,omitempty"`
	Markdown bool     `json:"markdown,omitempty"`
	Empty    []string `json:"empty,omitempty"` // sections that are there, without a text; most messages are better without a signature
}

// WriteContact writes what became of a question, an answered or a failed record, as
// a page holds it, for a page that is open already.
func WriteContact(w io.Writer, rec checkpoint.Record, opt Options) error {
	rule, err := lint.New()
	if err != nil {
		return err
	}
	return json.NewEncoder(w).Encode(newContact(rec, rule, opt))
}

// newContact shows what became of a question, an answered or a failed record.
func newContact(rec checkpoint.Record, rule *lint.Rule, opt Options) contact {
	c := contact{Key: rec.Key.String(), At: rec.At.Truncate(time.Second), Cells: opt.List.row(rec.Key)}
	if rec.Type == checkpoint.Failed {
		c.failed(rec)
	} else {
		c.answered(rec, rule, opt.Decide)
	}
	return c
}

// contacts makes the second pass: the records that tell what became of the
// questions, in the order of the file. An answer that another one follows stands with
// that one, as what was there before.
func (s *summary) contacts(path string, opt Options) iter.Seq2[contact, error] {
	earlier := map[checkpoint.Key]*version{}
	return func(yield func(contact, error) bool) {
		for entry, err := range checkpoint.Records(path, nil) {
			if _, ok := errors.AsType[*checkpoint.DamageError](err); ok {
				continue // counted in the first pass
			}
			if err != nil {
				yield(contact{}, err)
				return
			}
			at, ok := s.last[entry.Key]
			newer, old := s.replaced[entry.Key]
			switch last := ok && at.offset == entry.Offset && at.offset != 0; {
			case old && entry.Type == checkpoint.Answered:
				earlier[newer] = s.version(entry.Record, opt)
			case old:
			case last:
				c := newContact(entry.Record, s.rule, opt)
				c.Attempts = at.attempts
				c.follow(earlier[entry.Key])
				if !yield(c, nil) {
					return
				}
				delete(earlier, entry.Key)
			case ok && entry.Type == checkpoint.Answered:
				earlier[entry.Key] = s.version(entry.Record, opt)
			}
		}
	}
}

// version are the words of an answer that another one follows; nil when it had none.
func (s *summary) version(rec checkpoint.Record, opt Options) *version {
	var c contact
	if c.answered(rec, s.rule, opt.Decide); len(c.Emails) == 0 {
		return nil
	}
	v := &version{At: rec.At.Truncate(time.Second), Emails: c.Emails}
	if c.Review != nil {
		v.State = c.Review.State
	}
	return v
}

// follow puts the words beside those that were there before. What was decided about
// those says nothing of these, but that it was decided.
func (c *contact) follow(before *version) {
	c.Earlier = before
	if before != nil && c.Review != nil && c.Review.Number == 0 {
		c.Review.Before = before.State
	}
}

func (c *contact) failed(rec checkpoint.Record) {
	body, _ := pipeline.ReadFailure(rec)
	c.Status, c.Row, c.Request = pipeline.StatusFailed, body.Row, body.Request
	c.Error, c.Kind, c.HTTP, c.Billed = body.Error, body.Cause, body.Status, body.Billed
}

func (c *contact) answered(rec checkpoint.Record, rule *lint.Rule, decide func(checkpoint.Key, *octave.Answer) Decision) {
	body, answer, err := pipeline.ReadAnswer(rec)
	c.Row, c.Request, c.LatencyMS, c.Usage = body.Row, body.Request, body.LatencyMS, body.Usage
	if body.Replaces != nil {
		c.Replaces = body.Replaces.String()
	}
	if err != nil {
		c.Status, c.Error = pipeline.StatusFailed, err.Error()
		return
	}
	c.RequestID = answer.RequestID
	if !answer.Found {
		c.Status, c.Error = pipeline.StatusNotFound, answer.Message
		return
	}
	c.Status = pipeline.StatusOK
	c.Playbook, c.Persona, c.Product = answer.Playbook.Name, answer.Persona.Name, answer.Product.Name
	for _, chosen := range [...]struct {
		of     string
		entity octave.Entity
	}{{"playbook", answer.Playbook}, {"persona", answer.Persona}, {"product", answer.Product}} {
		if m, ok := newMatch(chosen.of, chosen.entity); ok {
			c.Matches = append(c.Matches, m)
		}
	}
	c.Sources = sourcesOf(answer)
	for _, e := range answer.Emails {
		c.Emails = append(c.Emails, newEmail(e, answer.OutputType, rule))
	}
	if decide != nil {
		c.Review = new(decide(rec.Key, answer))
	}
}

// newEmail looks at the sections, of which the page sees no more than the text.
func newEmail(e octave.Email, outputType json.RawMessage, rule *lint.Rule) email {
	format := rule.Format(e.Body, outputType)
	m := email{Message: Message{e.Subject, e.Body}, Value: e.CoreValueProp, HTML: format == lint.HTML, Markdown: format == lint.Markdown}
	var sections map[string]any
	if json.Unmarshal(e.Sections, &sections) != nil || len(sections) == 0 {
		return m
	}
	for _, name := range [...]string{"greeting", "opening", "body", "closing"} {
		if text, isText := sections[name].(string); isText && text == "" {
			m.Empty = append(m.Empty, name)
		}
	}
	return m
}
