package reader

import (
	"errors"

	"octave-enrich/reader/mapping"
	"octave-enrich/reader/table"
)

// sampleRows is how many rows the values of a column are judged by.
const sampleRows = 1000

// A list is one file of contacts.
type list struct {
	*table.Table
	name     string // short, for a column and for people
	plan     *mapping.Plan
	union    []int // column of the whole input for each of Names
	contacts int   // records that are contacts

	skipUnreadable bool // lines that cannot be read are rows that cannot be sent
}

// read maps the columns of a file and reads it once. What it counts is added to
// the totals.
func (l *list) read(words *mapping.Vocabulary, how mapping.Options, totals *totals) error {
	err := l.prepare(words, how, totals)
	if errors.Is(err, table.ErrNotUTF8) {
		// Plain ASCII as far as it was looked at, then a byte that is not
		// UTF-8: the header stands, what follows is read anew.
		l.Encoding = table.CP1252
		err = l.prepare(words, how, totals)
	}
	return err
}

// prepare maps the columns by the first rows and counts all rows.
func (l *list) prepare(words *mapping.Vocabulary, how mapping.Options, totals *totals) error {
	sample, err := l.Sample(sampleRows)
	if err != nil {
		return table.Named(l.Source.Name, err)
	}
	l.plan, err = mapping.NewPlan(l.Table, sample, words, how)
	if err != nil {
		return err
	}
	s := newSurvey(l, totals.seed)
	if err := s.run(); err != nil {
		return err
	}
	l.Checked = true
	totals.add(s)
	return nil
}
