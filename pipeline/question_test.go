package pipeline

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
	"octave-enrich/reader"
)

// questionColumns and questionRow are what the questions below are made of.
func questionColumns() []string {
	return []string{"Email", "First Name", "Notes", "Tone", "Tags", "a:b"}
}

func questionRow() reader.Contact {
	return reader.Contact{
		Cells:  []string{" ANN@B.example", "Ann", "Met in Bonn.\n\nLikes tea. ", " n/a ", "x,y", "colon"},
		Person: reader.Person{Email: "ann@b.example", FirstName: "Ann", Lang: "de", Extra: map[reader.Field]string{"runtimeContext.2": "from the file"}},
	}
}

func TestRequest(t *testing.T) {
	for _, test := range []struct {
		what     string
		settings Settings
		want     string // of the body, behind email, firstName
	}{
		{"the contact alone", Settings{}, `"lang":"de","runtimeContext":{"2":"from the file"}`},
		{"an agent", Settings{Agent: "ca_1"}, `"lang":"de","runtimeContext":{"2":"from the file"},"agentOId":"ca_1"`},
		{"an experiment", Settings{Experiment: "ae_1"}, `"lang":"de","runtimeContext":{"2":"from the file"},"experimentOId":"ae_1"`},
		{"set", Settings{Set: map[string]string{"lang": "fr", "outputFormat": "html", "includeFullAnnotation": "true", "customContext.playbook.oId": "pb_1", "customContext.segment.oId": "se_1", "runtimeInstructions": "short"}},
			`"lang":"fr","outputFormat":"html","runtimeContext":{"2":"from the file"},"runtimeInstructions":{"all":"short"},"customContext":{"playbook":{"oId":"pb_1"},"segment":{"oId":"se_1"}},"includeFullAnnotation":true`},
		{"set to nothing", Settings{Set: map[string]string{"lang": "", "runtimeContext.2": ""}}, ``},
		{"a column for every step", Settings{Context: []string{"Notes"}}, `"lang":"de","runtimeContext":{"2":"from the file","all":"Met in Bonn.\n\nLikes tea."}`},
		{"columns for one step", Settings{Context: []string{"Notes:2", "First Name:2", "Tags:7"}}, `"lang":"de","runtimeContext":{"2":"from the file\nMet in Bonn.\n\nLikes tea.\nAnn","7":"x,y"}`},
		{"a null word", Settings{Instructions: []string{"Tone", "Tone:1"}}, `"lang":"de","runtimeContext":{"2":"from the file"}`},
		{"instructions", Settings{Instructions: []string{"Tags:all", "Notes:1"}}, `"lang":"de","runtimeContext":{"2":"from the file"},"runtimeInstructions":{"1":"Met in Bonn.\n\nLikes tea.","all":"x,y"}`},
		{"a colon in the name", Settings{Context: []string{"a:b", "a:b:3"}}, `"lang":"de","runtimeContext":{"2":"from the file","3":"colon","all":"colon"}`},
		{"a template", Settings{Templates: map[string]string{"runtimeInstructions.1": `Greet {{index . "First Name" | upper}}{{if contains "tea" .Notes}} over tea{{end}}. `}},
			`"lang":"de","runtimeContext":{"2":"from the file"},"runtimeInstructions":{"1":"Greet ANN over tea."}`},
		{"its functions", Settings{Templates: map[string]string{"jobTitle": `{{join "+" (split "," .Tags)}} {{index (split "," .Tags) 0}}{{index (split "," .Tags) 1}} {{first .Notes}}{{first ""}} {{truncate 3 .Notes}} {{default "calm" ""}} {{replace "x" "z" .Tags | trim | lower}}`}},
			`"jobTitle":"x+y xy Met Met calm z,y","lang":"de","runtimeContext":{"2":"from the file"}`},
		{"a template overrules set", Settings{Set: map[string]string{"lang": "fr"}, Templates: map[string]string{"lang": "{{.Tags | truncate 1}}"}}, `"lang":"x","runtimeContext":{"2":"from the file"}`},
		{"a template that says nothing", Settings{Templates: map[string]string{"lang": " {{if false}}x{{end}} "}}, `"runtimeContext":{"2":"from the file"}`},
	} {
		t.Run(test.what, func(t *testing.T) {
			q, err := NewQuestioner(test.settings, questionColumns())
			if err != nil {
				t.Fatal(err)
			}
			request, err := q.Request(questionRow())
			if err != nil {
				t.Fatal(err)
			}
			want := `{"email":"ann@b.example","firstName":"Ann"`
			if test.want != "" {
				want += "," + test.want
			}
			if d := cmp.Diff(decoded(t, want+"}"), decoded(t, string(request.Canonical()))); d != "" {
				t.Errorf("-want +got\n%s", d)
			}
		})
	}
}

