package octave_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"octave-enrich/octave"
	"octave-enrich/octave/sandbox"
)

const nowhere = "https://callback.invalid/"

// noTurn lets every poll pass.
func noTurn(context.Context) error { return nil }

// asyncService answers submissions and polls with fixed texts, and notes what it
// was asked.
type asyncService struct {
	submit string
	poll   func(query string) (status int, body string)
	polled []string // queries
	posted map[string]any
}

func (s *asyncService) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method + " " + r.URL.Path {
	case "POST /api/v2/async/agent/run":
		body, _ := io.ReadAll(r.Body)
		_ = json.Unmarshal(body, &s.posted)
		fmt.Fprint(w, s.submit)
	case "GET /api/v2/async/agent/run/status":
		s.polled = append(s.polled, r.URL.RawQuery)
		status, body := s.poll(r.URL.RawQuery)
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	default:
		w.WriteHeader(http.StatusTeapot)
	}
}

func TestSubmit(t *testing.T) {
	for name, c := range map[string]struct {
		body     string
		want     octave.Submission
		action   octave.Action // of the error
		mayBill  bool
		mentions string
	}{
		"reference":       {body: `{"status":"pending","requestId":"asyncReqID_1","message":null,"agentOId":"ca_1"}`, want: octave.Submission{ID: "asyncReqID_1", Name: "requestId"}},
		"concept page":    {body: `{"state":"RUNNING","agentRunOId":"ar_1"}`, want: octave.Submission{ID: "ar_1", Name: "agentRunOId"}},
		"in data":         {body: `{"_metadata":{"requestId":"not this"},"data":{"agentRunOId":"ar_1"}}`, want: octave.Submission{ID: "ar_1", Name: "agentRunOId"}},
		"our id repeated": {body: `{"requestId":"ours","agentRunOId":"ar_1"}`, want: octave.Submission{ID: "ar_1", Name: "agentRunOId"}},
		"a number":        {body: `{"requestId":17}`, want: octave.Submission{ID: "17", Name: "requestId"}},
		"no id":           {body: `{"status":"pending"}`, action: octave.Again, mayBill: true, mentions: "requestId"},
		"no JSON":         {body: `<html>`, action: octave.Again, mayBill: true},
		"nothing":         {body: ``, action: octave.Again, mayBill: true},
		"failed at once":  {body: `{"status":"failed","requestId":"x","message":"no such agent"}`, action: octave.Row, mayBill: true, mentions: "no such agent"},
	} {
		t.Run(name, func(t *testing.T) {
			service := &asyncService{submit: c.body}
			got, err := serve(t, service, octave.Config{}).Submit(t.Context(), octave.Request{Email: "a@example.com", AgentOID: "ca_1", RequestID: "ours"}, nowhere)
			if want := map[string]any{"email": "a@example.com", "agentOId": "ca_1", "requestId": "ours", "callbackUrl": nowhere}; !equal(service.posted, want) {
				t.Errorf("posted %v", service.posted)
			}
			if c.action == 0 {
				if err != nil || got.ID != c.want.ID || got.Name != c.want.Name {
					t.Errorf("got %+v, %v", got, err)
				}
				return
			}
			if e := asError(t, err); e.Action != c.action || e.MaybeBilled != c.mayBill || !strings.Contains(e.Message, c.mentions) {
				t.Errorf("got %v: action %v, billed %v", e, e.Action, e.MaybeBilled)
			}
		})
	}
}

func equal(a, b any) bool {
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return string(x) == string(y)
}

const (
	sequence = `{"emails":[{"subject":"s","email":"text"}]}`
	whole    = `{"_metadata":{"requestId":"inner","usage":2},"found":true,"message":null,"data":` + sequence + `}`
)

