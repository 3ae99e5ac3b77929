package octave_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"octave-enrich/octave"
)

func fullRequest() octave.Request {
	return octave.Request{
		Email: "ann@example.com", FirstName: "Ann", LastName: "Lee", JobTitle: "R&D <lead>", CompanyDomain: "example.com",
		CompanyName: "Example", LinkedInProfile: "https://linkedin.com/in/ann", CRMContactID: "c1", CRMLeadID: "l1", CRMAccountID: "a1",
		Lang: "en", OutputFormat: "text",
		RuntimeContext:           map[string]string{"all": "x", "2": "y"},
		RuntimeInstructions:      map[string]string{"1": "z"},
		PlaybookSelectionContext: "sel",
		CustomContext: &octave.CustomContext{Playbook: &octave.Ref{OID: "p"}, Product: &octave.Ref{OID: "q"},
			Service: &octave.Ref{OID: "s"}, Persona: &octave.Ref{OID: "t"}, Segment: &octave.Ref{OID: "u"}},
		AgentOID: "ca_1", ExperimentOID: "ae_1", IncludeFullAnnotation: true, RequestID: "r1",
	}
}

func TestCanonicalHoldsTheWholeQuestion(t *testing.T) {
	want := `{"email":"ann@example.com","firstName":"Ann","lastName":"Lee","jobTitle":"R&D <lead>","companyDomain":"example.com",` +
		`"companyName":"Example","linkedInProfile":"https://linkedin.com/in/ann","crmContactId":"c1","crmLeadId":"l1","crmAccountId":"a1",` +
		`"lang":"en","outputFormat":"text","runtimeContext":{"2":"y","all":"x"},"runtimeInstructions":{"1":"z"},` +
		`"playbookSelectionContext":"sel","customContext":{"playbook":{"oId":"p"},"product":{"oId":"q"},"service":{"oId":"s"},` +
		`"persona":{"oId":"t"},"segment":{"oId":"u"}},"agentOId":"ca_1","experimentOId":"ae_1","includeFullAnnotation":true}`
	if got := string(fullRequest().Canonical()); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestCanonicalLeavesEmptyFieldsOut(t *testing.T) {
	for _, c := range []struct {
		name string
		req  octave.Request
		want string
	}{
		{"nothing", octave.Request{}, `{}`},
		{"empty maps", octave.Request{RuntimeContext: map[string]string{}}, `{}`},
		{"empty values", octave.Request{RuntimeContext: map[string]string{"all": "", "1": "x"}, RuntimeInstructions: map[string]string{"all": ""}},
			`{"runtimeContext":{"1":"x"}}`},
		{"empty context", octave.Request{CustomContext: &octave.CustomContext{}}, `{}`},
		{"ref without id", octave.Request{CustomContext: &octave.CustomContext{Product: &octave.Ref{}, Persona: &octave.Ref{OID: "p"}}},
			`{"customContext":{"persona":{"oId":"p"}}}`},
		{"only refs without id", octave.Request{CustomContext: &octave.CustomContext{Product: &octave.Ref{}}}, `{}`},
	} {
		if got := string(c.req.Canonical()); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

// Bytes that differ from those of an earlier version would ask and bill again
// what that version had answered.
func TestCanonicalIsWhatEncodingJSONWrites(t *testing.T) {
	texts := rapid.OneOf(rapid.Just(""), rapid.String(), rapid.StringMatching(`[ -~]{0,20}`),
		rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }))
	steps := rapid.MapOf(rapid.SampledFrom([]string{"all", "1", "2"}), texts.Filter(func(s string) bool { return s != "" }))
	rapid.Check(t, func(t *rapid.T) {
		var req octave.Request
		fields := reflect.ValueOf(&req).Elem()
		for i := range fields.NumField() {
			if f := fields.Field(i); f.Kind() == reflect.String && fields.Type().Field(i).Name != "RequestID" {
				f.SetString(texts.Draw(t, "text"))
			}
		}
		req.RuntimeContext, req.RuntimeInstructions = steps.Draw(t, "context"), steps.Draw(t, "instructions")
		req.IncludeFullAnnotation = rapid.Bool().Draw(t, "annotation")
		if oid := texts.Draw(t, "oid"); oid != "" {
			req.CustomContext = &octave.CustomContext{Segment: &octave.Ref{OID: oid}}
		}
		var want bytes.Buffer
		enc := json.NewEncoder(&want)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(req); err != nil {
			t.Fatal(err)
		}
		if got := string(req.Canonical()) + "\n"; got != want.String() {
			t.Fatalf("got  %swant %s", got, want.String())
		}
	})
}

func TestCanonicalChangesNothing(t *testing.T) {
	req := fullRequest()
	req.RuntimeContext["3"] = ""
	req.CustomContext.Product.OID = ""
	req.Canonical()
	if _, kept := req.RuntimeContext["3"]; !kept || req.CustomContext.Product == nil {
		t.Error("the caller's request was changed")
	}
}

func TestRequestHasTheTwentyFields(t *testing.T) {
	var body map[string]any
	req := fullRequest()
	if err := json.Unmarshal(req.Canonical(), &body); err != nil {
		t.Fatal(err)
	}
	if n := reflect.TypeFor[octave.Request]().NumField(); n != 20 || len(body) != 19 { // all but requestId
		t.Errorf("%d fields, %d in the question; want 20 and 19", n, len(body))
	}
}

func TestSecretNeverPrints(t *testing.T) {
	key := octave.Secret("sk_live_12345")
	holder := struct {
		Key octave.Secret `json:"key"`
	}{key}
	var printed []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%10s", "%T%v"} {
		printed = append(printed, fmt.Sprintf(verb, key), fmt.Sprintf(verb, holder), fmt.Sprintf(verb, &holder), fmt.Sprintf(verb, []octave.Secret{key}))
	}
	encoded, err := json.Marshal([]any{key, holder, &holder})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range append(printed, string(encoded), key.String(), key.GoString()) {
		if strings.Contains(s, "live") || strings.Contains(strings.ToLower(s), fmt.Sprintf("%x", "live")) {
			t.Errorf("printed: %s", s)
		}
	}
	if got := fmt.Sprint(octave.Secret("")); got != "" {
		t.Errorf("an empty secret prints %q", got)
	}
}
