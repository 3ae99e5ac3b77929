package table

import (
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"

	"github.com/xuri/excelize/v2"
)

// openWorkbook finds the sheet and its header.
func (t *Table) openWorkbook(opt Options, score Score) error {
	book, err := t.workbook(nil)
	if err != nil {
		return err
	}
	defer book.Close()
	t.Format = "xlsx"
	sheets, err := t.candidates(book, opt.Sheet)
	if err != nil {
		return err
	}
	var best Layout
	var lists []string
	for i, sheet := range sheets {
		layout, err := findHeader(book, sheet, score)
		if err != nil {
			return err
		}
		if layout.score >= listScore {
			lists = append(lists, sheet)
		}
		// The first sheet may be a cover: another is read when it looks like a list.
		if i == 0 || best.score < listScore && layout.score >= listScore {
			best, t.Sheet = layout, sheet
		}
	}
	if len(lists) > 1 && lists[0] != sheets[0] {
		return &OptionError{File: t.Source.Name, Msg: fmt.Sprintf("the first sheet is no list, and several others are: %s", QuoteAll(lists)),
			Hint: fmt.Sprintf("type --sheet '%s', or another of them", lists[0])}
	}
	if best.Header == nil {
		return &InputError{Msg: fmt.Sprintf("the sheet %q is empty", t.Sheet), Hint: "--sheet NAME reads another one"}
	}
	t.Sheets = sheets
	t.Layout = best
	t.setHeader(best.Header)
	return nil
}

// listScore is how many known columns make a sheet a list.
const listScore = 2

// findHeader finds the row of a sheet that looks most like a header.
func findHeader(book *excelize.File, sheet string, score Score) (Layout, error) {
	best := Layout{score: -1}
	rows, err := newSheetRecords(book, sheet)
	if err != nil {
		return best, err
	}
	defer rows.Rows.Close()
	var first []Layout
	for range headerRecords {
		r, err := rows.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return best, err
		}
		first = append(first, Layout{Header: slices.Clone(r.Cells), Line: r.Line, Preamble: r.Line - 1})
	}
	return pickHeader(first, best, score), nil
}

// workbook unpacks the file. The parts that do not fit into a few megabytes
// go to temporary files, so that memory stays bounded; the whole is bounded
// too, as a small archive can hold a huge sheet.
func (t *Table) workbook(sum hash.Hash) (*excelize.File, error) {
	raw, err := t.Source.open()
	if err != nil {
		return nil, err
	}
	defer raw.Close()
	if sum != nil {
		raw = hashed(raw, sum)
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

// candidates are the sheet of that name, or all visible ones.
func (t *Table) candidates(book *excelize.File, name string) ([]string, error) {
	sheets := book.GetSheetList()
	if name != "" {
		if !slices.Contains(sheets, name) {
			return nil, &OptionError{File: t.Source.Name, Msg: fmt.Sprintf("no sheet %q", name), Hint: "its sheets are " + QuoteAll(sheets)}
		}
		return []string{name}, nil
	}
	sheets = slices.DeleteFunc(sheets, func(s string) bool {
		visible, err := book.GetSheetVisible(s)
		return err != nil || !visible
	})
	if len(sheets) == 0 {
		return nil, &InputError{Msg: "a workbook without a sheet"}
	}
	return sheets, nil
}

// openSheet starts reading the rows below the header.
func (t *Table) openSheet(sum hash.Hash) (Records, error) {
	book, err := t.workbook(sum)
	if err != nil {
		return nil, err
	}
	rows, err := newSheetRecords(book, t.Sheet)
	if err != nil {
		return nil, errors.Join(err, book.Close())
	}
	if rows.links, err = t.linksOf(t.Sheet); err != nil {
		return nil, errors.Join(err, rows.Close())
	}
	for rows.line < t.Layout.Line {
		if _, err := rows.Next(); err != nil {
			return nil, errors.Join(err, rows.Close())
		}
	}
	return rows, nil
}

// A sheetRecords reads the rows of a sheet, its cells as they are shown.
type sheetRecords struct {
	*excelize.Rows
	book  *excelize.File
	line  int
	links links
}

func newSheetRecords(book *excelize.File, sheet string) (*sheetRecords, error) {
	rows, err := book.Rows(sheet)
	if err != nil {
		return nil, damaged("workbook", err)
	}
	return &sheetRecords{Rows: rows, book: book}, nil
}

// next skips rows without a value, as they are the blank lines of a sheet.
func (s *sheetRecords) Next() (Record, error) {
	for s.Rows.Next() {
		s.line++
		cells, err := s.Columns()
		if err != nil {
			return Record{}, damaged("workbook", err)
		}
		if Filled(cells) > 0 {
			return Record{Line: s.line, Cells: cells, Linked: s.links.into(s.line, cells), Hidden: s.GetRowOpts().Hidden}, nil
		}
	}
	if err := s.Error(); err != nil {
		return Record{}, damaged("workbook", err)
	}
	return Record{}, io.EOF
}

func (s *sheetRecords) Close() error { return errors.Join(s.Rows.Close(), s.book.Close()) }
