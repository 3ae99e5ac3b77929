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
	survey, err := Take(v.Options, v.List, v.Journal, v.Selection, v.earlier)
	if err != nil {
		return exit.InputError(err)
	}
	v.Selection.Sample = survey.Sample
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
