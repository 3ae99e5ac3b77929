package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"octave-enrich/checkpoint"
	"octave-enrich/checkpoint/durable"
	"octave-enrich/cmd/octave-enrich/console"
	"octave-enrich/cmd/octave-enrich/exit"

	"octave-enrich/pipeline"
	"octave-enrich/pipeline/report"
	"octave-enrich/reader"
)

// clean removes what a report left that was killed while it was written.
func (e *erasure) clean() error {
	var errs []error
	for _, page := range e.files.pages {
		errs = append(errs, durable.Remove(durable.OS{}, durable.DraftName(page)))
	}
	return errors.Join(errs...)
}

// beside finds the pages that the checkpoint knows or that stand in its folder, and
// the other checkpoints there.
func (e *erasure) beside(path string) (pages, checkpoints []string) {
	pages = slices.Clone(e.files.pages)
	dir, self := filepath.Dir(resolved(path)), identify(path)
	for _, name := range glob(dir, "*.html") {
		if mayReplacePage(name) == nil { // a page of ours
			pages = appendNew(pages, name)
		}
	}
	for _, name := range glob(dir, "*.checkpoint") {
		if !identify(name).is(self, foldsCase) {
			checkpoints = append(checkpoints, name)
		}
	}
	return pages, checkpoints
}

func glob(dir, pattern string) (found []string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil // the files that are known are named all the same
	}
	for _, entry := range entries {
		if ok, _ := filepath.Match(pattern, entry.Name()); ok && !entry.IsDir() {
			found = append(found, filepath.Join(dir, entry.Name()))
		}
	}
	return found
}

// holdsPage says whether a report page has the person in it.
func (e *erasure) holdsPage(path string) (bool, error) {
	page, err := os.ReadFile(path)
	if err != nil || len(page) == 0 {
		return false, err
	}
	data, err := report.Data(page)
	if err != nil {
		return false, err
	}
	hasID := slices.ContainsFunc(e.ids, func(id string) bool { return bytes.Contains(data, fmt.Appendf(nil, "%q", id)) })
	return hasID || e.inText(data), nil
}

// holdsCheckpoint says whether another checkpoint has the person in it.
func (e *erasure) holdsCheckpoint(path string) (bool, error) {
	for entry, err := range checkpoint.Records(path, nil) {
		if err != nil {
			return false, err
		}
		if e.about(entry.Record) || entry.Key != (checkpoint.Key{}) && e.inText(entry.Body) {
			return true, nil
		}
	}
	return false, nil
}

// nobody is the error of an erasure that found none: most likely a typing error. The
// nearest address is said to a person alone; a log gets its row.
func (a *app) nobody(path string, e *erasure) error {
	end := &exit.Error{Code: exit.RowsFailed, Err: fmt.Errorf("%s holds nobody of that name", path)}
	nearest, row := "", 0
	for entry, err := range checkpoint.Records(path, nil) {
		if err != nil || len(e.emails) == 0 {
			break
		}
		var request struct{ Email string }
		body, err := pipeline.ReadFailure(entry.Record) // an answer has its request and row, too
		if err != nil || json.Unmarshal(body.Request, &request) != nil || request.Email == "" {
			continue
		}
		if near := reader.Nearest(e.emails[0], []string{nearest, request.Email}); near == request.Email && near != nearest {
			nearest, row = near, body.Row
		}
	}
	switch {
	case nearest == "":
	case console.IsTerminal(a.stderr):
		end.Hint = fmt.Sprintf("the nearest address is %s", nearest)
	case row > 0:
		end.Hint = fmt.Sprintf("the nearest address is in row %d of the list", row)
	}
	return end
}