func TestPoll(t *testing.T) {
	quoted := func(s string) string { text, _ := json.Marshal(s); return string(text) }
	for name, c := range map[string]struct {
		body   string
		shape  string // of the answer; "" when there is none
		usage  octave.Decimal
		state  string
		why    string // it failed
		action octave.Action
		again  string // the poll failed
	}{
		"pending":               {body: `{"_metadata":{},"data":{"requestId":"x","status":"pending","result":null,"error":null}}`, state: "pending"},
		"running, in capitals":  {body: `{"data":{"status":"RUNNING"}}`, state: "RUNNING"},
		"another word":          {body: `{"data":{"status":"queued","result":null}}`, state: "queued"},
		"no state":              {body: `{"data":{"requestId":"x","result":null,"error":null}}`},
		"completed, envelope":   {body: `{"data":{"status":"completed","result":` + whole + `}}`, state: "completed", shape: "envelope", usage: "2"},
		"succeeded, data":       {body: `{"_metadata":{"usage":3},"data":{"status":"Succeeded","result":` + sequence + `}}`, state: "Succeeded", shape: "data", usage: "3"},
		"success, string":       {body: `{"data":{"status":"success","result":` + quoted(whole) + `}}`, state: "success", shape: "string", usage: "2"},
		"data in a string":      {body: `{"_metadata":{"usage":3},"data":{"result":` + quoted(sequence) + `}}`, shape: "string", usage: "3"},
		"beside data":           {body: `{"status":"completed","result":` + whole + `}`, state: "completed", shape: "envelope", usage: "2"},
		"no metadata":           {body: `{"_metadata":{"usage":3},"data":{"result":{"found":true,"data":` + sequence + `}}}`, shape: "envelope", usage: "3"},
		"not found":             {body: `{"data":{"status":"completed","result":{"_metadata":{"usage":0},"found":false,"message":"private","data":null}}}`, state: "completed", shape: "envelope", usage: "0"},
		"failed":                {body: `{"data":{"status":"FAILED","error":"no luck"}}`, state: "FAILED", why: "no luck", action: octave.Row},
		"error, an object":      {body: `{"data":{"state":"error","error":{"message":"no luck"}}}`, state: "error", why: "no luck", action: octave.Row},
		"an error alone":        {body: `{"data":{"requestId":"x","error":"no luck"}}`, why: "no luck", action: octave.Row},
		"an empty error":        {body: `{"message":"Success","data":{"requestId":"x","error":""}}`},
		"out of credits":        {body: `{"data":{"status":"failed","error":"Insufficient credits"}}`, state: "failed", why: "credits", action: octave.All},
		"no messages":           {body: `{"data":{"status":"completed","result":{"found":true,"data":{"emails":[]}}}}`, state: "completed", why: "no messages", action: octave.Row},
		"done without a result": {body: `{"data":{"status":"completed","result":{}}}`, again: "missing"},
		"an unknown shape":      {body: `{"data":{"status":"completed","result":"well done"}}`, again: "shape"},
		"no JSON":               {body: `<html>`, again: "broken"},
		"says nothing":          {body: `{"_metadata":{"usage":0}}`, again: "nothing of the work"},
	} {
		t.Run(name, func(t *testing.T) {
			client := serve(t, &asyncService{poll: func(string) (int, string) { return 200, c.body }}, octave.Config{})
			p, err := client.Poll(t.Context(), octave.Submission{ID: "x"}, noTurn)
			switch {
			case c.again != "":
				if e := asError(t, err); e.Action != octave.Again || e.MaybeBilled || !strings.Contains(e.Message, c.again) {
					t.Errorf("got %v, action %v", e, e.Action)
				}
				return
			case err != nil:
				t.Fatal(err)
			case c.why != "":
				if p.Failed == nil || p.Answer != nil || p.Failed.Action != c.action || !strings.Contains(p.Failed.Message, c.why) {
					t.Errorf("got %+v", p)
				}
			case (p.Answer != nil) != (c.shape != "") || p.Failed != nil || p.Shape != c.shape:
				t.Errorf("got %+v", p)
			}
			if p.State != c.state {
				t.Errorf("state %q", p.State)
			}
			if p.Answer == nil {
				return
			}
			kept, err := octave.Decode(p.Answer.Raw)
			if err != nil || kept.Found != (name != "not found") || kept.Usage != c.usage || kept.Found && kept.Emails[0].Body != "text" {
				t.Errorf("kept as %s: %+v, %v", p.Answer.Raw, kept, err)
			}
		})
	}
}

