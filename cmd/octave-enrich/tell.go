package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
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

// tellBegin refuses what cannot be told later, and says that the job begins.
func (j *job) tellBegin() error {
	if err := telling.Check(j.o.Teller, j.places.Output); err != nil {
		return err
	}
	if j.o.Teller.PingURL != "" {
		j.told.Go(func() error { return telling.Ping(j.o.Teller.PingURL, "start") })
	}
	return nil
}

// tellEnd tells everybody how the run ended. It returns the error to exit with.
func (j *job) tellEnd(err error) error {
	end := exit.As(err)
	j.tellPeople(end)
	report := j.report(end)
	if failed := report.Write(j.o.Teller.Summary, j.app.stdout); failed != nil {
		if end != nil {
			j.warn("the summary could not be written", failed)
		} else {
			end = exit.As(failed)
			report.ExitCode, report.Reason = end.Code, end.Error()
			err = failed
		}
	}
	run := j.metricsRun()
	run.End, run.ExitCode = report.End, report.ExitCode
	if failed := telling.WriteMetrics(j.o.Teller.MetricsFile, run); failed != nil {
		j.warn("the metrics could not be written", failed)
	}
	if failed := j.pingEnd(report.ExitCode); failed != nil {
		j.warn("the ping failed", failed)
	}
	if failed := telling.OnExit(j.o.Teller.OnExit, report, j.app.stderr); failed != nil {
		j.warn("the command of --on-exit failed", failed)
	}
	if j.live != nil {
		j.live()
	}
	return err
}

// tellPeople is the last word of a run: what came of it and, when nothing is left to
// mend, what to do next. How to resume is said as the process ends.
func (j *job) tellPeople(end *exit.Error) {
	code := exit.OK
	if end != nil {
		code = end.Code
	}
	switch {
	case !j.concluded:
	case j.app.log != nil:
		console.LogEnd(j.log, j.end(), code)
	case j.o.Teller.Quiet:
	default:
		console.TellEnd(j.console, j.end())
		if code != exit.OK {
			return
		}
		if commands := j.nextAfterRun(); len(commands) > 0 {
			next(j.console, commands...)
		}
	}
}

// warn also works before there is a log.
func (j *job) warn(msg string, err error) {
	if j.log == nil {
		fmt.Fprintf(j.app.stderr, "%s: warning: %s: %v\n", words.Tool, msg, err)
		return
	}
	j.log.Warn(msg, zap.String("error", err.Error()))
}

// pingEnd waits for the ping of the beginning, so that it is not overtaken.
func (j *job) pingEnd(code int) error {
	if j.o.Teller.PingURL == "" {
		return nil
	}
	return errors.Join(j.told.Wait(), telling.Ping(j.o.Teller.PingURL, strconv.Itoa(code)))
}

func (j *job) metricsRun() metrics.Run {
	run := metrics.Run{Summary: j.tally.Summary(), Version: version, Start: j.started}
	if j.list != nil {
		run.InputRows = j.list.Input.Profile().Rows
	}
	return run
}

// serveMetrics begins to serve --metrics-addr. The job is ready: what a scrape
// reads does not change any more, but for the tally.
func (j *job) serveMetrics() (err error) {
	j.live, err = serveLive(j.o.Teller.MetricsAddr, metrics.Live{Run: j.metricsRun, Ready: func() error { return nil }}, j.log)
	return err
}

// report is the summary of a job that ended so, be it before it began.
func (j *job) report(end *exit.Error) telling.Summary {
	r := telling.Summary{
		Tool: words.Tool, Version: version, RunID: j.id, Start: j.started.UTC(), End: time.Now().UTC(), Summary: j.tally.Summary(),
		Input: pipeline.InputBody{Name: strings.Join(j.names, ", ")}, Mapping: []pipeline.Mapped{},
		Output: j.places.Output, Outputs: append([]outputs.File{}, j.outputs...), Upload: j.upload, Checkpoint: j.answers(),
		Reason: "every row settled",
	}
	if j.list != nil {
		profile := j.list.Input.Profile()
		r.Input, r.Mapping, r.Question = lists.InputOf(profile), lists.MappingOf(profile), j.list.Settings.Fingerprint()
	}
	if end != nil {
		r.ExitCode, r.Reason = end.Code, end.Error()
		if exit.Resumable(end.Code) {
			r.Resume = j.app.commandLine()
		}
	}
	return r
}
