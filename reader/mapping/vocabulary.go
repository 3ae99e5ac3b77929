package mapping

import (
	_ "embed" // the table of headers
	"slices"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"octave-enrich/octave"
	"octave-enrich/reader/person"
)

// headers is what the names of columns mean: a line a language and field.
//
//go:embed data/headers.tsv
var headers string

// fold reduces a header to what is compared: NFKC, lower case, letters and
// digits alone. "E-mail 1 - Value" and "email1value" are the same header.
func fold(header string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, norm.NFKC.String(header))
}

// undivided are Latin letters that no decomposition takes apart.
var undivided = strings.NewReplacer("ł", "l", "ø", "o", "đ", "d", "ı", "i", "ß", "ss", "æ", "ae", "œ", "oe")

// plain is a folded header without diacritics, for Latin letters alone: marks
// change the letter in other scripts.
func plain(folded string) string {
	if strings.IndexFunc(folded, func(r rune) bool { return r >= 0x80 }) < 0 {
		return folded
	}
	var b strings.Builder
	for _, r := range undivided.Replace(folded) {
		if unicode.Is(unicode.Latin, r) {
			r = []rune(norm.NFD.String(string(r)))[0]
		}
		b.WriteRune(r)
	}
	return b.String()
}

// A kind is how a header is meant.
type kind int

const (
	feeds       kind = iota
	eitherFirst      // the whole name, or the given one beside a family name
	eitherLast       // the whole name, or the family name beside a given one
	anyID            // an id of whatever the values say
	particle         // goes before the family name
	optOut           // says that a person wants no mail
	consent          // says that a person wants mail: a no there is an opt-out
	never            // looks like a field and feeds none
)

// A meaning is one thing that a header may be meant to say.
type meaning struct {
	kind        kind
	field       person.Field
	rank        int    // 0 is best; equal for spellings of one name
	guess       bool   // not certain, so that it is printed
	familyFirst bool   // of a whole name
	why         string // it is never used
	lang        string // of the header, the first that has it
	langs       []string
}

// whys are the reasons behind never:WHY.
func whys() map[string]string {
	return map[string]string{
		"private": "a private address, used with --map alone", "further": "a further address, not the main one", "about": "says something about an address, is none",
		"short": "a shortened company name", "middle": "not the name as it is written", "level": "a level, not a title", "earlier": "of an earlier job",
		"description": "describes the title", "honorific": "an honorific", "tool": "a cell of the tool, not a company", "parent": "another company",
		"companypage": "a page of the company, not of the person", "companymail": "the company's own mailbox", "network": "another network",
		"opaque": "no public profile address", "vendorpage": "a page of the data vendor", "colleague": "a colleague, not the contact",
		"calls": "about telephones, not email", "vendorid": "an id of the data vendor, not of the CRM",
	}
}

// table is what headers.tsv says, by folded header.
var table = sync.OnceValue(func() map[string][]meaning {
	known, ranks, why := map[string][]meaning{}, map[string]int{}, whys()
	kinds := map[string]kind{"either:first": eitherFirst, "either:last": eitherLast, "id": anyID, "particle": particle, "optOut": optOut, "consent": consent}
	umlauts := strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue") // as people write them without the keys
	for line := range strings.Lines(headers) {
		cells := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(cells) != 4 || strings.HasPrefix(line, "#") {
			continue
		}
		m := meaning{lang: cells[0], guess: strings.HasSuffix(cells[1], "?"), familyFirst: strings.HasSuffix(cells[1], "+")}
		name := strings.TrimRight(cells[1], "?+")
		if reason, is := strings.CutPrefix(name, "never:"); is {
			m.kind, m.why = never, why[reason]
		} else if m.kind, is = kinds[name]; !is {
			m.field = person.Field(name)
		}
		for spelling := range strings.SplitSeq(cells[2], ", ") {
			ranks[name]++
			m.rank = 100 * ranks[name]
			for _, f := range []string{fold(spelling), plain(fold(spelling)), umlauts.Replace(fold(spelling))} {
				i := slices.IndexFunc(known[f], func(o meaning) bool { return o.kind == m.kind && o.field == m.field })
				switch {
				case f == "":
				case i < 0:
					m.langs = []string{m.lang}
					known[f] = append(known[f], m)
				case !slices.Contains(known[f][i].langs, m.lang):
					known[f][i].langs = append(known[f][i].langs, m.lang)
				}
			}
		}
	}
	return known
})

