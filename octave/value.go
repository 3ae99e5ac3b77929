package octave

import (
	"bytes"
	"encoding/json"
	"iter"
	"strings"
	"unicode/utf8"
)

// A value is one JSON value that is known to be well formed (valid has
// seen it), without blanks around it; nil is a value that is not there.
//
// Answers are read through it and not by unmarshalling into structs, for two
// reasons. A value of an unexpected type is then simply not what was looked
// for, and spoils nothing beside it. And it is several times cheaper, which
// counts because every answer is read twice: when it comes, and when its row
// is written.
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

// text is what a string says, and "" for every other value. Invalid UTF-8 and
// lone surrogates become U+FFFD, as everywhere in Go.
func (v value) text() string {
	if len(v) == 0 || v[0] != '"' {
		return ""
	}
	inner := v[1 : len(v)-1]
	if utf8.Valid(inner) {
		if s, ok := unescape(inner); ok {
			return s
		}
	}
	var s string
	_ = json.Unmarshal(v, &s) // v is a well-formed string: it cannot fail
	return s
}

// unescape undoes the escapes that texts are full of, line feeds and quotes,
// and leaves \u to encoding/json, which takes several times as long.
func unescape(inner []byte) (string, bool) {
	i := bytes.IndexByte(inner, '\\')
	if i < 0 {
		return string(inner), true
	}
	var text strings.Builder
	text.Grow(len(inner))
	for ; i >= 0; i = bytes.IndexByte(inner, '\\') {
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
			return "", false
		}
		text.Write(inner[:i])
		text.WriteByte(c)
		inner = inner[i+2:]
	}
	text.Write(inner)
	return text.String(), true
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

// fields ranges over the names and values of an object, in their order,
// repeated names included. Other values have no fields.
func (v value) fields() iter.Seq2[value, value] {
	return func(yield func(name, field value) bool) {
		if !v.isObject() {
			return
		}
		for i := v.skip(1); v[i] != '}'; i = v.skip(i) {
			end := v.end(i)
			name := v[i:end]
			i = v.skip(end)
			end = v.end(i)
			if !yield(name, v[i:end:end]) {
				return
			}
			i = end
		}
	}
}

// items ranges over the values of an array. Other values have no items.
func (v value) items() iter.Seq[value] {
	return func(yield func(value) bool) {
		if !v.isArray() {
			return
		}
		for i := v.skip(1); v[i] != ']'; i = v.skip(i) {
			end := v.end(i)
			if !yield(v[i:end:end]) {
				return
			}
			i = end
		}
	}
}

// field is the last value of that name, as in encoding/json, or nil.
func (v value) field(name string) value {
	var last value
	for k, f := range v.fields() {
		if k.is(name) {
			last = f
		}
	}
	return last
}

// is says whether v is the string name.
func (v value) is(name string) bool {
	return string(v[1:len(v)-1]) == name || bytes.IndexByte(v, '\\') >= 0 && v.text() == name
}

// skip is the index of the next byte, from i on, that is no blank, comma or
// colon. There always is one: v's closing bracket.
func (v value) skip(i int) int {
	for {
		switch v[i] {
		case ' ', '\t', '\r', '\n', ',', ':':
			i++
		default:
			return i
		}
	}
}

// end is the index behind the value that starts at i. It counts brackets
// instead of calling itself, so nesting costs no stack.
func (v value) end(i int) int {
	for depth := 0; ; {
		switch v[i] {
		case '{', '[':
			depth++
			i++
		case '}', ']':
			depth--
			i++
		case '"':
			i = v.endString(i)
		case ' ', '\t', '\r', '\n', ',', ':':
			i++
			continue // inside an object or array: a value never starts so
		default:
			i = v.endLiteral(i)
		}
		if depth == 0 {
			return i
		}
	}
}

// endString is the index behind the string whose opening quote is at i.
func (v value) endString(i int) int {
	for start := i + 1; ; {
		quote := start + bytes.IndexByte(v[start:], '"')
		escapes := 0
		for v[quote-1-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return quote + 1
		}
		start = quote + 1
	}
}

// endLiteral is the index behind the number, true, false or null at i.
func (v value) endLiteral(i int) int {
	for ; i < len(v); i++ {
		switch v[i] {
		case ',', ']', '}', ' ', '\t', '\r', '\n':
			return i
		}
	}
	return i
}
