package mapping

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"octave-enrich/reader/person"
)

// detect maps every field that was not asked for.
func (p *planner) detect() error {
	for i, name := range p.names {
		if field := p.words.exact[name]; field != "" && !p.done[field] && !p.used[i] {
			p.take(field, []int{i}, true, "spelled exactly so")
		}
	}
	whole := p.wholeNames()
	for _, field := range detected() {
		if p.done[field] || field == person.FullName && p.partsOfName(whole) {
			continue
		}
		if err := p.detectField(field); err != nil {
			return err
		}
	}
	p.particle()
	return p.vote()
}

// wholeNames decides what columns mean that may be a whole name or a part of one:
// by what stands beside them, then by whether their values have blanks. It
// returns those with whole names.
func (p *planner) wholeNames() (whole []int) {
	given, family := p.meansField(person.FirstName), p.meansField(person.LastName)
	for i := range p.names {
		for k, m := range p.meanings[i] {
			if m.kind != eitherFirst && m.kind != eitherLast {
				if m.field == person.FullName && m.kind == feeds {
					whole = append(whole, i)
					p.plan.family[i] = m.familyFirst
				}
				continue
			}
			m.field, m.rank, m.guess = person.FullName, m.rank+2000, true
			switch {
			case family && !given && (m.kind == eitherFirst || !p.haveBlanks(i)):
				m.field, m.guess = person.FirstName, m.kind == eitherLast
			case given && !family && m.kind == eitherLast && (m.lang != "de" || p.besideGivenName() || !p.haveBlanks(i)):
				m.field = person.LastName
			default:
				whole = append(whole, i)
				p.plan.family[i] = slices.Contains([]string{"hu", "ja", "zh-Hans", "zh-Hant", "ko"}, m.lang)
			}
			m.kind = feeds
			p.meanings[i] = slices.Clone(p.meanings[i])
			p.meanings[i][k] = m
		}
	}
	return whole
}

// meansField says whether a column means that field for certain.
func (p *planner) meansField(field person.Field) bool {
	if p.done[field] {
		return true
	}
	return slices.ContainsFunc(p.meanings, func(list []meaning) bool {
		return slices.ContainsFunc(list, func(m meaning) bool { return m.kind == feeds && m.field == field })
	})
}

// besideGivenName knows that lists with Vorname and Name mean the family name
// by the latter, also when it has blanks.
func (p *planner) besideGivenName() bool {
	return slices.ContainsFunc(p.names, func(name string) bool {
		return slices.Contains([]string{"vorname", "voornaam", "prénom", "prenom", "prenume"}, fold(name))
	})
}

// haveBlanks says whether most values of a column are several words.
func (p *planner) haveBlanks(column int) bool {
	several, filled := 0, 0
	for _, row := range p.sample {
		if v, _ := person.CleanerOf(person.FullName)(row[column]); v != "" {
			filled++
			if strings.Contains(v, " ") {
				several++
			}
		}
	}
	return filled > 0 && 2*several >= filled
}

// partsOfName says whether the parts of the name have columns of their own. The
// columns with whole names then serve the rows where they are empty.
func (p *planner) partsOfName(whole []int) bool {
	if !p.done[person.FirstName] && !p.done[person.LastName] {
		return false
	}
	for _, i := range whole {
		if !p.used[i] {
			p.used[i] = true
			p.plan.whole = append(p.plan.whole, i)
			p.plan.Rejected = append(p.plan.Rejected, Rejection{p.names[i], "the parts of the name have columns of their own"})
		}
	}
	// They stay listed as rejected, as they feed no field of the first choice.
	for _, i := range p.plan.whole {
		delete(p.used, i)
	}
	return true
}

func (p *planner) particle() {
	for i, list := range p.meanings {
		if !p.used[i] && i < p.plan.width && slices.ContainsFunc(list, func(m meaning) bool { return m.kind == particle }) && p.done[person.LastName] {
			p.plan.particle = i
			return
		}
	}
}

// A candidate is a column whose name may feed a field, judged by its values.
type candidate struct {
	column  int
	meaning meaning
	fit     fit
	filled  int
}

// fit is how well the values of a column go with its name.
type fit int

const (
	fitting  fit = iota // they do
	vacant              // there are none
	doubtful            // none is usable, but there is no better use for the column
	refused             // they are something else
)

