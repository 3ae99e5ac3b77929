package sandbox

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"octave-enrich/octave"
)

// Async are the knobs of asynchronous work. The service posts no answers to the
// callbackUrl here.
type Async struct {
	ID     string // its name in answers and in the query of a poll: requestId (when empty) or agentRunOId
	Done   string // the word for work that is done; completed when empty, none for answers without states
	Result string // one of Results; envelope when empty

	Forget         time.Duration      // how long an id is known; 0 for ever
	StrictCallback bool               // a callbackUrl that cannot be reached is refused
	Faults         map[string]float64 // share of polls, 0 to 1, by kind

	// Portable makes ids that hold the request, so that another server, as one of a
	// later process, knows the work.
	Portable bool
}

// Results lists the shapes that the result of asynchronous work may have: the
// answer of the synchronous call, its data alone, the answer as JSON in a string,
// or any of them, by the question.
func Results() []string { return []string{"envelope", "data", "string", "mixed"} }

func (a Async) validate() error {
	if a.ID != "" && a.ID != octave.RequestIDName && a.ID != octave.AgentRunIDName {
		return fmt.Errorf("unknown name of an id %q (%s or %s)", a.ID, octave.RequestIDName, octave.AgentRunIDName)
	}
	if a.Result != "" && !slices.Contains(Results(), a.Result) {
		return fmt.Errorf("unknown shape of a result %q (one of %s)", a.Result, strings.Join(Results(), ", "))
	}
	if a.Forget < 0 {
		return errors.New("ids cannot be forgotten before they are given")
	}
	return checkFaults(a.Faults)
}

// work is asynchronous work that was begun.
type work struct {
	Work
	call
	begun time.Time
	ready time.Time
}

// portablePrefix begins an id that holds its request.
const portablePrefix = "asyncReqID_p"

// submit begins asynchronous work: POST /api/v2/async/agent/run.
func (s *Server) submit(w http.ResponseWriter, r *http.Request) {
	c, accepted := s.accept(w, r, s.checkSubmission)
	if !accepted {
		return
	}
	defer s.books.shut()
	if failedBefore(w, r.Context(), c.kind) {
		return
	}
	times, cost := 1, s.cost(c)
	if c.kind == "twice" {
		times = 2
	}
	if c.kind == "failed" {
		cost = 0
	}
	var id string
	for range times {
		if !s.books.bill(c.q, cost) {
			refuse(w, http.StatusPaymentRequired, "Insufficient credits")
			return
		}
		id = s.begin(c, cost > 0)
	}
	body := map[string]any{s.idName(): id, "message": nil, "agentOId": c.req.AgentOID}
	if s.cfg.Async.Done != "none" {
		body["status"] = "pending"
	}
	if deliver(w, r.Context(), encode(body), c.kind) {
		s.books.told(id)
	}
}

// checkSubmission checks what asynchronous work needs beside a request.
func (s *Server) checkSubmission(body []byte, req octave.Request) error {
	var more struct {
		CallbackURL string `json:"callbackUrl"`
	}
	if err := json.Unmarshal(body, &more); err != nil {
		return rejected(err)
	}
	callback, err := url.Parse(more.CallbackURL)
	switch {
	case more.CallbackURL == "":
		return errors.New("callbackUrl: Required")
	case err != nil || callback.Host == "":
		return errors.New("callbackUrl: Invalid url")
	case s.cfg.Async.StrictCallback && (callback.Scheme != "https" || strings.HasSuffix(callback.Hostname(), ".invalid")):
		return errors.New("callbackUrl: the host cannot be reached")
	case s.cfg.StrictAgents && req.AgentOID == "":
		return errors.New("agentOId: Required")
	}
	return nil
}

func (s *Server) idName() string { return or(s.cfg.Async.ID, octave.RequestIDName) }

// begin enters work into the books and returns its id.
func (s *Server) begin(c call, billed bool) string {
	now := time.Now()
	w := &work{Work: Work{Question: hex.EncodeToString(c.q[:]), Billed: billed}, call: c, begun: now, ready: now.Add(s.takes(c))}
	b := s.books
	b.mu.Lock()
	defer b.mu.Unlock()
	id := fmt.Sprintf("asyncReqID_%s_%d", w.Question[:16], len(b.works)+1)
	if s.cfg.Async.Portable {
		id = portablePrefix + base64.RawURLEncoding.EncodeToString(c.req.Canonical())
	}
	b.works[id] = w
	return id
}

