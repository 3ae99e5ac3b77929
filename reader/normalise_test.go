package reader

import (
	"strings"
	"testing"
)

type cleaning struct {
	cell, want string
	flaw       flaw
}

// check runs a table of cells through the cleaner of a field, each also with
// what may stand around a value.
func check(t *testing.T, field Field, table []cleaning) {
	t.Helper()
	clean := cleanerOf(field)
	for _, c := range table {
		for _, cell := range []string{c.cell, " " + c.cell + "\t", "\u200b" + c.cell + "\ufeff", "\u00a0" + c.cell + "\r\n"} {
			got, flaw := clean(cell)
			if got != c.want || flaw != c.flaw {
				t.Errorf("%s of %q is %q (flaw %d), want %q (%d)", field, cell, got, flaw, c.want, c.flaw)
			}
		}
		if again, _ := clean(c.want); again != c.want {
			t.Errorf("%s of %q is %q: cleaning is not stable", field, c.want, again)
		}
	}
}

func TestNullWords(t *testing.T) {
	for _, word := range []string{"", "-", "n/a", "N/A", "#N/A", "null", "NULL", "None", "NaN", "unknown", "[not provided]", "[Not Provided]"} {
		for _, field := range personFields() {
			check(t, field, []cleaning{{word, "", noFlaw}})
		}
	}
}

func TestCleanText(t *testing.T) {
	check(t, CompanyName, []cleaning{
		{"Acme", "Acme", noFlaw},
		{"Acme  Inc.", "Acme Inc.", noFlaw},
		{"Acme\r\nInc.", "Acme Inc.", noFlaw},
		{"Ac\u200bme\x07", "Acme", noFlaw},
		{"Kälberer & Söhne", "Kälberer & Söhne", noFlaw},
		{`="0012"`, "0012", noFlaw},
		{"First ::: Second", "First", noFlaw},
		{"Nullsoft", "Nullsoft", noFlaw},
		{"-x", "-x", noFlaw},
		{"A: B", "A: B", noFlaw},
	})
	check(t, "playbookSelectionContext", []cleaning{})
	if got, _ := cleanFree(" two\nlines \n"); got != "two\nlines" {
		t.Errorf("free text lost its lines: %q", got)
	}
}

func TestCleanEmail(t *testing.T) {
	long := strings.Repeat("x", 250)
	check(t, Email, []cleaning{
		{"ann@example.com", "ann@example.com", noFlaw},
		{"Ann.Lee+x@Mail.Example.COM", "ann.lee+x@mail.example.com", noFlaw},
		{"mailto:ann@example.com", "ann@example.com", noFlaw},
		{"MAILTO:ann@example.com?subject=hi", "ann@example.com", noFlaw},
		{"<ann@example.com>", "ann@example.com", noFlaw},
		{"Ann Lee <ann@example.com>", "ann@example.com", noFlaw},
		{"✅ ann@example.com", "ann@example.com", noFlaw},
		{"ann@example.com.", "ann@example.com", noFlaw},
		{"ann@example.com ::: lee@example.com", "ann@example.com", noFlaw},
		{"o'neil@example.co.uk", "o'neil@example.co.uk", noFlaw},
		{"_ann@example.com", "_ann@example.com", noFlaw},
		{"ann@bücher.example", "ann@xn--bcher-kva.example", noFlaw},
		{"ann@gmail.com", "ann@gmail.com", noFlaw},
		{"ann@example.com, lee@example.com", "", malformed},
		{"ann@lee@example.com", "", malformed},
		{"ann lee@example.com", "", malformed},
		{"ann@localhost", "", malformed},
		{"ann@co.uk", "", malformed},
		{"ann@10.0.0.1", "", malformed},
		{"ann@example..com", "", malformed},
		{"@example.com", "", malformed},
		{"ann@", "", malformed},
		{"ann", "", malformed},
		{long + "@example.com", "", malformed},
		{"email_not_unlocked@domain.com", "", placeholder},
		{"not_unlocked@acme.example", "", placeholder},
		{"No email found", "", placeholder},
		{"test@test.com", "", placeholder},
	})
}

