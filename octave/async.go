package octave

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Names of the id of asynchronous work, in answers and in the query of a poll. The
// reference calls it requestId, a concept page agentRunOId (both documented).
const (
	RequestIDName  = "requestId"
	AgentRunIDName = "agentRunOId"
)

const asyncPath = "api/v2/async/agent/run"

// A Submission is work that the service has taken on: its answer is polled for.
type Submission struct {
	ID    string // names the work
	Name  string // of the field that ID came in: RequestIDName or AgentRunIDName
	Quota Quota  // what the headers say of the limit
}

// Progress is what a poll found out about a submission. While both Answer and
// Failed are nil the service is at work.
type Progress struct {
	Answer *Answer // Latency is not set: it is not known when the work began
	Failed *Error  // the work ended without an answer; its Action is never Again

	State string // as the service spells it, "" when it has none
	Shape string // of the result: envelope, data or string; "" without one
}

// Submit hands one contact over, exactly once, and returns when the service has
// said what the work is called. callback is where the service posts the answer to,
// which it requires (documented). Every error is an *[Error]; when it may be
// billed, the work may have begun under an id that nobody knows.
func (c *Client) Submit(ctx context.Context, req Request, callback string) (Submission, error) {
	var limit Quota
	body := appendText(bytes.TrimSuffix(req.body(), []byte("}")), "callbackUrl", callback)
	raw, err := c.call(ctx, call{http.MethodPost, c.base.JoinPath(asyncPath).String(), append(body, '}'), req.RequestID, &limit})
	if err != nil {
		return Submission{}, limit.on(err)
	}
	s, err := c.submitted(raw, req.RequestID)
	if err != nil {
		return Submission{}, limit.on(err)
	}
	s.Quota = limit
	return s, nil
}

// submitted reads the answer to a submission. The service may repeat the caller's
// own requestId, which names nothing of the service's.
func (c *Client) submitted(raw []byte, own string) (s Submission, err error) {
	raw = bytes.TrimSpace(bytes.TrimPrefix(raw, []byte("\ufeff")))
	if !valid(raw) {
		return s, noAnswer(c.words(oddity(raw)))
	}
	work := newWork(raw)
	if work.state() == stateFailed {
		return s, c.workFailed(work)
	}
	for _, name := range []string{RequestIDName, AgentRunIDName} {
		if id := work.field(name).word(); id != "" && (s.ID == "" || s.ID == own) {
			s.ID, s.Name = id, name
		}
	}
	if s.ID == "" {
		return s, noAnswer("it was submitted, but the answer names no " + RequestIDName)
	}
	return s, nil
}

// Poll asks what has become of a submission. An error is one of the poll and says
// nothing about the work, which is as it was: it can be polled again. When the
// service does not know the id under either of its names, the error is of
// [CauseForgotten]; a service may say so of work that is very new, too.
//
// turn is called before each exchange, of which there may be two: the id goes
// under the name that worked before, else under the one that it came with, and
// under the other when that is refused.
func (c *Client) Poll(ctx context.Context, s Submission, turn func(context.Context) error) (p Progress, err error) {
	var refused *Error // by both names; a 404 says more than another status
	for _, name := range c.queryNames(s.Name) {
		if err := turn(ctx); err != nil {
			return p, c.broken(ctx, err, false)
		}
		p, err := c.PollAs(ctx, s.ID, name)
		if err == nil {
			c.query.Store(&name)
			return p, nil
		}
		var e *Error
		if !errors.As(err, &e) || e.Action != Row {
			return p, err
		}
		if refused == nil || refused.Status != http.StatusNotFound {
			refused = e
		}
	}
	refused.Action = Again
	if refused.Status == http.StatusNotFound {
		refused.Cause = CauseForgotten
	}
	return p, refused
}

// PollAs is one exchange of [Client.Poll]: the id goes under that name. An error of
// action Row is one of the name, or of the id.
func (c *Client) PollAs(ctx context.Context, id, name string) (p Progress, err error) {
	u := c.base.JoinPath(asyncPath, "status")
	u.RawQuery = url.Values{name: {id}}.Encode()
	raw, err := c.call(ctx, call{method: http.MethodGet, url: u.String()})
	if err == nil {
		p, err = c.progress(raw, id)
	}
	return p, err
}

// queryNames are both names of an id, the more promising one first.
func (c *Client) queryNames(came string) []string {
	first := cmp.Or(came, RequestIDName)
	if works := c.query.Load(); works != nil {
		first = *works
	}
	if first == AgentRunIDName {
		return []string{AgentRunIDName, RequestIDName}
	}
	return []string{RequestIDName, AgentRunIDName}
}

// What the words for the state of work mean. The reference has pending, completed
// and failed, the concept page succeeded (documented); a word that is not known,
// or none, leaves it to the result and the error.
const (
	stateUnknown = iota
	stateWorking
	stateDone
	stateFailed
)

