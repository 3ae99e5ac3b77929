// Package sandbox is Octave's Sequence Agent, embedded: an [http.Handler] that
// takes and answers what the service does, as far as that is known, without a
// key worth anything, a network or a cost.
//
// It has two uses. People try the tool with it, so its emails are plausible.
// Tests prove with it that nobody is billed twice, so it can fail in every way
// that a service behind proxies and a network can ([Kinds]), and keeps a
// ledger of who was asked and who was billed how often.
//
// Answers depend on the question alone, never on how often or when it was
// asked: an interrupted run must be able to end like one that was not.
package sandbox

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// mixedMessages makes sequences of 1 to 7 messages, by the question.
const mixedMessages = -1

// usualSteps is how many messages the agent writes that is meant when a request
// names none.
const usualSteps = 4

// Config holds the knobs. Its zero value is a service that answers every
// well-formed request at once.
type Config struct {
	Latency time.Duration // of a call
	Jitter  time.Duration // added to it: between none and this much, by the question

	Rate       float64 // calls accepted per second; 0 for no limit
	Burst      int     // of the token bucket; the rate, and at least 1, when 0
	RetryAfter string  // header of a refusal: "" for none, "date" for a date one second ahead, else as it is

	Credits float64 // stock of credits; 0 or less is without end (see the fault 402 for none at all)
	Cost    float64 // credits for an answer, whether delivered or not; 1 when 0
	Key     string  // the only key accepted; any when empty

	StrictAgents bool   // requests for an agent that the workspace does not have are refused with 404
	AddedSteps   int    // that somebody gave to each agent since it was made
	Account      string // what the account and agents endpoints answer instead: one of AccountFaults

	Messages int     // per sequence, 1 to 7; when 0 as many as the agent writes, when -1 so many as the question says
	Shape    string  // of a message: one of Shapes; by the question when empty or mixed
	NotFound float64 // share of contacts, 0 to 1, whose person is not found

	Async Async // asynchronous work

	Faults map[string]float64 // share of calls, 0 to 1, by kind
	Script []string           // kinds for the first, second, ... call, before Faults; "ok" for none
	Seed   uint64             // which calls the shares hit, and nothing else
}

// Shapes lists the values of Config.Shape: "email" has the text of a message
// in that field, "sections" in parts, "body" as older agents did, and "mixed"
// is any of the first two.
func Shapes() []string { return []string{"email", "sections", "body", "mixed"} }

// AccountFaults lists the values of Config.Account: statuses, "html" for a 200
// with a page of HTML, and "hang" for no answer ever.
func AccountFaults() []string {
	return []string{"401", "404", "405", "429", "500", "501", "503", "html", "hang"}
}

// Validate says what is wrong with the knobs. A server made from wrong ones
// refuses no service, but ignores them.
func (c Config) Validate() error {
	if c.Shape != "" && !slices.Contains(Shapes(), c.Shape) {
		return fmt.Errorf("unknown shape %q (one of %s)", c.Shape, strings.Join(Shapes(), ", "))
	}
	if c.Messages < mixedMessages || c.Messages > maxSteps {
		return fmt.Errorf("%d messages: a sequence has 1 to %d", c.Messages, maxSteps)
	}
	if !isShare(c.NotFound) {
		return fmt.Errorf("the share %v is not between 0 and 1", c.NotFound)
	}
	if c.Latency < 0 || c.Jitter < 0 || c.Rate < 0 || c.Burst < 0 || c.Cost < 0 {
		return fmt.Errorf("latency, jitter, rate, burst and cost cannot be negative")
	}
	if c.Account != "" && !slices.Contains(AccountFaults(), c.Account) {
		return fmt.Errorf("unknown account fault %q (one of %s)", c.Account, strings.Join(AccountFaults(), ", "))
	}
	if err := c.Async.validate(); err != nil {
		return err
	}
	for _, kind := range c.Script {
		if err := checkKind(kind); err != nil {
			return err
		}
	}
	return checkFaults(c.Faults)
}

// Server is the embedded service. It may be asked by many goroutines at once.
type Server struct {
	cfg       Config
	faults    []share
	polls     []share // of Async.Faults
	workspace []agent // never changed
	blocks    blocks  // never changed
	mux       *http.ServeMux
	books     *books
}

// New returns a service with these knobs. See [Config.Validate].
func New(cfg Config) *Server {
	cfg.Cost, cfg.Burst = cmp.Or(cfg.Cost, 1), cmp.Or(cfg.Burst, max(1, int(cfg.Rate)))
	s := &Server{cfg: cfg, faults: shares(cfg.Faults), polls: shares(cfg.Async.Faults), workspace: newWorkspace(cfg.Cost, cfg.AddedSteps),
		blocks: newBlocks(), mux: http.NewServeMux(), books: newBooks(cfg)}
	s.mux.HandleFunc("POST /api/v2/agents/sequence/run", s.run)
	s.mux.HandleFunc("POST /api/v2/async/agent/run", s.submit)
	s.mux.HandleFunc("GET /api/v2/async/agent/run/status", s.poll)
	s.mux.HandleFunc("GET /api/v2/api-key/validate", s.account(s.validate))
	s.mux.HandleFunc("GET /api/v2/agents/get", s.account(s.agent))
	s.mux.HandleFunc("GET /api/v2/agents/list", s.account(s.agents))
	s.mux.HandleFunc("GET /sandbox/ledger", func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, s.Ledger()) })
	s.mux.HandleFunc("POST /sandbox/reset", func(w http.ResponseWriter, _ *http.Request) {
		s.reset()
		w.WriteHeader(http.StatusNoContent)
	})
	s.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, http.StatusNotFound, "Cannot "+r.Method+" "+r.URL.Path)
	})
	return s
}

// ServeHTTP answers the endpoints of the service that this project calls, and
// two of its own: GET /sandbox/ledger and POST /sandbox/reset.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// Ledger returns a copy of the books as they stand.
func (s *Server) Ledger() Ledger { return s.books.copy() }

// reset forgets every call, as if the service had just started.
func (s *Server) reset() { s.books.reset() }
