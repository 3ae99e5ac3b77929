package metrics

import (
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Handler serves GET /metrics. It asks read for the run as it stands whenever
// it is scraped, so read must be safe for concurrent use.
func Handler(read func() Run) (http.Handler, error) {
	registry := prometheus.NewRegistry()
	if err := registry.Register(newCollector(read)); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	return mux, nil
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
	if host == "" {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port), nil
}

// A collector makes metrics out of a run when they are asked for; there is no
// second set of books to keep in step.
type collector struct {
	read     func() Run
	families []family
	descs    []*prometheus.Desc
}

func newCollector(read func() Run) *collector {
	c := &collector{read: read}
	for _, f := range families() {
		if f.ended {
			continue
		}
		name := "octave_enrich_" + f.name
		if f.grows {
			name += "_total"
		}
		var labels []string
		if f.label != "" {
			labels = []string{f.label}
		}
		c.families = append(c.families, f)
		c.descs = append(c.descs, prometheus.NewDesc(name, f.help, labels, nil))
	}
	return c
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, desc := range c.descs {
		out <- desc
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	run := c.read()
	for i, f := range c.families {
		kind := prometheus.GaugeValue
		if f.grows {
			kind = prometheus.CounterValue
		}
		for _, s := range f.samples(run) {
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