// The id goes under the name that it came with, then under the other; what worked
// is remembered.
func TestPollTriesBothNames(t *testing.T) {
	const pending = `{"data":{"status":"pending"}}`
	takes := func(name string, otherwise int) func(string) (int, string) {
		return func(query string) (int, string) {
			if strings.HasPrefix(query, name+"=") {
				return 200, pending
			}
			return otherwise, `{"message":"missing"}`
		}
	}
	for name, c := range map[string]struct {
		poll   func(string) (int, string)
		came   string
		want   []string // of two polls
		cause  octave.Cause
		action octave.Action
	}{
		"the first":        {takes("requestId", 400), "requestId", []string{"requestId=x", "requestId=x"}, 0, 0},
		"the other":        {takes("agentRunOId", 404), "requestId", []string{"requestId=x", "agentRunOId=x", "agentRunOId=x"}, 0, 0},
		"the other way":    {takes("requestId", 422), "agentRunOId", []string{"agentRunOId=x", "requestId=x", "requestId=x"}, 0, 0},
		"neither":          {takes("id", 404), "agentRunOId", []string{"agentRunOId=x", "requestId=x", "agentRunOId=x", "requestId=x"}, octave.CauseForgotten, octave.Again},
		"neither, refused": {takes("id", 400), "requestId", []string{"requestId=x", "agentRunOId=x", "requestId=x", "agentRunOId=x"}, octave.CauseRequest, octave.Again},
		"the first knows more": {func(query string) (int, string) {
			status := map[bool]int{true: 404, false: 400}[strings.HasPrefix(query, "requestId=")]
			return status, `{"message":"missing"}`
		}, "requestId", []string{"requestId=x", "agentRunOId=x", "requestId=x", "agentRunOId=x"}, octave.CauseForgotten, octave.Again},
		"it fails": {takes("id", 500), "requestId", []string{"requestId=x", "requestId=x"}, octave.CauseServer, octave.Again},
		"the key":  {takes("id", 401), "requestId", []string{"requestId=x", "requestId=x"}, octave.CauseKey, octave.All},
	} {
		t.Run(name, func(t *testing.T) {
			service := &asyncService{poll: c.poll}
			client := serve(t, service, octave.Config{})
			turns := 0
			for range 2 {
				p, err := client.Poll(t.Context(), octave.Submission{ID: "x", Name: c.came}, func(context.Context) error { turns++; return nil })
				if c.cause == 0 {
					if err != nil || p.State != "pending" {
						t.Errorf("got %+v, %v", p, err)
					}
				} else if e := asError(t, err); e.Cause != c.cause || e.Action != c.action || e.MaybeBilled {
					t.Errorf("got %v, action %v", e, e.Action)
				}
			}
			if !slices.Equal(service.polled, c.want) || turns != len(c.want) {
				t.Errorf("asked %v in %d turns", service.polled, turns)
			}
		})
	}
}

// A poll whose turn does not come makes no exchange.
func TestPollWithoutATurn(t *testing.T) {
	service := &asyncService{}
	ctx, cancel := context.WithCancel(t.Context())
	_, err := serve(t, service, octave.Config{}).Poll(ctx, octave.Submission{ID: "x"}, func(ctx context.Context) error {
		cancel()
		return ctx.Err()
	})
	if e := asError(t, err); e.Action != octave.Stop || len(service.polled) > 0 {
		t.Errorf("got %v, asked %v", e, service.polled)
	}
}

// The key is in no error of a poll, though a service may repeat it.
func TestPollHidesTheKey(t *testing.T) {
	for _, body := range []string{`{"data":{"status":"failed","error":"bad ` + key + `"}}`, `{"message":"` + key + `"}`, `{"data":{"status":"` + key + `"}}`} {
		for _, status := range []int{200, 400, 500} {
			p, err := serve(t, &asyncService{poll: func(string) (int, string) { return status, body }}, octave.Config{}).Poll(t.Context(), octave.Submission{ID: "x"}, noTurn)
			if err != nil {
				keyless(t, err)
			}
			if p.Failed != nil {
				keyless(t, p.Failed)
			}
			if strings.Contains(p.State, key) {
				t.Errorf("the key is in the state %s", p.State)
			}
		}
	}
}

// The actions of submissions are those of calls: the work may have begun when its id
// did not come.
func TestSubmissionActions(t *testing.T) {
	for _, cause := range sandbox.Kinds() {
		want, failing := actions[cause]
		if strings.HasPrefix(cause, "hang") || cause == "nomessages" || cause == "notext" {
			continue
		}
		if !failing && strings.HasSuffix(cause, "-billed") {
			want.action, want.cause, want.billed, failing = octave.Again, octave.CauseServer, true, true
		}
		client := serve(t, sandbox.New(sandbox.Config{Script: []string{cause}}), octave.Config{})
		s, err := client.Submit(t.Context(), octave.Request{Email: "a@example.com"}, nowhere)
		if !failing {
			if err != nil || s.ID == "" {
				t.Errorf("%s: got %+v, %v", cause, s, err)
			}
			continue
		}
		var e *octave.Error
		if !errors.As(err, &e) || e.Action != want.action || e.Cause != want.cause || e.MaybeBilled != want.billed {
			t.Errorf("%s: got %v", cause, err)
		}
	}
}
