package table

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// maxRecord bounds one record, so that a quote nobody closed ends in an error
// and not in the rest of a large file held in memory.
const maxRecord = 16 << 20

// errShort says that the window ends before the record does.
var errShort = errors.New("record goes on")

// A Scanner splits RFC 4180 text into records. encoding/csv is not used for
// it because it turns CRLF inside quoted cells into LF and cannot tell the
// line where a quote was opened.
type Scanner struct {
	Line  int // physical line where the last record starts, 1-based
	Limit int // bytes that a record may have, 0 for any number
	Width int // cells that a record should have, by which a stray quote is judged; 0 when that is not known

	src   io.Reader
	comma byte
	eol   byte // '\n', or '\r' for files that know no other
	loose bool // take stray quotes literally: for looking at a file before its header is known

	buf    []byte // buf[start:] is read and not yet scanned
	start  int
	offset int64 // of buf[start] in the source
	eof    bool
	line   int // physical line of buf[start], 1-based
	opened int // line of a quote that the window does not close, else 0

	// The last record: cell i is text[spans[i].from:spans[i].to].
	text  []byte
	spans []span
	raw   []byte
	from  int64 // its offset in the source

	scratch []byte
}

type span struct{ from, to int }

// NewScanner splits what src holds at comma and eol; line is the number of its
// first line.
func NewScanner(src io.Reader, comma, eol byte, line int) *Scanner {
	return &Scanner{src: src, comma: comma, eol: eol, line: line, Limit: maxRecord, buf: make([]byte, 0, 256<<10)}
}

// Next scans one record; blank lines are none. It returns io.EOF after the
// last one and an *InputError without a file name for text that is not CSV.
func (s *Scanner) Next() error {
	for {
		size, err := s.record(s.buf[s.start:])
		if err == errShort {
			if err = s.fill(); err == nil {
				continue
			}
		}
		if errors.Is(err, errBadLine) {
			s.passLine()
		}
		if err != nil {
			return err
		}
		blank := len(s.spans) == 0
		s.Line, s.from = s.line, s.offset
		s.line += s.lines(size)
		s.raw = s.buf[s.start : s.start+size]
		s.start += size
		s.offset += int64(size)
		if !blank {
			return nil
		}
	}
}

// errBadLine is the cause of an [*InputError] behind which the next line can be
// read. The cells are then those of the line cut at its delimiters alone.
var errBadLine = errors.New("bad line")

func badLine(line, column int, msg, hint string) *InputError {
	return &InputError{Line: line, Column: column, Msg: msg, Hint: hint, Err: unspoken{errBadLine}}
}

// passLine steps over the line at the start of the window.
func (s *Scanner) passLine() {
	w := s.buf[s.start:]
	size := len(w)
	if end := bytes.IndexByte(w, s.eol); end >= 0 {
		size = end + 1
	}
	s.spans = s.spans[:0]
	s.raw = w[:size]
	s.text = bytes.TrimRight(s.raw, "\r\n")
	s.split(s.text)
	s.Line, s.from = s.line, s.offset
	s.line++
	s.start += size
	s.offset += int64(size)
}

// lines counts the line ends in the next size bytes.
func (s *Scanner) lines(size int) int {
	if len(s.text) > 0 && &s.text[0] == &s.buf[s.start] {
		return 1 // an unquoted record is one line
	}
	return bytes.Count(s.buf[s.start:s.start+size], []byte{s.eol})
}

// record scans the record at the start of w and returns its size with the
// line end. A blank line leaves no spans.
func (s *Scanner) record(w []byte) (int, error) {
	end := bytes.IndexByte(w, s.eol)
	if end < 0 {
		if !s.eof {
			return 0, errShort
		}
		if len(w) == 0 {
			return 0, io.EOF
		}
		end = len(w)
	}
	line := w[:end]
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	s.spans = s.spans[:0]
	if len(line) > 0 && bytes.IndexByte(line, '"') >= 0 {
		return s.quoted(w)
	}
	s.text = line
	if len(line) > 0 {
		if n := bytes.IndexByte(line, '\r'); n >= 0 && !s.loose {
			return 0, badLine(s.line, utf8.RuneCount(line[:n])+1, "a line end of another kind (a lone carriage return) inside a line",
				"save the file with one kind of line ends")
		}
		s.split(line)
	}
	return min(end+1, len(w)), nil
}

// split cuts a line without quotes at its delimiters.
func (s *Scanner) split(line []byte) {
	from := 0
	for {
		n := bytes.IndexByte(line[from:], s.comma)
		if n < 0 {
			s.spans = append(s.spans, span{from, len(line)})
			return
		}
		s.spans = append(s.spans, span{from, from + n})
		from += n + 1
	}
}

