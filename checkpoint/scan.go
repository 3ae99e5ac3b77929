package checkpoint

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// A scanner reads the lines of a journal.
type scanner struct {
	path string
	r    *bufio.Reader
	long []byte // a line that does not fit the buffer of r
	raw  []byte // the current line, newline included, until the next one

	// The current line.
	line
	offset int64
	length int64 // newline included
	number int
	reason string // why it is not whole, "" if it is
}

// newScanner reads f from one offset to another; the first is that of a line.
func newScanner(path string, f io.ReaderAt, from, to int64) *scanner {
	section := io.NewSectionReader(f, from, to-from)
	buffer := int(min(to-from, 1<<20))
	return &scanner{path: path, offset: from, r: bufio.NewReaderSize(section, buffer)}
}

// next goes to the next line, whole or not. It returns io.EOF behind the last.
func (s *scanner) next() error {
	s.offset += s.length
	s.number++
	err := s.read()
	if err != nil && err != io.EOF {
		return fmt.Errorf("read checkpoint: %w", err)
	}
	switch {
	case err == io.EOF && s.length == 0:
		return io.EOF
	case err == io.EOF: // the newline is part of what is promised
		s.line, s.reason = line{}, "record is cut short"
	case s.length > maxLine:
		s.line, s.reason = line{}, "line is too long"
	default:
		s.line, s.reason = parse(s.raw[:len(s.raw)-1])
	}
	switch {
	case s.reason != "":
		s.synced = s.testimony()
	case s.synced > s.offset:
		// It was written further behind. What it proves stands, and makes this damage.
		s.line, s.reason = line{synced: s.synced}, "bytes are missing before this record"
	}
	return nil
}

// testimony returns what a whole record at the end of a line that is not whole
// says to be durable: where a flip has hit a newline, two records share a line.
// No body can be mistaken for a record: in JSON a brace does not follow a number.
func (s *scanner) testimony() int64 {
	begin := bytes.LastIndex(s.raw, []byte(` {"type":`)) - sumLen
	if begin <= 0 || !bytes.HasSuffix(s.raw, []byte("\n")) || s.length > maxLine {
		return 0
	}
	l, reason := parse(s.raw[begin : len(s.raw)-1])
	if reason != "" {
		return 0
	}
	return l.synced
}

// read gets one line with its newline into raw; of one that is too long to be
// whole it keeps the beginning only.
func (s *scanner) read() error {
	part, err := s.r.ReadSlice('\n')
	s.raw, s.length = part, int64(len(part))
	if err != bufio.ErrBufferFull {
		return err
	}
	s.long = append(s.long[:0], part...)
	for err == bufio.ErrBufferFull {
		part, err = s.r.ReadSlice('\n')
		s.length += int64(len(part))
		if s.length <= maxLine {
			s.long = append(s.long, part...)
		}
	}
	s.raw = s.long
	return err
}

// damage is the error for the current line.
func (s *scanner) damage() *DamageError {
	return &DamageError{Path: s.path, Offset: s.offset, Line: s.number, Reason: s.reason}
}

// proven reads to the end and returns the greatest length that a whole record,
// from the current line on, claims to be durable.
func (s *scanner) proven() (int64, error) {
	length := s.synced
	for {
		switch err := s.next(); {
		case err == io.EOF:
			return length, nil
		case err != nil:
			return 0, err
		}
		length = max(length, s.synced)
	}
}

// errTorn says that the file ends inside its first record: the crash came
// before the journal was created, and nobody was told that it was.
var errTorn = errors.New("checkpoint has no whole header")

// header reads the first line. On errTorn, the file may be taken for empty.
func (s *scanner) header() (Header, error) {
	switch err := s.next(); {
	case err == io.EOF:
		return Header{}, errTorn
	case err != nil:
		return Header{}, err
	case s.reason != "":
		return Header{}, s.noHeader()
	case string(s.typ) != Begin:
		return Header{}, fmt.Errorf("%s: %w", s.path, ErrNotCheckpoint)
	}
	var h Header
	if err := json.Unmarshal(s.body, &h); err != nil || h.Format == 0 {
		return Header{}, fmt.Errorf("%s: %w", s.path, ErrNotCheckpoint)
	}
	if h.Format != Format {
		return Header{}, &FormatError{Path: s.path, Format: h.Format, Tool: h.Tool}
	}
	return h, nil
}

// noHeader tells apart why the first line is not whole: damage, if records
// behind it testify that it was; a creation that a crash tore; or a file that
// is not ours, which must never be touched.
func (s *scanner) noHeader() error {
	damage, torn := s.damage(), tornHeader(s.raw)
	proven, err := s.proven()
	onlyLine := s.number == 2 // the second is the end of the file
	switch {
	case err != nil:
		return err
	case proven > 0:
		return damage
	case torn && onlyLine:
		return errTorn
	default:
		return fmt.Errorf("%s: %w", s.path, ErrNotCheckpoint)
	}
}

// tornHeader tells whether b is what a crash can leave of a header: its
// beginning, or as much with zeros where blocks were never written.
func tornHeader(b []byte) bool {
	const want = `-------- {"type":"checkpoint","at":"` // - for a hex digit
	if len(b) > 4096 {
		return false
	}
	zeros := bytes.Count(b, []byte{0})
	for i, c := range b {
		switch {
		case c == 0:
		case i >= len(want):
			if c < ' ' && c != '\n' {
				return false
			}
		case want[i] == '-':
			if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f') {
				return false
			}
		case c != want[i]:
			return false
		}
	}
	return zeros > 0 || !bytes.HasSuffix(b, []byte("\n"))
}
