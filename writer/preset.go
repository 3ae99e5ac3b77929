package writer

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Presets are the names that Options.Preset takes, beside "generic".
func Presets() (names []string) {
	for _, p := range presets() {
		names = append(names, p.name)
	}
	return names
}

// A preset is the exact header of a sender's import, what goes under it, and what to do with it there.
type preset struct {
	name, title   string
	person        []column
	subject, body string              // names of the columns of a message; # is its step
	first, last   int                 // of numbered fields, two for each message; 0 where # is the step
	breaks        string              // how a body breaks a line, which makes it HTML; empty: bodies are plain text
	replies       bool                // a step is made a reply by its kind, not by a blank subject
	needs         []string            // columns of the person that must not be empty, beside the address
	tag, own      string              // patterns: what else the sender takes for a tag; which of these are wanted
	variable      func(string) string // how a template names a column
	define        *properties         // what must be created there before the import; nil: the import does it

	maxText, maxName, maxColumns, maxRows int // limits of the sender, in characters, columns and rows; 0 is none

	next [3]string
}

// A column is a name and what stands under it.
type column struct {
	name  string
	value func(Recipient) string
}

// properties are the columns of messages where the sender wants to know them before; the types are empty where it has one.
type properties struct{ of, subject, body string }

// Why a row is held for which of its messages have subjects.
const (
	noSecond = "no second subject"
	aSubject = "a subject that most have not"
)

const (
	recordIDColumn = "Record ID" // left out when no row has one
	tagsColumn     = "Tags"      // marks the rows of a file, to enrol them by
)

// presetOf finds a preset by name; "outreach:20" names the first of its numbered fields, too.
func presetOf(name string) (*preset, error) {
	if name == "" || name == "generic" {
		return nil, nil
	}
	name, number, numbered := strings.Cut(name, ":")
	for _, p := range presets() {
		if p.name != strings.ToLower(name) {
			continue
		}
		if !numbered {
			return p, nil
		}
		n, err := strconv.Atoi(number)
		if p.first == 0 || err != nil || n < 1 || n >= p.last {
			return nil, &OptionsError{Msg: "preset " + name + " takes no " + strconv.Quote(number), Hint: "a number behind outreach: is that of the first custom field, 1 to 149"}
		}
		p.first = n
		return p, nil
	}
	hint := "the presets are generic, " + strings.Join(Presets(), ", ")
	if why, known := notPresets()[strings.NewReplacer(" ", "", "-", "", "_", "", ".", "").Replace(strings.ToLower(name))]; known {
		return nil, &OptionsError{Msg: "there is no preset " + strconv.Quote(name) + ": " + why, Hint: hint}
	}
	return nil, &OptionsError{Msg: "there is no preset " + strconv.Quote(name), Hint: hint}
}

func email(r Recipient) string       { return r.Email }
func firstName(r Recipient) string   { return r.FirstName }
func lastName(r Recipient) string    { return r.LastName }
func jobTitle(r Recipient) string    { return r.JobTitle }
func companyName(r Recipient) string { return r.CompanyName }
func linkedIn(r Recipient) string    { return r.LinkedInProfile }
func recordID(r Recipient) string    { return r.CRMContactID }
func domain(r Recipient) string      { return cmp.Or(r.CompanyDomain, r.Website) }
func website(r Recipient) string     { return cmp.Or(r.Website, r.CompanyDomain) }
func bareDomain(r Recipient) string  { return strings.TrimPrefix(domain(r), "www.") }
func nothing(Recipient) string       { return "" }

func braces(name string) string { return "{{" + name + "}}" }
func quoted(name string) string { return strconv.Quote(name) }

func (p *preset) has(name string) bool {
	return slices.ContainsFunc(p.person, func(c column) bool { return c.name == name })
}

// names are the columns of the message at a step, from 1.
func (p *preset) names(step int) (subject, body string) {
	n, m := step, step
	if p.first > 0 {
		n, m = p.first+2*(step-1), p.first+2*(step-1)+1
	}
	return strings.ReplaceAll(p.subject, "#", strconv.Itoa(n)), strings.ReplaceAll(p.body, "#", strconv.Itoa(m))
}

