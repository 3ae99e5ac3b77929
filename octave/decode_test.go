package octave_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"octave-enrich/octave"
)

func TestDecode(t *testing.T) {
	raw := `{"_metadata":{"requestId":"req_1","timestamp":"2026-11-23T19:00:00Z","usage":1.50,"message":"Success"},"found":true,"message":null,
	"data":{"emails":[
	 {"subject":"Hello","email":"Hi Ann,\n\n\"quoted\"","coreValueProp":"time","sections":null},
	 {"subject":"","sections":{"cta":"Call?","greeting":"Hi","signature":"Jo","opening":" ","ps":null,"closing":5,"body":"Text"}},
	 {"subject":"Old","body":"As it was"}],
	"playbook":{"oId":"pb_1","name":"Growth"},"persona":{"oId":"pe_1","name":" ","internalName":"leader"},"product":"Studio","outputType":"EMAIL","new":[1]}}`
	want := &octave.Answer{
		Raw: json.RawMessage(raw), Found: true, Message: "Success", RequestID: "req_1", Usage: "1.50",
		Emails: []octave.Email{
			{Subject: "Hello", Body: "Hi Ann,\n\n\"quoted\"", CoreValueProp: "time"},
			{Body: "Hi\n\nText\n\nCall?\n\nJo", Sections: json.RawMessage(`{"cta":"Call?","greeting":"Hi","signature":"Jo","opening":" ","ps":null,"closing":5,"body":"Text"}`)},
			{Subject: "Old", Body: "As it was"},
		},
		Playbook:   octave.Entity{Name: "Growth", Raw: json.RawMessage(`{"oId":"pb_1","name":"Growth"}`)},
		Persona:    octave.Entity{Name: "leader", Raw: json.RawMessage(`{"oId":"pe_1","name":" ","internalName":"leader"}`)},
		Product:    octave.Entity{Name: "Studio", Raw: json.RawMessage(`"Studio"`)},
		OutputType: json.RawMessage(`"EMAIL"`),
	}
	got, err := octave.Decode([]byte("\ufeff " + raw + "\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

func TestDecodeTakesTheTextWhereItIs(t *testing.T) {
	for _, c := range []struct{ name, message, want string }{
		{"email wins", `{"email":"E","body":"B","sections":{"body":"S"}}`, "E"},
		{"sections before body", `{"email":"","body":"B","sections":{"body":"S"}}`, "S"},
		{"blank email", `{"email":" \n","sections":{"body":"S"}}`, "S"},
		{"empty sections", `{"body":"B","sections":{"greeting":"","cta":null}}`, "B"},
		{"sections of the wrong type", `{"body":"B","sections":"S"}`, "B"},
		{"email of the wrong type", `{"body":"B","email":{"text":"E"}}`, "B"},
		{"a string for a message", `"plain"`, "plain"},
		{"repeated name", `{"email":"a","email":"b"}`, "b"},
		{"escaped name", `{"\u0065mail":"E"}`, "E"},
		{"all sections in order", `{"sections":{"signature":"7","ps":"6","cta":"5","closing":"4","body":"3","opening":"2","greeting":"1","other":"0"}}`, "1\n\n2\n\n3\n\n4\n\n5\n\n6\n\n7"},
		{"escapes", `{"email":"\u00e4\ud83d\ude00\/\b\f\r\t\\ \u0000 \ud800."}`, "ä😀/\b\f\r\t\\ \x00 \uFFFD."},
		{"invalid UTF-8", "{\"email\":\"a\xff\\nb\"}", "a\uFFFD\nb"},
	} {
		a, err := octave.Decode([]byte(`{"found":true,"data":{"emails":[` + c.message + `]}}`))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if len(a.Emails) != 1 || a.Emails[0].Body != c.want {
			t.Errorf("%s: got %q, want %q", c.name, a.Emails, c.want)
		}
	}
}

func TestDecodeNotFound(t *testing.T) {
	for _, raw := range []string{
		`{"found":false,"message":"Private","data":null,"_metadata":{"usage":0}}`,
		`{"found":false,"_metadata":{"message":"Private"}}`,
		`{"found":false,"message":"Pri\u0000vate ","data":[]}`,
		`{"found":false,"message":"Private","data":{"emails":null}}`,
	} {
		a, err := octave.Decode([]byte(raw))
		if err != nil || a.Found || a.Message != "Private" || len(a.Emails) != 0 {
			t.Errorf("%s: got %+v, %v", raw, a, err)
		}
	}
}

func TestDecodeWithoutTheFieldFound(t *testing.T) {
	a, err := octave.Decode([]byte(`{"data":{"emails":[{"email":"x"}]}}`))
	if err != nil || !a.Found {
		t.Errorf("messages are there, but found is %+v, %v", a, err)
	}
}

func TestDecodeIsNotSpoiltByOneValue(t *testing.T) {
	for _, part := range []string{
		`"_metadata":null`, `"_metadata":[]`, `"_metadata":"x"`, `"_metadata":{"usage":1e400,"requestId":{}}`, `"_metadata":{"usage":"many"}`,
		`"message":{}`, `"message":7`, `"found":null`, `"found":true,"found":true`, `"x":1e400`, `"x":"\ud800"`,
		`"x":` + strings.Repeat("[", 900) + strings.Repeat("]", 900), `"":""`,
	} {
		a, err := octave.Decode([]byte(`{"found":true,"data":{"emails":[{"subject":[],"email":"text","coreValueProp":{},"sections":[]}],` +
			`"playbook":7,"persona":[],"product":{"name":{}}},` + part + `}`))
		if err != nil || len(a.Emails) != 1 || a.Emails[0].Body != "text" || a.Emails[0].Subject != "" {
			t.Errorf("%.60s: got %+v, %v", part, a, err)
		}
	}
}

func TestDecodeBrokenAnswers(t *testing.T) {
	for _, c := range []struct{ name, raw, says string }{
		{"empty", "", "empty"},
		{"blank", " \n", "empty"},
		{"text", "OK", "not JSON"},
		{"page", "<html><title>Log in</title>", "Log in"},
		{"cut", `{"found":true,"data":{"em`, "cut off"},
		{"two values", `{"found":false}{"found":true}`, "damaged"},
		{"list", `[]`, "found is missing"},
		{"string", `"found"`, "found is missing"},
		{"null", `null`, "found is missing"},
		{"empty object", `{}`, "found is missing"},
		{"message only", `{"message":"Something odd"}`, "Something odd"},
		{"found of another type", `{"found":"yes"}`, "found is missing"},
		{"beyond nesting", strings.Repeat("[", 20000) + strings.Repeat("]", 20000), "not JSON"},
	} {
		_, err := octave.Decode([]byte(c.raw))
		e := asError(t, err)
		if e.Action != octave.Again || e.Cause != octave.CauseAmbiguous || !e.MaybeBilled || !strings.Contains(e.Error(), c.says) {
			t.Errorf("%s: got %v, %v, billed %v: %v", c.name, e.Action, e.Cause, e.MaybeBilled, e)
		}
	}
}

func TestDecodeAnswersWithoutUse(t *testing.T) {
	for _, raw := range []string{
		`{"found":true}`, `{"found":true,"data":null}`, `{"found":true,"data":{"emails":[]}}`, `{"found":true,"data":{"emails":null}}`,
		`{"found":true,"data":{"emails":{"0":{"email":"x"}}}}`, `{"found":true,"data":{"emails":[{"subject":"s"}]}}`,
		`{"found":true,"data":{"emails":[{"email":"x"},null]}}`, `{"found":true,"data":{"emails":[{"email":"x"},{"email":" "}]}}`,
	} {
		_, err := octave.Decode([]byte(raw))
		e := asError(t, err)
		if e.Action != octave.Row || e.Cause != octave.CauseUnusable || !e.MaybeBilled || string(e.Raw) != raw {
			t.Errorf("%s: got %v, %v, billed %v, raw %s: %v", raw, e.Action, e.Cause, e.MaybeBilled, e.Raw, e)
		}
	}
	_, err := octave.Decode([]byte(`{"found":true,"data":{"emails":[{"email":"x"},{"subject":"s"}]}}`))
	if want := "message 2 of 2 has no text"; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(sample(f, 3, "email"))
	f.Add(sample(f, 2, "sections"))
	for _, s := range []string{`{"found":false}`, `{"found":true,"data":{"emails":[{"body":"\ud800"}]}}`, `{`, "\ufeff{}", `{"_metadata":{"usage":1e400}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		a, err := octave.Decode(raw)
		if err != nil {
			asError(t, err)
			return
		}
		if a.Found && len(a.Emails) == 0 {
			t.Error("found, without messages")
		}
		for _, e := range a.Emails {
			if a.Found && strings.TrimSpace(e.Body) == "" {
				t.Error("a message without a text")
			}
			if e.Sections != nil && !json.Valid(e.Sections) {
				t.Errorf("sections are no JSON: %s", e.Sections)
			}
		}
		for _, part := range []json.RawMessage{a.Playbook.Raw, a.Persona.Raw, a.Product.Raw, a.OutputType} {
			if part != nil && !json.Valid(part) {
				t.Errorf("no JSON: %s", part)
			}
		}
		again, err := octave.Decode(a.Raw)
		if err != nil || !cmp.Equal(a, again) {
			t.Errorf("read back differently: %v", err)
		}
	})
}

func asError(t *testing.T, err error) *octave.Error {
	t.Helper()
	var e *octave.Error
	if !errors.As(err, &e) {
		t.Fatalf("not an *octave.Error: %v", err)
	}
	return e
}
