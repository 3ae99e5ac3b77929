package writer

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// lines writes one JSON object a line: the fields of the input, then one object with the outcome.
type lines struct {
	buf     *bufio.Writer
	input   input
	partial bool   // only some of the input's fields are kept
	name    string // of the outcome object
	emails  int    // longest sequence so far

	text   bytes.Buffer // one line, reused
	encode *json.Encoder
}

func newLines(buf *bufio.Writer, in input, partial bool) *lines {
	l := &lines{buf: buf, input: in, partial: partial, name: newNamer(in.names()).unused("octave_", "octave")}
	l.encode = json.NewEncoder(&l.text)
	l.encode.SetEscapeHTML(false)
	return l
}

// An answer is the outcome of a row as JSON. Its keys are always there.
type answer struct {
	Status     string          `json:"status"`
	Error      string          `json:"error"`
	RequestID  string          `json:"request_id"`
	Usage      json.RawMessage `json:"usage"`
	Emails     []message       `json:"emails"`
	Playbook   json.RawMessage `json:"playbook"`
	Persona    json.RawMessage `json:"persona"`
	Product    json.RawMessage `json:"product"`
	OutputType json.RawMessage `json:"output_type"`
	Input      string          `json:"input,omitempty"` // a line that could not be read
}

type message struct {
	Subject       string          `json:"subject"`
	Body          string          `json:"body"`
	CoreValueProp string          `json:"core_value_prop"`
	Sections      json.RawMessage `json:"sections"`
}

func newAnswer(row Row) answer {
	a := answer{
		Status: row.Status, Error: row.Error, RequestID: row.RequestID, Usage: number(row.Usage),
		Emails:   make([]message, len(row.Emails)),
		Playbook: orNull(row.Playbook.Raw), Persona: orNull(row.Persona.Raw), Product: orNull(row.Product.Raw),
		OutputType: orNull(row.OutputType),
		Input:      row.Raw,
	}
	for i, e := range row.Emails {
		a.Emails[i] = message{e.Subject, e.Body, e.CoreValueProp, orNull(e.Sections)}
	}
	return a
}

// orNull is raw, or null when there is nothing: encoding/json refuses an empty RawMessage that is not nil.
func orNull(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 {
		return nil
	}
	return raw
}

// number is usage as it is spelled, or a string where that is no number of JSON.
func number(usage string) json.RawMessage {
	raw := json.RawMessage(usage)
	if usage == "" || json.Valid(raw) {
		return orNull(raw)
	}
	quoted, err := json.Marshal(usage)
	if err != nil {
		return nil // a string does not fail
	}
	return quoted
}

func (l *lines) write(row Row) error {
	l.emails = max(l.emails, len(row.Emails))
	l.text.Reset()
	l.text.WriteByte('{')
	if err := l.writeInput(row); err != nil {
		return err
	}
	if err := l.field(l.name, newAnswer(row)); err != nil {
		return err
	}
	l.text.WriteString("}\n")
	_, err := l.text.WriteTo(l.buf)
	return err
}

// writeInput writes the fields of the input without the braces around them.
func (l *lines) writeInput(row Row) error {
	switch {
	case row.Object == nil && row.Raw != "":
		return nil
	case row.Object == nil:
		return l.writeCells(row.Cells)
	case l.partial:
		return l.writeKept(row.Object)
	}
	return l.splice(row.Object)
}

func (l *lines) writeCells(cells []string) error {
	for n, cell := range l.input.pick(nil, cells) {
		if err := l.field(l.input.columns[l.input.kept[n]], cell); err != nil {
			return err
		}
	}
	return nil
}

func (l *lines) writeKept(object json.RawMessage) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(object, &fields); err != nil {
		return err
	}
	for _, name := range l.input.names() {
		if value, ok := fields[name]; ok {
			if err := l.field(name, value); err != nil {
				return err
			}
		}
	}
	return nil
}

// splice writes the inside of the object as it is spelled: number spellings, key order and duplicate keys included.
func (l *lines) splice(object json.RawMessage) error {
	object = bytes.TrimSpace(object)
	if len(object) < 2 || object[0] != '{' || object[len(object)-1] != '}' {
		return errors.New("the input is not a JSON object")
	}
	inside := object[1 : len(object)-1]
	if bytes.IndexByte(inside, '\n') >= 0 { // would end the line
		var compact bytes.Buffer
		if err := json.Compact(&compact, object); err != nil {
			return fmt.Errorf("input object: %w", err)
		}
		inside = compact.Bytes()[1 : compact.Len()-1]
	}
	if len(bytes.TrimSpace(inside)) > 0 {
		l.text.Write(inside)
	}
	return nil
}

// field writes "name":value, behind a comma unless it is the first.
func (l *lines) field(name string, value any) error {
	if l.text.Len() > 1 {
		l.text.WriteByte(',')
	}
	if err := l.value(name); err != nil {
		return err
	}
	l.text.WriteByte(':')
	return l.value(value)
}

func (l *lines) value(v any) error {
	if err := l.encode.Encode(v); err != nil {
		return err
	}
	l.text.Truncate(l.text.Len() - 1) // Encode ends with a newline
	return nil
}

func (l *lines) flush() error { return nil } // nothing is kept back from buf
