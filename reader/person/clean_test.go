package person

import (
	"strings"
	"testing"
)

type cleaning struct {
	cell, want string
	Flaw       Flaw
}

// check runs a table of cells through the Cleaner of a field, each also with
// what may stand around a value.
func check(t *testing.T, field Field, table []cleaning) {
	t.Helper()
	clean := CleanerOf(field)
	for _, c := range table {
		for _, cell := range []string{c.cell, " " + c.cell + "\t", "\u200b" + c.cell + "\ufeff", "\u00a0" + c.cell + "\r\n"} {
			got, Flaw := clean(cell)
			if got != c.want || Flaw != c.Flaw {
				t.Errorf("%s of %q is %q (Flaw %d), want %q (%d)", field, cell, got, Flaw, c.want, c.Flaw)
			}
		}
		if again, _ := clean(c.want); again != c.want {
			t.Errorf("%s of %q is %q: cleaning is not stable", field, c.want, again)
		}
	}
}

func TestNullWords(t *testing.T) {
	for _, word := range []string{"", "-", "n/a", "N/A", "#N/A", "null", "NULL", "None", "NaN", "unknown", "[not provided]", "[Not Provided]"} {
		for _, field := range []Field{Email, FirstName, LastName, FullName, JobTitle, CompanyName, CompanyDomain, LinkedInProfile, CRMContactID, CRMLeadID, CRMAccountID, Lang} {
			check(t, field, []cleaning{{word, "", NoFlaw}})
		}
	}
}

func TestCleanText(t *testing.T) {
	check(t, CompanyName, []cleaning{
		{"Acme", "Acme", NoFlaw},
		{"Acme  Inc.", "Acme Inc.", NoFlaw},
		{"Acme\r\nInc.", "Acme Inc.", NoFlaw},
		{"Ac\u200bme\x07", "Acme", NoFlaw},
		{"Kälberer & Söhne", "Kälberer & Söhne", NoFlaw},
		{`="0012"`, "0012", NoFlaw},
		{"First ::: Second", "First", NoFlaw},
		{"Nullsoft", "Nullsoft", NoFlaw},
		{"-x", "-x", NoFlaw},
		{"A: B", "A: B", NoFlaw},
	})
	check(t, "playbookSelectionContext", []cleaning{})
	if got, _ := cleanFree(" two\nlines \n"); got != "two\nlines" {
		t.Errorf("free text lost its lines: %q", got)
	}
}

func TestCleanEmail(t *testing.T) {
	long := strings.Repeat("x", 250)
	check(t, Email, []cleaning{
		{"ann@example.com", "ann@example.com", NoFlaw},
		{"Ann.Lee+x@Mail.Example.COM", "ann.lee+x@mail.example.com", NoFlaw},
		{"mailto:ann@example.com", "ann@example.com", NoFlaw},
		{"MAILTO:ann@example.com?subject=hi", "ann@example.com", NoFlaw},
		{"<ann@example.com>", "ann@example.com", NoFlaw},
		{"Ann Lee <ann@example.com>", "ann@example.com", Picked},
		{"✅ ann@example.com", "ann@example.com", NoFlaw},
		{"ann@example.com.", "ann@example.com", NoFlaw},
		{"ann@example.com ::: lee@example.com", "ann@example.com", NoFlaw},
		{"o'neil@example.co.uk", "o'neil@example.co.uk", NoFlaw},
		{"_ann@example.com", "_ann@example.com", NoFlaw},
		{"ann@bücher.example", "ann@xn--bcher-kva.example", NoFlaw},
		{"ann@gmail.com", "ann@gmail.com", NoFlaw},
		{"ann@example.com, lee@example.com", "ann@example.com", Picked},
		{"ann@example.com lee@example.com", "ann@example.com", Picked},
		{"ann@example.com/lee@example.com", "ann@example.com", Picked},
		{"ann@example.com (work)", "ann@example.com", Picked},
		{"ann@example.com 95%", "ann@example.com", Picked},
		{"work: ann@example.com", "ann@example.com", Picked},
		{"ann@example.com:verified", "ann@example.com", Picked},
		{"ann@example.com\\", "ann@example.com", NoFlaw},
		{"[ann@example.com](mailto:ann@example.com)", "ann@example.com", NoFlaw},
		{`=HYPERLINK("mailto:ann@example.com","write")`, "ann@example.com", NoFlaw},
		{`[{"email":"ann@example.com"}]`, "ann@example.com", Picked},
		{"j***@example.com; ann@example.com", "ann@example.com", Picked},
		{"***@example.com", "", Placeholder},
		{"j...@example.com", "", Placeholder},
		{"no@email.com", "", Placeholder},
		{"user@domain.tld", "", Placeholder},
		{"x@invalid.invalid", "", Placeholder},
		{"logo@2x.png", "", Malformed},
		{"#REF!", "", NoFlaw},
		{"ann@abc.com", "ann@abc.com", NoFlaw},
		{"ann@lee@example.com", "", Malformed},
		{"ann lee@example.com", "", Malformed},
		{"ann@localhost", "", Malformed},
		{"ann@co.uk", "", Malformed},
		{"ann@10.0.0.1", "", Malformed},
		{"ann@example..com", "", Malformed},
		{"@example.com", "", Malformed},
		{"ann@", "", Malformed},
		{"ann", "", Malformed},
		{long + "@example.com", "", Malformed},
		{"email_not_unlocked@domain.com", "", Placeholder},
		{"not_unlocked@acme.example", "", Placeholder},
		{"No email found", "", Placeholder},
		{"test@test.com", "", Placeholder},
	})
}

