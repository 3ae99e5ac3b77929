package sandbox

import (
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"octave-enrich/octave"
)

// run is the Sequence Agent: POST /api/v2/agents/sequence/run.
func (s *Server) run(w http.ResponseWriter, r *http.Request) {
	if c, accepted := s.accept(w, r, nil); accepted {
		defer s.books.shut()
		s.work(w, r.Context(), c)
	}
}

// A call is a request that the service took.
type call struct {
	req  octave.Request
	q    [16]byte
	kind string // of fault, or ok
}

// accept reads a request and opens an entry in the books, which the caller shuts;
// or it refuses. more checks what else has to be in the body; nil for nothing.
func (s *Server) accept(w http.ResponseWriter, r *http.Request, more func(body []byte, req octave.Request) error) (c call, accepted bool) {
	// The whole body, whatever is in it: only then does net/http notice that a client has
	// left, and end the request's context.
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		refuse(w, http.StatusRequestEntityTooLarge, "Request body is too large")
		return c, false
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, "Request body ended early")
		return c, false
	}
	if !s.authorized(r) {
		refuse(w, http.StatusUnauthorized, "Invalid API key")
		return c, false
	}
	req, err := parse(body)
	if err == nil && more != nil {
		err = more(body, req)
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return c, false
	}
	if s.cfg.StrictAgents && !s.knows(req) {
		refuse(w, http.StatusNotFound, "Agent not found")
		return c, false
	}
	q := Question(req)
	turn, accepted := s.books.open(q, time.Now())
	if !accepted {
		s.books.shut()
		refusal{status: http.StatusTooManyRequests, text: "Too many requests", after: s.cfg.RetryAfter}.answer(w)
		return c, false
	}
	c = call{req, q, s.kind(q, turn)}
	if c.kind != ok {
		s.books.fault(c.kind)
	}
	return c, true
}

// work answers an accepted call, or fails as its kind of fault says. The bill
// comes before the wait and the delivery: a client that leaves meanwhile does
// not stop the service, and pays.
func (s *Server) work(w http.ResponseWriter, ctx context.Context, c call) {
	if failedBefore(w, ctx, c.kind) {
		return
	}
	if !s.books.bill(c.q, s.cost(c)) {
		refuse(w, http.StatusPaymentRequired, "Insufficient credits")
		return
	}
	if wait(ctx, s.takes(c)) && deliver(w, ctx, s.result(c), c.kind) && !spoils(c.kind) {
		s.books.deliver(c.q)
	}
}

// failedBefore fails a call before any work, if its kind of fault is such a one.
func failedBefore(w http.ResponseWriter, ctx context.Context, kind string) bool {
	if f, instead := refusals[kind]; instead {
		f.answer(w)
		return true
	}
	switch kind {
	case "reset-before":
		reset(w)
	case "hang":
		<-ctx.Done()
	default:
		return false
	}
	return true
}

// finds says whether the person is found.
func (s *Server) finds(c call) bool {
	return c.kind != "notfound" && identified(c.req) && unit(mix(1, c.q, 0)) >= s.cfg.NotFound
}

// cost is what the work of a call costs.
func (s *Server) cost(c call) float64 {
	if !s.finds(c) {
		return 0
	}
	return s.cfg.Cost
}

// takes is how long the work of a call takes.
func (s *Server) takes(c call) time.Duration {
	d := s.cfg.Latency + time.Duration(unit(mix(2, c.q, 0))*float64(s.cfg.Jitter))
	if c.kind == "slow" {
		d *= 10
	}
	return d
}

// spoils says whether a kind makes answers that are of no use.
func spoils(kind string) bool { return kind == "nomessages" || kind == "notext" }

// result is the answer that the work of a call brings, as JSON.
func (s *Server) result(c call) []byte {
	if !s.finds(c) {
		return encode(notFound(c.q))
	}
	a := s.compose(c.req, c.q)
	switch c.kind {
	case "nomessages", "notext":
		return encode(a.spoiled(c.kind))
	case "nullable":
		return a.bare()
	case "badtypes":
		return a.mistyped()
	}
	return encode(a)
}