// quoted scans a record that has quotes in its first line. What is not as RFC
// 4180 has it is read as spreadsheets do, where that alone keeps the columns
// aligned.
func (s *Scanner) quoted(w []byte) (int, error) {
	size, err := s.strict(w)
	if err == nil || s.loose || !errors.Is(err, errBadLine) {
		return size, err
	}
	if lenient, ok := s.lenient(w); ok {
		return lenient, nil
	}
	return 0, err
}

// strict scans a record cell by cell.
func (s *Scanner) strict(w []byte) (int, error) {
	s.scratch, s.opened, s.spans = s.scratch[:0], 0, s.spans[:0]
	pos, last := 0, false
	for !last {
		from := len(s.scratch)
		var err error
		if pos < len(w) && w[pos] == '"' {
			pos, err = s.quotedCell(w, pos)
		} else {
			pos, err = s.plainCell(w, pos)
		}
		if err != nil {
			return 0, err
		}
		s.spans = append(s.spans, span{from, len(s.scratch)})
		pos, last = s.delimiter(w, pos)
	}
	s.text = s.scratch
	return pos, nil
}

// lenient reads a record with stray quotes as Excel and Python's csv do: quotes
// inside a cell are text, and so is what follows a closing quote. It takes that
// reading when it has as many cells as the header and the line cut at its
// delimiters has not, or when it is one line; with blanks before quotes passed
// over, when only so the columns are aligned.
func (s *Scanner) lenient(w []byte) (int, bool) {
	line := w
	if end := bytes.IndexByte(w, s.eol); end >= 0 {
		line = w[:end+1]
	}
	cut := bytes.Count(line, []byte{s.comma}) + 1
	for _, skipBlanks := range []bool{false, true} {
		size, opening, ok := s.lazy(w, skipBlanks)
		single := size <= len(line)
		switch {
		case !ok:
		case len(s.spans) == s.Width && s.Width > 0 && (single || cut != s.Width):
			return size, true
		case !skipBlanks && single && !opening && !bytes.Contains(line, []byte{s.comma, ' ', '"'}):
			return size, true // no quote at the start of a cell: there is no other reading
		}
	}
	return 0, false
}

// lazy scans a record without complaints. It says whether a cell starts with a
// quote, and fails when one is not closed in the window.
func (s *Scanner) lazy(w []byte, skipBlanks bool) (size int, opening, ok bool) {
	s.scratch, s.spans = s.scratch[:0], s.spans[:0]
	for pos := 0; ; {
		from := len(s.scratch)
		if skipBlanks {
			start := pos
			for start < len(w) && w[start] == ' ' {
				start++
			}
			if start < len(w) && w[start] == '"' {
				pos = start
			}
		}
		if pos < len(w) && w[pos] == '"' {
			opening = true
			end := s.lazyQuoted(w, pos+1)
			if end < 0 {
				return 0, opening, false
			}
			pos = end
		}
		end, err := s.cellEnd(w, pos)
		if err != nil {
			return 0, opening, false
		}
		s.scratch = append(s.scratch, w[pos:end]...)
		s.spans = append(s.spans, span{from, len(s.scratch)})
		next, last := s.delimiter(w, end)
		if pos = next; last {
			s.text = s.scratch
			return pos, opening, true
		}
	}
}

// lazyQuoted unquotes up to the closing quote and returns what is behind it, -1
// when there is none.
func (s *Scanner) lazyQuoted(w []byte, pos int) int {
	for {
		n := bytes.IndexByte(w[pos:], '"')
		if n < 0 {
			return -1
		}
		s.scratch = append(s.scratch, w[pos:pos+n]...)
		pos += n + 1
		if pos >= len(w) || w[pos] != '"' {
			return pos
		}
		s.scratch = append(s.scratch, '"')
		pos++
	}
}

// quotedCell unquotes the cell at w[pos] into scratch and returns where its
// delimiter is.
func (s *Scanner) quotedCell(w []byte, pos int) (int, error) {
	open := pos
	for pos++; ; pos++ {
		n := bytes.IndexByte(w[pos:], '"')
		if n < 0 {
			return 0, s.unclosed(w, open)
		}
		s.scratch = append(s.scratch, w[pos:pos+n]...)
		pos += n + 1
		if pos == len(w) && !s.eof {
			return 0, s.unclosed(w, open)
		}
		if pos == len(w) || w[pos] != '"' {
			break
		}
		s.scratch = append(s.scratch, '"')
	}
	end, err := s.cellEnd(w, pos)
	if err != nil || end == pos {
		return end, err
	}
	if !s.loose {
		return 0, s.textAfterQuote(w, open, pos)
	}
	s.scratch = append(s.scratch, w[pos:end]...)
	return end, nil
}

