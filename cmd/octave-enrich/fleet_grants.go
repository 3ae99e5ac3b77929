package main

import (
	"cmp"
	"fmt"

	"github.com/spf13/cobra"

	"octave-enrich/cmd/octave-enrich/help"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/pipeline/fleet"
)

// usualDatabase is what a fleet's database is called in the pages.
const usualDatabase = "fleet"

func newFleetGrants(a *app) *cobra.Command {
	o := &options.Options{}
	cmd := &cobra.Command{
		Use:     "grants",
		Short:   "Print the SQL that gives workers, runs and watchers a user each, with what it needs",
		Example: "  octave-enrich fleet grants | psql \"postgres://owner@db.internal/fleet?sslmode=verify-full\"",
		Args:    help.Args(cobra.NoArgs),
	}
	fs := cmd.Flags()
	o.FleetFlags(fs)
	o.ConfigFlag(fs)
	cmd.RunE = options.Configured(o, func(*cobra.Command, []string) error {
		database := usualDatabase
		if o.Fleet.URL != "" {
			named, err := fleet.DatabaseName(string(o.Fleet.URL))
			if err != nil {
				return fleetError(err)
			}
			database = cmp.Or(named, database)
		}
		_, err := fmt.Fprint(a.stdout, fleet.Grants(database))
		return err
	})
	return cmd
}
