package writer

import (
	"errors"
	"fmt"
	"io"
	"iter"

	codec "octave-enrich/reader/table"
)

// records reads back what this package wrote, without the header. The slice is reused
// from record to record.
func records(r io.Reader, comma rune) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		s := codec.NewScanner(codec.SkipBOM(r), byte(comma), '\n', 1)
		s.Limit = 0 // what was written may be read, however long it is
		var record []string
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
			default:
				record = s.Cells(record[:0])
			}
			if !yield(record, err) || err != nil {
				return
			}
		}
	}
}
