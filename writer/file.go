package writer

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"octave-enrich/checkpoint/durable"
)

// flushEvery bounds how long a row stays in memory while rows come slowly, so that PATH.partial and a pipe can be watched.
const flushEvery = time.Second

// A File is an output that is being written. It is not safe for concurrent use. After an error of the disk it refuses
// everything but Abort.
type File struct {
	fs     durable.FS
	opt    Options
	format format
	path   string // resolved; "-" is standard output
	held   string // where held rows go; empty without a preset
	preset *preset
	all    input // all columns
	kept   input // those that appear in the output

	rehearsal bool // nothing is written but a nameless file

	file    durable.File   // the rows so far; nil when they stream to standard output, and once it is closed
	draft   *durable.Draft // PATH.partial; nil for standard output
	heldOf  *durable.Draft // the held rows; nil before Finish, and without a preset
	tally   *tally
	buf     *bufio.Writer
	shape   shape
	flushed time.Time

	rows int
	out  Output // set by Finish
	err  error  // the first error; nothing works after it
}

var errFinished = errors.New("the file is finished")

// Create opens PATH.partial, readable by its owner alone, in place of what an earlier run left there. PATH itself is not
// touched before Publish. A symbolic link is followed. With "-" rows go to opt.Stdout: JSON lines at once, everything
// else when Publish is called, because a header is as wide as the longest sequence.
//
// The error is an *OptionsError when the options cannot be met, else one of the disk.
func Create(path string, opt Options) (*File, error) { return create(path, opt, durable.OS{}) }

// Rehearse takes rows as Create does and writes no file: Finish says what the file of a preset at path would be, and which
// rows would be held back. Publish must not be called.
func Rehearse(path string, opt Options) (*File, error) {
	f := &File{fs: durable.OS{}, opt: opt, path: path, rehearsal: true, flushed: time.Now()}
	return f.prepare()
}

func create(path string, opt Options, fsys durable.FS) (*File, error) {
	f := &File{fs: fsys, opt: opt, path: path, flushed: time.Now()}
	return f.prepare()
}

// Check says whether a file at path can be made with these options, and touches
// nothing. Its error is an *OptionsError.
func (opt Options) Check(path string) error {
	f := &File{opt: opt, path: path, rehearsal: true}
	return f.configure()
}

func (f *File) prepare() (*File, error) {
	if err := f.configure(); err != nil {
		return nil, err
	}
	if err := f.open(); err != nil {
		return nil, fmt.Errorf("create output: %w", err)
	}
	if f.err = f.begin(); f.err != nil {
		return nil, errors.Join(fmt.Errorf("write output: %w", f.err), f.Abort())
	}
	return f, nil
}

// configure checks the options before anything is touched.
func (f *File) configure() (err error) {
	if f.format, err = formatOf(f.path, f.opt.Format); err != nil {
		return err
	}
	if f.preset, err = presetOf(f.opt.Preset); err != nil {
		return err
	}
	if err := f.contradiction(); err != nil {
		return err
	}
	f.all = wholeInput(f.opt.Columns)
	if f.kept = f.all; len(f.opt.Keep) > 0 || f.preset != nil {
		if f.kept, err = someInput(f.opt.Columns, f.opt.Keep); err != nil {
			return err
		}
	}
	f.kept.spelled = f.opt.Header
	if err := f.foreseen(); err != nil {
		return err
	}
	if f.nameless() {
		return nil
	}
	if f.preset != nil {
		if f.held, err = f.target(HeldPath(f.path)); err != nil {
			return err
		}
	}
	f.path, err = f.target(f.path)
	return err
}

// foreseen refuses what the sender would refuse whatever the messages are: a file of so many steps, else of one, and a
// single subject is the smallest that there can be. The rest is known when the rows are.
func (f *File) foreseen() error {
	if f.preset == nil {
		return nil
	}
	steps := make([]bool, max(1, f.opt.Emails))
	steps[0] = true
	return (&layout{preset: f.preset, steps: steps, kept: f.kept.names()}).fits(0)
}

// contradiction finds options that cannot be had together.
func (f *File) contradiction() error {
	switch {
	case f.path == "-" && f.opt.Stdout == nil:
		return &OptionsError{Msg: "there is no standard output to write to"}
	case f.path == "-" && f.preset != nil:
		return &OptionsError{Msg: "a preset writes a second file for the rows it holds back", Hint: "name the output with -o FILE"}
	case f.preset != nil && f.opt.Rule == nil:
		return &OptionsError{Msg: "a preset needs a rule about the texts that it may send"}
	case f.preset != nil && f.format.kind == "jsonl":
		return &OptionsError{Msg: "preset " + f.opt.Preset + " is a table", Hint: "write .csv, .tsv or .xlsx"}
	case f.preset != nil && f.opt.Excel:
		return &OptionsError{Msg: "a preset is never escaped for spreadsheets: the apostrophe would reach the prospect"}
	case f.format.kind == "jsonl" && f.opt.Excel:
		return &OptionsError{Msg: "JSON lines are not for spreadsheets", Hint: "write .csv or .xlsx"}
	}
	return nil
}

func (f *File) open() (err error) {
	switch {
	case f.streams():
		f.tally = newTally(f.opt.Stdout)
		f.buf = bufio.NewWriterSize(f.tally, 64<<10)
		return nil
	case f.nameless():
		f.file, err = f.fs.Temp(f.opt.SpoolDir)
	default:
		err = f.createPartial()
	}
	if err != nil {
		return err
	}
	f.tally = newTally(f.file)
	f.buf = bufio.NewWriterSize(f.tally, 64<<10)
	return nil
}

