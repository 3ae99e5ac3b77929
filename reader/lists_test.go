package reader

import (
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A right is what one row of a list in testdata/lists says, by field; Problem
// is part of the reason why it cannot be sent.
type right struct {
	row     int
	person  Person
	problem string
}

// TestLists reads lists as people really have them, each in the shape of an
// export or of a report of a fault, and holds every row to what it says.
func TestLists(t *testing.T) {
	for _, test := range []struct {
		file string
		want []right
		note string // said before anything is paid
	}{
		{"g01_leadrocks.csv", []right{
			{1, Person{Email: "jane@dobbs.example.com", FirstName: "Jane", LastName: "Dobbs", JobTitle: "vp of operations", CompanyName: "Dobbs Ltd", CompanyDomain: "dobbs.example.com", LinkedInProfile: "https://www.linkedin.com/in/example-jane-dobbs"}, ""},
			{2, Person{FirstName: "Max", LastName: "Orr", JobTitle: "CEO", CompanyName: "Orr SA", CompanyDomain: "orr.example.net", LinkedInProfile: "https://www.linkedin.com/in/example-max-orr"}, ""}}, ""},
		{"g01_email1.csv", []right{{1, Person{Email: "tove@lindenverk.example.com", FirstName: "Tove", LastName: "Linden", JobTitle: "CFO", CompanyName: "Lindenverk"}, ""}}, ""},
		{"g01_sansan.csv", []right{{1, Person{Email: "taro@testa.example.com", FirstName: "太郎", LastName: "テスト", JobTitle: "部長", CompanyName: "株式会社テストA"}, ""}}, ""},
		{"g01_dynamics.csv", []right{{1, Person{Email: "per@sundverk.example.com", FirstName: "Per", LastName: "Sund", JobTitle: "Head of Buying", CompanyName: "Sundverk", CRMContactID: "6f9619ff-8b86-d011-b42d-00c04fc964ff"}, ""}}, ""},
		{"g01_dataloader.csv", []right{
			{1, Person{Email: "lior@castell.example.com", FirstName: "Lior", LastName: "Castell", JobTitle: "CFO", CompanyName: "Castell Foods", CompanyDomain: "castell.example.com", CRMContactID: "0038d00000AbCdEAAV", CRMAccountID: "0018d00000XyZabAAF"}, ""}}, ""},
		{"g01_hubspot_ids.csv", []right{{1, Person{Email: "solvi@fernb.example.com", FirstName: "Solvi", LastName: "Maddock", CompanyName: "Fernb AS", CRMContactID: "51234567890", CRMAccountID: "9001"}, ""}}, ""},
		{"g01_ansprechpartner.csv", []right{
			{1, Person{Email: "mia@zahn-krafft.example.com", FirstName: "Mia", LastName: "Krafft", CompanyName: "Zahn Krafft", CompanyDomain: "zahn-krafft.example.com"}, ""},
			{2, Person{Email: "info@riesenrad.example.org", CompanyName: "Riesenrad Süd", CompanyDomain: "riesenrad.example.org"}, ""}}, ""},
		{"g01_italian.csv", []right{{1, Person{Email: "l@verdi.example.com", FirstName: "Luca", LastName: "Verdi", JobTitle: "CEO", CompanyName: "Verdi SpA", CompanyDomain: "verdi.example.com"}, ""}}, ""},
		{"g01_dutch_prefix.csv", []right{{1, Person{Email: "jan@berg.example.com", FirstName: "Jan", LastName: "van der Berg", JobTitle: "CEO", CompanyName: "Berg BV"}, ""}}, ""},
		{"g02_two_columns.csv", []right{
			{1, Person{Email: "a1@one.example.com", FirstName: "Ann", LastName: "One", JobTitle: "CEO", CompanyName: "One Ltd", CompanyDomain: "one.example.com", LinkedInProfile: "https://www.linkedin.com/in/example-one", CRMContactID: "C1"}, ""},
			{2, Person{Email: "a2@two.example.com", FirstName: "Bea", LastName: "Two", JobTitle: "CFO", CompanyName: "Two Ltd", CompanyDomain: "two.example.com", LinkedInProfile: "https://www.linkedin.com/in/example-two", CRMContactID: "R2"}, ""}}, ""},
		{"g02_emails.csv", []right{
			{1, Person{Email: "john.doering@doering.example.com", FirstName: "John", LastName: "Doering", CompanyName: "ABC Ltd"}, ""},
			{2, Person{Email: "jane@smithers.example.com", FirstName: "Jane", LastName: "Smithers", CompanyName: "XYZ Inc"}, ""},
			{3, Person{Email: "mo@ali.example.com", FirstName: "Mo", LastName: "Ali", CompanyName: "Ali & Co"}, ""}}, ""},
		{"g03_nome.csv", []right{
			{1, Person{Email: "maria@vinicola.example.com", FirstName: "Maria", LastName: "Silvestre", JobTitle: "Sócia-fundadora", CompanyName: "Vinícola Serrana", LinkedInProfile: "https://www.linkedin.com/in/example-maria-s"}, ""}}, ""},
		{"g03_nombre.csv", []right{{1, Person{Email: "lucia@fernandiz.example.com", FirstName: "Lucía", LastName: "Fernándiz", JobTitle: "Directora", CompanyName: "Fernándiz SL"}, ""}}, ""},
		{"g03_name_forms.csv", []right{
			{1, Person{Email: "ann@acme.example.com", FirstName: "Ann", LastName: "Lee", CompanyName: "Acme Bakery"}, ""},
			{2, Person{Email: "bea@bolt.example.com", FirstName: "Bea", LastName: "Two", CompanyName: "Bolt"}, ""},
			{3, Person{Email: "cat@bolt.example.com", FirstName: "Cat", LastName: "van Three", CompanyName: "Bolt"}, ""}}, ""},
		{"g03_japanese.csv", []right{{2, Person{Email: "hanako@sample.example.net", FirstName: "花子", LastName: "佐藤", CompanyName: "株式会社サンプル"}, ""}}, ""},
		{"g03_linkedin_member.csv", []right{{3, Person{}, "no email"}}, "stand-in instead of a person's name"},
		{"g05_nested.jsonl", []right{
			{1, Person{Email: "dana@durablefleet.example.com", FirstName: "Dana", LastName: "Lund", JobTitle: "VP Product", CompanyName: "Durable Fleet", CompanyDomain: "durablefleet.example.com", LinkedInProfile: "https://www.linkedin.com/in/example-dana"}, ""},
			{2, Person{FirstName: "Dan", LastName: "L.", JobTitle: "VP", CompanyName: "Locked Co"}, ""}}, ""},
		{"g05_long_title.csv", []right{{1, Person{Email: "a@one.example.com", FirstName: "A"}, ""}}, "too long for jobTitle"},
		{"g10_pasted.csv", []right{
			{1, Person{Email: "ann@one.example.com", FirstName: "Ann", LastName: "One", CompanyName: "One Ltd"}, ""}, {2, Person{}, "the header once more"},
			{3, Person{Email: "bea@two.example.com", FirstName: "Bea", LastName: "Two", CompanyName: "Two Ltd"}, ""}, {4, Person{}, "empty row"}, {5, Person{}, "a total"}}, ""},
		{"g11_excel_ids.csv", []right{{1, Person{Email: "ann@one.example.com", FirstName: "Ann", LastName: "One", CompanyName: "One"}, ""}, {3, Person{Email: "cat@three.example.com", FirstName: "Cat", LastName: "Three", CompanyName: "Three"}, ""}}, "rounded"},
		{"g11_zoho_leads.csv", []right{{1, Person{Email: "thandi@moko.example.com", FirstName: "Thandi", LastName: "Mokoe", JobTitle: "CFO", CompanyName: "Moko Ltd", CompanyDomain: "moko.example.com", CRMLeadID: "zcrm_4876876000000412001"}, ""}}, "crmLeadId is a guess"},
	} {
		t.Run(test.file, func(t *testing.T) {
			in := open(t, Options{}, filepath.Join("testdata", "lists", test.file))
			all := contacts(t, in)
			for _, want := range test.want {
				c := all[want.row-1]
				if want.problem != "" {
					if !strings.Contains(c.Problem, want.problem) {
						t.Errorf("row %d: %q, want %q", want.row, c.Problem, want.problem)
					}
					continue
				}
				equal(t, c.Problem, c.Person, want.person)
			}
			if told := strings.Join(in.Profile().Told(), "\n"); !strings.Contains(told, test.note) {
				t.Errorf("nobody is told %q:\n%s", test.note, told)
			}
		})
	}
}

// TestListsOfValues reads lists that hold one form of a value a row.
func TestListsOfValues(t *testing.T) {
	people := func(name string) []Contact {
		return contacts(t, open(t, Options{}, filepath.Join("testdata", "lists", name)))
	}
	for i, c := range people("g04_emails.csv") {
		if lost := []int{13, 18}; c.Person.Email != "ann@x1.example.com" && !slices.Contains(lost, i+1) {
			t.Errorf("row %d: %q has the address %q", i+1, c.Cells[1], c.Person.Email)
		}
	}
	for _, c := range people("g06_placeholders.csv") {
		if p := c.Person; p.FirstName+p.LastName+p.JobTitle+p.CompanyName+p.CompanyDomain != "" {
			t.Errorf("row %d: %q says %+v", c.Row, c.Cells[0], p)
		}
	}
	asked := []string{"F26", "F29"} // addresses that somebody may have
	for _, c := range people("g06_email_placeholders.csv") {
		if c.Person.Email != "" && !slices.Contains(asked, c.Cells[0]) {
			t.Errorf("%s: %q has the address %q", c.Cells[0], c.Cells[4], c.Person.Email)
		}
	}
	for _, c := range people("g06_websites.csv") {
		host := c.Person.CompanyDomain
		if host != "" && !strings.HasSuffix(host, ".example.com") && !slices.Contains([]string{"acme.wixsite.com", "acme.myshopify.com", "acme.business.site"}, host) {
			t.Errorf("row %d: %q has the domain %q", c.Row, c.Cells[2], host)
		}
	}
	for _, c := range people("g09_linkedin_forms.csv") {
		slug, err := url.PathUnescape(strings.TrimPrefix(c.Person.LinkedInProfile, "https://www.linkedin.com/in/"))
		if err != nil || strings.ContainsAny(slug, "\"'()\\,: ") {
			t.Errorf("row %d: %q has the profile %q", c.Row, c.Cells[2], c.Person.LinkedInProfile)
		}
	}
}
