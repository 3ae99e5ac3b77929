package words

import (
	"encoding/json"
	"fmt"
	"io"
)

// A Printer keeps the first error of many writes.
type Printer struct {
	W   io.Writer
	Err error
}

// Printf writes, unless something went wrong before.
func (p *Printer) Printf(format string, args ...any) {
	if p.Err == nil {
		_, p.Err = fmt.Fprintf(p.W, format, args...)
	}
}

// WriteJSON prints a value for programs.
func WriteJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}
