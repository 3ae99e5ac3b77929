package outputs

import (
	"fmt"
	"path/filepath"

	"octave-enrich/checkpoint"
	"octave-enrich/checkpoint/durable"
	"octave-enrich/cmd/octave-enrich/checkpoints"
	"octave-enrich/cmd/octave-enrich/lists"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/cmd/octave-enrich/paths"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/pipeline"
	"octave-enrich/writer"
)

// leaveOut keeps who is in an earlier file out of the one that is to be written, and
// says what about it may surprise.
func leaveOut(o *options.Options, opt *writer.Options, list *lists.List, journal *checkpoint.Journal, output string) (note string) {
	if !o.Output.New || journal == nil {
		return ""
	}
	files := pipeline.Files{SHA256: func(path string) string { sum, _ := hashOf(path); return sum }, List: list.Input.Profile().SHA256}
	earlier, replaced, same := files.Earlier(journal.RunRecords(), o.Output.Preset, Whole(output))
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

// Whole is the path of the file behind a name, from anywhere.
func Whole(path string) string {
	if target, err := durable.Target(durable.OS{}, path); err == nil {
		path = target
	}
	if absolute, err := filepath.Abs(path); err == nil {
		return absolute
	}
	return path
}

// A filing notes who is in a file for a sender: before it gets its name, and that it
// has it. A crash in between is found out by the file. The zero value notes nothing.
type filing struct {
	journal    *checkpoint.Journal
	checkpoint string
	before     []pipeline.FiledBody
	after      pipeline.FiledBody
}

func newFiling(p Publication, book *checkpoint.Journal, output writer.Output) *filing {
	if !p.Options.Output.ForSender() || output.Path == "-" || book == nil {
		return &filing{}
	}
	f := &filing{journal: book, checkpoint: p.Checkpoint}
	path := Whole(output.Path)
	about := pipeline.FiledBody{ID: pipeline.NewRunID(), Preset: p.Options.Output.Preset, Path: path, SHA256: output.SHA256,
		List: p.List.Input.Profile().SHA256, Over: paths.Exists(path)}
	f.before, f.after = pipeline.FiledRecords(about, output)
	return f
}

func (f *filing) begin() error {
	for _, body := range f.before {
		if err := checkpoints.Append(f.journal, f.checkpoint, pipeline.Filed, body); err != nil {
			return err
		}
	}
	return nil
}

func (f *filing) end() error {
	if f.journal == nil {
		return nil
	}
	return checkpoints.Append(f.journal, f.checkpoint, pipeline.Filed, f.after)
}
