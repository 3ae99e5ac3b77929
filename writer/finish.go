package writer

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
)

// complete turns what was written row by row into the final bytes and describes them.
func (f *File) complete() error {
	f.out = Output{Path: f.path, Rows: f.rows}
	rewrite := f.format.pack != "" || f.format.kind == "xlsx"
	switch s := f.shape.(type) {
	case *lines:
		f.out.Emails = s.emails
	case *table:
		f.out.Emails = s.emails
		f.out.Columns = s.header(s.emails)
		rewrite = rewrite || s.emails > f.opt.Emails
	}
	if rewrite {
		return f.rewrite()
	}
	f.out.SHA256, f.out.Bytes = f.tally.hex(), f.tally.size
	if f.file == nil {
		return nil
	}
	if err := f.file.Sync(); err != nil {
		return err
	}
	if f.path == "-" {
		return nil
	}
	return f.close()
}

// rewrite makes a second file out of the first and puts it in its place.
func (f *File) rewrite() error {
	if _, err := f.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	next, err := f.create(f.partial() + ".new")
	if err != nil {
		return err
	}
	f.out.SHA256, f.out.Bytes, err = f.seal(next)
	if err != nil {
		return errors.Join(err, next.Close(), f.disk.remove(f.partial()+".new"))
	}
	if err := f.close(); err != nil {
		return err
	}
	if f.path == "-" {
		f.file = next
		return nil
	}
	if err := next.Close(); err != nil {
		return err
	}
	return f.disk.rename(f.partial()+".new", f.partial())
}

// create opens a further file: beside the output, or nameless when that is standard output.
func (f *File) create(path string) (handle, error) {
	if f.path == "-" {
		return f.disk.temp(f.opt.SpoolDir)
	}
	return f.disk.create(path)
}

// seal fills next with the final bytes and makes them durable.
func (f *File) seal(next handle) (sum string, size int64, err error) {
	tally := newTally(next)
	packed, err := f.format.compressor(tally)
	if err != nil {
		return "", 0, err
	}
	buf := bufio.NewWriterSize(packed, 64<<10)
	if err := f.body(buf); err != nil {
		return "", 0, err
	}
	if err := errors.Join(buf.Flush(), packed.Close()); err != nil {
		return "", 0, err
	}
	return tally.hex(), tally.size, next.Sync()
}

// body writes the final content: JSON lines as they are, tables with every record as wide as the header.
func (f *File) body(buf *bufio.Writer) error {
	if f.format.kind == "jsonl" {
		_, err := io.Copy(buf, f.file)
		return err
	}
	w := csv.NewWriter(buf)
	w.Comma = f.format.comma()
	if err := writeHeader(buf, w, f.out.Columns, f.opt.Excel); err != nil {
		return err
	}
	for record, err := range records(f.file, f.format.comma()) {
		if err != nil {
			return fmt.Errorf("read back: %w", err)
		}
		if err := w.Write(pad(record, len(f.out.Columns))); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

func pad(record []string, width int) []string {
	for len(record) < width {
		record = append(record, "")
	}
	return record
}
