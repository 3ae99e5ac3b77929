package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"octave-enrich/checkpoint"
	"octave-enrich/cmd/octave-enrich/console"
	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/help"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/cmd/octave-enrich/paths"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/pipeline"
	"octave-enrich/writer"
)

func newExport(a *app) *cobra.Command {
	o := &options.Options{}
	cmd := &cobra.Command{
		Use:   "export INPUT... [-o OUTPUT]",
		Short: "The output again, from the checkpoint alone, in any format or preset",
		Example: `  octave-enrich export people.csv -o people.jsonl
  octave-enrich export people.csv --preset lemlist     into people.lemlist.csv`,
		Args: help.Args(cobra.MinimumNArgs(1)),
	}
	fs := cmd.Flags()
	o.List.Flags(fs)
	o.List.SkipFlags(fs)
	o.Question.Flags(fs)
	o.Output.Flags(fs)
	o.Output.NewFlag(fs)
	o.Budget.AgeFlag(fs)
	o.Output.ApprovedFlag(fs)
	o.Teller.SummaryFlag(fs)
	o.ConfigFlag(fs)
	cmd.RunE = options.Configured(o, func(_ *cobra.Command, inputs []string) error {
		return a.export(o, inputs)
	})
	return cmd
}

func (a *app) export(o *options.Options, inputs []string) error {
	o.NeverCalls = true
	if err := o.Output.CheckNew(); err != nil {
		return err
	}
	if o.Output.Checkpoint == "" {
		o.Output.Checkpoint = paths.DefaultCheckpoint(o, inputs)
	}
	if o.Output.Checkpoint == "" && o.Output.Path == "" {
		return &exit.Error{Code: exit.Usage, Err: fmt.Errorf("no checkpoint of %s is found", strings.Join(inputs, ", ")),
			Hint: "name it with --checkpoint FILE, and the output with -o FILE"}
	}
	watch := a.watch()
	defer watch.unlisten()
	places, err := o.Places(inputs)
	if err != nil {
		return err
	}
	files := paths.Of(o, inputs, places)
	if err := errors.Join(files.Check(), files.Folders()); err != nil {
		return err
	}
	if err := checkFile("summary", o.Teller.Summary, places.Output); err != nil {
		return err
	}
	journal, err := a.openForReading(o, places.Checkpoint)
	if err != nil {
		return err
	}
	defer journal.Close()
	list, err := a.openList(o, inputs)
	if err != nil {
		return err
	}
	defer list.input.Close()
	memory, err := exportMemory(o, list, journal, places.Checkpoint)
	if err != nil {
		return err
	}
	for _, note := range append(list.input.Profile().Told(), notes(o, list)...) {
		fmt.Fprintf(a.stderr, "note: %s\n", note)
	}
	if err := mayWrite(o, o.Output.Files(places.Output), journal); err != nil {
		return err
	}
	if err := fits(o, places.Output, list); err != nil {
		return err
	}
	tune(max(list.input.Profile().Rows, journal.Len()))
	watch.begin("stopping; no output is written")
	opt, err := o.WriterOptions(a.stdout, list.input.Columns(), filepath.Dir(places.Checkpoint))
	if err != nil {
		return err
	}
	opt.Header = list.input.Header()
	if note := leaveOut(o, &opt, list, journal, places.Output); note != "" {
		fmt.Fprintf(a.stderr, "note: %s\n", note)
	}
	out, err := writer.Create(places.Output, opt)
	if err != nil {
		return createError(err)
	}
	return a.replay(watch, o, list, journal, memory, out, places.Checkpoint)
}

// openForReading opens a checkpoint beside a run that may be going on, and takes
// from it what the flags do not say.
func (a *app) openForReading(o *options.Options, path string) (*checkpoint.Journal, error) {
	if err := checkpoint.Chosen(path, nil); err != nil { // whether or not it is there
		return nil, exit.CheckpointError(path, err)
	}
	if _, err := os.Stat(path); err != nil {
		end := exit.NoFile(path, err)
		end.Hint = "name the checkpoint of the run with --checkpoint FILE"
		return nil, end
	}
	// Who is in the file has to be noted, or the next one holds them again.
	journal, err := checkpoint.Open(path, checkpoint.Options{ReadOnly: !o.Output.New})
	if errors.Is(err, checkpoint.ErrLocked) {
		return nil, &exit.Error{Code: exit.Locked, Err: fmt.Errorf("another run holds %s, where --new notes who is in the file", path),
			Hint: "wait for it to end, or export without --new"}
	}
	if err != nil {
		return nil, exit.CheckpointError(path, err)
	}
	if last, ok := pipeline.LastRun(journal.RunRecords()); ok && !o.AsksItsOwn() {
		o.Take(last)
	}
	return journal, nil
}

