package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/outputs"
	"octave-enrich/cmd/octave-enrich/telling"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/pipeline"
)

// A node is a JSON Schema, as far as ours goes. A word that is not here is an
// error of reading it, so that none is ignored.
type node struct {
	Schema      string           `json:"$schema"`
	Title       string           `json:"title"`
	Description string           `json:"description"`
	Ref         string           `json:"$ref"`
	Defs        map[string]*node `json:"$defs"`
	Type        string           `json:"type"`
	Const       any              `json:"const"`
	Enum        []any            `json:"enum"`
	Pattern     string           `json:"pattern"`
	Format      string           `json:"format"`
	MinLength   int              `json:"minLength"`
	Minimum     *json.Number     `json:"minimum"`
	Items       *node            `json:"items"`
	Properties  map[string]*node `json:"properties"`
	Required    []string         `json:"required"`
	Additional  json.RawMessage  `json:"additionalProperties"`
}

func decodeStrictly(text []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	d.UseNumber()
	return d.Decode(v)
}

func readSchema() (*node, error) {
	root := &node{}
	return root, decodeStrictly([]byte(telling.Schema), root)
}

// check returns what is wrong with a value, each with its place.
func (root *node) check(at string, n *node, v any) (faults []string) {
	fault := func(format string, args ...any) { faults = append(faults, at+": "+fmt.Sprintf(format, args...)) }
	if n.Ref != "" {
		return root.check(at, root.Defs[strings.TrimPrefix(n.Ref, "#/$defs/")], v)
	}
	if n.Type != "" && n.Type != typeOf(v) && !(n.Type == "number" && typeOf(v) == "integer") {
		fault("is %s, want %s", typeOf(v), n.Type)
		return faults
	}
	if n.Const != nil && v != n.Const {
		fault("is %v, want %v", v, n.Const)
	}
	if n.Enum != nil && !slices.Contains(n.Enum, v) {
		fault("%v is not one of %v", v, n.Enum)
	}
	switch v := v.(type) {
	case string:
		if len(v) < n.MinLength || n.Pattern != "" && !regexp.MustCompile(n.Pattern).MatchString(v) {
			fault("%q does not match %s", v, n.Pattern)
		}
		if n.Format == "date-time" {
			if _, err := time.Parse(time.RFC3339, v); err != nil {
				fault("%v", err)
			}
		}
	case json.Number:
		if n.Minimum != nil && rat(v).Cmp(rat(*n.Minimum)) < 0 {
			fault("%s is below %s", v, *n.Minimum)
		}
	case []any:
		for i, item := range v {
			faults = append(faults, root.check(fmt.Sprintf("%s.%d", at, i), n.Items, item)...)
		}
	case map[string]any:
		faults = append(faults, root.checkObject(at, n, v)...)
	}
	return faults
}

func (root *node) checkObject(at string, n *node, v map[string]any) (faults []string) {
	for _, name := range n.Required {
		if _, ok := v[name]; !ok {
			faults = append(faults, at+"."+name+": is missing")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(v)) {
		if member, ok := n.Properties[name]; ok {
			faults = append(faults, root.check(at+"."+name, member, v[name])...)
			continue
		}
		additional := &node{}
		if json.Unmarshal(n.Additional, additional) != nil {
			faults = append(faults, at+"."+name+": is not known")
			continue
		}
		faults = append(faults, root.check(at+"."+name, additional, v[name])...)
	}
	return faults
}

func rat(n json.Number) *big.Rat { r, _ := new(big.Rat).SetString(n.String()); return r }

func typeOf(v any) string {
	switch v := v.(type) {
	case string:
		return "string"
	case bool:
		return "boolean"
	case []any:
		return "array"
	case map[string]any:
		return "object"
	case json.Number:
		if rat(v).IsInt() {
			return "integer"
		}
		return "number"
	}
	return "null"
}

func checkSummary(text []byte) []string {
	root, err := readSchema()
	if err != nil {
		return []string{err.Error()}
	}
	var v any
	if err := decodeStrictly(text, &v); err != nil {
		return []string{err.Error()}
	}
	return root.check("summary", root, v)
}

// schema wants a summary that is as its schema says, and whose figures add up.
func schema(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) == 1, "schema FILE")
	text := []byte(ts.ReadFile(args[0]))
	for _, fault := range checkSummary(text) {
		ts.Fatalf("%s: %s", args[0], fault)
	}
	var r telling.Summary
	ts.Check(json.Unmarshal(bytes.ReplaceAll(text, []byte(`"usage"`), []byte(`"-"`)), &r))
	if c := r.Calls; c.Started+c.Resumed != c.Answered+c.Refused+c.Failed+c.Waiting || c.PossiblyBilled > c.Refused+c.Failed {
		ts.Fatalf("calls do not add up: %+v", c)
	}
	if len(r.Outputs) > 0 && r.Rows.Total() != r.Input.Rows {
		ts.Fatalf("%d rows by status, %d read", r.Rows.Total(), r.Input.Rows)
	}
	if r.End.Before(r.Start) || (r.Resume != "") != exit.Resumable(r.ExitCode) {
		ts.Fatalf("start %v, end %v, exit code %d, resume %q", r.Start, r.End, r.ExitCode, r.Resume)
	}
}

