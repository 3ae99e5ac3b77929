// Package console is what a person sees of a run: the log, the progress, and what
// is said when it begins and ends.
//
// The rules of the terminal:
//
//   - Standard output carries rows, or the JSON or table that was asked for.
//     Everything for people goes to standard error.
//   - One console owns standard error: log lines and the bar go through it, so
//     that neither tears the other.
//   - The bar is drawn on a terminal alone, and never wider than it; elsewhere a
//     line tells every 30 s.
//   - Rows are named by number. Neither the key nor personal data is shown.
package console

import (
	"fmt"
	"io"
	"os"
	"sync"

	"golang.org/x/term"
)

// A Console serialises what is written to standard error.
type Console struct {
	mu   sync.Mutex
	w    io.Writer
	line func(width int) string // the line that is drawn last; nil when there is none
}

// New is a console without a bar.
func New(w io.Writer) *Console { return &Console{w: w} }

// erase leaves the last line blank, with the cursor at its beginning.
const erase = "\r\033[2K"

// Write erases the bar, writes whole lines and draws the bar again.
func (c *Console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.line == nil {
		return c.w.Write(p)
	}
	fmt.Fprint(c.w, erase)
	n, err := c.w.Write(p)
	c.draw()
	return n, err
}

// draw writes the last line as wide as the terminal is now. The caller holds mu.
func (c *Console) draw() {
	if c.line != nil {
		fmt.Fprint(c.w, erase+c.line(c.width()))
	}
}

// redraw brings the last line up to date.
func (c *Console) redraw() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.draw()
}

// show draws a line below all others, until it is nil.
func (c *Console) show(line func(width int) string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.line != nil && line == nil {
		fmt.Fprint(c.w, erase)
	}
	c.line = line
	c.draw()
}

// usualWidth is that of a terminal which does not tell.
const usualWidth = 80

// width is how many columns there are, but for the last one: a terminal may begin
// a new line behind it.
func (c *Console) width() int {
	if t, ok := c.w.(interface{ Width() int }); ok {
		return t.Width() - 1
	}
	if f, ok := c.w.(*os.File); ok {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			return width - 1
		}
	}
	return usualWidth - 1
}

// Sync has nothing to do: standard error is not buffered, and a terminal refuses
// the call.
func (c *Console) Sync() error { return nil }

// IsTerminal says whether a person looks at f, on a terminal that can draw.
func IsTerminal(f *os.File) bool {
	return term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb"
}
