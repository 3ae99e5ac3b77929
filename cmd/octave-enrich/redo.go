package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"octave-enrich/cmd/octave-enrich/checkpoints"
	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/help"
	"octave-enrich/cmd/octave-enrich/marks"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/cmd/octave-enrich/paths"
	"octave-enrich/cmd/octave-enrich/words"
)

func newRedo(a *app) *cobra.Command {
	o, r := &options.Options{}, &marks.Whom{}
	cmd := &cobra.Command{
		Use:   "redo LIST --failed | --rejected | --all | --rows LIST | --people FILE",
		Short: "Mark what the next run asks again; pays nothing",
		Example: `  octave-enrich redo people.csv --rejected --with "shorter, and no jokes"
  octave-enrich redo people.csv --rows 4,17-20
  octave-enrich redo people.csv --all --undo`,
		Args: help.Args(cobra.ExactArgs(1)),
	}
	fs := cmd.Flags()
	fs.BoolVar(&r.Failed, "failed", false, "contacts whose question failed")
	fs.BoolVar(&r.Rejected, "rejected", false, "contacts that a reviewer rejected")
	fs.BoolVar(&r.All, "all", false, "every contact that has an answer or failed")
	fs.StringVar(&r.Rows, "rows", "", "rows of the list by `NUMBER`, such as 4,17-20; the header is not counted")
	fs.StringVar(&r.People, "people", "", "contacts that `FILE` lists: addresses, @domains, LinkedIn slugs or ids, one a line")
	fs.StringVar(&r.With, "with", "", "an instruction `TEXT` for these contacts alone")
	fs.BoolVar(&r.Undo, "undo", false, "take marks back that have no answer yet")
	o.List.Flags(fs)
	fs.StringVar(&o.Output.Checkpoint, "checkpoint", "", "checkpoint `FILE`; default: the one beside the list")
	fs.Var(&o.Teller.WaitLock, "wait-lock", "wait so long when a run holds the checkpoint")
	cmd.RunE = func(_ *cobra.Command, list []string) error { return a.redo(o, r, list[0]) }
	return cmd
}

func (a *app) redo(o *options.Options, r *marks.Whom, input string) error {
	selected, err := r.Selector()
	if err != nil {
		return err
	}
	path := o.Output.Checkpoint
	if path == "" {
		if path, err = paths.Checkpoint(input); err != nil {
			return err
		}
	}
	header, err := paths.Header(path)
	if err != nil {
		return exit.CheckpointError(path, err)
	}
	journal, err := checkpoints.OpenForRun(o, path, toolVersion(), header.Service, func() {}, nil)
	if err != nil {
		return err
	}
	tally, err := marks.Mark(o, r, selected, journal, path, input, a.stdin)
	if err == nil {
		err = a.tellRedo(tally, path)
	}
	if closed := journal.Close(); err == nil && closed != nil {
		err = exit.CheckpointError(path, closed)
	}
	return err
}

// tellRedo says what was marked, what that will cost and what to do next.
func (a *app) tellRedo(t *marks.Tally, path string) error {
	if t.Selected == 0 {
		return &exit.Error{Code: exit.RowsFailed, Err: fmt.Errorf("nobody in the list is meant: nothing was marked")}
	}
	if t.Body.Undo {
		fmt.Fprintf(a.stdout, "%s of %s: not asked again%s\n", words.Thousands(t.Undone), words.Count(t.Selected, "contact"), unasked(t))
		return nil
	}
	fmt.Fprintf(a.stdout, "marked %s of %s", words.Thousands(len(t.Body.Keys)), words.Count(t.Selected, "contact"))
	if t.Open > 0 {
		fmt.Fprintf(a.stdout, "; %s marked before", words.Thousands(t.Open))
	}
	fmt.Fprint(a.stdout, unasked(t))
	past, journal, err := checkpoints.OpenPast(path)
	if err != nil {
		return err
	}
	_ = journal.Close() // only read
	calls := len(t.Body.Keys) + t.Open
	fmt.Fprintf(a.stdout, "\n%s", words.Count(calls, "call"))
	if each, known := past.PerAnswer(); known {
		fmt.Fprintf(a.stdout, ", about %s (answers so far cost %s each, as reported by the service)", words.Credits(each.Mul(calls).String()), words.Credits(each.String()))
	}
	fmt.Fprintf(a.stdout, "\nnothing was paid; to ask again: %s\n", t.Command)
	return nil
}

// unasked says how many a run asks whether they are marked or not.
func unasked(t *marks.Tally) string {
	if t.Unasked == 0 {
		return ""
	}
	return fmt.Sprintf("; %s without an answer, which a run asks anyway", words.Thousands(t.Unasked))
}
