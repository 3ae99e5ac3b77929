package writer

import (
	"bufio"
	"path/filepath"
	"regexp"
	"strings"
)

// candidates are the rows of a preset before it is known how many steps the file has: the input cells, status and error,
// then the cells for the sender and the profile. The file is divided when it is finished.
type candidates struct {
	*sheet
	preset    *preset
	rule      Rule
	spell     *spelling
	own       *regexp.Regexp // tags that the sender is wanted to fill in; nil for none
	input     input          // all columns, for the rows that are held back
	shapes    shapes         // of the sequences that can be sent
	recordIDs bool           // some row has one
	record    []string       // reused
}

func newCandidates(buf *bufio.Writer, p *preset, rule Rule, in input) (*candidates, error) {
	c := &candidates{preset: p, rule: rule, spell: newSpelling(p.Breaks), input: in, shapes: shapes{}}
	var err error
	if _, c.own, err = p.patterns(); err != nil {
		return nil, err
	}
	c.sheet, err = newSheet(buf, format{kind: "csv"}, heldColumns(in), false)
	return c, err
}

// heldColumns is the header of the rows that a preset holds back: they can be run again, and say why they are there.
func heldColumns(in input) []string {
	header := in.names()
	names := newNamer(header)
	return append(header, names.unused("octave_", "octave_status"), names.unused("octave_", "octave_reason"))
}

// layout is decided by what most of the rows are.
func (c *candidates) layout(opt Options, path string, kept input) *layout {
	steps := opt.Emails
	if steps == 0 {
		steps = c.shapes.steps()
	}
	name := filepath.Base(path)
	return &layout{
		preset: c.preset, recordIDs: c.recordIDs, steps: c.shapes.subjects(steps, opt.Thread), kept: kept.names(),
		threaded: opt.Thread, tagged: "octave-" + strings.TrimSuffix(name, "."+extension(name)),
	}
}

func (c *candidates) write(row Row) error {
	if row.Status == StatusOK && row.Error == "" && row.To.Email != "" {
		c.shapes.add(row.Emails)
		c.recordIDs = c.recordIDs || c.preset.has(recordIDColumn) && row.To.CRMContactID != ""
	}
	record := c.input.pick(c.record[:0], row.Cells)
	record = append(record, row.Status, row.Error)
	person := row.To.values()
	for _, column := range c.preset.Person {
		record = append(record, person[column.Of])
	}
	record = append(record, ProfileOf(row.To.LinkedInProfile, row.To.FirstName, row.To.LastName))
	for i, e := range row.Emails {
		format := c.rule.Format(e.Body, row.OutputType)
		inSubject, inBody := c.rule.Flaws(c.unfilled(e.Subject), c.unfilled(e.Body), i == 0, format)
		body, err := c.spell.body(e.Body, format)
		if err != nil {
			return err
		}
		record = append(record, c.spell.subject(e.Subject), body, inSubject, inBody)
	}
	c.record = record
	return c.add(record)
}

// unfilled is a text without what the sender is wanted to fill in.
func (c *candidates) unfilled(text string) string {
	if c.own == nil || !strings.Contains(text, "%") {
		return text
	}
	return c.own.ReplaceAllLiteralString(text, "x")
}

// A candidate is a row that a sender may get.
type candidate struct {
	status, failure string
	person          []string
	profile         string // as ProfileOf
	messages        []judged
	kept            []string
}

// A judged message is what the sender would get, and what was wrong with what was written.
type judged struct{ subject, body, inSubject, inBody string }

// candidate reads a record back.
func (c *candidates) candidate(record []string, kept input) candidate {
	n := len(c.input.columns)
	row := candidate{status: record[n], failure: record[n+1], kept: kept.pick(nil, record[:n])}
	row.person, record = record[n+2:n+2+len(c.preset.Person)], record[n+2+len(c.preset.Person):]
	row.profile, record = record[0], record[1:]
	for ; len(record) >= 4; record = record[4:] {
		row.messages = append(row.messages, judged{record[0], record[1], record[2], record[3]})
	}
	return row
}
