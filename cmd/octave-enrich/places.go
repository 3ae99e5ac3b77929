package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"octave-enrich/checkpoint"
	"octave-enrich/checkpoint/durable"
	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/pipeline"
	"octave-enrich/writer"
)

// ours says whether path may be replaced: it is not there, or was written from
// this checkpoint and not changed since.
func ours(path string, journal *checkpoint.Journal) (bool, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, exit.OutputError(err)
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && !info.Mode().IsRegular() {
		return false, exit.OutputError(fmt.Errorf("%s is not a regular file", path))
	}
	if journal == nil {
		return false, nil
	}
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return false, exit.OutputError(err)
	}
	sum := hex.EncodeToString(h.Sum(nil))
	return slices.ContainsFunc(journal.RunRecords(), func(rec checkpoint.Record) bool {
		body, ok := pipeline.ReadOutput(rec)
		return ok && !body.Page && body.SHA256 == sum
	}), nil
}

// mayWrite refuses outputs that cannot be replaced, or are somebody else's.
func mayWrite(o *options.Options, paths []string, journal *checkpoint.Journal) error {
	for _, path := range paths {
		if _, err := durable.Target(durable.OS{}, path); errors.Is(err, durable.ErrMountPoint) {
			return exit.OutputError(err)
		}
		if o.Output.Force {
			continue
		}
		ok, err := ours(path, journal)
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

// publish gives a finished output its name, unless somebody put a file there since
// the command began. Whatever goes wrong, nothing is lost: the rows are beside it,
// and writing them again costs nothing.
func publish(o *options.Options, file *writer.File, output writer.Output, journal *checkpoint.Journal, checkpointPath string) error {
	var paths []string
	for _, part := range written(output) {
		if part.Path != "-" {
			paths = append(paths, part.Path)
		}
	}
	err := mayWrite(o, paths, journal)
	if err == nil {
		if err = file.Publish(); err == nil {
			return nil
		}
		err = exit.OutputError(err)
	}
	end := *exit.As(err)
	if output.Path != "-" {
		end.Hint = strings.TrimPrefix(fmt.Sprintf("%s\nthe rows are in %s, every answer is in %s: running again costs nothing",
			end.Hint, writer.Beside(output.Path)[0], checkpointPath), "\n")
	}
	return &end
}

// fits refuses a list with a cell that a workbook has no room for.
func fits(o *options.Options, output string, list *list) error {
	if !writer.IsWorkbook(output, o.Output.Format) {
		return nil
	}
	columns := list.input.Columns()
	kept := func(name string) bool {
		return slices.Contains(o.Output.Keep, name) || len(o.Output.Keep) == 0 && o.Output.Preset == "generic"
	}
	for contact, err := range list.input.Contacts() {
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
