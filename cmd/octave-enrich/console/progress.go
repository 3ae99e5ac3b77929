package console

import (
	"fmt"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"go.uber.org/zap"

	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/pipeline"
)

// A Progress shows how far a run is: a bar over the rows that need a call, or a
// line now and then.
type Progress struct {
	console *Console
	log     *zap.Logger
	tally   *pipeline.Tally
	total   int

	// questions are the rows that may need a call: the length of the bar.
	// Guarded by console.mu.
	questions int
}

// NewProgress shows how far a run over so many rows is, as its tally says.
func NewProgress(console *Console, log *zap.Logger, tally *pipeline.Tally, total int) *Progress {
	return &Progress{console: console, log: log, tally: tally, total: total}
}

const barBeat = 500 * time.Millisecond

// LineBeat is how often a line tells of progress where there is no bar.
const LineBeat = 30 * time.Second

// DrawBar starts the bar over the rows that may need a call; a row that turns out
// to need none shortens it, so that what came from the checkpoint is not taken
// for speed.
func (p *Progress) DrawBar() {
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
func (p *Progress) Observe(e pipeline.Event) {
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
		TellService(p.log, e)
	}
}

// TellService tells a log of what all calls have to wait for.
func TellService(log *zap.Logger, e pipeline.Event) {
	switch e := e.(type) {
	case pipeline.Slowed:
		log.Warn(PaceWords(e))
	case pipeline.OutageBegan:
		log.Warn("the service fails for everyone; waiting for it, one probe at a time", zap.String("error", words.Masked(e.Err.Error())))
	case pipeline.OutageEnded:
		log.Info("the service answers again")
	}
}

// PaceWords says what the service was found to take.
func PaceWords(e pipeline.Slowed) string {
	var parts []string
	if e.InFlight > 0 {
		parts = append(parts, fmt.Sprintf("the service takes %s at a time; keeping to that", words.Count(e.InFlight, "call")))
	}
	if e.Rate > 0 {
		const below = 0.98 // what is kept to, as a share of what is taken
		number, unit := e.Rate, "second"
		if e.Rate < 3 {
			number, unit = 60*e.Rate, "minute"
		}
		parts = append(parts, fmt.Sprintf("the service takes about %.3g calls a %s; keeping to %.3g", number/below, unit, number))
	}
	if e.For >= time.Second {
		parts = append(parts, fmt.Sprintf("no call starts for %v", e.For.Round(time.Second)))
	}
	return strings.Join(parts, "; ")
}

// GainWords says how much sooner the run would have been done.
func GainWords(gain pipeline.Gain) string {
	how := fmt.Sprintf("at %d at a time (--concurrency %d)", gain.Calls, gain.Calls)
	if gain.Calls == 0 {
		how = fmt.Sprintf("at %.3g calls a second (--rate %.3g)", float64(gain.Rate), float64(gain.Rate))
	}
	return fmt.Sprintf("nothing was refused; %s this list would have taken about %s instead of %s", how, words.About(gain.After), words.About(gain.Before))
}

func (p *Progress) tellRow(e pipeline.RowDone) {
	switch e.Status {
	case pipeline.StatusFailed:
		p.log.Warn("row failed", append(rowFields(e), zap.String("error", words.Masked(e.Err.Error())))...)
	case pipeline.StatusInvalid, pipeline.StatusExcluded:
		p.log.Debug("row not asked", append(rowFields(e), zap.String("status", e.Status))...)
	}
}

// rowFields name a row by its number and, where that is another one, its line.
func rowFields(e pipeline.RowDone) []zap.Field {
	fields := []zap.Field{zap.Int("row", e.Row)}
	if e.Line != e.Row && e.Line > 0 || e.File != "" {
		fields = append(fields, zap.Int("line", e.Line))
	}
	if e.File != "" {
		fields = append(fields, zap.String("file", e.File))
	}
	return fields
}

func (p *Progress) move(f func(*progressbar.ProgressBar)) {
	p.console.mu.Lock()
	defer p.console.mu.Unlock()
	if p.console.bar != nil {
		f(p.console.bar)
	}
}

func (p *Progress) describe() string {
	s := p.tally.Summary()
	text := fmt.Sprintf("%d in flight, %d failed, usage %s", s.Calls.InFlight, s.Rows.Failed, s.Usage)
	if n := s.Calls.Remembered; n > 0 {
		text += fmt.Sprintf(", %s known", words.Thousands(n))
	}
	return text
}

// beat keeps the display alive between rows, which take up to a minute each.
func (p *Progress) beat() {
	p.move(func(bar *progressbar.ProgressBar) { bar.Describe(p.describe()) })
}

func (p *Progress) line() {
	s := p.tally.Summary()
	p.log.Info("progress",
		zap.Int("rows", s.Rows.Total()), zap.Int("of", p.total), zap.Int("in_flight", s.Calls.InFlight),
		zap.Int("answered", s.Calls.Answered), zap.Int("known", s.Calls.Remembered), zap.Int("failed", s.Rows.Failed),
		zap.Int("refused", s.Calls.Refused), zap.String("usage", s.Usage.String()))
}

// Finish erases the bar: what it would say at the end, the summary says better.
func (p *Progress) Finish() {
	p.console.mu.Lock()
	defer p.console.mu.Unlock()
	if p.console.bar == nil {
		return
	}
	p.console.bar = nil
	fmt.Fprint(p.console.w, "\r\033[2K")
}

// Follow shows progress as a bar, as plain lines, or in mode none not at all, until
// done is closed.
func (p *Progress) Follow(mode string, done <-chan struct{}) {
	every, tell := LineBeat, p.line
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
