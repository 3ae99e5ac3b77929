package reader

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"octave-enrich/reader/mapping"
)

// TestExportHeaders maps the headers of the tools, as they export them.
func TestExportHeaders(t *testing.T) {
	for _, test := range []struct {
		tool, header, row string
		want              map[Field]string
	}{
		{"Salesforce Data Loader", "Id,AccountId,FirstName,LastName,Email,Title,Company,Website",
			"0038d00000ExAaBAAV,0018d00000ExAaBAAV,Ann,Lee,a@b.example,CEO,Acme,acme.example",
			map[Field]string{CRMContactID: "Id", CRMAccountID: "AccountId", FirstName: "FirstName", LastName: "LastName", Email: "Email",
				JobTitle: "Title", CompanyName: "Company", CompanyDomain: "Website"}},
		{"Salesforce leads", "Id,FirstName,LastName,Email", "00Q8d00000ExAaBAAV,Ann,Lee,a@b.example",
			map[Field]string{CRMLeadID: "Id", FirstName: "FirstName", LastName: "LastName", Email: "Email"}},
		{"an id of anything", "Id,Email", "17,a@b.example", map[Field]string{Email: "Email"}},
		{"Evaboot", "First Name,Last Name,Full Name,Current Job,Email,Linkedin URL Unique ID,Linkedin URL Public,Sales Navigator URL,Company Name,Company Domain,Company Website URL,Company Linkedin URL Unique ID",
			"Ann,Lee,Ann Lee,CEO,a@b.example,https://www.linkedin.com/in/ACw,https://www.linkedin.com/in/ann,https://www.linkedin.com/sales/x,Acme,acme.example,https://acme.example,https://www.linkedin.com/company/1",
			map[Field]string{FirstName: "First Name", LastName: "Last Name", JobTitle: "Current Job", Email: "Email", LinkedInProfile: "Linkedin URL Public",
				CompanyName: "Company Name", CompanyDomain: "Company Domain"}},
		{"PhantomBuster", "profileUrl,fullName,firstName,lastName,companyName,title,companyUrl,regularCompanyUrl,defaultProfileUrl,linkedInProfileUrl",
			"https://www.linkedin.com/sales/lead/x,Ann Lee,Ann,Lee,Acme,CEO,https://www.linkedin.com/sales/company/1,https://www.linkedin.com/company/1,https://www.linkedin.com/in/ann,https://www.linkedin.com/in/ann",
			map[Field]string{FirstName: "firstName", LastName: "lastName", CompanyName: "companyName", JobTitle: "title", LinkedInProfile: "linkedInProfileUrl"}},
		{"HubSpot internal names", "hs_object_id,firstname,lastname,email,jobtitle,company,website,hs_linkedin_url,hs_language", "1,Ann,Lee,a@b.example,CEO,Acme,acme.example,https://www.linkedin.com/in/ann,de",
			map[Field]string{CRMContactID: "hs_object_id", FirstName: "firstname", LastName: "lastname", Email: "email", JobTitle: "jobtitle", CompanyName: "company",
				CompanyDomain: "website", LinkedInProfile: "hs_linkedin_url", Lang: "hs_language"}},
		{"Google Contacts", "First Name,Last Name,Phonetic First Name,Nickname,Organization Name,Organization Title,E-mail 1 - Label,E-mail 1 - Value,E-mail 2 - Value,Website 1 - Value", "Ann,Lee,En,Annie,Acme,CEO,* Work,a@b.example ::: c@d.example,e@f.example,https://acme.example",
			map[Field]string{FirstName: "First Name", LastName: "Last Name", CompanyName: "Organization Name", JobTitle: "Organization Title", Email: "E-mail 1 - Value", CompanyDomain: "Website 1 - Value"}},
		{"older Google Contacts", "Name,Given Name,Family Name,Organization 1 - Name,Organization 1 - Title,E-mail 1 - Value", "Ann Lee,Ann,Lee,Acme,CEO,a@b.example",
			map[Field]string{FirstName: "Given Name", LastName: "Family Name", CompanyName: "Organization 1 - Name", JobTitle: "Organization 1 - Title", Email: "E-mail 1 - Value"}},
		{"Outlook", "Title,First Name,Last Name,Company,Job Title,Web Page,E-mail Address,E-mail 2 Address", "Dr.,Ann,Lee,Acme,CEO,acme.example,a@b.example,e@f.example",
			map[Field]string{FirstName: "First Name", LastName: "Last Name", CompanyName: "Company", JobTitle: "Job Title", CompanyDomain: "Web Page", Email: "E-mail Address"}},
		{"honorifics", "Title,First Name,Email", "Mrs.,Ann,a@b.example", map[Field]string{FirstName: "First Name", Email: "Email"}},
		{"HubSpot in German", "Vorname,Nachname,E-Mail-Adresse,Jobbezeichnung,Name des Unternehmens,Website-URL,LinkedIn-URL", "Ann,Lee,a@b.example,CEO,Acme,acme.example,https://www.linkedin.com/in/ann",
			seven("Vorname,Nachname,E-Mail-Adresse,Jobbezeichnung,Name des Unternehmens,Website-URL,LinkedIn-URL")},
		{"HubSpot in French", "Prénom,Nom,E-mail,Intitulé du poste,Nom de l'entreprise,URL du site web,URL LinkedIn", "Ann,Lee,a@b.example,CEO,Acme,acme.example,https://www.linkedin.com/in/ann",
			seven("Prénom,Nom,E-mail,Intitulé du poste,Nom de l'entreprise,URL du site web,URL LinkedIn")},
		{"HubSpot in Spanish", "Nombre,Apellidos,Correo,Cargo,Nombre de la empresa,URL del sitio web,URL de LinkedIn", "Ann,Lee,a@b.example,CEO,Acme,acme.example,https://www.linkedin.com/in/ann",
			seven("Nombre,Apellidos,Correo,Cargo,Nombre de la empresa,URL del sitio web,URL de LinkedIn")},
		{"HubSpot in Japanese", "名,姓,Eメール,役職,会社名,ウェブサイトURL,LinkedIn URL", "Ann,Lee,a@b.example,CEO,Acme,acme.example,https://www.linkedin.com/in/ann",
			seven("名,姓,Eメール,役職,会社名,ウェブサイトURL,LinkedIn URL")},
		{"HubSpot in Dutch", "Voornaam,Achternaam,E-mail,Functie,Bedrijfsnaam,URL van website,LinkedIn-URL", "Ann,Lee,a@b.example,CEO,Acme,acme.example,https://www.linkedin.com/in/ann",
			seven("Voornaam,Achternaam,E-mail,Functie,Bedrijfsnaam,URL van website,LinkedIn-URL")},
		{"HubSpot in Portuguese", "Nome,Sobrenome,E-mail,Cargo,Nome da empresa,URL do site,URL do LinkedIn", "Ann,Lee,a@b.example,CEO,Acme,acme.example,https://www.linkedin.com/in/ann",
			seven("Nome,Sobrenome,E-mail,Cargo,Nome da empresa,URL do site,URL do LinkedIn")},
		{"Vorname and Name", "Vorname,Name,Firma,E-Mail", "Ann,Lee,Acme,a@b.example", map[Field]string{FirstName: "Vorname", LastName: "Name", CompanyName: "Firma", Email: "E-Mail"}},
		{"values decide", "Email,Work Email,LinkedIn URL,URL", ",a@b.example,https://www.linkedin.com/company/x,https://www.linkedin.com/in/ann",
			map[Field]string{Email: "Work Email", LinkedInProfile: "URL"}},
		{"exact names alone", "email,notes,description,agentOId,runtimeContext.all,RuntimeContext.1", "a@b.example,n,d,ca_1,c,x",
			map[Field]string{Email: "email", "agentOId": "agentOId", "runtimeContext.all": "runtimeContext.all"}},
		{"a site of the company's own", "Email,companyUrl", "a@b.example,https://acme.example", map[Field]string{Email: "Email", CompanyDomain: "companyUrl"}},
		{"a page of the company", "Email,companyUrl", "a@b.example,https://www.linkedin.com/company/1", map[Field]string{Email: "Email"}},
		{"a language without tags", "Email,Language", "a@b.example,", map[Field]string{Email: "Email"}},
		{"a language by its name", "Email,Language", "a@b.example,English", map[Field]string{Email: "Email", Lang: "Language"}},
	} {
		in := open(t, Options{}, file(t, "a.csv", test.header+"\n"+test.row+"\n"))
		equal(t, test.tool, mapped(in, 0), test.want)
		for _, r := range in.Profile().Files[0].Rejected {
			for field, header := range test.want {
				if header == r.Header {
					t.Errorf("%s: %q feeds %s and is not used: %s", test.tool, header, field, r.Why)
				}
			}
		}
	}
}

