package outputs

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"octave-enrich/checkpoint"
	"octave-enrich/checkpoint/durable"
	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/lists"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/pipeline"
	"octave-enrich/writer"
)

// Seen are the outputs that were found to be ours, as they were then: so long as they
// are the same, they need not be read again.
type Seen map[string]fs.FileInfo

// ours says whether path may be replaced: it is not there, or was written from
// this checkpoint and not changed since.
func (seen Seen) ours(path string, journal *checkpoint.Journal) (bool, error) {
	info, err := os.Stat(path)
	switch was := seen[path]; {
	case errors.Is(err, fs.ErrNotExist):
		return true, nil
	case err == nil && info.Mode().IsRegular() && journal == nil:
		return false, nil
	case err == nil && was != nil && os.SameFile(was, info) && was.Size() == info.Size() && was.ModTime().Equal(info.ModTime()):
		return true, nil
	}
	sum, err := hashOf(path)
	if err != nil {
		return false, exit.OutputError(err)
	}
	is := slices.ContainsFunc(journal.RunRecords(), func(rec checkpoint.Record) bool {
		body, ok := pipeline.ReadOutput(rec)
		return ok && !body.Page && body.SHA256 == sum
	})
	if is {
		seen[path] = info
	}
	return is, nil
}

// hashOf is the SHA-256 of a regular file, in hex.
func hashOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s is not a regular file", path)
	}
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// MayReplace refuses outputs that cannot be replaced, or are somebody else's. A nil
// journal knows none.
func (seen Seen) MayReplace(o *options.Options, paths []string, journal *checkpoint.Journal) error {
	for _, path := range paths {
		if _, err := durable.Target(durable.OS{}, path); errors.Is(err, durable.ErrMountPoint) {
			return exit.OutputError(err)
		}
		if o.Output.Force {
			continue
		}
		ok, err := seen.ours(path, journal)
		if err != nil {
			return err
		}
		if !ok {
			return &exit.Error{Code: exit.Output, Err: fmt.Errorf("%s exists and was not written from this checkpoint, or was changed since", path),
				Hint: "choose another -o, move it away, or overwrite it with --force"}
		}
	}
	return nil
}

// Fits refuses an output that cannot be made of the list as the flags have it, and
// a list with a cell that a workbook has no room for. Nothing is touched.
func Fits(o *options.Options, output string, list *lists.List) error {
	if info, err := os.Stat(output); err == nil && info.IsDir() {
		return &exit.Error{Code: exit.Output, Err: fmt.Errorf("the output %s is a folder", output), Hint: "name a file in it: -o " + words.Quote(filepath.Join(output, "FILE.csv"))}
	}
	opt, err := o.WriterOptions(io.Discard, list.Input.Columns(), "")
	if err != nil {
		return err
	}
	if err := opt.Check(cmp.Or(output, "rows.csv")); err != nil { // several inputs leave a plan without a name
		return createError(err)
	}
	if !writer.IsWorkbook(output, o.Output.Format) {
		return nil
	}
	columns := list.Input.Columns()
	kept := func(name string) bool {
		return slices.Contains(o.Output.Keep, name) || len(o.Output.Keep) == 0 && o.Output.Preset == "generic"
	}
	for contact, err := range list.Input.Contacts() {
		if err != nil {
			return exit.InputError(err)
		}
		for i, cell := range contact.Cells {
			if !writer.FitsWorkbook(cell) && kept(columns[i]) {
				return &exit.Error{Code: exit.Usage, Err: fmt.Errorf("%s, column %q: longer than a cell of a workbook can be, 32,767 characters", contact.Place(), columns[i]),
					Hint: "write .csv, or name the columns to keep with --keep"}
			}
		}
	}
	return nil
}
