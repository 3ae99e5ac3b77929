package reader

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"

	"github.com/gocarina/gocsv"

	"octave-enrich/reader/mapping"
	"octave-enrich/reader/table"
)

// batchRows is how many rows share an allocation of their cells.
const batchRows = 64

// A stream reads the contacts of one file.
type stream struct {
	in     *Input
	list   *list
	row    int    // contacts so far, over all files
	source []byte // the member of JSON that names the file, nil when there is one file

	batch  []Contact
	said   mapping.Row
	people people
}

// people are the rows of a batch as a table of the request's fields, which gocsv
// decodes.
type people struct{ rows [][]string }

// GetCSVRows returns the header and the rows below it.
func (p *people) GetCSVRows() ([][]string, error) { return p.rows, nil }

// run yields the contacts of the file; false says that nobody wants more.
func (s *stream) run(yield func(Contact, error) bool) (bool, error) {
	rows, err := s.list.Open(nil)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	for left := s.list.contacts; left > 0; left -= len(s.batch) {
		// Those before an error are good.
		failed := errors.Join(s.read(rows, min(left, batchRows)), s.decode())
		for i := range s.batch {
			if !yield(s.batch[i], nil) {
				return false, nil
			}
		}
		if failed != nil {
			return false, failed
		}
	}
	return true, drain(rows)
}

// drain reads to the end, where a file that changed is noticed.
func drain(rows table.Records) error {
	for {
		if _, err := rows.Next(); err != nil {
			if err == io.EOF {
				return nil
			}
			return err
		}
	}
}

// decode gives the contacts of the batch their persons.
func (s *stream) decode() error {
	var persons []Person
	if err := gocsv.UnmarshalDecoder(&s.people, &persons); err != nil {
		return err
	}
	for i := range persons {
		persons[i].Extra = s.batch[i].Person.Extra
		s.batch[i].Person = persons[i]
	}
	return nil
}

// read reads the next n contacts into the batch.
func (s *stream) read(rows table.Records, n int) error {
	s.batch = make([]Contact, 0, n)
	s.people.rows = append(s.people.rows[:0], mapping.Header())
	width := len(s.in.columns)
	slab := make([]string, n*width)
	for i := range n {
		r, err := rows.Next()
		if err == io.EOF {
			return &InputError{Msg: "changed since it was first read", Hint: "run again when it is complete"}
		}
		if err != nil {
			return err
		}
		s.add(r, slab[i*width:(i+1)*width:(i+1)*width])
	}
	return nil
}

// add makes a contact of a record.
func (s *stream) add(r table.Record, cells []string) {
	t := s.list
	for i, c := range r.Cells {
		cells[t.union[i]] = c
	}
	if s.in.source >= 0 {
		cells[s.in.source] = t.name
	}
	s.row++
	c := Contact{Row: s.row, Source: t.name, Line: r.Line, Among: s.in.source >= 0, Cells: cells, Object: s.object(r), Raw: r.Raw, Problem: r.Problem}
	s.said = mapping.Row{}
	if r.Problem == "" {
		t.plan.Read(r.Said(), &s.said)
		c.Person.Extra = s.said.Extra
		c.Problem = t.plan.Problem(r.Cells, &s.said)
		c.OptOut = t.plan.OptOut(r.Cells)
	}
	s.people.rows = append(s.people.rows, slices.Clone(s.said.Cells()))
	s.batch = append(s.batch, c)
}

// object is that of the record, with the name of its file where there are
// several. It is spliced in, as an object is never taken apart and put together.
func (s *stream) object(r table.Record) json.RawMessage {
	if s.source == nil || s.list.Format != "jsonl" {
		return r.Object
	}
	members := bytes.TrimSpace(bytes.TrimSuffix(bytes.TrimPrefix(r.Object, []byte{'{'}), []byte{'}'}))
	object := append(make([]byte, 0, len(members)+len(s.source)+3), '{')
	if len(members) > 0 {
		object = append(append(object, members...), ',')
	}
	return append(append(object, s.source...), '}')
}