// A layout is the header of one file: which steps it has, and which of them a subject.
type layout struct {
	*preset
	recordIDs bool
	steps     []bool // whether the message has a column for its subject
	kept      []string
	tagged    string // what stands under Tags
	threaded  bool   // later subjects are left out because that was asked for
}

// columns of a person that are in the file.
func (l *layout) persons() (list []column) {
	for _, c := range l.person {
		if c.name != recordIDColumn || l.recordIDs {
			list = append(list, c)
		}
	}
	return list
}

// messages are the names of the columns of all steps.
func (l *layout) messages() (list []string) {
	for i, hasSubject := range l.steps {
		subject, body := l.names(i + 1)
		if hasSubject {
			list = append(list, subject)
		}
		list = append(list, body)
	}
	return list
}

// header is that of the sender, then the kept columns of the input under names that the sender does not use.
func (l *layout) header() (header []string) {
	for _, c := range l.persons() {
		header = append(header, c.name)
	}
	header = append(header, l.messages()...)
	names := newNamer(header)
	for _, name := range l.kept {
		header = append(header, names.unused("input_", name))
	}
	return header
}

// record is a row under that header.
func (l *layout) record(c candidate) (record []string) {
	for i, column := range l.person {
		switch column.name {
		case recordIDColumn:
			if l.recordIDs {
				record = append(record, c.person[i])
			}
		case tagsColumn:
			record = append(record, l.tagged)
		default:
			record = append(record, c.person[i])
		}
	}
	before := ""
	for i, hasSubject := range l.steps {
		m := c.messages[i]
		if hasSubject {
			record = append(record, cmp.Or(m.subject, inReply(before)))
		}
		record = append(record, m.body)
		before = cmp.Or(m.subject, before)
	}
	return append(record, c.kept...)
}

// inReply is the subject of a message in a thread, as mail programs write it.
func inReply(subject string) string {
	if len(subject) > 2 && strings.EqualFold(subject[:3], "re:") {
		return subject
	}
	return "Re: " + subject
}

// inThread counts the messages of a row that get the subject of a reply.
func (l *layout) inThread(c candidate) (n int) {
	for i, hasSubject := range l.steps {
		if hasSubject && c.messages[i].subject == "" {
			n++
		}
	}
	return n
}

// fits refuses what the sender would refuse.
func (l *layout) fits(rows int) error {
	header := l.header()
	if l.first > 0 && l.first+2*len(l.steps)-1 > l.last {
		return &OptionsError{Msg: fmt.Sprintf("%s has no custom field %d", l.title, l.first+2*len(l.steps)-1), Hint: "begin at a lower number, such as --preset outreach:10"}
	}
	if l.maxColumns > 0 && len(header) > l.maxColumns {
		return &OptionsError{Msg: fmt.Sprintf("%s takes %d columns, not %d", l.title, l.maxColumns, len(header)), Hint: "keep fewer with --keep"}
	}
	if l.maxRows > 0 && rows > l.maxRows {
		return &OptionsError{Msg: fmt.Sprintf("%s takes %d rows in a file, not %d", l.title, l.maxRows, rows), Hint: "divide the list"}
	}
	for _, name := range header {
		if l.maxName > 0 && len([]rune(name)) > l.maxName {
			return &OptionsError{Msg: fmt.Sprintf("%s takes names of at most %d characters, and %q is longer", l.title, l.maxName, name), Hint: "leave it out of --keep, or rename it in the input"}
		}
	}
	return nil
}

// tell describes the file for whoever takes it to the sender.
func (l *layout) tell(out *Output, file string) {
	out.Sender = l.title
	out.Columns = l.header()
	if l.define != nil {
		out.Define = "create these " + l.define.of + ": " + strings.Join(l.defined(), ", ")
	}
	if l.recordIDs {
		out.Notes = append(out.Notes, "rows with a Record ID: "+l.title+" makes the address of the file the contact's primary one, also where it knew it as a second one")
	}
	if n := out.Held.Reasons[noSecond] + out.Held.Reasons[aSubject]; n > 0 {
		out.Notes = append(out.Notes, fmt.Sprintf("rows held back for their subjects: %d; --thread takes them all, with the later messages as replies", n))
	}
	if out.Replies > 0 {
		out.Notes = append(out.Notes, fmt.Sprintf("messages after the second that have no subject: %d; they get \"Re: \" and the one before, or no subject at all with --thread", out.Replies))
	}
	columns := l.messages()
	if len(columns) == 0 {
		return
	}
	words := strings.NewReplacer("{file}", file, "{columns}", columns[0]+" to "+columns[len(columns)-1], "{tag}", l.tagged,
		"{steps}", l.tellSteps(), "; {thread}", l.tellThread())
	for _, line := range l.next {
		out.Next = append(out.Next, words.Replace(line))
	}
}

