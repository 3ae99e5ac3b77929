package octave

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// A value is one JSON value that a [parser] has found, without blanks around it; nil
// is a value that is not there.
type value []byte

// isObject and isArray say what the value is.
func (v value) isObject() bool { return len(v) > 0 && v[0] == '{' }
func (v value) isArray() bool  { return len(v) > 0 && v[0] == '[' }

// isNull says whether there is nothing here.
func (v value) isNull() bool { return len(v) == 0 || v[0] == 'n' }

// raw is the value's bytes, or nil for null.
func (v value) raw() json.RawMessage {
	if v.isNull() {
		return nil
	}
	return json.RawMessage(v)
}

// text is what a string says, and "" for every other value.
func (v value) text() string {
	var room [2 << 10]byte
	return string(v.appendText(room[:0]))
}

// appendText adds what text says. Invalid UTF-8 and lone surrogates become U+FFFD, as
// everywhere in Go.
func (v value) appendText(b []byte) []byte {
	if len(v) == 0 || v[0] != '"' {
		return b
	}
	if inner := v[1 : len(v)-1]; utf8.Valid(inner) {
		if b, ok := unescape(b, inner); ok {
			return b
		}
	}
	var s string
	_ = json.Unmarshal(v, &s) // v is a well-formed string: it cannot fail
	return append(b, s...)
}

// unescape undoes the escapes that texts are full of, line feeds and quotes,
// and leaves \u, which is rare, to encoding/json.
func unescape(b, inner []byte) ([]byte, bool) {
	for i := bytes.IndexByte(inner, '\\'); i >= 0; i = bytes.IndexByte(inner, '\\') {
		c := inner[i+1]
		switch c {
		case 'n':
			c = '\n'
		case 't':
			c = '\t'
		case 'r':
			c = '\r'
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'u':
			return nil, false
		}
		b = append(append(b, inner[:i]...), c)
		inner = inner[i+2:]
	}
	return append(b, inner...), true
}

// word is what a string says, or the spelling of a number: for ids.
func (v value) word() string {
	if d := v.decimal(); d != "" {
		return string(d)
	}
	return v.text()
}

// decimal is a number, or a string that holds one, as it is spelled.
func (v value) decimal() Decimal {
	if len(v) == 0 || len(v) > maxDecimal {
		return ""
	}
	s := string(v)
	if v[0] == '"' {
		s = v.text()
	}
	if !isNumber(s) {
		return ""
	}
	return Decimal(s)
}

// field is the last value of that name, as in encoding/json, or nil.
func (v value) field(name string) value {
	var last value
	p := &parser{b: v, depth: len(v)} // how deep it may be was decided before
	for k := range p.fields() {
		if k.is(name) {
			last = p.raw()
		}
	}
	return last
}

// is says whether v is the string name.
func (v value) is(name string) bool {
	return string(v[1:len(v)-1]) == name || bytes.IndexByte(v, '\\') >= 0 && v.text() == name
}
