package reader

import "encoding/json"

// A Field is a field of the request that a column can feed, spelled as the
// service spells it: "email", "companyDomain", "runtimeContext.all",
// "customContext.playbook.oId".
type Field string

// The fields that describe the contact. They become a [Person]; every other
// field is carried in [Person.Extra].
const (
	Email           Field = "email"
	FirstName       Field = "firstName"
	LastName        Field = "lastName"
	JobTitle        Field = "jobTitle"
	CompanyName     Field = "companyName"
	CompanyDomain   Field = "companyDomain"
	LinkedInProfile Field = "linkedInProfile"
	CRMContactID    Field = "crmContactId"
	CRMLeadID       Field = "crmLeadId"
	CRMAccountID    Field = "crmAccountId"
	Lang            Field = "lang"

	// FullName is no field of the request: a column mapped to it is split at
	// its first space into FirstName and LastName.
	FullName Field = "fullName"
)

// A Person is what the request says about the contact: values trimmed,
// canonical and never null words. An empty string means unknown.
type Person struct {
	Email           string `csv:"email"`           // lower case, without mailto:
	FirstName       string `csv:"firstName"`       //
	LastName        string `csv:"lastName"`        //
	JobTitle        string `csv:"jobTitle"`        //
	CompanyName     string `csv:"companyName"`     //
	CompanyDomain   string `csv:"companyDomain"`   // ASCII host without www., never a free-mail or social host
	LinkedInProfile string `csv:"linkedInProfile"` // https://www.linkedin.com/in/SLUG
	CRMContactID    string `csv:"crmContactId"`    // case kept: Salesforce ids differ by case alone
	CRMLeadID       string `csv:"crmLeadId"`       //
	CRMAccountID    string `csv:"crmAccountId"`    //
	Lang            string `csv:"lang"`            // a language tag such as de or pt-BR

	// Extra holds the other request fields that a column feeds, trimmed;
	// nil when there are none.
	Extra map[Field]string `csv:"-"`
}

// NoObject is the reason by which lines of JSONL are counted that cannot be
// read. Their Problem says more, and another thing on each line.
const NoObject = "a line that is no JSON object"

// A Contact is one row of the input.
type Contact struct {
	Row    int    // 1-based, over all inputs
	Source string // the input it came from, as a person would name it
	Line   int    // physical line where the record starts, 1-based; the row number in a workbook

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
