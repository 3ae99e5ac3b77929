package writer

import (
	"bufio"
	"encoding/csv"
	"slices"
	"strconv"
)

// byteOrderMark tells spreadsheets that a CSV file is UTF-8.
const byteOrderMark = "\ufeff"

// A shape writes rows into the file that is being filled.
type shape interface {
	write(Row) error
	flush() error
}

// A table writes the generic shape as CSV or TSV. A long sequence widens it from its row on; the rows before are
// padded when the file is finished.
type table struct {
	csv    *csv.Writer
	input  input
	emails int // messages a record has room for
	excel  bool
	record []string // reused
}

func newTable(buf *bufio.Writer, f format, opt Options, in input) (*table, error) {
	t := &table{csv: csv.NewWriter(buf), input: in, emails: opt.Emails, excel: opt.Excel}
	t.csv.Comma = f.comma()
	return t, writeHeader(buf, t.csv, t.header(t.emails), t.excel)
}

func (t *table) header(emails int) []string { return Columns(t.input.names(), emails) }

// writeHeader writes the first record, behind a byte order mark if it is for a spreadsheet.
func writeHeader(buf *bufio.Writer, w *csv.Writer, header []string, excel bool) error {
	if excel {
		if _, err := buf.WriteString(byteOrderMark); err != nil {
			return err
		}
		header = slices.Clone(header)
		defuse(header)
	}
	return w.Write(header)
}

func (t *table) write(row Row) error {
	t.emails = max(t.emails, len(row.Emails))
	record := t.input.pick(t.record[:0], row.Cells)
	record = append(record, row.Status, row.Error, row.RequestID, row.Usage,
		strconv.Itoa(len(row.Emails)), row.Playbook.Name, row.Persona.Name, row.Product.Name)
	record = appendMessages(record, row.Emails)
	for range 2 * (t.emails - len(row.Emails)) {
		record = append(record, "")
	}
	if t.excel {
		defuse(record)
	}
	t.record = record
	return t.csv.Write(record)
}

func appendMessages(record []string, emails []Email) []string {
	for _, e := range emails {
		record = append(record, e.Subject, e.Body)
	}
	return record
}

func (t *table) flush() error {
	t.csv.Flush()
	return t.csv.Error()
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
