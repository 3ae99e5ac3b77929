package main

// Rules of the terminal
//
//   - Standard output carries rows, or the JSON or table that was asked for.
//     Everything for people goes to standard error.
//   - One console owns standard error: log lines and the bar go through it, so
//     that neither tears the other.
//   - The bar is drawn on a terminal alone; elsewhere a line tells every 30 s.
//   - Rows are named by number. Neither the key nor personal data is shown.

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"golang.org/x/term"

	"octave-enrich/octave"
	"octave-enrich/pipeline"
	"octave-enrich/writer"
)

// A console serialises what is written to standard error.
type console struct {
	mu  sync.Mutex
	w   io.Writer
	bar *progressbar.ProgressBar // nil when there is none
}

// Write erases the bar, writes whole lines and draws the bar again.
func (c *console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.bar == nil {
		return c.w.Write(p)
	}
	fmt.Fprint(c.w, "\r\033[2K")
	n, err := c.w.Write(p)
	_ = c.bar.RenderBlank()
	return n, err
}

// Sync has nothing to do: standard error is not buffered, and a terminal refuses
// the call.
func (c *console) Sync() error { return nil }

func isTerminal(f *os.File) bool {
	return term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb"
}

// logFormat decides what auto means: journald wants JSON.
func logFormat(format string, terminal bool) string {
	if format == "auto" && os.Getenv("JOURNAL_STREAM") != "" && !terminal {
		return "json"
	}
	return format
}

// newLog builds zap's core by hand: its presets drop repeated lines, and each
// failed row has to be told.
func newLog(c *console, format, level string, terminal bool) (*zap.Logger, error) {
	var at zapcore.Level
	if err := at.UnmarshalText([]byte(level)); err != nil {
		return nil, usageError("--log-level %s: write debug, info, warn or error", level)
	}
	if err := oneOf("log-format", format, "auto", "text", "json"); err != nil {
		return nil, err
	}
	encoding := zapcore.EncoderConfig{
		TimeKey: "time", LevelKey: "level", MessageKey: "msg", LineEnding: "\n",
		EncodeTime:     zapcore.RFC3339TimeEncoder,
		EncodeLevel:    zapcore.LowercaseLevelEncoder,
		EncodeDuration: func(d time.Duration, enc zapcore.PrimitiveArrayEncoder) { enc.AppendString(round(d).String()) },
	}
	encoder := zapcore.NewJSONEncoder(encoding)
	if format != "json" {
		encoding.EncodeTime = zapcore.TimeEncoderOfLayout("15:04:05")
		encoding.ConsoleSeparator = "  "
		if terminal && os.Getenv("NO_COLOR") == "" {
			encoding.EncodeLevel = zapcore.LowercaseColorLevelEncoder
		}
		encoder = zapcore.NewConsoleEncoder(encoding)
	}
	return zap.New(zapcore.NewCore(encoder, c, at)), nil
}

func round(d time.Duration) time.Duration {
	switch {
	case d > time.Minute:
		return d.Round(time.Second)
	case d > time.Second:
		return d.Round(10 * time.Millisecond)
	}
	return d.Round(time.Millisecond)
}

// A progress shows how far a run is: a bar over the rows that need a call, or a
// line now and then.
type progress struct {
	console *console
	log     *zap.Logger
	tally   *pipeline.Tally
	total   int

	// questions are the rows that may need a call: the length of the bar.
	// Guarded by console.mu.
	questions int
}

const (
	barBeat  = 500 * time.Millisecond
	lineBeat = 30 * time.Second
)

// drawBar starts the bar over the rows that may need a call; a row that turns out
// to need none shortens it, so that what came from the checkpoint is not taken
// for speed.
func (p *progress) drawBar() {
	p.questions = p.total
	p.console.mu.Lock()
	defer p.console.mu.Unlock()
	p.console.bar = progressbar.NewOptions(p.total,
		progressbar.OptionSetWriter(p.console.w),
		progressbar.OptionSetTheme(progressbar.ThemeASCII),
		progressbar.OptionSetWidth(30),
		progressbar.OptionShowCount(),
		progressbar.OptionShowIts(),
		progressbar.OptionSetItsString("row"),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionSetElapsedTime(true),
		progressbar.OptionUseANSICodes(true),
		progressbar.OptionSetSpinnerChangeInterval(0),
		progressbar.OptionSetRenderBlankState(true),
		progressbar.OptionSetDescription(p.describe()),
	)
}

