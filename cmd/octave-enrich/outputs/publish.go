package outputs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"octave-enrich/checkpoint"
	"octave-enrich/cmd/octave-enrich/checkpoints"
	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/lists"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/pipeline"
	"octave-enrich/writer"
)

// A File is an output that appeared under its own name.
type File struct {
	Path    string         `json:"path"`
	SHA256  string         `json:"sha256"`
	Bytes   int64          `json:"bytes"`
	Rows    int            `json:"rows"`
	Held    bool           `json:"held"`              // the rows that a preset held back
	Reasons map[string]int `json:"reasons,omitempty"` // why, with the number of rows
}

// Files lists an output and the rows held back from it.
func Files(output writer.Output) []File {
	list := []File{{output.Path, output.SHA256, output.Bytes, output.Rows, false, nil}}
	if held := output.Held; held != nil {
		list = append(list, File{held.Path, held.SHA256, held.Bytes, held.Rows, true, held.Reasons})
	}
	return list
}

// Create opens the output of a command. What is left out of it since an earlier file
// held it is said.
func Create(o *options.Options, list *lists.List, journal *checkpoint.Journal, at options.Places, stdout io.Writer, say func(note string)) (*writer.File, error) {
	opt, err := o.WriterOptions(stdout, list.Input.Columns(), filepath.Dir(at.Checkpoint))
	if err != nil {
		return nil, err
	}
	opt.Header = list.Input.Header()
	if note := leaveOut(o, &opt, list, journal, at.Output); note != "" {
		say(note)
	}
	file, err := writer.Create(at.Output, opt)
	if err != nil {
		return nil, createError(err)
	}
	return file, nil
}

// Finish completes the rows of a file, which has no name yet.
func Finish(file *writer.File) (writer.Output, error) {
	output, err := file.Finish()
	if err != nil {
		_ = file.Abort()
		return output, exit.OutputError(err)
	}
	return output, nil
}

// A Publication gives finished outputs their names.
type Publication struct {
	Options    *options.Options
	List       *lists.List
	Journal    *checkpoint.Journal // the rows come from it; it knows which files are ours
	Checkpoint string              // its path
	Seen       Seen
}

// Publish makes an output appear under its own name. Its hash goes into the
// checkpoint first, with who is in a file for a sender: a crash between the two
// leaves an old output that is ours, too. The book is the journal open for writing;
// without one nothing is noted.
func (p Publication) Publish(file *writer.File, output writer.Output, book *checkpoint.Journal) error {
	filing := newFiling(p, book, output)
	if book != nil {
		if err := errors.Join(recordOutput(book, p.Checkpoint, output), filing.begin()); err != nil {
			_ = file.Abort()
			return err
		}
	}
	if err := p.rename(file, output); err != nil {
		return err
	}
	return filing.end()
}

// Export is Publish for who only reads the checkpoint, and opens it for the notes
// alone. While a run holds it that cannot be: the file then takes --force, and --new
// does not know of it.
func (p Publication) Export(stderr io.Writer, file *writer.File, output writer.Output) error {
	book, err := p.book(stderr, output)
	if err != nil {
		_ = file.Abort()
		return err
	}
	err = p.Publish(file, output, book)
	if book != nil && book != p.Journal {
		if closed := book.Close(); closed != nil {
			err = errors.Join(err, exit.CheckpointError(p.Checkpoint, closed))
		}
	}
	return err
}

// book is the journal open for writing; nil when that cannot be had, or nothing is
// to be noted.
func (p Publication) book(stderr io.Writer, output writer.Output) (*checkpoint.Journal, error) {
	switch {
	case output.Path == "-":
		return nil, nil
	case p.Options.Output.New:
		return p.Journal, nil
	}
	book, err := checkpoint.Open(p.Checkpoint, checkpoint.Options{})
	if errors.Is(err, checkpoint.ErrLocked) || errors.Is(err, fs.ErrPermission) {
		if p.Options.Output.ForSender() {
			fmt.Fprintf(stderr, "note: %s cannot be written now, so that a later file with --new does not know who is in this one\n", p.Checkpoint)
		}
		return nil, nil
	}
	return book, exit.CheckpointError(p.Checkpoint, err)
}

// rename gives a finished output its name, unless somebody put a file there since
// the command began. Whatever goes wrong, nothing is lost: the rows are beside it,
// and writing them again costs nothing.
func (p Publication) rename(file *writer.File, output writer.Output) error {
	var paths []string
	for _, part := range Files(output) {
		if part.Path != "-" {
			paths = append(paths, part.Path)
		}
	}
	err := p.Seen.MayReplace(p.Options, paths, p.Journal)
	if err == nil {
		if err = file.Publish(); err == nil {
			return nil
		}
		err = exit.OutputError(err)
	}
	end := *exit.As(err)
	if output.Path != "-" {
		end.Hint = strings.TrimPrefix(fmt.Sprintf("%s\nthe rows are in %s, every answer is in %s: running again costs nothing",
			end.Hint, writer.Beside(output.Path)[0], p.Checkpoint), "\n")
	}
	return &end
}

// recordOutput remembers a finished output and the rows held back from it.
func recordOutput(journal *checkpoint.Journal, path string, output writer.Output) error {
	for _, part := range []*writer.Output{&output, output.Held} {
		if part == nil || part.Path == "-" {
			continue
		}
		whole, err := filepath.Abs(part.Path) // erase names it, wherever it is called
		if err != nil {
			whole = part.Path
		}
		body := pipeline.OutputBody{Path: whole, SHA256: part.SHA256, Rows: part.Rows}
		if err := checkpoints.Append(journal, path, checkpoint.Output, body); err != nil {
			return err
		}
	}
	return nil
}

// createError tells a preset that does not exist from a disk that refuses.
func createError(err error) error {
	if option, ok := errors.AsType[*writer.OptionsError](err); ok {
		return &exit.Error{Code: exit.Usage, Err: err, Hint: option.Hint}
	}
	return exit.OutputError(err)
}