func (p *planner) detectField(field person.Field) error {
	var candidates []candidate
	for i, list := range p.meanings {
		for _, m := range list {
			id := m.kind == anyID && (field == person.CRMContactID || field == person.CRMLeadID)
			inside := i >= p.plan.width && strings.HasPrefix(string(field), "crm") // an id of whoever wrote the object
			if p.used[i] || inside || m.field != field && !id || m.kind != feeds && !id {
				continue
			}
			s, filled, why := p.judge(field, i, m)
			if s == refused {
				p.reject(i, why)
				continue
			}
			candidates = append(candidates, candidate{i, m, s, filled})
		}
	}
	if field == person.CRMContactID || field == person.CRMLeadID {
		candidates = p.contactOrLead(field, candidates)
	}
	if len(candidates) == 0 {
		return nil
	}
	slices.SortStableFunc(candidates, func(a, b candidate) int {
		return cmp.Or(int(a.fit-b.fit), a.meaning.rank-b.meaning.rank, b.filled-a.filled)
	})
	return p.choose(field, candidates)
}

// contactOrLead tells by the other columns of what a record's id is.
func (p *planner) contactOrLead(field person.Field, candidates []candidate) []candidate {
	leads := slices.ContainsFunc(p.names, func(name string) bool {
		return slices.Contains([]string{"leadowner", "leadstatus", "isconverted", "topic", "leadownerid"}, fold(name))
	}) && slices.ContainsFunc(p.names, func(name string) bool {
		return slices.Contains([]string{"leadowner", "isconverted", "topic"}, fold(name))
	})
	record := func(c candidate) bool { return fold(p.names[c.column]) == "recordid" }
	if !leads {
		return candidates
	}
	if field == person.CRMContactID {
		return slices.DeleteFunc(candidates, record)
	}
	for i, name := range p.names {
		if fold(name) == "recordid" && !p.used[i] {
			candidates = append(candidates, candidate{i, meaning{field: field, rank: 9000, guess: true}, fitting, 0})
		}
	}
	return candidates
}

// choose takes the candidates in their order, for each row the first that has a
// value. Those of the same fit and name must agree, or the choice is the
// user's.
func (p *planner) choose(field person.Field, candidates []candidate) error {
	best := candidates[0]
	columns := []int{best.column}
	for _, c := range candidates[1:] {
		if c.meaning.rank == best.meaning.rank && c.fit == best.fit {
			if err := p.agree(field, best.column, c.column); err != nil {
				return err
			}
			p.plan.rivals = append(p.plan.rivals, rivals{field, best.column, c.column, person.CleanerOf(field)})
		}
		if c.fit == doubtful && best.fit != doubtful {
			p.reject(c.column, "none of its first values is usable")
			continue
		}
		columns = append(columns, c.column)
	}
	certain, why := p.certainty(field, best, candidates)
	p.take(field, columns, certain, why)
	return nil
}

// certainty says how sure the choice of best is.
func (p *planner) certainty(field person.Field, best candidate, all []candidate) (bool, string) {
	outranked := slices.ContainsFunc(all, func(c candidate) bool { return c.meaning.rank < best.meaning.rank })
	folded := fold(p.names[best.column])
	switch {
	case outranked:
		return false, "by its values, as a column with a better name has none to use"
	case field == person.FullName && p.plan.family[best.column]:
		return false, "split into family and first name"
	case field == person.FullName:
		return false, "split at the first space into first and last name"
	case folded == "emaildomain":
		return false, "the domain of the address, for want of a website"
	case best.meaning.kind == anyID:
		return false, "by its values, which are Salesforce ids"
	case best.fit == doubtful:
		return false, "by its name alone, as none of the first values is usable"
	case best.meaning.guess:
		return false, "by its name, which may mean something else"
	}
	return true, "by its name"
}

// agree fails when two columns of the same fit say different things.
func (p *planner) agree(field person.Field, a, b int) error {
	clean := person.CleanerOf(field)
	for _, row := range p.sample {
		if differ(clean, row[a], row[b]) {
			return ambiguous(p.file, field, p.names[a], p.names[b])
		}
	}
	return nil
}

// differ says whether two cells hold different values.
func differ(clean person.Cleaner, a, b string) bool {
	if a == b {
		return false
	}
	x, _ := clean(a)
	y, _ := clean(b)
	return x != "" && y != "" && x != y
}

func ambiguous(file string, field person.Field, a, b string) error {
	return &MappingError{File: file, Field: field, Headers: []string{a, b},
		Msg:  fmt.Sprintf("%q and %q both fit %s and hold different values", a, b, field),
		Hint: fmt.Sprintf("type %s or %s", Flag(field, a), Flag(field, b))}
}

