package console

import (
	"errors"
	"io"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"

	"octave-enrich/pipeline"
)

// A screen is a list of lines and a cursor, as far as the console needs one.
type screen struct {
	lines   []string
	column  int
	columns atomic.Int64
	mu      sync.Mutex
	wrapped bool // a line was as wide as the screen
}

func newScreen(columns int64) *screen {
	s := &screen{}
	s.columns.Store(columns)
	return s
}

func (term *screen) Width() int { return int(term.columns.Load()) }

// last is the line at the bottom.
func (term *screen) last() string {
	term.mu.Lock()
	defer term.mu.Unlock()
	return term.lines[len(term.lines)-1]
}

func (term *screen) Write(p []byte) (int, error) {
	term.mu.Lock()
	defer term.mu.Unlock()
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
			term.wrapped = term.wrapped || term.column >= term.Width()
		}
		term.lines[len(term.lines)-1] = string(last)
	}
	return len(p), nil
}

// Log lines of many rows and the bar, at once: every line is whole, and of the bar
// nothing is left when it is over.
func TestBarAndLogDoNotTearEachOther(t *testing.T) {
	shown := newScreen(80)
	console := New(shown)
	log, err := NewLog(console, "text", "info", false)
	if err != nil {
		t.Fatal(err)
	}
	const rows = 200
	p := NewProgress(console, log, &pipeline.Tally{}, rows)
	var follow, workers errgroup.Group
	done := make(chan struct{})
	follow.Go(func() error { p.Follow("bar", false, done); return nil })
	for i := range rows {
		workers.Go(func() error {
			p.Observe(pipeline.QuestionDone{})
			console.redraw()
			p.Observe(pipeline.RowDone{Row: i + 1, Line: i + 2, Status: pipeline.StatusFailed, Err: errors.New("422: no"), Fresh: true})
			return nil
		})
	}
	_ = workers.Wait()
	close(done)
	_ = follow.Wait()
	if got := shown.last(); strings.TrimSpace(got) != "" {
		t.Errorf("left on the screen: %q", got)
	}
	line := regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d\d:\d\d  warn  row failed  \{"row": \d+, "line": \d+, "error": "422: no"\}$`)
	for i, got := range shown.lines[:len(shown.lines)-1] {
		if !line.MatchString(got) {
			t.Fatalf("line %d is torn: %q", i+1, got)
		}
	}
	if len(shown.lines) != rows+1 {
		t.Errorf("%d lines, want one for each of %d rows", len(shown.lines)-1, rows)
	}
}

// failingNone is a run of 780 calls, 8 at a time, each of which takes 40 s.
func failingNone(t *testing.T, mode string, numbers bool, w io.Writer, at func(p *Progress)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		tally := &pipeline.Tally{}
		c := New(w)
		format := "text"
		if numbers {
			format = "json"
		}
		log, err := NewLog(c, format, "info", false)
		if err != nil {
			t.Fatal(err)
		}
		p := NewProgress(c, log, tally, 780)
		observe := pipeline.Observers(tally.Observe, p.Observe)
		done := make(chan struct{})
		var group errgroup.Group
		group.Go(func() error { p.Follow(mode, numbers, done); return nil })
		for worker := range 8 {
			group.Go(func() error {
				time.Sleep(time.Duration(worker) * 900 * time.Millisecond) // as --rate lets them start
				for {
					observe(pipeline.CallStarted{})
					select {
					case <-time.After(40 * time.Second):
					case <-done:
						return nil
					}
					observe(pipeline.CallDone{Latency: 40 * time.Second, Usage: "1"})
					observe(pipeline.QuestionDone{})
				}
			})
		}
		at(p)
		close(done)
		_ = group.Wait()
	})
}

// What the bar says is true: of this run's calls, by their answers over its whole
// time, and before the first answer nothing that nobody knows.
func TestTheBarIsTrue(t *testing.T) {
	t.Setenv("LC_ALL", "C.UTF-8")
	shown := newScreen(80)
	want := func(text string) {
		t.Helper()
		synctest.Wait()
		if got := shown.last(); got != text {
			t.Errorf("%q\nwant %q", got, text)
		}
	}
	failingNone(t, "bar", false, shown, func(*Progress) {
		time.Sleep(34*time.Second + 10*time.Millisecond)
		want("0 of 780, 8 calls running, the longest 34 s")
		time.Sleep(8 * time.Second)
		// Three answers after 42 s: how long the others take is not known yet.
		want("3/780 0% ▕                              ▏ 4/min, 3 credits, 0 failed")
		time.Sleep(5 * time.Minute)
		// The truth is 12 a minute, and an hour.
		want("64/780 8% ▕██                       ▏ 11/min, 64 min left, 64 credits, 0 failed")
		shown.columns.Store(40)
		time.Sleep(time.Second)
		synctest.Wait()
		if got := shown.last(); !regexp.MustCompile(`^\d+/780 8% 11/min, 64 min left, 0 failed$`).MatchString(got) {
			t.Errorf("at 40 columns: %q", got)
		}
		shown.columns.Store(10)
		time.Sleep(time.Second)
	})
	if shown.wrapped {
		t.Error("the line was wider than the screen")
	}
}

// Without a terminal the first line comes within five seconds, the others every
// half minute, with percent and what is left as soon as it is known.
func TestPlainProgress(t *testing.T) {
	for numbers, want := range map[bool][]string{
		false: {`info  0 of 780, 5 calls running, the longest 4 s$`, `info  0 of 780, 8 calls running, the longest 34 s$`, `info  8/780 1%, 8/min, 1 h 40 min left, 8 credits, 0 failed$`},
		true: {`"done":0,"of":780,"percent":0,"in_flight":5,`, `"done":0,"of":780,`,
			`"done":8,"of":780,"percent":1,"in_flight":8,"rows":0,"answered":8,"known":0,"failed":0,"refused":0,"credits":8,"seconds_left":6176}$`},
	} {
		var out strings.Builder
		failingNone(t, "plain", numbers, &out, func(*Progress) { time.Sleep(64*time.Second + time.Millisecond); synctest.Wait() })
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		for i, pattern := range want {
			if len(lines) != len(want) || !regexp.MustCompile(pattern).MatchString(lines[i]) {
				t.Errorf("%q\nwant %q", lines, pattern)
			}
		}
	}
}

// A run that asks nobody shows nothing.
func TestNoProgressOfNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		c := New(&out)
		log, _ := NewLog(c, "text", "info", false)
		p, done := NewProgress(c, log, &pipeline.Tally{}, 0), make(chan struct{})
		var follow errgroup.Group
		follow.Go(func() error { p.Follow("plain", false, done); return nil })
		time.Sleep(time.Minute)
		close(done)
		_ = follow.Wait()
		if out.Len() > 0 {
			t.Errorf("%q", out.String())
		}
	})
}

func TestFit(t *testing.T) {
	t.Setenv("LC_ALL", "C")
	l := look{total: 780, done: 84, running: 8, elapsed: 7 * time.Minute}
	l.summary.Usage = l.summary.Usage.Plus("84")
	for width, want := range map[int]string{
		100: "84/780 10% [==>...........................] 12/min, 58 min left, 84 credits, 0 failed",
		66:  "84/780 10% [>..........] 12/min, 58 min left, 84 credits, 0 failed",
		40:  "84/780 10% 12/min, 58 min left, 0 failed",
		32:  "84/780 10% 58 min left, 0 failed",
		22:  "84/780 10% 58 min left",
		7:   "84/780 ",
	} {
		if got := l.fit(width); got != want {
			t.Errorf("%d columns: %q, want %q", width, got, want)
		}
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

// A file of logs says the day and the zone in each line, a terminal once a day.
func TestClock(t *testing.T) {
	for terminal, want := range map[bool]string{
		true:  `^\S+ 00:00:00 [+-]\d\d:\d\d  info  a\n00:00:01  info  b\n\S+ 00:00:01 [+-]\d\d:\d\d  info  c\n$`,
		false: `^(\d{4}-\d\d-\d\d 00:00:0\d [+-]\d\d:\d\d  info  [abc]\n){3}$`,
	} {
		synctest.Test(t, func(t *testing.T) {
			t.Setenv("NO_COLOR", "1")
			var out strings.Builder
			log, err := NewLog(New(&out), "text", "info", terminal)
			if err != nil {
				t.Fatal(err)
			}
			for _, word := range []string{"a", "b", "c"} {
				log.Info(word)
				time.Sleep(map[string]time.Duration{"a": time.Second, "b": 24 * time.Hour}[word])
			}
			if !regexp.MustCompile(want).MatchString(out.String()) {
				t.Errorf("%s", out.String())
			}
		})
	}
}

// What a library says is for who debugs, whatever the library thinks of it.
func TestLibrary(t *testing.T) {
	for level, want := range map[string]string{"debug": `"msg":"level=ERROR msg=\"connection lost\" after=1s","library":"river"`, "info": ""} {
		var said strings.Builder
		log, err := NewLog(New(&said), "json", level, false)
		if err != nil {
			t.Fatal(err)
		}
		slog.New(Library(log, "river")).Error("connection lost", "after", time.Second)
		if got := said.String(); !strings.Contains(got, want) || (want == "") != (got == "") || strings.Contains(got, `"level":"error"`) {
			t.Errorf("at %s: %q", level, got)
		}
	}
}
