package main

// What a run knows before it pays. The service answers about the account free of
// charge: is the key good, does the agent exist, what does a call cost, what is
// left. A service without such endpoints is gone on with.

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"go.uber.org/zap"

	"octave-enrich/checkpoint"
	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/octave"
	"octave-enrich/pipeline"
	"octave-enrich/reader"
)

// A lookout asks about the account of a run or a worker.
type lookout struct {
	client *octave.Client
	agent  string // or experiment; "" when the questions name none
	say    func(msg string, fields ...zap.Field)
	bill   func(cost octave.Decimal) string // what the questions come to; nil when that is not known

	mu     sync.Mutex
	looked bool           // the account is known, or it is known that nobody can be asked
	absent bool           // nobody can be asked
	lack   error          // why
	left   octave.Decimal // credits, when it looked
	cost   octave.Decimal
	name   string // of the agent
}

func (j *job) newLookout() *lookout {
	l := &lookout{client: j.client, agent: cmp.Or(j.list.settings.Agent, j.list.settings.Experiment), say: j.say, bill: j.comesTo}
	l.looked, l.absent = j.o.Service.Sandbox, j.o.Service.Sandbox // the embedded agent costs nothing, and is any that is named
	return l
}

// say tells people in a sentence, and programs in fields, too.
func (j *job) say(msg string, fields ...zap.Field) {
	if j.app.log == nil {
		fields = nil
	}
	j.log.Info(msg, fields...)
}

// look asks about the account before the first call. What no call can get past ends
// the run before there is one; a service that does not answer yet is met by the calls.
func (j *job) look(ctx context.Context, brake *pipeline.Brake) *lookout {
	l := j.newLookout()
	ctx, cancel := brake.Bound(ctx)
	defer cancel()
	err := l.Look(ctx)
	var call *octave.Error
	switch {
	case err == nil, brake.Reason() != nil:
	case errors.As(err, &call) && call.Action == octave.All:
		brake.Pull(err)
	default:
		j.log.Warn("the service does not answer about the account", zap.String("error", words.Masked(err.Error())))
	}
	if cost, err := pipeline.ParseAmount(string(l.cost)); err == nil {
		j.budgets.CostToRun = cost
	}
	j.left = string(l.left)
	calls, _ := j.budgets.Affords(j.toAsk, j.budgets.Expected())
	j.expect(calls)
	return l
}

// proven says whether the checkpoint holds an answer of this run's agent.
func (j *job) proven() (bool, error) {
	for entry, err := range checkpoint.Records(j.places.Checkpoint, nil) {
		if err != nil {
			return false, &pipeline.JournalError{Err: err}
		}
		var body struct {
			Request struct {
				Agent      string `json:"agentOId"`
				Experiment string `json:"experimentOId"`
			} `json:"request"`
		}
		if entry.Type == checkpoint.Answered && json.Unmarshal(entry.Body, &body) == nil &&
			body.Request.Agent == j.list.settings.Agent && body.Request.Experiment == j.list.settings.Experiment {
			return true, nil
		}
	}
	return false, nil
}

// Look asks about the account until it is known, and then whether the service
// answers at all. It costs nothing.
func (l *lookout) Look(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.absent {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, accountTimeout)
	defer cancel()
	account, err := l.client.Validate(ctx)
	switch {
	case l.looked:
		return err
	case octave.Lacks(err):
		l.looked, l.absent, l.lack = true, true, err
		l.say("the service does not tell of the account: whether the agent exists, and what is left, is not known")
		return nil
	case err != nil:
		return final(err)
	case !account.Valid:
		return &octave.Error{Action: octave.All, Cause: octave.CauseKey, Message: "the service says that the key is not valid"}
	}
	agent, err := l.findAgent(ctx, l.agent)
	if err != nil {
		return final(err)
	}
	l.looked, l.cost, l.name, l.left = true, agent.CostToRun, agent.Name, account.Credits.TotalRemaining
	l.tell(account, agent)
	return nil
}

// heard says whether the service has answered about the account.
func (l *lookout) heard() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.looked && !l.absent
}

