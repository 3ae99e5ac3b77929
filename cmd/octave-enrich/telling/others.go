// Package telling is what others are told of a run, however it ends, also when it was
// refused before it began:
//
//   - --summary, the whole of it as JSON; a file that cannot be written is the
//     run's own failure, as it was asked for like the rows were
//   - --metrics-file and --metrics-addr, for Prometheus
//   - --ping-url, for a dead man's switch: when the run begins, and its exit code
//   - --on-exit, a command that reads the summary
//
// Of the last three a failure is a warning and never changes the exit code.
package telling

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
	"strings"
	"time"

	"octave-enrich/checkpoint/durable"
	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/cmd/octave-enrich/paths"
	"octave-enrich/pipeline/metrics"
)

// pingTimeout bounds a ping: a run does not wait long to say that it is over.
const pingTimeout = 5 * time.Second

// Check refuses what could not be told when the run has ended.
func Check(o options.Teller, output string) error {
	told := &paths.List{}
	told.Replaces("--summary", o.Summary)
	told.Replaces("--metrics-file", o.MetricsFile)
	if err := told.Folders(); err != nil {
		return err
	}
	for flag, path := range map[string]string{"summary": o.Summary, "metrics-file": o.MetricsFile} {
		if err := CheckFile(flag, path, output); err != nil {
			return err
		}
	}
	for _, code := range o.SuccessExit {
		if code < 0 || code > 255 {
			return exit.UsageError("--success-exit %d: an exit code is 0 to 255; see help exit-codes", code)
		}
	}
	if o.PingURL != "" {
		u, err := url.Parse(o.PingURL)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
			return exit.UsageError("--ping-url: write it as https://HOST/PATH")
		}
	}
	if o.MetricsAddr != "" {
		if _, err := metrics.Address(o.MetricsAddr); err != nil {
			return exit.UsageError("--metrics-addr: %w", err)
		}
	}
	return nil
}

// CheckFile refuses a file beside the rows that could not be written at the end.
func CheckFile(flag, path, output string) error {
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

// Ping GETs a page below a URL that names a check of its owner's and is as good
// as a password: it is in no message.
func Ping(base, page string) error {
	u, err := url.Parse(base)
	if err != nil {
		return errors.New("not a URL")
	}
	client := http.Client{Timeout: pingTimeout}
	response, err := client.Get(u.JoinPath(page).String())
	if outer, ok := errors.AsType[*url.Error](err); ok {
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

// OnExit runs the command with the summary on its standard input. What it prints
// is for people.
func OnExit(command string, report Summary, stderr io.Writer) error {
	if command == "" {
		return nil
	}
	shell := []string{"sh", "-c"}
	if runtime.GOOS == "windows" {
		shell = []string{"cmd", "/c"}
	}
	text, err := report.Text()
	if err != nil {
		return err
	}
	cmd := exec.Command(shell[0], shell[1], command)
	cmd.Env = options.WithoutSecrets(os.Environ())
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(text), stderr, stderr
	return cmd.Run()
}

// WriteMetrics replaces --metrics-file. Others read it, and it says nothing of
// anybody.
func WriteMetrics(path string, run metrics.Run) error {
	if path == "" {
		return nil
	}
	var text strings.Builder
	if err := metrics.WriteText(&text, run); err != nil {
		return err
	}
	return durable.WriteFile(path, []byte(text.String()), 0o644)
}