// deliver puts a body on the wire, broken as the kind says, and reports whether it
// went out whole.
func deliver(w http.ResponseWriter, ctx context.Context, body []byte, kind string) bool {
	if f, instead := gateway(kind); instead {
		f.answer(w)
		return false
	}
	switch kind {
	case "reset-after":
		reset(w)
	case "hang-after":
		<-ctx.Done()
	case "empty":
		write(w, "application/json", nil)
	case "notjson":
		write(w, "text/html; charset=utf-8", page("One moment, please"))
	case "huge":
		huge(w)
	case "cut":
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		write(w, "application/json", body[:len(body)/2])
	case "cut-json":
		write(w, "application/json", body[:len(body)/2])
	case "trickle":
		return trickle(w, ctx, body)
	default:
		return write(w, "application/json", body)
	}
	return false
}

// authorized checks the key as the configuration wants it.
func (s *Server) authorized(r *http.Request) bool {
	key := r.Header.Get("api_key")
	return key != "" && (s.cfg.Key == "" || key == s.cfg.Key)
}

// wait returns false when the client left first.
func wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// write sends a success, down to the network, and reports whether that went
// well. A Content-Length that is set already is kept.
func write(w http.ResponseWriter, contentType string, body []byte) bool {
	h := w.Header()
	h["Content-Type"] = []string{contentType}
	if h["Content-Length"] == nil {
		h["Content-Length"] = []string{strconv.Itoa(len(body))}
	}
	if _, err := w.Write(body); err != nil {
		return false
	}
	return http.NewResponseController(w).Flush() == nil
}

// refuse answers with an error as the service words it (documented for 400,
// 401 and 403 of a sibling endpoint).
func refuse(w http.ResponseWriter, status int, message string) {
	refusal{status: status, text: message}.answer(w)
}

func (f refusal) answer(w http.ResponseWriter) {
	h := w.Header()
	switch f.after {
	case "":
	case "date":
		h.Set("Retry-After", time.Now().Add(time.Second).UTC().Format(http.TimeFormat))
	default:
		h.Set("Retry-After", f.after)
	}
	if f.status == http.StatusTemporaryRedirect {
		h.Set("Location", "/login")
	}
	switch {
	case f.page != "":
		h.Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(f.status)
		_, _ = w.Write(page(f.page)) // a client that left misses nothing
	case f.text != "":
		h.Set("Content-Type", "application/json")
		w.WriteHeader(f.status)
		_, _ = w.Write(errorBody(f.status, f.text))
	default:
		w.WriteHeader(f.status)
	}
}

func page(title string) []byte {
	title = html.EscapeString(title)
	return fmt.Appendf(nil, "<html>\r\n<head><title>%s</title></head>\r\n<body>\r\n<center><h1>%s</h1></center>\r\n"+
		"<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n", title, title)
}

// trickle sends the body in 16 pieces with a pause after each.
func trickle(w http.ResponseWriter, ctx context.Context, body []byte) bool {
	const pieces = 16
	w.Header().Set("Content-Type", "application/json")
	for i := range pieces {
		part := body[i*len(body)/pieces : (i+1)*len(body)/pieces]
		if _, err := w.Write(part); err != nil || http.NewResponseController(w).Flush() != nil {
			return false
		}
		if !wait(ctx, 5*time.Millisecond) {
			return false
		}
	}
	return true
}

// huge sends one JSON string that is longer than any client should read.
func huge(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	if _, err := io.WriteString(w, `{"found":true,"message":"`); err != nil {
		return
	}
	chunk := strings.Repeat("long ", 1<<16/5)
	for sent := 0; sent <= octave.MaxBody; sent += len(chunk) {
		if _, err := io.WriteString(w, chunk); err != nil {
			return
		}
	}
	_, _ = io.WriteString(w, `"}`)
}

// reset ends the connection without a word; over TCP with RST, not FIN.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		// HTTP/2 has no connection to take: promise a byte and send none.
		w.Header().Set("Content-Length", "1")
		return
	}
	if tcp, isTCP := conn.(*net.TCPConn); isTCP {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
