package octave

import (
	"bytes"
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
	if !valid(raw) {
		return nil, noAnswer(words(oddity(raw)))
	}
	return decodeValid(raw, words)
}

// decodeValid reads an answer that is known to be well formed.
func decodeValid(raw []byte, words func(string) string) (*Answer, error) {
	a := &Answer{Raw: raw}
	var found, data, message value
	for name, v := range value(raw).fields() {
		switch {
		case name.is("_metadata"):
			a.metadata(v)
		case name.is("found"):
			found = v
		case name.is("message"):
			message = v
		case name.is("data"):
			data = v
		}
	}
	if said := message.text(); said != "" {
		a.Message = said
	}
	a.Message, a.RequestID = words(a.Message), words(a.RequestID)
	missing := a.data(data)
	a.Found = string(found) == "true" || string(found) != "false" && len(a.Emails) > 0
	switch {
	case !a.Found && string(found) != "false":
		return nil, noAnswer("the field found is missing" + colon(a.Message))
	case a.Found && len(a.Emails) == 0:
		return nil, unusable(raw, "found, but the answer has no messages"+colon(a.Message))
	case a.Found && missing > 0:
		return nil, unusable(raw, fmt.Sprintf("message %d of %d has no text", missing, len(a.Emails)))
	}
	return a, nil
}

func (a *Answer) metadata(v value) {
	for name, v := range v.fields() {
		switch {
		case name.is("requestId"):
			a.RequestID = v.word()
		case name.is("usage"):
			a.Usage = v.decimal()
		case name.is("message"):
			a.Message = v.text()
		}
	}
}

// data fills in what was found and returns the number, from 1, of the first
// message without a text, or 0.
func (a *Answer) data(v value) (missing int) {
	for name, v := range v.fields() {
		switch {
		case name.is("emails"):
			missing = a.emails(v)
		case name.is("playbook"):
			a.Playbook = entity(v)
		case name.is("persona"):
			a.Persona = entity(v)
		case name.is("product"):
			a.Product = entity(v)
		case name.is("outputType"):
			a.OutputType = v.raw()
		}
	}
	return missing
}

func (a *Answer) emails(list value) (missing int) {
	a.Emails = make([]Email, 0, 4)
	for v := range list.items() {
		e := email(v)
		a.Emails = append(a.Emails, e)
		if e.Body == "" && missing == 0 {
			missing = len(a.Emails)
		}
	}
	return missing
}

// email reads one message. Its text is the field email, else the sections with
// a blank line between them, else the field body.
func email(v value) Email {
	var e Email
	body := v.text() // a bare string where an object is due
	for name, v := range v.fields() {
		switch {
		case name.is("subject"):
			e.Subject = v.text()
		case name.is("email"):
			e.Body = v.text()
		case name.is("body"):
			body = v.text()
		case name.is("coreValueProp"):
			e.CoreValueProp = v.text()
		case name.is("sections"):
			e.Sections = v.raw()
		}
	}
	if blank(e.Body) {
		e.Body = joined(value(e.Sections))
	}
	if e.Body == "" && !blank(body) {
		e.Body = body
	}
	return e
}

// joined is the text of the sections that have one.
func joined(v value) string {
	var parts [len(sections)]string
	for name, v := range v.fields() {
		for i, section := range sections {
			if name.is(section) {
				parts[i] = v.text()
			}
		}
	}
	text := make([]string, 0, len(parts))
	for _, part := range parts {
		if !blank(part) {
			text = append(text, part)
		}
	}
	return strings.Join(text, "\n\n")
}

// entity takes an object with a name, and a bare string for a name.
func entity(v value) Entity {
	e := Entity{Name: v.text(), Raw: v.raw()}
	var internal string
	for name, v := range v.fields() {
		switch {
		case name.is("name"):
			e.Name = v.text()
		case name.is("internalName"):
			internal = v.text()
		}
	}
	if blank(e.Name) {
		e.Name = internal
	}
	return e
}

func blank(s string) bool { return strings.TrimSpace(s) == "" }
