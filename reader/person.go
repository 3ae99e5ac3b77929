package reader

import (
	"bytes"
	"encoding/json"
	"hash/maphash"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The slots of a reading: one for each field of a Person, in its order, then
// the name to be split.
const (
	slotEmail = iota
	slotFirstName
	slotLastName
	slotJobTitle
	slotCompanyName
	slotCompanyDomain
	slotLinkedInProfile
	slotCRMContactID
	slotCRMLeadID
	slotCRMAccountID
	slotLang
	personSlots
	slotFullName = personSlots
	slots        = personSlots + 1
)

// personFields are the fields of the slots, in their order.
func personFields() [slots]Field {
	return [slots]Field{Email, FirstName, LastName, JobTitle, CompanyName, CompanyDomain, LinkedInProfile,
		CRMContactID, CRMLeadID, CRMAccountID, Lang, FullName}
}

// slotOf is the slot of a field, -1 for one that goes into Person.Extra.
func slotOf(field Field) int {
	for i, f := range personFields() {
		if f == field {
			return i
		}
	}
	return -1
}

// A reading is what one row says, cleaned.
type reading struct {
	values [slots]string
	flaws  [slots]flaw
	extra  map[Field]string
}

// read cleans the mapped cells of a row. Cells may be fewer than columns.
func (p *plan) read(cells []string, r *reading) {
	*r = reading{}
	for i := range p.mapped {
		m := &p.mapped[i]
		if m.column >= len(cells) {
			continue
		}
		v, f := m.clean(cells[m.column])
		switch {
		case m.slot >= 0:
			r.values[m.slot], r.flaws[m.slot] = v, f
		case v != "":
			r.addExtra(m.Field, v)
		}
	}
	if full := r.values[slotFullName]; full != "" {
		r.values[slotFirstName], r.values[slotLastName], _ = strings.Cut(full, " ")
	}
}

// addExtra keeps the value of a field that is not about the person. That of
// an object in JSON is taken apart: {"1": "..."} under runtimeContext is
// runtimeContext.1.
func (r *reading) addExtra(field Field, value string) {
	if r.extra == nil {
		r.extra = make(map[Field]string)
	}
	if !slices.Contains(objectFields(), field) && !strings.HasPrefix(string(field), "customContext.") {
		r.extra[field] = value
		return
	}
	if value[0] == '{' && json.Valid([]byte(value)) {
		members([]byte(value), func(key string, inner []byte) {
			if v := cellOf(inner); v != "" {
				r.addExtra(field+"."+Field(key), v)
			}
		})
		return
	}
	if field == "runtimeContext" || field == "runtimeInstructions" {
		field += ".all"
	}
	r.extra[field] = value
}

// problem says why a row cannot be sent, empty when it can. It is one of a
// handful of texts, so that they can be counted.
func (r *reading) problem(cells []string) string {
	v := &r.values
	name, company := v[slotFirstName] != "" || v[slotLastName] != "", v[slotCompanyName] != "" || v[slotCompanyDomain] != ""
	if v[slotEmail] != "" || v[slotLinkedInProfile] != "" || name && company {
		return ""
	}
	const rest = "no LinkedIn profile, and no name with a company"
	switch {
	case isEmpty(cells):
		return "empty row"
	case r.flaws[slotEmail] == placeholder:
		return "the email is a placeholder, " + rest
	case r.flaws[slotEmail] != noFlaw:
		return "the email is not an address, " + rest
	}
	return "no email, " + rest
}

// isEmpty says whether no cell holds anything but blanks.
func isEmpty(cells []string) bool {
	for _, c := range cells {
		if c != "" && strings.TrimSpace(c) != "" {
			return false
		}
	}
	return true
}

// sum hashes what a row says, to find the rows that say the same.
func (r *reading) sum(seed maphash.Seed) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	for _, v := range r.values[:personSlots] {
		_, _ = h.WriteString(v)
		_ = h.WriteByte(0)
	}
	for _, f := range sortedFields(r.extra) {
		_, _ = h.WriteString(string(f) + "\x00" + r.extra[f] + "\x00")
	}
	return h.Sum64()
}

// who hashes the name of a person: an address of several people is several persons.
func (r *reading) who(seed maphash.Seed) uint64 {
	var room [128]byte
	text := append(room[:0], r.values[slotEmail]...)
	for _, slot := range []int{slotFirstName, slotLastName} {
		text = append(text, ' ')
		for _, letter := range r.values[slot] {
			text = utf8.AppendRune(text, unicode.ToLower(letter))
		}
	}
	return maphash.Bytes(seed, bytes.TrimSpace(text))
}

// person is what the reading says, field by field.
func (r *reading) person() Person {
	v := &r.values
	return Person{
		Email: v[slotEmail], FirstName: v[slotFirstName], LastName: v[slotLastName], JobTitle: v[slotJobTitle],
		CompanyName: v[slotCompanyName], CompanyDomain: v[slotCompanyDomain], LinkedInProfile: v[slotLinkedInProfile],
		CRMContactID: v[slotCRMContactID], CRMLeadID: v[slotCRMLeadID], CRMAccountID: v[slotCRMAccountID], Lang: v[slotLang],
		Extra: r.extra,
	}
}