// findAgent describes an agent or experiment; the zero value for none, and when
// nobody can be asked.
func (l *lookout) findAgent(ctx context.Context, oid string) (octave.AgentInfo, error) {
	if oid == "" {
		return octave.AgentInfo{}, nil
	}
	switch agent, err := l.client.Agent(ctx, oid); {
	case err == nil:
		return octave.AgentInfo{OID: agent.OID, Name: agent.Name, CostToRun: agent.CostToRun}, nil
	case !lasting(err):
		return octave.AgentInfo{}, err
	}
	// It is not there, or it is an experiment, or the service does not tell.
	agents, err := l.client.Agents(ctx, true)
	switch {
	case octave.Lacks(err):
		return octave.AgentInfo{}, nil
	case err != nil:
		return octave.AgentInfo{}, err
	}
	for _, agent := range agents {
		if agent.OID == oid {
			return agent, nil
		}
	}
	return octave.AgentInfo{}, noSuchAgent(oid, agents)
}

// knowAgents refuses questions for agents that there are not: a worker hears of an
// agent with the first question for it.
func (l *lookout) knowAgents(call pipeline.Agent) pipeline.Agent {
	var known sync.Map
	return func(ctx context.Context, q *pipeline.Question) (*octave.Answer, error) {
		oid := cmp.Or(q.Request.AgentOID, q.Request.ExperimentOID)
		if _, ok := known.Load(oid); ok || oid == "" || !l.heard() {
			return call(ctx, q)
		}
		_, err := l.findAgent(ctx, oid)
		var coded *exit.Error
		var none *octave.Error
		switch {
		case err == nil:
			known.Store(oid, true)
		case errors.As(err, &coded) && errors.As(err, &none):
			return nil, &octave.Error{Status: http.StatusNotFound, Action: octave.Row, Cause: octave.CauseRequest, Message: none.Message}
		}
		return call(ctx, q)
	}
}

// lasting says whether an error is about the request, and not about the service.
func lasting(err error) bool {
	var call *octave.Error
	return errors.As(err, &call) && call.Action == octave.Row
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

// tell says in one line what a run is about to spend.
func (l *lookout) tell(account *octave.Account, agent octave.AgentInfo) {
	var said []string
	var fields []zap.Field
	if name := cmp.Or(agent.Name, l.agent); name != "" {
		said = append(said, fmt.Sprintf("agent %q", name))
		fields = append(fields, zap.String("agent", l.agent))
	}
	if agent.CostToRun != "" {
		said = append(said, words.Credits(string(agent.CostToRun))+" a call")
		fields = append(fields, zap.String("cost", string(agent.CostToRun)))
	}
	if left := account.Credits.TotalRemaining; left != "" {
		said = append(said, words.Credits(string(left))+" left")
		fields = append(fields, zap.String("credits_left", string(left)))
	}
	if l.bill != nil {
		if about := l.bill(agent.CostToRun); about != "" {
			said[len(said)-1] += "; " + about
		}
	}
	if len(said) > 0 {
		l.say(strings.Join(said, ", "), fields...)
	}
}

// final makes an error that waiting does not mend the end of the run: no call of
// it was answered yet.
func final(err error) error {
	var call *octave.Error
	if !errors.As(err, &call) || call.Trouble == 0 {
		return err
	}
	stop := *call
	stop.Action = octave.All
	return &stop
}

// keyHint says what to do about a rejected key. A proxy that drops the header
// looks like a wrong key.
func keyHint(o *options.Options, err error) string {
	hint := "answers so far are kept; check the key with: " + words.Tool + " check"
	var call *octave.Error
	if errors.As(err, &call) && call.Status == http.StatusUnauthorized && (o.Service.BaseURL != octave.DefaultBaseURL || isProxy(call.Server)) {
		hint += "\n" + dropsHeaders
	}
	return hint
}

const dropsHeaders = "if a proxy stands before the service: nginx drops headers with an underscore, such as api_key, unless underscores_in_headers is on"

// isProxy tells by what a server calls itself: nginx/1.26.0, or "1.1 host" of Via.
func isProxy(server string) bool {
	return strings.Contains(server, "nginx") || strings.Contains(server, "openresty") || strings.HasPrefix(server, "1.1 ") || strings.HasPrefix(server, "2 ")
}
