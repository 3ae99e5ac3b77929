package octave

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// Config says whom to ask and how. Its zero value but for Key is useful.
type Config struct {
	BaseURL     string        // DefaultBaseURL when empty
	Key         Secret        // sent as the header api_key, and nowhere else
	Timeout     time.Duration // of one attempt, from dial to last byte; DefaultTimeout when 0
	Concurrency int           // connections kept alive; DefaultConcurrency when 0
	Source      string        // who is calling, for x-request-source and User-Agent; octave-enrich when empty

	// CAs are the authorities whose certificates count; nil for those of the
	// machine.
	CAs *x509.CertPool

	// Transport replaces the network; nil is an [http.Transport] tuned for
	// many long calls to one host.
	Transport http.RoundTripper
}

// Client asks the service. It may be used by many goroutines at once.
type Client struct {
	base      *url.URL
	run       string
	key       Secret
	timeout   time.Duration
	source    string
	transport http.RoundTripper

	query atomic.Pointer[string] // the name of an id that a poll was answered under
}

// NewClient checks the configuration; it does not call the service.
func NewClient(cfg Config) (*Client, error) {
	base, err := parseBase(cfg.BaseURL)
	if err != nil {
		return nil, err
	}
	key := Secret(strings.TrimSpace(string(cfg.Key)))
	switch {
	case key == "":
		return nil, errors.New("no API key")
	case !headerSafe(string(key)):
		return nil, errors.New("the API key holds characters that no key has")
	case cfg.Timeout < 0 || cfg.Concurrency < 0:
		return nil, errors.New("time-out and concurrency cannot be negative")
	}
	c := &Client{
		base:      base,
		run:       base.JoinPath("api/v2/agents/sequence/run").String(),
		key:       key,
		timeout:   cmp.Or(cfg.Timeout, DefaultTimeout),
		source:    cmp.Or(cfg.Source, "octave-enrich"),
		transport: cfg.Transport,
	}
	if !headerSafe(c.source) {
		return nil, errors.New("the source must be printable ASCII")
	}
	if c.transport == nil {
		c.transport = newTransport(cmp.Or(cfg.Concurrency, DefaultConcurrency), cfg.CAs)
	}
	return c, nil
}

// Run asks for one contact, exactly once. Every error is an *[Error].
func (c *Client) Run(ctx context.Context, req Request) (*Answer, error) {
	start := time.Now()
	var limit Quota
	raw, err := c.call(ctx, call{http.MethodPost, c.run, req.body(), req.RequestID, &limit})
	if err != nil {
		return nil, limit.on(err)
	}
	answer, err := decode(raw, c.words)
	if err != nil {
		return nil, limit.on(err)
	}
	answer.Latency, answer.Quota = time.Since(start), limit
	return answer, nil
}

// newTransport keeps a connection per worker. Without MaxIdleConnsPerHost all
// but two would be closed after each call; without MaxConnsPerHost a burst of
// slow dials opens more than are ever used.
func newTransport(workers int, authorities *x509.CertPool) http.RoundTripper {
	t := &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true}
	if d, ok := http.DefaultTransport.(*http.Transport); ok {
		t = d.Clone()
	}
	if authorities != nil {
		t.TLSClientConfig = &tls.Config{RootCAs: authorities, MinVersion: tls.VersionTLS12}
	}
	// A proxy's refusal would else be a text that nobody can tell from others.
	t.OnProxyConnectResponse = func(_ context.Context, _ *url.URL, _ *http.Request, answer *http.Response) error {
		if refusesConnect(answer.StatusCode) {
			return &proxyRefusedError{answer.Status}
		}
		return nil
	}
	t.MaxIdleConns = 0
	t.MaxIdleConnsPerHost = workers
	t.MaxConnsPerHost = workers + 2
	t.IdleConnTimeout = 90 * time.Second
	t.TLSHandshakeTimeout = 10 * time.Second
	t.MaxResponseHeaderBytes = 256 << 10
	// A dead connection is noticed by pings and not by the time-out of each
	// call on it. StrictMaxConcurrentRequests must stay unset: it deadlocks.
	t.HTTP2 = &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 15 * time.Second}
	return t
}

// parseBase refuses what would silently ask the wrong place. A password in a
// URL would end up in logs, so there is no room for one.
func parseBase(base string) (*url.URL, error) {
	u, err := url.Parse(cmp.Or(base, DefaultBaseURL))
	switch {
	case err != nil:
		return nil, errors.New("the base URL cannot be parsed")
	case u.User != nil:
		return nil, errors.New("the base URL must not hold a user or password")
	case u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
		return nil, fmt.Errorf("the base URL must look like %s", DefaultBaseURL)
	case u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("the base URL must not have a query or fragment")
	}
	return u, nil
}

// headerSafe says whether s is printable ASCII, so that net/http will not
// refuse it as the value of a header.
func headerSafe(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
