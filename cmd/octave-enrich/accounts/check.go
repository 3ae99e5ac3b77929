package accounts

import (
	"fmt"
	"io"
	"text/tabwriter"

	"octave-enrich/octave"
)

// Check is what check prints as JSON.
type Check struct {
	Service string          `json:"service"`
	Account *octave.Account `json:"account"`
	Agent   *octave.Agent   `json:"agent,omitempty"`
	Async   *AsyncCheck     `json:"async,omitempty"`
}

// Print writes it as a table for people.
func (c Check) Print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name string, value any) {
		if s := fmt.Sprint(value); s != "" {
			fmt.Fprintf(t, "%s\t%s\n", name, s)
		}
	}
	row("service", c.Service)
	row("key", "valid")
	row("workspace", c.Account.Workspace)
	row("organization", c.Account.Organization)
	row("credits left", c.Account.Credits.TotalRemaining)
	row("credits used", c.Account.Credits.TotalUsed)
	row("quota left", c.Account.Credits.QuotaAvailable)
	if c.Agent != nil {
		row("agent", c.Agent.OID+" "+c.Agent.Name)
		row("cost per run", c.Agent.CostToRun)
		for _, warning := range c.Agent.Warnings {
			row("warning", warning)
		}
	}
	c.Async.print(row)
	return t.Flush()
}
