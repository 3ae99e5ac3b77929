package mapping

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"octave-enrich/reader/person"
	tables "octave-enrich/reader/table"
)

// The slots of a row: one for each field of a contact, in the order of octave's
// table, then the name to be split.
const (
	slotEmail = iota
	slotFirstName
	slotLastName
	slotJobTitle
	slotCompanyDomain
	slotCompanyName
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
var personFields = sync.OnceValue(func() (fields [slots]person.Field) {
	copy(fields[:], append(contactFields(), person.FullName))
	return fields
})

// slotOf is the slot of a field, -1 for one that goes into Person.Extra.
func slotOf(field person.Field) int {
	fields := personFields()
	return slices.Index(fields[:], field)
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
		if m.slot == slotFullName {
			continue
		}
		v, f := p.first(m.columns, m.slot, m.clean, cells)
		switch {
		case m.slot >= 0:
			r.values[m.slot], r.flaws[m.slot] = v, f
		case v != "":
			r.addExtra(m.Field, v)
		}
	}
	p.name(cells, r)
	if f := r.flaws[slotCompanyDomain]; f == person.SocialHost || f == person.FreeMail {
		site := p.cell(cells, p.mapped(person.CompanyDomain).columns[0])
		if own := person.OwnSite(site, r.values[slotEmail], r.values[slotCompanyName]); own != "" {
			r.values[slotCompanyDomain], r.flaws[slotCompanyDomain] = own, person.NoFlaw
		}
	}
}

// FollowedLink says whether a row's address, profile or domain is that of a link
// which the text of its cell does not show.
func (p *Plan) FollowedLink(shown []string, r *Row) bool {
	for i := range p.Mapped {
		m := &p.Mapped[i]
		if m.slot != slotEmail && m.slot != slotLinkedInProfile && m.slot != slotCompanyDomain || r.values[m.slot] == "" {
			continue
		}
		if v, _ := p.first(m.columns, m.slot, m.clean, shown); v != r.values[m.slot] {
			return true
		}
	}
	return false
}

// first is the first usable value of several columns, or what is wrong with the
// first that has one.
func (p *Plan) first(columns []int, slot int, clean person.Cleaner, cells []string) (string, person.Flaw) {
	flaw := person.NoFlaw
	for _, c := range columns {
		cell := p.cell(cells, c)
		if cell == "" {
			continue
		}
		v, f := clean(cell)
		switch {
		case slot == slotLinkedInProfile && v == "" && p.slugs[c]:
			if v = person.ProfileOfSlug(cell); v != "" {
				f = person.NoFlaw
			}
		case p.workbook && slot >= slotCRMContactID && slot <= slotCRMAccountID && person.IsRounded(v):
			v, f = "", person.Rounded
		}
		if v != "" {
			return v, f
		}
		if flaw == person.NoFlaw {
			flaw = f
		}
	}
	return "", flaw
}

// name fills the parts of the name from a whole one where they are empty, puts
// the particle before the family name, and drops names that are nobody's.
func (p *Plan) name(cells []string, r *Row) {
	first, last := &r.values[slotFirstName], &r.values[slotLastName]
	if len(p.whole) > 0 && (p.overrule || *first == "" && *last == "") {
		p.wholeName(cells, r)
	}
	if p.particle >= 0 && *last != "" {
		if v, _ := person.Text(p.cell(cells, p.particle)); v != "" && !strings.HasPrefix(strings.ToLower(*last), strings.ToLower(v)+" ") {
			*last = v + " " + *last
		}
	}
	if *first+*last != "" && person.IsNobody(*first, *last) {
		*first, *last, r.flaws[slotFullName] = "", "", person.Nobody
	}
}

