package main

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"octave-enrich/cmd/octave-enrich/checkpoints"
	"octave-enrich/cmd/octave-enrich/console"
	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/help"
	"octave-enrich/cmd/octave-enrich/lists"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/cmd/octave-enrich/outputs"
	"octave-enrich/cmd/octave-enrich/paths"
	"octave-enrich/cmd/octave-enrich/telling"
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
	o.Budget.AgeFlag(fs)
	o.Output.ApprovedFlag(fs)
	o.Teller.SummaryFlag(fs)
	o.ConfigFlag(fs)
	cmd.RunE = options.Configured(o, func(_ *cobra.Command, inputs []string) error {
		return a.export(o, inputs)
	})
	return cmd
}

func (a *app) export(o *options.Options, inputs []string) (err error) {
	watch := a.watch()
	defer watch.unlisten()
	places, err := exportPlaces(o, inputs)
	if err != nil {
		return err
	}
	journal, err := checkpoints.OpenForExport(o, places.Checkpoint)
	if err != nil {
		return err
	}
	defer func() {
		if closed := journal.Close(); err == nil { // --new has noted there who is in the file
			err = exit.CheckpointError(places.Checkpoint, closed)
		}
	}()
	list, err := lists.Open(o, inputs, a.stdin)
	if err != nil {
		return err
	}
	defer list.Input.Close()
	memory, err := outputs.Memory(o, list, journal, places.Checkpoint)
	if err != nil {
		return err
	}
	note := func(text string) {
		if text != "" {
			fmt.Fprintf(a.stderr, "note: %s\n", text)
		}
	}
	notes := append(list.Input.Profile().Told(), lists.Notes(o, list)...)
	if !o.Output.Approved {
		notes = append(notes, outputs.Unused(list, memory, places.Checkpoint))
	}
	for _, text := range notes {
		note(text)
	}
	p := outputs.Publication{Options: o, List: list, Journal: journal, Checkpoint: places.Checkpoint, Seen: outputs.Seen{}}
	if err := p.Seen.MayReplace(o, o.Output.Files(places.Output), journal); err != nil {
		return err
	}
	if err := outputs.Fits(o, places.Output, list); err != nil {
		return err
	}
	tune(max(list.Input.Profile().Rows, journal.Len()))
	watch.begin("stopping; no output is written")
	out, err := outputs.Create(o, list, journal, places, a.stdout, note)
	if err != nil {
		return err
	}
	return a.replay(watch, p, memory, out)
}

// exportPlaces finds the files of an export, and refuses those that cannot be.
func exportPlaces(o *options.Options, inputs []string) (options.Places, error) {
	o.NeverCalls = true
	if err := errors.Join(o.Output.CheckNew(), o.Output.CheckEmails(), o.CheckEmpty()); err != nil {
		return options.Places{}, err
	}
	if o.Output.Checkpoint == "" {
		o.Output.Checkpoint = paths.DefaultCheckpoint(o, inputs)
	}
	if o.Output.Checkpoint == "" && o.Output.Path == "" {
		return options.Places{}, &exit.Error{Code: exit.Usage, Err: fmt.Errorf("no checkpoint of %s is found", strings.Join(inputs, ", ")),
			Hint: "name it with --checkpoint FILE, and the output with -o FILE"}
	}
	places, err := o.Places(inputs)
	if err != nil {
		return places, err
	}
	files := paths.Of(o, inputs, places)
	if err := errors.Join(files.Check(), files.Folders()); err != nil {
		return places, err
	}
	return places, telling.CheckFile("summary", o.Teller.Summary, places.Output)
}

// replay writes what the memory has, and calls nobody.
func (a *app) replay(watch *watch, p outputs.Publication, memory *pipeline.Memory, out *writer.File) error {
	o, list := p.Options, p.List
	tally, began := &pipeline.Tally{}, time.Now()
	observer, sink := pipeline.Observer(tally.Observe), writer.Sink(out)
	var approved *outputs.Approval
	if o.Output.Approved {
		var err error
		if approved, err = outputs.OnlyApproved(o, list, memory, p.Checkpoint); err != nil {
			_ = out.Abort()
			return err
		}
		observer, sink = approved.Observer(observer), approved.Sink(out)
	}
	err := outputs.Replay(watch.ctx, list, memory, sink, observer)
	if ended := watch.ended(); ended != nil {
		err = ended
	}
	if err != nil {
		_ = out.Abort()
		return exit.RunError(p.Checkpoint, err)
	}
	output, err := outputs.Finish(out)
	if err != nil {
		return err
	}
	if err := p.Export(a.stderr, out, output); err != nil {
		return err
	}
	screen := console.New(a.stderr)
	console.TellOutput(screen, output)
	r := tally.Summary().Rows
	if o.Output.Approved {
		err = approved.Tell(screen, output, r)
	} else {
		fmt.Fprintf(screen, "%s: %d ok, %d not found, %d failed, %d without an answer yet\n",
			words.Count(r.Total(), "row"), r.OK, r.NotFound, r.Failed, r.NotAttempted)
	}
	report := exported(p, tally.Summary(), exit.As(err))
	report.Start, report.End, report.Checkpoint = began.UTC(), time.Now().UTC(), p.Checkpoint
	report.Output, report.Outputs, report.Upload = output.Path, outputs.Files(output), outputs.UploadOf(o.Output.Preset, output)
	return cmp.Or(err, report.Write(o.Teller.Summary, a.stdout))
}

// exported is the summary of an export: the run whose answers were written, and
// what became of the rows now, without a call.
func exported(p outputs.Publication, summary pipeline.Summary, end *exit.Error) telling.Summary {
	list := p.List
	last, _ := pipeline.LastRun(p.Journal.RunRecords())
	profile := list.Input.Profile()
	r := telling.Summary{
		Tool: words.Tool, Version: version, RunID: last.ID, Input: lists.InputOf(profile), Mapping: lists.MappingOf(profile), Question: list.Settings.Fingerprint(),
		Summary: summary,
	}
	r.ExitCode, r.Reason = end.Told()
	lack := " without an answer yet"
	if p.Options.Output.Approved {
		lack = " not approved"
	}
	if end == nil && summary.Rows.NotAttempted > 0 {
		r.Reason = "written; " + words.Count(summary.Rows.NotAttempted, "row") + lack
	}
	return r
}
