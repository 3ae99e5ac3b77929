package writer

import (
	"errors"
	"fmt"
	"io"
	"iter"

	codec "octave-enrich/reader/table"
)

// scan reads back what this package wrote, without the header. The record is valid until the next one.
func scan(r io.Reader, comma rune) iter.Seq2[*codec.Scanner, error] {
	return func(yield func(*codec.Scanner, error) bool) {
		s := codec.NewScanner(codec.SkipBOM(r), byte(comma), '\n', 1)
		s.Limit = 0 // what was written may be read, however long it is
		for n := 0; ; n++ {
			err := s.Next()
			switch {
			case errors.Is(err, io.EOF):
				return
			case err != nil:
			case s.Raw()[len(s.Raw())-1] != '\n':
				err = fmt.Errorf("last record: %w", io.ErrUnexpectedEOF)
			case n == 0:
				continue
			}
			if !yield(s, err) || err != nil {
				return
			}
		}
	}
}

// records are the cells of what scan reads. The slice is reused from record to record.
func records(r io.Reader, comma rune) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		var record []string
		for s, err := range scan(r, comma) {
			if err == nil {
				record = s.Cells(record[:0])
			}
			if !yield(record, err) {
				return
			}
		}
	}
}
