package outputs

import (
	"slices"
	"strings"

	"octave-enrich/checkpoint"
	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/lists"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/pipeline"
	"octave-enrich/pipeline/review"
)

// Unused says what was decided in a review about the answers that the rows show, for
// an output that does not follow it: a person would get words that were rejected. It
// is "" when nothing was decided. A file that is whole is not lost for it: what is wrong
// with the review, or with the list by now, is said in its place.
func Unused(list *lists.List, memory *pipeline.Memory, path string) string {
	text, err := unused(list, memory, path)
	if err != nil {
		return "it is not known whether the file follows the review: " + err.Error()
	}
	return text
}

func unused(list *lists.List, memory *pipeline.Memory, path string) (string, error) {
	book, err := review.Read(path)
	if err != nil {
		return "", ReviewError(path, err)
	}
	if !book.Decided() {
		return "", nil
	}
	var approved, rejected, edited int
	seen := map[checkpoint.Key]bool{}
	for s, err := range pipeline.ContactStates(list.Input.Contacts(), list.Selection(memory)) {
		if err != nil {
			return "", exit.InputError(err)
		}
		answers := s.Answers(memory)
		if len(answers) == 0 || seen[answers[0]] {
			continue
		}
		seen[answers[0]] = true
		d, err := book.About(memory.Journal, answers[0])
		switch {
		case err != nil:
			return "", exit.RunError(path, err)
		case d.State == review.Rejected:
			rejected++
		case d.Emails != nil:
			edited++
		case d.State == review.Approved:
			approved++
		}
	}
	parts := slices.Concat(words.Some(approved, "approved"), words.Some(rejected, "rejected"), words.Some(edited, "edited"))
	if len(parts) == 0 {
		return "", nil
	}
	return strings.Join(parts, ", ") + " in review: not used; export --approved leaves out and writes what was decided", nil
}
