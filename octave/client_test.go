package octave_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"octave-enrich/octave"
	"octave-enrich/octave/sandbox"
)

const key = "sk_live_4242424242"

// actions is what a run must do about each way in which a call can fail.
var actions = map[string]struct {
	action octave.Action
	cause  octave.Cause
	billed bool // may be
}{
	"400":          {octave.Row, octave.CauseRequest, false},
	"401":          {octave.All, octave.CauseKey, false},
	"402":          {octave.All, octave.CauseCredits, false},
	"403":          {octave.All, octave.CauseKey, false},
	"403-credits":  {octave.All, octave.CauseCredits, false},
	"404":          {octave.Row, octave.CauseRequest, false},
	"408":          {octave.Again, octave.CauseServer, true},
	"422":          {octave.Row, octave.CauseRequest, false},
	"425":          {octave.Again, octave.CauseRateLimited, false},
	"429":          {octave.Again, octave.CauseRateLimited, false},
	"429-after":    {octave.Again, octave.CauseRateLimited, false},
	"429-credits":  {octave.All, octave.CauseCredits, false},
	"429-date":     {octave.Again, octave.CauseRateLimited, false},
	"500":          {octave.Again, octave.CauseServer, true},
	"502-html":     {octave.Again, octave.CauseServer, true},
	"503":          {octave.Again, octave.CauseRateLimited, false},
	"503-after":    {octave.Again, octave.CauseRateLimited, false},
	"504":          {octave.Again, octave.CauseServer, true},
	"504-html":     {octave.Again, octave.CauseServer, true},
	"redirect":     {octave.Again, octave.CauseUnreachable, false},
	"cut":          {octave.Again, octave.CauseAmbiguous, true},
	"cut-json":     {octave.Again, octave.CauseAmbiguous, true},
	"empty":        {octave.Again, octave.CauseAmbiguous, true},
	"hang":         {octave.Again, octave.CauseAmbiguous, true},
	"hang-after":   {octave.Again, octave.CauseAmbiguous, true},
	"huge":         {octave.Row, octave.CauseUnusable, true},
	"nomessages":   {octave.Row, octave.CauseUnusable, true},
	"notext":       {octave.Row, octave.CauseUnusable, true},
	"notjson":      {octave.Again, octave.CauseAmbiguous, true},
	"reset-after":  {octave.Again, octave.CauseAmbiguous, true},
	"reset-before": {octave.Again, octave.CauseAmbiguous, true},
}

// answered are the causes that still are answers; those of asynchronous work change
// nothing about a synchronous call.
var answered = []string{"badtypes", "failed", "forgotten", "notfound", "nullable", "slow", "trickle", "twice", "unordered"}

func newClient(t *testing.T, cfg octave.Config) *octave.Client {
	t.Helper()
	cfg.Key = key
	c, err := octave.NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// serve returns a client of h over a real connection.
func serve(t *testing.T, h http.Handler, cfg octave.Config) *octave.Client {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	cfg.BaseURL = srv.URL
	return newClient(t, cfg)
}

// keyless fails when the key can be had from any error of the chain.
func keyless(t *testing.T, err error) {
	t.Helper()
	for e := err; e != nil; e = errors.Unwrap(e) {
		for _, s := range []string{e.Error(), fmt.Sprintf("%v %+v %#v", e, e, e)} {
			if strings.Contains(s, key) || strings.Contains(s, key[len("sk_live_"):]) {
				t.Errorf("the key is in %s", s)
			}
		}
	}
}

func TestActions(t *testing.T) {
	for _, cause := range sandbox.Kinds() {
		if slices.Contains(answered, cause) {
			continue
		}
		want, known := actions[cause]
		if strings.HasSuffix(cause, "-billed") {
			want, known = actions["504"], true
		}
		if !known {
			t.Errorf("%s: no action is expected of it", cause)
			continue
		}
		cfg := sandbox.Config{Faults: map[string]float64{cause: 1}}
		check := func(t *testing.T, c *octave.Client) {
			_, err := c.Run(context.Background(), ann)
			e := asError(t, err)
			if e.Action != want.action || e.Cause != want.cause || e.MaybeBilled != want.billed {
				t.Errorf("got %v, %v, billed %v; want %v, %v, %v: %v", e.Action, e.Cause, e.MaybeBilled, want.action, want.cause, want.billed, e)
			}
			if e.Error() == "" {
				t.Error("the error says nothing")
			}
			keyless(t, err)
		}
		t.Run(cause, func(t *testing.T) {
			var client octave.Config
			if strings.HasPrefix(cause, "hang") {
				client.Timeout = time.Second
			}
			check(t, serve(t, sandbox.New(cfg), client))
		})
		t.Run(cause+"/in process", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				check(t, newClient(t, octave.Config{Transport: sandbox.Transport(sandbox.New(cfg))}))
			})
		})
	}
}

