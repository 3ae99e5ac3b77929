package reader

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"octave-enrich/reader/mapping"
)

const samples = "../samples/exports"

// expected is what EXPECTED.json says about a sample.
type expected struct {
	Encoding    string
	Delimiter   string
	HeaderLine  int `json:"header_line"`
	Preamble    int `json:"preamble_lines"`
	Columns     int
	Records     int
	NonEmpty    int               `json:"records_nonempty"`
	UniqueCalls int               `json:"unique_calls"`
	Footer      []string          `json:"footer_records"`
	Mapping     map[Field]string  `json:"mapping"`
	MustNotMap  []string          `json:"must_not_map"`
	Rows        map[string]string `json:"rows"`
}

func TestSamples(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(samples, "EXPECTED.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	delete(all, "_legend")
	files, err := filepath.Glob(filepath.Join(samples, "*.csv"))
	if err != nil || len(files) != len(all) {
		t.Errorf("%d samples, %d expected (%v)", len(files), len(all), err)
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		t.Run(name, func(t *testing.T) {
			var want expected
			if err := json.Unmarshal(all[name], &want); err != nil {
				t.Fatal(err)
			}
			in := open(t, Options{}, filepath.Join(samples, name))
			checkFile(t, in, want)
			checkRows(t, in, want)
		})
	}
}

func checkFile(t *testing.T, in *Input, want expected) {
	t.Helper()
	f := in.Profile().Files[0]
	if !strings.Contains(want.Encoding, f.Encoding) {
		t.Errorf("encoding %s, want %s", f.Encoding, want.Encoding)
	}
	equal(t, "delimiter", f.Delimiter, want.Delimiter)
	equal(t, "header line", f.HeaderLine, want.HeaderLine)
	equal(t, "preamble", f.Preamble, want.Preamble)
	equal(t, "footer", f.Footer, len(want.Footer))
	equal(t, "columns", len(in.Columns()), want.Columns)
	equal(t, "rows", f.Rows, max(want.Records, want.NonEmpty-len(want.Footer)))
	equal(t, "mapping", mapped(in, 0), want.Mapping)
	for _, never := range want.MustNotMap {
		header, _, _ := strings.Cut(strings.TrimSuffix(never, " (fallback only)"), "->")
		if !slices.ContainsFunc(f.Rejected, func(r mapping.Rejection) bool { return r.Header == header }) {
			t.Errorf("%q is not among the rejected columns", header)
		}
	}
}

// checkRows holds the rows to their outcome: skipped ones have a problem, and
// those that say the same are one call.
func checkRows(t *testing.T, in *Input, want expected) {
	t.Helper()
	calls := map[string]bool{}
	for _, c := range contacts(t, in) {
		skip := strings.HasPrefix(want.Rows[strconv.Itoa(c.Row)], "skip")
		if (c.Problem != "") != skip {
			t.Errorf("row %d: problem %q, expected %q", c.Row, c.Problem, want.Rows[strconv.Itoa(c.Row)])
		}
		question, err := json.Marshal(c.Person)
		if err != nil {
			t.Fatal(err)
		}
		if c.Problem == "" {
			calls[string(question)] = true
		}
	}
	equal(t, "calls", len(calls), want.UniqueCalls)
	equal(t, "calls in the profile", in.Profile().Sendable-in.Profile().Duplicates, want.UniqueCalls)
}

// TestSampleRows checks what the remarks of EXPECTED.json say of single rows.
func TestSampleRows(t *testing.T) {
	person := func(name string, row int) Person {
		return contacts(t, open(t, Options{}, filepath.Join(samples, name)))[row-1].Person
	}
	equal(t, "trailing blank", person("apollo.csv", 2).JobTitle, strings.TrimSpace(person("apollo.csv", 2).JobTitle))
	equal(t, "locked placeholder", person("apollo.csv", 4).Email, "")
	equal(t, "path and query", person("apollo.csv", 7).CompanyDomain, "everhollow.example.com")
	equal(t, "two ids", person("hubspot.csv", 2).CRMAccountID, "")
	equal(t, "tracking", person("hubspot.csv", 4).LinkedInProfile, "https://www.linkedin.com/in/example-b%C3%A9atriz")
	equal(t, "case of ids", person("salesforce_lead.csv", 1).CRMLeadID, "00Q8d00000ExAaB")
	equal(t, "case of ids", person("salesforce_lead.csv", 2).CRMLeadID, "00Q8d00000ExAab")
	equal(t, "percent-encoded slug", person("linkedin_connections.csv", 4).LinkedInProfile, "https://www.linkedin.com/in/example-%E6%9D%91%E7%94%B0")
	equal(t, "emoji", person("linkedin_connections.csv", 6).CompanyName, "Rookhaven 🌱")
	equal(t, "mail host", person("zoominfo.csv", 3).CompanyDomain, "appletarn.example.org")
	equal(t, "delimiter in a cell", person("excel_semicolon_cp1252.csv", 3).JobTitle, "Salgschef; Norden")
	equal(t, "0x93 and 0x94", person("excel_semicolon_cp1252.csv", 3).CompanyName, "Møgelbjerg “Nord” A/S")
	equal(t, "0x85", person("excel_semicolon_cp1252.csv", 4).JobTitle, "Director…")
	equal(t, "check mark", person("clay.csv", 3).Email, "bettina@brackenthwaite.example.org")
	equal(t, "a status", person("clay.csv", 4).Email, "")
}