// tally is what the first values of a column are.
type tally struct{ filled, usable, honorifics, foreign, companies, slugs int }

// judge looks at the first values of a column.
func (p *planner) judge(field person.Field, column int, m meaning) (s fit, filled int, why string) {
	clean := person.CleanerOf(field)
	var n tally
	for _, row := range p.sample {
		v, f := clean(row[column])
		if v != "" || f != person.NoFlaw && f != person.Placeholder {
			n.filled++
		}
		if v != "" {
			n.usable++
		}
		if f == person.SocialHost || f == person.CompanyPage {
			n.foreign++
		}
		switch field {
		case person.JobTitle:
			if person.IsHonorific(v) {
				n.honorifics++
			}
		case person.FullName:
			if person.IsCompany(v) {
				n.companies++
			}
		case person.LinkedInProfile:
			if p.plan.slugs[column] && person.ProfileOfSlug(row[column]) != "" {
				n.slugs++
			}
		default: // of the other fields nothing more is counted
		}
	}
	s, why = rule(field, m, n, p.salesforce(field, column, m))
	return s, n.filled, why
}

// rule is the one of each field about what its values must look like.
func rule(field person.Field, m meaning, n tally, salesforce bool) (fit, string) {
	most := func(k int) bool { return k > 0 && 2*k >= n.filled }
	switch {
	case m.kind == anyID && !salesforce:
		return refused, "an id of unknown kind"
	case n.filled == 0:
		return vacant, ""
	case field == person.JobTitle && most(n.honorifics):
		return refused, "its values are honorifics"
	case field == person.FullName && most(n.companies):
		return refused, "its values are companies"
	case field == person.LinkedInProfile && n.usable == 0 && n.slugs == 0 && n.foreign > 0:
		return refused, "its values are LinkedIn pages of companies"
	case field == person.LinkedInProfile && n.usable == 0 && n.slugs == 0:
		return refused, "its values are no linkedin.com/in/ pages"
	case field == person.Lang && !most(n.usable):
		return refused, "it holds no language tags"
	case field == person.CompanyDomain && n.usable == 0 && n.foreign > 0:
		return refused, "its values are pages on social networks"
	case field == person.CompanyDomain && n.usable == 0:
		return refused, "its values are no domains of companies"
	case field == person.CompanyDomain && m.guess && !most(n.usable):
		return refused, "most of its values are no domains of companies"
	case n.usable == 0:
		return doubtful, ""
	}
	return fitting, ""
}

// salesforce says whether the values of a column carry the prefix that
// Salesforce gives the ids of contacts (003) or leads (00Q).
func (p *planner) salesforce(field person.Field, column int, m meaning) bool {
	prefix := map[person.Field]string{person.CRMContactID: "003", person.CRMLeadID: "00Q"}[field]
	if prefix == "" || m.kind != anyID {
		return false
	}
	match, filled := 0, 0
	for _, row := range p.sample {
		id := strings.TrimSpace(row[column])
		if id == "" {
			continue
		}
		filled++
		if strings.HasPrefix(id, prefix) && (len(id) == 15 || len(id) == 18) {
			match++
		}
	}
	return match > 0 && match == filled
}

// electorate is how many values it takes to decide against a column's name.
const electorate = 3

// vote takes a column whose values are nearly all addresses, profiles or
// domains for what they are, whatever its name.
func (p *planner) vote() error {
	for _, field := range []person.Field{person.Email, person.LinkedInProfile, person.CompanyDomain} {
		if p.done[field] {
			continue
		}
		var found []candidate
		for i, name := range p.names {
			told := slices.ContainsFunc(p.meanings[i], func(m meaning) bool { return m.kind == never || m.kind == optOut || m.kind == consent })
			own, _ := person.CleanerOf(field)(name)
			if p.used[i] || told || own != "" {
				continue
			}
			if usable, filled := p.count(field, i); usable >= electorate && 10*usable >= 9*filled {
				found = append(found, candidate{column: i, filled: usable, meaning: meaning{field: field}})
			}
		}
		if len(found) == 0 {
			continue
		}
		columns := []int{found[0].column}
		for _, c := range found[1:] {
			if err := p.agree(field, columns[0], c.column); err != nil {
				return err
			}
			columns = append(columns, c.column)
		}
		p.take(field, columns, false, "by its values, whatever its name")
	}
	return nil
}
