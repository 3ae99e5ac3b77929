package mapping

import (
	"strings"

	"octave-enrich/reader/person"
)

// A MappingError says why the columns of a file cannot be mapped to the
// fields of a contact, and what to type to decide it.
type MappingError struct { //nolint:revive // package reader, the door, calls it so, too
	File    string
	Field   person.Field // the field in question; empty when it is about all of them
	Headers []string     // the columns in question
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

// Flag spells the flag that feeds field from header, quoted for a shell.
func Flag(field person.Field, header string) string {
	return "--map " + string(field) + "='" + strings.ReplaceAll(header, "'", `'\''`) + "'"
}