// Observe moves the bar and tells what people have to know.
func (p *progress) Observe(e pipeline.Event) {
	switch e := e.(type) {
	case pipeline.QuestionDone:
		p.move(func(bar *progressbar.ProgressBar) { _ = bar.Add(1) })
	case pipeline.RowDone:
		if !e.Fresh {
			p.move(func(bar *progressbar.ProgressBar) {
				if p.questions--; p.questions > 0 {
					bar.ChangeMax(p.questions)
				}
			})
		}
		p.tellRow(e)
	default:
		p.tellService(e)
	}
}

// tellService tells of what all calls have to wait for.
func (p *progress) tellService(e pipeline.Event) {
	switch e := e.(type) {
	case pipeline.Slowed:
		p.log.Warn(paceWords(e))
	case pipeline.OutageBegan:
		p.log.Warn("the service fails for everyone; waiting for it, one probe at a time", zap.String("error", masked(e.Err.Error())))
	case pipeline.OutageEnded:
		p.log.Info("the service answers again")
	}
}

// paceWords says what the service was found to take.
func paceWords(e pipeline.Slowed) string {
	var words []string
	if e.InFlight > 0 {
		words = append(words, fmt.Sprintf("the service takes %s at a time; keeping to that", count(e.InFlight, "call")))
	}
	if e.Rate > 0 {
		const below = 0.98 // what is kept to, as a share of what is taken
		number, unit := e.Rate, "second"
		if e.Rate < 3 {
			number, unit = 60*e.Rate, "minute"
		}
		words = append(words, fmt.Sprintf("the service takes about %.3g calls a %s; keeping to %.3g", number/below, unit, number))
	}
	if e.For >= time.Second {
		words = append(words, fmt.Sprintf("no call starts for %v", e.For.Round(time.Second)))
	}
	return strings.Join(words, "; ")
}

func (p *progress) tellRow(e pipeline.RowDone) {
	switch e.Status {
	case pipeline.StatusFailed:
		p.log.Warn("row failed", zap.Int("row", e.Row), zap.String("error", masked(e.Err.Error())))
	case pipeline.StatusInvalid, pipeline.StatusExcluded:
		p.log.Debug("row not asked", zap.Int("row", e.Row), zap.String("status", e.Status))
	}
}

func (p *progress) move(f func(*progressbar.ProgressBar)) {
	p.console.mu.Lock()
	defer p.console.mu.Unlock()
	if p.console.bar != nil {
		f(p.console.bar)
	}
}

func (p *progress) describe() string {
	s := p.tally.Summary()
	text := fmt.Sprintf("%d in flight, %d failed, usage %s", s.Calls.InFlight, s.Rows.Failed, s.Usage)
	if n := s.Calls.Remembered; n > 0 {
		text += fmt.Sprintf(", %s known", thousands(n))
	}
	return text
}

// beat keeps the display alive between rows, which take up to a minute each.
func (p *progress) beat() {
	p.move(func(bar *progressbar.ProgressBar) { bar.Describe(p.describe()) })
}

func (p *progress) line() {
	s := p.tally.Summary()
	p.log.Info("progress",
		zap.Int("rows", s.Rows.Total()), zap.Int("of", p.total), zap.Int("in_flight", s.Calls.InFlight),
		zap.Int("answered", s.Calls.Answered), zap.Int("known", s.Calls.Remembered), zap.Int("failed", s.Rows.Failed),
		zap.Int("refused", s.Calls.Refused), zap.String("usage", s.Usage.String()))
}

// finish erases the bar: what it would say at the end, the summary says better.
func (p *progress) finish() {
	p.console.mu.Lock()
	defer p.console.mu.Unlock()
	if p.console.bar == nil {
		return
	}
	p.console.bar = nil
	fmt.Fprint(p.console.w, "\r\033[2K")
}

