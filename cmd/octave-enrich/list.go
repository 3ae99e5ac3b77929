package main

import (
	"errors"
	"os"

	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/cmd/octave-enrich/paths"
	"octave-enrich/octave"
	"octave-enrich/pipeline"
	"octave-enrich/reader"
)

// A list is an input made ready to ask about.
type list struct {
	input      *reader.Input
	opt        reader.Options // how it was read
	questioner *pipeline.Questioner
	skip       map[string]bool // kinds of rows that are left out
	exclude    func(reader.Contact) string
	ask        func(reader.Contact) (octave.Request, error)
	people     *pipeline.People // in several rows; nil before meet, and when there are none
	settings   pipeline.Settings
}

// openList reads the inputs once, so that whatever is wrong with them is said
// before anything is paid.
func (a *app) openList(o *options.Options, inputs []string) (*list, error) {
	settings, err := o.Settings()
	if err != nil {
		return nil, err
	}
	opt, err := o.List.ReaderOptions(a.stdin)
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
	in, err := reader.Open(inputs, opt)
	if err != nil {
		return nil, exit.InputError(err)
	}
	if err := paths.RefuseOutput(in); err != nil {
		in.Close()
		return nil, err
	}
	questioner, err := pipeline.NewQuestioner(settings, in.Columns())
	if err != nil {
		in.Close()
		return nil, &exit.Error{Code: exit.Usage, Err: err}
	}
	return &list{input: in, opt: opt, questioner: questioner, skip: skip, exclude: exclude, ask: questioner.Request, settings: settings}, nil
}

// meet finds the people who stand in several rows with different data. Most lists
// have none, and are not read for it: then the reader has seen nobody twice, or
// all that it saw twice says the same and is asked the same.
func (l *list) meet(memory *pipeline.Memory) (err error) {
	profile, s := l.input.Profile(), l.settings
	perRow := len(s.Context)+len(s.Instructions)+len(s.Templates) > 0
	if profile.Repeated == 0 && (profile.Duplicates == 0 || !perRow) {
		return nil
	}
	l.people, err = pipeline.FindPeople(l.input.Contacts(), pipeline.Selection{Ask: l.ask, Exclude: l.exclude, Memory: memory})
	if err != nil {
		return exit.InputError(err)
	}
	if l.skip[options.SkipDuplicate] {
		l.ask = l.people.Instead(l.ask)
	}
	return nil
}

// refuseEmpty keeps an output that holds rows from being replaced by that of an
// empty list: a broken view is no empty list.
func refuseEmpty(in *reader.Input, output string) error {
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
