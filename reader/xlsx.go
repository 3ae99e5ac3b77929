package reader

import (
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"

	"github.com/xuri/excelize/v2"
)

// openWorkbook finds the sheet and its header.
func (t *table) openWorkbook(opt Options, words *vocabulary) error {
	book, err := t.workbook(nil)
	if err != nil {
		return err
	}
	defer book.Close()
	t.format = "xlsx"
	if err := t.findSheet(book, opt.Sheet); err != nil {
		return err
	}
	rows, err := newSheetRecords(book, t.sheet)
	if err != nil {
		return err
	}
	defer rows.Close()
	best := layout{score: -1}
	for range headerRecords {
		r, err := rows.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if score := words.score(r.cells); score > best.score {
			best = layout{header: slices.Clone(r.cells), score: score, line: r.line, preamble: r.line - 1}
		}
	}
	if best.header == nil {
		return &InputError{Msg: fmt.Sprintf("the sheet %q is empty", t.sheet), Hint: "--sheet NAME reads another one"}
	}
	t.layout = best
	t.setHeader(best.header)
	return nil
}

// workbook unpacks the file. The parts that do not fit into a few megabytes
// go to temporary files, so that memory stays bounded; the whole is bounded
// too, as a small archive can hold a huge sheet.
func (t *table) workbook(sum hash.Hash) (*excelize.File, error) {
	raw, err := t.src.open()
	if err != nil {
		return nil, err
	}
	defer raw.Close()
	if sum != nil {
		raw = &hashing{raw, sum}
	}
	r, _, done, err := decompress(raw)
	if err != nil {
		return nil, err
	}
	defer done()
	book, err := excelize.OpenReader(r, excelize.Options{
		UnzipXMLSizeLimit: 16 << 20,
		UnzipSizeLimit:    4 << 30,
		ShortDatePattern:  "yyyy-mm-dd", // the one reading of a date in every country
	})
	if err != nil {
		return nil, &InputError{Msg: "not a workbook that can be read", Hint: "save it as .xlsx or CSV; unpack it first if it is a .zip", Err: err}
	}
	return book, nil
}

// findSheet is the sheet of that name, or the first visible one.
func (t *table) findSheet(book *excelize.File, name string) error {
	sheets := book.GetSheetList()
	if name != "" {
		if !slices.Contains(sheets, name) {
			return &OptionError{File: t.src.name, Msg: fmt.Sprintf("no sheet %q", name), Hint: "its sheets are " + quoteAll(sheets)}
		}
		t.sheet = name
		return nil
	}
	for _, s := range sheets {
		if visible, err := book.GetSheetVisible(s); err == nil && visible {
			t.sheet = s
			return nil
		}
	}
	return &InputError{Msg: "a workbook without a sheet"}
}

// openSheet starts reading the rows below the header.
func (t *table) openSheet(sum hash.Hash) (records, error) {
	book, err := t.workbook(sum)
	if err != nil {
		return nil, err
	}
	rows, err := newSheetRecords(book, t.sheet)
	if err != nil {
		return nil, errors.Join(err, book.Close())
	}
	for rows.line < t.layout.line {
		if _, err := rows.next(); err != nil {
			return nil, errors.Join(err, rows.close())
		}
	}
	return rows, nil
}

// A sheetRecords reads the rows of a sheet, its cells as they are shown.
type sheetRecords struct {
	*excelize.Rows
	book *excelize.File
	line int
}

func newSheetRecords(book *excelize.File, sheet string) (*sheetRecords, error) {
	rows, err := book.Rows(sheet)
	if err != nil {
		return nil, damaged("workbook", err)
	}
	return &sheetRecords{Rows: rows, book: book}, nil
}

// next skips rows without a value, as they are the blank lines of a sheet.
func (s *sheetRecords) next() (record, error) {
	for s.Next() {
		s.line++
		cells, err := s.Columns()
		if err != nil {
			return record{}, damaged("workbook", err)
		}
		if filledCells(cells) > 0 {
			return record{line: s.line, cells: cells}, nil
		}
	}
	if err := s.Error(); err != nil {
		return record{}, damaged("workbook", err)
	}
	return record{}, io.EOF
}

func (s *sheetRecords) close() error { return errors.Join(s.Close(), s.book.Close()) }
