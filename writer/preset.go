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
	for _, p := range known().Presets {
		names = append(names, p.Name)
	}
	return names
}

// A preset is the exact header of a sender's import, what goes under it, and what to do with it there.
type preset struct {
	Name, Title   string
	Person        []column
	Subject, Body text     // columns of a message
	First, Last   int      // of numbered fields, two for each message; 0 where # is the step
	Breaks        string   // how a body breaks a line, which makes it HTML; empty: bodies are plain text
	Replies       bool     // a step is made a reply by its kind, not by a blank subject
	Needs         []string // columns of the person that must not be empty, beside the address
	Tag, Own      string   // patterns: what else the sender takes for a tag; which of these are wanted, for it fills them in itself
	Define        string   // what must be created there before the import; empty: the import does it

	MaxText, MaxName, MaxColumns, MaxRows int // limits of the sender, in characters, columns and rows; 0 is none

	Next [3]string
}

// A column is a name and what stands under it: one of [Recipient.values].
type column struct{ Name, Of string }

// A text is a column of a message. In its name # stands for the step, or for the number of a field.
type text struct {
	Name     string
	Variable string // how a template names it
	Type     string // as which it is created there; empty where the sender has one
}

func (t text) at(n int) text {
	number := strconv.Itoa(n)
	t.Name, t.Variable = strings.ReplaceAll(t.Name, "#", number), strings.ReplaceAll(t.Variable, "#", number)
	return t
}

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
	for _, p := range known().Presets {
		if p.Name != strings.ToLower(name) {
			continue
		}
		if !numbered {
			return &p, nil
		}
		n, err := strconv.Atoi(number)
		if p.First == 0 || err != nil || n < 1 || n >= p.Last {
			return nil, &OptionsError{Msg: "preset " + name + " takes no " + strconv.Quote(number), Hint: "a number behind outreach: is that of the first custom field, 1 to 149"}
		}
		p.First = n
		return &p, nil
	}
	hint := "the presets are generic, " + strings.Join(Presets(), ", ")
	if why, is := known().None[strings.NewReplacer(" ", "", "-", "", "_", "", ".", "").Replace(strings.ToLower(name))]; is {
		return nil, &OptionsError{Msg: "there is no preset " + strconv.Quote(name) + ": " + why, Hint: hint}
	}
	return nil, &OptionsError{Msg: "there is no preset " + strconv.Quote(name), Hint: hint}
}

// values are what may stand in the columns of a person, by the names of presets.json.
func (r Recipient) values() map[string]string {
	domain := cmp.Or(r.CompanyDomain, r.Website)
	return map[string]string{
		"email": r.Email, "firstName": r.FirstName, "lastName": r.LastName, "jobTitle": r.JobTitle, "companyName": r.CompanyName,
		"companyDomain": domain, "bareDomain": strings.TrimPrefix(domain, "www."), "website": cmp.Or(r.Website, r.CompanyDomain),
		"linkedInProfile": r.LinkedInProfile, "crmContactId": r.CRMContactID,
	}
}

func (p *preset) has(name string) bool {
	return slices.ContainsFunc(p.Person, func(c column) bool { return c.Name == name })
}

// message are the columns of the message at a step, from 1.
func (p *preset) message(step int) (subject, body text) {
	if p.First > 0 {
		return p.Subject.at(p.First + 2*(step-1)), p.Body.at(p.First + 2*(step-1) + 1)
	}
	return p.Subject.at(step), p.Body.at(step)
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
	for _, c := range l.Person {
		if c.Name != recordIDColumn || l.recordIDs {
			list = append(list, c)
		}
	}
	return list
}

// messages are the columns of all steps.
func (l *layout) messages() (list []text) {
	for i, hasSubject := range l.steps {
		subject, body := l.message(i + 1)
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
		header = append(header, c.Name)
	}
	for _, c := range l.messages() {
		header = append(header, c.Name)
	}
	names := newNamer(header)
	for _, name := range l.kept {
		header = append(header, names.unused("input_", name))
	}
	return header
}

// record is a row under that header.
func (l *layout) record(c candidate) (record []string) {
	for i, column := range l.Person {
		switch column.Name {
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
	if l.First > 0 && l.First+2*len(l.steps)-1 > l.Last {
		return &OptionsError{Msg: fmt.Sprintf("%s has no custom field %d", l.Title, l.First+2*len(l.steps)-1), Hint: "begin at a lower number, such as --preset outreach:10"}
	}
	if l.MaxColumns > 0 && len(header) > l.MaxColumns {
		return &OptionsError{Msg: fmt.Sprintf("%s takes %d columns, not %d", l.Title, l.MaxColumns, len(header)), Hint: "keep fewer with --keep"}
	}
	if l.MaxRows > 0 && rows > l.MaxRows {
		return &OptionsError{Msg: fmt.Sprintf("%s takes %d rows in a file, not %d", l.Title, l.MaxRows, rows), Hint: "divide the list"}
	}
	for _, name := range header {
		if l.MaxName > 0 && len([]rune(name)) > l.MaxName {
			return &OptionsError{Msg: fmt.Sprintf("%s takes names of at most %d characters, and %q is longer", l.Title, l.MaxName, name), Hint: "leave it out of --keep, or rename it in the input"}
		}
	}
	return nil
}

// tell describes the file for whoever takes it to the sender.
func (l *layout) tell(out *Output, file string) {
	out.Sender = l.Title
	out.Columns = l.header()
	columns := l.messages()
	if l.Define != "" {
		var defined []string
		for _, c := range columns {
			defined = append(defined, strings.TrimSuffix(c.Name+" ("+c.Type+")", " ()"))
		}
		out.Define = "create these " + l.Define + ": " + strings.Join(defined, ", ")
	}
	if l.recordIDs {
		out.Notes = append(out.Notes, "rows with a Record ID: "+l.Title+" makes the address of the file the contact's primary one, also where it knew it as a second one")
	}
	if n := out.Held.Reasons[noSecond] + out.Held.Reasons[aSubject]; n > 0 {
		out.Notes = append(out.Notes, fmt.Sprintf("rows held back for their subjects: %d; --thread takes them all, with the later messages as replies", n))
	}
	if out.Replies > 0 {
		out.Notes = append(out.Notes, fmt.Sprintf("messages after the second that have no subject: %d; they get \"Re: \" and the one before, or no subject at all with --thread", out.Replies))
	}
	if len(columns) == 0 {
		return
	}
	words := strings.NewReplacer("{file}", file, "{columns}", columns[0].Name+" to "+columns[len(columns)-1].Name, "{tag}", l.tagged,
		"{steps}", l.tellSteps(), "; {thread}", l.tellThread())
	for _, line := range l.Next {
		out.Next = append(out.Next, words.Replace(line))
	}
}

// tellSteps says what stands in the first two steps, and that the others are alike.
func (l *layout) tellSteps() string {
	var told []string
	for i, hasSubject := range l.steps[:min(2, len(l.steps))] {
		subject, body := l.message(i + 1)
		text := "body " + body.Variable
		if hasSubject {
			text = "subject " + subject.Variable + ", " + text
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
	case all && l.Replies:
		return "; make steps 2 and later replies in the thread"
	case all:
		return "; leave the subject of steps 2 and later blank"
	case l.Replies:
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
	if p.Tag != "" {
		if tag, err = regexp.Compile(p.Tag); err != nil {
			return nil, nil, err
		}
	}
	if p.Own != "" {
		own, err = regexp.Compile(p.Own)
	}
	return tag, own, err
}
