package table

import (
	"bufio"
	"bytes"
	"io"
)

// oneEnd makes a line feed of every carriage return that ends a line alone, as
// lists have them whose parts come from different programs. Inside quotes it
// stays. No byte moves, so that offsets are those of the file.
type oneEnd struct {
	in     *bufio.Reader
	quoted bool
}

func (o *oneEnd) Read(p []byte) (int, error) {
	n, err := o.in.Read(p)
	for i, c := range p[:n] {
		switch c {
		case '"':
			o.quoted = !o.quoted
		case '\r':
			if o.quoted {
				continue
			}
			next := byte(0)
			if i+1 < n {
				next = p[i+1]
			} else if ahead, _ := o.in.Peek(1); len(ahead) == 1 {
				next = ahead[0] // an error shows at the next read
			}
			if next != '\n' {
				p[i] = '\n'
			}
		}
	}
	return n, err
}

// hasMixedEnds says whether lines of a text end with a carriage return alone
// while others have a line feed.
func hasMixedEnds(text []byte) bool {
	if bytes.IndexByte(text, '\n') < 0 {
		return false
	}
	quoted := false
	for i, c := range text {
		switch {
		case c == '"':
			quoted = !quoted
		case c == '\r' && !quoted && i+1 < len(text) && text[i+1] != '\n' && text[i+1] != '\r':
			return true
		}
	}
	return false
}

// noZeros stops at a zero byte, wherever it stands: no text has one.
type noZeros struct {
	r     io.Reader
	lines int
}

func (z *noZeros) Read(p []byte) (int, error) {
	n, err := z.r.Read(p)
	if at := bytes.IndexByte(p[:n], 0); at >= 0 {
		bad := holdsZeros()
		bad.Line = z.lines + bytes.Count(p[:at], []byte{'\n'}) + 1
		return 0, bad
	}
	z.lines += bytes.Count(p[:n], []byte{'\n'})
	return n, err
}

func holdsZeros() *InputError {
	return &InputError{Msg: "not a text file: it holds zero bytes", Hint: "export it as CSV"}
}
