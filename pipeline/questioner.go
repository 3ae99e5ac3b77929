package pipeline

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/template"

	"octave-enrich/octave"
	"octave-enrich/reader"
)

// Settings are the parts of a question that come from the command line: they are
// recorded in the checkpoint, so that an export needs no flags.
type Settings struct {
	Agent        string                    `json:"agent,omitempty"`
	Experiment   string                    `json:"experiment,omitempty"`
	Set          map[string]string         `json:"set,omitempty"`          // field -> value
	Context      []string                  `json:"context,omitempty"`      // HEADER[:STEP]
	Instructions []string                  `json:"instructions,omitempty"` // HEADER[:STEP]
	Templates    map[string]string         `json:"template,omitempty"`     // field -> text/template
	Map          map[string]reader.Columns `json:"map,omitempty"`          // field -> header
}

// A Questioner turns contacts into requests.
type Questioner struct {
	settings  Settings
	columns   map[string]int // header -> index into Contact.Cells
	texts     []columnText
	templates map[string]*template.Template
}

// columnText is a column that goes into runtimeContext or runtimeInstructions.
type columnText struct {
	column int
	field  string // runtimeContext.all, runtimeInstructions.2, ...
}

// NewQuestioner checks the settings against the columns of the input. Its errors
// name what to type instead.
func NewQuestioner(settings Settings, columns []string) (*Questioner, error) {
	q := &Questioner{settings: settings, columns: map[string]int{}, templates: map[string]*template.Template{}}
	for i, name := range columns {
		q.columns[name] = i
	}
	if settings.Agent != "" && settings.Experiment != "" {
		return nil, fmt.Errorf("--agent and --experiment exclude each other")
	}
	for field, value := range settings.Set {
		if err := new(octave.Request).Set(field, value); err != nil {
			return nil, fmt.Errorf("--set %s: %w", field, err)
		}
	}
	if err := q.addTexts("context", "runtimeContext", settings.Context); err != nil {
		return nil, err
	}
	if err := q.addTexts("instructions", "runtimeInstructions", settings.Instructions); err != nil {
		return nil, err
	}
	for field, text := range settings.Templates {
		t, err := template.New(field).Option("missingkey=error").Funcs(templateFuncs).Parse(text)
		if err != nil {
			return nil, fmt.Errorf("--template: %w", err)
		}
		if err := q.knows(t); err != nil {
			return nil, err
		}
		var value *octave.ValueError // what the template makes of a row is not known yet
		if err := new(octave.Request).Set(field, "x"); err != nil && !errors.As(err, &value) {
			return nil, fmt.Errorf("--template %s: %w", field, err)
		}
		q.templates[field] = t
	}
	return q, nil
}

func (q *Questioner) addTexts(flag, field string, specs []string) error {
	for _, spec := range specs {
		header, step := spec, "all"
		if i := strings.LastIndexByte(spec, ':'); i >= 0 && octave.IsStep(spec[i+1:]) {
			header, step = spec[:i], spec[i+1:]
		}
		column, ok := q.columns[header]
		if !ok {
			return fmt.Errorf("--%s %s: %s", flag, spec, q.unknown(header))
		}
		q.texts = append(q.texts, columnText{column, field + "." + step})
	}
	return nil
}

// unknown says that no column is called so, and what was meant.
func (q *Questioner) unknown(header string) string {
	if name, step, ok := strings.Cut(header, ":"); ok {
		if _, known := q.columns[name]; known {
			return fmt.Sprintf("%q is no step; a step is all or a number from 1 to 7", step)
		}
	}
	said := fmt.Sprintf("the input has no column %q", header)
	if near := reader.Nearest(header, slices.Sorted(maps.Keys(q.columns))); near != "" {
		said += fmt.Sprintf(" (did you mean %q?)", near)
	}
	return said
}

// knows tries a template on an empty row, so that a column which is not there is
// said once, and not for every row. What else may fail depends on the row.
func (q *Questioner) knows(t *template.Template) error {
	row := make(map[string]string, len(q.columns))
	for name := range q.columns {
		row[name] = ""
	}
	err := t.Execute(io.Discard, row)
	if err != nil && strings.Contains(err.Error(), "map has no entry for key") {
		return fmt.Errorf("--template: %w; a name that is not one word is written {{index . \"First Name\"}}", err)
	}
	return nil
}

// requestAbout is what a request says of a person.
func requestAbout(p reader.Person) octave.Request {
	return octave.Request{
		Email: p.Email, FirstName: p.FirstName, LastName: p.LastName, JobTitle: p.JobTitle,
		CompanyName: p.CompanyName, CompanyDomain: p.CompanyDomain, LinkedInProfile: p.LinkedInProfile,
		CRMContactID: p.CRMContactID, CRMLeadID: p.CRMLeadID, CRMAccountID: p.CRMAccountID, Lang: p.Lang,
	}
}

// Request builds the question about a contact, without its requestId. What a
// column says is overruled by --set, and that by --template.
func (q *Questioner) Request(c reader.Contact) (octave.Request, error) {
	req := requestAbout(c.Person)
	req.AgentOID, req.ExperimentOID = q.settings.Agent, q.settings.Experiment
	for _, field := range slices.Sorted(maps.Keys(c.Person.Extra)) {
		if err := req.Set(string(field), c.Person.Extra[field]); err != nil {
			return req, fmt.Errorf("%s: %w", field, err)
		}
	}
	for _, t := range q.texts {
		if value := reader.FreeText(c.Cells[t.column]); value != "" {
			appendText(&req, t.field, value)
		}
	}
	for _, field := range slices.Sorted(maps.Keys(q.settings.Set)) {
		if err := req.Set(field, q.settings.Set[field]); err != nil {
			return req, fmt.Errorf("--set %s: %w", field, err)
		}
	}
	return req, q.fillTemplates(&req, c)
}

func (q *Questioner) fillTemplates(req *octave.Request, c reader.Contact) error {
	if len(q.templates) == 0 {
		return nil
	}
	row := make(map[string]string, len(q.columns))
	for name, i := range q.columns {
		row[name] = c.Cells[i]
	}
	for _, field := range slices.Sorted(maps.Keys(q.templates)) {
		var b strings.Builder
		if err := q.templates[field].Execute(&b, row); err != nil {
			return fmt.Errorf("--template %s: %w", field, err)
		}
		if err := req.Set(field, strings.TrimSpace(b.String())); err != nil {
			return fmt.Errorf("--template %s: %w", field, err)
		}
	}
	return nil
}

// appendText adds a column's text to those that go to the same step.
func appendText(req *octave.Request, field, value string) {
	group, step, _ := strings.Cut(field, ".")
	texts := &req.RuntimeContext
	if group == "runtimeInstructions" {
		texts = &req.RuntimeInstructions
	}
	if *texts == nil {
		*texts = map[string]string{}
	}
	if old := (*texts)[step]; old != "" {
		value = old + "\n" + value
	}
	(*texts)[step] = value
}

// Fingerprint names the settings: two runs with the same ask the same of a row.
func (s Settings) Fingerprint() string {
	text, err := json.Marshal(s) // maps are sorted
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}
