package console

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"octave-enrich/pipeline"
)

// A screen is a list of lines and a cursor, as far as the console needs one.
type screen struct {
	lines  []string
	column int
}

func (term *screen) Write(p []byte) (int, error) {
	text := strings.ReplaceAll(string(p), "\033[2K", "\x00")
	text = strings.ReplaceAll(text, "\033[0K", "\x01")
	for _, r := range text {
		if len(term.lines) == 0 {
			term.lines = []string{""}
		}
		last := []rune(term.lines[len(term.lines)-1])
		switch r {
		case '\n':
			term.lines, term.column = append(term.lines, ""), 0
			continue
		case '\r':
			term.column = 0
		case '\x00':
			last = nil
		case '\x01':
			last = last[:min(term.column, len(last))]
		default:
			for len(last) <= term.column {
				last = append(last, ' ')
			}
			last[term.column] = r
			term.column++
		}
		term.lines[len(term.lines)-1] = string(last)
	}
	return len(p), nil
}

// Log lines of many rows and the bar, at once: every line is whole, and of the bar
// nothing is left when it is over.
func TestBarAndLogDoNotTearEachOther(t *testing.T) {
	shown := &screen{}
	console := New(shown)
	log, err := NewLog(console, "text", "info", false)
	if err != nil {
		t.Fatal(err)
	}
	const rows = 200
	p := NewProgress(console, log, &pipeline.Tally{}, rows)
	p.DrawBar()
	var workers errgroup.Group
	for i := range rows {
		workers.Go(func() error {
			p.Observe(pipeline.QuestionDone{})
			p.beat()
			p.Observe(pipeline.RowDone{Row: i + 1, Status: pipeline.StatusFailed, Err: errors.New("422: no"), Fresh: true})
			return nil
		})
	}
	_ = workers.Wait()
	p.Finish()
	if got := shown.lines[len(shown.lines)-1]; strings.TrimSpace(got) != "" {
		t.Errorf("left on the screen: %q", got)
	}
	line := regexp.MustCompile(`^\d\d:\d\d:\d\d  warn  row failed  \{"row": \d+, "error": "422: no"\}$`)
	for i, got := range shown.lines[:len(shown.lines)-1] {
		if !line.MatchString(got) {
			t.Fatalf("line %d is torn: %q", i+1, got)
		}
	}
	if len(shown.lines) != rows+1 {
		t.Errorf("%d lines, want one for each of %d rows", len(shown.lines)-1, rows)
	}
}

func TestLogFormatOfJournald(t *testing.T) {
	for _, c := range []struct {
		journal, format string
		terminal        bool
		want            string
	}{{"", "auto", false, "auto"}, {"8:1", "auto", false, "json"}, {"8:1", "auto", true, "auto"}, {"8:1", "text", false, "text"}, {"", "json", true, "json"}} {
		t.Setenv("JOURNAL_STREAM", c.journal)
		if got := LogFormat(c.format, c.terminal); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

func TestColours(t *testing.T) {
	for _, c := range []struct {
		noColour string
		terminal bool
		want     bool
	}{{"", true, true}, {"1", true, false}, {"", false, false}} {
		t.Setenv("NO_COLOR", c.noColour)
		var b strings.Builder
		log, err := NewLog(New(&b), "text", "info", c.terminal)
		if err != nil {
			t.Fatal(err)
		}
		log.Warn("x")
		if got := strings.Contains(b.String(), "\033["); got != c.want {
			t.Errorf("%+v: %q", c, b.String())
		}
	}
}