// aReport has something in every place.
func aReport(t *testing.T) map[string]any {
	usage, _ := pipeline.ParseAmount("2.5")
	r := telling.Summary{
		Tool: words.Tool, Version: "1", RunID: "0123456789abcdef",
		Input:   pipeline.InputBody{Name: "people.csv", SHA256: strings.Repeat("a", 64), Rows: 1},
		Mapping: []pipeline.Mapped{{Field: "email", Column: "Email"}}, Question: "44136fa355b3678a",
		Start: time.Unix(0, 1).UTC(), End: time.Unix(1, 0).UTC(),
		Summary: pipeline.Summary{Usage: usage},
		Output:  "o.csv", Outputs: []outputs.File{{Path: "o.csv", SHA256: strings.Repeat("b", 64), Bytes: 1, Rows: 1, Held: true, Reasons: map[string]int{"no email": 1}}},
		Checkpoint: "c", ExitCode: 3, Reason: "1 row failed", Resume: "octave-enrich run",
	}
	text, err := r.Text()
	if err != nil {
		t.Fatal(err)
	}
	if faults := checkSummary(text); len(faults) > 0 {
		t.Fatalf("%q\n%s", faults, text)
	}
	var v map[string]any
	if err := decodeStrictly(text, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// Each of these documents is wrong in one place, and the check says so.
func TestSchemaRefuses(t *testing.T) {
	spoil := map[string]func(map[string]any){
		"summary.tool: is missing":               func(v map[string]any) { delete(v, "tool") },
		"summary.email: is not known":            func(v map[string]any) { v["email"] = "x" },
		"summary.exit_code: 14 is not one of":    func(v map[string]any) { v["exit_code"] = 14 },
		"summary.rows.ok: -1 is below 0":         func(v map[string]any) { v["rows"].(map[string]any)["ok"] = -1 },
		"summary.rows.ok: is number":             func(v map[string]any) { v["rows"].(map[string]any)["ok"] = 1.5 },
		"summary.usage: is string":               func(v map[string]any) { v["usage"] = "1" },
		"summary.outputs.0.held: is null":        func(v map[string]any) { v["outputs"].([]any)[0].(map[string]any)["held"] = nil },
		"summary.outputs.0.reasons.x: is string": func(v map[string]any) { v["outputs"].([]any)[0].(map[string]any)["reasons"] = map[string]any{"x": "y"} },
		"summary.start: ":                        func(v map[string]any) { v["start"] = "2026-13-01T00:00:00Z" },
		"summary.run_id: ":                       func(v map[string]any) { v["run_id"] = "short" },
		"summary.calls: is array":                func(v map[string]any) { v["calls"] = []any{} },
	}
	for want, change := range spoil {
		v := aReport(t)
		change(v)
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if faults := checkSummary(text); len(faults) != 1 || !strings.HasPrefix(faults[0], want) {
			t.Errorf("%q, want one that begins with %q", faults, want)
		}
	}
}

// The schema has the members of the struct, all of them and no others; those that
// may be absent are the ones that are not required.
func TestSchemaIsThatOfTheStruct(t *testing.T) {
	root, err := readSchema()
	if err != nil {
		t.Fatal(err)
	}
	compareStruct(t, "summary", root, reflect.TypeFor[telling.Summary]())
}

func compareStruct(t *testing.T, at string, n *node, typ reflect.Type) {
	members, required := map[string]reflect.Type{}, []string{}
	for _, field := range reflect.VisibleFields(typ) {
		name, option, _ := strings.Cut(field.Tag.Get("json"), ",")
		if field.Anonymous || name == "-" || name == "" {
			continue
		}
		members[name] = field.Type
		if option == "" {
			required = append(required, name)
		}
	}
	have := slices.Sorted(maps.Keys(n.Properties))
	if want := slices.Sorted(maps.Keys(members)); !slices.Equal(have, want) {
		t.Errorf("%s has %q, the struct %q", at, have, want)
	}
	slices.Sort(required)
	if have := slices.Sorted(slices.Values(n.Required)); !slices.Equal(have, required) {
		t.Errorf("%s requires %q, the struct %q", at, have, required)
	}
	for name, member := range members {
		sub := n.Properties[name]
		if member.Kind() == reflect.Slice && sub != nil {
			member, sub = member.Elem(), sub.Items
		}
		if sub != nil && sub.Type == "object" && member.Kind() == reflect.Struct {
			compareStruct(t, at+"."+name, sub, member)
		}
	}
}