func TestCleanDomain(t *testing.T) {
	check(t, CompanyDomain, []cleaning{
		{"example.com", "example.com", NoFlaw},
		{"http://www.example.com", "example.com", NoFlaw},
		{"HTTPS://WWW.Example.com:8443/about?x=1#y", "example.com", NoFlaw},
		{"https://user:pw@example.com/x", "example.com", NoFlaw},
		{"https://example.com/@team", "example.com", NoFlaw},
		{"example.com.", "example.com", NoFlaw},
		{"shop.example.co.uk/de/", "shop.example.co.uk", NoFlaw},
		{"bücher.example", "xn--bcher-kva.example", NoFlaw},
		{"x.company.example", "x.company.example", NoFlaw},
		{"linkedin.com/company/acme", "", SocialHost},
		{"https://de.linkedin.com/company/acme", "", SocialHost},
		{"https://www.facebook.com/acme", "", SocialHost},
		{"https://x.com/acme", "", SocialHost},
		{"twitter.com/acme", "", SocialHost},
		{"netflix.com", "netflix.com", NoFlaw},
		{"gmail.com", "", FreeMail},
		{"yahoo.co.uk", "", FreeMail},
		{"co.uk", "", Malformed},
		{"localhost", "", Malformed},
		{"192.168.0.1", "", Malformed},
		{"our website", "", Malformed},
		{"example..com", "", Malformed},
	})
}

func TestCleanLinkedIn(t *testing.T) {
	check(t, LinkedInProfile, []cleaning{
		{"https://www.linkedin.com/in/ann-lee", "https://www.linkedin.com/in/ann-lee", NoFlaw},
		{"http://www.linkedin.com/in/ann-lee", "https://www.linkedin.com/in/ann-lee", NoFlaw},
		{"http://www.linkedin.com/in/ann-lee/", "https://www.linkedin.com/in/ann-lee", NoFlaw},
		{"linkedin.com/in/ann-lee", "https://www.linkedin.com/in/ann-lee", NoFlaw},
		{"https://de.linkedin.com/in/ann-lee/en?trk=people#x", "https://www.linkedin.com/in/ann-lee", NoFlaw},
		{"https://www.linkedin.com/in/ACwAAABx", "https://www.linkedin.com/in/ACwAAABx", NoFlaw},
		{"https://www.linkedin.com/in/zoë", "https://www.linkedin.com/in/zo%C3%AB", NoFlaw},
		{"https://www.linkedin.com/in/zo%c3%ab", "https://www.linkedin.com/in/zo%C3%AB", NoFlaw},
		{"https://www.linkedin.com/company/acme", "", CompanyPage},
		{"https://www.linkedin.com/school/acme", "", CompanyPage},
		{"https://www.linkedin.com/sales/people/ACw", "", Malformed},
		{"https://www.linkedin.com/in/", "", Malformed},
		{"https://notlinkedin.com/in/ann", "", Malformed},
		{"ann-lee", "", Malformed},
	})
}

func TestCleanID(t *testing.T) {
	check(t, CRMContactID, []cleaning{
		{"00Q8d00000ExAaB", "00Q8d00000ExAaB", NoFlaw},
		{"00Q8d00000ExAab", "00Q8d00000ExAab", NoFlaw},
		{"0012", "0012", NoFlaw},
		{"9002;9999", "", SeveralValues},
		{"9002, 9999", "", SeveralValues},
	})
}

func TestCleanLang(t *testing.T) {
	check(t, Lang, []cleaning{
		{"de", "de", NoFlaw}, {"pt-BR", "pt-BR", NoFlaw}, {"en_GB", "en-GB", NoFlaw},
		{"English", "en", NoFlaw}, {"Deutsch", "de", NoFlaw}, {"de-DE", "de", NoFlaw}, {"DEU", "de", NoFlaw},
		{"english - United States", "en", NoFlaw}, {"Português (Brasil)", "pt-BR", NoFlaw}, {"日本語", "ja", NoFlaw},
		{"tw", "zh-Hant", GuessedLang}, {"Klingon", "", Malformed}, {"xx", "", NoFlaw}, {"12", "", Malformed},
	})
}

func TestSharedInboxes(t *testing.T) {
	for address, want := range map[string]bool{"info@acme.example": true, "hello@acme.example": true, "ann@acme.example": false} {
		if IsSharedInbox(address) != want {
			t.Errorf("%s", address)
		}
	}
}
