package writer

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
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
	*layout
	rule     Rule
	tag, own *regexp.Regexp // tags of the sender, and those that are wanted; nil for none
	email    int            // where the address is among the cells of the person
	id       int            // where the record id is; -1 for senders that have none
	needs    []int          // cells of the person that must not be empty

	seen, records map[Person]bool // addresses and record ids of the rows that are sent
}

// A Person is the hash of an email address, of a record id, or of a profile with its name: who somebody is. A million of
// them fit in little memory.
type Person [16]byte

// PersonOf hashes an address or a record id, of which neither case nor the space around it matters.
func PersonOf(text string) Person {
	sum := sha256.Sum256([]byte(strings.ToLower(strings.TrimSpace(text))))
	return Person(sum[:len(Person{})])
}

// ProfileOf is what [PersonOf] hashes of a LinkedIn profile, which somebody keeps whose address changes; "" for none.
// Under another name it is somebody else's.
func ProfileOf(profile, firstName, lastName string) string {
	_, slug, _ := strings.Cut(profile, "/in/")
	if slug = strings.Trim(slug, "/"); slug == "" {
		return ""
	}
	return "/in/" + slug + " " + strings.Join(strings.Fields(firstName+" "+lastName), " ")
}

// A reason says why a row is held back.
type reason struct {
	kind string // to count by
	text string // for the person who reads the row
}

func newJudge(l *layout, rule Rule) (*judge, error) {
	j := &judge{layout: l, rule: rule, id: -1, seen: map[Person]bool{}, records: map[Person]bool{}}
	for i, c := range l.Person {
		switch lower := strings.ToLower(c.Name); {
		case lower == "email" || lower == "contact email":
			j.email = i
		case c.Name == recordIDColumn:
			j.id = i
		case slices.Contains(l.Needs, c.Name):
			j.needs = append(j.needs, i)
		}
	}
	var err error
	j.tag, j.own, err = l.patterns()
	return j, err
}

// hold returns why the row must not be sent, or the zero reason.
func (j *judge) hold(c candidate) reason {
	switch {
	case (c.status == StatusExcluded || c.status == StatusOK) && c.failure != "": // an answer with an error is not to be used
		why, _, _ := strings.Cut(c.failure, ":") // behind it stands which entry or column it was
		return reason{why, c.failure}
	case c.status != StatusOK && c.failure != "":
		return reason{c.status, c.failure}
	case c.status != StatusOK:
		return reason{c.status, c.status}
	case c.person[j.email] == "":
		return reason{"no email address", "no email address"}
	case len(c.messages) < len(j.steps):
		return reason{"sequence too short", fmt.Sprintf("%d of %d messages", len(c.messages), len(j.steps))}
	}
	for _, i := range j.needs {
		if strings.TrimSpace(c.person[i]) == "" {
			return reason{"missing name", "no " + j.Person[i].Name + ", which " + j.Title + " needs"}
		}
	}
	for _, judge := range []func(candidate) reason{j.again, j.flaw, j.subjects} {
		if why := judge(c); why != (reason{}) {
			return why
		}
	}
	j.remember(c)
	return reason{}
}

// flaw is what is wrong with a text, in the order of the columns.
func (j *judge) flaw(c candidate) reason {
	for i, cell := range c.person {
		if why := j.cell(j.Person[i].Name, cell); why != (reason{}) {
			return why
		}
	}
	for i, hasSubject := range j.steps {
		m := c.messages[i]
		subject, body := j.message(i + 1)
		if hasSubject {
			if why := j.text(subject.Name, m.subject, m.inSubject); why != (reason{}) {
				return why
			}
		}
		if why := j.text(body.Name, m.body, m.inBody); why != (reason{}) {
			return why
		}
	}
	header := j.header()
	for i, cell := range c.kept {
		if why := j.cell(header[len(header)-len(c.kept)+i], cell); why != (reason{}) {
			return why
		}
	}
	return reason{}
}

func (j *judge) cell(column, cell string) reason {
	return j.text(column, cell, j.rule.Flaw(cell))
}

// text judges what the sender would get under a column; flaw is what the rule says of what was written.
func (j *judge) text(column, text, flaw string) reason {
	switch {
	case flaw != "":
	case j.MaxText > 0 && utf8.RuneCountInString(text) > j.MaxText:
		flaw = "text too long"
	case j.takesForTag(text):
		flaw = "merge tag"
	default:
		return reason{}
	}
	return reason{flaw, flaw + " in " + column}
}

func (j *judge) takesForTag(text string) bool {
	if j.tag == nil {
		return false
	}
	if j.own != nil {
		text = j.own.ReplaceAllLiteralString(text, "x")
	}
	return j.tag.MatchString(text)
}

// subjects holds a row with a second subject where most have none, or the other way round: one template cannot serve
// both. The same for a later subject that has no column; one that is missing is that of a reply. With a thread that was
// asked for there are none.
func (j *judge) subjects(c candidate) reason {
	for i, hasSubject := range j.steps {
		switch has := c.messages[i].subject != ""; {
		case i == 1 && hasSubject && !has:
			return reason{noSecond, noSecond + ", and most have one"}
		case i > 0 && !hasSubject && has && !j.threaded:
			return reason{aSubject, fmt.Sprintf("a subject of message %d, and most have none", i+1)}
		}
	}
	return reason{}
}

// again holds the second row of an address, and another address of a record: the sender would make it the person's own.
func (j *judge) again(c candidate) reason {
	if j.seen[PersonOf(c.person[j.email])] {
		return reason{"duplicate address", "duplicate address"}
	}
	if id := j.recordOf(c); id != "" && j.records[PersonOf(id)] {
		return reason{"another address of the person", "another address for the same " + recordIDColumn}
	}
	return reason{}
}

func (j *judge) remember(c candidate) {
	for i, p := range j.persons(c) {
		if i == 0 {
			j.seen[p] = true
		} else {
			j.records[p] = true
		}
	}
}

// persons are whom the sender knows a row by: its address, and its record id if there is one.
func (j *judge) persons(c candidate) []Person {
	list := []Person{PersonOf(c.person[j.email])}
	if id := j.recordOf(c); id != "" {
		list = append(list, PersonOf(id))
	}
	return list
}

// wasIn says whether somebody is in one of the files that these are from, maybe under another address.
func (j *judge) wasIn(files map[Person]bool, c candidate) bool {
	if len(files) == 0 || c.person[j.email] == "" {
		return false
	}
	return c.profile != "" && files[PersonOf(c.profile)] || slices.ContainsFunc(j.persons(c), func(p Person) bool { return files[p] })
}

func (j *judge) recordOf(c candidate) string {
	if j.id < 0 {
		return ""
	}
	return c.person[j.id]
}
