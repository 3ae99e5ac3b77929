package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"octave-enrich/octave"
)

var ann = octave.Request{Email: "ann@example.com", FirstName: "Ann", LastName: "Lee", JobTitle: "Head of Sales", CompanyName: "Example Ltd"}

// post asks in process and returns status, header and body.
func post(t testing.TB, s *Server, body string) (int, http.Header, string) {
	t.Helper()
	return ask(t, s, http.MethodPost, "/api/v2/agents/sequence/run", "k", body)
}

func ask(t testing.TB, s *Server, method, path, key, body string) (int, http.Header, string) {
	t.Helper()
	req, err := http.NewRequest(method, "http://sandbox.test"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if key != "" {
		req.Header["api_key"] = []string{key}
	}
	resp, err := Transport(s).RoundTrip(req)
	if err != nil {
		return 0, nil, err.Error()
	}
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return resp.StatusCode, resp.Header, string(b) + "[" + err.Error() + "]"
	}
	return resp.StatusCode, resp.Header, string(b)
}

func question(i int) string {
	req := ann
	req.Email = fmt.Sprintf("ann%d@example.com", i)
	return string(req.Canonical())
}

func TestSameQuestionSameAnswer(t *testing.T) {
	first, second := New(Config{Seed: 1}), New(Config{Seed: 2, Script: []string{"503", "ok", "cut"}})
	_, _, want := post(t, first, string(ann.Canonical()))
	for i := range 5 {
		again := ann
		again.RequestID = fmt.Sprint("other", i)
		body, _ := json.Marshal(again)
		status, _, got := post(t, second, string(body))
		if i != 0 && i != 2 && (status != 200 || got != want) {
			t.Errorf("ask %d: %d %s", i, status, got)
		}
	}
	if n := len(second.Ledger().Contacts); n != 1 {
		t.Errorf("one question was counted as %d", n)
	}
	if _, _, other := post(t, first, question(1)); other == want {
		t.Error("another question has the same answer")
	}
}

func TestMessagesArePlausible(t *testing.T) {
	counts := map[int]int{}
	withSections := 0
	s := New(Config{Messages: mixedMessages})
	for i := range 300 {
		req := ann
		req.Email = fmt.Sprintf("p%d@example.com", i)
		req.OutputFormat = []string{"", "text", "markdown"}[i%3]
		switch i % 4 {
		case 1:
			req.FirstName, req.JobTitle, req.CompanyName = "", "", ""
		case 2:
			req.CompanyName = strings.Repeat("Very Long Name ", 20)
		}
		_, _, body := post(t, s, string(req.Canonical()))
		a, err := octave.Decode([]byte(body))
		if err != nil {
			t.Fatalf("%v: %s", err, body)
		}
		counts[len(a.Emails)]++
		for _, e := range a.Emails {
			if n := utf8.RuneCountInString(e.Body); n < 300 || n > 700 {
				t.Errorf("%d characters: %s", n, e.Body)
			}
			if strings.ContainsAny(e.Body+e.Subject, "{}") {
				t.Errorf("a blank was not filled in: %s", e.Body)
			}
			if e.Sections != nil {
				withSections++
			}
		}
		if a.Emails[0].Subject == "" || a.Usage != "1" || a.RequestID == "" || a.Playbook.Name == "" || a.Persona.Name == "" || a.Product.Name == "" {
			t.Errorf("incomplete: %s", body)
		}
	}
	if len(counts) != 7 || withSections == 0 {
		t.Errorf("sequences by length: %v, messages with sections: %d", counts, withSections)
	}
}

func TestTheAgentHasOneNumberOfMessages(t *testing.T) {
	s := New(Config{})
	for i := range 20 {
		for agent, want := range map[string]int{"": usualSteps, s.workspace[0].OID: len(s.workspace[0].Steps)} {
			req := ann
			req.Email, req.AgentOID = fmt.Sprintf("p%d@example.com", i), agent
			_, _, body := post(t, s, string(req.Canonical()))
			if a, err := octave.Decode([]byte(body)); err != nil || len(a.Emails) != want {
				t.Errorf("agent %q wrote %d messages, want %d (%v)", agent, len(a.Emails), want, err)
			}
		}
	}
}