// plainCell copies the cell at w[pos] into scratch.
func (s *Scanner) plainCell(w []byte, pos int) (int, error) {
	end, err := s.cellEnd(w, pos)
	if err != nil {
		return 0, err
	}
	if n := bytes.IndexByte(w[pos:end], '"'); n >= 0 && !s.loose {
		line, column := s.position(w, pos+n)
		return 0, badLine(line, column, `a quote (") inside a cell that is not quoted`, `put the cell in quotes and double the quotes in it: "5"" pipe"`)
	}
	s.scratch = append(s.scratch, w[pos:end]...)
	return end, nil
}

// cellEnd finds the delimiter or line end at or behind w[pos].
func (s *Scanner) cellEnd(w []byte, pos int) (int, error) {
	end := bytes.IndexByte(w[pos:], s.eol)
	if end < 0 && !s.eof {
		return 0, errShort
	}
	line := w[pos:]
	if end >= 0 {
		line = w[pos : pos+end]
	}
	if n := bytes.IndexByte(line, s.comma); n >= 0 {
		return pos + n, nil
	}
	return pos + len(bytes.TrimSuffix(line, []byte{'\r'})), nil
}

// delimiter steps over what ends a cell, and says whether the record ends too.
func (s *Scanner) delimiter(w []byte, pos int) (int, bool) {
	if pos < len(w) && w[pos] == s.comma {
		return pos + 1, false
	}
	if pos < len(w) && w[pos] == '\r' && s.eol == '\n' {
		pos++
	}
	return min(pos+1, len(w)), true
}

// unclosed notes the line of the quote at w[open] for the case that its end
// never comes.
func (s *Scanner) unclosed(w []byte, open int) error {
	s.opened, _ = s.position(w, open)
	if !s.eof {
		return errShort
	}
	line, column := s.position(w, open)
	return badLine(line, column, `the quote (") opened here is never closed`, "close it, or remove it; everything behind it would be read as one cell")
}

// textAfterQuote reports w[pos], which follows the closing quote of the cell
// opened at w[open]. Where the two are lines apart the opening one is the
// stray, so that is the line named.
func (s *Scanner) textAfterQuote(w []byte, open, pos int) error {
	line, column := s.position(w, open)
	endLine, endColumn := s.position(w, pos)
	if line == endLine {
		return badLine(endLine, endColumn, `text after the closing quote (") of a cell`, "double the quotes inside a quoted cell")
	}
	return badLine(line, column, fmt.Sprintf(`the quote (") opened here ends on line %d, character %d, with text behind it`, endLine, endColumn-1),
		"most likely the quote opened here is a stray one: remove it, or double it inside a quoted cell")
}

// position is the physical line and character of w[pos]. w starts a line.
func (s *Scanner) position(w []byte, pos int) (line, column int) {
	lines := bytes.Count(w[:pos], []byte{s.eol})
	start := bytes.LastIndexByte(w[:pos], s.eol) + 1
	return s.line + lines, utf8.RuneCount(w[start:pos]) + 1
}

// fill reads until the buffer is full or the source ends, and grows the
// buffer when the record at its start already fills it.
func (s *Scanner) fill() error {
	if s.Limit > 0 && len(s.buf)-s.start >= s.Limit {
		return s.tooLong()
	}
	n := copy(s.buf[:cap(s.buf)], s.buf[s.start:])
	s.buf, s.start = s.buf[:n], 0
	if n == cap(s.buf) {
		s.buf = append(make([]byte, 0, 2*n), s.buf...)
	}
	for len(s.buf) < cap(s.buf) {
		n, err := s.src.Read(s.buf[len(s.buf):cap(s.buf)])
		s.buf = s.buf[:len(s.buf)+n]
		if err == io.EOF {
			s.eof = true
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Scanner) tooLong() error {
	if s.opened > 0 {
		return badLine(s.opened, 0, fmt.Sprintf(`the quote (") opened on this line is not closed within %d MiB`, maxRecord>>20), "remove it, or close it")
	}
	return &InputError{Line: s.line, Msg: fmt.Sprintf("a record of more than %d MiB starts here", maxRecord>>20)}
}

// Cells appends copies of the cells of the last record into dst, in one string.
func (s *Scanner) Cells(dst []string) []string {
	text := string(s.text)
	for _, c := range s.spans {
		dst = append(dst, text[c.from:c.to])
	}
	return dst
}

// Raw is the last record as it stands in the source, with its line end. It is
// valid until the next one.
func (s *Scanner) Raw() []byte { return s.raw }