// seven maps the seven main fields to headers in their usual order.
func seven(headers string) map[Field]string {
	h := strings.Split(headers, ",")
	return map[Field]string{FirstName: h[0], LastName: h[1], Email: h[2], JobTitle: h[3], CompanyName: h[4], CompanyDomain: h[5], LinkedInProfile: h[6]}
}

func TestFullName(t *testing.T) {
	in := open(t, Options{}, file(t, "a.csv", "Name,Email\nAnn van der Lee,a@b.example\nCher,c@b.example\n"))
	all := contacts(t, in)
	equal(t, "first", []string{all[0].Person.FirstName, all[0].Person.LastName}, []string{"Ann", "van der Lee"})
	equal(t, "second", []string{all[1].Person.FirstName, all[1].Person.LastName}, []string{"Cher", ""})
	if notes := strings.Join(in.Profile().Notes, "\n"); !strings.Contains(notes, "split at the first space") {
		t.Errorf("a guess that is not printed: %q", notes)
	}
}

func TestAmbiguous(t *testing.T) {
	late := "Email,E-mail\n" + strings.Repeat("a@b.example,A@B.example\n", 2*sampleRows) + "a@b.example,c@b.example\n"
	for what, content := range map[string]string{"at once": "Email,E-mail\na@b.example,c@b.example\n", "late": late} {
		e := mappingError(t, Options{}, file(t, "a.csv", content))
		equal(t, what, e.Field, Email)
		for _, want := range []string{`--map email='Email'`, `--map email='E-mail'`} {
			if !strings.Contains(e.Error(), want) {
				t.Errorf("%s: %q does not say %s", what, e, want)
			}
		}
	}
	twice := file(t, "a.csv", "Email,Email\na@b.example,c@b.example\n")
	if e := mappingError(t, Options{}, twice); !strings.Contains(e.Error(), `--map email='Email (2)'`) {
		t.Errorf("%v", e)
	}
	in := open(t, Options{Map: map[Field]Columns{Email: {"Email (2)"}}}, twice)
	equal(t, "chosen", contacts(t, in)[0].Person.Email, "c@b.example")

	in = open(t, Options{}, file(t, "a.csv", "Email,E-mail\n,a@b.example\nc@b.example,C@b.example\n"))
	equal(t, "the fuller of two that agree", mapped(in, 0), map[Field]string{Email: "E-mail"})
	in = open(t, Options{}, file(t, "a.csv", "Email,E-mail\n,a@b.example\nc@b.example\nd@b.example,\n"))
	equal(t, "each row has its own", []string{contacts(t, in)[0].Person.Email, contacts(t, in)[2].Person.Email}, []string{"a@b.example", "d@b.example"})
}

