package reader

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
)

// file writes a file for a test.
func file(tb testing.TB, name, content string) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}

// open opens an input that must be good.
func open(tb testing.TB, opt Options, paths ...string) *Input {
	tb.Helper()
	in, err := Open(paths, opt)
	if err != nil {
		tb.Fatalf("Open: %v", err)
	}
	tb.Cleanup(func() {
		if err := in.Close(); err != nil {
			tb.Error(err)
		}
	})
	return in
}

// contacts reads all contacts of an input that must be good.
func contacts(tb testing.TB, in *Input) []Contact {
	tb.Helper()
	var all []Contact
	for c, err := range in.Contacts() {
		if err != nil {
			tb.Fatalf("row %d: %v", len(all)+1, err)
		}
		all = append(all, c)
	}
	if len(all) != in.Profile().Rows {
		tb.Fatalf("%d contacts, the profile says %d", len(all), in.Profile().Rows)
	}
	return all
}

// cells are the cells of all contacts.
func cells(tb testing.TB, in *Input) [][]string {
	tb.Helper()
	var all [][]string
	for _, c := range contacts(tb, in) {
		all = append(all, c.Cells)
	}
	return all
}

func mapped(in *Input, file int) map[Field]string {
	m := map[Field]string{}
	for _, c := range in.Profile().Files[file].Mapping {
		m[c.Field] = c.Header
	}
	return m
}

func equal(tb testing.TB, what string, got, want any) {
	tb.Helper()
	if d := cmp.Diff(want, got); d != "" {
		tb.Errorf("%s: -want +got\n%s", what, d)
	}
}

// inputError opens what must be refused as an input.
func inputError(tb testing.TB, opt Options, paths ...string) *InputError {
	tb.Helper()
	in, err := Open(paths, opt)
	var e *InputError
	if !errors.As(err, &e) {
		if err == nil {
			in.Close()
		}
		tb.Fatalf("Open: %v, want an InputError", err)
	}
	return e
}

func mappingError(tb testing.TB, opt Options, paths ...string) *MappingError {
	tb.Helper()
	in, err := Open(paths, opt)
	var e *MappingError
	if !errors.As(err, &e) {
		if err == nil {
			in.Close()
		}
		tb.Fatalf("Open: %v, want a MappingError", err)
	}
	return e
}

func TestContact(t *testing.T) {
	path := file(t, "list.csv", "First Name,Last Name,Email,Company,Do Not Email\nAnn,Lee, ANN@Example.com ,Acme Inc.,TRUE\n,,,,\nBo,,-,n/a,no\nCy,,,\"Beta\r\nGmbH\",\n")
	in := open(t, Options{}, path)
	equal(t, "columns", in.Columns(), []string{"First Name", "Last Name", "Email", "Company", "Do Not Email"})
	want := []Contact{
		{Row: 1, Source: "list.csv", Line: 2, Cells: []string{"Ann", "Lee", " ANN@Example.com ", "Acme Inc.", "TRUE"},
			Person: Person{Email: "ann@example.com", FirstName: "Ann", LastName: "Lee", CompanyName: "Acme Inc."}, OptOut: "Do Not Email"},
		{Row: 2, Source: "list.csv", Line: 3, Cells: make([]string, 5), Problem: "empty row"},
		{Row: 3, Source: "list.csv", Line: 4, Cells: []string{"Bo", "", "-", "n/a", "no"}, Person: Person{FirstName: "Bo"},
			Problem: "no email, no LinkedIn profile, and no name with a company"},
		{Row: 4, Source: "list.csv", Line: 5, Cells: []string{"Cy", "", "", "Beta\r\nGmbH", ""}, Person: Person{FirstName: "Cy", CompanyName: "Beta GmbH"}},
	}
	equal(t, "contacts", contacts(t, in), want)
	equal(t, "read again", contacts(t, in), want)
	p := in.Profile()
	equal(t, "invalid", p.Invalid, map[string]int{"empty row": 1, "no email, no LinkedIn profile, and no name with a company": 1})
	equal(t, "opt-outs", p.OptOut, map[string]int{"Do Not Email": 1})
	equal(t, "sendable", p.Sendable, 2)
}

