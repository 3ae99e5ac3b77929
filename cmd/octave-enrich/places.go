package main

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
	"strings"
	"time"

	"octave-enrich/checkpoint"
	"octave-enrich/checkpoint/durable"
	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/pipeline"
	"octave-enrich/pipeline/lint"
	"octave-enrich/reader"
	"octave-enrich/writer"
)

// datePlace stands in an output's name for the day on which a run begins, here.
const datePlace = "{date}"

// places are the files of a run.
type places struct{ output, checkpoint string }

// places decides where rows and answers go.
func (o *options) places(inputs []string) (p places, err error) {
	p.output = strings.ReplaceAll(o.output, datePlace, time.Now().Format(time.DateOnly))
	if p.output == "" {
		if areSeveral(inputs) {
			return p, exit.UsageError("several inputs need an output: -o FILE")
		}
		if p.output, err = o.defaultOutput(inputs[0]); err != nil {
			return p, err
		}
	}
	o.own = []string{p.output, writer.HeldPath(p.output)}
	p.checkpoint = o.checkpointPath
	if p.checkpoint == "" {
		if p.output == "-" {
			return p, exit.UsageError("rows on standard output need a checkpoint beside them: --checkpoint FILE")
		}
		if p.checkpoint, err = checkpointOf(cmp.Or(o.output, p.output)); err != nil {
			return p, err
		}
	}
	return p, nil
}

// areSeveral says whether no output can be named after the input.
func areSeveral(inputs []string) bool { return len(inputs) != 1 || reader.IsPattern(inputs[0]) }

// checkpointOf is the default checkpoint of an output: one for the outputs of all
// days, as tomorrow's is a function of the same answers.
func checkpointOf(output string) (string, error) {
	if strings.Contains(filepath.Dir(output), datePlace) {
		return "", exit.UsageError("-o %s: a folder for each day leaves no place for the one checkpoint of them all: name it with --checkpoint FILE", output)
	}
	return strings.ReplaceAll(output, datePlace, "all") + ".checkpoint", nil
}

// defaultOutput is named after the input. What export makes for a sender is named
// after the sender: the output of the run stays.
func (o *options) defaultOutput(input string) (string, error) {
	switch filepath.Base(input) {
	case ".", "..", string(filepath.Separator):
		return "", exit.UsageError("no output can be named after the folder %s: name one with -o FILE", input)
	}
	word := "enriched"
	if o.neverCalls && o.forSender() {
		word, _, _ = strings.Cut(o.preset, ":")
	}
	return namedAfter(input, word, o.outFormat), nil
}

// defaultOutput puts .enriched before the extension: people.csv.gz becomes
// people.enriched.csv.gz, people.zip people.enriched.csv, and standard input goes to
// standard output.
func defaultOutput(input, format string) string { return namedAfter(input, "enriched", format) }

func namedAfter(input, word, format string) string {
	if input == "-" {
		return "-"
	}
	name := strings.TrimRight(input, `/\`)
	var ext string
	for _, known := range []string{".gz", ".zst"} {
		if strings.HasSuffix(strings.ToLower(name), known) {
			name, ext = name[:len(name)-len(known)], name[len(name)-len(known):]
		}
	}
	if zip := filepath.Ext(name); strings.EqualFold(zip, ".zip") {
		name = strings.TrimSuffix(name, zip)
	}
	inner := filepath.Ext(name)
	stem := strings.TrimSuffix(name, inner)
	switch strings.ToLower(inner) {
	case ".csv", ".tsv", ".jsonl", ".ndjson", ".xlsx":
	default:
		stem, inner = name, ".csv"
	}
	if format != "" {
		inner = "." + format
	}
	return stem + "." + word + inner + ext
}

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

// outputs are the files that rows come into.
func (o *options) outputs(output string) []string {
	switch {
	case output == "-":
		return nil
	case o.preset != "generic":
		return []string{output, writer.HeldPath(output)}
	}
	return []string{output}
}

// mayWrite refuses outputs that cannot be replaced, or are somebody else's.
func (o *options) mayWrite(paths []string, journal *checkpoint.Journal) error {
	for _, path := range paths {
		if _, err := durable.Target(durable.OS{}, path); errors.Is(err, durable.ErrMountPoint) {
			return exit.OutputError(err)
		}
		if o.force {
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
func (o *options) publish(file *writer.File, output writer.Output, journal *checkpoint.Journal, checkpointPath string) error {
	var paths []string
	for _, part := range written(output) {
		if part.Path != "-" {
			paths = append(paths, part.Path)
		}
	}
	err := o.mayWrite(paths, journal)
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
func (o *options) fits(output string, list *list) error {
	if !writer.IsWorkbook(output, o.outFormat) {
		return nil
	}
	columns := list.input.Columns()
	kept := func(name string) bool {
		return slices.Contains(o.keep, name) || len(o.keep) == 0 && o.preset == "generic"
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

// writerOptions are what the writer needs of the flags.
func (o *options) writerOptions(a *app, columns []string, emailsGiven bool, spool string) (writer.Options, error) {
	opt := writer.Options{
		Format: o.outFormat, Columns: columns, Emails: o.emails, Preset: o.preset,
		Excel: o.excel, Thread: o.thread, Keep: o.keep, Stdout: a.stdout, SpoolDir: spool,
	}
	if o.preset == "generic" {
		return opt, nil
	}
	if !emailsGiven {
		opt.Emails = 0 // as many as the longest sequence has
	}
	var err error
	opt.Rule, err = lint.New()
	return opt, err
}