// What a gateway says once it has passed a request on is no refusal. Statuses that
// nobody lists count, too: to ask again may cost.
func TestStatusesThatMayBeBilled(t *testing.T) {
	may := []int{408, 499, 500, 502, 504, 508, 520, 521, 522, 523, 524, 529, 599}
	for status := 400; status < 600; status++ {
		c := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }), octave.Config{})
		_, err := c.Run(context.Background(), ann)
		e := asError(t, err)
		if refusal := status == 425 || status == 429 || status == 503; (e.Cause == octave.CauseRateLimited) != refusal || refusal && e.MaybeBilled {
			t.Errorf("%d: got %v, billed %v", status, e.Cause, e.MaybeBilled)
		}
		if status < 500 && e.MaybeBilled != slices.Contains(may, status) || slices.Contains(may, status) && (!e.MaybeBilled || e.Action != octave.Again) {
			t.Errorf("%d: got %v, billed %v", status, e.Action, e.MaybeBilled)
		}
		if _, err := c.Validate(context.Background()); asError(t, err).MaybeBilled {
			t.Errorf("%d: a look at the account counts as billed", status)
		}
	}
}

func TestOddAnswersAreAnswers(t *testing.T) {
	for _, cause := range answered {
		c := serve(t, sandbox.New(sandbox.Config{Faults: map[string]float64{cause: 1}, Messages: 3}), octave.Config{})
		a, err := c.Run(context.Background(), ann)
		if err != nil {
			t.Errorf("%s: %v", cause, err)
			continue
		}
		if found := cause != "notfound"; a.Found != found || found && len(a.Emails) != 3 || a.Latency <= 0 {
			t.Errorf("%s: got %+v", cause, a)
		}
	}
}

func TestErrorSaysWhatTheServiceSays(t *testing.T) {
	for cause, want := range map[string]string{
		"401": "401 Unauthorized: Invalid API key", "502-html": "502 Bad Gateway", "504": "504 Gateway Timeout",
		"503": "503 Service Unavailable", "500": "500 Internal Server Error", "422": "422 Unprocessable Entity: The contact cannot be processed", "hang": "no answer within 3m0s", "cut": "the answer broke off: unexpected EOF",
		"huge": "the answer is larger than 16 MiB", "nomessages": "found, but the answer has no messages: Success",
		"notjson": "broken answer: not JSON: One moment, please", "empty": "broken answer: empty",
		"redirect": "307 Temporary Redirect: redirected to https://app.octavehq.com/login, which is not followed",
	} {
		synctest.Test(t, func(t *testing.T) {
			c := newClient(t, octave.Config{Transport: sandbox.Transport(sandbox.New(sandbox.Config{Faults: map[string]float64{cause: 1}}))})
			if _, err := c.Run(context.Background(), ann); err == nil || err.Error() != want {
				t.Errorf("%s: got %q, want %q", cause, err, want)
			}
		})
	}
}

