package octave

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// TestFields holds the table to the struct: every field of the request is in it,
// in an order of its own, and can be set by its name alone.
func TestFields(t *testing.T) {
	inTable := map[string]bool{}
	for _, f := range requestFields {
		inTable[f.name] = true
	}
	cause := reflect.TypeFor[Request]()
	for i := range cause.NumField() {
		name, _, _ := strings.Cut(cause.Field(i).Tag.Get("json"), ",")
		if name != "requestId" && !inTable[name] {
			t.Errorf("%s is not in the table", name)
		}
		delete(inTable, name)
	}
	if len(inTable) > 0 {
		t.Errorf("no fields of the request: %v", inTable)
	}
	for _, f := range Fields() {
		value := map[string]string{"includeFullAnnotation": "true", "outputFormat": "html"}[f.Name]
		if value == "" {
			value = "words"
		}
		var r Request
		if err := r.Set(f.Name, value); err != nil {
			if f.Name != "customContext" { // an object of ids, which takes no text
				t.Errorf("%s: %v", f.Name, err)
			}
			continue
		}
		body := string(r.Canonical())
		if path := strings.ReplaceAll(f.Name, ".", `":{"`); !strings.HasPrefix(body, `{"`+path+`":`) {
			t.Errorf("%s set: %s", f.Name, body)
		}
		if _, inner, _ := strings.Cut(body, ":"); f.Object != (inner[0] == '{' && !strings.Contains(f.Name, ".")) {
			t.Errorf("%s, an object: %v", f.Name, f.Object)
		}
		plain, err := json.Marshal(r)
		if err != nil || string(plain) != body {
			t.Errorf("%s: %s, and by encoding/json %s %v", f.Name, body, plain, err)
		}
		if err := r.Set(f.Name, ""); err != nil || string(r.Canonical()) != "{}" {
			t.Errorf("%s emptied: %s %v", f.Name, r.Canonical(), err)
		}
	}
	names := make([]string, 0, len(Fields()))
	for _, f := range Fields() {
		names = append(names, f.Name)
	}
	if slices.Sort(names); len(slices.Compact(names)) != len(Fields()) {
		t.Error("a field stands twice in the table")
	}
}

// Who writes a field that there is not reads which ones there are.
func TestUnknownFieldNamesTheOthers(t *testing.T) {
	const refs = `customContext has playbook, product, service, persona and segment, but no "offer"`
	if err := new(Request).Set("customContext.offer.oId", "x"); err == nil || err.Error() != refs {
		t.Errorf("got %v, want %s", err, refs)
	}
	err := new(Request).Set("emial", "x")
	for _, name := range []string{"email,", "runtimeContext.STEP,", "customContext.{playbook,product,service,persona,segment}.oId,"} {
		if err == nil || !strings.Contains(err.Error(), " "+name) {
			t.Errorf("%v: does not name %s", err, name)
		}
	}
}