// createPartial takes away what a run left that was killed while it finished: nobody would look for personal data there.
func (f *File) createPartial() error {
	err := durable.Remove(f.fs, nextPath(f.path))
	if f.held != "" {
		err = errors.Join(err, durable.Remove(f.fs, partialPath(f.held)))
	}
	if err != nil {
		return err
	}
	if f.draft, err = durable.Create(f.fs, f.partial(), durable.Private); err != nil {
		return err
	}
	f.file = f.draft
	return nil
}

// target resolves the symbolic links in path, so that the file behind is replaced and not the link, and refuses what a
// rename would destroy.
func (f *File) target(path string) (string, error) {
	path, err := durable.Target(f.fs, path)
	if errors.Is(err, durable.ErrNotRegular) {
		return "", &OptionsError{Msg: err.Error(), Hint: "write to standard output with -o -"}
	}
	return path, err
}

// streams says whether rows go to standard output as they come.
func (f *File) streams() bool { return f.path == "-" && f.format == format{kind: "jsonl"} }

// nameless says whether what is written has no name until it is copied to standard output, or thrown away.
func (f *File) nameless() bool { return f.path == "-" || f.rehearsal }

func (f *File) partial() string { return partialPath(f.path) }

func (f *File) begin() (err error) {
	opt := f.opt
	opt.Excel = opt.Excel && f.format.kind != "xlsx"
	switch {
	case f.preset != nil:
		f.shape, err = newCandidates(f.buf, f.preset, f.opt.Rule, f.all)
	case f.format.kind == "jsonl":
		f.shape = newLines(f.buf, f.kept, len(opt.Keep) > 0)
	default:
		f.shape, err = newTable(f.buf, f.format, opt, f.kept)
	}
	return err
}

// Write adds one row. It may stay in memory for a moment: durable is what Finish returned for.
func (f *File) Write(row Row) error {
	if f.err != nil {
		return f.err
	}
	if len(row.Cells) > len(f.opt.Columns) {
		return f.fail(fmt.Errorf("row %d: %d cells for %d columns", f.rows+1, len(row.Cells), len(f.opt.Columns)))
	}
	if f.opt.Thread && f.preset == nil {
		row.Emails = slices.Clone(row.Emails)
		for i := range row.Emails {
			if i > 0 {
				row.Emails[i].Subject = ""
			}
		}
	}
	if err := f.shape.write(row); err != nil {
		return f.fail(fmt.Errorf("write row %d: %w", f.rows+1, err))
	}
	f.rows++
	if f.provisional() {
		f.tally.sum = nil
	}
	if now := time.Now(); now.Sub(f.flushed) >= flushEvery {
		f.flushed = now
		return f.fail(f.flush())
	}
	return nil
}

// fail remembers the first error.
func (f *File) fail(err error) error {
	if f.err == nil {
		f.err = err
	}
	return err
}

func (f *File) flush() error {
	if err := f.shape.flush(); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	if err := f.buf.Flush(); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	return nil
}

// Finish makes PATH.partial what PATH is to be: all rows equally wide, compressed if asked, on the disk. It describes
// the result; a caller that records the hash before Publish can tell later whose file PATH is, wherever a crash falls.
func (f *File) Finish() (Output, error) {
	if f.err != nil {
		return Output{}, f.err
	}
	if err := f.flush(); err != nil {
		return Output{}, f.fail(err)
	}
	if err := f.complete(); err != nil {
		return Output{}, f.fail(fmt.Errorf("finish output: %w", err))
	}
	f.err = errFinished
	return f.out, nil
}

// Publish gives the finished file its name, or copies it to standard output.
func (f *File) Publish() error {
	switch {
	case !errors.Is(f.err, errFinished):
		return errors.Join(errors.New("publish output: it is not finished"), f.err)
	case f.path != "-":
		return f.rename()
	case f.file == nil:
		return nil // streamed
	}
	_, err := f.file.Seek(0, io.SeekStart)
	if err == nil {
		_, err = io.Copy(f.opt.Stdout, f.file)
	}
	if err = errors.Join(err, f.close()); err != nil {
		return fmt.Errorf("publish output: %w", err)
	}
	return nil
}

// rename makes the file appear under its name, whole, and for good once the directory is synced. The held rows come
// first: who sees the sender's file sees what is missing from it too. Another run may write the same output from another
// checkpoint, and take PATH.partial for its own: that one is not ours to publish, it is not finished.
func (f *File) rename() error {
	parts := []struct {
		draft *durable.Draft
		path  string
	}{{f.heldOf, f.held}, {f.draft, f.path}}
	if f.heldOf == nil {
		parts = parts[1:]
	}
	for _, part := range parts {
		if err := part.draft.Mine(); err != nil {
			return fmt.Errorf("publish output: %w", err)
		}
	}
	for _, part := range parts {
		if err := part.draft.Publish(part.path); err != nil {
			return fmt.Errorf("publish output: %w", err)
		}
	}
	return nil
}

// Abort closes the file where it is and leaves PATH.partial. It does nothing after Publish, so it can be deferred.
func (f *File) Abort() error {
	var err error
	if f.err == nil && f.shape != nil {
		err = f.flush()
	}
	if f.err == nil {
		f.err = errors.New("the file was given up")
	}
	return errors.Join(err, f.close())
}

func (f *File) close() error {
	if f.file == nil {
		return nil
	}
	file := f.file
	f.file = nil
	return file.Close()
}
