// Package outputs is the files that a command leaves: what may be replaced, what is
// noted in the checkpoint of what was written, and the rows written once more from
// it.
package outputs

import (
	"fmt"
	"io"

	"octave-enrich/checkpoint"
	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/lists"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/cmd/octave-enrich/paths"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/pipeline"
	"octave-enrich/pipeline/review"
	"octave-enrich/writer"
)

// An Approval narrows an export to what was approved, and remembers what of that
// was held.
type Approval struct {
	book   *review.Book
	sender bool // a preset, whose file of held rows takes those of here, too
	held   []pipeline.RowDone
}

// OnlyApproved makes the memory know nothing but what was approved of the words
// that the rows of the list show.
func OnlyApproved(o *options.Options, list *lists.List, memory *pipeline.Memory, path string) (*Approval, error) {
	if !paths.Exists(review.Path(path)) {
		return nil, &exit.Error{Code: exit.Usage, Err: fmt.Errorf("%s was not reviewed yet, so nothing is approved", path),
			Hint: "review it with: " + words.Tool + " review " + words.Quote(path)}
	}
	book, err := review.Read(path)
	if err != nil {
		return nil, ReviewError(path, err)
	}
	approved := review.ApprovedOnly(memory.Journal, book)
	for s, err := range pipeline.ContactStates(list.Input.Contacts(), list.Selection(memory)) {
		if err != nil {
			return nil, exit.InputError(err)
		}
		approved.Present(s.Current.Key, s.Answers(memory))
	}
	memory.Journal, memory.ExcludeFailures = approved, false
	if err := changedSince(list, memory, approved, book, path); err != nil {
		return nil, err
	}
	return &Approval{book: book, sender: o.Output.Preset != "generic"}, nil
}

// changedSince finds the contacts of whom another question was approved, which the
// list does not ask any more: for a new company, or another job title.
func changedSince(list *lists.List, memory *pipeline.Memory, approved *review.Approvals, book *review.Book, path string) error {
	earlier := pipeline.Known{Answers: book.Count(review.Approved), Records: func(yield func(checkpoint.Entry, error) bool) {
		for entry, err := range checkpoint.Records(path, nil) {
			if (err != nil || book.IsApproved(entry.Key)) && !yield(entry, err) {
				return
			}
		}
	}}
	_, changes, err := pipeline.Survey(list.Input.Contacts(), list.Selection(memory), &earlier)
	if err != nil {
		return exit.RunError(path, err)
	}
	for question := range changes.Earlier {
		if _, kept := memory.Earlier[question]; !kept { // else the earlier words are those of the row
			approved.Before(question)
		}
	}
	return nil
}

// Observer notes the rows that are held, and tells others that nobody was asked
// about them: their answers are there, and no failures.
func (a *Approval) Observer(next pipeline.Observer) pipeline.Observer {
	return func(e pipeline.Event) {
		if row, ok := e.(pipeline.RowDone); ok && row.Status == pipeline.StatusFailed {
			a.held = append(a.held, row)
			row.Status = pipeline.StatusNotAttempted
			e = row
		}
		next(e)
	}
}

// Sink leaves out what was not approved.
func (a *Approval) Sink(to writer.Sink) writer.Sink { return &approvedSink{to, a} }

// An approvedSink leaves out what was not approved.
type approvedSink struct {
	writer.Sink
	*Approval
}

// Write implements writer.Sink.
func (s *approvedSink) Write(row writer.Row) error {
	switch {
	case row.Status == pipeline.StatusFailed && s.sender:
		row.Status = pipeline.StatusOK // it has an answer; the error says why it is held
	case row.Status != pipeline.StatusOK:
		return nil
	}
	return s.Sink.Write(row)
}

// mostHeld is how many held rows are named one by one.
const mostHeld = 10

// Tell says what was taken and what was held, and why.
func (a *Approval) Tell(to io.Writer, output writer.Output, rows pipeline.Counts) error {
	fmt.Fprintf(to, "%d of %s approved\n", rows.OK, words.Count(rows.Total(), "row"))
	for i, row := range a.held {
		if i == mostHeld {
			fmt.Fprintf(to, "and %s more\n", words.Count(len(a.held)-i, "held row"))
			break
		}
		fmt.Fprintf(to, "held: %s: %v\n", row.Place(), row.Err)
	}
	// Whom an earlier file held, that one brought to the sender: a quiet night.
	if approved := a.book.Count(review.Approved); output.Rows == 0 && output.LeftOut == 0 && approved > 0 {
		return &exit.Error{Code: exit.RowsFailed, Err: fmt.Errorf("%s approved, and %s holds none of them", words.Count(approved, "sequence"), output.Path),
			Hint: "they are held, or this list with these settings does not ask for them"}
	}
	return nil
}