func TestNoContactColumn(t *testing.T) {
	for _, test := range []struct{ what, content, text string }{
		{"companies", "Company,Website,Company Linkedin Url,# Employees\nAcme,acme.example,x,5\n", "a list of companies"},
		{"companies and who looks after them", "Company,Website,Account Owner\nAcme,acme.example,me@mine.example\n", "export the people instead)"},
		{"names alone", "First Name,Last Name,City\nAnn,Lee,Bonn\n", "--map companyName="},
		{"another name", "Kontaktweg,Stadt\na@b.example,Bonn\n", "--map email='Kontaktweg'"},
		{"no header", "a@b.example,Bonn\nc@d.example,Kiel\n", "header line holds data"},
		{"nothing", "Colour,Size\nred,5\n", `"Colour", "Size"`},
	} {
		if e := mappingError(t, Options{}, file(t, "a.csv", test.content)); !strings.Contains(e.Error(), test.text) {
			t.Errorf("%s: %q does not say %q", test.what, e, test.text)
		}
	}
}

func TestMapFlag(t *testing.T) {
	path := file(t, "a.csv", "Ann's mail,Work Email,Note\na@b.example,c@b.example,hi\n")
	in := open(t, Options{Map: map[Field]Columns{Email: {"Ann's mail"}, "runtimeContext.1": {"note"}}}, path)
	c := contacts(t, in)[0]
	equal(t, "email", c.Person.Email, "a@b.example")
	equal(t, "extra", c.Person.Extra, map[Field]string{"runtimeContext.1": "hi"})
	mappingError(t, Options{Map: map[Field]Columns{Email: {""}}}, path)
	for _, test := range []struct {
		field        Field
		header, hint string
	}{
		{Email, "Nobody", `its columns are "Ann's mail", "Work Email", "Note"`},
		{Email, "Wrok Email", `did you mean "Work Email"? type --map email='Work Email'`},
		{"emial", "Note", "did you mean email?"},
		{"colour", "Note", "fields are email, firstName"},
	} {
		if e := mappingError(t, Options{Map: map[Field]Columns{test.field: {test.header}}}, path); !strings.Contains(e.Error(), test.hint) {
			t.Errorf("%q does not say %q", e, test.hint)
		}
	}
	equal(t, "quoting", mapping.Flag(Email, "Ann's mail"), `--map email='Ann'\''s mail'`)
}

