package mapping

import (
	"strings"
	"testing"

	"octave-enrich/reader/person"
)

// TestAliases holds the table to itself: every alias as fold leaves it, and
// none for two fields but the id whose values decide.
func TestAliases(t *testing.T) {
	owner := map[string]person.Field{}
	for _, a := range aliases() {
		for _, h := range strings.Fields(a.headers) {
			if Fold(h) != h {
				t.Errorf("%s folds to %s", h, Fold(h))
			}
			if owner[h] != "" && h != "id" {
				t.Errorf("%s is an alias of %s and %s", h, owner[h], a.field)
			}
			owner[h] = a.field
		}
	}
	for _, l := range lookAlikes() {
		for _, h := range strings.Fields(l.headers) {
			if Fold(h) != h || owner[h] != "" {
				t.Errorf("look-alike %s: folds to %s, alias of %q", h, Fold(h), owner[h])
			}
		}
	}
}

func TestFold(t *testing.T) {
	for header, want := range map[string]string{
		"E-mail 1 - Value": "email1value", "\ufeffEmail": "email", "E\u200bmail": "email", "First_Name": "firstname", " FIRST NAME ": "firstname",
		"Company / Account": "companyaccount", "Ｅｍａｉｌ": "email", "Prénom": "prénom", "Pre\u0301nom": "prénom", "会社名": "会社名", "": "",
	} {
		if got := Fold(header); got != want {
			t.Errorf("%q folds to %q, want %q", header, got, want)
		}
	}
}