func TestRetryAfterOfAnswers(t *testing.T) {
	for cause, most := range map[string]time.Duration{"429-after": time.Second, "429-date": 2 * time.Second, "503-after": time.Second} {
		c := serve(t, sandbox.New(sandbox.Config{Faults: map[string]float64{cause: 1}}), octave.Config{})
		_, err := c.Run(context.Background(), ann)
		if e := asError(t, err); e.RetryAfter > most || e.RetryAfterRaw == "" || cause != "429-date" && e.RetryAfter != most {
			t.Errorf("%s: got %v (%s)", cause, e.RetryAfter, e.RetryAfterRaw)
		}
	}
}

func TestHostileAnswersDoNotLeakTheKey(t *testing.T) {
	echo := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			sent := r.Header.Get("api_key")
			w.Header().Set("Retry-After", sent)
			w.Header().Set("Location", "https://elsewhere.test/"+sent+"?k="+sent)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, strings.ReplaceAll(body, "KEY", sent))
		}
	}
	for _, status := range []int{200, 201, 204, 301, 302, 307, 308, 400, 401, 403, 429, 500, 599} {
		for _, body := range []string{`{"message":"bad key KEY"}`, `{"found":true,"message":"KEY"}`, `<title>KEY</title>`, `<title>K&#69;Y KEY</title>`,
			"KEY", `{"KEY":1}`, `{"errors":["KEY"]}`, strings.Repeat(" ", 290) + "KEY", strings.Repeat("x", 290) + "KEY", strings.Repeat("x ", 32<<10) + "KEY", ""} {
			_, err := serve(t, echo(status, body), octave.Config{}).Run(context.Background(), ann)
			e := asError(t, err)
			keyless(t, err)
			if strings.Contains(e.RetryAfterRaw, key) {
				t.Errorf("%d: the key is in RetryAfterRaw", status)
			}
		}
	}
}

// A service may repeat the key in an answer that is kept; so short a one may be a word.
func TestKeyIsMaskedInAnswers(t *testing.T) {
	echo := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, `{"found":false,"message":"no %s"}`, r.Header.Get("api_key"))
	})
	srv := httptest.NewServer(echo)
	defer srv.Close()
	for sent, kept := range map[octave.Secret]bool{"sixteen letters_": false, "fifteen letters": true} {
		c, err := octave.NewClient(octave.Config{Key: sent, BaseURL: srv.URL})
		if err != nil {
			t.Fatal(err)
		}
		if a, err := c.Run(context.Background(), ann); err != nil || a.Message != "no ***" || strings.Contains(string(a.Raw), string(sent)) != kept {
			t.Errorf("%d letters: %v, %+v", len(sent), err, a)
		}
	}
}

// A refusal that is no JSON object is another's than the service's.
func TestForeignRefusals(t *testing.T) {
	for body, want := range map[string]bool{`{"message":"no"}`: false, " \n{}": false, "": false, " ": false, "<title>Denied</title>": true, "denied": true} {
		c := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, body)
		}), octave.Config{})
		if _, err := c.Run(context.Background(), ann); asError(t, err).Foreign != want {
			t.Errorf("%q: %v", body, !want)
		}
	}
}

func TestRedirectsCarryNothingElsewhere(t *testing.T) {
	var strayed atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { strayed.Add(1) }))
	defer elsewhere.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		c := serve(t, http.RedirectHandler(elsewhere.URL, status), octave.Config{})
		_, err := c.Run(context.Background(), ann)
		if e := asError(t, err); e.Status != status || e.Action != octave.Again || e.MaybeBilled {
			t.Errorf("%d: got %v, %v", status, e.Action, e)
		}
		if _, err := c.Validate(context.Background()); err == nil {
			t.Errorf("%d: followed", status)
		}
	}
	if n := strayed.Load(); n > 0 {
		t.Errorf("%d requests went elsewhere", n)
	}
}

