// Package marks is what a run is to ask again: whom a person names, and what is
// written down about them.
package marks

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"octave-enrich/checkpoint"
	"octave-enrich/cmd/octave-enrich/checkpoints"
	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/cmd/octave-enrich/paths"
	"octave-enrich/pipeline"
	"octave-enrich/pipeline/review"
)

// Marker lets the page of a review mark contacts as redo does. Each call reads the
// list anew: a run may have gone on since.
func Marker(path string, stdin io.Reader) review.Marker {
	return func(again review.MarkRequest) (review.MarkReply, error) {
		journal, err := openToMark(path, len(again.Keys) > 0)
		if err != nil {
			return review.MarkReply{}, err
		}
		marks, err := markAgain(journal, path, stdin, again)
		return marks, errors.Join(err, journal.Close())
	}
}

// openToMark holds the checkpoint no longer than a mark takes: a run that begins
// meanwhile is refused.
func openToMark(path string, write bool) (*checkpoint.Journal, error) {
	journal, err := checkpoint.Open(path, checkpoint.Options{ReadOnly: !write})
	switch {
	case errors.Is(err, checkpoint.ErrLocked):
		return nil, errors.New("a run is going on; mark contacts when it has ended")
	case err != nil:
		return nil, exit.CheckpointError(path, err)
	}
	return journal, nil
}

func markAgain(journal *checkpoint.Journal, path string, stdin io.Reader, again review.MarkRequest) (review.MarkReply, error) {
	o := &options.Options{}
	all, err := open(o, journal, path, path, stdin)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("the list of the last run is not there any more: %w", err)
	}
	if err != nil {
		return review.MarkReply{}, err
	}
	defer all.list.Input.Close()
	results, err := all.markAnswers(again)
	if err != nil {
		return review.MarkReply{}, err
	}
	if err := all.recall(o); err != nil { // the marks that there are now
		return review.MarkReply{}, err
	}
	marks, err := all.open()
	marks.Results = results
	return marks, err
}

// markAnswers marks the contacts that have these answers.
func (m *marks) markAnswers(again review.MarkRequest) ([]review.MarkResult, error) {
	if len(again.Keys) == 0 {
		return nil, nil
	}
	r := &Whom{With: strings.TrimSpace(again.With), Undo: again.Undo}
	tally := newTally(r)
	became := map[checkpoint.Key]string{}
	for _, key := range again.Keys {
		became[key] = ""
	}
	for s, err := range m.states() {
		if err != nil {
			return nil, exit.InputError(err)
		}
		keys := s.Answers(m.memory)
		meant := slices.DeleteFunc(slices.Clone(keys), func(key checkpoint.Key) bool { _, is := became[key]; return !is })
		if len(meant) == 0 {
			continue
		}
		outcome := tally.add(m.memory, s)
		for _, key := range meant {
			became[key] = outcome
		}
	}
	if err := m.write(tally.Body); err != nil {
		return nil, err
	}
	results := make([]review.MarkResult, len(again.Keys))
	for i, key := range again.Keys {
		results[i] = review.MarkResult{Key: key, Outcome: became[key]}
		if became[key] == "" {
			results[i].Outcome = review.Refused
			results[i].Problem = fmt.Sprintf("no row of %s has this answer", m.last.Input.Name)
		}
	}
	return results, nil
}

// open says who is marked and has no new answer yet, and what that will cost.
func (m *marks) open() (review.MarkReply, error) {
	marks := review.MarkReply{Marked: map[checkpoint.Key]review.Mark{}, Command: wholeList(m.last.Command)}
	seen := map[checkpoint.Key]bool{}
	for s, err := range m.states() {
		if err != nil {
			return marks, exit.InputError(err)
		}
		if seen[s.Base.Key] || !m.memory.Open(s.Base) {
			continue
		}
		seen[s.Base.Key] = true
		list := m.memory.Redo[s.Base.Key]
		last := list[len(list)-1]
		for _, key := range s.Answers(m.memory) {
			marks.Marked[key] = review.Mark{With: last.With, At: last.At}
		}
	}
	marks.Calls = len(seen)
	ledger, err := checkpoints.ReadLedger(m.path)
	if err != nil {
		return marks, err
	}
	if each, known := ledger.PerAnswer(); known {
		all := each.Mul(marks.Calls)
		marks.UsagePerCall, marks.Usage = &each, &all
	}
	return marks, nil
}

// inputsOf are the inputs of a run, of which its record has the names in one line.
func inputsOf(run pipeline.RunBody) []string {
	if paths.Exists(run.Input.Name) {
		return []string{run.Input.Name}
	}
	return strings.Split(run.Input.Name, ", ")
}
