package writer

import (
	"bufio"
	"cmp"
	"strconv"
	"strings"
)

// Presets are the names that Options.Preset takes, beside "generic".
func Presets() []string { return []string{"smartlead", "instantly", "lemlist", "hubspot", "outreach"} }

// A preset is the exact header of a sender's import, and what goes under it.
type preset struct {
	person  []column
	message func(step string) (subject, body string) // the names for the message at a step, from "1"
	html    bool                                     // the sender takes bodies for HTML
	defined bool                                     // the sender only takes columns of messages that are defined there
}

// A column is a name and what stands under it.
type column struct {
	name  string
	value func(Recipient) string
}

func presetOf(name string) (*preset, error) {
	p := &preset{message: snake}
	switch name {
	case "", "generic":
		return nil, nil
	case "smartlead":
		p.person = []column{
			{"email", email}, {"first_name", firstName}, {"last_name", lastName}, {"company_name", companyName},
			{"company_url", website}, {"website", website}, {"linkedin_profile", linkedIn},
		}
	case "instantly":
		p.html = true
		p.person = []column{
			{"email", email}, {"first_name", firstName}, {"last_name", lastName}, {"company_name", companyName},
			{"job_title", jobTitle}, {"website", website},
		}
	case "lemlist":
		p.message = func(step string) (string, string) { return "emailSubject" + step, "emailBody" + step }
		p.person = []column{
			{"email", email}, {"firstName", firstName}, {"lastName", lastName}, {"companyName", companyName},
			{"companyDomain", domain}, {"linkedinUrl", linkedIn},
		}
	case "hubspot":
		p.defined = true
		p.message = func(step string) (string, string) {
			return "Octave Email " + step + " Subject", "Octave Email " + step + " Body"
		}
		p.person = []column{
			{"Record ID", recordID}, {"Email", email}, {"First Name", firstName}, {"Last Name", lastName},
		}
	case "outreach":
		p.message = custom
		p.person = []column{
			{"Email", email}, {"First Name", firstName}, {"Last Name", lastName}, {"Title", jobTitle},
			{"Company", companyName},
		}
	default:
		return nil, &OptionsError{
			Msg:  "there is no preset " + strconv.Quote(name),
			Hint: "the presets are generic, " + strings.Join(Presets(), ", "),
		}
	}
	return p, nil
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

func snake(step string) (subject, body string) { return "email_subject_" + step, "email_body_" + step }

// custom counts two fields for each message.
func custom(step string) (subject, body string) {
	n, _ := strconv.Atoi(step)
	return "Custom " + strconv.Itoa(2*n-1), "Custom " + strconv.Itoa(2*n)
}

// header is that of the sender, then the kept columns of the input under names that the sender does not use.
func (p *preset) header(emails int, kept []string) []string {
	var header []string
	for _, c := range p.person {
		header = append(header, c.name)
	}
	for i := range emails {
		subject, body := p.message(strconv.Itoa(i + 1))
		header = append(header, subject, body)
	}
	names := newNamer(header)
	for _, name := range kept {
		header = append(header, names.unused("input_", name))
	}
	return header
}

// candidates are the rows of a preset before it is known how long the longest sequence is: the input cells, status and
// error, then the cells for the sender. The file is divided when it is finished.
type candidates struct {
	*sheet
	preset *preset
	rule   Rule
	input  input    // all columns, for the rows that are held back
	emails int      // longest sequence of a row that can be sent
	record []string // reused
}

func newCandidates(buf *bufio.Writer, p *preset, rule Rule, in input) (*candidates, error) {
	c := &candidates{preset: p, rule: rule, input: in}
	var err error
	c.sheet, err = newSheet(buf, format{kind: "csv"}, append(heldColumns(in), p.header(0, nil)...), false)
	return c, err
}

// heldColumns is the header of the rows that a preset holds back: they can be run again, and say why they are there.
func heldColumns(in input) []string {
	header := in.names()
	names := newNamer(header)
	return append(header, names.unused("octave_", "octave_status"), names.unused("octave_", "octave_reason"))
}

func (c *candidates) write(row Row) error {
	if row.Status == StatusOK && row.To.Email != "" {
		c.emails = max(c.emails, len(row.Emails))
	}
	record := c.input.pick(c.record[:0], row.Cells)
	record = append(record, row.Status, row.Error)
	for _, column := range c.preset.person {
		record = append(record, column.value(row.To))
	}
	for i, e := range row.Emails {
		format := c.rule.Format(e.Body, row.OutputType)
		inSubject, inBody := c.rule.Flaws(e.Subject, e.Body, i == 0, format)
		if c.preset.html && format != "html" {
			e.Body = escape(e.Body)
		}
		record = append(record, e.Subject, e.Body, inSubject, inBody)
	}
	c.record = record
	return c.add(record)
}

// candidate reads a record back.
func (c *candidates) candidate(record []string, kept input) candidate {
	n := len(c.input.columns)
	row := candidate{status: record[n], failure: record[n+1], kept: kept.pick(nil, record[:n])}
	row.person, record = record[n+2:n+2+len(c.preset.person)], record[n+2+len(c.preset.person):]
	for ; len(record) >= 4; record = record[4:] {
		row.messages = append(row.messages, judged{record[0], record[1], record[2], record[3]})
	}
	return row
}

// escape makes HTML of plain text.
func escape(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\r\n", "<br />", "\n", "<br />", "\r", "<br />").Replace(text)
}
