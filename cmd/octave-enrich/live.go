package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/pipeline/fleet"
	"octave-enrich/pipeline/metrics"
)

// listenLive takes the address of --metrics-addr; nil without one.
func listenLive(addr string) (net.Listener, error) {
	if addr == "" {
		return nil, nil
	}
	addr, err := metrics.Address(addr)
	if err != nil {
		return nil, exit.UsageError("--metrics-addr: %w", err)
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, &exit.Error{Code: exit.Usage, Err: fmt.Errorf("--metrics-addr: %w", err)}
	}
	return listener, nil
}

// serveLive begins to serve --metrics-addr, until it is stopped.
func serveLive(listener net.Listener, live metrics.Live, log *zap.Logger) (stop func(), err error) {
	if listener == nil {
		return func() {}, nil
	}
	handler, err := metrics.Handler(live)
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	log.Info("metrics", zap.String("url", "http://"+listener.Addr().String()+"/metrics"))
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	var serving errgroup.Group
	serving.Go(func() error { return server.Serve(listener) })
	return func() {
		_ = server.Close()
		_ = serving.Wait() // that it was closed
	}, nil
}

func (s *host) metricsRun() metrics.Run {
	return metrics.Run{Summary: s.tally.Summary(), Version: version, Start: s.began}
}

// ready says why this worker takes no questions now.
func (s *host) ready() error {
	db, reason := s.db.Load(), s.brake.Reason()
	switch {
	case reason != nil:
		return fmt.Errorf("stopping: %s", words.Masked(reason.Error()))
	case db != nil && db.Away() > 0:
		return errors.New("the fleet's database is away")
	case s.worker.Load() == nil:
		return errors.New("the worker has not joined the fleet yet")
	}
	return nil
}

func (s *host) metricsFleet() metrics.Fleet {
	f := metrics.Fleet{Worker: true, Slots: s.o.Pace.Concurrency}
	if w := s.worker.Load(); w != nil {
		f.InFlight, f.Unstored = w.InFlight(), w.Unstored()
	}
	if db := s.db.Load(); db != nil {
		tellFleet(&f, db, s.o)
	}
	return f
}

// ready says why this run does not go on now.
func (r *run) ready() error {
	switch {
	case r.fleet == nil:
	case r.fleet.Away() > 0:
		return errors.New("the fleet's database is away")
	case r.unserved.Load():
		return errors.New("no worker serves the queue")
	}
	return nil
}

// metricsFleet is nil for a run without a fleet.
func (r *run) metricsFleet() func() metrics.Fleet {
	if r.fleet == nil {
		return nil
	}
	return func() (f metrics.Fleet) {
		tellFleet(&f, r.fleet, r.o)
		return f
	}
}

// scrapeTimeout is less than Prometheus waits for a page.
const scrapeTimeout = 5 * time.Second

// tellFleet adds what the database says.
func tellFleet(f *metrics.Fleet, db *fleet.DB, o *options.Options) {
	service, err := o.Service.FleetName()
	if f.Away = db.Away(); f.Away > 0 || err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	g, err := db.Gauges(ctx, service, o.Fleet.Queue)
	if err != nil {
		return // what is not known is not told
	}
	f.All = &metrics.FleetTotals{
		Queued: g.Queued, Oldest: g.Oldest, Workers: g.Hosts, Slots: g.Slots, InFlight: g.InFlight, Submitted: g.Submitted, Rescued: g.Lost, Latency: g.Latency,
		Limit: g.Limit, Rate: g.Rate, Started: g.Started, Key: metrics.KeyState(g.Key),
	}
}