func TestShapes(t *testing.T) {
	for shape, want := range map[string]string{"email": `"email":"Hi Ann`, "sections": `"sections":{"greeting":"Hi Ann,"`, "body": `"body":"Hi Ann`} {
		_, _, body := post(t, New(Config{Shape: shape, Messages: 2}), string(ann.Canonical()))
		a, err := octave.Decode([]byte(body))
		if err != nil || len(a.Emails) != 2 || strings.Count(body, want) != 2 {
			t.Errorf("%s: %v: %s", shape, err, body)
		}
	}
}

func TestWhatIsAskedShowsInTheAnswer(t *testing.T) {
	req := ann
	req.Lang, req.OutputFormat, req.AgentOID, req.IncludeFullAnnotation = "de-AT", "html", "ca_sandbox5", true
	req.CompanyName = "A&B"
	req.RuntimeContext = map[string]string{"all": "they use trains", "2": "they moved"}
	req.RuntimeInstructions = map[string]string{"3": "be brief"}
	_, _, body := post(t, New(Config{Shape: "email"}), string(req.Canonical()))
	a, err := octave.Decode([]byte(body))
	if err != nil || len(a.Emails) != 5 {
		t.Fatalf("%v: %s", err, body)
	}
	for want, in := range map[string]string{
		"<p>Hallo Ann,</p>": a.Emails[0].Body, "they use trains.": a.Emails[0].Body, "they use trains; they moved.": a.Emails[1].Body,
		"A&amp;B": a.Emails[0].Body + a.Emails[1].Body, `"description":"be brief"`: body,
	} {
		if !strings.Contains(in, want) {
			t.Errorf("%q is not in %s", want, in)
		}
	}
}

func TestRequestsAreValidated(t *testing.T) {
	s := New(Config{})
	for body, want := range map[string]string{
		`{"email":"a@b.co","runtimeContext":{"first":"x"}}`:           "runtimeContext: Expected number, received nan; Expected 'all'",
		`{"email":"a@b.co","runtimeContext":{"8":"x"}}`:               "runtimeContext: Number must be between 1 and 7",
		`{"email":"a@b.co","runtimeInstructions":{"0":"x"}}`:          "runtimeInstructions: Number must be between 1 and 7",
		`{"email":"a@b.co","runtimeContext":{"all":{"a":"b"}}}`:       "runtimeContext.all: Expected string, received object",
		`{"email":"a@b.co","runtimeContext":{"1":null}}`:              "runtimeContext.1: Expected string, received null",
		`{"email":"a@b.co","runtimeContext":["x"]}`:                   "runtimeContext: Expected object, received array",
		`{"email":"a@b.co","customContext":{"playbook":{}}}`:          "customContext.playbook.oId: Required",
		`{"email":"a@b.co","customContext":{"segment":{"oId":""}}}`:   "customContext.segment.oId: Required",
		`{"email":"a@b.co","agentOId":"ca_1","experimentOId":"ae_1"}`: "Only one of agentOId and experimentOId should be set at a time",
		`{"email":5}`: "email: Expected string, received number",
		`{"email":"a@b.co","includeFullAnnotation":"yes"}`: "includeFullAnnotation: Expected boolean, received string",
		`{"email":"a@b.co","outputFormat":"pdf"}`:          "outputFormat: Invalid enum value. Expected 'text' | 'html' | 'markdown', received 'pdf'",
		`{"email":`: "Request body is not valid JSON",
		``:          "Request body is not valid JSON",
	} {
		status, _, got := post(t, s, body)
		var in struct{ Message string }
		if err := json.Unmarshal([]byte(got), &in); err != nil || status != 400 || in.Message != want {
			t.Errorf("%s: got %d %s, want %q", body, status, got, want)
		}
	}
	if n := s.Ledger().Asked; n != 0 {
		t.Errorf("%d wrong requests are in the books", n)
	}
	for _, body := range []string{
		`{"email":"a@b.co","firstName":null,"runtimeContext":{"all":"x","1":"a","7":"b"},"unknown":{"x":1}}`,
		`{"linkedInProfile":"https://linkedin.com/in/a","customContext":{"product":{"oId":"p"}},"agentOId":"ca_unlisted"}`,
	} {
		if status, _, got := post(t, s, body); status != 200 {
			t.Errorf("%s: got %d %s", body, status, got)
		}
	}
	if status, _, _ := post(t, s, strings.Repeat(" ", maxRequest+1)); status != 413 {
		t.Errorf("an endless body: %d", status)
	}
}

