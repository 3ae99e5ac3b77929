package octave_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"octave-enrich/octave"
	"octave-enrich/octave/sandbox"
)

// listen answers each connection by hand.
func listen(t *testing.T, answer func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(context.Background())
	var open sync.WaitGroup
	open.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			context.AfterFunc(ctx, func() { conn.Close() })
			open.Go(func() {
				defer conn.Close()
				answer(conn)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		end()
		open.Wait()
	})
	return "http://" + l.Addr().String()
}

func TestNeverReached(t *testing.T) {
	untrusted := httptest.NewTLSServer(http.NotFoundHandler())
	defer untrusted.Close()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	silent := listen(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })

	for name, base := range map[string]string{
		"refused":               "http://127.0.0.1:1",
		"unknown authority":     untrusted.URL,
		"no TLS there":          strings.Replace(plain.URL, "http:", "https:", 1),
		"silent while greeting": strings.Replace(silent, "http:", "https:", 1),
	} {
		c := newClient(t, octave.Config{BaseURL: base, Timeout: 200 * time.Millisecond})
		_, err := c.Run(context.Background(), ann)
		if e := asError(t, err); e.Action != octave.Again || e.Cause != octave.CauseUnreachable || e.MaybeBilled || e.Status != 0 {
			t.Errorf("%s: got %v, %v, billed %v: %v", name, e.Action, e.Cause, e.MaybeBilled, e)
		}
		keyless(t, err)
	}
}

func TestBrokenHTTP(t *testing.T) {
	for name, answer := range map[string]string{
		"closed":             "",
		"no HTTP":            "SSH-2.0 " + key + "\r\n\r\n",
		"a status of words":  "HTTP/1.1 " + key + " hello\r\n\r\n",
		"cut header":         "HTTP/1.1 200 OK\r\nContent-Le",
		"bad length":         "HTTP/1.1 200 OK\r\nContent-Length: " + key + "\r\n\r\n{}",
		"bad header":         "HTTP/1.1 200 OK\r\n" + key + "\r\n\r\n{}",
		"endless header":     "HTTP/1.1 200 OK\r\nX: " + strings.Repeat(key, 50_000) + "\r\n\r\n{}",
		"broken chunks":      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + key + "\r\n{}\r\n",
		"cut chunks":         "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"fou",
		"length, less bytes": "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{}",
		"length, few bytes":  "HTTP/1.1 200 OK\r\nContent-Length: 9999999999999\r\n\r\n{}",
		"no gzip":            "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
		"odd redirect":       "HTTP/1.1 302 Found\r\nLocation: http://[" + key + "\r\nContent-Length: 0\r\n\r\n",
	} {
		base := listen(t, func(c net.Conn) {
			if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
				_, _ = io.WriteString(c, answer)
			}
		})
		_, err := newClient(t, octave.Config{BaseURL: base}).Run(context.Background(), ann)
		e := asError(t, err)
		keyless(t, err)
		if name == "odd redirect" {
			if e.Cause != octave.CauseUnreachable || e.MaybeBilled {
				t.Errorf("%s: got %v: %v", name, e.Cause, e)
			}
			continue
		}
		if e.Action != octave.Again || e.Cause != octave.CauseAmbiguous || !e.MaybeBilled {
			t.Errorf("%s: got %v, %v, billed %v: %v", name, e.Action, e.Cause, e.MaybeBilled, e)
		}
	}
}

func TestStoppedByTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := sandbox.New(sandbox.Config{Latency: time.Minute})
		c := newClient(t, octave.Config{Transport: sandbox.Transport(srv)})
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		_, err := c.Run(ctx, ann)
		if e := asError(t, err); e.Action != octave.Stop || e.Cause != octave.CauseStopped || !e.MaybeBilled || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("during the call: got %v, %v, billed %v: %v", e.Action, e.Cause, e.MaybeBilled, e)
		}
		_, err = c.Run(ctx, ann)
		if e := asError(t, err); e.Action != octave.Stop || e.MaybeBilled {
			t.Errorf("before the call: got %v, billed %v: %v", e.Action, e.MaybeBilled, e)
		}
		if n := srv.Ledger().Asked; n != 1 {
			t.Errorf("asked %d times", n)
		}
	})
}

