package person

import (
	"strings"
	"testing"
)

func TestNamesAreSplit(t *testing.T) {
	for _, test := range []struct {
		cell        string
		familyFirst bool
		first, last string
	}{
		{"Ann Lee", false, "Ann", "Lee"},
		{"Lee, Ann", false, "Ann", "Lee"},
		{"Dr. Bea Two", false, "Bea", "Two"},
		{"Ms Cat van Three", false, "Cat", "van Three"},
		{"Berg, Jan van der", false, "Jan", "van der Berg"},
		{"Ann Lee, PhD, MBA", false, "Ann", "Lee"},
		{"Prof. Dr. Eva Maria Muster (geb. Alt)", false, "Eva", "Maria Muster"},
		{"佐藤 花子", true, "花子", "佐藤"},
		{"佐藤花子", true, "", "佐藤花子"},
		{"김민준", false, "민준", "김"},
		{"NOVÁK Jan", false, "Jan", "NOVÁK"},
		{"Nagy Éva", true, "Éva", "Nagy"},
		{"Иванов Иван Иванович", true, "Иван", "Иванов"},
		{"Cher", false, "Cher", ""},
	} {
		clean, _ := CleanerOf(FullName)(test.cell)
		if first, last := Split(clean, test.familyFirst); first != test.first || last != test.last {
			t.Errorf("%s: %q %q, want %q %q", test.cell, first, last, test.first, test.last)
		}
	}
}

func TestWordsForNothing(t *testing.T) {
	for _, word := range []string{"#REF!", "#VALUE!", "#NAME?", "#ERROR!", "#DIV/0!", "#BEZUG!", "#####", "n.a.", "k.A.", "undefined", "(blank)", "—", ".", "?",
		"{{first_name}}", "*|FNAME|*", "<<x>>", "NA", "keine Angabe", "なし", "FALSE", "0", "[First Name]", "***"} {
		for _, field := range []Field{FirstName, LastName, FullName, JobTitle, CompanyName} {
			if got, _ := CleanerOf(field)(word); got != "" {
				t.Errorf("%s of %q is %q", field, word, got)
			}
		}
	}
	for _, name := range []string{"Na", "No", "Nan-Hee", "Nilsson", "Blank", "Total Energies", "C#", "#1 Roofing", "[acme]", "3M", "Xxl"} {
		if got, _ := CleanerOf(CompanyName)(name); got != name && name != "Blank" {
			t.Errorf("company %q is %q", name, got)
		}
	}
}

