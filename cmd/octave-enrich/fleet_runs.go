package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"octave-enrich/cmd/octave-enrich/accounts"
	"octave-enrich/cmd/octave-enrich/help"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/pipeline/fleet"
)

// A handling is one of the commands that hold or end a run.
type handling struct {
	name, short, done string
	do                func(*fleet.DB, context.Context, string) (fleet.Handled, error)
}

// handlings are cancel, pause and resume.
func handlings() []handling {
	return []handling{
		{"cancel", "End a run of a fleet: nothing more is asked for it", "cancelled", (*fleet.DB).Cancel},
		{"pause", "Have nothing asked for a run of a fleet until it is resumed", "paused", (*fleet.DB).Pause},
		{"resume", "Let a run of a fleet go on that was paused, or that nobody watched", "resumed", (*fleet.DB).Resume},
	}
}

func newFleetHandle(a *app, h handling) *cobra.Command {
	o := &options.Options{}
	cmd := &cobra.Command{
		Use:     h.name + " RUN",
		Short:   h.short,
		Example: "  octave-enrich fleet status\n  octave-enrich fleet " + h.name + " 3f0c",
		Args:    help.Args(cobra.ExactArgs(1)),
	}
	fs := cmd.Flags()
	o.FleetFlags(fs)
	o.ConfigFlag(fs)
	cmd.RunE = options.Configured(o, func(_ *cobra.Command, args []string) error {
		ctx, cancel := context.WithTimeout(context.Background(), accounts.Timeout)
		defer cancel()
		db, err := joinFleet(ctx, o)
		if err != nil {
			return err
		}
		defer db.Close()
		run, err := h.do(db, ctx, args[0])
		if err != nil {
			return fleetError(err)
		}
		fmt.Fprintf(a.stdout, "%s run %s of %s, by %s on %s\n", h.done, run.ID, run.List, run.User, run.Host)
		if run.OnWire > 0 && h.name != "resume" {
			fmt.Fprintf(a.stdout, "%s on the wire: what comes of it is kept\n", words.Count(run.OnWire, "call"))
		}
		if run.Submitted > 0 {
			fmt.Fprintf(a.stdout, "%s submitted: workers poll for the answers, which are paid for, and keep them\n", words.Count(run.Submitted, "call"))
		}
		if !run.Alive {
			fmt.Fprintf(a.stdout, "nobody has watched it since %s\n", run.Seen.Local().Format(time.DateTime))
		}
		return nil
	})
	return cmd
}