func TestCleanDomain(t *testing.T) {
	check(t, CompanyDomain, []cleaning{
		{"example.com", "example.com", noFlaw},
		{"http://www.example.com", "example.com", noFlaw},
		{"HTTPS://WWW.Example.com:8443/about?x=1#y", "example.com", noFlaw},
		{"https://user:pw@example.com/x", "example.com", noFlaw},
		{"https://example.com/@team", "example.com", noFlaw},
		{"example.com.", "example.com", noFlaw},
		{"shop.example.co.uk/de/", "shop.example.co.uk", noFlaw},
		{"bücher.example", "xn--bcher-kva.example", noFlaw},
		{"x.company.example", "x.company.example", noFlaw},
		{"linkedin.com/company/acme", "", socialHost},
		{"https://de.linkedin.com/company/acme", "", socialHost},
		{"https://www.facebook.com/acme", "", socialHost},
		{"https://x.com/acme", "", socialHost},
		{"twitter.com/acme", "", socialHost},
		{"netflix.com", "netflix.com", noFlaw},
		{"gmail.com", "", freeMail},
		{"yahoo.co.uk", "", freeMail},
		{"co.uk", "", malformed},
		{"localhost", "", malformed},
		{"192.168.0.1", "", malformed},
		{"our website", "", malformed},
		{"example..com", "", malformed},
	})
}

func TestCleanLinkedIn(t *testing.T) {
	check(t, LinkedInProfile, []cleaning{
		{"https://www.linkedin.com/in/ann-lee", "https://www.linkedin.com/in/ann-lee", noFlaw},
		{"http://www.linkedin.com/in/ann-lee", "https://www.linkedin.com/in/ann-lee", noFlaw},
		{"http://www.linkedin.com/in/ann-lee/", "https://www.linkedin.com/in/ann-lee", noFlaw},
		{"linkedin.com/in/ann-lee", "https://www.linkedin.com/in/ann-lee", noFlaw},
		{"https://de.linkedin.com/in/ann-lee/en?trk=people#x", "https://www.linkedin.com/in/ann-lee", noFlaw},
		{"https://www.linkedin.com/in/ACwAAABx", "https://www.linkedin.com/in/ACwAAABx", noFlaw},
		{"https://www.linkedin.com/in/zoë", "https://www.linkedin.com/in/zo%C3%AB", noFlaw},
		{"https://www.linkedin.com/in/zo%c3%ab", "https://www.linkedin.com/in/zo%C3%AB", noFlaw},
		{"https://www.linkedin.com/company/acme", "", companyPage},
		{"https://www.linkedin.com/school/acme", "", companyPage},
		{"https://www.linkedin.com/sales/people/ACw", "", malformed},
		{"https://www.linkedin.com/in/", "", malformed},
		{"https://notlinkedin.com/in/ann", "", malformed},
		{"ann-lee", "", malformed},
	})
}

func TestCleanID(t *testing.T) {
	check(t, CRMContactID, []cleaning{
		{"00Q8d00000ExAaB", "00Q8d00000ExAaB", noFlaw},
		{"00Q8d00000ExAab", "00Q8d00000ExAab", noFlaw},
		{"0012", "0012", noFlaw},
		{"9002;9999", "", severalValues},
		{"9002, 9999", "", severalValues},
	})
}

func TestCleanLang(t *testing.T) {
	check(t, Lang, []cleaning{
		{"de", "de", noFlaw}, {"pt-BR", "pt-BR", noFlaw}, {"en_GB", "en-GB", noFlaw},
		{"English", "", malformed}, {"english - United States", "", malformed}, {"xx", "", malformed}, {"12", "", malformed},
	})
}

func TestSharedInboxes(t *testing.T) {
	for address, want := range map[string]bool{"info@acme.example": true, "hello@acme.example": true, "ann@acme.example": false} {
		if isSharedInbox(address) != want {
			t.Errorf("%s", address)
		}
	}
}

func TestSendable(t *testing.T) {
	const header = "First Name,Last Name,Email,LinkedIn,Company,Website\n"
	const rest = "no LinkedIn profile, and no name with a company"
	for row, problem := range map[string]string{
		",,a@b.example,,,":                            "",
		",,,linkedin.com/in/ann,,":                    "",
		"Ann,,,,Acme,":                                "",
		",Lee,,,,acme.example":                        "",
		"Ann,Lee,,,,":                                 "no email, " + rest,
		",,,,Acme,acme.example":                       "no email, " + rest,
		"Ann,Lee,,,,gmail.com":                        "no email, " + rest,
		"Ann,Lee,,linkedin.com/company/acme,,":        "no email, " + rest,
		"Ann,,ann at acme,,,":                         "the email is not an address, " + rest,
		"Ann,,email_not_unlocked@domain.com,,,":       "the email is a placeholder, " + rest,
		"Ann,,email_not_unlocked@domain.com,,[acme],": "",
		" , ,,\u00a0,,":                               "empty row",
		"Ann,,,,[not provided],":                      "no email, " + rest,
	} {
		in := open(t, Options{}, file(t, "a.csv", header+row+"\nz,z,z@z.example,linkedin.com/in/z,z,\n"))
		if got := contacts(t, in)[0].Problem; got != problem {
			t.Errorf("%s: %q, want %q", row, got, problem)
		}
	}
}