func TestRequestOnTheWire(t *testing.T) {
	var header http.Header
	var path, body string
	c := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		header, path, body = r.Header, r.Method+" "+r.RequestURI, string(b)
		_, _ = io.WriteString(w, `{"found":false}`)
	}), octave.Config{Source: "nightly/1"})
	if _, err := c.Run(context.Background(), fullRequest()); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"api_key": key, "Content-Type": "application/json", "X-Request-Source": "nightly/1",
		"X-External-Request-Id": "r1", "User-Agent": "nightly/1", "Accept-Encoding": "gzip", "Authorization": ""} {
		if got := header.Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if want := "POST /api/v2/agents/sequence/run"; path != want {
		t.Errorf("got %s, want %s", path, want)
	}
	question := string(fullRequest().Canonical())
	if want := strings.TrimSuffix(question, "}") + `,"requestId":"r1"}`; body != want {
		t.Errorf("got  %s\nwant %s", body, want)
	}
	for id, want := range map[string]string{"a\r\nb": "", "ä": "", "a b~": "a b~"} {
		if _, err := c.Run(context.Background(), octave.Request{RequestID: id}); err != nil || header.Get("X-External-Request-Id") != want {
			t.Errorf("the id %q: %v, sent %q", id, err, header.Get("X-External-Request-Id"))
		}
	}
}

func TestBodies(t *testing.T) {
	zip := func(w io.Writer, s string) {
		z, _ := gzip.NewWriterLevel(w, gzip.BestSpeed)
		_, _ = io.WriteString(z, s)
		_ = z.Close()
	}
	longest := `{"found":false,"x":"` + strings.Repeat("x", octave.MaxBody-len(`{"found":false,"x":""}`)) + `"}`
	for _, c := range []struct {
		name   string
		body   string
		gzip   bool
		action octave.Action // 0 for an answer
	}{
		{"gzip", `{"found":false}`, true, 0},
		{"the longest", longest, false, 0},
		{"one byte more", longest + " ", false, octave.Row},
		{"a gzip bomb", longest + strings.Repeat(" ", 8<<20), true, octave.Row},
	} {
		client := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if c.gzip {
				w.Header().Set("Content-Encoding", "gzip")
				zip(w, c.body)
				return
			}
			_, _ = io.WriteString(w, c.body)
		}), octave.Config{})
		_, err := client.Run(context.Background(), ann)
		if c.action == 0 && err != nil || c.action != 0 && (asError(t, err).Action != c.action || !asError(t, err).MaybeBilled) {
			t.Errorf("%s: got %v", c.name, err)
		}
	}
}

func TestGzipCutShort(t *testing.T) {
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write(sample(t, 3, "email"))
	_ = z.Close()
	c := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(zipped.Bytes()[:zipped.Len()-20])
	}), octave.Config{})
	_, err := c.Run(context.Background(), ann)
	if e := asError(t, err); e.Action != octave.Again || e.Cause != octave.CauseAmbiguous || !e.MaybeBilled {
		t.Errorf("got %v, %v: %v", e.Action, e.Cause, e)
	}
}

func TestNewClientRefuses(t *testing.T) {
	for _, c := range []struct {
		cfg  octave.Config
		says string
	}{
		{octave.Config{}, "no API key"},
		{octave.Config{Key: " \n"}, "no API key"},
		{octave.Config{Key: key + "\nx"}, "characters"},
		{octave.Config{Key: key + "ä"}, "characters"},
		{octave.Config{Key: key, BaseURL: "ftp://example.com"}, "must look like"},
		{octave.Config{Key: key, BaseURL: "app.octavehq.com"}, "must look like"},
		{octave.Config{Key: key, BaseURL: "https://"}, "must look like"},
		{octave.Config{Key: key, BaseURL: "https://u:" + key + "@example.com"}, "password"},
		{octave.Config{Key: key, BaseURL: "https://example.com?k=" + key}, "query"},
		{octave.Config{Key: key, BaseURL: "https://exa mple.com/" + key}, "parsed"},
		{octave.Config{Key: key, Source: "a\nb"}, "source"},
		{octave.Config{Key: key, Timeout: -1}, "negative"},
	} {
		_, err := octave.NewClient(c.cfg)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: got %v, want %q", c.cfg, err, c.says)
			continue
		}
		keyless(t, err)
	}
	if _, err := octave.NewClient(octave.Config{Key: key + "\n"}); err != nil {
		t.Errorf("the line feed of a key file: %v", err)
	}
}
