package outputs

import (
	"errors"
	"fmt"
	"io"
	"os"

	"octave-enrich/checkpoint"
	"octave-enrich/checkpoint/durable"
	"octave-enrich/cmd/octave-enrich/checkpoints"
	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/paths"
	"octave-enrich/pipeline"
	"octave-enrich/pipeline/report"
	"octave-enrich/pipeline/review"
)

// RecordPage remembers a page like an output: it holds every email.
func RecordPage(journal *checkpoint.Journal, path, output string) error {
	return checkpoints.Append(journal, path, checkpoint.Output, pipeline.OutputBody{Path: durable.Resolved(output), Page: true})
}

// MayReplacePage lets a page be replaced by a newer one, and nothing else.
func MayReplacePage(output string) error {
	ours, err := report.IsPage(output)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return exit.OutputError(err)
	case !ours:
		return &exit.Error{Code: exit.Output, Err: fmt.Errorf("%s exists and is not a report", output), Hint: "choose another file, or move it away"}
	}
	return nil
}

// WritePage writes the page in full before it takes the name: somebody may be
// reading the last one.
func WritePage(path, output string, opt report.Options) error {
	return exit.CheckpointError(path, durable.Replace(durable.OS{}, output, durable.Private, func(w io.Writer) error {
		return report.Write(w, path, opt)
	}))
}

// ReviewError gives errors of the journal of decisions their codes; nil stays nil.
func ReviewError(path string, err error) error {
	if errors.Is(err, checkpoint.ErrLocked) {
		return &exit.Error{Code: exit.Locked, Err: fmt.Errorf("a review of %s is open already", path),
			Hint: "its address stands where it was started; end it there with Ctrl-C"}
	}
	return exit.CheckpointError(review.Path(path), err)
}

// PageOptions are the same for every page of a checkpoint: the rows of the list are
// on it, and what was decided when there was a review.
func PageOptions(path string) (report.Options, error) {
	list, err := report.ReadList(path)
	if err != nil {
		return report.Options{}, exit.CheckpointError(path, err)
	}
	if !paths.Exists(review.Path(path)) {
		return report.Options{List: list}, nil
	}
	book, err := review.Read(path)
	if err != nil {
		return report.Options{}, ReviewError(path, err)
	}
	return report.Options{Decide: book.Decision, List: list}, nil
}
