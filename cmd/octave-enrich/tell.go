package main

// What others are told of a run, however it ends, also when it was refused
// before it began:
//
//   - --summary, the whole of it as JSON; a file that cannot be written is the
//     run's own failure, as it was asked for like the rows were
//   - --metrics-file and --metrics-addr, for Prometheus
//   - --ping-url, for a dead man's switch: when the job begins, and its exit code
//   - --on-exit, a command that reads the summary
//
// Of the last three a failure is a warning and never changes the exit code.

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"

	"octave-enrich/checkpoint/durable"
	"octave-enrich/cmd/octave-enrich/console"
	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/paths"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/pipeline/metrics"
)

// pingTimeout bounds a ping: a run does not wait long to say that it is over.
const pingTimeout = 5 * time.Second

// tellBegin refuses what cannot be told later, and says that the job begins.
func (j *job) tellBegin() error {
	if err := j.checkTelling(); err != nil {
		return err
	}
	if j.o.Teller.PingURL != "" {
		j.told.Go(func() error { return ping(j.o.Teller.PingURL, "start") })
	}
	return nil
}

func (j *job) checkTelling() error {
	told := &paths.List{}
	told.Replaces("--summary", j.o.Teller.Summary)
	told.Replaces("--metrics-file", j.o.Teller.MetricsFile)
	if err := told.Folders(); err != nil {
		return err
	}
	for flag, path := range map[string]string{"summary": j.o.Teller.Summary, "metrics-file": j.o.Teller.MetricsFile} {
		if err := checkFile(flag, path, j.places.Output); err != nil {
			return err
		}
	}
	if j.o.Teller.PingURL != "" {
		u, err := url.Parse(j.o.Teller.PingURL)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
			return exit.UsageError("--ping-url: write it as https://HOST/PATH")
		}
	}
	if j.o.Teller.MetricsAddr != "" {
		if _, err := metrics.Address(j.o.Teller.MetricsAddr); err != nil {
			return exit.UsageError("--metrics-addr: %w", err)
		}
	}
	return nil
}

// checkFile refuses a file beside the rows that could not be written at the end.
func checkFile(flag, path, output string) error {
	switch {
	case path == "":
		return nil
	case path == "-" && flag == "summary" && output == "-":
		return exit.UsageError("--summary - and the rows cannot share standard output: write one of them to a file")
	case path == "-" && flag == "summary":
		return nil
	}
	if _, err := durable.Target(durable.OS{}, path); err != nil {
		return exit.OutputError(fmt.Errorf("--%s: %w", flag, err))
	}
	return nil
}

// tellEnd tells everybody how the run ended. It returns the error to exit with.
func (j *job) tellEnd(err error) error {
	end := exit.As(err)
	j.tellPeople(end)
	report := j.report(end)
	if failed := j.writeSummary(report); failed != nil {
		if end != nil {
			j.warn("the summary could not be written", failed)
		} else {
			end = exit.As(failed)
			report.ExitCode, report.Reason = end.Code, end.Error()
			err = failed
		}
	}
	if failed := j.writeMetrics(report); failed != nil {
		j.warn("the metrics could not be written", failed)
	}
	if failed := j.pingEnd(report.ExitCode); failed != nil {
		j.warn("the ping failed", failed)
	}
	if failed := j.onExit(report); failed != nil {
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
	return errors.Join(j.told.Wait(), ping(j.o.Teller.PingURL, strconv.Itoa(code)))
}

// ping GETs a page below a URL that names a check of its owner's and is as good
// as a password: it is in no message.
func ping(base, page string) error {
	u, err := url.Parse(base)
	if err != nil {
		return errors.New("not a URL")
	}
	client := http.Client{Timeout: pingTimeout}
	response, err := client.Get(u.JoinPath(page).String())
	var outer *url.Error
	if errors.As(err, &outer) {
		err = outer.Err
	}
	if err != nil {
		return fmt.Errorf("/%s: %w", page, err)
	}
	defer response.Body.Close()
	_, _ = io.CopyN(io.Discard, response.Body, 1<<20)
	if response.StatusCode >= 300 {
		return fmt.Errorf("/%s: the answer is %s", page, response.Status)
	}
	return nil
}

// onExit runs the command with the summary on its standard input. What it prints
// is for people.
func (j *job) onExit(report Report) error {
	if j.o.Teller.OnExit == "" {
		return nil
	}
	shell := []string{"sh", "-c"}
	if runtime.GOOS == "windows" {
		shell = []string{"cmd", "/c"}
	}
	text, err := report.text()
	if err != nil {
		return err
	}
	cmd := exec.Command(shell[0], shell[1], j.o.Teller.OnExit)
	cmd.Env = withoutSecrets(os.Environ())
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(text), j.app.stderr, j.app.stderr
	return cmd.Run()
}

// secrets are variables that hold the key or a password, or say where one is: what
// a command that sends a mail has no use for.
var secrets = []string{"OCTAVE_API_KEY", "CREDENTIALS_DIRECTORY", "OCTAVE_KEY_FILE", "OCTAVE_FLEET", "OCTAVE_PING_URL", "PGPASSWORD", "PGPASSFILE"}

// withoutSecrets is an environment for other programs.
func withoutSecrets(environ []string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		return slices.ContainsFunc(secrets, func(secret string) bool { return strings.EqualFold(name, secret) }) // as on Windows
	})
}

// writeMetrics replaces --metrics-file. Others read it, and it says nothing of
// anybody.
func (j *job) writeMetrics(report Report) error {
	if j.o.Teller.MetricsFile == "" {
		return nil
	}
	run := j.metricsRun()
	run.End, run.ExitCode = report.End, report.ExitCode
	var text strings.Builder
	if err := metrics.WriteText(&text, run); err != nil {
		return err
	}
	return durable.WriteFile(j.o.Teller.MetricsFile, []byte(text.String()), 0o644)
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
