package writer_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"pgregory.net/rapid"

	"octave-enrich/octave"
	"octave-enrich/octave/sandbox"
	"octave-enrich/pipeline"
	"octave-enrich/reader"
	"octave-enrich/writer"
)

// A people is a list with what has to become of each of its rows.
type people struct {
	content []byte
	header  []string   // as the output has to name the columns
	cells   [][]string // as the output has to have them
	asked   []octave.Request
	held    []bool // rows that are not asked; the others are those of asked, in order
}

// row adds a row that is asked so.
func (p *people) row(asked octave.Request, cells ...string) {
	p.cells, p.asked, p.held = append(p.cells, cells), append(p.asked, asked), append(p.held, false)
}

// none adds a row that is not asked.
func (p *people) none(cells ...string) {
	p.cells, p.held = append(p.cells, cells), append(p.held, true)
}

// text spells the list as plain CSV.
func (p *people) text() string {
	var b strings.Builder
	w := csv.NewWriter(&b)
	_ = w.Write(p.header)
	_ = w.WriteAll(p.cells) // into memory
	return b.String()
}

func some(t *rapid.T, what string, from ...string) string {
	return rapid.SampledFrom(from).Draw(t, what)
}

// person draws somebody nobody else is called like.
func person(t *rapid.T, n int) octave.Request {
	first := some(t, "first", "Ann", "Bea", "Cleo", "Zoë", "Jürgen", "Nóra")
	last := some(t, "last", "Archer", "van der Berg", "O'Neil", "Zahn-Krafft", "Silvestre")
	return octave.Request{Email: fmt.Sprintf("p%d@acme%d.example.com", n, n%3), FirstName: first, LastName: last}
}

// publish completes a file and gives it its name.
func publish(t rapid.TB, f *writer.File) {
	t.Helper()
	_, err := f.Finish()
	if err = errors.Join(err, f.Publish()); err != nil {
		t.Fatal(err)
	}
}

// TestListKinds holds each kind of list to what has to become of it, in generated
// variants: the questions in the service's ledger, and every cell that comes out.
func TestListKinds(t *testing.T) {
	for kind, draw := range listKinds() {
		t.Run(kind, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				p := draw(t)
				if p.content == nil {
					p.content = []byte(p.text())
				}
				enrich(t, p)
			})
		})
	}
}

