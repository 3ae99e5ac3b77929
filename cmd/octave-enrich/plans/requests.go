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
func PrintRequests(to io.Writer, list *lists.List, selection pipeline.Selection, only lists.Rows) error {
	w := bufio.NewWriter(to)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	for row, err := range pipeline.Requests(list.Input.Contacts(), selection) {
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
