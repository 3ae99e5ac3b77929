package console

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"

	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/pipeline"
)

// A look is a moment of a run: how many of its questions are done, and how long
// that took.
type look struct {
	total, done int
	running     int           // calls on the wire
	longest     time.Duration // of these, 0 when others make them
	elapsed     time.Duration
	summary     pipeline.Summary
}

// perMinute is how many questions were done a minute, over the whole run: the
// last few answers say little about calls that take half a minute.
func (l look) perMinute() float64 {
	if l.elapsed <= 0 {
		return 0
	}
	return float64(l.done) / l.elapsed.Minutes()
}

// left is how long the rest takes at that rate. It is not known before as many
// questions are done as there are calls on the wire: the first answers come all at
// once, after a long silence.
func (l look) left() (time.Duration, bool) {
	if l.done == 0 || l.done < l.running || l.done >= l.total {
		return 0, false
	}
	return time.Duration(float64(l.elapsed) / float64(l.done) * float64(l.total-l.done)), true
}

func (l look) percent() int {
	if l.total == 0 {
		return 100
	}
	return l.done * 100 / l.total
}

// waiting is all that there is to say before the first answer.
func (l look) waiting() string {
	text := fmt.Sprintf("%s of %s, %s running", words.Thousands(l.done), words.Thousands(l.total), words.Count(l.running, "call"))
	if l.longest >= time.Second {
		text += ", the longest " + words.Span(l.longest)
	}
	return text
}

// A part of the line, with its place among those that are left out when there is
// no room: the highest first.
type part struct {
	text string
	rank int
}

func (l look) parts() []part {
	parts := []part{{words.Rate(l.perMinute()), 3}}
	if left, known := l.left(); known {
		parts = append(parts, part{words.Span(left) + " left", 1})
	}
	return append(parts, part{words.Credits(l.summary.Usage.String()), 4}, part{fmt.Sprintf("%d failed", l.summary.Rows.Failed), 2})
}

func join(parts []part) string {
	texts := make([]string, len(parts))
	for i, p := range parts {
		texts[i] = p.text
	}
	return strings.Join(texts, ", ")
}

func (l look) count() string {
	return words.Thousands(l.done) + "/" + words.Thousands(l.total)
}

// text is the moment without a bar.
func (l look) text() string {
	if l.done == 0 {
		return l.waiting()
	}
	return fmt.Sprintf("%s %d%%, %s", l.count(), l.percent(), join(l.parts()))
}

// Widths of the bar itself.
const (
	leastBar = 8
	mostBar  = 30
)

// fit is the moment in so many columns: as many parts as there is room for, and
// the bar in what is left.
func (l look) fit(width int) string {
	if l.done == 0 {
		return cut(l.waiting(), width)
	}
	head := fmt.Sprintf("%s %d%% ", l.count(), l.percent())
	parts := l.parts()
	for len(head)+len(join(parts)) > width && len(parts) > 1 {
		parts = withoutLast(parts)
	}
	room := min(width-len(head)-len(join(parts))-3, mostBar)
	if room < leastBar {
		return cut(head+join(parts), width)
	}
	return l.count() + " " + meter(l.done, l.total, room) + " " + join(parts)
}

// withoutLast leaves out the part of the highest rank.
func withoutLast(parts []part) []part {
	last := slices.MaxFunc(parts, func(a, b part) int { return a.rank - b.rank })
	return slices.DeleteFunc(parts, func(p part) bool { return p == last })
}

func cut(text string, width int) string {
	if runes := []rune(text); len(runes) > width {
		return string(runes[:max(width, 0)])
	}
	return text
}

// meter is a bar of so many columns between its ends, with the percentage before
// it.
func meter(done, total, width int) string {
	bar := progressbar.NewOptions(total,
		progressbar.OptionSetWriter(io.Discard),
		progressbar.OptionSetWidth(width),
		progressbar.OptionSetTheme(theme()),
		progressbar.OptionSetElapsedTime(false),
		progressbar.OptionSetPredictTime(false),
	)
	_ = errors.Join(bar.Set(done), bar.RenderBlank()) // which fail when nothing can be written
	return strings.TrimSpace(bar.String())
}

// theme is drawn with blocks where the locale has them.
func theme() progressbar.Theme {
	locale := ""
	for _, name := range []string{"LANG", "LC_CTYPE", "LC_ALL"} {
		if value := os.Getenv(name); value != "" {
			locale = strings.ToLower(value)
		}
	}
	if runtime.GOOS != "windows" && !strings.Contains(locale, "utf") {
		return progressbar.ThemeASCII
	}
	return progressbar.Theme{Saucer: "█", SaucerPadding: " ", BarStart: "▕", BarEnd: "▏"}
}
