package person

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// forms draws a value inside one of the ways people write it; a # stands for it.
func forms(t *rapid.T, value string, ways ...string) string {
	return strings.ReplaceAll(rapid.SampledFrom(ways).Draw(t, "way"), "#", value)
}

func word(t *rapid.T, label string) string {
	return rapid.StringMatching(`[a-z][a-z0-9]{3,8}`).Draw(t, label) + "q"
}

// TestVariants holds each kind of value to what it is, whatever stands around it.
func TestVariants(t *testing.T) {
	is := func(t *rapid.T, field Field, cell, want string) {
		if got, _ := CleanerOf(field)(cell); got != want {
			t.Fatalf("%s of %q is %q, want %q", field, cell, got, want)
		}
	}
	for kind, check := range map[string]func(*rapid.T){
		"an address among others": func(t *rapid.T) {
			address := word(t, "local") + "@" + word(t, "host") + ".example"
			is(t, Email, forms(t, address, "#; z@zz.example", "#, z@zz.example", "#/z@zz.example", "#|z@zz.example", "#\nz@zz.example", "# z@zz.example", "# (work)", "# 95%",
				"Ann Lee <#>", "[#](mailto:#)", `=HYPERLINK("mailto:#","x")`, `#\`, "#)", `"#"`, "work: #", "#:verified", `[{"email":"#"}]`), address)
		},
		"a masked address": func(t *rapid.T) {
			is(t, Email, forms(t, word(t, "host"), "***@#.example", "j***@#.example", "j•••@#.example", "j...@#.example", "@#.example"), "")
		},
		"a host among words": func(t *rapid.T) {
			host := word(t, "host") + ".example"
			is(t, CompanyDomain, forms(t, host, "https://www.#/about", "http:/#", "https//#", "http://http://#", "#, z.example", "#; z.example", "Acme (#)", "[x](https://#)", `=HYPERLINK("https://#","x")`), host)
		},
		"a page elsewhere": func(t *rapid.T) {
			is(t, CompanyDomain, forms(t, word(t, "name"), "youtube.com/@#", "https://linktr.ee/#", "https://www.xing.com/companies/#", "bit.ly/#", "https://sites.google.com/view/#", "https://www.yelp.de/biz/#"), "")
		},
		"a profile": func(t *rapid.T) {
			slug := word(t, "slug")
			is(t, LinkedInProfile, forms(t, slug, "linkedin.com/in/#", "https://de.linkedin.com/in/#/en", "in/#", "https://www.linkedin.com/in/#?trk=x", "https://www.linkedin.com/in/#, https://z.example",
				`https://www.linkedin.com/in/#\`, "[x](https://www.linkedin.com/in/#)", "https://www.linkedin.com/mwlite/in/#"), ProfilePrefix+slug)
		},
		"a name with titles": func(t *rapid.T) {
			is(t, FullName, forms(t, "Bea Two", "Dr. #", "Ms #", "Prof. Dr. #", "#, PhD", "#, MBA, CPA", "# (she/her)", "# 🚀", "Herr #"), "Bea Two")
		},
		"a word for nothing": func(t *rapid.T) {
			is(t, CompanyName, forms(t, rapid.SampledFrom([]string{"N/A", "n.a.", "k.A.", "#REF!", "#BEZUG!", "(blank)", "—", "undefined", "{{company}}"}).Draw(t, "word"), "#", " # ", "#\u200b", "\u00a0#"), "")
		},
		"a rounded id": func(t *rapid.T) {
			is(t, CRMContactID, forms(t, rapid.StringMatching(`[1-9]\.[0-9]{4,12}`).Draw(t, "mantissa"), "#E+11", "#E11", "#e+15", " #E+9"), "")
		},
	} {
		t.Run(kind, func(t *testing.T) { rapid.Check(t, check) })
	}
}