func TestForeignHosts(t *testing.T) {
	for cell, want := range map[string]string{
		"https://www.youtube.com/@acme": "", "linktr.ee/acme": "", "https://www.google.com/maps/place/acme": "", "https://sites.google.com/view/acme": "",
		"https://www.xing.com/companies/acme": "", "crunchbase.com/organization/acme": "", "https://www.yelp.co.uk/biz/acme": "", "bit.ly/x": "", "n.a": "", "k.A.": "", "e.V.": "",
		"https://acme.wixsite.com/home": "acme.wixsite.com", "wixsite.com": "", "acme.myshopify.com": "acme.myshopify.com",
		"acme.example.com, acme.example.org": "acme.example.com", "Acme (acme.example.com)": "acme.example.com", "https//acme.example.com": "acme.example.com",
		"http:/acme.example.com": "acme.example.com", `=HYPERLINK("https://acme.example.com","site")`: "acme.example.com", "[acme](https://acme.example.com)": "acme.example.com",
		"acme.example.com | acme.example.org": "acme.example.com", "http://http://acme.example.com": "acme.example.com", "acme,example.com": "", "acme.example.com;": "acme.example.com",
		"12.5": "", "v1.2": "", "Acme Inc.": "", "St. Gallen": "", "www.acme": "", "https://app.hubspot.com/contacts/1": "", "wwww.acme.example.com": "acme.example.com",
		"www-shop.example.com": "www-shop.example.com", "wwf.org": "wwf.org",
	} {
		if got, _ := CleanerOf(CompanyDomain)(cell); got != want {
			t.Errorf("%q is %q, want %q", cell, got, want)
		}
	}
	for _, c := range []struct{ cell, email, company, want string }{
		{"linkedin.com", "ann@linkedin.com", "", "linkedin.com"}, {"https://www.github.com/", "", "GitHub", "github.com"},
		{"linkedin.com/company/acme", "ann@linkedin.com", "LinkedIn", ""}, {"yelp.com", "ann@acme.example", "Acme", ""}, {"gmail.com", "ann@gmail.com", "Acme", ""},
	} {
		if got := OwnSite(c.cell, c.email, c.company); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}

func TestLinkedInForms(t *testing.T) {
	const want = ProfilePrefix + "example-a"
	for _, cell := range []string{
		"linkedin.com/in/example-a", "https://de.linkedin.com/in/example-a", "https://www.linkedin.com/mwlite/in/example-a", "https://www.linkedin.com/mwlite/profile/in/example-a",
		"https://www.linkedin.com/comm/in/example-a", "in/example-a", "/in/example-a/", "https://www.linkedin.com/in/example-a?miniProfileUrn=urn%3Ali", `=HYPERLINK("https://www.linkedin.com/in/example-a","LinkedIn")`,
		"[LinkedIn](https://www.linkedin.com/in/example-a)", "https://www.linkedin.com/in/example-a, https://acme.example", `https://www.linkedin.com/in/example-a\\`, "(https://www.linkedin.com/in/example-a)",
		"LinkedIn: https://www.linkedin.com/in/example-a", "https://www.linkedin.com/in/example-a%22%2C%22LinkedIn%22%29", "https://www.linkedin.com/company/acme https://www.linkedin.com/in/example-a",
	} {
		if got, _ := CleanerOf(LinkedInProfile)(cell); got != want {
			t.Errorf("%q is %q", cell, got)
		}
	}
	for _, cell := range []string{"https://www.linkedin.com/sales/lead/ACwAA,NAME_SEARCH,x", "https://www.linkedin.com/talent/profile/AEMAA", "https://www.linkedin.com/pub/a/1/2/3", "example-a", "notlinkedin.com/in/a"} {
		if got, _ := CleanerOf(LinkedInProfile)(cell); got != "" {
			t.Errorf("%q is %q", cell, got)
		}
	}
	for slug, want := range map[string]string{"example-a": want, "@example-a": want, "Connected": "", "yes": "", "Ann Lee": "", "2nd": ""} {
		if got := ProfileOfSlug(slug); got != want {
			t.Errorf("%q is %q", slug, got)
		}
	}
}

func TestWhoIsNoPerson(t *testing.T) {
	for name, want := range map[string]bool{"LinkedIn Member": true, "info": true, "Sales Team": true, "N.N.": true, "Ann Lee": false, "Ann Sales": false} {
		first, last, _ := strings.Cut(name, " ")
		if IsNobody(first, last) != want || IsNobody(name, "") != want {
			t.Errorf("%q", name)
		}
	}
	for cell, want := range map[string]bool{"Total": true, "Count: 1": true, "Grand Totals (2 records)": true, "Summe": true, "Total, 2": true, "Totalenergies": false, "Ann": false, "": false} {
		if IsTotal(cell) != want {
			t.Errorf("%q", cell)
		}
	}
	for name, want := range map[string]bool{"Acme GmbH": true, "Acme, Inc.": true, "株式会社サンプル": true, "Ann Lee": false, "Jean Sas": false} {
		if IsCompany(name) != want {
			t.Errorf("%q", name)
		}
	}
	for id, want := range map[string]Flaw{"5.12346E+11": Rounded, "1.6147805824397E13": Rounded, "003E00000012345": NoFlaw, "512345678901": NoFlaw} {
		if _, f := CleanerOf(CRMContactID)(id); f != want {
			t.Errorf("%q: %d", id, f)
		}
	}
	if !IsRounded("12345678901234500") || IsRounded("123456789012345") || IsRounded("12345678901234567") {
		t.Error("rounded ids")
	}
}
