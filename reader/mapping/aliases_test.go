package mapping

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"octave-enrich/reader/person"
)

// TestHeaders holds the table to itself: lines of four cells, fields that there
// are, reasons that are explained, and no spelling that both feeds a field for
// certain and is never used.
func TestHeaders(t *testing.T) {
	fields, why := Fields(), whys()
	for line := range strings.Lines(headers) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		cells := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(cells) != 4 || cells[3] == "" {
			t.Errorf("not a language, a field, spellings and a source: %q", line)
			continue
		}
		name := strings.TrimRight(cells[1], "?+")
		reason, isNever := strings.CutPrefix(name, "never:")
		if isNever && why[reason] == "" || !isNever && !slices.Contains(fields, person.Field(name)) &&
			!slices.Contains([]string{"either:first", "either:last", "id", "particle", "optOut", "consent"}, name) {
			t.Errorf("no field: %q", cells[1])
		}
	}
	for folded, list := range table() {
		certain, refused := false, false
		for _, m := range list {
			certain = certain || m.kind == feeds && !m.guess
			refused = refused || m.kind == never
		}
		if certain && refused {
			t.Errorf("%s feeds a field and is never used", folded)
		}
	}
}

func TestFold(t *testing.T) {
	for header, want := range map[string]string{
		"E-mail 1 - Value": "email1value", "\ufeffEmail": "email", "E\u200bmail": "email", "First_Name": "firstname", " FIRST NAME ": "firstname",
		"Company / Account": "companyaccount", "Ｅｍａｉｌ": "email", "Prénom": "prénom", "Pre\u0301nom": "prénom", "会社名": "会社名", "": "",
	} {
		if got := fold(header); got != want {
			t.Errorf("%q folds to %q, want %q", header, got, want)
		}
	}
}

// TestMeaningsOfAnything must not fall over a header, whatever it is made of.
func TestMeaningsOfAnything(t *testing.T) {
	for _, header := range []string{"™", "º", "㎏", "\u0345", "ﬁ", "½", "e", "'", "’a", "1", "#1", "Ⅷ", "（1）"} {
		meanings(header)
	}
	rapid.Check(t, func(t *rapid.T) { meanings(rapid.String().Draw(t, "header")) })
}
