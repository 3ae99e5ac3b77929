// Package accounts is what the service says free of charge: is the key good, does
// the agent exist, what does a call cost, what is left.
package accounts

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/octave"
	"octave-enrich/pipeline"
)

// Timeout bounds the calls that are answered from a database.
const Timeout = 30 * time.Second

// WithCode gives an error of the account endpoints its code, and a key that is
// rejected a word about proxies.
func WithCode(o *options.Options, err error) error {
	var e *exit.Error
	err = exit.ServiceError(err)
	if errors.As(err, &e) && e.Code == exit.Key {
		_, e.Hint, _ = strings.Cut(KeyHint(o, err), "\n")
	}
	return err
}

// An Account asks about the account of a run or a worker.
type Account struct {
	client *octave.Client
	Agent  string // or experiment; "" when the questions name none
	say    func(msg string, fields ...zap.Field)
	Bill   func(cost octave.Decimal) string // what the questions come to; nil when that is not known

	mu     sync.Mutex
	looked bool           // the account is known, or it is known that nobody can be asked
	absent bool           // nobody can be asked
	Lack   error          // why
	Left   octave.Decimal // credits, when it looked
	Cost   octave.Decimal
	name   string // of the agent
}

// New is an account about which nothing is known yet. The agent is one or an
// experiment, "" when the questions name none; embedded is the sandbox, which costs
// nothing and has any agent that is named.
func New(client *octave.Client, agent string, embedded bool, say func(msg string, fields ...zap.Field)) *Account {
	return &Account{client: client, Agent: agent, looked: embedded, absent: embedded, say: say}
}

// Look asks about the account until it is known, and then whether the service
// answers at all. It costs nothing.
func (l *Account) Look(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.absent {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	account, err := l.client.Validate(ctx)
	switch {
	case l.looked:
		return err
	case octave.Lacks(err):
		l.looked, l.absent, l.Lack = true, true, err
		l.say("the service does not tell of the account: whether the agent exists, and what is left, is not known")
		return nil
	case err != nil:
		return final(err)
	case !account.Valid:
		return &octave.Error{Action: octave.All, Cause: octave.CauseKey, Message: "the service says that the key is not valid"}
	}
	agent, err := l.FindAgent(ctx, l.Agent)
	if err != nil {
		return final(err)
	}
	l.looked, l.Cost, l.name, l.Left = true, agent.CostToRun, agent.Name, account.Credits.TotalRemaining
	l.tell(account, agent)
	return nil
}

// Heard says whether the service has answered about the account.
func (l *Account) Heard() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.looked && !l.absent
}

// FindAgent describes an agent or experiment; the zero value for none, and when
// nobody can be asked.
func (l *Account) FindAgent(ctx context.Context, oid string) (octave.AgentInfo, error) {
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

// KnowAgents refuses questions for agents that there are not: a worker hears of an
// agent with the first question for it.
func (l *Account) KnowAgents() func(context.Context, *pipeline.Question) error {
	var known sync.Map
	return func(ctx context.Context, q *pipeline.Question) error {
		oid := cmp.Or(q.Request.AgentOID, q.Request.ExperimentOID)
		if _, ok := known.Load(oid); ok || oid == "" || !l.Heard() {
			return nil
		}
		_, err := l.FindAgent(ctx, oid)
		var coded *exit.Error
		var none *octave.Error
		switch {
		case err == nil:
			known.Store(oid, true)
		case errors.As(err, &coded) && errors.As(err, &none):
			return &octave.Error{Status: http.StatusNotFound, Action: octave.Row, Cause: octave.CauseRequest, Message: none.Message}
		}
		return nil
	}
}

// lasting says whether an error is about the request, and not about the service.
func lasting(err error) bool {
	var call *octave.Error
	return errors.As(err, &call) && call.Action == octave.Row
}

// tell says in one line what a run is about to spend.
func (l *Account) tell(account *octave.Account, agent octave.AgentInfo) {
	var said []string
	var fields []zap.Field
	if name := cmp.Or(agent.Name, l.Agent); name != "" {
		said = append(said, fmt.Sprintf("agent %q", name))
		fields = append(fields, zap.String("agent", l.Agent))
	}
	if agent.CostToRun != "" {
		said = append(said, words.Credits(string(agent.CostToRun))+" a call")
		fields = append(fields, zap.String("cost", string(agent.CostToRun)))
	}
	if left := account.Credits.TotalRemaining; left != "" {
		said = append(said, words.Credits(string(left))+" left")
		fields = append(fields, zap.String("credits_left", string(left)))
	}
	if l.Bill != nil {
		if about := l.Bill(agent.CostToRun); about != "" {
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

// KeyHint says what to do about a rejected key. A proxy that drops the header
// looks like a wrong key.
func KeyHint(o *options.Options, err error) string {
	hint := "answers so far are kept; check the key with: " + words.Tool + " check"
	if call, ok := errors.AsType[*octave.Error](err); ok && call.Status == http.StatusUnauthorized && (o.Service.BaseURL != octave.DefaultBaseURL || isProxy(call.Server)) {
		hint += "\n" + dropsHeaders
	}
	return hint
}

const dropsHeaders = "if a proxy stands before the service: nginx drops headers with an underscore, such as api_key, unless underscores_in_headers is on"

// isProxy tells by what a server calls itself: nginx/1.26.0, or "1.1 host" of Via.
func isProxy(server string) bool {
	return strings.Contains(server, "nginx") || strings.Contains(server, "openresty") || strings.HasPrefix(server, "1.1 ") || strings.HasPrefix(server, "2 ")
}
