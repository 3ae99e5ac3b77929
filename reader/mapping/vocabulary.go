package mapping

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"octave-enrich/reader/person"
)

// Fold reduces a header to what is compared: NFKC, lower case, letters and
// digits alone. "E-mail 1 - Value" and "email1value" are the same header.
func Fold(header string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, norm.NFKC.String(header))
}

// A Vocabulary knows which headers feed which fields.
type Vocabulary struct {
	rank   map[string][]ranked     // by folded header
	exact  map[string]person.Field // by the header as it is spelled
	never  map[string]string       // by folded header: why
	optOut map[string]bool         // by folded header
	pinned map[string]bool         // headers that the user named, as they are spelled
}

type ranked struct {
	field    person.Field
	priority int // 0 is best
}

// NewVocabulary knows the aliases of all fields and the columns that the user named.
func NewVocabulary(opt Options) *Vocabulary {
	v := &Vocabulary{rank: map[string][]ranked{}, exact: map[string]person.Field{}, never: map[string]string{},
		optOut: map[string]bool{}, pinned: map[string]bool{}}
	for _, a := range aliases() {
		for i, h := range strings.Fields(a.headers) {
			v.rank[h] = append(v.rank[h], ranked{a.field, i})
		}
	}
	for _, f := range exactFields() {
		v.exact[string(f)] = f
	}
	for _, object := range objectFields() {
		v.exact[string(object)] = object
	}
	for _, l := range lookAlikes() {
		for _, h := range strings.Fields(l.headers) {
			v.never[h] = l.why
		}
	}
	for _, h := range optOuts() {
		v.optOut[h] = true
	}
	for _, h := range opt.Map {
		v.pinned[h] = true
	}
	if opt.Pinned != nil {
		for _, h := range opt.Pinned.headers() {
			v.pinned[h] = true
		}
	}
	return v
}

// knows says whether a cell may be a header.
func (v *Vocabulary) knows(cell string) bool {
	if v.pinned[cell] || v.exact[cell] != "" {
		return true
	}
	f := Fold(cell)
	return f != "" && (len(v.rank[f]) > 0 || v.never[f] != "" || v.isOptOut(f))
}

func (v *Vocabulary) isOptOut(folded string) bool {
	return v.optOut[folded] || strings.HasPrefix(folded, optOutPrefix)
}

// Score is how much a record looks like a header: the number of different
// cells that name something known.
func (v *Vocabulary) Score(cells []string) int {
	seen := map[string]bool{}
	for _, c := range cells {
		if len(c) < 200 && v.knows(c) {
			seen[Fold(c)] = true
		}
	}
	return len(seen)
}

// Identities are the columns of a header that say who is meant: any
// address, profile, domain or id, further addresses included.
func (v *Vocabulary) Identities(header []string) map[int]person.Field {
	columns := map[int]person.Field{}
	for i, h := range header {
		f := Fold(h)
		for _, r := range v.rank[f] {
			if slices.Contains([]person.Field{person.Email, person.CompanyDomain, person.LinkedInProfile, person.CRMContactID, person.CRMLeadID, person.CRMAccountID}, r.field) {
				columns[i] = r.field
			}
		}
		if strings.HasSuffix(f, "email") && v.never[f] != "" {
			columns[i] = person.Email
		}
	}
	return columns
}
