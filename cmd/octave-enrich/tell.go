package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"time"

	"go.uber.org/zap"

	"octave-enrich/cmd/octave-enrich/console"
	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/lists"
	"octave-enrich/cmd/octave-enrich/outputs"
	"octave-enrich/cmd/octave-enrich/telling"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/pipeline"
	"octave-enrich/pipeline/metrics"
)

// tellBegin refuses what cannot be told later, and says that the run begins.
func (r *run) tellBegin() error {
	if err := telling.Check(r.o.Teller, r.places.Output); err != nil {
		return err
	}
	if r.o.Teller.PingURL != "" {
		r.told.Go(func() error { return telling.Ping(r.o.Teller.PingURL, "start") })
	}
	return nil
}

// tellEnd tells everybody how the run ended. It returns the error to exit with.
func (r *run) tellEnd(err error) error {
	end := exit.As(err)
	r.tellPeople(end)
	sum := r.summary(end)
	if failed := sum.Write(r.o.Teller.Summary, r.app.stdout); failed != nil {
		if end != nil {
			r.warn("the summary could not be written", failed)
		} else {
			end = exit.As(failed)
			sum.ExitCode, sum.Reason = end.Told()
			err = failed
		}
	}
	run := r.metricsRun()
	run.End, run.ExitCode = sum.End, sum.ExitCode
	if failed := telling.WriteMetrics(r.o.Teller.MetricsFile, run); failed != nil {
		r.warn("the metrics could not be written", failed)
	}
	if failed := r.pingEnd(sum.ExitCode); failed != nil {
		r.warn("the ping failed", failed)
	}
	if failed := telling.OnExit(r.o.Teller.OnExit, sum, r.app.stderr); failed != nil {
		r.warn("the command of --on-exit failed", failed)
	}
	if r.live != nil {
		r.live()
	}
	return err
}

// tellPeople is the last word of a run: what came of it and, when nothing is left to
// mend, what to do next. How to resume is said as the process ends.
func (r *run) tellPeople(end *exit.Error) {
	switch code, _ := end.Told(); {
	case !r.concluded:
	case r.app.log != nil:
		console.LogEnd(r.log, r.end(), code)
	case r.o.Teller.Quiet:
	default:
		console.TellEnd(r.console, r.end())
		if commands := r.nextAfterRun(); code == exit.OK && len(commands) > 0 {
			next(r.console, commands...)
		}
	}
}

// warn also works before there is a log.
func (r *run) warn(msg string, err error) {
	if r.log == nil {
		fmt.Fprintf(r.app.stderr, "%s: warning: %s: %v\n", words.Tool, msg, err)
		return
	}
	r.log.Warn(msg, zap.String("error", err.Error()))
}

// pingEnd waits for the ping of the beginning, so that it is not overtaken.
func (r *run) pingEnd(code int) error {
	if r.o.Teller.PingURL == "" {
		return nil
	}
	return errors.Join(r.told.Wait(), telling.Ping(r.o.Teller.PingURL, strconv.Itoa(code)))
}

func (r *run) metricsRun() metrics.Run {
	run := metrics.Run{Summary: r.tally.Summary(), Version: version, Start: r.started}
	if r.list != nil {
		run.InputRows = r.list.Input.Profile().Rows
	}
	return run
}

// listenMetrics takes --metrics-addr before any file is made. When it is in use, by the
// run that holds the checkpoint perhaps, this is tried again with the checkpoint open.
func (r *run) listenMetrics() (err error) {
	if r.listener, err = listenLive(r.o.Teller.MetricsAddr); err != nil && !errors.Is(err, syscall.EADDRINUSE) {
		return err
	}
	if r.listener != nil {
		r.live = func() { _ = r.listener.Close() }
	}
	return nil
}

// serveMetrics begins to serve --metrics-addr. The run is ready: what a scrape
// reads does not change any more, but for the tally.
func (r *run) serveMetrics() (err error) {
	if r.listener == nil {
		if r.listener, err = listenLive(r.o.Teller.MetricsAddr); err != nil {
			return err
		}
	}
	r.live, err = serveLive(r.listener, metrics.Live{Run: r.metricsRun, Fleet: r.metricsFleet(), Ready: r.ready}, r.log)
	return err
}

// summary is that of a run that ended so, be it before it began.
func (r *run) summary(end *exit.Error) telling.Summary {
	sum := telling.Summary{
		Tool: words.Tool, Version: version, RunID: r.id, Start: r.started.UTC(), End: time.Now().UTC(), Summary: r.tally.Summary(),
		Input: pipeline.InputBody{Name: strings.Join(r.names, ", ")}, Mapping: []pipeline.Mapped{},
		Output: r.places.Output, Outputs: append([]outputs.File{}, r.outputs...), Upload: r.upload, Checkpoint: r.answers(),
	}
	sum.ExitCode, sum.Reason = end.Told()
	if r.list != nil {
		profile := r.list.Input.Profile()
		sum.Input, sum.Mapping, sum.Question = lists.InputOf(profile), lists.MappingOf(profile), r.list.Settings.Fingerprint()
	}
	if exit.Resumable(sum.ExitCode) {
		sum.Resume = r.app.commandLine()
	}
	return sum
}
