// Package plans is what a run would do, cost and take, before anything is paid:
// counted, priced and said.
package plans

import (
	"fmt"
	"strings"

	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/pipeline"
)

// FewChanged is how many of them a run asks again without being told to.
const FewChanged = 10

// Bill is the list in numbers: what is new, known, changed.
func Bill(plan pipeline.Plan, changes pipeline.Changes, keep bool, beyond string) string {
	changed := changes.Contacts
	parts := []string{fmt.Sprintf("%s to ask", words.Thousands(plan.ToAsk))}
	if keep {
		parts[0] = fmt.Sprintf("%s to ask", words.Thousands(plan.ToAsk-changed))
	}
	for _, part := range []struct {
		n    int
		what string
	}{
		{changed, "changed"}, {plan.Submitted, "submitted and waiting"}, {plan.Answered, "known"}, {plan.Duplicates, "duplicate"}, {plan.LeftAlone, "failed and left alone"},
		{plan.BeyondLimit, "beyond " + beyond}, {plan.Excluded, "excluded"}, {unusable(plan), "unusable"},
	} {
		if part.n > 0 {
			parts = append(parts, words.Thousands(part.n)+" "+part.what)
		}
	}
	text := words.Count(plan.Rows, "row") + ": " + strings.Join(parts, ", ")
	switch {
	case changed == 0:
	case keep:
		text += "; the changed ones keep their old answers"
	default:
		text += " (the changed ones are among those to ask)"
	}
	return text
}

func unusable(plan pipeline.Plan) (n int) {
	for _, rows := range plan.Invalid {
		n += rows
	}
	return n
}

// changedHint says what a run does with so many changed contacts.
func changedHint(contacts int) string {
	if contacts > FewChanged {
		return "a run keeps it, unless --changed redo is given, and ends with 9"
	}
	return "a run asks them again, unless --changed keep is given"
}
