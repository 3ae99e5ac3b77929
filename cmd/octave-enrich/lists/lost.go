package lists

import (
	"fmt"

	"octave-enrich/checkpoint"
	"octave-enrich/cmd/octave-enrich/paths"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/pipeline"
	"octave-enrich/reader"
)

// Lost says how many contacts of the last output are not in this list: the next
// output will not have them. A list that did not change has lost nobody, and is not
// looked at. It is only told, so that an output which cannot be read is no error.
func (l *List) Lost(journal *checkpoint.Journal) string {
	if journal == nil {
		return ""
	}
	output := pipeline.LastOutput(journal.RunRecords())
	last, ok := pipeline.LastRun(journal.RunRecords())
	if output == "" || !ok || last.Input.SHA256 == l.Input.Profile().SHA256 || !paths.Exists(output) {
		return ""
	}
	opt := l.opt
	opt.Format, opt.Encoding, opt.Sheet = "", "", "" // those of the list
	before, err := reader.Open([]string{output}, opt)
	if err != nil {
		return ""
	}
	defer before.Close()
	n, err := pipeline.CountLost(before.Contacts(), l.Input.Contacts())
	switch {
	case err != nil, n == 0: // the run itself reads the list, and says what is wrong
		return ""
	case n == 1:
		return fmt.Sprintf("1 contact of the last output (%s) is not in this list", output)
	}
	return fmt.Sprintf("%s of the last output (%s) are not in this list", words.Count(n, "contact"), output)
}
