package sandbox

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"syscall"
)

// Transport is the handler as a network: every request is answered in the
// caller's goroutine, without a socket. It behaves like HTTP/1 over TCP where
// that can be seen: a hijacked connection was reset, an answer shorter than
// its Content-Length is cut, and httptrace hears when the request leaves.
//
// The handler must end when the request's context does, as [Server] does.
func Transport(h http.Handler) http.RoundTripper { return inProcess{h} }

type inProcess struct{ handler http.Handler }

func (t inProcess) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	if req.Body != nil {
		defer req.Body.Close() //nolint:errcheck // a RoundTripper must close it
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	announce(httptrace.ContextClientTrace(ctx), req.URL.Host)
	rec := &recorder{header: http.Header{}}
	t.handler.ServeHTTP(rec, asServer(req))
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if rec.hijacked {
		return nil, fmt.Errorf("read: %w", error(syscall.ECONNRESET))
	}
	return rec.response(req), nil
}

func announce(trace *httptrace.ClientTrace, host string) {
	if trace == nil {
		return
	}
	if trace.GetConn != nil {
		trace.GetConn(host)
	}
	if trace.WroteHeaders != nil {
		trace.WroteHeaders()
	}
}

// asServer is the request as it would have been read from a connection: the
// names of its headers are canonical there.
func asServer(req *http.Request) *http.Request {
	r := req.WithContext(req.Context())
	r.Header = make(http.Header, len(req.Header))
	for name, values := range req.Header {
		r.Header[http.CanonicalHeaderKey(name)] = values
	}
	r.RequestURI = req.URL.RequestURI()
	r.Host = or(req.Host, req.URL.Host)
	r.RemoteAddr = "127.0.0.1:1"
	if r.Body == nil {
		r.Body = http.NoBody
	}
	return r
}

// recorder is the server's side of one answer.
type recorder struct {
	header   http.Header
	status   int
	body     bytes.Buffer
	hijacked bool
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

func (r *recorder) Write(p []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(p)
}

// Flush makes a recorder an [http.Flusher]. There is nowhere to flush to.
func (r *recorder) Flush() { r.WriteHeader(http.StatusOK) }

// Hijack makes a recorder an [http.Hijacker]. What is done with the connection
// is not seen: that it was taken means it was reset.
func (r *recorder) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	r.hijacked = true
	conn, other := net.Pipe()
	_ = other.Close()
	return conn, bufio.NewReadWriter(bufio.NewReader(conn), bufio.NewWriter(conn)), nil
}

func (r *recorder) response(req *http.Request) *http.Response {
	r.WriteHeader(http.StatusOK)
	body := r.body.Bytes()
	length := int64(len(body))
	var rest io.Reader = bytes.NewReader(body)
	if promised, err := strconv.ParseInt(r.header.Get("Content-Length"), 10, 64); err == nil && promised > length {
		length = promised
		rest = io.MultiReader(rest, cut{})
	}
	return &http.Response{
		Status: fmt.Sprintf("%03d %s", r.status, http.StatusText(r.status)), StatusCode: r.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: r.header, Body: io.NopCloser(rest), ContentLength: length, Request: req,
	}
}

// cut is the end of a connection that still owed bytes.
type cut struct{}

func (cut) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