func TestMapFile(t *testing.T) {
	path := file(t, "a.csv", "Kontaktweg,Stadt,Vorname\na@b.example,Bonn,Ann\n")
	in := open(t, Options{Map: map[Field]Columns{Email: {"Kontaktweg"}}}, path)
	for _, name := range []string{"map.yaml", "map.json"} {
		pinned := filepath.Join(t.TempDir(), name)
		if err := in.MapFile().Write(pinned); err != nil {
			t.Fatal(err)
		}
		m, err := ReadMapFile(pinned)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, name, m, in.MapFile())
		equal(t, "pinned", mapped(open(t, Options{Pinned: m}, path), 0), map[Field]string{Email: "Kontaktweg", FirstName: "Vorname"})
		e := mappingError(t, Options{Pinned: m}, file(t, "b.csv", "Kontaktweg,Vorname,Ort\na@b.example,Ann,Bonn\n"))
		for _, want := range []string{`missing "Stadt"`, `new "Ort"`, "inspect --write"} {
			if !strings.Contains(e.Error(), want) {
				t.Errorf("%q does not say %q", e, want)
			}
		}
		mappingError(t, Options{Pinned: m}, file(t, "c.csv", "Stadt,Kontaktweg,Vorname\nBonn,a@b.example,Ann\n"))
	}
}

func TestMapFileByHand(t *testing.T) {
	m, err := ReadMapFile(file(t, "map.yaml", "# mine\nformat: 1\nlayouts:\n  - map:\n      email: Stadt\n"))
	if err != nil {
		t.Fatal(err)
	}
	in := open(t, Options{Pinned: m}, file(t, "a.csv", "Email,Stadt\nx@b.example,a@b.example\n"))
	equal(t, "only what is pinned", mapped(in, 0), map[Field]string{Email: "Stadt"})
	mappingError(t, Options{Pinned: m}, file(t, "b.csv", "Email,Ort\nx@b.example,Bonn\n"))
	for _, text := range []string{"", "format: 2\nlayouts: []\n", "format: 1\n", "format: 1\nlayouts:\n  - map:\n      emial: x\n", "format: 1\nlayouts:\n  - mpa: {}\n", "{", "format: 1\nlayouts:\n  - header: [a]\n"} {
		if _, err := ReadMapFile(file(t, "map.yaml", text)); err == nil {
			t.Errorf("%q is a mapping file", text)
		}
	}
}

func TestProfile(t *testing.T) {
	in := open(t, Options{}, file(t, "a.csv", "Email,LinkedIn,Company,Website\n"+
		"info@acme.example,https://www.linkedin.com/in/ann,Acme,acme.example\n"+
		"INFO@acme.example,https://linkedin.com/in/ann,Acme,https://acme.example/\n"+
		"ann@gmail.com,https://www.linkedin.com/in/bo,Acme,gmail.com\n"+
		"not_unlocked@acme.example,https://www.linkedin.com/company/acme,Acme,acme.example\n"))
	p := in.Profile()
	equal(t, "counts", []int{p.Rows, p.Sendable, p.Duplicates}, []int{4, 3, 1})
	equal(t, "traps", p.Traps, []Trap{
		{"LinkedIn page of a company instead of a person", 1, 4, 5, ""},
		{"address at a free-mail provider", 1, 3, 4, ""},
		{"free-mail domain instead of a company's", 1, 3, 4, ""},
		{"placeholder instead of an address", 1, 4, 5, ""},
		{"shared inbox, such as info@", 2, 1, 2, ""},
	})
	i := slices.IndexFunc(p.Files[0].Mapping, func(m mapping.Mapping) bool { return m.Field == Email })
	m := p.Files[0].Mapping[i]
	equal(t, "samples", m.Samples, []string{"info@acme.example", "INFO@acme.example", "ann@gmail.com"})
	equal(t, "fill", []int{m.Filled, m.Usable}, []int{4, 3})
	equal(t, "certain", m.Certain, true)
}

