package paths

// A file for a sender given as a list: only the checkpoint that it was made from
// knows what it is.

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"octave-enrich/checkpoint"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/pipeline"
	"octave-enrich/reader"
)

// messageColumn is a column of a message in a file for a sender, as presets name them,
// and a list hardly ever.
var messageColumn = regexp.MustCompile(`(?i)(subject|body).*\d|\d.*(subject|body)|^custom \d`)

// notedIn is the checkpoint beside a list that notes these very bytes as its output;
// "" when there is none, or when they are rows that were held back. No checkpoint is
// read for a list without messages.
func notedIn(file reader.FileProfile) string {
	if !slices.ContainsFunc(file.Columns, messageColumn.MatchString) {
		return ""
	}
	for i, neighbour := range neighbours(file.Path, "") {
		if i >= mostBeside && stem(neighbour) != stem(file.Path) {
			continue
		}
		for entry, err := range checkpoint.Records(neighbour, nil) {
			if err != nil {
				continue // damage hides no other record
			}
			if sum, held := pipeline.FileOf(entry.Record); sum == file.SHA256 && !held {
				return neighbour
			}
		}
	}
	return ""
}

// stem is what names of a list, its outputs and their checkpoint begin with.
func stem(path string) string {
	name, _, _ := strings.Cut(filepath.Base(path), ".")
	return name
}

// meantByUpload is what somebody wants who gives a file for a sender as a list.
func meantByUpload(path, upload string) string {
	list := ""
	if journal, err := checkpoint.Open(path, checkpoint.Options{ReadOnly: true}); err == nil {
		last, _ := pipeline.LastRun(journal.RunRecords())
		_ = journal.Close() // only read
		for _, name := range []string{last.Input.Name, filepath.Join(filepath.Dir(upload), last.Input.Name)} {
			if list == "" && name != "" && Exists(name) {
				list = name
			}
		}
	}
	if list == "" {
		return fmt.Sprintf("give the list that it was made from: %s run LIST --checkpoint %s", words.Tool, words.Quote(path))
	}
	here := words.Quote(list)
	if options.DefaultOutput(list, "")+".checkpoint" != path {
		here += " --checkpoint " + words.Quote(path)
	}
	return fmt.Sprintf("to go on, or to try again what failed: %s run %s\nthe same answers in another format or for a sender: %[1]s export %[2]s -o FILE", words.Tool, here)
}
