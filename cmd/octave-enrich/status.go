package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"octave-enrich/cmd/octave-enrich/checkpoints"
	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/help"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/cmd/octave-enrich/paths"
	"octave-enrich/cmd/octave-enrich/words"
)

func newStatus(a *app) *cobra.Command {
	o := &options.Options{}
	var by string
	cmd := &cobra.Command{
		Use:     "status CHECKPOINT",
		Short:   "What a checkpoint holds",
		Example: "  octave-enrich status people.enriched.csv.checkpoint\n  octave-enrich status people.enriched.csv.checkpoint --json | jq .possibly_billed",
		Args:    help.Args(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, list []string) error {
			return paths.Found(list, func(path string) error { return a.status(o, by, path) })
		},
	}
	o.JSONFlag(cmd.Flags())
	cmd.Flags().StringVar(&by, "by", "", "what was spent, `PART` by part: run or day")
	return cmd
}

func (a *app) status(o *options.Options, by, path string) error {
	if err := options.OneOf("by", by, "", "run", "day"); err != nil {
		return err
	}
	status, err := checkpoints.ReadStatus(path, by)
	if err != nil {
		return exit.CheckpointError(path, err)
	}
	if o.JSON {
		err = words.WriteJSON(a.stdout, status)
	} else {
		err = status.Print(a.stdout)
	}
	if err == nil && len(status.Damage) > 0 {
		return &exit.Error{Code: exit.Damaged, Err: fmt.Errorf("%s is damaged; what is listed is whole", path)}
	}
	return err
}
