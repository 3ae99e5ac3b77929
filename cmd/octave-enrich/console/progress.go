package console

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/pipeline"
)

// A Progress shows how far the calls of a run are: a bar, or a line now and then.
// What came from the checkpoint costs no time and is not in it.
type Progress struct {
	console *Console
	log     *zap.Logger
	tally   *pipeline.Tally
	began   time.Time

	mu      sync.Mutex
	total   int         // questions that this run will ask
	done    int         // of these
	running []time.Time // when the calls on the wire began
	drawn   time.Time   // when the bar was last drawn because something happened
}

// NewProgress shows how far a run is that is to ask so many questions, which its
// tally counts.
func NewProgress(console *Console, log *zap.Logger, tally *pipeline.Tally, total int) *Progress {
	return &Progress{console: console, log: log, tally: tally, total: total, began: time.Now()}
}

const (
	barBeat = 500 * time.Millisecond
	// soonest is how long the bar rests between two answers.
	soonest = 100 * time.Millisecond
	// firstLine comes sooner than the others, so that nobody takes a run that calls
	// for one that hangs.
	firstLine = 4 * time.Second
)

// LineBeat is how often a line tells of progress where there is no bar.
const LineBeat = 30 * time.Second

// Expect corrects how many questions the run will ask.
func (p *Progress) Expect(total int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.total = total
}

// Observe moves the bar and tells what people have to know.
func (p *Progress) Observe(e pipeline.Event) {
	switch e := e.(type) {
	case pipeline.QuestionDone:
		if p.asked(e) {
			p.console.redraw()
		}
	case pipeline.CallStarted:
		p.mu.Lock()
		p.running = append(p.running, time.Now())
		p.mu.Unlock()
	case pipeline.CallDone:
		p.ended(time.Now().Add(-e.Latency))
	case pipeline.RowDone:
		p.tellRow(e)
	default:
		TellService(p.log, e)
	}
}

// asked counts a question, and says whether the bar is to be drawn for it.
func (p *Progress) asked(e pipeline.QuestionDone) bool {
	if errors.Is(e.Err, pipeline.ErrStopped) {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done++
	if now := time.Now(); p.done >= p.total || now.Sub(p.drawn) >= soonest {
		p.drawn = now
		return true
	}
	return false
}

// ended forgets the call that began at that time, or nearest to it.
func (p *Progress) ended(began time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	nearest := -1
	for i, at := range p.running {
		if nearest < 0 || at.Sub(began).Abs() < p.running[nearest].Sub(began).Abs() {
			nearest = i
		}
	}
	if nearest >= 0 {
		p.running = slices.Delete(p.running, nearest, nearest+1)
	}
}

// TellService tells a log of what all calls have to wait for.
func TellService(log *zap.Logger, e pipeline.Event) {
	switch e := e.(type) {
	case pipeline.Slowed:
		if e.InFlight == 0 && e.Rate == 0 && e.For < time.Second {
			log.Info("the service takes all that is allowed again")
			return
		}
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
	return fmt.Sprintf("nothing was refused; %s this list would have taken about %s instead of %s", how, words.Span(gain.After), words.Span(gain.Before))
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

// look is a moment of a run.
func (p *Progress) look() look {
	p.mu.Lock()
	defer p.mu.Unlock()
	now, s := time.Now(), p.tally.Summary()
	l := look{total: max(p.total, p.done), done: p.done, running: s.Calls.InFlight, elapsed: now.Sub(p.began), summary: s}
	for _, began := range p.running {
		l.longest = max(l.longest, now.Sub(began))
	}
	return l
}

// line tells a log how far the run is, with numbers for collectors.
func (p *Progress) line(numbers bool) {
	l := p.look()
	if !numbers {
		p.log.Info(l.text())
		return
	}
	s := l.summary
	fields := []zap.Field{
		zap.Int("done", l.done), zap.Int("of", l.total), zap.Int("percent", l.percent()), zap.Int("in_flight", l.running),
		zap.Int("rows", s.Rows.Total()), zap.Int("answered", s.Calls.Answered), zap.Int("known", s.Calls.Remembered),
		zap.Int("failed", s.Rows.Failed), zap.Int("refused", s.Calls.Refused), number("credits", s.Usage),
	}
	if left, known := l.left(); known {
		fields = append(fields, zap.Int("seconds_left", int(left.Seconds())))
	}
	p.log.Info("progress", fields...)
}

// Follow shows progress as a bar, as plain lines, as lines with numbers for
// programs, or in mode none not at all, until done is closed.
func (p *Progress) Follow(mode string, numbers bool, done <-chan struct{}) {
	if p.look().total == 0 {
		mode = "none"
	}
	switch mode {
	case "none":
		<-done
	case "bar":
		p.console.show(func(width int) string { return p.look().fit(width) })
		Every(barBeat, barBeat, done, p.console.redraw)
		p.console.show(nil) // what it would say at the end, the summary says better
	default:
		Every(firstLine, LineBeat, done, func() { p.line(numbers) })
	}
}

// Every tells for the first time, and then with each beat, until done is closed.
func Every(first, beat time.Duration, done <-chan struct{}, tell func()) {
	timer := time.NewTimer(first)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			tell()
			timer.Reset(beat)
		case <-done:
			return
		}
	}
}
