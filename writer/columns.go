package writer

import (
	"slices"
	"strconv"
)

// Columns is the header of the generic shape: the input columns, then the outcome, then subject and body of each message.
// A name that the input has already gets the prefix octave_, then a number. The header for more messages starts with the
// header for fewer.
func Columns(input []string, emails int) []string {
	names := newNamer(input)
	header := slices.Clone(input)
	for _, name := range outcomeColumns() {
		header = append(header, names.unused(name))
	}
	for i := range emails {
		n := strconv.Itoa(i + 1)
		header = append(header, names.unused("email_subject_"+n), names.unused("email_body_"+n))
	}
	return header
}

func outcomeColumns() []string {
	return []string{
		"octave_status", "octave_error", "octave_request_id", "octave_usage",
		"octave_email_count", "octave_playbook", "octave_persona", "octave_product",
	}
}

// A namer hands out names that are not taken yet.
type namer map[string]bool

func newNamer(taken []string) namer {
	n := make(namer, len(taken))
	for _, name := range taken {
		n[name] = true
	}
	return n
}

func (n namer) unused(name string) string {
	if n[name] {
		name = "octave_" + name
	}
	free := name
	for i := 2; n[free]; i++ {
		free = name + "_" + strconv.Itoa(i)
	}
	n[free] = true
	return free
}

// An input knows which of the input columns appear in a file.
type input struct {
	columns []string
	kept    []int // indices into columns, ascending
}

// newInput takes all columns when keep is empty.
func newInput(columns, keep []string) (input, error) {
	in := input{columns: columns}
	for i, name := range columns {
		if len(keep) == 0 || slices.Contains(keep, name) {
			in.kept = append(in.kept, i)
		}
	}
	for _, name := range keep {
		if !slices.Contains(columns, name) {
			return input{}, &OptionsError{Msg: "column " + strconv.Quote(name) + " to keep is not in the input"}
		}
	}
	return in, nil
}

func (in input) names() []string { return in.pick(nil, in.columns) }

// pick appends the kept ones of cells; missing ones are empty.
func (in input) pick(dst, cells []string) []string {
	for _, i := range in.kept {
		cell := ""
		if i < len(cells) {
			cell = cells[i]
		}
		dst = append(dst, cell)
	}
	return dst
}