func TestNobodyToFind(t *testing.T) {
	s := New(Config{})
	for body, found := range map[string]bool{
		`{}`: false, `{"firstName":"Ann","jobTitle":"CEO"}`: false, `{"companyName":"Example"}`: false,
		`{"lastName":"Lee","companyDomain":"example.com"}`: true, `{"crmLeadId":"l"}`: true, `{"email":"a@b.co"}`: true,
	} {
		_, _, got := post(t, s, body)
		if a, err := octave.Decode([]byte(got)); err != nil || a.Found != found || !found && (a.Usage != "0" || a.Message == "") {
			t.Errorf("%s: %v: %s", body, err, got)
		}
	}
	if l := s.Ledger(); l.Billed != 3 || l.Delivered != 6 {
		t.Errorf("billed %d, delivered %d; want 3 and 6", l.Billed, l.Delivered)
	}
}

func TestShareNotFound(t *testing.T) {
	s := New(Config{NotFound: 0.25})
	missing := 0
	for i := range 1000 {
		if _, _, body := post(t, s, question(i)); strings.Contains(body, `"found":false`) {
			missing++
		}
	}
	if missing < 200 || missing > 300 {
		t.Errorf("%d of 1000 were not found", missing)
	}
}

func TestKeys(t *testing.T) {
	strict, lax := New(Config{Key: "right"}), New(Config{})
	for _, c := range []struct {
		s    *Server
		key  string
		want int
	}{{strict, "right", 200}, {strict, "wrong", 401}, {strict, "", 401}, {lax, "any", 200}, {lax, "", 401}} {
		for method, path := range map[string]string{"POST": "/api/v2/agents/sequence/run", "GET": "/api/v2/api-key/validate"} {
			if status, _, body := ask(t, c.s, method, path, c.key, string(ann.Canonical())); status != c.want {
				t.Errorf("%s with key %q: got %d %s, want %d", path, c.key, status, body, c.want)
			}
		}
	}
}

func TestCreditsRunOut(t *testing.T) {
	s := New(Config{Credits: 0.3, Cost: 0.1})
	var got []int
	for i := range 5 {
		status, _, _ := post(t, s, question(i))
		got = append(got, status)
	}
	if want := []int{200, 200, 200, 402, 402}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if l := s.Ledger(); l.Billed != 3 || l.Usage < 0.29 || l.Usage > 0.31 {
		t.Errorf("billed %d, usage %v", l.Billed, l.Usage)
	}
	s.reset()
	if status, _, _ := post(t, s, question(0)); status != 200 {
		t.Errorf("after a reset: %d", status)
	}
}

func TestRateLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Config{Rate: 10, Burst: 5, RetryAfter: "1"})
		accepted := 0
		for i := range 1000 { // 100 a second for 10 seconds
			status, header, _ := post(t, s, question(i))
			switch status {
			case 200:
				accepted++
			case 429:
				if header.Get("Retry-After") != "1" {
					t.Fatalf("Retry-After is %q", header.Get("Retry-After"))
				}
			}
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(time.Hour) // what was not used does not pile up
		for i := range 20 {
			if status, _, _ := post(t, s, question(i)); (status == 200) != (i < 5) {
				t.Errorf("call %d after an hour: %d", i, status)
			}
		}
		accepted += 5
		l := s.Ledger()
		if accepted < 108 || accepted > 110 || l.Refused != 1020-accepted || l.Asked != 1020 {
			t.Errorf("accepted %d, books say asked %d, refused %d", accepted, l.Asked, l.Refused)
		}
		if len(l.PerSecond) != 3611 || l.PerSecond[4] != 100 {
			t.Errorf("%d seconds, per second: %v", len(l.PerSecond), l.PerSecond[:10])
		}
	})
}

func TestRetryAfterForms(t *testing.T) {
	for form, check := range map[string]func(string) bool{
		"":   func(s string) bool { return s == "" },
		"30": func(s string) bool { return s == "30" },
		"date": func(s string) bool {
			at, err := http.ParseTime(s)
			return err == nil && time.Until(at) < 2*time.Second
		},
	} {
		s := New(Config{Rate: 0.001, RetryAfter: form})
		post(t, s, question(0))
		if status, header, _ := post(t, s, question(1)); status != 429 || !check(header.Get("Retry-After")) {
			t.Errorf("%q: got %d, %q", form, status, header.Get("Retry-After"))
		}
	}
}

func TestLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Config{Latency: 20 * time.Second, Jitter: 10 * time.Second})
		took := map[time.Duration]bool{}
		for i := range 20 {
			start := time.Now()
			post(t, s, question(i))
			d := time.Since(start)
			took[d] = true
			if d < 20*time.Second || d >= 30*time.Second {
				t.Errorf("took %v", d)
			}
		}
		if len(took) < 15 {
			t.Errorf("20 calls took only %d different times", len(took))
		}
	})
}

func TestWhoLeavesPays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Config{Latency: time.Minute})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		req, _ := http.NewRequestWithContext(ctx, http.MethodPost, "http://x/api/v2/agents/sequence/run", strings.NewReader(question(0)))
		req.Header.Set("api_key", "k")
		if _, err := Transport(s).RoundTrip(req); err != context.DeadlineExceeded {
			t.Errorf("got %v", err)
		}
		if l := s.Ledger(); l.Billed != 1 || l.Delivered != 0 {
			t.Errorf("billed %d, delivered %d", l.Billed, l.Delivered)
		}
	})
}

func TestLedgerOverHTTP(t *testing.T) {
	s := New(Config{Script: []string{"reset-after", "503", "ok"}})
	for range 3 {
		post(t, s, string(ann.Canonical()))
	}
	status, _, body := ask(t, s, http.MethodGet, "/sandbox/ledger", "", "")
	var l Ledger
	if err := json.Unmarshal([]byte(body), &l); err != nil || status != 200 {
		t.Fatalf("%d %s: %v", status, body, err)
	}
	q := Question(ann)
	if got, want := l.Contacts[fmt.Sprintf("%x", q)], (Count{Asked: 3, Billed: 2, Delivered: 1}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if l.Asked != 3 || l.Billed != 2 || l.Delivered != 1 || l.Faults["503"] != 1 || l.Faults["reset-after"] != 1 || l.MaxInFlight != 1 || len(l.PerSecond) == 0 {
		t.Errorf("got %s", body)
	}
	if strings.Contains(body, "example") {
		t.Error("the ledger holds personal data")
	}
	if status, _, _ := ask(t, s, http.MethodPost, "/sandbox/reset", "", ""); status != 204 || s.Ledger().Asked != 0 {
		t.Errorf("reset: %d, then asked %d", status, s.Ledger().Asked)
	}
	for path, want := range map[string]int{"/nothing": 404, "/api/v2/agents/sequence/run": 404} {
		if status, _, _ := ask(t, s, http.MethodGet, path, "k", ""); status != want {
			t.Errorf("GET %s: got %d, want %d", path, status, want)
		}
	}
}

func TestManyAtOnce(t *testing.T) {
	const workers, calls = 8, 50
	s := New(Config{Faults: map[string]float64{"503": 0.3, "reset-after": 0.1}, Rate: 1e6})
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for i := range calls {
				post(t, s, question(i))
				s.Ledger()
			}
		})
	}
	all.Wait()
	l := s.Ledger()
	if sum(l.PerSecond) != workers*calls || l.Asked != workers*calls || len(l.Contacts) != calls || l.MaxInFlight < 1 || l.MaxInFlight > workers {
		t.Errorf("asked %d of %d, %d contacts, %d at once", l.Asked, workers*calls, len(l.Contacts), l.MaxInFlight)
	}
	for q, c := range l.Contacts {
		if c.Asked != workers || c.Delivered > c.Billed || c.Billed > c.Asked {
			t.Errorf("%s: %+v", q, c)
		}
	}
}