// A Vocabulary knows what the names of columns mean.
type Vocabulary struct {
	exact  map[string]person.Field // by the header as it is spelled
	pinned map[string]bool         // headers that the user named, as they are spelled
}

// NewVocabulary knows the fields of the request and the columns that the user named.
func NewVocabulary(opt Options) *Vocabulary {
	v := &Vocabulary{exact: map[string]person.Field{}, pinned: map[string]bool{}}
	for _, f := range append(exactFields(), objectFields()...) {
		v.exact[string(f)] = f
	}
	for _, columns := range opt.Map {
		for _, h := range columns {
			v.pinned[h] = true
		}
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
	return v.pinned[cell] || v.exact[cell] != "" || len(meanings(cell)) > 0
}

// Score is how much a record looks like a header: the number of different
// cells that name something known. A record with an address or a profile in it
// is data.
func (v *Vocabulary) Score(cells []string) int {
	seen := map[string]bool{}
	for _, c := range cells {
		switch {
		case len(c) >= 200:
		case v.knows(c):
			seen[fold(c)] = true
		case strings.Contains(c, "linkedin.com/in/"):
			return 0
		case strings.Contains(c, "@"):
			if address, _ := person.CleanerOf(person.Email)(c); address != "" {
				return 0
			}
		}
	}
	return len(seen)
}

// Languages are those in which a header is a word of the table, when English is
// none of them.
func Languages(header string) []string {
	var all []string
	for _, m := range lookUp(fold(header)) {
		all = append(all, m.langs...)
	}
	if slices.Contains(all, "en") {
		return nil
	}
	return all
}

// Identities are the columns of a header that say who is meant: any address,
// profile, domain or id, further addresses included.
func (v *Vocabulary) Identities(header []string) map[int]person.Field {
	columns := map[int]person.Field{}
	for i, h := range header {
		for _, m := range meanings(h) {
			switch {
			case m.kind == never && strings.HasSuffix(fold(h), "email"):
				columns[i] = person.Email
			case m.kind == anyID:
				columns[i] = person.CRMContactID
			case slices.Contains([]person.Field{person.Email, person.CompanyDomain, person.LinkedInProfile, person.CRMContactID, person.CRMLeadID, person.CRMAccountID}, m.field):
				columns[i] = m.field
			}
		}
	}
	return columns
}

// The fields of the request are those of octave's table. fieldsOf are the names of
// the ones that are wanted, in its order.
func fieldsOf(wanted func(octave.Field) bool) []person.Field {
	var fields []person.Field
	for _, f := range octave.Fields() {
		if wanted(f) {
			fields = append(fields, person.Field(f.Name))
		}
	}
	return fields
}

// exactFields are fields that only a header spelled exactly so can feed:
// notes and descriptions are never sent by guess.
func exactFields() []person.Field {
	return fieldsOf(func(f octave.Field) bool { return !f.Contact && !f.Object })
}

// objectFields are the fields that are objects in the request. A column of
// that name holds one in JSON, or a text that is meant for every step.
var objectFields = sync.OnceValue(func() []person.Field { return fieldsOf(func(f octave.Field) bool { return f.Object }) })

// contactFields say who is asked about.
func contactFields() []person.Field { return fieldsOf(func(f octave.Field) bool { return f.Contact }) }

// detected are the fields that are looked for, in this order; one column feeds
// one field. The whole name comes behind its parts.
func detected() []person.Field {
	fields := contactFields()
	return slices.Insert(fields, slices.Index(fields, person.LastName)+1, person.FullName)
}

// Fields lists every field that a column can feed: those of a person, the name
// to be split, and the ones carried beside the person.
func Fields() []person.Field {
	return append(append(detected(), exactFields()...), objectFields()...)
}
