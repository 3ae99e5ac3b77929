package octave

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"iter"
	"strings"
)

// maxDepth is how deep an answer may be nested: a tenth of what encoding/json
// reads, so that it can be read within whatever it is wrapped into, such as the
// record that keeps it.
const maxDepth = 1000

// A parser goes through JSON once, from front to back: what it is asked for is read,
// everything else is passed over, and all of it is checked on the way. At the first
// fault it is bad, and finds nothing any more.
//
// Answers are read with it and not by unmarshalling into structs, for two reasons. A
// value of an unexpected type is then simply not what was looked for, and spoils
// nothing beside it. And an answer, which is read twice, when it comes and when its row
// is written, is gone through once: see BenchmarkDecode.
type parser struct {
	b     []byte
	i     int
	depth int // of the objects and arrays that may still be opened
	bad   bool
}

func newParser(b []byte) *parser { return &parser{b: b, depth: maxDepth} }

// valid says what json.Valid says of b, unless it is nested too deep.
func valid(b []byte) bool {
	p := newParser(b)
	p.skip()
	return p.done()
}

// done says whether there was nothing wrong, and nothing is left.
func (p *parser) done() bool { return p.peek() == 0 && p.i == len(p.b) && !p.bad }

// fields ranges over the names of the object that comes next, in their order, repeated
// ones included. The body of the loop may read the value of each; what it leaves is
// passed over. Another value than an object has no fields.
func (p *parser) fields() iter.Seq[value] {
	return func(yield func(name value) bool) {
		p.list('{', '}', func() bool {
			from := p.i
			p.text()
			name := value(p.b[from:p.i])
			if !p.take(':') {
				p.fail()
			}
			return !p.bad && p.read(func() bool { return yield(name) })
		})
	}
}

// items ranges over the values of the array that comes next, as fields does.
func (p *parser) items() func(yield func() bool) {
	return func(yield func() bool) { p.list('[', ']', func() bool { return p.read(yield) }) }
}

// read has a value read, or passes over it.
func (p *parser) read(yield func() bool) bool {
	p.peek()
	from := p.i
	if !yield() {
		return false
	}
	if p.i == from {
		p.skip()
	}
	return !p.bad
}

// list reads what stands between two brackets.
func (p *parser) list(open, end byte, item func() bool) {
	if p.peek() != open {
		p.skip()
		return
	}
	p.i++
	if p.depth--; p.depth < 0 {
		p.fail()
	}
	for first := true; !p.take(end); first = false {
		if !first && !p.take(',') {
			p.fail()
		}
		if p.peek(); p.bad || !item() {
			return
		}
	}
	p.depth++
}

// raw is the value that comes next, nil once the parser is bad.
func (p *parser) raw() value {
	p.peek()
	from := p.i
	p.skip()
	return p.since(from)
}

// since is the value that was read from an index on.
func (p *parser) since(from int) value {
	if p.bad {
		return nil
	}
	return value(p.b[from:p.i:p.i])
}

// skip passes over a value.
func (p *parser) skip() {
	switch p.peek() {
	case '{':
		for range p.fields() {
		}
	case '[':
		for range p.items() {
		}
	case '"':
		p.text()
	case 't':
		p.word("true")
	case 'f':
		p.word("false")
	case 'n':
		p.word("null")
	default:
		p.number()
	}
}

// peek is the next byte that is no blank, 0 at the end.
func (p *parser) peek() byte {
	for ; p.i < len(p.b); p.i++ {
		if c := p.b[p.i]; c != ' ' && c != '\n' && c != '\r' && c != '\t' {
			return c
		}
	}
	return 0
}

func (p *parser) take(c byte) bool {
	if p.peek() != c || p.i == len(p.b) {
		return false
	}
	p.i++
	return true
}

func (p *parser) fail() { p.bad, p.i = true, len(p.b) }

// plain are the bytes that a string may hold as they are.
var plain = func() (t [256]bool) {
	for c := range t {
		t[c] = c >= ' ' && c != '"' && c != '\\'
	}
	return t
}()

// text passes over a string.
func (p *parser) text() {
	if p.i == len(p.b) || p.b[p.i] != '"' {
		p.fail()
		return
	}
	for p.i++; ; p.i++ {
		rest, n := p.b[p.i:], 0
		for n < len(rest) && plain[rest[n]] {
			n++
		}
		p.i += n
		switch {
		case n < len(rest) && rest[n] == '"':
			p.i++
			return
		case n == len(rest) || rest[n] != '\\' || !p.escape():
			p.fail()
			return
		}
	}
}

// escape passes over what follows a backslash, up to its last byte.
func (p *parser) escape() bool {
	if p.i++; p.i == len(p.b) {
		return false
	}
	switch p.b[p.i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return true
	case 'u':
		_, err := hex.DecodeString(string(p.b[p.i+1 : min(p.i+5, len(p.b))]))
		p.i += 4
		return err == nil && p.i < len(p.b)
	}
	return false
}

func (p *parser) word(w string) {
	if !bytes.HasPrefix(p.b[p.i:], []byte(w)) {
		p.fail()
		return
	}
	p.i += len(w)
}

func (p *parser) number() {
	from := p.i
	for p.i < len(p.b) && strings.IndexByte("+-.0123456789Ee", p.b[p.i]) >= 0 {
		p.i++
	}
	if !json.Valid(p.b[from:p.i]) {
		p.fail()
	}
}