// enrich asks for the list and compares what was sent and what came out.
func enrich(t *rapid.T, p *people) {
	in, err := reader.Open([]string{"-"}, reader.Options{Stdin: bytes.NewReader(p.content)})
	if err != nil {
		t.Fatalf("%v\n%q", err, p.content)
	}
	defer in.Close()
	questions, err := pipeline.NewQuestioner(pipeline.Settings{}, in.Columns())
	if err != nil {
		t.Fatal(err)
	}
	service := sandbox.New(sandbox.Config{})
	client, err := octave.NewClient(octave.Config{BaseURL: "http://127.0.0.1", Key: "any", Transport: sandbox.Transport(service)})
	if err != nil {
		t.Fatal(err)
	}
	var output bytes.Buffer
	f, err := writer.Create("-", writer.Options{Format: "csv", Columns: in.Columns(), Header: in.Header(), Stdout: &output})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Abort()
	for c, err := range in.Contacts() {
		var answer *octave.Answer
		failed := pipeline.ErrStopped
		if err == nil && c.Problem == "" && c.OptOut == "" {
			var question octave.Request
			if question, err = questions.Request(c); err == nil {
				answer, failed = client.Run(context.Background(), question)
			}
		}
		if err == nil {
			err = f.Write(pipeline.RowOf(c, answer, failed))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	publish(t, f)
	wanted := map[string]sandbox.Count{}
	for _, question := range p.asked {
		key := sandbox.Question(question)
		c := wanted[hex.EncodeToString(key[:])]
		c.Asked, c.Billed, c.Delivered = c.Asked+1, c.Billed+1, c.Delivered+1
		wanted[hex.EncodeToString(key[:])] = c
	}
	if d := cmp.Diff(wanted, service.Ledger().Contacts, cmpopts.EquateEmpty()); d != "" {
		t.Fatalf("sent: -want +got\n%s\n%s\n%q", d, spelled(p.asked), p.content)
	}
	p.compare(t, output.Bytes())
}

func spelled(requests []octave.Request) string {
	var b strings.Builder
	for _, r := range requests {
		fmt.Fprintf(&b, "%s\n", r.Canonical())
	}
	return b.String()
}

// compare holds the output to the cells of the list and to who was asked.
func (p *people) compare(t *rapid.T, output []byte) {
	const crlf = "\x01" // the standard library takes it for a line feed
	records, err := csv.NewReader(bytes.NewReader(bytes.ReplaceAll(output, []byte("\r\n"), []byte(crlf)))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	status := slices.Index(records[0], "octave_status")
	got := [][]string{records[0][:len(p.header)]}
	for i, record := range records[1:] {
		got = append(got, record[:len(p.header)])
		if ok := record[status] == "ok"; i < len(p.held) && ok == p.held[i] {
			t.Fatalf("row %d is %s\n%q", i+1, record[status], p.content)
		}
	}
	if d := cmp.Diff(append([][]string{p.header}, p.cells...), got); d != "" {
		t.Fatalf("came out: -want +got\n%s\n%q", d, p.content)
	}
}

// listKinds are the kinds of lists, by name.
func listKinds() map[string]func(*rapid.T) *people {
	return map[string]func(*rapid.T) *people{
		"names of columns": columnNames, "a field filled per row": perRow, "languages": languages, "a header below which words repeat": headerTrap,
		"names of people": peopleNames, "cells with more than the value": fullCells, "values that are none": noValues, "too long": tooLong,
		"languages by name": langValues, "rows that are no contacts": noContacts, "stray quotes": strayQuotes, "mixed line ends": mixedEnds,
		"encodings": encodings, "JSON": nestedJSON, "a list in a zip": zipped, "blank and double headers": blankHeaders,
		"opted out": optedOut, "the end of the file": tail,
	}
}

// count is how many rows a list gets.
func count(t *rapid.T) int { return rapid.IntRange(1, 6).Draw(t, "rows") }

func columnNames(t *rapid.T) *people {
	p := &people{header: []string{
		some(t, "email", "Email 1", "Work Email #1", "Email(1)", "Person - Email - Work", "E-mail 1 - Value", "Contact: Email", "EMAIL_ADDRESS", "emailAddress", "Prospect Email"),
		some(t, "first", "First Name", "first_name", "Contact: First Name", "Person - First name", "FIRSTNAME", "Prospect First Name"),
		some(t, "last", "Last Name", "lastName", "Contact: Last Name", "Person - Last name", "LASTNAME"),
		some(t, "company", "Company", "Account: Account Name", "ACCOUNT.NAME", "Organization Name", "company_name", "Person - Organization"),
		some(t, "website", "Website", "ACCOUNT.WEBSITE", "Company Website Domain", "Account: Website", "company_domain"),
		some(t, "profile", "Contact LI Profile URL", "Linked Url", "Person Linkedin Url", "LinkedIn Profile", "linkedin_url"),
		some(t, "never", "Company Linkedin Url", "Email Status", "Secondary Email", "Account Owner"),
	}}
	for n := range count(t) {
		q := person(t, n)
		q.CompanyName, q.CompanyDomain, q.LinkedInProfile = "Acme Bakery", "acme.example.com", fmt.Sprintf("https://www.linkedin.com/in/example-%d", n)
		p.row(q, q.Email, q.FirstName, q.LastName, q.CompanyName, "https://www.acme.example.com/", q.LinkedInProfile, "")
	}
	return p
}

func perRow(t *rapid.T) *people {
	p := &people{header: []string{"Work Email", "Email", "First Name", "Last Name", "company name", "Company"}}
	for n := range count(t) {
		q := person(t, n)
		q.CompanyName = "Acme"
		cells := []string{q.Email, q.Email, q.FirstName, q.LastName, "Acme", "Acme"}
		cells[rapid.IntRange(0, 1).Draw(t, "empty email")] = some(t, "no email", "", "n/a", "j***@acme.example.com")
		cells[rapid.IntRange(4, 5).Draw(t, "empty company")] = some(t, "no company", "", "-", "#REF!")
		p.row(q, cells...)
	}
	return p
}

func languages(t *rapid.T) *people {
	headers := map[string][]string{
		"de": {"E-Mail", "Vorname", "Nachname", "Firma"}, "fr": {"Adresse e-mail", "Prénom", "Nom", "Société"}, "es": {"Correo electrónico", "Nombre", "Apellidos", "Empresa"},
		"pt": {"E-mail", "Nome próprio", "Sobrenome", "Empresa"}, "it": {"E-mail", "Nome", "Cognome", "Azienda"}, "nl": {"E-mailadres", "Voornaam", "Achternaam", "Bedrijf"},
		"pl": {"Adres e-mail", "Imię", "Nazwisko", "Firma"}, "ru": {"Электронная почта", "Имя", "Фамилия", "Компания"}, "cs": {"E-mail", "Jméno", "Příjmení", "Společnost"},
		"sv": {"E-post", "Förnamn", "Efternamn", "Företag"}, "tr": {"E-posta", "Ad", "Soyad", "Şirket"}, "ja": {"メールアドレス", "名", "姓", "会社名"},
		"zh": {"邮箱", "名", "姓", "公司"}, "ko": {"이메일", "이름", "성", "회사"},
	}
	language := some(t, "language", "de", "fr", "es", "pt", "it", "nl", "pl", "ru", "cs", "sv", "tr", "ja", "zh", "ko")
	p := &people{header: headers[language]}
	for n := range count(t) {
		q := person(t, n)
		q.CompanyName = "Acme"
		p.row(q, q.Email, q.FirstName, q.LastName, q.CompanyName)
	}
	return p
}

func headerTrap(t *rapid.T) *people {
	p := &people{header: []string{"Kontakt", "Firma", "Quelle", "Kanal", "Weg"}}
	source, channel := some(t, "source", "LinkedIn", "Website", "Email"), some(t, "channel", "Email", "Website", "Company")
	for n := range count(t) + 1 {
		name := fmt.Sprintf("Ann Archer%s", strings.Repeat("a", n))
		first, last, _ := strings.Cut(name, " ")
		p.row(octave.Request{FirstName: first, LastName: last, CompanyName: "Acme"}, name, "Acme", source, channel, "Domain")
	}
	return p
}

func peopleNames(t *rapid.T) *people {
	p := &people{header: []string{"Company", "Name", "Email"}}
	for n := range count(t) + 2 {
		q := person(t, n)
		q.CompanyName = "Acme"
		way := some(t, "way", "# %", "%, #", "Dr. # %", "# %, PhD", "# % (she/her)", "Ms # %", "Prof. Dr. # %, MBA")
		p.row(q, "Acme", strings.NewReplacer("#", q.FirstName, "%", q.LastName).Replace(way), q.Email)
	}
	for n := range rapid.IntRange(0, 2).Draw(t, "nobodies") {
		p.row(octave.Request{Email: fmt.Sprintf("n%d@acme.example.com", n), CompanyName: "Acme"}, "Acme", some(t, "nobody", "LinkedIn Member", "Sales Team", "Info", "Vertrieb"),
			fmt.Sprintf("n%d@acme.example.com", n))
	}
	return p
}

func fullCells(t *rapid.T) *people {
	p := &people{header: []string{"Email", "First Name", "Last Name", "Website", "LinkedIn"}}
	for n := range count(t) {
		q := person(t, n)
		q.CompanyDomain, q.LinkedInProfile = "acme.example.com", fmt.Sprintf("https://www.linkedin.com/in/example-%d", n)
		email := some(t, "email", "#; z@zz.example.com", "#, z@zz.example.com", "# / z@zz.example.com", "#|z@zz.example.com", "#\nz@zz.example.com", "# (work)", "# 95%", "Ann Lee <#>",
			"[#](mailto:#)", `=HYPERLINK("mailto:#","mail")`, "#:verified", `[{"email":"#"}]`)
		site := some(t, "site", "#, https://z.example.com", "[site](https://#)", `=HYPERLINK("https://#","site")`, "https://#/\\", "https://#)")
		profile := some(t, "profile", "#, https://z.example.com", "[in](#)", `=HYPERLINK("#","in")`, "#\\", "#)", `#"`, "# (Ann)")
		p.row(q, strings.ReplaceAll(email, "#", q.Email), q.FirstName, q.LastName, strings.ReplaceAll(site, "#", q.CompanyDomain), strings.ReplaceAll(profile, "#", q.LinkedInProfile))
	}
	return p
}

func noValues(t *rapid.T) *people {
	p := &people{header: []string{"Email", "First Name", "Last Name", "Title", "Company", "Website"}}
	none := []string{"n.a.", "k.A.", "(blank)", "—", "#REF!", "#BEZUG!", "#DIV/0!", "{{first_name}}", "undefined", "null", "N/A", "?"}
	full := person(t, 99)
	full.JobTitle, full.CompanyName, full.CompanyDomain = "CEO", "Acme", "acme.example.com"
	p.row(full, full.Email, full.FirstName, full.LastName, "CEO", "Acme", "acme.example.com")
	for n := range count(t) {
		email := fmt.Sprintf("p%d@acme.example.com", n)
		p.row(octave.Request{Email: email}, email, some(t, "first", none...), some(t, "last", none...), some(t, "title", none...), some(t, "company", none...),
			some(t, "site", "https://youtube.com/@x", "linktr.ee/x", "https://calendly.com/x", "bit.ly/x", "https://www.crunchbase.com/organization/x", "https://sites.google.com/view/x", "n.a"))
	}
	p.none(some(t, "masked", "j***@acme.example.com", "no@email.com", "unknown@unknown.com", "user@domain.tld", "x@invalid.invalid"), "", "", "", "", "")
	p.row(octave.Request{Email: "z@acme.example.com"}, "z@acme.example.com", "", "", "", "", "")
	return p
}

func tooLong(t *rapid.T) *people {
	p := &people{header: []string{"Email", "First Name", "Title", "Company"}}
	long := strings.Repeat("word ", rapid.IntRange(60, 8000).Draw(t, "words"))
	for n := range count(t) {
		email := fmt.Sprintf("p%d@acme.example.com", n)
		p.row(octave.Request{Email: email, FirstName: "Ann"}, email, "Ann", long, long)
	}
	return p
}

func langValues(t *rapid.T) *people {
	p := &people{header: []string{"Email", "First Name", "Language"}}
	names := map[string]string{"German": "de", "Deutsch": "de", "de-DE": "de", "Français": "fr", "Spanish": "es", "Italiano": "it", "日本語": "ja", "Português (Brasil)": "pt-BR", "en_US": "en-US", "Klingonisch": ""}
	for n := range count(t) + 3 {
		name := some(t, "language", "German", "Deutsch", "de-DE", "Français", "Spanish", "Italiano", "日本語", "Português (Brasil)", "en_US")
		email := fmt.Sprintf("p%d@acme.example.com", n)
		p.row(octave.Request{Email: email, FirstName: "Ann", Lang: names[name]}, email, "Ann", name)
	}
	p.row(octave.Request{Email: "z@acme.example.com", FirstName: "Zoe"}, "z@acme.example.com", "Zoe", "Klingonisch")
	return p
}

func noContacts(t *rapid.T) *people {
	p := &people{header: []string{"First Name", "Last Name", "Company", "Email"}}
	for n := range count(t) {
		q := person(t, n)
		q.CompanyName = "Acme"
		switch some(t, "between", "", "", "header", "empty", "total") {
		case "header":
			p.none(p.header...)
		case "empty":
			p.none("", "", "", "")
		case "total":
			p.none(some(t, "total", "Total", "Count: 1", "Summe", "Total général", "Gesamt"), "2", "2", "2")
		}
		p.row(q, q.FirstName, q.LastName, q.CompanyName, q.Email)
	}
	return p
}

func strayQuotes(t *rapid.T) *people {
	p := &people{header: []string{"Email", "First Name", "Company"}}
	var text strings.Builder
	text.WriteString("Email,First Name,Company\n")
	for n := range count(t) {
		email := fmt.Sprintf("p%d@acme.example.com", n)
		way := rapid.SampledFrom([][2]string{{`Pipes 5" Ltd`, `Pipes 5" Ltd`}, {`"Acme, Inc"`, `Acme, Inc`}, {`Acme "Best" Ltd`, `Acme "Best" Ltd`}, {` "Acme, Ltd"`, `Acme, Ltd`}, {`"Acme" `, "Acme "}}).Draw(t, "way")
		fmt.Fprintf(&text, "%s,Ann,%s\n", email, way[0])
		p.row(octave.Request{Email: email, FirstName: "Ann", CompanyName: strings.TrimSpace(way[1])}, email, "Ann", way[1])
	}
	p.content = []byte(text.String())
	return p
}

func mixedEnds(t *rapid.T) *people {
	p := &people{header: []string{"Email", "First Name"}}
	text := "Email,First Name" + some(t, "end", "\r", "\n", "\r\n")
	for n := range count(t) + 1 {
		email := fmt.Sprintf("p%d@acme.example.com", n)
		text += email + ",Ann" + some(t, "end", "\r", "\n", "\r\n")
		p.row(octave.Request{Email: email, FirstName: "Ann"}, email, "Ann")
	}
	p.content = []byte(text)
	return p
}

func encodings(t *rapid.T) *people {
	type list struct {
		coding              encoding.Encoding
		header, first, last []string
	}
	l := rapid.SampledFrom([]list{
		{charmap.Windows1250, []string{"E-mail", "Imię", "Nazwisko"}, []string{"Łukasz", "Paweł", "Żaneta"}, []string{"Święty", "Wójcik", "Dąbrowski"}},
		{charmap.Windows1252, []string{"E-Mail", "Vorname", "Nachname"}, []string{"Jürgen", "Käthe"}, []string{"Müller", "Groß", "Schäfer"}},
		{charmap.CodePage850, []string{"E-Mail", "Vorname", "Nachname"}, []string{"Jürgen", "Käthe"}, []string{"Müller", "Schäfer", "Jäger"}},
		{charmap.Macintosh, []string{"E-mail", "Prénom", "Nom"}, []string{"Éloïse", "René"}, []string{"Lefèvre", "Muñoz"}},
		{charmap.Windows1251, []string{"Email", "Имя", "Фамилия"}, []string{"Анна", "Иван"}, []string{"Петрова", "Смирнов"}},
		{charmap.Windows1254, []string{"E-posta", "Ad", "Soyad"}, []string{"Ayşe", "Çağla"}, []string{"Yıldız", "Öztürk"}},
		{japanese.ShiftJIS, []string{"メールアドレス", "名", "姓"}, []string{"太郎", "花子"}, []string{"佐藤", "田中"}},
		{korean.EUCKR, []string{"이메일", "이름", "성"}, []string{"민수", "지은"}, []string{"김", "박"}},
	}).Draw(t, "list")
	p := &people{header: l.header}
	for n := range count(t) + 1 {
		first, last := some(t, "first", l.first...), some(t, "last", l.last...)
		email := fmt.Sprintf("p%d@acme.example.com", n)
		p.row(octave.Request{Email: email, FirstName: first, LastName: last}, email, first, last)
	}
	coded, err := l.coding.NewEncoder().String(p.text())
	if err != nil {
		t.Fatal(err)
	}
	p.content = []byte(coded)
	return p
}

// nestedJSON is a list of objects, or one a line, with the company inside another.
func nestedJSON(t *rapid.T) *people {
	p := &people{header: []string{"name", "email", "organization"}}
	var objects []string
	for n := range count(t) + 1 {
		q := person(t, n)
		q.CompanyName, q.CompanyDomain = "Durable Fleet", "durable.example.com"
		inner := `{"name": "Durable Fleet", "primary_domain": "durable.example.com"}`
		name, err := json.Marshal(q.FirstName + " " + q.LastName)
		if err != nil {
			t.Fatal(err)
		}
		objects = append(objects, fmt.Sprintf(`{"name":%s,"email":"%s","organization":%s}`, name, q.Email, inner))
		p.row(q, q.FirstName+" "+q.LastName, q.Email, inner)
	}
	p.content = []byte(strings.Join(objects, "\n") + "\n")
	if rapid.Bool().Draw(t, "array") {
		p.content = []byte("[" + strings.Join(objects, ",\n ") + "]")
		for i := range p.cells {
			p.cells[i][2] = `{"name":"Durable Fleet","primary_domain":"durable.example.com"}` // one a line
		}
	}
	return p
}

func zipped(t *rapid.T) *people {
	p := perRow(t)
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range []string{"export/", "export/" + some(t, "name", "list.csv", "List", "people.txt"), "__MACOSX/export/._list.csv", ".DS_Store"} {
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(name, "/") && !strings.Contains(name, "._") && name != ".DS_Store" {
			_, err = f.Write([]byte(p.text()))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	p.content = b.Bytes()
	return p
}

func blankHeaders(t *rapid.T) *people {
	p := &people{header: append([]string{"Email", "First Name"}, rapid.SliceOfN(rapid.SampledFrom([]string{"", "", "Note", "Note", " ", "Stage"}), 1, 6).Draw(t, "others")...)}
	for n := range count(t) {
		email := fmt.Sprintf("p%d@acme.example.com", n)
		cells := append([]string{email, "Ann"}, rapid.SliceOfN(rapid.SampledFrom([]string{"", "x", "two words"}), len(p.header)-2, len(p.header)-2).Draw(t, "cells")...)
		p.row(octave.Request{Email: email, FirstName: "Ann"}, cells...)
	}
	return p
}

func optedOut(t *rapid.T) *people {
	consent := rapid.Bool().Draw(t, "consent")
	p := &people{header: []string{"Email", "First Name", some(t, "header", "Unsubscribed", "Email Opt Out", "HASOPTEDOUTOFEMAIL", "Abgemeldet", "Désinscrit", "Do Not Contact")}}
	out, in := []string{"true", "yes", "1", "x", "WAHR", "2026-01-02", "ja"}, []string{"", "false", "no", "0", "FALSCH", "Subscribed"}
	if consent {
		p.header[2] = some(t, "header", "Email consent", "Marketing Consent", "Newsletter Opt-in", "Opted In", "Einwilligung", "Consentement RGPD", "Accepts Marketing")
		out, in = []string{"no", "false", "0", "nein", "Opted out", "withdrawn", "FALSCH"}, []string{"", "yes", "true", "1", "granted", "2026-01-02", "ja"}
	}
	for n := range count(t) {
		email := fmt.Sprintf("p%d@acme.example.com", n)
		if rapid.Bool().Draw(t, "out") {
			p.none(email, "Ann", some(t, "no mail", out...))
			continue
		}
		p.row(octave.Request{Email: email, FirstName: "Ann"}, email, "Ann", some(t, "mail", in...))
	}
	return p
}

func tail(t *rapid.T) *people {
	p := &people{header: []string{"First Name", "Last Name", "Company", "Email"}}
	q := person(t, 1)
	q.CompanyName = "Acme"
	p.row(q, q.FirstName, q.LastName, q.CompanyName, q.Email)
	for range rapid.IntRange(1, 5).Draw(t, "sparse") {
		cells := make([]string, 4)
		cells[rapid.IntRange(0, 2).Draw(t, "column")] = some(t, "cell", "Zed", "Two Ltd", "Amy")
		p.none(cells...)
	}
	return p
}
