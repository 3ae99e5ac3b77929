package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/pipeline/metrics"
)

// serveLive begins to serve --metrics-addr, until it is stopped.
func serveLive(addr string, live metrics.Live, log *zap.Logger) (stop func(), err error) {
	if addr == "" {
		return func() {}, nil
	}
	if addr, err = metrics.Address(addr); err != nil {
		return nil, exit.UsageError("--metrics-addr: %w", err)
	}
	handler, err := metrics.Handler(live)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, &exit.Error{Code: exit.Usage, Err: fmt.Errorf("--metrics-addr: %w", err)}
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
		f.Away = db.Away()
	}
	return f
}
