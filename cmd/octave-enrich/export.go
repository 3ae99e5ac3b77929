package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"octave-enrich/checkpoint"
	"octave-enrich/cmd/octave-enrich/console"
	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/pipeline"
	"octave-enrich/reader"
	"octave-enrich/writer"
)

func newExport(a *app) *cobra.Command {
	o := &options{}
	cmd := &cobra.Command{
		Use:   "export INPUT... [-o OUTPUT]",
		Short: "The output again, from the checkpoint alone, in any format or preset",
		Long:  exportHelp,
		Example: `  octave-enrich export people.csv -o people.jsonl
  octave-enrich export people.csv --preset lemlist     into people.lemlist.csv`,
		Args: args(cobra.MinimumNArgs(1)),
	}
	fs := cmd.Flags()
	o.inputFlags(fs)
	o.skipFlags(fs)
	o.questionFlags(fs)
	o.outputFlags(fs)
	o.ageFlag(fs)
	o.approvedFlag(fs)
	o.summaryFlag(fs)
	o.configFlag(fs)
	cmd.RunE = a.configured(o, func(_ *cobra.Command, inputs []string) error {
		return a.export(o, inputs, settingsGiven(fs.Changed), fs.Changed("emails"))
	})
	return cmd
}

// settingsGiven says whether any flag that makes questions was given.
func settingsGiven(changed func(string) bool) bool {
	for _, flag := range []string{"agent", "experiment", "set", "context", "instructions", "template"} {
		if changed(flag) {
			return true
		}
	}
	return false
}

func (a *app) export(o *options, inputs []string, settingsGiven, emailsGiven bool) error {
	o.neverCalls = true
	if o.checkpointPath == "" {
		o.checkpointPath = o.defaultCheckpoint(inputs)
	}
	if o.checkpointPath == "" && o.output == "" {
		return &exit.Error{Code: exit.Usage, Err: fmt.Errorf("no checkpoint of %s is found", strings.Join(inputs, ", ")),
			Hint: "name it with --checkpoint FILE, and the output with -o FILE"}
	}
	watch := a.watch()
	defer watch.unlisten()
	places, err := o.places(inputs)
	if err != nil {
		return err
	}
	files := o.paths(inputs, places)
	if err := errors.Join(files.check(), files.folders()); err != nil {
		return err
	}
	if err := checkFile("summary", o.summary, places.output); err != nil {
		return err
	}
	journal, err := a.openForReading(o, places.checkpoint, settingsGiven)
	if err != nil {
		return err
	}
	defer journal.Close()
	list, err := a.openList(o, inputs)
	if err != nil {
		return err
	}
	defer list.input.Close()
	memory, err := o.exportMemory(list, journal, places.checkpoint)
	if err != nil {
		return err
	}
	for _, note := range append(list.input.Profile().Told(), o.notes(list)...) {
		fmt.Fprintf(a.stderr, "note: %s\n", note)
	}
	if err := o.mayWrite(o.outputs(places.output), journal); err != nil {
		return err
	}
	if err := o.fits(places.output, list); err != nil {
		return err
	}
	tune(max(list.input.Profile().Rows, journal.Len()))
	watch.begin("stopping; no output is written")
	opt, err := o.writerOptions(a, list.input.Columns(), emailsGiven, filepath.Dir(places.checkpoint))
	if err != nil {
		return err
	}
	opt.Header = list.input.Header()
	out, err := writer.Create(places.output, opt)
	if err != nil {
		return createError(err)
	}
	return a.replay(watch, o, list, journal, memory, out, places.checkpoint)
}