func (l *layout) defined() (list []string) {
	for i, hasSubject := range l.steps {
		subject, body := l.names(i + 1)
		if hasSubject {
			list = append(list, typed(subject, l.define.subject))
		}
		list = append(list, typed(body, l.define.body))
	}
	return list
}

func typed(name, kind string) string {
	if kind == "" {
		return name
	}
	return name + " (" + kind + ")"
}

// tellSteps says what stands in the first two steps, and that the others are alike.
func (l *layout) tellSteps() string {
	var told []string
	for i, hasSubject := range l.steps[:min(2, len(l.steps))] {
		subject, body := l.names(i + 1)
		text := "body " + l.variable(body)
		if hasSubject {
			text = "subject " + l.variable(subject) + ", " + text
		}
		told = append(told, fmt.Sprintf("step %d: %s", i+1, text))
	}
	if n := len(l.steps); n > 2 {
		told = append(told, fmt.Sprintf("and so on to step %d", n))
	}
	return strings.Join(told, "; ")
}

// tellThread says how the later steps become replies, where they have no subjects.
func (l *layout) tellThread() string {
	var blank []string
	for i, hasSubject := range l.steps {
		if !hasSubject {
			blank = append(blank, strconv.Itoa(i+1))
		}
	}
	which := "step " + strings.Join(blank, " and ")
	switch all := len(blank) == len(l.steps)-1; {
	case len(blank) == 0:
		return ""
	case all && l.replies:
		return "; make steps 2 and later replies in the thread"
	case all:
		return "; leave the subject of steps 2 and later blank"
	case l.replies:
		return "; make " + which + " a reply in the thread"
	}
	return "; leave the subject of " + which + " blank"
}

// shapes count the sequences by which of their messages have a subject: "110" is three messages, the last a reply.
type shapes map[string]int

func (s shapes) add(emails []Email) {
	shape := make([]byte, len(emails))
	for i, e := range emails {
		shape[i] = '0'
		if i == 0 || strings.TrimSpace(e.Subject) != "" {
			shape[i] = '1'
		}
	}
	if len(shape) > 0 {
		s[string(shape)]++
	}
}

// steps is the commonest length; of two that are as common the shorter, which holds nobody back.
func (s shapes) steps() (most int) {
	lengths := map[int]int{}
	for shape, n := range s {
		lengths[len(shape)] += n
	}
	for _, steps := range slices.Sorted(maps.Keys(lengths)) {
		if lengths[steps] > lengths[most] {
			most = steps
		}
	}
	return most
}

// subjects say which of the steps have a column for one: the second when most of the sequences have one that are long
// enough, and all after it then; else the later ones when most have one of those that have no second.
func (s shapes) subjects(steps int, thread bool) []bool {
	subjects := make([]bool, steps)
	alike := maps.Clone(s)
	maps.DeleteFunc(alike, func(shape string, _ int) bool { return len(shape) < steps })
	for i := range subjects {
		with, without := 0, 0
		for shape, n := range alike {
			if shape[i] == '1' {
				with += n
			} else {
				without += n
			}
		}
		subjects[i] = i == 0 || !thread && (i > 1 && subjects[1] || with >= without)
		if i == 1 {
			maps.DeleteFunc(alike, func(shape string, _ int) bool { return (shape[1] == '1') != subjects[1] })
		}
	}
	return subjects
}

// patterns of a preset, compiled.
func (p *preset) patterns() (tag, own *regexp.Regexp, err error) {
	if p.tag != "" {
		if tag, err = regexp.Compile(p.tag); err != nil {
			return nil, nil, err
		}
	}
	if p.own != "" {
		own, err = regexp.Compile(p.own)
	}
	return tag, own, err
}
