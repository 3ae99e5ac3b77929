package writer

import "slices"

// A Sender is what a preset asks of a row, for whoever judges rows as the preset does where there is no file: the report
// page does. Names of cells are those of [Recipient]'s fields as the service spells them: email, firstName, lastName,
// jobTitle, companyName, companyDomain, linkedInProfile, crmContactId.
type Sender struct {
	Name  string   `json:"name"`
	Title string   `json:"title"`
	Cells []string `json:"cells"`           // of the person, in the order of the file
	Needs []string `json:"needs,omitempty"` // cells that must not be empty, beside the address
	// Tag is a pattern of what else the sender takes for a tag, Own of those among them that are wanted.
	Tag string `json:"tag,omitempty"`
	Own string `json:"own,omitempty"`
	// MaxText is the limit of one text in characters, 0 for none; Breaks is how a body breaks a line in it.
	MaxText int    `json:"max_text,omitempty"`
	Breaks  string `json:"breaks,omitempty"`
}

// Senders are those of all presets, in their order.
func Senders() (list []Sender) {
	named := Recipient{
		Email: "email", FirstName: "firstName", LastName: "lastName", JobTitle: "jobTitle", CompanyName: "companyName",
		CompanyDomain: "companyDomain", Website: "companyDomain", LinkedInProfile: "linkedInProfile", CRMContactID: "crmContactId",
	}.values()
	for _, p := range known().Presets {
		s := Sender{Name: p.Name, Title: p.Title, Tag: p.Tag, Own: p.Own, MaxText: p.MaxText, Breaks: p.Breaks}
		for _, c := range p.Person {
			cell := named[c.Of]
			if cell == "" || slices.Contains(s.Cells, cell) {
				continue
			}
			s.Cells = append(s.Cells, cell)
			if slices.Contains(p.Needs, c.Name) {
				s.Needs = append(s.Needs, cell)
			}
		}
		list = append(list, s)
	}
	return list
}
