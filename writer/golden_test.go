package writer

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"octave-enrich/pipeline/lint"
)

var update = flag.Bool("update", false, "write the golden files anew")

// columns and sample are what the golden files are made of: one row of each kind, the longest sequence not first.
func columns() []string { return []string{"Email", "First Name", "notes", "octave_status"} }

func sample() []Row {
	ada := Recipient{
		Email: "ada@example.com", FirstName: "Ada", LastName: "King", JobTitle: "Analyst", CompanyName: "Engines & Co",
		CompanyDomain: "engines.example", Website: "https://engines.example", LinkedInProfile: "https://linkedin.com/in/ada",
		CRMContactID: "00123",
	}
	bob, eve := ada, ada
	bob.Email, bob.FirstName = "bob@example.com", "Bob"
	eve.Email, eve.FirstName, eve.Website = "eve@example.com", "Eve", ""
	return []Row{
		{
			Cells:  []string{"Ada@Example.com ", "Ada", "says \"hi\",\r\ntwice", "old"},
			Status: StatusOK, RequestID: "r-1", Usage: "1.50", To: ada,
			Emails: []Email{
				{Subject: "Engines", Body: "Hi Ada,\n\n<5 minutes & a question.", CoreValueProp: "speed", Sections: json.RawMessage(`{"greeting": "Hi Ada,"}`)},
				{Subject: "Again", Body: "Still there?"},
			},
			Playbook: Entity{"Builders", json.RawMessage(`{"oId":"pb_1", "matchConfidence":0.90}`)},
			Persona:  Entity{"Analyst", json.RawMessage(`{"oId":"pe_1"}`)}, Product: Entity{Name: "Loom"},
			OutputType: json.RawMessage(`"TEXT"`),
		},
		{Cells: []string{"bob@example.com", "=Bob", "", ""}, Status: StatusOK, To: bob, Emails: []Email{{Subject: "One", Body: "Only one."}}},
		{Cells: []string{"cy@example.com", "Cy", "-1", ""}, Status: StatusNotFound, Error: "profile is private", Usage: "0"},
		{Cells: []string{"", "", "@home", ""}, Status: StatusInvalid, Error: "no email, LinkedIn profile or name with company"},
		{Cells: []string{"eve@example.com", "Eve", "naïve 日本", ""}, Status: StatusOK, To: eve, Emails: []Email{
			{Subject: "S1", Body: "<p>One</p>"}, {Subject: "S2", Body: "Two\r\nlines"}, {Subject: "S3", Body: "Three"},
		}},
		{Cells: []string{"ada@example.com", "Ada", "twice", ""}, Status: StatusOK, To: ada, Emails: []Email{
			{Subject: "S1", Body: "One"}, {Subject: "S2", Body: "Two"}, {Subject: "S3", Body: "Three"},
		}},
		{Cells: []string{"late@example.com"}, Status: StatusNotAttempted},
	}
}

// finish writes rows to a fresh file in dir and returns its description.
func finish(t *testing.T, path string, opt Options, rows []Row) Output {
	t.Helper()
	opt.Rule = rule(t)
	f, err := Create(path, opt)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Abort()
	for _, row := range rows {
		if err := f.Write(row); err != nil {
			t.Fatal(err)
		}
	}
	out, err := f.Finish()
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Publish(); err != nil {
		t.Fatal(err)
	}
	return out
}

func rule(t testing.TB) Rule {
	t.Helper()
	r, err := lint.New()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(string(read(t, path)), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func TestGolden(t *testing.T) {
	tests := []struct {
		name string
		opt  Options
	}{
		{"generic.csv", Options{Emails: 1}},
		{"generic.tsv", Options{Emails: 4}},
		{"generic.jsonl", Options{}},
		{"excel.csv", Options{Excel: true}},
		{"thread.csv", Options{Thread: true}},
		{"keep.csv", Options{Keep: []string{"notes", "Email"}}},
		{"keep.jsonl", Options{Keep: []string{"notes"}}},
		{"outreach-keep.csv", Options{Preset: "outreach", Keep: []string{"Email", "notes"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), tt.name)
			tt.opt.Columns = columns()
			finish(t, path, tt.opt, sample())
			golden(t, tt.name, read(t, path))
			if tt.opt.Preset != "" {
				golden(t, filepath.Base(HeldPath(path)), read(t, HeldPath(path)))
			}
		})
	}
}

// The generic header is part of the contract with scripts.
func TestColumns(t *testing.T) {
	tests := []struct {
		name   string
		input  []string
		emails int
		want   []string
	}{
		{"none", nil, 0, []string{"octave_status", "octave_error", "octave_request_id", "octave_usage", "octave_email_count", "octave_playbook", "octave_persona", "octave_product"}},
		{"messages", []string{"a"}, 2, []string{"a", "octave_status", "octave_error", "octave_request_id", "octave_usage", "octave_email_count", "octave_playbook", "octave_persona", "octave_product", "email_subject_1", "email_body_1", "email_subject_2", "email_body_2"}},
		{"taken", []string{"octave_usage", "email_body_1", "octave_status", "octave_octave_status"}, 1, []string{"octave_usage", "email_body_1", "octave_status", "octave_octave_status", "octave_octave_status_2", "octave_error", "octave_request_id", "octave_octave_usage", "octave_email_count", "octave_playbook", "octave_persona", "octave_product", "email_subject_1", "octave_email_body_1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, Columns(tt.input, tt.emails)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// The headers that the senders document, in full, for two messages.
func TestPresetHeaders(t *testing.T) {
	want := map[string]string{
		"smartlead":   "email,first_name,last_name,company_name,company_url,website,linkedin_profile,email_subject_1,email_body_1,email_subject_2,email_body_2",
		"instantly":   "email,first_name,last_name,company_name,job_title,website,email_subject_1,email_body_1,email_subject_2,email_body_2",
		"lemlist":     "email,firstName,lastName,companyName,companyDomain,linkedinUrl,emailSubject1,emailBody1,emailSubject2,emailBody2",
		"hubspot":     "Email,First Name,Last Name,Job Title,Company Name,Octave Email 1 Subject,Octave Email 1 Body,Octave Email 2 Subject,Octave Email 2 Body",
		"outreach":    "Email,First Name,Last Name,Title,Company,Account,Tags,Custom 10,Custom 11,Custom 12,Custom 13",
		"outreach:31": "Email,First Name,Last Name,Title,Company,Account,Tags,Custom 31,Custom 32,Custom 33,Custom 34",
		"apollo":      "First Name,Last Name,Title,Company Name,Company Website,Contact LinkedIn URL,Contact Email,Octave Subject 1,Octave Body 1,Octave Subject 2,Octave Body 2",
		"emailbison":  "first_name,last_name,email,title,company,notes,subject_1,body_1,subject_2,body_2",
		"reply":       "Email,First Name,Last Name,Company,Title,email_subject_1,email_body_1,email_subject_2,email_body_2",
	}
	for _, name := range append(Presets(), "outreach:31") {
		path := filepath.Join(t.TempDir(), "o.csv")
		out := finish(t, path, Options{Preset: name, Emails: 2}, nil)
		if got := strings.Join(out.Columns, ","); got != want[name] {
			t.Errorf("%s: %s, want %s", name, got, want[name])
		}
		if got := string(read(t, path)); got != want[name]+"\n" {
			t.Errorf("%s: the file is %q", name, got)
		}
	}
}
