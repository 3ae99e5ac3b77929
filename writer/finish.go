package writer

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"octave-enrich/checkpoint/durable"
)

// complete turns what was written row by row into the final bytes and describes them.
func (f *File) complete() error {
	f.out = Output{Path: f.path, Rows: f.rows}
	switch s := f.shape.(type) {
	case *lines:
		f.out.Emails = s.emails
		if f.provisional() {
			return f.rewrite(func(buf *bufio.Writer) error {
				_, err := io.Copy(buf, f.file)
				return err
			})
		}
	case *table:
		f.out.Emails = s.emails
		f.out.Columns = s.header(s.emails)
		if f.provisional() {
			return f.rewrite(f.padRecords)
		}
	case *candidates:
		return f.completePreset(s)
	}
	f.out.SHA256, f.out.Bytes = f.tally.hex(), f.tally.size
	if f.draft == nil {
		return nil
	}
	f.file = nil
	return f.draft.Seal(f.path)
}

// completePreset decides what the file of a sender looks like and divides the rows.
func (f *File) completePreset(s *candidates) error {
	l := s.layout(f.opt, f.path, f.kept)
	f.out.Emails, f.out.Columns = len(l.steps), l.header()
	if err := l.fits(0); err != nil {
		return err
	}
	if err := f.rewrite(func(buf *bufio.Writer) error { return f.divide(buf, l) }); err != nil {
		return err
	}
	l.tell(&f.out, filepath.Base(f.path))
	return nil
}

// provisional says that what is written so far has to be written once more: packed, divided or widened.
func (f *File) provisional() bool {
	switch s := f.shape.(type) {
	case *lines:
		return f.format.pack != ""
	case *table:
		return f.format.pack != "" || f.format.kind == "xlsx" || s.emails > f.opt.Emails
	}
	return true
}

// rewrite makes a second file out of the first and puts it in its place: beside the first, or nameless for standard
// output. When that fails, the first has all its rows, and the room of the second is given back.
func (f *File) rewrite(body func(*bufio.Writer) error) (err error) {
	if _, err := f.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if f.nameless() {
		next, err := f.fs.Temp(f.opt.SpoolDir)
		if err != nil {
			return err
		}
		if f.out.SHA256, f.out.Bytes, err = fill(next, f.format, body); err != nil {
			return errors.Join(err, next.Close())
		}
		err = f.close()
		f.file = next
		return err
	}
	next, err := durable.Create(f.fs, nextPath(f.path), durable.Private)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, next.Discard())
		}
	}()
	if f.out.SHA256, f.out.Bytes, err = fill(next, f.format, body); err != nil {
		return err
	}
	if err := next.Seal(f.path); err != nil {
		return err
	}
	if err := f.draft.Mine(); err != nil {
		return err
	}
	if err := f.close(); err != nil {
		return err
	}
	if err := next.Rename(f.partial()); err != nil {
		return err
	}
	f.draft = next
	return nil
}

// fill writes the final bytes of a file.
func fill(file io.Writer, form format, body func(*bufio.Writer) error) (sum string, size int64, err error) {
	tally := newTally(file)
	packed, err := form.compressor(tally)
	if err != nil {
		return "", 0, err
	}
	buf := bufio.NewWriterSize(packed, 64<<10)
	if err := body(buf); err != nil {
		return "", 0, errors.Join(err, packed.Close())
	}
	if err := errors.Join(buf.Flush(), packed.Close()); err != nil {
		return "", 0, err
	}
	return tally.hex(), tally.size, nil
}

// A recordWriter writes the records behind a header.
type recordWriter interface {
	add(record []string) error
	flush() error   // everything is on its way to the file, and no record follows
	discard() error // lets go of what it holds; after flush too
}

func (f *File) records(buf *bufio.Writer) (recordWriter, error) {
	if f.format.kind == "xlsx" {
		return newWorkbook(buf, f.opt.SpoolDir, f.out.Columns)
	}
	return newSheet(buf, f.format, f.out.Columns, f.opt.Excel)
}

// padRecords makes every record as wide as the header.
func (f *File) padRecords(buf *bufio.Writer) error {
	out, err := f.records(buf)
	if err != nil {
		return err
	}
	defer out.discard()
	for record, err := range records(f.file, f.format.comma()) {
		if err != nil {
			return fmt.Errorf("read back: %w", err)
		}
		if err := out.add(pad(record, len(f.out.Columns))); err != nil {
			return err
		}
	}
	if book, ok := out.(*workbook); ok {
		f.out.Cut = book.cut
	}
	return out.flush()
}

// divide sends each candidate to the sender's file or to the held one.
func (f *File) divide(buf *bufio.Writer, l *layout) (err error) {
	f.out.Held = &Output{Path: f.held, Columns: heldColumns(f.all), Reasons: map[string]int{}}
	into := func(heldBuf *bufio.Writer) error { return f.divideInto(buf, heldBuf, l) }
	if f.rehearsal {
		_, _, err = fill(io.Discard, format{kind: "csv"}, into)
		return err
	}
	held, err := durable.Create(f.fs, partialPath(f.held), durable.Private)
	if err != nil {
		return err
	}
	f.out.Held.SHA256, f.out.Held.Bytes, err = fill(held, format{kind: "csv"}, into)
	if err == nil {
		err = held.Seal(f.held)
	}
	if err != nil {
		return errors.Join(err, held.Discard())
	}
	f.heldOf = held
	return nil
}

func (f *File) divideInto(buf, heldBuf *bufio.Writer, l *layout) error {
	out, err := f.records(buf)
	if err != nil {
		return err
	}
	defer out.discard()
	held, err := newSheet(heldBuf, format{kind: "csv"}, f.out.Held.Columns, false)
	if err != nil {
		return err
	}
	judge, err := newJudge(l, f.opt.Rule)
	if err != nil {
		return err
	}
	for record, err := range records(f.file, ',') {
		if err != nil {
			return fmt.Errorf("read back: %w", err)
		}
		if err := f.divideRecord(record, judge, out, held); err != nil {
			return err
		}
	}
	if err := l.fits(f.out.Rows); err != nil {
		return err
	}
	return errors.Join(held.flush(), out.flush())
}

func (f *File) divideRecord(record []string, judge *judge, out, held recordWriter) error {
	row := f.shape.(*candidates).candidate(record, f.kept)
	if judge.wasIn(f.opt.Earlier, row) {
		f.out.Rows--
		f.out.LeftOut++
		return nil
	}
	why := judge.hold(row)
	var cells []string
	if why == (reason{}) {
		cells = judge.record(row)
		if f.format.kind == "xlsx" && slices.ContainsFunc(cells, func(cell string) bool { return !FitsWorkbook(cell) }) { // a part of a message is not sent
			why = reason{"longer than a workbook holds", "a text is longer than a cell of a workbook can be, 32,767 characters: write .csv"}
		}
	}
	if why != (reason{}) {
		f.out.Rows--
		f.out.Held.Rows++
		f.out.Held.Reasons[why.kind]++
		n := len(f.all.columns)
		record[n+1] = why.text
		return held.add(record[:n+2])
	}
	if len(row.messages) > len(judge.steps) {
		f.out.Shortened++
	}
	f.out.Replies += judge.inThread(row)
	f.out.People = append(f.out.People, judge.persons(row)...)
	if row.profile != "" {
		f.out.Profiles = append(f.out.Profiles, PersonOf(row.profile))
	}
	return out.add(cells)
}