// publishExport remembers what was written, so that the next export may replace it,
// and who is in a file for a sender, and gives it its name. While a run holds the
// checkpoint it cannot: that file then takes --force, and --new does not know of it.
func (a *app) publishExport(o *options.Options, list *list, out *writer.File, output writer.Output, journal *checkpoint.Journal, path string) error {
	book, err := a.bookOf(o, output, journal, path)
	if err != nil {
		_ = out.Abort()
		return err
	}
	filing := newFiling(o, list, book, path, output)
	if book != nil {
		err = errors.Join(recordOutput(book, path, output), filing.begin())
	}
	if err != nil {
		_ = out.Abort()
	} else if err = publish(o, out, output, journal, path); err == nil {
		err = filing.end()
	}
	if book != nil && book != journal {
		if closed := book.Close(); closed != nil {
			err = errors.Join(err, exit.CheckpointError(path, closed))
		}
	}
	return err
}

// bookOf is the journal open for writing; nil when that cannot be had, or nothing is
// to be noted.
func (a *app) bookOf(o *options.Options, output writer.Output, journal *checkpoint.Journal, path string) (*checkpoint.Journal, error) {
	switch {
	case output.Path == "-":
		return nil, nil
	case o.Output.New:
		return journal, nil
	}
	book, err := checkpoint.Open(path, checkpoint.Options{})
	if errors.Is(err, checkpoint.ErrLocked) || errors.Is(err, fs.ErrPermission) {
		if o.Output.ForSender() {
			fmt.Fprintf(a.stderr, "note: %s cannot be written now, so that a later file with --new does not know who is in this one\n", path)
		}
		return nil, nil
	}
	if err != nil {
		return nil, exit.CheckpointError(path, err)
	}
	return book, nil
}

// exportMemory follows what the last run decided about contacts whose question
// changed, when these are its questions.
func exportMemory(o *options.Options, list *list, journal *checkpoint.Journal, path string) (*pipeline.Memory, error) {
	memory := memory(o, journal, list.skip)
	memory.KeepFailures, memory.Strict = true, memory.MaxAge > 0
	if err := list.meet(memory); err != nil {
		return nil, err
	}
	last, ok := pipeline.LastRun(journal.RunRecords())
	if !ok || last.Changed == "" || last.Settings.Fingerprint() != list.settings.Fingerprint() {
		return memory, nil
	}
	selection := pipeline.Selection{Ask: list.ask, Exclude: list.exclude, Memory: memory}
	_, changes, err := pipeline.Survey(list.input.Contacts(), selection, known(journal, path))
	memory.Earlier = changes.Earlier
	if err != nil {
		return nil, exit.RunError(path, err)
	}
	return memory, nil
}

// replay writes what the memory has, and calls nobody.
func (a *app) replay(watch *watch, o *options.Options, list *list, journal *checkpoint.Journal, memory *pipeline.Memory, out *writer.File, checkpointPath string) error {
	tally, began := &pipeline.Tally{}, time.Now()
	observer, sink := pipeline.Observer(tally.Observe), writer.Sink(out)
	var approved *approval
	if o.Output.Approved {
		var err error
		if approved, err = onlyApproved(o, memory, checkpointPath); err != nil {
			_ = out.Abort()
			return err
		}
		observer, sink = pipeline.Observers(observer, approved.observe), &approvedSink{out, approved}
	}
	err := replayInto(watch.ctx, list, memory, sink, observer)
	if ended := watch.ended(); ended != nil {
		err = ended
	}
	if err != nil {
		_ = out.Abort()
		return exit.RunError(checkpointPath, err)
	}
	output, err := out.Finish()
	if err != nil {
		_ = out.Abort()
		return exit.OutputError(err)
	}
	if err := a.publishExport(o, list, out, output, journal, checkpointPath); err != nil {
		return err
	}
	screen := console.New(a.stderr)
	console.TellOutput(screen, output)
	r := tally.Summary().Rows
	if o.Output.Approved {
		err = approved.tell(screen, output, r)
	} else {
		fmt.Fprintf(screen, "%s: %d ok, %d not found, %d failed, %d without an answer yet\n",
			words.Count(r.Total(), "row"), r.OK, r.NotFound, r.Failed, r.NotAttempted)
	}
	report := exported(list, journal, tally.Summary(), exit.As(err))
	report.Start, report.End, report.Checkpoint = began.UTC(), time.Now().UTC(), checkpointPath
	report.Output, report.Outputs, report.Upload = output.Path, written(output), uploadOf(o.Output.Preset, output)
	return cmp.Or(err, a.writeSummary(o.Teller.Summary, report))
}

// exported is the summary of an export: the run whose answers were written, and
// what became of the rows now, without a call.
func exported(list *list, journal *checkpoint.Journal, summary pipeline.Summary, end *exit.Error) Report {
	last, _ := pipeline.LastRun(journal.RunRecords())
	profile := list.input.Profile()
	r := Report{
		Tool: words.Tool, Version: version, RunID: last.ID, Input: inputBody(profile), Mapping: mapping(profile), Question: list.settings.Fingerprint(),
		Summary: summary, Reason: "every row settled",
	}
	switch {
	case end != nil:
		r.ExitCode, r.Reason = end.Code, end.Error()
	case summary.Rows.NotAttempted > 0:
		r.Reason = "written; " + words.Count(summary.Rows.NotAttempted, "row") + " without an answer yet"
	}
	return r
}
