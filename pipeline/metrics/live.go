package metrics

import (
	"cmp"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Live is what is asked whenever somebody looks; its functions must be safe for
// concurrent use.
type Live struct {
	Run    func() Run
	Worker bool         // has no list
	Fleet  func() Fleet // nil without one
	// Ready says why nobody should count on the process now, in words to be shown;
	// nil when all is well.
	Ready func() error
}

// Handler serves GET /metrics and GET /healthz, with 200 when the process is ready
// and 503 and why when it is not; /healthz/ready is the same. /healthz/live is 200
// from whoever answers at all: a process that waits, for its database or for calls on
// the wire, has paid for what it waits for, and must not be started anew for it.
func Handler(l Live) (http.Handler, error) {
	registry := prometheus.NewRegistry()
	own := newCollector(l.Run, slices.DeleteFunc(families(), func(f family[Run]) bool { return f.ended || l.Worker && f.listed }))
	if err := registry.Register(own); err != nil {
		return nil, err
	}
	if l.Fleet != nil {
		if err := registry.Register(newCollector(l.Fleet, fleetFamilies())); err != nil {
			return nil, err
		}
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	for _, path := range []string{"/healthz", "/healthz/ready"} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) { answer(w, l.Ready()) })
	}
	mux.HandleFunc("GET /healthz/live", func(w http.ResponseWriter, _ *http.Request) { answer(w, nil) })
	return mux, nil
}

// answer says how a process is.
func answer(w http.ResponseWriter, why error) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	text := "ok"
	if why != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		text = why.Error()
	}
	_, _ = fmt.Fprintln(w, text) // who asked has gone
}

// Address completes what a person wrote as an address to listen on: the host is
// this machine alone unless it was named.
func Address(addr string) (string, error) {
	if !strings.Contains(addr, ":") {
		addr = ":" + addr
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil || port == "" {
		return "", fmt.Errorf("%s is not an address: write a port, or HOST:PORT", addr)
	}
	return net.JoinHostPort(cmp.Or(host, "127.0.0.1"), port), nil
}

// A collector makes metrics out of a T when they are asked for; there is no
// second set of books to keep in step.
type collector[T any] struct {
	read     func() T
	families []family[T]
	descs    []*prometheus.Desc
}

func newCollector[T any](read func() T, families []family[T]) *collector[T] {
	c := &collector[T]{read: read, families: families}
	for _, f := range families {
		name := "octave_enrich_" + f.name
		if f.grows {
			name += "_total"
		}
		var labels []string
		if f.label != "" {
			labels = []string{f.label}
		}
		c.descs = append(c.descs, prometheus.NewDesc(name, f.help, labels, nil))
	}
	return c
}

// Describe implements prometheus.Collector.
func (c *collector[T]) Describe(out chan<- *prometheus.Desc) {
	for _, desc := range c.descs {
		out <- desc
	}
}

// Collect implements prometheus.Collector.
func (c *collector[T]) Collect(out chan<- prometheus.Metric) {
	now := c.read()
	for i, f := range c.families {
		kind := prometheus.GaugeValue
		if f.grows {
			kind = prometheus.CounterValue
		}
		for _, s := range f.samples(now) {
			var labels []string
			if f.label != "" {
				labels = []string{s.label}
			}
			metric, err := prometheus.NewConstMetric(c.descs[i], kind, s.value, labels...)
			if err != nil {
				metric = prometheus.NewInvalidMetric(c.descs[i], err)
			}
			out <- metric
		}
	}
}
