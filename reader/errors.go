package reader

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

// A MappingError says why the columns of a file cannot be mapped to the
// fields of a contact, and what to type to decide it.
type MappingError struct {
	File    string
	Field   Field    // the field in question; empty when it is about all of them
	Headers []string // the columns in question
	Msg     string
	Hint    string // names the exact flag to type
}

func (e *MappingError) Error() string {
	s := e.File + ": " + e.Msg
	if e.Hint != "" {
		s += " (" + e.Hint + ")"
	}
	return s
}

// mapFlag spells the flag that feeds field from header, quoted for a shell.
func mapFlag(field Field, header string) string {
	return "--map " + string(field) + "='" + strings.ReplaceAll(header, "'", `'\''`) + "'"
}