func TestContactsStop(t *testing.T) {
	in := open(t, Options{}, file(t, "a.csv", "email\n"+strings.Repeat("a@b.example\n", 200)))
	n := 0
	for range in.Contacts() {
		if n++; n == 3 {
			break
		}
	}
	equal(t, "contacts", n, 3)
	equal(t, "all", len(contacts(t, in)), 200)
	equal(t, "duplicates", in.Profile().Duplicates, 199)
}

func TestSeveralFiles(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"a.csv": "Email,City\na@x.example,Lyon\n", "b.jsonl": `{"email":"b@x.example","source":"fair"}` + "\n",
		"c.csv": "Work Email;City;Title\nc@x.example;Bonn;CEO;more\n", "notes.md": "not a list", "a.enriched.csv": "Email\nz@x.example\n", ".hidden.csv": "Email\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want := [][]string{
		{"a@x.example", "Lyon", "", "", "", "", "", "a.csv"},
		{"", "", "b@x.example", "fair", "", "", "", "b.jsonl"},
		{"", "Bonn", "", "", "c@x.example", "CEO", "more", "c.csv"},
	}
	columns := []string{"Email", "City", "email", "source", "Work Email", "Title", "extra_1", "octave_source"}
	for what, paths := range map[string][]string{
		"directory": {dir},
		"glob":      {filepath.Join(dir, "*.*")},
		"named":     {filepath.Join(dir, "a.csv"), filepath.Join(dir, "b.jsonl"), filepath.Join(dir, "c.csv"), filepath.Join(dir, "a.csv")},
	} {
		in := open(t, Options{}, paths...)
		equal(t, what+" columns", in.Columns(), columns)
		equal(t, what, cells(t, in), want)
		for i, c := range contacts(t, in) {
			equal(t, "row", c.Row, i+1)
			if c.Person.Email == "" {
				t.Errorf("%s: row %d has no email", what, c.Row)
			}
		}
	}
	skip := Options{Skip: []string{dir + "/./c.csv", filepath.Join(dir, "not there yet.csv")}}
	equal(t, "the output in the directory", len(contacts(t, open(t, skip, dir))), 2)
	equal(t, "the output among the matches", len(contacts(t, open(t, skip, filepath.Join(dir, "*.*")))), 2)
	in := open(t, Options{Map: map[Field]Columns{JobTitle: {"City"}}}, dir)
	equal(t, "a flag for some of the files", mapped(in, 0)[JobTitle], "City")
	equal(t, "and detection for the rest", mapped(in, 1), map[Field]string{Email: "email"})
	mappingError(t, Options{Map: map[Field]Columns{JobTitle: {"Town"}}}, dir)
}

func TestStandardInput(t *testing.T) {
	in := open(t, Options{Stdin: strings.NewReader("email\na@b.example\n")}, "-")
	equal(t, "cells", cells(t, in), [][]string{{"a@b.example"}})
	equal(t, "again", cells(t, in), [][]string{{"a@b.example"}})
	equal(t, "source", contacts(t, in)[0].Source, "stdin")
	equal(t, "name in errors", inputError(t, Options{Stdin: strings.NewReader("")}, "-").File, "standard input")
}

func TestChangedFile(t *testing.T) {
	rows := strings.Repeat("a@b.example\n", 100_000)
	for what, change := range map[string]func(path string) error{
		"replaced":  func(p string) error { return errors.Join(os.Remove(p), os.WriteFile(p, []byte("email\n"+rows), 0o600)) },
		"truncated": func(p string) error { return os.Truncate(p, 50) },
		"appended":  func(p string) error { return os.WriteFile(p, []byte("email\n"+rows+"c@d.example\n"), 0o600) },
		"removed":   os.Remove,
	} {
		path := file(t, "a.csv", "email\n"+rows)
		in := open(t, Options{}, path)
		if err := change(path); err != nil {
			t.Fatal(err)
		}
		if err := lastError(in); !errors.As(err, new(*InputError)) {
			t.Errorf("%s before reading: %v", what, err)
		}
	}
	for what, change := range map[string]func(path string) error{
		"truncated": func(p string) error { return os.Truncate(p, int64(len(rows)/2)) },
		"appended":  func(p string) error { return os.WriteFile(p, []byte("email\n"+rows+"c@d.example\n"), 0o600) },
	} {
		path := file(t, "a.csv", "email\n"+rows)
		in, n := open(t, Options{}, path), 0
		var last error
		for _, err := range in.Contacts() {
			if n++; n == 10 {
				if err := change(path); err != nil {
					t.Fatal(err)
				}
			}
			last = err
		}
		if !errors.As(last, new(*InputError)) {
			t.Errorf("%s while reading: %v after %d rows", what, last, n)
		}
	}
}

