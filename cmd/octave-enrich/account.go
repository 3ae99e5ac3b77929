package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/help"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/octave"
)

// accountTimeout bounds the calls that are answered from a database.
const accountTimeout = 30 * time.Second

func newAgents(a *app) *cobra.Command {
	o := &options.Options{}
	var experiments bool
	cmd := &cobra.Command{
		Use:     "agents",
		Short:   "The sequence agents of this workspace: id, name, cost per run",
		Example: "  octave-enrich agents\n  octave-enrich agents --json | jq -r '.[].oId'",
		Args:    help.Args(cobra.NoArgs),
	}
	fs := cmd.Flags()
	o.Service.Flags(fs)
	o.JSONFlag(fs)
	o.ConfigFlag(fs)
	fs.BoolVar(&experiments, "experiments", false, "list experiments, too")
	cmd.RunE = options.Configured(o, func(*cobra.Command, []string) error {
		client, err := o.NewClient(version)
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(context.Background(), accountTimeout)
		defer cancel()
		agents, err := client.Agents(ctx, experiments)
		if err != nil {
			return accountError(o, err)
		}
		if o.JSON {
			return writeJSON(a.stdout, append([]octave.AgentInfo{}, agents...))
		}
		if err := printAgents(a.stdout, agents); err != nil || len(agents) == 0 {
			return err
		}
		a.nextOnTerminal(words.Tool + " plan LIST --agent " + words.Quote(agents[0].OID))
		return nil
	})
	return cmd
}

func printAgents(w io.Writer, agents []octave.AgentInfo) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "ID\tNAME\tCOST PER RUN\tDESCRIPTION\n")
	for _, agent := range agents {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", agent.OID, agent.Name, agent.CostToRun, agent.Description)
	}
	return t.Flush()
}

// Check is what check prints as JSON.
type Check struct {
	Service string          `json:"service"`
	Account *octave.Account `json:"account"`
	Agent   *octave.Agent   `json:"agent,omitempty"`
	Async   *AsyncCheck     `json:"async,omitempty"`
}

func newCheck(a *app) *cobra.Command {
	o := &options.Options{}
	cmd := &cobra.Command{
		Use:     "check",
		Short:   "Is the key valid, what is left, does the agent exist",
		Example: "  octave-enrich check --agent ca_123",
		Args:    help.Args(cobra.NoArgs),
	}
	fs := cmd.Flags()
	o.Service.Flags(fs)
	o.Question.AgentFlag(fs)
	o.Async.Flags(fs)
	fs.IntVar(&o.Budget.Limit, "limit", 0, "with --async: `N` is 1, the one call that it costs")
	o.JSONFlag(fs)
	o.ConfigFlag(fs)
	cmd.RunE = options.Configured(o, func(*cobra.Command, []string) error { return a.check(o) })
	return cmd
}

func (a *app) check(o *options.Options) error {
	if err := mayCheckAsync(o); err != nil {
		return err
	}
	service, err := o.Service.Name()
	if err != nil {
		return err
	}
	client, err := o.NewClient(version)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), accountTimeout)
	defer cancel()
	check := Check{Service: service}
	if check.Account, err = client.Validate(ctx); err != nil {
		return accountError(o, err)
	}
	if !check.Account.Valid {
		return &exit.Error{Code: exit.Key, Err: fmt.Errorf("the service says that the key is not valid")}
	}
	if o.Question.Agent != "" {
		if check.Agent, err = client.Agent(ctx, o.Question.Agent); err != nil {
			return noAgent(ctx, o, client, err)
		}
	}
	if o.Async.On {
		if check.Async, err = a.checkVariants(o, client); err != nil {
			return accountError(o, err)
		}
	}
	if o.JSON {
		return writeJSON(a.stdout, check)
	}
	if err := check.print(a.stdout); err != nil {
		return err
	}
	if o.Question.Agent == "" {
		a.nextOnTerminal(words.Tool + " agents")
	} else {
		a.nextOnTerminal(words.Tool + " plan LIST --agent " + words.Quote(o.Question.Agent))
	}
	return nil
}

// accountError gives an error of the account endpoints its code, and a key that is
// rejected a word about proxies.
func accountError(o *options.Options, err error) error {
	var e *exit.Error
	err = exit.ServiceError(err)
	if errors.As(err, &e) && e.Code == exit.Key {
		_, e.Hint, _ = strings.Cut(keyHint(o, err), "\n")
	}
	return err
}

// noAgent says why there is no agent, and which one was meant.
func noAgent(ctx context.Context, o *options.Options, client *octave.Client, err error) error {
	if lasting(err) {
		if _, why := (&lookout{client: client}).findAgent(ctx, o.Question.Agent); why != nil {
			err = why
		}
	}
	return exit.ServiceError(err)
}

func (c Check) print(w io.Writer) error {
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
