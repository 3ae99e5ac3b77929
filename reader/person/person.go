// Package person turns cells into the values that the service is told about a
// contact: addresses, names, profiles, domains, ids and languages.
package person

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
