// Package plans is what a run would do, cost and take, before anything is paid:
// counted, priced and said.
package plans

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"octave-enrich/cmd/octave-enrich/lists"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/pipeline"
)

// fewChanged is how many of them a run asks again without being told to.
const fewChanged = 10

// A Survey is a list in numbers, as a run with the same flags would go through it.
type Survey struct {
	pipeline.Plan
	pipeline.Changes
	// Changed is redo or keep, empty when nobody's question changed.
	Changed string
	// Undecided says that old answers are kept because there are many, and nobody
	// said what to do about them.
	Undecided bool
}

// Take surveys a list, and decides what becomes of contacts whose question changed:
// the memory of the selection knows it from then on.
func Take(o *options.Options, list *lists.List, selection pipeline.Selection, known *pipeline.Known) (s Survey, err error) {
	if s.Plan, s.Changes, err = pipeline.Survey(list.Input.Contacts(), selection, known); err != nil || len(s.Earlier) == 0 {
		return s, err
	}
	s.Undecided = o.Budget.Changed == "" && s.Contacts > fewChanged
	if s.Changed = cmp.Or(o.Budget.Changed, options.ChangedRedo); s.Undecided {
		s.Changed = options.ChangedKeep
	}
	keep := s.Changed == options.ChangedKeep
	if keep && (selection.Limit > 0 || selection.Sample != nil) { // those who keep an answer are no part of a limit
		all := selection
		all.Limit, all.Sample = 0, nil
		if _, s.Changes, err = pipeline.Survey(list.Input.Contacts(), all, known); err != nil {
			return s, err
		}
	}
	selection.Memory.Earlier, selection.Memory.KeepChanged = s.Earlier, keep
	if keep {
		s.Plan, _, err = pipeline.Survey(list.Input.Contacts(), selection, nil)
	}
	return s, err
}

// Bill is the list in numbers: what is new, known, changed.
func (s Survey) Bill(beyond string) string {
	parts := []string{fmt.Sprintf("%s to ask", words.Thousands(s.ToAsk))}
	parts = slices.Concat(parts,
		words.Some(s.Contacts, "changed"), words.Some(s.Submitted, "submitted and waiting"), words.Some(s.Answered, "known"),
		words.Some(s.Duplicates, "duplicate"), words.Some(s.LeftAlone, "failed and left alone"), words.Some(s.BeyondLimit, "beyond "+beyond),
		words.Some(s.Excluded, "excluded"), words.Some(s.Rows-s.Sendable-s.Excluded, "unusable"))
	text := words.Count(s.Rows, "row") + ": " + strings.Join(parts, ", ")
	switch {
	case s.Contacts == 0:
	case s.Changed == options.ChangedKeep:
		text += "; the changed ones keep their old answers"
	default:
		text += " (the changed ones are among those to ask)"
	}
	return text
}

// hint says what a run does with contacts whose question changed.
func (s Survey) hint(told bool) string {
	switch {
	case s.Undecided:
		return "a run keeps it, unless --changed redo is given, and ends with 9"
	case s.Changed == options.ChangedKeep:
		return "a run keeps it"
	case told:
		return "a run asks them again"
	}
	return "a run asks them again, unless --changed keep is given"
}
