// Package paths knows the files of a command: all of them before any is opened for
// writing, and which checkpoint belongs to which list.
package paths

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"octave-enrich/checkpoint"
	"octave-enrich/checkpoint/durable"
	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/pipeline/review"
	"octave-enrich/reader"
	"octave-enrich/writer"
)

// A List is all files of a command. They are known before any of them is opened
// for writing, so that no output takes the place of a file that matters.
type List struct{ list []filePath }

// A filePath is a file as the user knows it.
type filePath struct {
	what    string // "the input", "--summary"
	path    string
	written bool // created, replaced or removed by the command
}

// reads adds files that are read; what names them in messages.
func (p *List) reads(what string, list ...string) { p.add(what, false, list) }

// writes adds files that are created, replaced or removed.
func (p *List) writes(what string, list ...string) { p.add(what, true, list) }

func (p *List) add(what string, written bool, list []string) {
	for _, path := range list {
		if path != "" && path != "-" {
			p.list = append(p.list, filePath{what, path, written})
		}
	}
}

// Replaces is for a file that is written whole before it takes its name.
func (p *List) Replaces(what, path string) {
	if path == "" || path == "-" {
		return
	}
	p.writes(what, path)
	p.writes("the draft of "+what, durable.DraftName(durable.Resolved(path)))
}

// Inputs are read: the files that directories and patterns stand for.
func (p *List) Inputs(list, own []string) {
	files, err := reader.Files(list, own)
	if err != nil {
		files = list // whatever is wrong is said when they are opened
	}
	p.reads("the input", files...)
}

// Settings are read by all commands that ask or read lists.
func (p *List) Settings(o *options.Options) {
	p.reads("--config", o.Config)
	p.reads("--map-file", o.List.MapFile)
	p.reads("--exclude", o.List.Exclude)
	p.reads("the file of the key", o.Service.KeyPath())
}

// Of are those of run, and of the commands that have some of its flags.
func Of(o *options.Options, inputs []string, at options.Places) *List {
	p := &List{}
	p.Inputs(inputs, o.List.Own)
	p.Settings(o)
	p.output(at.Output, o.Output.Preset)
	p.Answers(at.Checkpoint)
	p.Replaces("--summary", o.Teller.Summary)
	p.Replaces("--metrics-file", o.Teller.MetricsFile)
	p.Replaces("--report", o.Teller.Report)
	return p
}

// output is written beside what stands under its name.
func (p *List) output(path, preset string) {
	if path == "" || path == "-" {
		return
	}
	p.writes("the output", path)
	p.writes("a file beside the output", writer.Beside(durable.Resolved(path))...)
	if preset != "generic" {
		held := writer.HeldPath(path)
		p.writes("the file of the rows held back", held)
		p.writes("a file beside the rows held back", writer.Beside(durable.Resolved(held))...)
	}
}

// Answers are a checkpoint and the decisions about it.
func (p *List) Answers(path string) {
	if path == "" {
		return
	}
	p.writes("the checkpoint", path)
	p.writes("a file beside the checkpoint", checkpoint.Beside(durable.Resolved(path))...)
	p.writes("the decisions of the review", review.Path(path))
	p.writes("a file beside the decisions", checkpoint.Beside(durable.Resolved(review.Path(path)))...)
}

// Folders refuses a file that is to be written into a folder that there is not.
func (p *List) Folders() error {
	for _, f := range p.list {
		if !f.written {
			continue
		}
		dir := filepath.Dir(f.path)
		if info, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
			return &exit.Error{Code: exit.Output, Err: fmt.Errorf("%s %s: there is no folder %s", f.what, f.path, dir), Hint: "make it first: mkdir -p " + words.Quote(dir)}
		}
	}
	return nil
}

// Check refuses every pair that is one file, by whatever name, of which one is
// written.
func (p *List) Check() error {
	known := make([]durable.Place, len(p.list))
	for i, f := range p.list {
		known[i] = durable.Locate(f.path)
	}
	for i, a := range p.list {
		if !a.written {
			continue
		}
		for k, b := range p.list {
			if (k < i || !b.written && k != i) && known[i].Same(known[k]) {
				return clash(b, a)
			}
		}
	}
	return nil
}

func clash(a, b filePath) error {
	what := fmt.Sprintf("%s is both %s and %s", a.path, a.what, b.what)
	if a.path != b.path {
		what = fmt.Sprintf("%s, %s, and %s, %s, are one file", a.path, a.what, b.path, b.what)
	}
	return &exit.Error{Code: exit.Usage, Err: errors.New(what), Hint: "nothing was opened for writing; choose another name for one of them"}
}
