package main

import (
	"octave-enrich/pipeline"
	"octave-enrich/reader"
)

// A list is an input made ready to ask about.
type list struct {
	input      *reader.Input
	questioner *pipeline.Questioner
	skip       map[string]bool // kinds of rows that are left out
	exclude    func(reader.Contact) string
	settings   pipeline.Settings
}

// openList reads the inputs once, so that whatever is wrong with them is said
// before anything is paid.
func (a *app) openList(o *options, inputs []string) (*list, error) {
	settings, err := o.settings()
	if err != nil {
		return nil, err
	}
	opt, err := o.readerOptions(a)
	if err != nil {
		return nil, err
	}
	skip, err := o.skips()
	if err != nil {
		return nil, err
	}
	exclude, err := o.excluder(skip)
	if err != nil {
		return nil, err
	}
	in, err := reader.Open(inputs, opt)
	if err != nil {
		return nil, inputError(err)
	}
	questioner, err := pipeline.NewQuestioner(settings, in.Columns())
	if err != nil {
		in.Close()
		return nil, &exitError{code: exitUsage, err: err}
	}
	return &list{in, questioner, skip, exclude, settings}, nil
}

// excluder reads the do-not-contact list; a run without it would be a run
// against it, so that every error stops.
func (o *options) excluder(skip map[string]bool) (func(reader.Contact) string, error) {
	var listed *reader.ExcludeList
	if o.exclude != "" {
		var err error
		if listed, err = reader.ReadExclude(o.exclude); err != nil {
			return nil, &exitError{code: exitUsage, err: err}
		}
	}
	return func(c reader.Contact) string { return whyNot(skip, listed, c) }, nil
}
