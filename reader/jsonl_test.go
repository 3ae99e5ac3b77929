package reader

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func TestJSONL(t *testing.T) {
	lines := []string{
		`{"email":"ann@b.example", "n":1.50e+2 ,"tags":["a", {"b":1}],"first_name":"Zo\u00eb","gone":null}`,
		``,
		`{"email": "bo@b.example"`,
		` {"city":"K\u00f6ln, \"Rhein\"","email":"cy@b.example","n":10000000000000000000001,"ok":true} `,
		`["ann@b.example"]`,
		`{}`,
		`{"email":"x@b.example","email":"last@b.example"}`,
	}
	in := open(t, Options{}, file(t, "a.jsonl", strings.Join(lines, "\r\n")))
	equal(t, "columns", in.Columns(), []string{"email", "n", "tags", "first_name", "gone", "city", "ok"})
	all := contacts(t, in)
	want := []Contact{
		{Line: 1, Cells: []string{"ann@b.example", "1.50e+2", `["a", {"b":1}]`, "Zoë", "", "", ""}, Object: json.RawMessage(lines[0]), Person: Person{Email: "ann@b.example", FirstName: "Zoë"}},
		{Line: 3, Cells: make([]string, 7), Raw: lines[2], Problem: "line 3: broken JSON at byte 24"},
		{Line: 4, Cells: []string{"cy@b.example", "10000000000000000000001", "", "", "", `Köln, "Rhein"`, "true"}, Object: json.RawMessage(strings.TrimSpace(lines[3])), Person: Person{Email: "cy@b.example"}},
		{Line: 5, Cells: make([]string, 7), Raw: lines[4], Problem: "line 5: not a JSON object"},
		{Line: 6, Cells: make([]string, 7), Object: json.RawMessage("{}"), Problem: "empty row"},
		{Line: 7, Cells: []string{"last@b.example", "", "", "", "", "", ""}, Object: json.RawMessage(lines[6]), Person: Person{Email: "last@b.example"}},
	}
	for i := range want {
		want[i].Row, want[i].Source = i+1, "a.jsonl"
	}
	equal(t, "contacts", all, want)
	equal(t, "invalid", in.Profile().Invalid, map[string]int{"a line that is no JSON object": 2, "empty row": 1})
}

func TestJSONLObjects(t *testing.T) {
	in := open(t, Options{}, file(t, "a.jsonl", `{"email":"a@b.example","runtimeContext":{"all":"met in Lyon","2":"ask \"again\""},"customContext":{"persona":{"oId":"pe_1"}},"runtimeInstructions":"be brief","extra":{"email":"no"}}`))
	equal(t, "extra", contacts(t, in)[0].Person.Extra, map[Field]string{
		"runtimeContext.all": "met in Lyon", "runtimeContext.2": `ask "again"`, "customContext.persona.oId": "pe_1", "runtimeInstructions.all": "be brief"})
}

func TestJSONLLongLine(t *testing.T) {
	text := `{"email":"a@b.example","note":"` + strings.Repeat("x", 200_000) + `"}` + "\n"
	in := open(t, Options{}, file(t, "a.jsonl", text+text))
	equal(t, "note", len(contacts(t, in)[1].Cells[1]), 200_000)
	e := inputError(t, Options{}, file(t, "b.jsonl", text+strings.Repeat("x", 16<<20+1)))
	equal(t, "line", e.Line, 2)
}

func TestJSONLNeverQuotesValues(t *testing.T) {
	in := open(t, Options{}, file(t, "a.jsonl", `{"email":"a@b.example"}`+"\n"+`{"email": secret@b.example}`))
	if p := contacts(t, in)[1].Problem; strings.Contains(p, "secret") || strings.Contains(p, "'s'") {
		t.Errorf("%q quotes the row", p)
	}
}

// FuzzOpen opens anything as a list: it must end in contacts or in one of the
// two errors, with as many contacts as were counted.
func FuzzOpen(f *testing.F) {
	for _, text := range []string{"email\na@b.example\n", "\xff\xfee\x00", "{\"email\":1}\n{", "sep=;\nemail;a\n\"", "email,\"name\nx", "PK\x03\x04", "\x1f\x8b\x08", "Email,E-mail\na@b.c,d@e.f\n"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		in, err := Open([]string{"-"}, Options{Stdin: bytes.NewReader(text)})
		if err != nil {
			if !errors.As(err, new(*InputError)) && !errors.As(err, new(*MappingError)) {
				t.Fatalf("%T %v", err, err)
			}
			return
		}
		defer in.Close()
		n := 0
		for c, err := range in.Contacts() {
			if err != nil {
				t.Fatal(err)
			}
			if n++; len(c.Cells) != len(in.Columns()) || c.Row != n {
				t.Fatalf("row %d has %d cells for %d columns", c.Row, len(c.Cells), len(in.Columns()))
			}
		}
		if p := in.Profile(); n != p.Rows {
			t.Fatalf("%d contacts, the profile says %d", n, p.Rows)
		}
	})
}
