package octave

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Answer is what the Sequence Agent said about one contact. It shares its
// bytes with Raw: neither may be changed.
type Answer struct {
	Raw json.RawMessage // the whole answer, as received

	// Found is false when the service could not find the person. That is an
	// answer and no error: asking again in the same run gives the same.
	Found     bool
	Message   string  // why not found, usually
	RequestID string  // the service's own id of the call
	Usage     Decimal // most likely credits (observed); "" when not said

	Emails []Email // in the order they are to be sent; 1 to 7 when found

	Playbook, Persona, Product Entity
	OutputType                 json.RawMessage // nil when absent

	Latency time.Duration // from dial to last byte; set by [Client.Run] only
	Quota   Quota         // what the headers say of the limit; set by [Client.Run] only

	// At is when it was given, for an answer that was kept elsewhere; zero means now.
	At time.Time
}

// Email is one message of a sequence.
type Email struct {
	Subject string // often empty after the first: it continues the thread

	// Body is the text of the message, never empty. The service calls it
	// "email" in one shape of its answers, has it in sections in another, and
	// had it in "body" in an older one (observed).
	Body          string
	CoreValueProp string
	Sections      json.RawMessage // as sent; nil when absent
}

// Entity is a playbook, persona or product of the workspace.
type Entity struct {
	Name string
	Raw  json.RawMessage // as sent; nil when absent
}

// sections lists the parts of a message in reading order.
var sections = [...]string{"greeting", "opening", "body", "closing", "cta", "ps", "signature"}

// Decode reads an answer, from the wire or from where it was kept. Fields that
// are absent, null, of another type or not known do no harm.
//
// Its errors are *[Error]: with action [Again] for bytes that are no answer at
// all, and with action [Row] and the answer in Error.Raw for one that was found
// and paid for but has no message, or a message without a text. In both cases
// the call may have been billed.
func Decode(raw []byte) (*Answer, error) { return decode(raw, clean) }

// decode leaves it to the caller how to make the service's words safe.
func decode(raw []byte, words func(string) string) (*Answer, error) {
	raw = bytes.TrimSpace(bytes.TrimPrefix(raw, []byte("\ufeff")))
	p := newParser(raw)
	a, err := p.answer(words)
	if !p.done() {
		return nil, noAnswer(words(oddity(raw)))
	}
	return a, err
}

// answer reads an answer; it says nothing once the parser is bad.
func (p *parser) answer(words func(string) string) (*Answer, error) {
	a, missing := &Answer{}, 0
	var found, message value
	from := p.i
	for name := range p.fields() {
		switch {
		case name.is("_metadata"):
			a.metadata(p)
		case name.is("found"):
			found = p.raw()
		case name.is("message"):
			message = p.raw()
		case name.is("data"):
			missing = a.data(p)
		}
	}
	a.Raw = json.RawMessage(p.since(from))
	a.Message, a.RequestID = words(cmp.Or(message.text(), a.Message)), words(a.RequestID)
	a.Found = string(found) == "true" || string(found) != "false" && len(a.Emails) > 0
	switch {
	case !a.Found && string(found) != "false":
		return nil, noAnswer("the field found is missing" + colon(a.Message))
	case a.Found && len(a.Emails) == 0:
		return nil, unusable(a.Raw, "found, but the answer has no messages"+colon(a.Message))
	case a.Found && missing > 0:
		return nil, unusable(a.Raw, fmt.Sprintf("message %d of %d has no text", missing, len(a.Emails)))
	}
	return a, nil
}

func (a *Answer) metadata(p *parser) {
	for name := range p.fields() {
		switch {
		case name.is("requestId"):
			a.RequestID = p.raw().word()
		case name.is("usage"):
			a.Usage = p.raw().decimal()
		case name.is("message"):
			a.Message = p.raw().text()
		}
	}
}

// data fills in what was found and returns the number, from 1, of the first
// message without a text, or 0.
func (a *Answer) data(p *parser) (missing int) {
	a.Emails, a.Playbook, a.Persona, a.Product, a.OutputType = nil, Entity{}, Entity{}, Entity{}, nil // of an earlier data
	for name := range p.fields() {
		switch {
		case name.is("emails"):
			missing = a.emails(p)
		case name.is("playbook"):
			a.Playbook = entity(p.raw())
		case name.is("persona"):
			a.Persona = entity(p.raw())
		case name.is("product"):
			a.Product = entity(p.raw())
		case name.is("outputType"):
			a.OutputType = p.raw().raw()
		}
	}
	return missing
}

func (a *Answer) emails(p *parser) (missing int) {
	a.Emails = make([]Email, 0, 4)
	for range p.items() {
		e := email(p)
		a.Emails = append(a.Emails, e)
		if e.Body == "" && missing == 0 {
			missing = len(a.Emails)
		}
	}
	return missing
}

// email reads one message. Its text is the field email, else the sections with
// a blank line between them, else the field body.
func email(p *parser) (e Email) {
	if p.peek() == '"' { // a bare string where an object is due
		if e.Body = p.raw().text(); blank(e.Body) {
			e.Body = ""
		}
		return e
	}
	var body string
	var parts [len(sections)]value
	for name := range p.fields() {
		switch {
		case name.is("subject"):
			e.Subject = p.raw().text()
		case name.is("email"):
			e.Body = p.raw().text()
		case name.is("body"):
			body = p.raw().text()
		case name.is("coreValueProp"):
			e.CoreValueProp = p.raw().text()
		case name.is("sections"):
			from := p.i
			parts = p.sections()
			e.Sections = p.since(from).raw()
		}
	}
	if blank(e.Body) {
		e.Body = joined(parts)
	}
	if e.Body == "" && !blank(body) {
		e.Body = body
	}
	return e
}

func (p *parser) sections() (parts [len(sections)]value) {
	for name := range p.fields() {
		for i, section := range sections {
			if name.is(section) {
				parts[i] = p.raw()
			}
		}
	}
	return parts
}

// joined is the text of the sections that have one.
func joined(parts [len(sections)]value) string {
	var room [4 << 10]byte
	text := room[:0]
	for _, part := range parts {
		before := len(text)
		if before > 0 {
			text = append(text, "\n\n"...)
		}
		from := len(text)
		if text = part.appendText(text); len(bytes.TrimSpace(text[from:])) == 0 {
			text = text[:before]
		}
	}
	return string(text)
}

// entity takes an object with a name, and a bare string for a name.
func entity(v value) Entity {
	e := Entity{Name: v.text(), Raw: v.raw()}
	if v.isObject() {
		e.Name = v.field("name").text()
	}
	if blank(e.Name) {
		e.Name = v.field("internalName").text()
	}
	return e
}

func blank(s string) bool { return strings.TrimSpace(s) == "" }
