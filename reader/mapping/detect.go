package mapping

import (
	"fmt"
	"slices"
	"strings"

	"octave-enrich/reader/person"
)

// detect maps every field that was not asked for.
func (p *planner) detect() error {
	for i, name := range p.names {
		if field := p.words.exact[name]; field != "" && !p.done[field] && !p.used[i] {
			p.take(field, i, true, "spelled exactly so")
		}
	}
	for _, a := range aliases() {
		if p.done[a.field] {
			continue
		}
		if a.field == person.FullName && (p.done[person.FirstName] || p.done[person.LastName]) {
			p.unusedFullNames()
			continue
		}
		if err := p.detectField(a.field); err != nil {
			return err
		}
	}
	p.nameBesideFirstName()
	return nil
}

// nameBesideFirstName knows that lists with Vorname and Name mean the family
// name by the latter.
func (p *planner) nameBesideFirstName() {
	if p.done[person.LastName] || !p.done[person.FirstName] {
		return
	}
	first := slices.IndexFunc(p.plan.Mapped, func(m Mapping) bool { return m.Field == person.FirstName })
	if f := p.folded[p.plan.Mapped[first].column]; f != "vorname" && f != "voornaam" {
		return
	}
	for _, f := range []string{"name", "naam"} {
		if same := p.columnsFolding(f); len(same) == 1 && !p.used[same[0]] {
			p.take(person.LastName, same[0], false, "as it stands beside a first name")
			return
		}
	}
}

func (p *planner) unusedFullNames() {
	for i := range p.names {
		if !p.used[i] && slices.ContainsFunc(p.words.rank[p.folded[i]], func(r ranked) bool { return r.field == person.FullName }) {
			p.reject(i, "the parts of the name have columns of their own")
		}
	}
}

// A candidate is a column whose name may feed a field, judged by its values.
type candidate struct {
	column   int
	priority int
	standing standing
	filled   int
}

// standing is how well the values of a column go with its name.
type standing int

const (
	fitting  standing = iota // they do
	vacant                   // there are none
	doubtful                 // none is usable, but there is no better use for the column
	refused                  // they are something else
)

func (p *planner) detectField(field person.Field) error {
	var candidates []candidate
	for i, f := range p.folded {
		if p.used[i] {
			continue
		}
		for _, r := range p.words.rank[f] {
			if r.field == field {
				candidates = p.weigh(candidates, field, i, r.priority)
			}
		}
	}
	if len(candidates) == 0 {
		return nil
	}
	slices.SortStableFunc(candidates, func(a, b candidate) int {
		if a.standing != b.standing {
			return int(a.standing - b.standing)
		}
		return a.priority - b.priority
	})
	return p.choose(field, candidates)
}

// weigh adds a column to the candidates, or to the rejected when its values
// are something else than its name says.
func (p *planner) weigh(candidates []candidate, field person.Field, column, priority int) []candidate {
	standing, filled, why := p.judge(field, column)
	if standing == refused {
		p.reject(column, why)
		return candidates
	}
	return append(candidates, candidate{column, priority, standing, filled})
}

// choose takes the best candidate. Others of the same standing and priority
// must agree with it, or the choice is the user's.
func (p *planner) choose(field person.Field, candidates []candidate) error {
	best := candidates[0]
	var equal []candidate
	for _, c := range candidates[1:] {
		if c.priority != best.priority || c.standing != best.standing {
			p.reject(c.column, fmt.Sprintf("%q comes first for %s", p.names[best.column], field))
			continue
		}
		if err := p.agree(field, best.column, c.column); err != nil {
			return err
		}
		equal = append(equal, c)
	}
	for i, c := range equal {
		if c.filled > best.filled {
			best, equal[i] = c, best
		}
	}
	for _, c := range equal {
		p.plan.rivals = append(p.plan.rivals, rivals{field, best.column, c.column, person.CleanerOf(field)})
		p.reject(c.column, fmt.Sprintf("says the same as %q", p.names[best.column]))
	}
	certain, why := p.certainty(field, best, candidates)
	p.take(field, best.column, certain, why)
	return nil
}

// certainty says how sure the choice of best is.
func (p *planner) certainty(field person.Field, best candidate, all []candidate) (bool, string) {
	outranked := slices.ContainsFunc(all, func(c candidate) bool { return c.priority < best.priority })
	switch {
	case outranked:
		return false, "by its values, as a column with a better name has none to use"
	case field == person.FullName:
		return false, "split at the first space into first and last name"
	case p.folded[best.column] == "emaildomain":
		return false, "the domain of the address, for want of a website"
	case p.folded[best.column] == "id":
		return false, "by its values, which are Salesforce ids"
	case best.standing == doubtful:
		return false, "by its name alone, as none of the first values is usable"
	}
	return true, "by its name"
}

// agree fails when two columns of the same standing say different things.
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

// judge looks at the first values of a column.
func (p *planner) judge(field person.Field, column int) (s standing, filled int, why string) {
	clean, usable, honorifics, social := person.CleanerOf(field), 0, 0, 0
	for _, row := range p.sample {
		v, f := clean(row[column])
		if v != "" || f != person.NoFlaw && f != person.Placeholder {
			filled++
		}
		if v != "" {
			usable++
		}
		if f == person.SocialHost || f == person.CompanyPage {
			social++
		}
		if field == person.JobTitle && person.IsHonorific(v) {
			honorifics++
		}
	}
	return verdict(field, p.folded[column], tally{filled, usable, honorifics, social}, p.salesforce(field, column))
}

type tally struct{ filled, usable, honorifics, social int }

// verdict is the rule of each field on what its values must look like.
func verdict(field person.Field, folded string, n tally, salesforce bool) (standing, int, string) {
	most := func(k int) bool { return k > 0 && 2*k >= n.filled }
	switch {
	case folded == "id" && !salesforce:
		return refused, n.filled, "an id of unknown kind"
	case n.filled == 0:
		return vacant, 0, ""
	case field == person.JobTitle && most(n.honorifics):
		return refused, n.filled, "its values are honorifics"
	case field == person.LinkedInProfile && !most(n.usable) && n.social > 0:
		return refused, n.filled, "its values are LinkedIn pages of companies"
	case field == person.LinkedInProfile && !most(n.usable):
		return refused, n.filled, "its values are no linkedin.com/in/ pages"
	case field == person.Lang && !most(n.usable):
		return refused, n.filled, "it holds no language tags"
	case field == person.CompanyDomain && n.usable == 0 && n.social > 0:
		return refused, n.filled, "its values are pages on social networks"
	case field == person.CompanyDomain && n.usable == 0:
		return refused, n.filled, "its values are no domains of companies"
	case n.usable == 0:
		return doubtful, n.filled, ""
	}
	return fitting, n.filled, ""
}

// salesforce says whether the values of a column carry the prefix that
// Salesforce gives the ids of contacts (003) or leads (00Q).
func (p *planner) salesforce(field person.Field, column int) bool {
	prefix := map[person.Field]string{person.CRMContactID: "003", person.CRMLeadID: "00Q"}[field]
	if prefix == "" || p.folded[column] != "id" {
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
