package octave

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// maxErrorBody is how much of a failure is read in search of its message.
const maxErrorBody = 64 << 10

// errTooLarge is an answer beyond MaxBody.
var errTooLarge = errors.New("the answer is larger than 16 MiB")

// call is one exchange with the service.
type call struct {
	method, url string
	body        []byte
	id          string // x-external-request-id, for the service's own tracing
	quota       *Quota // gets what the headers say of the limit; may be nil
}

// billable says whether the service works, and charges, for the call.
func (c call) billable() bool { return c.method == http.MethodPost }

// call makes one attempt and returns the body of a success. Every error is an
// *[Error].
func (c *Client) call(ctx context.Context, call call) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, c.broken(ctx, err, false)
	}
	attempt, cancel := withTimeout(ctx, c.timeout)
	defer cancel()
	broken := func(err error, billed bool) *Error {
		if errors.Is(context.Cause(attempt), context.DeadlineExceeded) {
			err = context.DeadlineExceeded // net/http may say no more than that it was told to stop
		}
		return c.broken(ctx, err, billed)
	}
	var p progress
	req, err := c.request(p.watch(attempt), call)
	if err != nil {
		return nil, broken(err, false)
	}
	// Not through http.Client: it would follow redirects, and carry the key
	// along to any host it is pointed to.
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		return nil, broken(err, call.billable() && p.sent())
	}
	defer resp.Body.Close() //nolint:errcheck // only read from
	if call.quota != nil {
		*call.quota = quota(resp.Header, time.Now())
	}
	if resp.StatusCode/100 != 2 {
		return nil, c.refused(resp, call)
	}
	body, err := read(resp, MaxBody)
	if errors.Is(err, errTooLarge) {
		return nil, &Error{Status: resp.StatusCode, Action: Row, Cause: CauseUnusable,
			Message: err.Error(), MaybeBilled: call.billable(), Err: err}
	}
	if err != nil {
		return nil, broken(fmt.Errorf("the answer broke off: %w", err), call.billable())
	}
	return c.key.redactAnswer(body), nil
}

func (c *Client) request(ctx context.Context, call call) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, call.method, call.url, bytes.NewReader(call.body))
	if err != nil {
		return nil, err
	}
	// Not Set: it would write Api_key, and the name is documented in lower case.
	req.Header["api_key"] = []string{string(c.key)}
	req.Header["Content-Type"] = []string{"application/json"}
	req.Header["Accept"] = []string{"application/json"}
	req.Header["User-Agent"] = []string{c.source}
	req.Header["X-Request-Source"] = []string{c.source}
	if call.id != "" && headerSafe(call.id) {
		req.Header["X-External-Request-Id"] = []string{call.id}
	}
	return req, nil
}

// read returns the whole body, or errTooLarge. What Content-Length promises is
// believed up to 1 MiB, the rest must come before memory is spent on it.
func read(resp *http.Response, limit int64) ([]byte, error) {
	var b bytes.Buffer
	b.Grow(int(min(max(resp.ContentLength, 4<<10), 1<<20)) + bytes.MinRead)
	if _, err := b.ReadFrom(io.LimitReader(resp.Body, limit+1)); err != nil {
		return nil, err
	}
	if int64(b.Len()) > limit {
		return nil, errTooLarge
	}
	return b.Bytes(), nil
}

// refused turns an answer that is no success into an error. A body that cannot
// be read whole, or is no message by its size, changes nothing about its action.
func (c *Client) refused(resp *http.Response, call call) *Error {
	body, err := read(resp, maxErrorBody)
	if err != nil {
		body = nil
	}
	body = bytes.TrimSpace(body)
	e := &Error{Status: resp.StatusCode, Message: c.words(message(body)), Foreign: len(body) > 0 && body[0] != '{'}
	switch {
	case resp.StatusCode/100 == 3:
		e.Trouble, e.Message = Redirected, c.words("redirected to "+place(resp)+", which is not followed")
	case resp.StatusCode == http.StatusProxyAuthRequired:
		e.Trouble = ProxyRefused
	}
	e.Server = cmp.Or(c.words(resp.Header.Get("Via")), c.words(resp.Header.Get("Server")))
	e.Action, e.Cause = judge(resp.StatusCode, e.Message)
	e.MaybeBilled = call.billable() && passedOn(resp.StatusCode)
	e.RetryAfter, e.RetryAfterRaw = retryAfter(resp.Header, time.Now())
	e.RetryAfterRaw = c.words(e.RetryAfterRaw)
	return e
}

// place is where a redirect points, without what may be private in it.
func place(resp *http.Response) string {
	u, err := resp.Location()
	if err != nil {
		return "an unknown place"
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// broken turns a failure of the network or of the context into an error.
// billed says that the service may have done the work.
func (c *Client) broken(ctx context.Context, err error, billed bool) *Error {
	e := &Error{Action: Again, Cause: CauseUnreachable, MaybeBilled: billed, Err: c.safe(err)}
	switch {
	case ctx.Err() != nil:
		e.Action, e.Cause, e.Message = Stop, CauseStopped, "stopped: "+ctx.Err().Error()
		e.Err = ctx.Err()
	case errors.Is(err, context.DeadlineExceeded):
		e.Message = fmt.Sprintf("no answer within %v", c.timeout)
	default:
		e.Message = c.words(err.Error())
	}
	switch {
	case e.Action != Again:
	case billed:
		e.Cause = CauseAmbiguous
	default:
		e.Trouble = troubleOf(err)
	}
	return e
}

// safe is err, or its text without the key should it quote it: net/http does
// quote malformed answers.
func (c *Client) safe(err error) error {
	if text := err.Error(); strings.Contains(text, string(c.key)) {
		return errors.New(c.key.redact(text))
	}
	return err
}

// words makes the service's text safe to show. The key is looked for between
// the two steps: in text where nothing hides it, and before half of it is cut.
func (c *Client) words(text string) string { return shorten(c.key.redact(tidy(text))) }

// progress follows a call through net/http, to know after a failure whether
// the service may have got it.
type progress struct{ state atomic.Int32 }

const (
	connecting = iota + 1 // nothing of the request has left yet
	written               // it may have arrived
)

// watch returns a context whose call reports to p. A connection that was kept
// alive can turn out dead before a byte was written; net/http then takes
// another, so connecting may come again after written.
func (p *progress) watch(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn:      func(string) { p.state.Store(connecting) },
		WroteHeaders: func() { p.state.Store(written) },
	})
}

// sent is true in doubt, also for a transport that reports nothing.
func (p *progress) sent() bool { return p.state.Load() != connecting }