// work is an answer about asynchronous work. What is said of it stands in data, or
// beside it.
type work struct {
	root, data value
}

func newWork(raw []byte) work { return work{value(raw), value(raw).field("data")} }

func (w work) field(name string) value {
	if v := w.data.field(name); !v.isNull() {
		return v
	}
	return w.root.field(name)
}

// word is the state as the service spells it.
func (w work) word() string { return cmp.Or(w.field("status").text(), w.field("state").text()) }

func (w work) state() int {
	switch strings.ToLower(strings.TrimSpace(w.word())) {
	case "pending", "running":
		return stateWorking
	case "completed", "succeeded", "success":
		return stateDone
	case "failed", "error":
		return stateFailed
	}
	return stateUnknown
}

// says reports whether the answer is about work at all.
func (w work) says() bool {
	for _, name := range []string{"status", "state", "result", "error", "createdAt", RequestIDName, AgentRunIDName} {
		if !w.field(name).isNull() {
			return true
		}
	}
	return false
}

// failure is what the service says went wrong, "" when it says nothing.
func (w work) failure() string {
	v := w.field("error")
	return cmp.Or(phrase(v.field("message")), phrase(v))
}

// result is what the work brought; nil for nothing.
func (w work) result() value {
	switch v := w.field("result"); string(v) {
	case "null", `""`, "{}", "[]":
		return nil
	default:
		return v
	}
}

// progress reads the answer to a poll. An error of action Row says that the service
// was not asked in the right way, another one that it has to be asked again.
func (c *Client) progress(raw []byte, id string) (p Progress, err error) {
	raw = bytes.TrimSpace(bytes.TrimPrefix(raw, []byte("\ufeff")))
	odd := func(action Action, why string) *Error {
		return &Error{Status: http.StatusOK, Action: action, Cause: CauseServer, Message: c.words(why)}
	}
	if !valid(raw) {
		return p, odd(Again, "broken answer to a poll: "+oddity(raw))
	}
	w := newWork(raw)
	if !w.says() {
		return p, odd(Row, "the answer to a poll says nothing of the work")
	}
	p.State = c.words(w.word())
	state, result := w.state(), w.result()
	switch {
	case state == stateWorking:
	case state == stateFailed, result == nil && w.failure() != "":
		p.Failed = c.workFailed(w)
	case result != nil:
		answer, shape, err := c.answerOf(w, result, id)
		var failed *Error
		switch {
		case err == nil:
			p.Answer, p.Shape = answer, shape
		case errors.As(err, &failed) && failed.Action == Row:
			p.Failed, p.Shape = failed, shape
		case state == stateDone:
			return p, odd(Again, "the work is done, but its result has an unknown shape")
		}
	case state == stateDone:
		return p, odd(Again, "the work is done, but its result is missing")
	}
	return p, nil
}

// workFailed is the end of work without an answer. Whether that is billed is
// unknown.
func (c *Client) workFailed(w work) *Error {
	said := cmp.Or(w.failure(), w.field("message").text())
	e := &Error{Status: http.StatusOK, Action: Row, Cause: CauseRequest, MaybeBilled: true,
		Message: c.words("the asynchronous work failed" + colon(said))}
	if strings.Contains(strings.ToLower(said), "credit") {
		e.Action, e.Cause, e.MaybeBilled = All, CauseCredits, false
	}
	return e
}

// answerOf reads a result, of which the documentation does not say what it is: the
// whole envelope of the synchronous call, its data alone, or either as JSON in a
// string. The answer is kept as an envelope.
func (c *Client) answerOf(w work, result value, id string) (a *Answer, shape string, err error) {
	shape = "envelope"
	if text := result.text(); text != "" {
		inner := bytes.TrimSpace([]byte(text))
		if !valid(inner) {
			return nil, "", noAnswer("a text")
		}
		result, shape = value(inner), "string"
	}
	raw := []byte(result)
	switch {
	case result.field("emails").isArray():
		raw = envelope(w.metadata(id), "true", result)
		if shape == "envelope" {
			shape = "data"
		}
	case !result.field("_metadata").isObject() && result.field("found") != nil:
		raw = envelope(w.metadata(id), string(result.field("found")), result.field("data"), result.field("message"))
	}
	a, err = decode(raw, c.words)
	return a, shape, err
}

// metadata are those of the answer to the poll, or the least that there is.
func (w work) metadata(id string) value {
	if m := w.root.field("_metadata"); m.isObject() {
		return m
	}
	m, _ := json.Marshal(map[string]string{RequestIDName: id}) // of strings: it cannot fail
	return m
}

// envelope spells an answer as the synchronous call gives it.
func envelope(metadata value, found string, data value, message ...value) []byte {
	said := value("null")
	if len(message) > 0 && len(message[0]) > 0 {
		said = message[0]
	}
	if len(data) == 0 {
		data = value("null")
	}
	return fmt.Appendf(nil, `{"_metadata":%s,"found":%s,"message":%s,"data":%s}`, metadata, found, said, data)
}
