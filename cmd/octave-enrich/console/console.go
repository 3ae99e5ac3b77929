// Package console is what a person sees of a run: the log, the progress, and what
// is said when it ends.
//
// The rules of the terminal:
//
//   - Standard output carries rows, or the JSON or table that was asked for.
//     Everything for people goes to standard error.
//   - One console owns standard error: log lines and the bar go through it, so
//     that neither tears the other.
//   - The bar is drawn on a terminal alone; elsewhere a line tells every 30 s.
//   - Rows are named by number. Neither the key nor personal data is shown.
package console

import (
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// A Console serialises what is written to standard error.
type Console struct {
	mu  sync.Mutex
	w   io.Writer
	bar *progressbar.ProgressBar // nil when there is none
}

// New is a console without a bar.
func New(w io.Writer) *Console { return &Console{w: w} }

// Write erases the bar, writes whole lines and draws the bar again.
func (c *Console) Write(p []byte) (int, error) {
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
func (c *Console) Sync() error { return nil }

// IsTerminal says whether a person looks at f, on a terminal that can draw.
func IsTerminal(f *os.File) bool {
	return term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb"
}