// A transport may say anything when its context ends; the context decides.
type odd struct{ cancel context.CancelFunc }

func (o odd) RoundTrip(*http.Request) (*http.Response, error) {
	o.cancel()
	return nil, errors.New("odd: " + key)
}

func TestStoppedWhateverTheTransportSays(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	_, err := newClient(t, octave.Config{Transport: odd{cancel}}).Run(ctx, ann)
	if e := asError(t, err); e.Action != octave.Stop || !e.MaybeBilled || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, billed %v: %v", e.Action, e.MaybeBilled, err)
	}
	_, err = newClient(t, octave.Config{Transport: odd{cancel}}).Run(context.Background(), ann)
	if e := asError(t, err); e.Cause != octave.CauseAmbiguous || !e.MaybeBilled || e.Message != "odd: ***" {
		t.Errorf("a transport that does not say how far it came: got %v, billed %v: %v", e.Cause, e.MaybeBilled, err)
	}
	keyless(t, err)
}

// A cancelled call over a real connection, cancelled when the service has it.
func TestStoppedOnTheWire(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	c := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		cancel()
		<-r.Context().Done()
	}), octave.Config{})
	_, err := c.Run(ctx, ann)
	if e := asError(t, err); e.Action != octave.Stop || !e.MaybeBilled || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, billed %v: %v", e.Action, e.MaybeBilled, e)
	}
}

func TestTimeoutCoversTheBody(t *testing.T) {
	c := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, `{"found":`)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}), octave.Config{Timeout: time.Second})
	_, err := c.Run(context.Background(), ann)
	if e := asError(t, err); e.Cause != octave.CauseAmbiguous || !e.MaybeBilled || e.Message != "no answer within 1s" {
		t.Errorf("got %v, billed %v: %v", e.Cause, e.MaybeBilled, e)
	}
}

// net/http repeats some requests by itself; a call that is billed must not be
// among them.
func TestOneAttemptPerCall(t *testing.T) {
	var asked atomic.Int32
	base := listen(t, func(c net.Conn) {
		r := bufio.NewReader(c)
		for n := 0; ; n++ {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, req.Body)
			asked.Add(1)
			if n == 1 {
				return // the second call on a connection dies without a word
			}
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{\"found\":false}")
		}
	})
	c := newClient(t, octave.Config{BaseURL: base, Concurrency: 1})
	if _, err := c.Run(context.Background(), ann); err != nil {
		t.Fatal(err)
	}
	_, err := c.Run(context.Background(), ann)
	if e := asError(t, err); e.Cause != octave.CauseAmbiguous || !e.MaybeBilled {
		t.Errorf("got %v: %v", e.Cause, e)
	}
	if n := asked.Load(); n != 2 {
		t.Errorf("two calls were sent %d times", n)
	}
}

func TestConnectionsAreKept(t *testing.T) {
	const workers, calls = 12, 20
	var opened atomic.Int32
	srv := httptest.NewUnstartedServer(sandbox.New(sandbox.Config{Latency: time.Millisecond, Faults: map[string]float64{"503": 0.2, "429": 0.2, "404": 0.2}}))
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			opened.Add(1)
		}
	}
	srv.Start()
	defer srv.Close()
	c := newClient(t, octave.Config{BaseURL: srv.URL, Concurrency: workers})
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for range calls {
				_, _ = c.Run(context.Background(), ann) // refused ones keep the connection too
			}
		})
	}
	all.Wait()
	if n := opened.Load(); n > workers+2 {
		t.Errorf("%d connections for %d workers", n, workers)
	}
}

func TestHTTP2(t *testing.T) {
	srv := httptest.NewUnstartedServer(sandbox.New(sandbox.Config{Script: []string{"ok", "reset-after", "cut", "503"}}))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	defer srv.Close()
	c := newClient(t, octave.Config{BaseURL: srv.URL, Transport: srv.Client().Transport})
	for i, want := range []octave.Cause{0, octave.CauseAmbiguous, octave.CauseAmbiguous, octave.CauseRateLimited, 0} {
		_, err := c.Run(context.Background(), ann)
		if want == 0 && err != nil || want != 0 && asError(t, err).Cause != want {
			t.Errorf("call %d: got %v, want %v", i, err, want)
		}
	}
}
