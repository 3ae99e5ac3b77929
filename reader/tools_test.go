package reader

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// fits is a value that goes with a field, in the first of two rows or the second.
func fits(field string, n int) string {
	values := map[string][2]string{
		"email": {"ann.lee@acme.example.com", "bo.day@beta.example.com"}, "firstName": {"Ann", "Bo"}, "lastName": {"Lee", "Day"}, "fullName": {"Ann Lee", "Bo Day"},
		"jobTitle": {"Head of Sales", "Engineer"}, "companyName": {"Acme", "Beta"}, "companyDomain": {"acme.example.com", "beta.example.com"},
		"linkedInProfile": {"https://www.linkedin.com/in/ann-lee", "https://www.linkedin.com/in/bo-day"}, "crmContactId": {"0031", "0032"}, "crmLeadId": {"0041", "0042"},
		"crmAccountId": {"0011", "0012"}, "lang": {"de", "fr"}, "optOut": {"false", "false"},
	}
	return values[field][n]
}

// TestToolHeaders maps the header rows of tools, with values that fit: nearly
// all fields arrive, no list is refused, and no column that must never be used is.
func TestToolHeaders(t *testing.T) {
	text, err := os.ReadFile("testdata/tools.tsv")
	if err != nil {
		t.Fatal(err)
	}
	type column struct{ field, header string }
	tools, names := map[string][]column{}, []string{}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if strings.HasPrefix(line, "#") {
			continue
		}
		if tools[cells[0]] == nil {
			names = append(names, cells[0])
		}
		for _, h := range cells[2:] {
			tools[cells[0]] = append(tools[cells[0]], column{cells[1], h})
		}
	}
	// What these hold decides, and here they are empty.
	byValues := []string{"profileUrl", "companyUrl", "regularCompanyUrl", "Title", "title", "Email Address", "email", "Lead ID"}
	right, total := 0, 0
	for _, name := range names {
		var header []string
		rows := [2][]string{}
		for _, c := range tools[name] {
			header = append(header, c.header)
			for n := range rows {
				rows[n] = append(rows[n], fits(c.field, n))
			}
		}
		path := file(t, "list.tsv", strings.Join(header, "\t")+"\n"+strings.Join(rows[0], "\t")+"\n"+strings.Join(rows[1], "\t")+"\n")
		in, err := Open([]string{path}, Options{Format: "tsv"})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		fates := in.Profile().Files[0].Fates
		seen := map[string]bool{}
		for i, c := range tools[name] {
			fate := fates[i]
			switch {
			case c.field == "never":
				if byName := !slices.Contains(byValues, c.header); byName && fate.Field != "" {
					t.Errorf("%s: %q is used for %s", name, c.header, fate.Field)
				}
				continue
			case seen[c.field]:
				continue
			}
			seen[c.field] = true
			total++
			used := string(fate.Field) == c.field || c.field == "fullName" && strings.Contains(fate.Why, "first and last name") || c.field == "optOut" && strings.Contains(fate.Why, "no mail")
			if used {
				right++
			} else {
				t.Logf("%s: %q is for %s: %q %s", name, c.header, c.field, fate.Field, fate.Why)
			}
		}
		if err := in.Close(); err != nil {
			t.Error(err)
		}
	}
	if 100*right < 97*total {
		t.Errorf("%d of %d fields arrive", right, total)
	}
	t.Logf("%d of %d fields arrive", right, total)
}
