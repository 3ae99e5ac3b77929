package mapping

import (
	"bytes"
	"encoding/json"
	"hash/maphash"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"octave-enrich/reader/person"
	"octave-enrich/reader/table"
)

// The slots of a row: one for each field of a Person, in its order, then
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
func personFields() [slots]person.Field {
	return [slots]person.Field{person.Email, person.FirstName, person.LastName, person.JobTitle, person.CompanyName, person.CompanyDomain, person.LinkedInProfile,
		person.CRMContactID, person.CRMLeadID, person.CRMAccountID, person.Lang, person.FullName}
}

// slotOf is the slot of a field, -1 for one that goes into Person.Extra.
func slotOf(field person.Field) int {
	for i, f := range personFields() {
		if f == field {
			return i
		}
	}
	return -1
}

// A Row is what one record says, by field, cleaned.
type Row struct {
	values [slots]string
	flaws  [slots]person.Flaw
	Extra  map[person.Field]string // the fields that are not about the contact; nil when there are none
}

// Header names the cells of [Row.Cells]: the fields of a person.
func Header() []string {
	fields := personFields()
	header := make([]string, personSlots)
	for i, f := range fields[:personSlots] {
		header[i] = string(f)
	}
	return header
}

// Cells are the values of the fields of a person, aligned with [Header].
func (r *Row) Cells() []string { return r.values[:personSlots] }

// Email is the address, empty when there is none to use.
func (r *Row) Email() string { return r.values[slotEmail] }

// Flaws calls f for every value that is there and cannot be used.
func (r *Row) Flaws(f func(person.Field, person.Flaw)) {
	for slot, flaw := range r.flaws {
		if flaw != person.NoFlaw {
			f(personFields()[slot], flaw)
		}
	}
}

// Read cleans the mapped cells of a record. Cells may be fewer than columns.
func (p *Plan) Read(cells []string, r *Row) {
	*r = Row{}
	for i := range p.Mapped {
		m := &p.Mapped[i]
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
func (r *Row) addExtra(field person.Field, value string) {
	if r.Extra == nil {
		r.Extra = make(map[person.Field]string)
	}
	if !slices.Contains(objectFields(), field) && !strings.HasPrefix(string(field), "customContext.") {
		r.Extra[field] = value
		return
	}
	if value[0] == '{' && json.Valid([]byte(value)) {
		table.Members([]byte(value), func(key string, inner []byte) {
			if v := table.CellOf(inner); v != "" {
				r.addExtra(field+"."+person.Field(key), v)
			}
		})
		return
	}
	if field == "runtimeContext" || field == "runtimeInstructions" {
		field += ".all"
	}
	r.Extra[field] = value
}

// Problem says why a row cannot be sent, empty when it can. It is one of a
// handful of texts, so that they can be counted.
func (r *Row) Problem(cells []string) string {
	v := &r.values
	name, company := v[slotFirstName] != "" || v[slotLastName] != "", v[slotCompanyName] != "" || v[slotCompanyDomain] != ""
	if v[slotEmail] != "" || v[slotLinkedInProfile] != "" || name && company {
		return ""
	}
	const rest = "no LinkedIn profile, and no name with a company"
	switch {
	case table.Filled(cells) == 0:
		return "empty row"
	case r.flaws[slotEmail] == person.Placeholder:
		return "the email is a placeholder, " + rest
	case r.flaws[slotEmail] != person.NoFlaw:
		return "the email is not an address, " + rest
	}
	return "no email, " + rest
}

// Sum hashes what a row says, to find the rows that say the same.
func (r *Row) Sum(seed maphash.Seed) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	for _, v := range r.values[:personSlots] {
		_, _ = h.WriteString(v)
		_ = h.WriteByte(0)
	}
	for _, f := range sortedFields(r.Extra) {
		_, _ = h.WriteString(string(f) + "\x00" + r.Extra[f] + "\x00")
	}
	return h.Sum64()
}

// Who hashes who the row is about: an address of several people is several persons.
func (r *Row) Who(seed maphash.Seed) uint64 {
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

// Count counts what the mapped columns of a record hold, and keeps samples.
func (p *Plan) Count(cells []string, r *Row) {
	for i := range p.Mapped {
		m := &p.Mapped[i]
		if m.column >= len(cells) {
			continue
		}
		usable := m.slot >= 0 && r.values[m.slot] != "" || m.slot < 0 && r.Extra[m.Field] != ""
		if usable {
			m.Usable++
		}
		if usable || m.slot >= 0 && r.flaws[m.slot] != person.NoFlaw {
			m.Filled++
			if cell := cells[m.column]; len(m.Samples) < 3 && !slices.Contains(m.Samples, cell) {
				m.Samples = append(m.Samples, strings.Clone(cell))
			}
		}
	}
}

// Compare holds columns of the same standing to what the first rows promised:
// they must never say different things.
func (p *Plan) Compare(cells []string) error {
	for i, r := range p.rivals {
		if r.second < len(cells) && cellAt(cells, r.first) == "" && cells[r.second] != "" {
			p.only[i]++
		}
		if r.first < len(cells) && r.second < len(cells) && differ(r.clean, cells[r.first], cells[r.second]) {
			return ambiguous(p.file, r.field, p.names[r.first], p.names[r.second])
		}
	}
	return nil
}

func cellAt(cells []string, i int) string {
	if i < len(cells) {
		return cells[i]
	}
	return ""
}

// Unused says what stands in columns that were passed over for one that is as
// good, and in none other.
func (p *Plan) Unused(say func(rows int, field person.Field, header string)) {
	for i, r := range p.rivals {
		if p.only[i] > 0 {
			say(p.only[i], r.field, p.names[r.second])
		}
	}
}

// OptOut is the header of the first column that says this person wants no
// mail, empty when none does.
func (p *Plan) OptOut(cells []string) string {
	for _, i := range p.optOut {
		if i < len(cells) && person.SaysYes(cells[i]) {
			return p.names[i]
		}
	}
	return ""
}

// Settle drops a column for the language that held no tag in any row.
func (p *Plan) Settle() {
	p.Mapped = slices.DeleteFunc(p.Mapped, func(m Mapping) bool {
		none := m.Field == person.Lang && !m.demanded && m.Usable == 0
		if none {
			p.Rejected = append(p.Rejected, Rejection{m.Header, "it holds no language tags"})
		}
		return none
	})
}
