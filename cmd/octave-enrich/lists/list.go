package lists

import (
	_ "embed"
	"errors"
	"io"
	"os"
	"slices"
	"strings"

	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/cmd/octave-enrich/paths"
	"octave-enrich/octave"
	"octave-enrich/pipeline"
	"octave-enrich/reader"
)

// InputOf is what a run notes of its list.
func InputOf(p *reader.Profile) pipeline.InputBody {
	names := make([]string, len(p.Files))
	for i, file := range p.Files {
		names[i] = file.Name
	}
	return pipeline.InputBody{Name: strings.Join(names, ", "), SHA256: p.SHA256, Rows: p.Rows}
}

// A List is an input made ready to ask about.
type List struct {
	names      []string // of its files, as given
	stdin      io.Reader
	Input      *reader.Input
	opt        reader.Options // how it was read
	questioner *pipeline.Questioner
	Skip       map[string]bool // kinds of rows that are left out
	Exclude    func(reader.Contact) string
	Ask        func(reader.Contact) (octave.Request, error)
	people     *pipeline.People // in several rows; nil before meet, and when there are none
	Settings   pipeline.Settings
}

// Open reads the inputs once, so that whatever is wrong with them is said
// before anything is paid.
func Open(o *options.Options, inputs []string, stdin io.Reader) (*List, error) {
	settings, err := o.Settings()
	if err != nil {
		return nil, err
	}
	opt, err := o.List.ReaderOptions(stdin)
	if err != nil {
		return nil, err
	}
	skip, err := o.Skips()
	if err != nil {
		return nil, err
	}
	exclude, err := o.List.Excluder(skip)
	if err != nil {
		return nil, err
	}
	opt.SkipUnreadable = skip[options.SkipUnreadable]
	if err := paths.RefuseCheckpoint(inputs); err != nil {
		return nil, err
	}
	in, err := reader.Open(inputs, opt)
	if err != nil {
		return nil, exit.InputError(err)
	}
	if err := errors.Join(o.Suits(in.Profile().Files), paths.RefuseOutput(in)); err != nil {
		in.Close()
		return nil, err
	}
	questioner, err := pipeline.NewQuestioner(settings, in.Columns())
	if err != nil {
		in.Close()
		return nil, &exit.Error{Code: exit.Usage, Err: err}
	}
	return &List{names: inputs, stdin: stdin, Input: in, opt: opt, questioner: questioner, Skip: skip, Exclude: exclude, Ask: questioner.Request, Settings: settings}, nil
}

// Again reads the same list with other settings; nil when that cannot be, since it
// came through a pipe.
func (l *List) Again(o *options.Options) (*List, error) {
	if slices.Contains(l.names, "-") {
		return nil, nil
	}
	return Open(o, l.names, l.stdin)
}

// Selection is what of the list is asked, beside what is known.
func (l *List) Selection(memory *pipeline.Memory) pipeline.Selection {
	return pipeline.Selection{Ask: l.Ask, Exclude: l.Exclude, Memory: memory}
}

// Meet finds the people who stand in several rows with different data. Most lists
// have none, and are not read for it: then the reader has seen nobody twice, or
// all that it saw twice says the same and is asked the same.
func (l *List) Meet(memory *pipeline.Memory) (err error) {
	profile, s := l.Input.Profile(), l.Settings
	perRow := len(s.Context)+len(s.Instructions)+len(s.Templates) > 0
	if profile.Repeated == 0 && (profile.Duplicates == 0 || !perRow) {
		return nil
	}
	l.people, err = pipeline.FindPeople(l.Input.Contacts(), l.Selection(memory))
	if err != nil {
		return exit.InputError(err)
	}
	if l.Skip[options.SkipDuplicate] {
		l.Ask = l.people.Instead(l.Ask)
	}
	return nil
}

// RefuseEmpty keeps an output that holds rows from being replaced by that of an
// empty list: a broken view is no empty list.
func RefuseEmpty(in *reader.Input, output string) error {
	if in.Profile().Rows > 0 || !holdsRows(output) {
		return nil
	}
	return &exit.Error{Code: exit.Input, Err: errors.New("a header, and no rows below it; the output has rows and stays as it is"), Hint: "if the list is to be empty, remove " + output}
}

// holdsRows says whether an output has more than a header, as far as it can be read.
func holdsRows(path string) bool {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
		return false
	}
	in, err := reader.Open([]string{path}, reader.Options{})
	if err != nil {
		return true
	}
	defer in.Close()
	return in.Profile().Rows > 0
}

// MappingOf lists the columns that fed fields, file by file.
func MappingOf(profile *reader.Profile) []pipeline.Mapped {
	list := []pipeline.Mapped{}
	for _, file := range profile.Files {
		for _, m := range file.Mapping {
			list = append(list, pipeline.Mapped{Field: string(m.Field), Column: m.Header})
		}
	}
	return list
}
