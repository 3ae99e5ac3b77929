package paths

// An output of this tool given as a list: its rows have their answers already, and
// the list that they came from is what is meant.

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"octave-enrich/checkpoint"
	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/pipeline"
	"octave-enrich/reader"
)

// RefuseOutput refuses a list that is an output of this tool. Rows that a preset
// held back are none: they have columns of their own, and are meant to be run again.
func RefuseOutput(in *reader.Input) error {
	profile := in.Profile()
	for _, file := range profile.Files {
		if isOutput(file.Columns) || file.Format == "jsonl" && slices.Contains(file.Columns, "octave") && isOutputOf(in, file.Name) {
			return &exit.Error{Code: exit.Usage,
				Err:  fmt.Errorf("%s is an output of this tool: its contacts have been asked about, and would be paid for again", file.Name),
				Hint: meantBy(file.Path) + "\nto ask about these rows all the same, take the octave_ columns out of the file"}
		}
		if noted := notedIn(file); noted != "" {
			return &exit.Error{Code: exit.Usage,
				Err:  fmt.Errorf("%s is an output of this tool: its contacts have been asked about, and would be paid for again", file.Name),
				Hint: meantByUpload(noted, file.Path) + "\nto ask about these rows all the same, take the columns of the messages out of the file"}
		}
	}
	return nil
}

// isOutput knows a generic output by its columns.
func isOutput(columns []string) bool {
	for _, name := range []string{"octave_error", "octave_request_id", "octave_usage", "octave_email_count"} {
		if !slices.Contains(columns, name) {
			return false
		}
	}
	return true
}

// isOutputOf looks at the first object of JSONL for the one that outputs add.
func isOutputOf(in *reader.Input, source string) bool {
	for contact, err := range in.Contacts() {
		if err != nil {
			return false
		}
		if contact.Source != source {
			continue
		}
		var row struct {
			Octave struct {
				Status *string          `json:"status"`
				Emails *json.RawMessage `json:"emails"`
			} `json:"octave"`
		}
		return json.Unmarshal(contact.Object, &row) == nil && row.Octave.Status != nil && row.Octave.Emails != nil
	}
	return false
}

// meantBy is what somebody wants who gives this output as a list.
func meantBy(output string) string {
	list := listOf(output)
	if list == "" {
		return fmt.Sprintf("give the list that it was made from: %s run LIST -o %s", words.Tool, words.Quote(output))
	}
	run := words.Tool + " run " + words.Quote(list)
	if options.DefaultOutput(list, "") != output {
		run += " -o " + words.Quote(output)
	}
	return fmt.Sprintf("to go on, or to try again what failed: %s\nthe same answers in another format or for a sender: %s export %s -o FILE", run, words.Tool, words.Quote(list))
}

// listOf finds the list of an output: by its name, else by its checkpoint; "" when
// it is not there.
func listOf(output string) string {
	dir, name := filepath.Split(output)
	if list := dir + strings.Replace(name, ".enriched", "", 1); list != output && Exists(list) {
		return list
	}
	journal, err := checkpoint.Open(output+".checkpoint", checkpoint.Options{ReadOnly: true})
	if err != nil {
		return ""
	}
	defer journal.Close() //nolint:errcheck // only read
	last, ok := pipeline.LastRun(journal.RunRecords())
	if !ok {
		return ""
	}
	for _, list := range []string{last.Input.Name, dir + last.Input.Name} {
		if Exists(list) {
			return list
		}
	}
	return ""
}
