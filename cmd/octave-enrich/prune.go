package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/help"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/cmd/octave-enrich/paths"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/pipeline/privacy"
)

func newPrune(a *app) *cobra.Command {
	var age options.Days
	cmd := &cobra.Command{
		Use:     "prune CHECKPOINT --older-than D",
		Short:   "Drop old answers from a checkpoint",
		Example: "  octave-enrich prune people.enriched.csv.checkpoint --older-than 180d",
		Args:    help.Args(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, list []string) error {
			if age == 0 {
				return exit.UsageError("how old? name an age with --older-than, such as 180d")
			}
			return paths.Found(list, func(path string) error { return a.prune(path, time.Now().Add(-time.Duration(age))) })
		},
	}
	cmd.Flags().Var(&age, "older-than", "age from which on an answer is dropped, such as 180d")
	return cmd
}

func (a *app) prune(path string, before time.Time) error {
	watch := a.watch()
	defer watch.unlisten()
	files := &paths.List{}
	files.Answers(path)
	if err := files.Check(); err != nil {
		return err
	}
	pruning, err := privacy.ReadPruning(path, before)
	if err != nil {
		return exit.CheckpointError(path, err)
	}
	watch.begin(finishing)
	done, err := pruning.Prune()
	if err != nil {
		return rewriteError(err)
	}
	fmt.Fprintf(a.stdout, "dropped %s, kept %s; %s bytes, were %s\n", words.Count(done.Dropped, "record"), words.Count(done.Kept, "record"),
		words.Thousands(int(done.After)), words.Thousands(int(done.Before)))
	if done.Decisions > 0 {
		fmt.Fprintf(a.stdout, "dropped %s of the review\n", words.Count(done.Decisions, "record"))
	}
	return nil
}
