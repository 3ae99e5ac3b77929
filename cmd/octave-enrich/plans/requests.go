package plans

import (
	"bufio"
	"encoding/json"
	"io"

	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/lists"
	"octave-enrich/pipeline"
)

// PrintRequests prints what would be asked about each of the rows, one JSON object a
// line.
func (v *Outlook) PrintRequests(to io.Writer, only lists.Rows) error {
	if v.earlier != nil {
		if _, err := Take(v.Options, v.List, v.Selection, v.earlier); err != nil {
			return exit.InputError(err)
		}
	}
	w := bufio.NewWriter(to)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	for row, err := range pipeline.Requests(v.List.Input.Contacts(), v.Selection) {
		if err != nil {
			return exit.InputError(err)
		}
		if !only.Hold(row.Row) {
			continue
		}
		if err := encoder.Encode(row); err != nil {
			return exit.OutputError(err)
		}
	}
	if err := w.Flush(); err != nil {
		return exit.OutputError(err)
	}
	return nil
}
