package writer

import (
	"crypto/sha256"
	"fmt"
	"regexp"
	"strings"
)

// A judge decides which rows a sender may have. What a sender cannot take back, a blank message, a merge tag read as
// text, the same person twice, is held back instead.
type judge struct {
	header []string // person, then messages
	person int      // cells of the person
	email  int      // where the address is among them
	emails int      // messages that every row must have
	seen   map[address]bool

	spintax, placeholder *regexp.Regexp
}

// An address is the hash of an email address: a million of them fit in little memory.
type address [16]byte

// A reason says why a row is held back.
type reason struct {
	kind string // to count by
	text string // for the person who reads the row
}

func newJudge(p *preset, emails int) *judge {
	j := &judge{
		header: p.header(emails, nil), person: len(p.person), emails: emails,
		seen:    map[address]bool{},
		spintax: regexp.MustCompile(`\{[^{}]*\|[^{}]*\}`),
		// [First Name] or {first_name}; neither a footnote such as [1] nor a link such as [here](https://...).
		placeholder: regexp.MustCompile(`\[\p{L}[\p{L}\p{N} _'’./-]{0,39}\](?:[^(]|$)|\{\p{L}[\p{L}\p{N} _.-]{0,39}\}`),
	}
	for i, name := range j.header[:j.person] {
		if strings.EqualFold(name, "email") {
			j.email = i
		}
	}
	return j
}

// hold returns why the row must not be sent, or the zero reason. cells are those of the person and of the messages.
func (j *judge) hold(status, failure string, cells []string) reason {
	messages := cells[j.person:]
	switch {
	case status != StatusOK && failure != "":
		return reason{status, failure}
	case status != StatusOK:
		return reason{status, status}
	case cells[j.email] == "":
		return reason{"no email address", "no email address"}
	case len(messages) < 2*j.emails:
		return reason{"sequence too short", fmt.Sprintf("%d of %d messages", len(messages)/2, j.emails)}
	}
	for i, cell := range cells {
		if flaw := j.flaw(i, cell); flaw != "" {
			return reason{flaw, flaw + " in " + j.header[i]}
		}
	}
	return j.again(cells[j.email])
}

// flaw names what is wrong with the cell in column i.
func (j *judge) flaw(i int, cell string) string {
	generated := i >= j.person
	switch body := generated && (i-j.person)%2 == 1; {
	case body && strings.TrimSpace(cell) == "":
		return "empty body"
	case i == j.person && strings.TrimSpace(cell) == "": // later ones are replies in the same thread
		return "empty subject"
	case strings.HasPrefix(strings.TrimSpace(cell), "="):
		return "leading ="
	case !strings.ContainsAny(cell, "{["):
		return ""
	case strings.Contains(cell, "{{"), strings.Contains(cell, "{%"):
		return "merge tag"
	case j.spintax.MatchString(cell):
		return "spintax"
	case generated && j.placeholder.MatchString(cell): // a company may well be called [so]
		return "placeholder"
	}
	return ""
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
