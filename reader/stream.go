package reader

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
)

// batchRows is how many rows share an allocation of their cells.
const batchRows = 64

// A stream reads the contacts of one file.
type stream struct {
	in     *Input
	table  *table
	row    int    // contacts so far, over all files
	source []byte // the member of JSON that names the file, nil when there is one file

	batch   []Contact
	reading reading
}

// run yields the contacts of the file; false says that nobody wants more.
func (s *stream) run(yield func(Contact, error) bool) (bool, error) {
	rows, err := s.table.open(nil)
	if err != nil {
		return false, err
	}
	defer rows.close()
	for left := s.table.contacts; left > 0; left -= len(s.batch) {
		failed := s.fill(rows, min(left, batchRows))
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
	s.batch = make([]Contact, 0, n)
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

// add makes a contact of a record.
func (s *stream) add(r record, cells []string) {
	t := s.table
	for i, c := range r.cells {
		cells[t.union[i]] = c
	}
	if s.in.source >= 0 {
		cells[s.in.source] = t.name
	}
	s.row++
	c := Contact{Row: s.row, Source: t.name, Line: r.line, Cells: cells, Object: s.object(r), Raw: r.raw, Problem: r.problem}
	if r.problem == "" {
		t.plan.read(r.cells, &s.reading)
		c.Person = s.reading.person()
		c.Problem = s.reading.problem(r.cells)
		c.OptOut = t.optOut(r.cells)
	}
	s.batch = append(s.batch, c)
}

// object is that of the record, with the name of its file where there are
// several. It is spliced in, as an object is never taken apart and put together.
func (s *stream) object(r record) json.RawMessage {
	if s.source == nil || s.table.format != "jsonl" {
		return r.object
	}
	members := bytes.TrimSpace(bytes.TrimSuffix(bytes.TrimPrefix(r.object, []byte{'{'}), []byte{'}'}))
	object := append(make([]byte, 0, len(members)+len(s.source)+3), '{')
	if len(members) > 0 {
		object = append(append(object, members...), ',')
	}
	return append(append(object, s.source...), '}')
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

// saysYes takes everything for a yes that is not a no, such as the date when
// somebody unsubscribed: a mail too few is the lesser evil.
func saysYes(cell string) bool {
	switch word, _ := cleanText(cell); strings.ToLower(word) {
	case "", "false", "no", "n", "0", "0.0", "off", "f", "nein", "nee", "non", "não", "nao", "falsch", "faux", "falso", "onwaar", "いいえ",
		"subscribed", "opted in", "opt-in", "not set":
		return false
	}
	return true
}