func lastError(in *Input) (last error) {
	for _, err := range in.Contacts() {
		last = err
	}
	return last
}

func TestRefused(t *testing.T) {
	for _, test := range []struct {
		name, content string
		line          int
		text          string
	}{
		{"empty.csv", "", 0, "empty"},
		{"blank.csv", " \r\n\n", 0, "empty"},
		{"bom.csv", "\xef\xbb\xbf", 0, "empty"},
		{"headeronly.jsonl", "\n\n", 0, "empty"},
		{"list.pdf", "%PDF-1.7", 0, "PDF"},
		{"list.xls", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 0, ".xlsx or CSV"},
		{"list.xls", "<html><table><tr><td>email", 0, "HTML"},
		{"list.zip", "PK\x03\x04rubbish", 0, "workbook"},
		{"zeros.csv", "email\na@b.example\x00\n", 0, "zero bytes"},
		{"list.json", "[\n {\"email\": \"a@b.example\"},\n {\"ema", 0, "broken JSON behind object 1"},
		{"list.json", "{\n \"email\": \"a@b.example\"\n}\n", 0, "jq -c ."},
		{"open.csv", "email,name\na@b.example,\"Ann\nb@b.example,Bo\n", 2, "never closed"},
		{"stray.csv", "email,name\na@b.example,\"Ann\nb@b.example,\"Bo\"\n", 2, "ends on line 3"},
		{"after.csv", "email,name\na@b.example,\"Ann\" Lee, Bo\n", 2, "after the closing quote"},
		{"bad.csv", "email,name\na@b.example,\"Ann\" Lee, Bo\nb@b.example,Bo\nc@b.example,\"Cy\" Roe, Di\n", 2, "2 lines cannot be read (lines 2, 4)"},
		{"cut.csv.gz", "\x1f\x8b\x08\x00\x00\x00\x00\x00", 0, "cut off"},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := file(t, test.name, test.content)
			e := inputError(t, Options{}, path)
			equal(t, "file", e.File, path)
			equal(t, "line", e.Line, test.line)
			if !strings.Contains(e.Error(), test.text) {
				t.Errorf("%q does not say %q", e, test.text)
			}
		})
	}
	missing := inputError(t, Options{}, filepath.Join(t.TempDir(), "nobody.csv"))
	if !errors.Is(missing, os.ErrNotExist) || !strings.HasSuffix(missing.Error(), "nobody.csv: no such file (check the path)") {
		t.Errorf("%v is not ErrNotExist", missing)
	}
	inputError(t, Options{}, t.TempDir())
	inputError(t, Options{}, filepath.Join(t.TempDir(), "*.csv"))
	inputError(t, Options{})
	inputError(t, Options{}, file(t, "a.jsonl", "email,city\na@b.example,Bonn\n"))
	inputError(t, Options{Format: "xlsx"}, file(t, "a.csv", "email\na@b.example\n"))
}

func TestRaggedRows(t *testing.T) {
	in := open(t, Options{}, file(t, "a.csv", "Email,Stage,,Stage,extra_1\na@b.example,CEO\n\nb@b.example,CTO,x,y,z,more,\"and\nmore\"\nc@b.example,CFO,x,y,z,more\n"))
	equal(t, "columns", in.Columns(), []string{"Email", "Stage", "column_3", "Stage (2)", "extra_1", "extra_1 (2)", "extra_2"})
	equal(t, "cells", cells(t, in), [][]string{
		{"a@b.example", "CEO", "", "", "", "", ""},
		{"b@b.example", "CTO", "x", "y", "z", "more", "and\nmore"},
		{"c@b.example", "CFO", "x", "y", "z", "more", ""},
	})
	notes := strings.Join(in.Profile().Notes, "\n")
	for _, want := range []string{"line 2 with fewer cells", "lines 4, 6 with more cells", `column 3, "" in the header, is called "column_3"`, `"Stage (2)"`} {
		if !strings.Contains(notes, want) {
			t.Errorf("notes do not say %q:\n%s", want, notes)
		}
	}
}