// follow shows progress until done is closed.
func (p *progress) follow(mode string, done <-chan struct{}) {
	every, tell := lineBeat, p.line
	switch mode {
	case "none":
		<-done
		return
	case "bar":
		every, tell = barBeat, p.beat
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			tell()
		case <-done:
			return
		}
	}
}

// progressMode decides what auto means.
func (a *app) progressMode(o *options) (string, error) {
	if err := oneOf("progress", o.progress, "auto", "bar", "plain", "none"); err != nil {
		return "", err
	}
	if o.progress != "auto" {
		return o.progress, nil
	}
	if isTerminal(a.stderr) {
		return "bar", nil
	}
	return "plain", nil
}

// tellSummary is the last word of a run, to a person or to a collector of logs.
func (j *job) tellSummary(s pipeline.Summary) {
	took := time.Since(j.started)
	if j.app.log == nil {
		tellSummary(j.console, s, took)
		return
	}
	j.log.Info("run ended", zap.String("run", j.id), zap.Duration("took", took),
		zap.Int("rows", s.Rows.Total()), zap.Int("ok", s.Rows.OK), zap.Int("not_found", s.Rows.NotFound),
		zap.Int("failed", s.Rows.Failed), zap.Int("invalid", s.Rows.Invalid), zap.Int("excluded", s.Rows.Excluded),
		zap.Int("not_attempted", s.Rows.NotAttempted), zap.Int("kept", s.Kept.Rows), zap.Int("calls", s.Calls.Started), zap.Int("refused", s.Calls.Refused),
		zap.Int("known", s.Calls.Remembered), zap.Int("possibly_billed", s.Calls.PossiblyBilled), zap.String("usage", s.Usage.String()))
}

func (j *job) tellOutput(output writer.Output) {
	if j.app.log == nil {
		tellOutput(j.console, output)
		return
	}
	for _, w := range written(output) {
		j.log.Info("output", zap.String("file", w.Path), zap.Int("rows", w.Rows), zap.Bool("held", w.Held))
	}
}

func tellSummary(w io.Writer, s pipeline.Summary, took time.Duration) {
	r := s.Rows
	fmt.Fprintf(w, "%s: %d ok", count(r.Total(), "row"), r.OK)
	for _, part := range []struct {
		n    int
		name string
	}{{r.NotFound, "not found"}, {r.Failed, "failed"}, {r.Invalid, "invalid"}, {r.Excluded, "excluded"}, {r.NotAttempted, "not attempted"}} {
		if part.n > 0 {
			fmt.Fprintf(w, ", %d %s", part.n, part.name)
		}
	}
	fmt.Fprintf(w, " in %v\n", round(took))
	if s.Kept.Rows > 0 {
		fmt.Fprintf(w, "%s kept an answer from before (%d asked again in vain, %d not asked again)\n", count(s.Kept.Rows, "row"), s.Kept.Failed, s.Kept.NotAttempted)
	}
	fmt.Fprintf(w, "%s (%d refused, %d failed), %d answered before; usage %s as reported", count(s.Calls.Started, "call"),
		s.Calls.Refused, s.Calls.Failed, s.Calls.Remembered, s.Usage)
	if n := s.Calls.PossiblyBilled; n > 0 {
		fmt.Fprintf(w, "; %d without an answer may have been billed", n)
	}
	fmt.Fprintln(w)
}

// masked is an error without what a service may repeat of a contact: addresses
// and profiles. The row of the output has all of it.
func masked(text string) string {
	words := strings.Split(text, " ")
	for i, word := range words {
		if strings.Contains(word, "@") || strings.Contains(strings.ToLower(word), "linkedin.com/in/") {
			words[i] = "***"
		}
	}
	return strings.Join(words, " ")
}

// errText is what a log may say of an error of the service.
func errText(err error) string {
	var call *octave.Error
	if errors.As(err, &call) {
		return call.Error()
	}
	return err.Error()
}
