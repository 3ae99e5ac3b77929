package sandbox

import (
	"net/http"
	"slices"
	"strconv"

	"octave-enrich/octave"
)

// agent is an agent or experiment of the embedded workspace.
type agent struct {
	OID         string   `json:"oId"`
	Name        string   `json:"name"`
	Description string   `json:"description"`
	Type        string   `json:"type"`
	CostToRun   float64  `json:"costToRun"`
	ItemType    string   `json:"itemType"`
	Steps       []string `json:"steps"` // the real ones are undocumented
}

// newWorkspace is more than one page of agents, at that cost per run: first
// one for each length of a sequence. Added are the steps that somebody who edited
// them gave to each of them since.
func newWorkspace(cost float64, added int) []agent {
	var all []agent
	for n := 1; n <= maxSteps; n++ {
		all = append(all, newAgent("ca_sandbox"+strconv.Itoa(n), strconv.Itoa(n)+"-step sequence", "AGENT", cost, n+added))
	}
	for i, name := range []string{"Inbound follow-up", "Event invitation", "Win-back", "Partner outreach", "Renewal"} {
		all = append(all, newAgent("ca_sandbox"+strconv.Itoa(maxSteps+1+i), name, "AGENT", cost, 3+added))
	}
	return append(all, newAgent("ae_sandbox1", "Short against long", "EXPERIMENT", cost, 2+added))
}

func newAgent(oid, name, itemType string, cost float64, steps int) agent {
	a := agent{OID: oid, Name: name, Description: "An agent of the sandbox.", Type: "EMAIL", ItemType: itemType, CostToRun: cost}
	for i := range steps {
		a.Steps = append(a.Steps, "Email "+strconv.Itoa(i+1))
	}
	return a
}

// account is an endpoint that costs nothing: it is counted, and may fail as the
// configuration says.
func (s *Server) account(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.books.look()
		switch fault := s.cfg.Account; {
		case fault == "hang":
			<-r.Context().Done()
		case fault == "html":
			write(w, "text/html; charset=utf-8", page("Welcome"))
		case fault != "":
			status, _ := strconv.Atoi(fault)
			refuse(w, status, http.StatusText(status))
		case !s.authorized(r):
			refuse(w, http.StatusUnauthorized, "Invalid API key")
		default:
			h(w, r)
		}
	}
}

// knows says whether the workspace has what a request names.
func (s *Server) knows(req octave.Request) bool {
	oid := or(req.AgentOID, req.ExperimentOID)
	return oid == "" || slices.ContainsFunc(s.workspace, func(a agent) bool { return a.OID == oid })
}

// unlimited is what the account of a server without a stock of credits shows.
const unlimited = 1_000_000

func (s *Server) validate(w http.ResponseWriter, _ *http.Request) {
	used, most := s.books.usage(), s.cfg.Credits
	if most <= 0 {
		most = unlimited + used
	}
	answerJSON(w, map[string]any{
		"valid": true, "workspaceName": "Sandbox", "organizationName": "Sandbox",
		"credits": map[string]any{
			"totalUsed": used, "totalRemaining": most - used, "totalMax": most,
			"quotaUsed": used, "quotaAvailable": most - used, "quotaMax": most, "period": "MONTHLY",
			"creditsUsed": used, "creditsAvailable": most - used,
		},
	})
}

func (s *Server) agent(w http.ResponseWriter, r *http.Request) {
	oid := r.URL.Query().Get("oId")
	i := slices.IndexFunc(s.workspace, func(a agent) bool { return a.OID == oid })
	if i < 0 {
		refuse(w, http.StatusNotFound, "Agent not found")
		return
	}
	a := s.workspace[i]
	answerJSON(w, map[string]any{"data": map[string]any{
		"oId": a.OID, "name": a.Name, "description": a.Description, "costToRun": a.CostToRun, "warnings": []string{}}})
}

func (s *Server) agents(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	all := slices.DeleteFunc(slices.Clone(s.workspace), func(a agent) bool {
		return query.Get("type") != "" && query.Get("type") != a.Type ||
			query.Get("includeExperiments") != "true" && a.ItemType == "EXPERIMENT"
	})
	from := min(number(query.Get("offset"), 0), len(all))
	upto := min(from+min(number(query.Get("limit"), 10), 100), len(all))
	answerJSON(w, map[string]any{"hasNext": upto < len(all), "total": len(all), "data": all[from:upto]})
}

// number reads a parameter of a query that should not be negative.
func number(s string, fallback int) int {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return fallback
	}
	return n
}
