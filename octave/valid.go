package octave

// maxDepth is how deep an answer may be nested: a tenth of what encoding/json
// reads, so that it can be read within whatever it is wrapped into, such as the
// record that keeps it.
const maxDepth = 1000

// valid says what json.Valid says of b, unless it is nested too deep, in a quarter
// of the time: answers are mostly long strings, which encoding/json steps through
// state by state.
func valid(b []byte) bool { return validWithin(b, maxDepth) }

// validWithin has a bound of its own for the nesting.
func validWithin(b []byte, depth int) bool {
	v := validator{b: b, depth: depth}
	v.blanks()
	ok := v.value(0)
	v.blanks()
	return ok && v.i == len(b)
}

type validator struct {
	b     []byte
	i     int
	depth int // at most
}

// plain are the bytes that a string may hold as they are.
var plain = func() (t [256]bool) {
	for c := range t {
		t[c] = c >= ' ' && c != '"' && c != '\\'
	}
	return t
}()

func (v *validator) blanks() {
	for v.i < len(v.b) && (v.b[v.i] == ' ' || v.b[v.i] == '\n' || v.b[v.i] == '\r' || v.b[v.i] == '\t') {
		v.i++
	}
}

func (v *validator) take(c byte) bool {
	if v.i < len(v.b) && v.b[v.i] == c {
		v.i++
		return true
	}
	return false
}

func (v *validator) value(depth int) bool {
	if v.i == len(v.b) || depth > v.depth {
		return false
	}
	switch v.b[v.i] {
	case '{':
		return v.list('}', depth, v.member)
	case '[':
		return v.list(']', depth, v.value)
	case '"':
		return v.text()
	case 't':
		return v.word("true")
	case 'f':
		return v.word("false")
	case 'n':
		return v.word("null")
	}
	return v.number()
}

// list reads an object or an array from its opening bracket on.
func (v *validator) list(end byte, depth int, item func(int) bool) bool {
	v.i++
	v.blanks()
	if v.take(end) {
		return depth < v.depth
	}
	for {
		v.blanks()
		if !item(depth + 1) {
			return false
		}
		v.blanks()
		if v.take(end) {
			return true
		}
		if !v.take(',') {
			return false
		}
	}
}

func (v *validator) member(depth int) bool {
	if v.i == len(v.b) || v.b[v.i] != '"' || !v.text() {
		return false
	}
	v.blanks()
	if !v.take(':') {
		return false
	}
	v.blanks()
	return v.value(depth)
}

func (v *validator) text() bool {
	for v.i++; v.i < len(v.b); v.i++ {
		switch c := v.b[v.i]; {
		case plain[c]:
		case c == '"':
			v.i++
			return true
		case c != '\\' || !v.escape():
			return false
		}
	}
	return false
}

// escape reads what follows a backslash, up to its last byte.
func (v *validator) escape() bool {
	if v.i++; v.i == len(v.b) {
		return false
	}
	switch v.b[v.i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return true
	case 'u':
		for range 4 {
			if v.i++; v.i == len(v.b) || !isHex(v.b[v.i]) {
				return false
			}
		}
		return true
	}
	return false
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func (v *validator) word(w string) bool {
	if len(v.b)-v.i < len(w) || string(v.b[v.i:v.i+len(w)]) != w {
		return false
	}
	v.i += len(w)
	return true
}

func (v *validator) number() bool {
	v.take('-')
	if !v.take('0') && !v.digits() {
		return false
	}
	if v.take('.') && !v.digits() {
		return false
	}
	if v.take('e') || v.take('E') {
		if !v.take('+') {
			v.take('-')
		}
		return v.digits()
	}
	return true
}

func (v *validator) digits() bool {
	from := v.i
	for v.i < len(v.b) && v.b[v.i] >= '0' && v.b[v.i] <= '9' {
		v.i++
	}
	return v.i > from
}