func sum(list []int) (n int) {
	for _, i := range list {
		n += i
	}
	return n
}

// Over a connection and in process a client must see the same.
func TestInProcessIsLikeTheNetwork(t *testing.T) {
	for _, kind := range append(Kinds(), ok) {
		if strings.HasPrefix(kind, "hang") {
			continue
		}
		s := New(Config{Faults: map[string]float64{kind: 1}, Messages: 2})
		if kind == ok {
			s = New(Config{Messages: 2})
		}
		network := httptest.NewServer(s)
		over := func(rt http.RoundTripper, base string) string {
			req, _ := http.NewRequest(http.MethodPost, base+"/api/v2/agents/sequence/run", bytes.NewReader(ann.Canonical()))
			req.Header.Set("api_key", "k")
			resp, err := rt.RoundTrip(req)
			if err != nil {
				return "no answer"
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			return fmt.Sprint(resp.StatusCode, " ", resp.Header.Get("Content-Type"), " ", err, " ", len(body), " ", string(body[:min(len(body), 3000)]))
		}
		if a, b := over(http.DefaultTransport, network.URL), over(Transport(s), "http://sandbox.test"); a != b {
			t.Errorf("%s: network\n%s\nin process\n%s", kind, a, b)
		}
		network.Close()
	}
}

// A handler that hangs must end when its client leaves, or the server could
// never be closed.
func TestHangingEndsWithTheClient(t *testing.T) {
	for _, kind := range []string{"hang", "hang-after"} {
		s := New(Config{Faults: map[string]float64{kind: 1}})
		srv := httptest.NewServer(s)
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			for s.Ledger().Faults[kind] == 0 {
				time.Sleep(time.Millisecond)
			}
			cancel()
		}()
		req, _ := http.NewRequestWithContext(ctx, http.MethodPost, srv.URL+"/api/v2/agents/sequence/run", bytes.NewReader(ann.Canonical()))
		req.Header.Set("api_key", "k")
		if _, err := http.DefaultTransport.RoundTrip(req); err == nil {
			t.Errorf("%s: there was an answer", kind)
		}
		srv.Close()
		want := 0
		if kind == "hang-after" {
			want = 1
		}
		if l := s.Ledger(); l.Billed != want || l.Delivered != 0 {
			t.Errorf("%s: billed %d, delivered %d", kind, l.Billed, l.Delivered)
		}
	}
}

func BenchmarkCompose(b *testing.B) {
	s := New(Config{Messages: 4})
	q := Question(ann)
	b.ReportAllocs()
	for b.Loop() {
		encode(s.compose(ann, q))
	}
}

func BenchmarkServe(b *testing.B) {
	s := New(Config{Messages: 4})
	body := string(ann.Canonical())
	b.ReportAllocs()
	for b.Loop() {
		post(b, s, body)
	}
}
