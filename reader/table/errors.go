// Package table turns the bytes of an input into records and back: it knows
// encodings, compression, the layout of a text, JSON lines and workbooks, and
// the one codec for CSV. What a column means is none of its business.
package table

import (
	"fmt"
	"strings"
)

// An InputError says what is wrong with an input file: missing, unreadable,
// damaged, empty or of a kind that is not read here. It never holds a value
// of a contact.
type InputError struct {
	File   string // as the user named it; "standard input" for "-"
	Line   int    // physical line, 1-based; 0 when the whole file is meant
	Column int    // character in that line, 1-based; 0 when the whole line is meant
	Msg    string
	Hint   string // what to do or to type, may be empty
	Err    error  // the cause, may be nil
}

func (e *InputError) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d", e.Line)
		if e.Column > 0 {
			fmt.Fprintf(&b, ":%d", e.Column)
		}
	}
	b.WriteString(": " + e.Msg)
	if e.Err != nil && e.Err.Error() != "" {
		b.WriteString(": " + e.Err.Error())
	}
	if e.Hint != "" {
		b.WriteString(" (" + e.Hint + ")")
	}
	return b.String()
}

func (e *InputError) Unwrap() error { return e.Err }

// An OptionError says that an option names what there is not: an encoding, a
// format, a sheet of the workbook.
type OptionError struct {
	File string // empty when the option suits no file
	Msg  string
	Hint string // what to type instead
}

func (e *OptionError) Error() string {
	s := e.Msg
	if e.File != "" {
		s = e.File + ": " + s
	}
	return s + " (" + e.Hint + ")"
}

// QuoteAll lists headers, the first dozen of them.
func QuoteAll(headers []string) string {
	var quoted []string
	for _, h := range headers {
		if len(quoted) == 12 {
			quoted = append(quoted, fmt.Sprintf("and %d more", len(headers)-12))
			break
		}
		quoted = append(quoted, fmt.Sprintf("%q", h))
	}
	return strings.Join(quoted, ", ")
}
