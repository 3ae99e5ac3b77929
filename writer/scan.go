package writer

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
)

// records reads back what this package wrote, without the header. encoding/csv cannot do that: it turns a CRLF inside
// quotes into LF. The slice is reused from record to record.
func records(r io.Reader, comma rune) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		in := bufio.NewReaderSize(r, 64<<10)
		var text []byte
		var record []string
		for n := 0; ; n++ {
			var err error
			if text, err = readRecord(in, text[:0]); errors.Is(err, io.EOF) {
				return
			} else if err != nil {
				yield(nil, err)
				return
			}
			if n == 0 {
				continue
			}
			record = split(record[:0], string(text), byte(comma))
			if !yield(record, nil) {
				return
			}
		}
	}
}

// readRecord appends one record to dst, without its line end. A record ends where a line ends with all quotes closed.
func readRecord(in *bufio.Reader, dst []byte) ([]byte, error) {
	quotes := 0
	for {
		part, err := in.ReadSlice('\n')
		dst = append(dst, part...)
		quotes += bytes.Count(part, []byte{'"'})
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && len(dst) > 0:
			return nil, fmt.Errorf("last record: %w", io.ErrUnexpectedEOF)
		case err != nil:
			return nil, err
		case quotes%2 == 0:
			return dst[:len(dst)-1], nil
		}
	}
}

// countCells says how many cells a record has.
func countCells(text []byte, comma byte) int {
	n := 1
	for {
		quote := bytes.IndexByte(text, '"')
		if quote < 0 {
			return n + bytes.Count(text, []byte{comma})
		}
		n += bytes.Count(text[:quote], []byte{comma})
		// A doubled quote closes and opens again, which counts the same.
		text = text[quote+1:]
		text = text[bytes.IndexByte(text, '"')+1:]
	}
}

// split cuts a record into its cells.
func split(dst []string, text string, comma byte) []string {
	for {
		cell, rest, more := cutCell(text, comma)
		dst = append(dst, cell)
		if !more {
			return dst
		}
		text = rest
	}
}

func cutCell(text string, comma byte) (cell, rest string, more bool) {
	if text == "" || text[0] != '"' {
		return strings.Cut(text, string(comma))
	}
	end := 1
	for {
		end += strings.IndexByte(text[end:], '"')
		if end+1 == len(text) || text[end+1] != '"' {
			break
		}
		end += 2
	}
	cell = strings.ReplaceAll(text[1:end], `""`, `"`)
	if end+1 == len(text) {
		return cell, "", false
	}
	return cell, text[end+2:], true
}
