package octave

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
)

// Account is what GET /api/v2/api-key/validate says of the key. Asking costs
// nothing and is limited to 1000 calls a minute (documented).
type Account struct {
	Valid        bool    `json:"valid"`
	Workspace    string  `json:"workspaceName"`    // newer answers only
	Organization string  `json:"organizationName"` // newer answers only
	Credits      Credits `json:"credits"`
}

// Credits are the amounts of an account, each "" when not said.
type Credits struct {
	TotalUsed        Decimal `json:"totalUsed"`
	TotalRemaining   Decimal `json:"totalRemaining"`
	TotalMax         Decimal `json:"totalMax"`
	QuotaUsed        Decimal `json:"quotaUsed"`
	QuotaAvailable   Decimal `json:"quotaAvailable"`
	QuotaMax         Decimal `json:"quotaMax"`
	Period           string  `json:"period"`
	CreditsUsed      Decimal `json:"creditsUsed"`
	CreditsAvailable Decimal `json:"creditsAvailable"`
}

// Agent is one agent of the workspace in full.
type Agent struct {
	OID         string   `json:"oId"`
	Name        string   `json:"name"`
	Description string   `json:"description"`
	CostToRun   Decimal  `json:"costToRun"` // per contact, in credits
	Warnings    []string `json:"warnings"`
}

// AgentInfo is one line of the list of agents.
type AgentInfo struct {
	OID         string          `json:"oId"`
	Name        string          `json:"name"`
	Description string          `json:"description"`
	Type        string          `json:"type"` // EMAIL for sequence agents
	CostToRun   Decimal         `json:"costToRun"`
	ItemType    string          `json:"itemType"` // tells agents from experiments
	Steps       json.RawMessage `json:"steps"`    // undocumented
}

const (
	pageSize  = 10     // of the list of agents: the service's default
	maxAgents = 10_000 // a list that goes on beyond is a service gone wrong
)

// Validate asks whether the key is valid and what it may spend. A rejected key
// is an *[Error] of CauseKey.
func (c *Client) Validate(ctx context.Context) (*Account, error) {
	var account Account
	if err := c.get(ctx, "api/v2/api-key/validate", nil, &account); err != nil {
		return nil, err
	}
	return &account, nil
}

// Agent describes the agent of that id.
func (c *Client) Agent(ctx context.Context, oid string) (*Agent, error) {
	var answer struct {
		Data *Agent `json:"data"`
	}
	if err := c.get(ctx, "api/v2/agents/get", url.Values{"oId": {oid}}, &answer); err != nil {
		return nil, err
	}
	if answer.Data == nil {
		return nil, &Error{Status: http.StatusOK, Action: Row, Cause: CauseRequest, Message: "no such agent"}
	}
	return answer.Data, nil
}

// Agents lists the sequence agents of the workspace, and with them, if asked,
// the experiments.
func (c *Client) Agents(ctx context.Context, includeExperiments bool) ([]AgentInfo, error) {
	var all []AgentInfo
	seen := map[string]bool{}
	for offset := 0; ; {
		page, more, err := c.agentsPage(ctx, offset, includeExperiments)
		if err != nil {
			return nil, err
		}
		offset += len(page)
		known := len(all)
		for _, a := range page {
			if !seen[a.OID] {
				seen[a.OID] = true
				all = append(all, a)
			}
		}
		// A page without a new agent would come again for ever.
		if !more || len(all) == known {
			return all, nil
		}
		if len(all) >= maxAgents {
			return nil, &Error{Status: http.StatusOK, Action: Row, Cause: CauseServer,
				Message: fmt.Sprintf("the list of agents has no end after %d", len(all))}
		}
	}
}

func (c *Client) agentsPage(ctx context.Context, offset int, experiments bool) ([]AgentInfo, bool, error) {
	var page struct {
		HasNext bool        `json:"hasNext"`
		Data    []AgentInfo `json:"data"`
	}
	err := c.get(ctx, "api/v2/agents/list", url.Values{
		"type":               {"EMAIL"},
		"offset":             {strconv.Itoa(offset)},
		"limit":              {strconv.Itoa(pageSize)},
		"includeExperiments": {strconv.FormatBool(experiments)},
	}, &page)
	return page.Data, page.HasNext, err
}

// Lacks says whether an error of the account and agents endpoints means that the
// service does not have them: a status that says so, or a page for people.
func Lacks(err error) bool {
	var e *Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Status {
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return true
	}
	return e.Status/100 == 2 && e.Cause == CauseServer
}

// get reads a JSON object into v. A field of an unexpected type stays empty;
// the fields beside it are read all the same.
func (c *Client) get(ctx context.Context, path string, query url.Values, v any) error {
	u := c.base.JoinPath(path)
	u.RawQuery = query.Encode()
	body, err := c.call(ctx, call{method: http.MethodGet, url: u.String()})
	if err != nil {
		return err
	}
	err = json.Unmarshal(body, v)
	if odd := (*json.UnmarshalTypeError)(nil); err != nil && (!errors.As(err, &odd) || !value(bytes.TrimSpace(body)).isObject()) {
		return &Error{Status: http.StatusOK, Action: Again, Cause: CauseServer,
			Message: c.words("broken answer: " + oddity(body)), Err: err}
	}
	return nil
}
