package writer

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
)

// A Rule knows what must not reach a person: it judges the texts of a preset before the sender has them. An empty flaw is
// none.
type Rule interface {
	// Format says how a body is written: "html", "markdown" or "text". outputType is what the service called it, as JSON.
	Format(body string, outputType json.RawMessage) string
	// Flaws are those of a message as it was written; first is the first of its sequence.
	Flaws(subject, body string, first bool, format string) (inSubject, inBody string)
	// Flaw is that of any other cell.
	Flaw(cell string) string
}

// A judge decides which rows a sender may have. What a sender cannot take back, a blank message, a merge tag read as
// text, the same person twice, is held back instead.
type judge struct {
	rule   Rule
	header []string // person, then messages, then kept columns
	person int      // cells of the person
	email  int      // where the address is among them
	emails int      // messages that every row must have
	seen   map[address]bool
}

// An address is the hash of an email address: a million of them fit in little memory.
type address [16]byte

// A reason says why a row is held back.
type reason struct {
	kind string // to count by
	text string // for the person who reads the row
}

func newJudge(p *preset, rule Rule, emails int, kept []string) *judge {
	j := &judge{
		rule: rule, header: p.header(emails, kept), person: len(p.person), emails: emails,
		seen: map[address]bool{},
	}
	for i, name := range j.header[:j.person] {
		if strings.EqualFold(name, "email") {
			j.email = i
		}
	}
	return j
}

// A candidate is a row that a sender may get.
type candidate struct {
	status, failure string
	person          []string
	messages        []judged
	kept            []string
}

// A judged message is what the sender would get, and what was wrong with what was written.
type judged struct{ subject, body, inSubject, inBody string }

// hold returns why the row must not be sent, or the zero reason.
func (j *judge) hold(c candidate) reason {
	switch {
	case c.status == StatusExcluded && c.failure != "":
		why, _, _ := strings.Cut(c.failure, ":") // behind it stands which entry or column it was
		return reason{why, c.failure}
	case c.status != StatusOK && c.failure != "":
		return reason{c.status, c.failure}
	case c.status != StatusOK:
		return reason{c.status, c.status}
	case c.person[j.email] == "":
		return reason{"no email address", "no email address"}
	case len(c.messages) < j.emails:
		return reason{"sequence too short", fmt.Sprintf("%d of %d messages", len(c.messages), j.emails)}
	}
	if why := j.flaw(c); why != (reason{}) {
		return why
	}
	return j.again(c.person[j.email])
}

// flaw is what is wrong with a text, in the order of the columns.
func (j *judge) flaw(c candidate) reason {
	var flaws []string
	for _, cell := range c.person {
		flaws = append(flaws, j.rule.Flaw(cell))
	}
	for _, m := range c.messages[:j.emails] {
		flaws = append(flaws, m.inSubject, m.inBody)
	}
	for _, cell := range c.kept {
		flaws = append(flaws, j.rule.Flaw(cell))
	}
	for i, flaw := range flaws {
		if flaw != "" {
			return reason{flaw, flaw + " in " + j.header[i]}
		}
	}
	return reason{}
}

// again remembers the address of a row that is sent.
func (j *judge) again(email string) reason {
	sum := sha256.Sum256([]byte(strings.ToLower(strings.TrimSpace(email))))
	key := address(sum[:16])
	if j.seen[key] {
		return reason{"duplicate address", "duplicate address"}
	}
	j.seen[key] = true
	return reason{}
}