func decoded(t *testing.T, text string) (v map[string]any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

// TestSettingsRefused stops what is wrong for every row before the first call.
func TestSettingsRefused(t *testing.T) {
	for _, test := range []struct {
		settings Settings
		text     string
	}{
		{Settings{Agent: "ca_1", Experiment: "ae_1"}, "exclude each other"},
		{Settings{Set: map[string]string{"colour": "red"}}, `no field "colour"`},
		{Settings{Set: map[string]string{"outputFormat": "pdf"}}, "text, html, markdown"},
		{Settings{Set: map[string]string{"includeFullAnnotation": "perhaps"}}, "neither true nor false"},
		{Settings{Set: map[string]string{"runtimeContext.8": "x"}}, "1 to 7"},
		{Settings{Set: map[string]string{"customContext.playbook": "pb"}}, "write customContext.playbook.oId"},
		{Settings{Set: map[string]string{"customContext.colour.oId": "x"}}, `no "colour"`},
		{Settings{Context: []string{"Ntoes"}}, `--context Ntoes: the input has no column "Ntoes" (did you mean "Notes"?)`},
		{Settings{Instructions: []string{"Notes:8"}}, `"8" is no step`},
		{Settings{Templates: map[string]string{"jobTitle": "{{.Notes"}}, "unclosed action"},
		{Settings{Templates: map[string]string{"jobTitle": "{{env}}"}}, `"env" not defined`},
		{Settings{Templates: map[string]string{"colour": "{{.Notes}}"}}, `no field "colour"`},
		{Settings{Templates: map[string]string{"jobTitle": "{{.Role}}"}}, `no entry for key "Role"`},
		{Settings{Templates: map[string]string{"jobTitle": `{{index . "Frist Name"}}`}}, `no entry for key "Frist Name"`},
	} {
		if _, err := NewQuestioner(test.settings, questionColumns()); err == nil || !strings.Contains(err.Error(), test.text) {
			t.Errorf("%+v: %v, want %q", test.settings, err, test.text)
		}
	}
}

// TestTemplateFailsOnARow makes that row invalid, free of charge, and no other.
func TestTemplateFailsOnARow(t *testing.T) {
	for _, settings := range []Settings{
		{Templates: map[string]string{"jobTitle": `{{index (split "," .Tags) 1}}`}},
		{Templates: map[string]string{"jobTitle": `{{slice .Tags 2}}`}},
		{Templates: map[string]string{"outputFormat": `{{if eq .Tags "x,y"}}html{{else}}pdf{{end}}`}},
	} {
		q, err := NewQuestioner(settings, questionColumns())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := q.Request(questionRow()); err != nil {
			t.Errorf("%v: %v", settings.Templates, err)
		}
		bad := questionRow()
		bad.Cells[4] = "z"
		if _, err := q.Request(bad); err == nil || !strings.HasPrefix(err.Error(), "--template ") {
			t.Errorf("%v: %v for a row without a second tag", settings.Templates, err)
		}
	}
	q, err := NewQuestioner(Settings{Templates: map[string]string{"jobTitle": `{{index (split "," .Tags) 1}}`}}, questionColumns())
	if err != nil {
		t.Fatal(err)
	}
	bad := questionRow()
	bad.Cells[4] = "z"
	plan, _, err := Survey(func(yield func(reader.Contact, error) bool) { _ = yield(questionRow(), nil) && yield(bad, nil) }, Selection{Ask: q.Request}, nil)
	if err != nil || plan.ToAsk != 1 || plan.Sendable != 1 || len(plan.Invalid) != 1 {
		t.Errorf("%+v, %v", plan, err)
	}
}

func TestSurvey(t *testing.T) {
	person := func(email string) reader.Contact { return reader.Contact{Person: reader.Person{Email: email}} }
	list := []reader.Contact{
		person("a@b.example"), person("b@b.example"), person("a@b.example"), person("c@b.example"), person("d@b.example"), person("e@b.example"),
		person("never@b.example"), {Problem: "empty row"}, {Raw: "{", Problem: "line 9: broken JSON at byte 1"}, {Raw: "[", Problem: "line 10: broken JSON at byte 1"},
	}
	src := func(yield func(reader.Contact, error) bool) {
		for _, c := range list {
			if !yield(c, nil) {
				return
			}
		}
	}
	journal := newJournal()
	key := NewQuestion(octave.Request{Email: "b@b.example"}, 0).Key
	if err := journal.Append(checkpoint.Record{Type: checkpoint.Answered, Key: key}); err != nil {
		t.Fatal(err)
	}
	q, err := NewQuestioner(Settings{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	selection := Selection{Ask: q.Request, Limit: 2, Memory: &Memory{Journal: journal}, Exclude: func(c reader.Contact) string {
		return strings.Repeat("listed", strings.Count(c.Person.Email, "never"))
	}}
	plan, _, err := Survey(src, selection, nil)
	if err != nil {
		t.Fatal(err)
	}
	first := plan.First
	plan.First = nil
	want := Plan{Rows: 10, Sendable: 6, Answered: 1, Duplicates: 1, Excluded: 1, ExcludedBecause: map[string]int{"listed": 1}, ToAsk: 2, Agentless: 2, BeyondLimit: 2,
		Invalid: map[string]int{"empty row": 1, "a line that is no JSON object": 2}}
	if d := cmp.Diff(want, plan); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	var emails []string
	for _, request := range first {
		emails = append(emails, request.Email)
		if request.RequestID != NewQuestion(octave.Request{Email: request.Email}, 0).Key.String() {
			t.Errorf("%s would be sent as %s", request.Email, request.RequestID)
		}
	}
	if d := cmp.Diff([]string{"a@b.example", "b@b.example", "c@b.example"}, emails); d != "" {
		t.Errorf("first: -want +got\n%s", d)
	}
	broken := errors.New("disk")
	if _, _, err := Survey(func(yield func(reader.Contact, error) bool) { yield(reader.Contact{}, broken) }, selection, nil); !errors.Is(err, broken) {
		t.Errorf("%v, want the error of the input", err)
	}
}

// A plan says what a run does: a row that is left alone is neither asked nor answered.
func TestSurveyLeavesFailuresAlone(t *testing.T) {
	journal := newJournal()
	failed := NewQuestion(octave.Request{Email: "a@b.example"}, 1)
	if err := journal.Note(checkpoint.Record{Type: checkpoint.Failed, Key: failed.Key}); err != nil {
		t.Fatal(err)
	}
	q, err := NewQuestioner(Settings{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	src := func(yield func(reader.Contact, error) bool) {
		_ = yield(reader.Contact{Person: reader.Person{Email: "a@b.example"}}, nil)
	}
	for keep, want := range map[bool]Plan{true: {Rows: 1, Sendable: 1, LeftAlone: 1}, false: {Rows: 1, Sendable: 1, ToAsk: 1, Agentless: 1}} {
		plan, _, err := Survey(src, Selection{Ask: q.Request, Memory: &Memory{Journal: journal, KeepFailures: keep}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		plan.First, plan.Invalid, plan.ExcludedBecause = nil, nil, nil
		if d := cmp.Diff(want, plan); d != "" {
			t.Errorf("keep failures %v: -want +got\n%s", keep, d)
		}
	}
}
