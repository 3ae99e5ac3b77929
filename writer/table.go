package writer

import (
	"bufio"

	"github.com/gocarina/gocsv"

	codec "octave-enrich/reader/table"
)

// A shape writes rows into the file that is being filled.
type shape interface {
	write(Row) error
	flush() error
}

// A table writes the generic shape as CSV or TSV. A long sequence widens it from its row on; the rows before are
// padded when the file is finished.
type table struct {
	*sheet
	input   input
	emails  int // messages a record has room for
	excel   bool
	outcome []outcome // of the last row
	flat    capture   // the cells of that outcome
	record  []string  // reused
}

func newTable(buf *bufio.Writer, f format, opt Options, in input) (*table, error) {
	t := &table{input: in, emails: opt.Emails, excel: opt.Excel, outcome: make([]outcome, 1)}
	var err error
	t.sheet, err = newSheet(buf, f, t.header(t.emails), t.excel)
	return t, err
}

func (t *table) header(emails int) []string {
	header := Columns(t.input.names(), emails)
	if t.input.spelled != nil {
		t.input.pick(header[:0], t.input.spelled)
	}
	return header
}

func (t *table) write(row Row) error {
	t.emails = max(t.emails, len(row.Emails))
	if err := t.flatten(row); err != nil {
		return err
	}
	record := t.input.pick(t.record[:0], row.Cells)
	record = append(record, t.flat.record...)
	for _, e := range row.Emails {
		record = append(record, e.Subject, e.Body)
	}
	record = pad(record, len(record)+2*(t.emails-len(row.Emails)))
	if t.excel {
		defuse(record)
	}
	t.record = record
	return t.add(record)
}

// flatten keeps the cells while the outcome stays the same, as it does for the long rest of a list behind --limit.
func (t *table) flatten(row Row) error {
	o := outcome{
		Status: row.Status, Error: row.Error, RequestID: row.RequestID, Usage: row.Usage, EmailCount: len(row.Emails),
		Playbook: row.Playbook.Name, Persona: row.Persona.Name, Product: row.Product.Name,
	}
	if len(t.flat.record) > 0 && t.outcome[0] == o {
		return nil
	}
	t.outcome[0], t.flat.record = o, t.flat.record[:0]
	return gocsv.MarshalCSVWithoutHeaders(&t.outcome, &t.flat)
}

func pad(record []string, width int) []string {
	for len(record) < width {
		record = append(record, "")
	}
	return record
}

// defuse puts an apostrophe before every cell that a spreadsheet would take for a formula.
func defuse(record []string) {
	for i, cell := range record {
		if cell == "" {
			continue
		}
		switch cell[0] {
		case '=', '+', '-', '@', '\t', '\r':
			record[i] = "'" + cell
		}
	}
}

// A sheet is CSV or TSV with its header written.
type sheet struct {
	buf   *bufio.Writer
	comma byte
	line  []byte // reused
}

// byteOrderMark tells spreadsheets that a CSV file is UTF-8.
const byteOrderMark = "\ufeff"

func newSheet(buf *bufio.Writer, f format, header []string, excel bool) (*sheet, error) {
	s := &sheet{buf: buf, comma: byte(f.comma())}
	if excel {
		if _, err := buf.WriteString(byteOrderMark); err != nil {
			return nil, err
		}
		header = append([]string(nil), header...)
		defuse(header)
	}
	return s, s.add(header)
}

func (s *sheet) add(record []string) error {
	s.line = codec.AppendRecord(s.line[:0], record, s.comma)
	_, err := s.buf.Write(s.line)
	return err
}

func (s *sheet) flush() error { return s.buf.Flush() }

func (s *sheet) discard() error { return nil }