// told takes note that an id went out whole.
func (b *books) told(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if w := b.works[id]; w != nil { // else the books were begun anew meanwhile
		w.Told = true
		b.waiting++
		b.ledger.MaxWaiting = max(b.ledger.MaxWaiting, b.waiting)
	}
}

// polled counts a poll, and returns the work as it was before it.
func (b *books) polled(id string) (w work, known bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ledger.Polled++
	found := b.works[id]
	if found == nil {
		return w, false
	}
	w = *found
	found.Polled++
	return w, true
}

// fetched counts a result that goes out, or with -1 takes that back. It is counted
// before: who has the result may submit the next question before the handler goes on.
func (b *books) fetched(id string, n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	w := b.works[id]
	if w == nil {
		return
	}
	before := w.Fetched
	w.Fetched += n
	if w.Told && min(before, w.Fetched) == 0 {
		b.waiting -= n
	}
}

// poll tells of asynchronous work: GET /api/v2/async/agent/run/status.
func (s *Server) poll(w http.ResponseWriter, r *http.Request) {
	if !s.authorized(r) {
		refuse(w, http.StatusUnauthorized, "Invalid API key")
		return
	}
	id := r.URL.Query().Get(s.idName())
	if id == "" {
		refuse(w, http.StatusBadRequest, s.idName()+": Required")
		return
	}
	job, known := s.books.polled(id)
	if !known {
		job, known = s.recall(id)
	}
	kind := drawn(s.polls, s.cfg.Seed+1, job.q, job.Polled)
	if kind != ok {
		s.books.fault(kind)
	}
	if failedBefore(w, r.Context(), kind) {
		return
	}
	if f := s.cfg.Async.Forget; !known || job.kind == "forgotten" || f > 0 && time.Since(job.begun) > f {
		refuse(w, http.StatusNotFound, "Async request not found")
		return
	}
	body, done := s.tells(id, job)
	if !done {
		deliver(w, r.Context(), encode(body), kind)
		return
	}
	s.books.fetched(id, 1)
	if !deliver(w, r.Context(), encode(body), kind) {
		s.books.fetched(id, -1)
	} else if job.kind != "failed" && !spoils(job.kind) {
		s.books.deliver(job.q)
	}
}

// recall is the work of another server, if its id says what it was.
func (s *Server) recall(id string) (job work, known bool) {
	text, portable := strings.CutPrefix(id, portablePrefix)
	body, err := base64.RawURLEncoding.DecodeString(text)
	if !s.cfg.Async.Portable || !portable || err != nil {
		return job, false
	}
	req, err := parse(body)
	return work{call: call{req: req, q: Question(req), kind: ok}, begun: time.Now()}, err == nil
}

// tells is the answer to a poll, and whether it is the last word.
func (s *Server) tells(id string, job work) (body map[string]any, done bool) {
	now := time.Now()
	state := "pending"
	if now.After(job.begun.Add(job.ready.Sub(job.begun) / 2)) {
		state = "running"
	}
	done = !now.Before(job.ready)
	if job.kind == "unordered" && job.Polled < 4 { // running, pending, running, pending
		state, done = []string{"running", "pending"}[job.Polled%2], false
	}
	data := map[string]any{s.idName(): id, "createdAt": job.begun.UTC().Format(time.RFC3339), "result": nil, "error": nil, "agentOId": job.req.AgentOID}
	switch {
	case !done:
	case job.kind == "failed":
		state, data["error"] = "failed", "The agent could not finish"
	default:
		state, data["result"] = or(s.cfg.Async.Done, "completed"), s.shaped(job)
	}
	if s.cfg.Async.Done != "none" {
		data["status"] = state
	}
	usage := 0.0
	if done && job.kind != "failed" {
		usage = s.cost(job.call)
	}
	return map[string]any{"_metadata": stamp(job.q, usage), "data": data}, done
}

// shaped is the result of work in its shape.
func (s *Server) shaped(job work) any {
	result := s.result(job.call)
	shape := or(s.cfg.Async.Result, "envelope")
	if shape == "mixed" {
		shape = Results()[mix(4, job.q, 0)%3]
	}
	var parts struct {
		Data json.RawMessage `json:"data"`
	}
	switch {
	case shape == "string":
		return string(result)
	case shape == "data" && json.Unmarshal(result, &parts) == nil && len(parts.Data) > len("null"):
		return parts.Data
	}
	return json.RawMessage(result)
}
