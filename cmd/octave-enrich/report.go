package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"octave-enrich/checkpoint"
	"octave-enrich/checkpoint/durable"
	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/help"
	"octave-enrich/cmd/octave-enrich/outputs"
	"octave-enrich/cmd/octave-enrich/paths"
	"octave-enrich/pipeline"
	"octave-enrich/pipeline/report"
)

func newReport(a *app) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:     "report CHECKPOINT [-o FILE.html]",
		Short:   "One page to read: how the runs went, and every email",
		Example: "  octave-enrich report people.enriched.csv.checkpoint -o people.html",
		Args:    help.Args(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, list []string) error {
			return paths.Found(list, func(path string) error {
				return a.report(path, cmp.Or(output, strings.TrimSuffix(path, ".checkpoint")+".html"))
			})
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "`FILE.html`, or - ; default: beside the checkpoint")
	return cmd
}

func (a *app) report(path, output string) error {
	files := &paths.List{}
	files.Answers(path)
	files.Replaces("the page", output)
	if err := errors.Join(files.Check(), files.Folders()); err != nil {
		return err
	}
	opt, err := outputs.PageOptions(path)
	if err != nil {
		return err
	}
	if output == "-" {
		return exit.CheckpointError(path, report.Write(a.stdout, path, opt))
	}
	if err := outputs.MayReplacePage(output); err != nil {
		return err
	}
	if err := a.notePage(path, output); err != nil {
		return err
	}
	if err := outputs.WritePage(path, output, opt); err != nil {
		return err
	}
	fmt.Fprintf(a.stderr, "wrote %s\n", output)
	return nil
}

// notePage remembers a page before it is written, so that erase names it whatever
// happens. While a run holds the checkpoint, or where it cannot be written, that is
// said instead.
func (a *app) notePage(path, output string) error {
	journal, err := checkpoint.Open(path, checkpoint.Options{})
	switch {
	case errors.Is(err, checkpoint.ErrLocked), errors.Is(err, os.ErrPermission), errors.Is(err, syscall.EROFS):
		fmt.Fprintf(a.stderr, "the checkpoint cannot be written now: erase will know the page only beside it\n")
		return nil
	case err != nil:
		return exit.CheckpointError(path, err)
	}
	return errors.Join(outputs.RecordPage(journal, path, output), journal.Close())
}

// ended notes in the checkpoint how the run ended and writes the page that was
// asked for. What ended the run stays the first error.
func (r *run) ended(end error) error {
	code, reason := exit.As(end).Told()
	body := pipeline.EndBody{ID: r.id, Summary: r.tally.Summary(), ExitCode: code, Reason: reason}
	err := errors.Join(r.tellPace(), r.append(pipeline.Ended, body))
	if r.o.Teller.Report != "" {
		err = errors.Join(err, r.writeReport())
	}
	return errors.Join(end, err)
}

func (r *run) writeReport() error {
	opt, err := outputs.PageOptions(r.answers())
	if err != nil {
		return err
	}
	if err := outputs.RecordPage(r.journal, r.places.Checkpoint, r.o.Teller.Report); err != nil && r.answers() == r.places.Checkpoint {
		return err
	}
	if err := outputs.WritePage(r.answers(), r.o.Teller.Report, opt); err != nil {
		return err
	}
	if r.app.log != nil {
		r.log.Info("wrote the report", zap.String("report", r.o.Teller.Report))
	} else {
		fmt.Fprintf(r.console, "wrote %s\n", r.o.Teller.Report)
	}
	return nil
}

// checkReport refuses a place for the page before anything is paid.
func (r *run) checkReport() error {
	page := r.o.Teller.Report
	if page == "" {
		return nil
	}
	if page == "-" {
		return exit.UsageError("--report - : name a file; standard output is for the rows")
	}
	if _, err := durable.Target(durable.OS{}, page); err != nil {
		return exit.OutputError(fmt.Errorf("--report: %w", err))
	}
	return outputs.MayReplacePage(page)
}
