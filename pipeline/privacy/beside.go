package privacy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"octave-enrich/checkpoint"
	"octave-enrich/checkpoint/durable"
	"octave-enrich/pipeline"
	"octave-enrich/pipeline/report"
	"octave-enrich/pipeline/review"
	"octave-enrich/reader"
)

// A Holder is a file that still holds the person.
type Holder struct {
	Path string
	Err  error // why that is not known; nil when it does
}

// Holders are the files that still hold the person: outputs of the checkpoint, pages
// and checkpoints in its folder with the decisions about them.
func (e *Erasure) Holders(path string) iter.Seq[Holder] {
	pages, checkpoints := e.beside(path)
	return func(yield func(Holder) bool) {
		for _, kind := range []struct {
			files []string
			holds func(string) (bool, error)
		}{{e.Files.Outputs, e.holds}, {pages, e.holdsPage}, {checkpoints, e.holdsCheckpoint}} {
			for _, file := range kind.files {
				holds, err := kind.holds(file)
				if errors.Is(err, fs.ErrNotExist) || err == nil && !holds {
					continue
				}
				if !yield(Holder{file, err}) {
					return
				}
			}
		}
	}
}

// Nearest is the address in the checkpoint that is spelled most like the one that
// was looked for, most likely a typing error, and its row of the list; "" for none.
func (e *Erasure) Nearest(path string) (address string, row int) {
	for entry, err := range checkpoint.Records(path, nil) {
		if err != nil || len(e.emails) == 0 {
			break
		}
		var request struct{ Email string }
		body, err := pipeline.ReadFailure(entry.Record) // an answer has its request and row, too
		if err != nil || json.Unmarshal(body.Request, &request) != nil || request.Email == "" {
			continue
		}
		if near := reader.Nearest(e.emails[0], []string{address, request.Email}); near == request.Email && near != address {
			address, row = near, body.Row
		}
	}
	return address, row
}

// clean removes what a report left that was killed while it was written.
func (e *Erasure) clean() error {
	var errs []error
	for _, page := range e.Files.Pages {
		errs = append(errs, durable.Remove(durable.OS{}, durable.DraftName(page)))
	}
	return errors.Join(errs...)
}

// beside finds the pages that the checkpoint knows or that stand in its folder, and
// the other checkpoints there.
func (e *Erasure) beside(path string) (pages, checkpoints []string) {
	pages = slices.Clone(e.Files.Pages)
	dir, self := filepath.Dir(durable.Resolved(path)), durable.Locate(path)
	for _, name := range glob(dir, "*.html") {
		if ours, err := report.IsPage(name); err == nil && ours {
			pages = appendNew(pages, name)
		}
	}
	decisions := durable.Locate(review.Path(path))
	for _, name := range glob(dir, "*") {
		if at := durable.Locate(name); at.Same(self) || at.Same(decisions) {
			continue
		}
		if filepath.Ext(name) == ".checkpoint" || isCheckpoint(name) { // a damaged one is to be looked at, too
			checkpoints = append(checkpoints, name)
		}
	}
	return pages, checkpoints
}

// isCheckpoint says whether a file begins as checkpoints and reviews do. Reading from
// a pipe or a device could take for ever.
func isCheckpoint(path string) bool {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return false
	}
	_, err = checkpoint.ReadHeader(path, nil)
	return err == nil
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
func (e *Erasure) holdsPage(path string) (bool, error) {
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

// holdsCheckpoint says whether another checkpoint has the person in it, or decisions
// about one, which know questions by their keys alone.
func (e *Erasure) holdsCheckpoint(path string) (bool, error) {
	keys := e.keys
	if reviewed, is := strings.CutSuffix(path, review.Path("")); is && isCheckpoint(reviewed) {
		var err error
		if keys, err = e.keysIn(reviewed); err != nil {
			return false, err
		}
	}
	for entry, err := range checkpoint.Records(path, nil) {
		if err != nil {
			return false, err
		}
		if keys[entry.Key] || e.about(entry.Record) || entry.Key != (checkpoint.Key{}) && e.inText(entry.Body) {
			return true, nil
		}
	}
	return false, nil
}

// keysIn are the questions about the person in another checkpoint, and in this one.
func (e *Erasure) keysIn(path string) (map[checkpoint.Key]bool, error) {
	keys := maps.Clone(e.keys)
	for entry, err := range checkpoint.Records(path, nil) {
		if err != nil {
			return nil, err
		}
		if e.about(entry.Record) {
			keys[entry.Key] = true
		}
	}
	return keys, nil
}
