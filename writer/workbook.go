package writer

import (
	"archive/zip"
	"errors"
	"io"
	"strconv"
	"unicode/utf16"

	"github.com/xuri/excelize/v2"
)

// The limits of the format.
const (
	maxSheetRows    = 1 << 20
	maxSheetColumns = 1 << 14
	maxCellUnits    = 32767 // UTF-16 code units
)

// textFormat is the number format "@": a spreadsheet keeps the leading zeros of such a cell when it is edited, and never
// takes it for a formula.
const textFormat = 49

// A workbook writes one sheet of text cells as .xlsx, in constant memory.
type workbook struct {
	file  *excelize.File
	rows  *excelize.StreamWriter
	style int
	n     int
	cut   int // cells that were longer than the format has room for
}

// cutNote ends a cell that was cut: nobody takes a part for the whole, which is in the checkpoint.
const cutNote = " [cut: a cell of a workbook holds 32,767 characters; the whole text is in an export to .csv]"

func newWorkbook(w io.Writer, spoolDir string, header []string) (*workbook, error) {
	b := &workbook{file: excelize.NewFile(excelize.Options{TmpDir: spoolDir})}
	// excelize would collect the whole file in memory and copy it then.
	b.file.SetZipWriter(func(io.Writer) excelize.ZipWriter { return zip.NewWriter(w) })
	var err error
	if b.style, err = b.file.NewStyle(&excelize.Style{NumFmt: textFormat}); err != nil {
		return nil, errors.Join(err, b.file.Close())
	}
	if b.rows, err = b.file.NewStreamWriter("Sheet1"); err != nil {
		return nil, errors.Join(err, b.file.Close())
	}
	if err := b.add(header); err != nil {
		return nil, errors.Join(err, b.file.Close())
	}
	return b, nil
}

func (b *workbook) add(record []string) error {
	b.n++
	if b.n > maxSheetRows || len(record) > maxSheetColumns {
		return &OptionsError{Msg: ".xlsx has room for 1,048,576 rows and 16,384 columns", Hint: "write .csv"}
	}
	cells := make([]any, len(record))
	for i, text := range record {
		if units(text) > maxCellUnits {
			b.cut++
			text = cutTo(text, maxCellUnits-len(cutNote)) + cutNote
		}
		if text != "" {
			cells[i] = excelize.Cell{StyleID: b.style, Value: text}
		}
	}
	return b.rows.SetRow("A"+strconv.Itoa(b.n), cells)
}

// FitsWorkbook says whether a text is not longer than a cell of a workbook can be: 32,767 UTF-16 code units.
func FitsWorkbook(text string) bool { return units(text) <= maxCellUnits }

// IsWorkbook says whether a file of that name, or of the format if one is given, is a workbook.
func IsWorkbook(path, formatName string) bool {
	form, err := formatOf(path, formatName)
	return err == nil && form.kind == "xlsx"
}

// cutTo shortens a text to n code units at most, between characters.
func cutTo(text string, n int) string {
	for i, r := range text {
		if n -= max(utf16.RuneLen(r), 1); n < 0 {
			return text[:i]
		}
	}
	return text
}

// units is the length of text as a spreadsheet counts it.
func units(text string) int {
	if len(text) <= maxCellUnits {
		return len(text)
	}
	return len(utf16.Encode([]rune(text)))
}

func (b *workbook) flush() error {
	if err := b.rows.Flush(); err != nil {
		return err
	}
	_, err := b.file.WriteTo(io.Discard) // the zip writer from above has the file
	return err
}

// discard removes the temporary file of a large sheet.
func (b *workbook) discard() error { return b.file.Close() }
