package writer

import (
	"slices"
	"strconv"
	"strings"

	"github.com/gocarina/gocsv"
)

// Columns is the header of the generic shape: the input columns, then the outcome, then subject and body of each message.
// A name that the input has already gets the prefix octave_, then a number. The header for more messages starts with the
// header for fewer.
func Columns(input []string, emails int) []string {
	names := newNamer(input)
	header := slices.Clone(input)
	var outcomes capture
	_ = gocsv.MarshalCSV([]outcome{}, &outcomes) // the header of no rows, into memory: it cannot fail
	for _, name := range outcomes.record {
		header = append(header, names.unused("octave_", name))
	}
	for i := range emails {
		n := strconv.Itoa(i + 1)
		header = append(header, names.unused("octave_", "email_subject_"+n), names.unused("octave_", "email_body_"+n))
	}
	return header
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

// unused returns name, with the prefix if it is taken, with a number if that is taken too.
func (n namer) unused(prefix, name string) string {
	if n[name] {
		name = prefix + name
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
	spelled []string // as the input has them, where that differs: blank names, and the same name twice
	kept    []int    // indices into columns, ascending
}

func wholeInput(columns []string) input {
	in := input{columns: columns, kept: make([]int, len(columns))}
	for i := range in.kept {
		in.kept[i] = i
	}
	return in
}

func someInput(columns, keep []string) (input, error) {
	in := input{columns: columns}
	for _, name := range keep {
		i := slices.Index(columns, name)
		if i < 0 {
			return input{}, &OptionsError{
				Msg:  "column " + strconv.Quote(name) + " to keep is not in the input",
				Hint: "the columns are " + strings.Join(columns, ", "),
			}
		}
		in.kept = append(in.kept, i)
	}
	slices.Sort(in.kept)
	in.kept = slices.Compact(in.kept)
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