// defaultCheckpoint is the one that run would have used for these inputs.
func (o *options) defaultCheckpoint(inputs []string) string {
	if len(inputs) == 1 && inputs[0] != "-" {
		if path := defaultOutput(inputs[0], "") + ".checkpoint"; exists(path) {
			return path
		}
		if beside, err := checkpointOf(o.output); o.output != "" && (err != nil || exists(beside)) {
			return ""
		}
		if used := checkpointsOf(inputs[0]); len(used) == 1 {
			return used[0]
		}
	}
	return ""
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// openForReading opens a checkpoint beside a run that may be going on, and takes
// from it what the flags do not say.
func (a *app) openForReading(o *options, path string, settingsGiven bool) (*checkpoint.Journal, error) {
	if err := checkpoint.Chosen(path, nil); err != nil { // whether or not it is there
		return nil, exit.CheckpointError(path, err)
	}
	if _, err := os.Stat(path); err != nil {
		end := exit.NoFile(path, err)
		end.Hint = "name the checkpoint of the run with --checkpoint FILE"
		return nil, end
	}
	journal, err := checkpoint.Open(path, checkpoint.Options{ReadOnly: true})
	if err != nil {
		return nil, exit.CheckpointError(path, err)
	}
	if last, ok := lastRun(journal); ok && !settingsGiven {
		o.take(last)
	}
	return journal, nil
}

// take makes the settings of an earlier run those of this command.
func (o *options) take(last pipeline.RunBody) {
	s := last.Settings
	o.agent, o.experiment, o.context, o.instructions = s.Agent, s.Experiment, s.Context, s.Instructions
	o.set, o.templates = unpair(s.Set), unpair(s.Templates)
	if len(o.skip) == 0 && slices.Contains(last.Skip, skipDuplicate) {
		o.skip = []string{skipDuplicate} // or the other rows of a person have no answer
	}
	if len(o.maps) == 0 && o.mapFile == "" {
		o.maps, o.pinned = mapFlags(s.Map), last.Pinned
	}
}

func unpair(m map[string]string) (list []string) {
	for name, value := range m {
		list = append(list, name+"="+value)
	}
	return list
}

// mapFlags are columns as --map takes them, one to each.
func mapFlags(m map[string]reader.Columns) (list []string) {
	for field, columns := range m {
		for _, header := range columns {
			list = append(list, field+"="+header)
		}
	}
	return list
}

// recordExport remembers what was written, so that the next export may replace
// it. While a run holds the checkpoint it cannot: that file then takes --force.
func recordExport(path string, output writer.Output) error {
	if output.Path == "-" {
		return nil
	}
	journal, err := checkpoint.Open(path, checkpoint.Options{})
	if errors.Is(err, checkpoint.ErrLocked) || errors.Is(err, fs.ErrPermission) {
		return nil
	}
	if err != nil {
		return exit.CheckpointError(path, err)
	}
	if err := recordOutput(journal, path, output); err != nil {
		_ = journal.Close()
		return err
	}
	if err := journal.Close(); err != nil {
		return exit.CheckpointError(path, err)
	}
	return nil
}

// exportMemory follows what the last run decided about contacts whose question
// changed, when these are its questions.
func (o *options) exportMemory(list *list, journal *checkpoint.Journal, path string) (*pipeline.Memory, error) {
	memory := o.memory(journal, list.skip)
	memory.KeepFailures, memory.Strict = true, memory.MaxAge > 0
	if err := list.meet(memory); err != nil {
		return nil, err
	}
	last, ok := lastRun(journal)
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
func (a *app) replay(watch *watch, o *options, list *list, journal *checkpoint.Journal, memory *pipeline.Memory, out *writer.File, checkpointPath string) error {
	tally, began := &pipeline.Tally{}, time.Now()
	observer, sink := pipeline.Observer(tally.Observe), writer.Sink(out)
	var approved *approval
	if o.approved {
		var err error
		if approved, err = o.onlyApproved(memory, checkpointPath); err != nil {
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
	if err := recordExport(checkpointPath, output); err != nil {
		return err
	}
	if err := o.publish(out, output, journal, checkpointPath); err != nil {
		return err
	}
	screen := console.New(a.stderr)
	console.TellOutput(screen, output)
	r := tally.Summary().Rows
	if o.approved {
		err = approved.tell(screen, output, r)
	} else {
		fmt.Fprintf(screen, "%s: %d ok, %d not found, %d failed, %d without an answer yet\n",
			words.Count(r.Total(), "row"), r.OK, r.NotFound, r.Failed, r.NotAttempted)
	}
	report := exported(list, journal, tally.Summary(), exit.As(err))
	report.Start, report.End, report.Checkpoint = began.UTC(), time.Now().UTC(), checkpointPath
	report.Output, report.Outputs, report.Upload = output.Path, written(output), uploadOf(o.preset, output)
	return cmp.Or(err, a.writeSummary(o.summary, report))
}

// exported is the summary of an export: the run whose answers were written, and
// what became of the rows now, without a call.
func exported(list *list, journal *checkpoint.Journal, summary pipeline.Summary, end *exit.Error) Report {
	last, _ := lastRun(journal)
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
