package pipeline

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"octave-enrich/checkpoint"
)

// LastAgent is what an agent was when it was noted last; the zero value when it
// never was.
func LastAgent(records []checkpoint.Record, oid string) AgentBody {
	last, _, _ := lastOf(records, Described, func(b AgentBody) bool { return b.OID == oid })
	return last
}

// changes says what is different about an agent now, "" for nothing that both know.
func (a AgentBody) changes(now AgentBody) string {
	var parts []string
	if a.Name != now.Name {
		parts = append(parts, fmt.Sprintf("%q -> %q", a.Name, now.Name))
	}
	if a.Steps != now.Steps && a.Steps > 0 && now.Steps > 0 {
		parts = append(parts, fmt.Sprintf("%d -> %d steps", a.Steps, now.Steps))
	}
	return strings.Join(parts, ", ")
}

// An Edit is what became of an agent after it had given answers that are the last
// ones still.
type Edit struct {
	Agent   AgentBody `json:"agent"`   // as it is now
	What    string    `json:"what"`    // is different: 3 -> 4 steps
	Answers int       `json:"answers"` // from before
}

// Edits finds the answers that agents gave before they were edited, as far as that
// was noted. It reads the journal when an agent was described twice.
func Edits(records []checkpoint.Record, journal iter.Seq2[checkpoint.Entry, error]) ([]Edit, error) {
	seen := map[string][]description{}
	var agents []string // in the order in which they were described first
	edited := false
	for _, rec := range records {
		if body, ok := bodyOf[AgentBody](rec, Described); ok {
			if len(seen[body.OID]) == 0 {
				agents = append(agents, body.OID)
			}
			seen[body.OID] = append(seen[body.OID], description{body, rec.At})
			edited = edited || len(seen[body.OID]) > 1
		}
	}
	if !edited {
		return nil, nil
	}
	last, err := answerers(journal, seen)
	if err != nil {
		return nil, err
	}
	counts := map[AgentBody]int{}
	for _, by := range last {
		counts[by]++
	}
	var list []Edit
	for _, oid := range agents {
		list = append(list, editsOf(seen[oid], counts)...)
	}
	return list, nil
}

// A description is what an agent was from a moment on.
type description struct {
	AgentBody
	at time.Time
}

// answerers are the agents of the last answers as they were when they gave them, but
// for answers from before the agent was first described.
func answerers(journal iter.Seq2[checkpoint.Entry, error], seen map[string][]description) (map[checkpoint.Key]AgentBody, error) {
	last := map[checkpoint.Key]AgentBody{}
	for rec, err := range answersIn(journal) {
		if err != nil {
			return nil, err
		}
		request, ok := ReadRequest(rec.Body)
		if !ok {
			continue
		}
		if replaces := ReadFacts(rec).Replaces; replaces != nil {
			delete(last, *replaces)
		}
		delete(last, rec.Key)
		for _, then := range slices.Backward(seen[request.AgentOID+request.ExperimentOID]) {
			if !rec.At.Before(then.at) {
				last[rec.Key] = then.AgentBody
				break
			}
		}
	}
	return last, nil
}

// editsOf lists what the answers of one agent were given by that it is no more.
func editsOf(all []description, counts map[AgentBody]int) (list []Edit) {
	now := all[len(all)-1].AgentBody
	told := map[AgentBody]bool{}
	for _, then := range all {
		if what := then.changes(now); what != "" && counts[then.AgentBody] > 0 && !told[then.AgentBody] {
			told[then.AgentBody] = true
			list = append(list, Edit{now, what, counts[then.AgentBody]})
		}
	}
	return list
}