func TestFooter(t *testing.T) {
	for _, test := range []struct {
		what, rows            string
		contacts, foot, empty int
	}{
		{"totals", "a@b.example,Ann,Acme\n\"Grand Totals (1 record)\"\n\nConfidential\n", 1, 2, 0},
		{"padded totals", "a@b.example,Ann,Acme\n,,\nTotal: 1,,\n,,\n", 1, 1, 2},
		{"empty rows in the middle", "a@b.example,Ann,Acme\n,,\nb@b.example,Bo,Beta\n,,\n", 3, 0, 1},
		{"what lacks nearly all is a row", "a@b.example,Ann,Acme\n,,Two Ltd\nZed,,\n", 3, 0, 0},
		{"addresses alone are contacts", "a@b.example,Ann,Acme\nb@b.example,,\nc@b.example,,\n", 3, 0, 0},
		{"profiles too", "a@b.example,Ann,Acme\nhttps://www.linkedin.com/in/bo,,\n", 2, 0, 0},
		{"a sparse list is no footer", "a@b.example,Ann,Acme\n" + strings.Repeat(",Bo,\n", 11), 12, 0, 0},
		{"not even its end", "a@b.example,Ann,Acme\n" + strings.Repeat(",Bo,\n", 12) + ",,\n,Cy,\n", 15, 0, 0},
	} {
		in := open(t, Options{}, file(t, "a.csv", "Email,First Name,Company\n"+test.rows))
		f := in.Profile().Files[0]
		equal(t, test.what, []int{len(contacts(t, in)), f.Footer, f.Empty}, []int{test.contacts, test.foot, test.empty})
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

// TestSkipUnreadable reads on behind lines that cannot be read, and keeps them as rows.
func TestSkipUnreadable(t *testing.T) {
	path := file(t, "a.csv", "Email,First Name\na@b.example,\"Ann\" Lee, Bo\nb@b.example,Bo\n")
	if e := inputError(t, Options{}, path); !strings.Contains(e.Hint, "--skip unreadable") {
		t.Errorf("%v", e)
	}
	all := contacts(t, open(t, Options{SkipUnreadable: true}, path))
	equal(t, "rows", len(all), 2)
	equal(t, "the bad one", []string{all[0].Cells[0], all[0].Person.Email}, []string{"a@b.example", ""})
	if !strings.Contains(all[0].Problem, "unreadable line") {
		t.Errorf("%q", all[0].Problem)
	}
	equal(t, "the next", all[1].Person.Email, "b@b.example")
}

// TestMixedLineEnds loses no row of a list whose lines end in different ways,
// and refuses one that turns to another way far behind its start.
func TestMixedLineEnds(t *testing.T) {
	in := open(t, Options{}, "testdata/lists/g13_mixed_eol.csv")
	var got []string
	for _, c := range contacts(t, in) {
		got = append(got, c.Person.Email)
	}
	equal(t, "emails", got, []string{"a@one.example.com", "b@two.example.com", "c@three.example.com"})
	late := "Email,First Name\n" + strings.Repeat("person@example.com,Ann\n", 40_000) + "b@b.example,Bo\rc@b.example,Cy\n"
	if e := inputError(t, Options{}, file(t, "late.csv", late)); e.Line != 40_002 {
		t.Errorf("%v", e)
	}
	inputError(t, Options{}, "testdata/lists/g15_late_nul.csv")
}

// TestOlderEncodings tells them by the words of the header and by what the text
// would be.
func TestOlderEncodings(t *testing.T) {
	for _, test := range []struct{ encoding, text, name string }{
		{"windows-1252", "Vorname;Nachname;E-Mail\nJörg;Müßig;a@b.example\n", "Jörg"},
		{"windows-1252", "First Name,Email\nZoë,a@b.example\nAndré,c@b.example\n", "Zoë"},
		{"windows-1252", "First Name|Email|Company\né|a@b.example|Acme\n", "é"}, // which are bytes of one sign in Big5
		{"windows-1252", "First Name,Email\néa,a@b.example\n", "éa"},
		{"windows-1250", "Imię;Nazwisko;E-mail\nŁukasz;Świąty;a@b.example\n", "Łukasz"},
		{"windows-1250", "First Name;Last Name;Email\nŁukasz;Żółć;a@b.example\n", "Łukasz"},
		{"windows-1254", "Ad;Soyad;E-posta\nİbrahim;Yıldız Şahoğlu;a@b.example\n", "İbrahim"},
		{"windows-1251", "Имя;Фамилия;Электронная почта\nИван;Петров;a@b.example\n", "Иван"},
		{"macintosh", "Prénom,Nom,E-mail\nRené,Lefèvre,a@b.example\n", "René"},
		{"cp850", "Vorname;Nachname;E-Mail-Adresse;Straße\nJürgen;Müßig;a@b.example;Grünstraße\n", "Jürgen"},
		{"shift_jis", "名,姓,メールアドレス\n花子,佐藤,a@b.example\n", "花子"},
		{"euc-kr", "이름,회사,이메일\n김민준,삼성,a@b.example\n", "김민준"},
		{"big5", "名,姓,電子郵件\n志明,陳,a@b.example\n", "志明"},
		{"big5", "First Name,Last Name,Company,Email\n志明,陳,台灣積體電路,a@b.example\n", "志明"},
		{"shift_jis", "First Name,Last Name,Company,Email\n花子,佐藤,ソニー,a@b.example\n", "花子"},
		{"gb18030", "名,姓,邮箱\n小明,王,a@b.example\n", "小明"},
	} {
		enc, err := htmlindex.Get(test.encoding)
		if test.encoding == "cp850" {
			enc, err = charmap.CodePage850, nil
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := enc.NewEncoder().String(test.text)
		if err != nil {
			t.Fatal(err)
		}
		in := open(t, Options{}, file(t, "a.csv", text))
		equal(t, test.name, in.Profile().Files[0].Encoding, test.encoding)
		equal(t, test.encoding, contacts(t, in)[0].Cells[0], test.name)
	}
	for path, want := range map[string]string{"testdata/lists/g14_cp1250.csv": "Łukasz", "testdata/lists/g14_macroman.csv": "José"} {
		equal(t, path, contacts(t, open(t, Options{}, path))[0].Person.FirstName, want)
	}
	in := open(t, Options{}, file(t, "a.csv", "email,name\na@b.example,Zoë René\nb@b.example,Andr\xe9\n"))
	equal(t, "a bad byte stays", contacts(t, in)[1].Cells[1], "Andr\xe9")
	equal(t, "and is not sent", contacts(t, in)[1].Person.FirstName, "")
	if told := strings.Join(in.Profile().Told(), "\n"); !strings.Contains(told, "not UTF-8, left out") {
		t.Errorf("nobody is told:\n%s", told)
	}
}

// TestArray reads a list of objects as it reads one object a line.
func TestArray(t *testing.T) {
	for _, text := range []string{`[{"email":"a@b.example","n":1.50},{"email":"c@d.example"}]`, "[\n  {\n    \"email\": \"a@b.example\",\n    \"n\": 1.50\n  },\n  {\"email\": \"c@d.example\"}\n]\n"} {
		in := open(t, Options{}, file(t, "a.json", text))
		all := contacts(t, in)
		equal(t, "format", in.Profile().Files[0].Format, "jsonl")
		equal(t, "cells", cells(t, in), [][]string{{"a@b.example", "1.50"}, {"c@d.example", ""}})
		equal(t, "object", string(all[0].Object), `{"email":"a@b.example","n":1.50}`)
	}
}

// TestEmptyList has a header and nobody below it.
func TestEmptyList(t *testing.T) {
	in := open(t, Options{}, file(t, "a.csv", "Email,Name\n"))
	equal(t, "rows", len(contacts(t, in)), 0)
	equal(t, "columns", in.Columns(), []string{"Email", "Name"})
}

// TestHeader keeps the names of columns as they are, beside those that tell them apart.
func TestHeader(t *testing.T) {
	in := open(t, Options{}, "testdata/lists/g15_blank_headers.csv")
	header := in.Header()
	equal(t, "blank", []string{header[5], header[7], header[4]}, []string{"", "", "Email"})
	equal(t, "columns", in.Columns()[5], "column_6")
	equal(t, "as many", len(header), len(in.Columns()))
	twice := open(t, Options{}, file(t, "a.csv", "Email,Note,Note\na@b.example,x,y,z\n"))
	equal(t, "twice", twice.Header(), []string{"Email", "Note", "Note", "extra_1"})
}
