package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"octave-enrich/cmd/octave-enrich/accounts"
	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/help"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/octave"
)

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
		ctx, cancel := context.WithTimeout(context.Background(), accounts.Timeout)
		defer cancel()
		agents, err := client.Agents(ctx, experiments)
		if err != nil {
			return accounts.WithCode(o, err)
		}
		if o.JSON {
			return words.WriteJSON(a.stdout, append([]octave.AgentInfo{}, agents...))
		}
		if err := accounts.PrintAgents(a.stdout, agents); err != nil || len(agents) == 0 {
			return err
		}
		a.nextOnTerminal(words.Tool + " plan LIST --agent " + words.Quote(agents[0].OID))
		return nil
	})
	return cmd
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
	ctx, cancel := context.WithTimeout(context.Background(), accounts.Timeout)
	defer cancel()
	check := accounts.Check{Service: service}
	if check.Account, err = client.Validate(ctx); err != nil {
		return accounts.WithCode(o, err)
	}
	if !check.Account.Valid {
		return &exit.Error{Code: exit.Key, Err: fmt.Errorf("the service says that the key is not valid")}
	}
	if o.Question.Agent != "" {
		if check.Agent, err = client.Agent(ctx, o.Question.Agent); err != nil {
			return accounts.NoAgent(ctx, o, client, err)
		}
	}
	if o.Async.On {
		if check.Async, err = accounts.CheckVariants(a.stderr, o, client); err != nil {
			return accounts.WithCode(o, err)
		}
	}
	if o.JSON {
		return words.WriteJSON(a.stdout, check)
	}
	if err := check.Print(a.stdout); err != nil {
		return err
	}
	if o.Question.Agent == "" {
		a.nextOnTerminal(words.Tool + " agents")
	} else {
		a.nextOnTerminal(words.Tool + " plan LIST --agent " + words.Quote(o.Question.Agent))
	}
	return nil
}
