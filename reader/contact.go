package reader

import (
	"encoding/json"
	"fmt"

	"octave-enrich/reader/person"
)

// A Field is a field of the request that a column can feed, spelled as the
// service spells it: "email", "companyDomain", "runtimeContext.all",
// "customContext.playbook.oId".
type Field = person.Field

// The fields that describe the contact. They become a [Person]; every other
// field is carried in [Person.Extra].
const (
	Email           = person.Email
	FirstName       = person.FirstName
	LastName        = person.LastName
	JobTitle        = person.JobTitle
	CompanyName     = person.CompanyName
	CompanyDomain   = person.CompanyDomain
	LinkedInProfile = person.LinkedInProfile
	CRMContactID    = person.CRMContactID
	CRMLeadID       = person.CRMLeadID
	CRMAccountID    = person.CRMAccountID
	Lang            = person.Lang
	FullName        = person.FullName
)

// A Person is what the request says about the contact.
type Person = person.Person

// NoObject is the reason by which lines of JSONL are counted that cannot be
// read. Their Problem says more, and another thing on each line.
const NoObject = "a line that is no JSON object"

// A Contact is one row of the input.
type Contact struct {
	Row    int    // 1-based, over all inputs
	Source string // the input it came from, as a person would name it
	Line   int    // physical line where the record starts, 1-based; the row number in a workbook
	Among  bool   // there are other inputs

	// Cells are the values as they were read, aligned with [Input.Columns].
	// They are shared with nobody, but must not be appended to.
	Cells []string

	// Object is the object of JSONL, byte for byte; of several files with the
	// column for the name of the file behind its members.
	Object json.RawMessage
	Raw    string // JSONL: a line that is no object, byte for byte

	Person  Person // what the request may say
	Problem string // why the row cannot be sent, without any of its values; empty when it can
	OptOut  string // the header of a column such as Unsubscribed that says this person wants no mail
}

// Place names the row for people: by its number and, where that is another one, by
// its line, which is what an editor or a spreadsheet shows: row 15, line 16.
func (c Contact) Place() string {
	if !c.Among {
		return place(c.Row, c.Line, "")
	}
	return place(c.Row, c.Line, c.Source)
}

// place names a row of a file; file is "" when there is one alone.
func place(row, line int, file string) string {
	switch {
	case line == row && file == "" || line == 0:
		return fmt.Sprintf("row %d", row)
	case file == "":
		return fmt.Sprintf("row %d, line %d", row, line)
	}
	return fmt.Sprintf("row %d, line %d of %s", row, line, file)
}
