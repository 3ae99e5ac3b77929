package accounts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/octave"
	"octave-enrich/pipeline"
	"octave-enrich/reader"
)

// PrintAgents lists agents for people.
func PrintAgents(w io.Writer, agents []octave.AgentInfo) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "ID\tNAME\tCOST PER RUN\tDESCRIPTION\n")
	for _, agent := range agents {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", agent.OID, agent.Name, agent.CostToRun, agent.Description)
	}
	return t.Flush()
}

// NoAgent says why there is no agent, and which one was meant.
func NoAgent(ctx context.Context, o *options.Options, client *octave.Client, err error) error {
	if lasting(err) {
		if _, why := New(client, "", false, nil).FindAgent(ctx, o.Question.Agent); why != nil {
			err = why
		}
	}
	return exit.ServiceError(err)
}

// Describe asks what the agent is. Only the list of all agents tells of steps.
func (l *Account) Describe(ctx context.Context) (pipeline.AgentBody, bool) {
	all, err := l.client.Agents(ctx, true)
	for _, agent := range all {
		if agent.OID == l.Agent {
			return pipeline.AgentBody{OID: agent.OID, Name: agent.Name, Steps: stepsOf(agent)}, true
		}
	}
	var call *octave.Error
	if l.name == "" || err != nil && !errors.As(err, &call) {
		return pipeline.AgentBody{}, false
	}
	return pipeline.AgentBody{OID: l.Agent, Name: l.name}, true
}

// stepsOf reads what is not documented: a list of steps, or their number.
func stepsOf(agent octave.AgentInfo) (n int) {
	var list []json.RawMessage
	if json.Unmarshal(agent.Steps, &list) == nil {
		return len(list)
	}
	_ = json.Unmarshal(agent.Steps, &n)
	return max(n, 0)
}

// noSuchAgent names those that were meant, by id or by name, or a few that there
// are.
func noSuchAgent(oid string, agents []octave.AgentInfo) error {
	near := nearAgents(oid, agents)
	text := fmt.Sprintf("there is no agent %s in this workspace", oid)
	switch {
	case len(near) > 0:
		text += "; did you mean " + strings.Join(near, " or ") + "?"
	case len(agents) > 0:
		for _, agent := range agents[:min(len(agents), fewAgents)] {
			near = append(near, called(agent))
		}
		text += fmt.Sprintf("; there are %s, such as %s", words.Count(len(agents), "agent"), strings.Join(near, ", "))
	}
	return &exit.Error{Code: exit.Usage, Hint: "list them with: " + words.Tool + " agents",
		Err: &octave.Error{Action: octave.All, Cause: octave.CauseRequest, Message: text}}
}

// fewAgents are as many as are named in one line.
const fewAgents = 3

func nearAgents(oid string, agents []octave.AgentInfo) (near []string) {
	for rest := slices.Clone(agents); len(near) < fewAgents; {
		var names []string
		for _, agent := range rest {
			names = append(names, agent.OID, agent.Name)
		}
		meant := reader.Nearest(oid, names)
		i := slices.IndexFunc(rest, func(a octave.AgentInfo) bool { return a.OID == meant || a.Name == meant })
		if meant == "" || i < 0 {
			break
		}
		near = append(near, called(rest[i]))
		rest = slices.Delete(rest, i, i+1)
	}
	return near
}

func called(agent octave.AgentInfo) string { return fmt.Sprintf("%s (%s)", agent.OID, agent.Name) }
