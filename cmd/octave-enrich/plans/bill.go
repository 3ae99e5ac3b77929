// Package plans is what a run would do, cost and take, before anything is paid:
// counted, priced and said.
package plans

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"octave-enrich/checkpoint"
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
	// Sample is what of the list is asked; nil for all of it.
	Sample *pipeline.Sample
}

// Take surveys a list, and decides what becomes of contacts whose question changed, and
// which ones a sample takes: the memory of the selection, and the survey, know it from then on.
func Take(o *options.Options, list *lists.List, journal *checkpoint.Journal, selection pipeline.Selection, known *pipeline.Known) (s Survey, err error) {
	if s.Plan, s.Changes, err = pipeline.Survey(list.Input.Contacts(), selection, known); err != nil {
		return s, err
	}
	if len(s.Earlier) > 0 {
		// All of them count: a limit would make many look like few, night by night.
		s.Undecided = o.Budget.Changed == "" && s.Contacts > fewChanged
		if s.Changed = cmp.Or(o.Budget.Changed, options.ChangedRedo); s.Undecided {
			s.Changed = options.ChangedKeep
		}
		selection.Memory.Earlier, selection.Memory.KeepChanged = s.Earlier, s.Changed == options.ChangedKeep
	}
	if s.Sample, err = lists.Sampled(o, list, journal, selection, s.Changed); err != nil {
		return s, err
	}
	selection.Sample = s.Sample
	switch {
	case selection.Limit > 0 && selection.Memory != nil && (s.Changed == options.ChangedRedo || selection.Memory.MaxAge > 0):
		fresh, _, err := pipeline.Survey(list.Input.Contacts(), selection, nil)
		if err != nil {
			return s, err
		}
		selection.Memory.ChangedRoom = selection.Limit - fresh.ToAsk
	case s.Sample == nil && s.Changed != options.ChangedKeep:
		return s, nil
	}
	s.Plan, _, err = pipeline.Survey(list.Input.Contacts(), selection, nil)
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
	case s.ChangedBeyond == 0:
		text += " (the changed ones are among those to ask)"
	case s.Contacts-s.ChangedBeyond == 1:
		text += " (1 of the changed ones is among those to ask)"
	default:
		text += fmt.Sprintf(" (%s of the changed ones are among those to ask)", words.Thousands(s.Contacts-s.ChangedBeyond))
	}
	return text
}

// Again says who is asked again though there is an answer, or was one.
func Again(p pipeline.Plan) []string {
	return slices.Concat(words.Some(p.Marked, "to ask again: marked by redo"), words.Some(p.Aged, "to ask again: answered before, longer ago than --max-age"))
}

// AsksAgain says whether people are asked who had an answer before.
func (s Survey) AsksAgain() bool {
	return s.Marked+s.Aged > 0 || s.Changed == options.ChangedRedo && s.Contacts > s.ChangedBeyond
}

// Unpriced says that nobody knows what the calls cost, as the service is left to choose who
// writes; "" when it is not, or costs nothing.
func (s Survey) Unpriced(o *options.Options) string {
	if s.Agentless == 0 || o.Service.Sandbox {
		return ""
	}
	return "what the calls cost is not known, as " + noAgent
}

// hint says what a run does with contacts whose question changed.
func (s Survey) hint(told bool) string {
	switch {
	case s.Undecided:
		return "a run keeps it, unless --changed redo is given, and ends with 9"
	case s.Changed == options.ChangedKeep:
		return "a run keeps it"
	case s.ChangedBeyond > 0:
		return fmt.Sprintf("a run asks %s of them again", words.Thousands(s.Contacts-s.ChangedBeyond))
	case told:
		return "a run asks them again"
	}
	return "a run asks them again, unless --changed keep is given"
}
