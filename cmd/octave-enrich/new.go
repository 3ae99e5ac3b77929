package main

// Only who is new leaves: --new of presets. Who is in a file for a sender is noted in
// the checkpoint, and the next file can do without them.

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"octave-enrich/checkpoint"
	"octave-enrich/checkpoint/durable"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/cmd/octave-enrich/paths"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/pipeline"
	"octave-enrich/writer"
)

// leaveOut keeps who is in an earlier file out of the one that is to be written, and
// says what about it may surprise.
func leaveOut(o *options.Options, opt *writer.Options, list *list, journal *checkpoint.Journal, output string) (note string) {
	if !o.Output.New || journal == nil {
		return ""
	}
	files := pipeline.Files{SHA256: sumOf, List: list.input.Profile().SHA256}
	earlier, replaced, same := files.Earlier(journal.RunRecords(), o.Output.Preset, whole(output))
	opt.Earlier = earlier
	const byDay = "; to keep each file, name them by day with {date}"
	switch {
	case replaced == 0:
		return ""
	case same:
		return output + " is replaced, and who is in it is new still, for the list is the same" + byDay
	default:
		return fmt.Sprintf("%s is replaced, and %s that it holds are left out, for the list has changed%s", output, words.Count(replaced, "contact"), byDay)
	}
}

// whole is the path of the file behind a name, from anywhere.
func whole(path string) string {
	if target, err := durable.Target(durable.OS{}, path); err == nil {
		path = target
	}
	if absolute, err := filepath.Abs(path); err == nil {
		return absolute
	}
	return path
}

// sumOf is the hash of a file, "" when it cannot be read.
func sumOf(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	h := sha256.New()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return ""
	}
	if _, err := io.Copy(h, f); err != nil {
		return ""
	}
	return hex.EncodeToString(h.Sum(nil))
}

// A filing notes who is in a file for a sender: before it gets its name, and that it
// has it. A crash in between is found out by the file. The zero value notes nothing.
type filing struct {
	journal    *checkpoint.Journal
	checkpoint string
	before     []pipeline.FiledBody
	after      pipeline.FiledBody
}

func newFiling(o *options.Options, list *list, journal *checkpoint.Journal, checkpointPath string, output writer.Output) *filing {
	f := &filing{checkpoint: checkpointPath}
	if !o.Output.ForSender() || output.Path == "-" || journal == nil {
		return f
	}
	f.journal = journal
	path := whole(output.Path)
	about := pipeline.FiledBody{ID: newRunID(), Preset: o.Output.Preset, Path: path, SHA256: output.SHA256, List: list.input.Profile().SHA256, Over: paths.Exists(path)}
	f.before, f.after = pipeline.FiledRecords(about, output.People)
	return f
}

func (f *filing) begin() error {
	for _, body := range f.before {
		if err := appendRecord(f.journal, f.checkpoint, pipeline.Filed, body); err != nil {
			return err
		}
	}
	return nil
}

func (f *filing) end() error {
	if f.journal == nil {
		return nil
	}
	return appendRecord(f.journal, f.checkpoint, pipeline.Filed, f.after)
}
