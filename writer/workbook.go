package writer

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf16"

	"github.com/xuri/excelize/v2"
)

// The limits of the format. Cutting a text to fit would lose what was paid for.
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
}

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
			return &OptionsError{
				Msg:  fmt.Sprintf("row %d, column %d is longer than a cell of .xlsx can be, 32,767 characters", b.n-1, i+1),
				Hint: "write .csv",
			}
		}
		if text != "" {
			cells[i] = excelize.Cell{StyleID: b.style, Value: text}
		}
	}
	return b.rows.SetRow("A"+strconv.Itoa(b.n), cells)
}

// units is the length of text as a spreadsheet counts it.
func units(text string) int {
	if len(text) <= maxCellUnits {
		return len(text)
	}
	return len(utf16.Encode([]rune(text)))
}

func (b *workbook) end() error {
	if err := b.rows.Flush(); err != nil {
		return err
	}
	_, err := b.file.WriteTo(io.Discard) // the zip writer from above has the file
	return err
}

// discard removes the temporary file of a large sheet.
func (b *workbook) discard() error { return b.file.Close() }
