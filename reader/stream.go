package reader

import (
	"io"
	"strings"
)

// batchRows is how many rows are assigned to their struct at a time.
const batchRows = 64

// A stream reads the contacts of one file.
type stream struct {
	in    *Input
	table *table
	row   int // contacts so far, over all files

	batch    []Contact
	readings []reading
}

// run yields the contacts of the file; false says that nobody wants more.
func (s *stream) run(yield func(Contact, error) bool) (bool, error) {
	rows, err := s.table.open(nil)
	if err != nil {
		return false, err
	}
	defer rows.close()
	s.readings = make([]reading, 0, batchRows)
	for left := s.table.contacts; left > 0; left -= len(s.batch) {
		failed := s.fill(rows, min(left, batchRows))
		if err := s.assign(); err != nil {
			return false, err
		}
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
func drain(rows records) error {
	for {
		if _, err := rows.next(); err != nil {
			if err == io.EOF {
				return nil
			}
			return err
		}
	}
}

// fill reads the next n contacts into the batch.
func (s *stream) fill(rows records, n int) error {
	s.batch, s.readings = make([]Contact, 0, n), s.readings[:0]
	width := len(s.in.columns)
	slab := make([]string, n*width)
	for i := range n {
		r, err := rows.next()
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

// add makes a contact of a record, all but its person.
func (s *stream) add(r record, cells []string) {
	t := s.table
	for i, c := range r.cells {
		cells[t.union[i]] = c
	}
	if s.in.source >= 0 {
		cells[s.in.source] = t.name
	}
	s.row++
	c := Contact{Row: s.row, Source: t.name, Line: r.line, Cells: cells, Object: r.object, Raw: r.raw, Problem: r.problem}
	var read reading
	if r.problem == "" {
		t.plan.read(r.cells, &read)
		c.Problem = read.problem(r.cells)
		c.OptOut = t.optOut(r.cells)
	}
	s.batch, s.readings = append(s.batch, c), append(s.readings, read)
}

// assign gives the contacts of the batch their persons.
func (s *stream) assign() error {
	persons, err := s.table.plan.persons(s.readings)
	if err != nil {
		return err
	}
	for i := range persons {
		s.batch[i].Person = persons[i]
	}
	return nil
}

// optOut is the header of the first column that says this person wants no
// mail, empty when none does.
func (t *table) optOut(cells []string) string {
	for _, i := range t.plan.optOut {
		if i < len(cells) && saysYes(cells[i]) {
			return t.names[i]
		}
	}
	return ""
}

func saysYes(cell string) bool {
	switch strings.ToLower(strings.TrimSpace(cell)) {
	case "true", "yes", "y", "1", "x", "on", "t", "ja", "oui", "sí", "si", "sim", "wahr", "vrai", "verdadero", "はい":
		return true
	}
	return false
}
