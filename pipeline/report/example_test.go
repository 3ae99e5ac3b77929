package report_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"octave-enrich/checkpoint"
	"octave-enrich/pipeline/report"
)

// The page of a checkpoint in which nothing has happened yet.
func ExampleWrite() {
	dir, err := os.MkdirTemp("", "report")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "people.csv.checkpoint")
	journal, err := checkpoint.Open(path, checkpoint.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer journal.Close()

	var page bytes.Buffer
	err = report.Write(&page, path, report.Options{}) // beside the run that writes it
	fmt.Println(strings.HasPrefix(page.String(), "<!doctype html>"), err)
	// Output: true <nil>
}