func (p *Plan) wholeName(cells []string, r *Row) {
	for _, c := range p.whole {
		v, f := person.CleanerOf(person.FullName)(p.cell(cells, c))
		if r.flaws[slotFullName] == person.NoFlaw {
			r.flaws[slotFullName] = f
		}
		if v == "" {
			continue
		}
		r.values[slotFullName] = v
		if person.IsCompany(v) {
			r.flaws[slotFullName] = person.Nobody
			if r.values[slotCompanyName] == "" {
				r.values[slotCompanyName] = v
			}
			return
		}
		r.flaws[slotFullName] = person.NoFlaw
		r.values[slotFirstName], r.values[slotLastName] = person.Split(v, p.family[c])
		return
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
		tables.Members(value, func(key, inner string) {
			if v := tables.CellOf(inner); v != "" {
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

// The problems of rows that are no contacts at all.
const (
	emptyRow   = "empty row"
	headerRow  = "the header once more"
	totalOfAll = "a total, not a contact"
)

// IsContact says whether a row with that problem is one of a contact, whatever
// it lacks.
func IsContact(problem string) bool {
	return problem != emptyRow && problem != headerRow && problem != totalOfAll
}

// Problem says why a row cannot be sent, empty when it can. It is one of a
// handful of texts, so that they can be counted.
func (p *Plan) Problem(cells []string, r *Row) string {
	v := &r.values
	name, company := v[slotFirstName] != "" || v[slotLastName] != "", v[slotCompanyName] != "" || v[slotCompanyDomain] != ""
	identified := v[slotEmail] != "" || v[slotLinkedInProfile] != ""
	if identified {
		return ""
	}
	const rest = "no LinkedIn profile, and no name with a company"
	switch {
	case tables.Filled(cells) == 0:
		return emptyRow
	case p.repeatsHeader(cells):
		return headerRow
	case isTotal(cells):
		return totalOfAll
	case name && company:
		return ""
	case r.flaws[slotEmail] == person.Placeholder:
		return "the email is a placeholder, " + rest
	case r.flaws[slotEmail] != person.NoFlaw:
		return "the email is not an address, " + rest
	}
	return "no email, " + rest
}

// repeatsHeader says whether a row is the header again, as it is where lists
// were pasted below each other.
func (p *Plan) repeatsHeader(cells []string) bool {
	same, filled := 0, 0
	for i, cell := range cells {
		if cell == "" {
			continue
		}
		filled++
		if i < len(p.header) && strings.EqualFold(strings.TrimSpace(cell), strings.TrimSpace(p.header[i])) {
			same++
		}
	}
	return same >= 3 || same >= 2 && same == filled
}

// isTotal says whether the first value of a row starts a total.
func isTotal(cells []string) bool {
	for _, cell := range cells {
		if strings.TrimSpace(cell) != "" {
			return person.IsTotal(cell)
		}
	}
	return false
}

// Sums hash what a row says, to find the rows that say the same, and whom it is
// about: 0 without an address, which several people may have.
func (r *Row) Sums(seed maphash.Seed) (who, all uint64) {
	var room [512]byte
	text := append(room[:0], r.values[slotEmail]...)
	if r.values[slotEmail] != "" {
		text = appendLower(append(text, ' '), r.values[slotFirstName])
		text = appendLower(append(text, ' '), r.values[slotLastName])
		who = maphash.Bytes(seed, bytes.TrimSpace(text))
	}
	for _, v := range r.values[slotFirstName:personSlots] {
		text = append(append(text, 0), v...)
	}
	for _, f := range sortedFields(r.Extra) {
		text = append(append(append(append(text, 0), f...), 0), r.Extra[f]...)
	}
	return who, maphash.Bytes(seed, text)
}

// appendLower appends a text in lower case.
func appendLower(text []byte, s string) []byte {
	for i := range len(s) {
		c := s[i]
		if c >= utf8.RuneSelf {
			for _, letter := range s[i:] {
				text = utf8.AppendRune(text, unicode.ToLower(letter))
			}
			return text
		}
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		text = append(text, c)
	}
	return text
}

// sampled is how many values of a column are looked at for samples: in a column of
// one country no second one is looked for in a million rows.
const sampled = 1000

// Count counts what the columns of a record hold, and keeps samples.
func (p *Plan) Count(cells []string, r *Row) {
	for i, cell := range cells[:min(len(cells), p.width)] {
		if cell == "" {
			continue
		}
		f := &p.fates[i]
		f.Filled++
		if len(f.Samples) < 3 && f.Filled <= sampled {
			f.Samples = addSample(f.Samples, cell)
		}
	}
	for i := range p.Mapped {
		m := &p.Mapped[i]
		usable := m.slot >= 0 && r.values[m.slot] != "" || m.slot < 0 && r.Extra[m.Field] != ""
		if usable {
			m.Usable++
		}
		if usable || m.slot >= 0 && r.flaws[m.slot] != person.NoFlaw {
			m.Filled++
			if len(m.Samples) < 3 && m.Filled <= sampled {
				m.Samples = addSample(m.Samples, p.filled(m.columns, cells))
			}
		}
	}
	for _, slot := range p.undecided {
		if r.values[slot] == "" {
			p.passOver(slot, cells)
		}
	}
	if len(p.maybeNames) > 0 && r.values[slotFirstName] == "" && r.values[slotLastName] == "" {
		for _, i := range p.maybeNames {
			if i >= len(cells) {
				continue
			}
			if looks, _ := person.LooksLikeName(cells[i]); looks {
				p.passed[pass{slotFullName, i}]++
			}
		}
	}
}

func addSample(samples []string, cell string) []string {
	if cell == "" || slices.Contains(samples, cell) {
		return samples
	}
	return append(samples, strings.Clone(cell))
}

// filled is the first cell that holds anything.
func (p *Plan) filled(columns []int, cells []string) string {
	for _, c := range columns {
		if cell := p.cell(cells, c); cell != "" {
			return cell
		}
	}
	return ""
}

// passOver notes the columns that have a value which the row has nowhere else.
func (p *Plan) passOver(slot int, cells []string) {
	sign := byte('@')
	if slot == slotLinkedInProfile {
		sign = '/'
	}
	for i, cell := range cells[:min(len(cells), p.width)] {
		if p.silent[i] || strings.IndexByte(cell, sign) < 0 || slot == slotLinkedInProfile && !strings.Contains(cell, "/in/") {
			continue
		}
		if v, f := person.CleanerOf(personFields()[slot])(cell); v != "" && f == person.NoFlaw {
			p.passed[pass{slot, i}]++
		}
	}
}

// Overlooked fails when an unused column holds the address, the profile or the
// name of people who have none elsewhere: whether it is theirs is for the user to say.
func (p *Plan) Overlooked() error {
	for slot, field := range personFields() {
		for i := range p.width {
			rows := p.passed[pass{slot, i}]
			if rows == 0 {
				continue
			}
			uses := ""
			for _, m := range p.Mapped {
				if m.slot == slot {
					for _, h := range append([]string{m.Header}, m.Also...) {
						uses += Flag(field, h) + " "
					}
				}
			}
			return &MappingError{File: p.file, Field: field, Headers: []string{p.names[i]},
				Msg:  fmt.Sprintf("column %q is not used, and holds %s for rows that have none (%d)", p.names[i], plainField(field), rows),
				Hint: fmt.Sprintf("type %s%s to use it, or %sto leave it", uses, Flag(field, p.names[i]), cmp.Or(uses, "--map "+string(field)+"= "))}
		}
	}
	return nil
}

func plainField(field person.Field) string {
	switch field {
	case person.Email:
		return "an email address"
	case person.FullName:
		return "a person's name"
	default:
		return "a LinkedIn profile"
	}
}

// Fates are what becomes of each column, in their order.
func (p *Plan) Fates() []Fate { return p.fates }

// NotFound are the fields a question is made of that no column feeds.
func (p *Plan) NotFound() []person.Field {
	var missing []person.Field
	for _, field := range []person.Field{person.Email, person.FirstName, person.LastName, person.JobTitle, person.CompanyName, person.CompanyDomain, person.LinkedInProfile} {
		name := (field == person.FirstName || field == person.LastName) && len(p.whole) > 0
		if !name && p.mapped(field) == nil {
			missing = append(missing, field)
		}
	}
	return missing
}

// Compare holds columns of the same fit to what the first rows promised:
// they must never say different things.
func (p *Plan) Compare(cells []string) error {
	for _, r := range p.rivals {
		if differ(r.clean, p.cell(cells, r.first), p.cell(cells, r.second)) {
			return ambiguous(p.file, r.field, p.names[r.first], p.names[r.second])
		}
	}
	return nil
}

// OptOut is the header of the first column that says this person wants no
// mail, empty when none does.
func (p *Plan) OptOut(cells []string) string {
	for _, o := range p.optOut {
		if o.column >= len(cells) || cells[o.column] == "" {
			continue
		}
		says := person.SaysYes
		if o.consent {
			says = person.SaysNo
		}
		if says(cells[o.column]) {
			return p.names[o.column]
		}
	}
	return p.status(cells, person.Stop)
}

// BadMail is the header of the first column that says this address takes no mail,
// empty when none does.
func (p *Plan) BadMail(cells []string) string { return p.status(cells, person.BadMail) }

// status is the header of the first column whose status of the row is the wanted one.
func (p *Plan) status(cells []string, wanted person.Status) string {
	for _, s := range p.statuses {
		says := person.StatusOf(p.cell(cells, s.column))
		if says == wanted || says == person.Yes && s.yes == wanted {
			return p.names[s.column]
		}
	}
	return ""
}

// asksOptOut says whether a column says who wants no mail.
func (p *Plan) asksOptOut(column int) bool {
	return slices.ContainsFunc(p.optOut, func(o answers) bool { return o.column == column })
}

// Settle says what only the rows tell: a column for the language that held no tag in
// any is dropped, and one of a status that rows are left out for is used.
func (p *Plan) Settle(optOut map[string]int) {
	for i := range p.fates {
		if f := &p.fates[i]; f.Field == "" && optOut[f.Header] > 0 {
			f.Why, f.Used = saysNoMail, true
		}
	}
	p.Mapped = slices.DeleteFunc(p.Mapped, func(m Mapping) bool {
		none := m.Field == person.Lang && !m.demanded && m.Usable == 0
		if none {
			const why = "it holds no language tags"
			p.Rejected = append(p.Rejected, Rejection{m.Header, why})
			for i := range p.fates {
				if p.fates[i].Field == m.Field {
					p.fates[i].Field, p.fates[i].Why, p.fates[i].Used = "", why, false
				}
			}
		}
		return none
	})
}