// TestValuesVote takes a column for what nearly all of its values are, as a
// guess; a handful of rows decide nothing.
func TestValuesVote(t *testing.T) {
	in := open(t, Options{}, file(t, "a.csv", "Kontaktweg,Profil von ihr,Stadt\n"+
		"a@b.example,https://www.linkedin.com/in/a,Bonn\nb@b.example,https://www.linkedin.com/in/b,Kiel\nc@b.example,https://www.linkedin.com/in/c,Ulm\n"))
	equal(t, "mapped", mapped(in, 0), map[Field]string{Email: "Kontaktweg", LinkedInProfile: "Profil von ihr"})
	equal(t, "certain", in.Profile().Files[0].Mapping[0].Certain, false)
	owner := "Account Owner,Company,Name\na@b.example,Acme,Ann Lee\nb@b.example,Beta,Bo Day\nc@b.example,Coil,Cy Roe\n"
	equal(t, "a colleague's address", contacts(t, open(t, Options{}, file(t, "b.csv", owner)))[0].Person.Email, "")
}

// TestOverlooked stops before a column is left unused that holds what rows have
// nowhere else, and says what to type.
func TestOverlooked(t *testing.T) {
	list := "Email,Referrer,Personal Email,First Name\na@b.example,,,Ann\n,r@x.example,p@gmail.com,Bo\n"
	err := open(t, Options{}, file(t, "a.csv", list)).Overlooked()
	if want := `column "Referrer" is not used, and holds an email address for rows that have none (1) (type --map email='Email' --map email='Referrer' to use it, or --map email='Email' to leave it)`; err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("%v", err)
	}
	for what, opt := range map[string]Options{"used": {Map: map[Field]Columns{Email: {"Email", "Referrer"}}}, "left": {Map: map[Field]Columns{Email: {"Email"}}}} {
		in := open(t, opt, file(t, "a.csv", list))
		if err := in.Overlooked(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		equal(t, what, contacts(t, in)[1].Person.Email, map[string]string{"used": "r@x.example", "left": ""}[what])
	}
	if err := open(t, Options{}, file(t, "b.csv", "Email,Personal Email,Account Owner,Do Not Email\n,p@gmail.com,me@mine.example,x@y.example\na@b.example,,,\n")).Overlooked(); err != nil {
		t.Errorf("columns that are never used: %v", err)
	}
}

// TestFates says of every column what becomes of it.
func TestFates(t *testing.T) {
	in := open(t, Options{}, file(t, "a.csv", "Work Email,Email,Colour,Account Owner,Unsubscribed\n,a@b.example,red,Me,\nc@b.example,,,Me,yes\n"))
	var got []string
	for _, f := range in.Profile().Files[0].Fates {
		got = append(got, f.Header+": "+string(f.Field)+": "+f.Why)
	}
	equal(t, "fates", got, []string{"Work Email: email: by its name", `Email: email: for rows where "Work Email" has no usable value`, "Colour: : not recognised",
		"Account Owner: : a colleague, not the contact", "Unsubscribed: : says who wants no mail"})
	equal(t, "filled", in.Profile().Files[0].Fates[2].Filled, 1)
	equal(t, "both", []string{contacts(t, in)[0].Person.Email, contacts(t, in)[1].Person.Email}, []string{"a@b.example", "c@b.example"})
}

// A row is named by its number and by what an editor calls its line; of several
// files the line says which.
func TestPlaces(t *testing.T) {
	a, b := "# by hand\nEmail,Note\na@acme.example,\"two\nlines\"\ninfo@acme.example,\n", `{"email":"c@acme.example"}`+"\n"
	in := open(t, Options{}, file(t, "a.csv", a))
	equal(t, "told", in.Profile().Traps[0].Place(), "row 2, line 5")
	for c, err := range in.Contacts() {
		if want := []string{"", "row 1, line 3", "row 2, line 5"}[c.Row]; err != nil || c.Place() != want {
			t.Errorf("%s, %v; want %s", c.Place(), err, want)
		}
	}
	in = open(t, Options{}, file(t, "b.jsonl", b))
	for c := range in.Contacts() {
		equal(t, "the same number once", c.Place(), "row 1")
	}
	in = open(t, Options{}, file(t, "b.jsonl", b), file(t, "a.csv", a))
	equal(t, "told", in.Profile().Traps[0].Place(), "row 3, line 5 of a.csv")
	for c := range in.Contacts() {
		if want := []string{"", "row 1, line 1 of b.jsonl", "row 2, line 3 of a.csv", "row 3, line 5 of a.csv"}[c.Row]; c.Place() != want {
			t.Errorf("%s, want %s", c.Place(), want)
		}
	}
}
