package reader

import (
	"fmt"
	"slices"
	"strings"
)

// A Mapping says which column feeds a field.
type Mapping struct {
	Field   Field
	Header  string   // the column, by its name in [Input.Columns]
	Certain bool     // false when it is a guess that a person should look at
	Why     string   // how it was found
	Samples []string // up to three different cells, as they were read
	Filled  int      // rows with a value in this column, usable or not
	Usable  int      // rows with a value that can be sent

	column int
	clean  cleaner
	slot   int // in a reading, -1 for the fields in Person.Extra
}

// A Rejection says why a column that looks like a field feeds none.
type Rejection struct {
	Header string
	Why    string
}

// rivals are two columns of the same standing for a field, of which first is
// taken: they must never say different things.
type rivals struct {
	field         Field
	first, second int
	clean         cleaner
}

// A plan is the mapping of one file.
type plan struct {
	mapped   []Mapping
	rejected []Rejection
	rivals   []rivals
	optOut   []int           // columns
	notes    []string        // guesses to print
	missing  map[Field]error // columns that were asked for, when another file may have them
}

// planner works out the plan of a file from its header and its first rows.
type planner struct {
	file   string
	names  []string
	folded []string
	sample [][]string
	words  *vocabulary
	used   map[int]bool
	done   map[Field]bool
	plan   *plan
}

// newPlan maps the columns of a file; sample holds its first rows.
func newPlan(t *table, sample [][]string, words *vocabulary, opt Options) (*plan, error) {
	p := &planner{file: t.src.name, names: t.names, sample: sample, words: words, used: map[int]bool{}, done: map[Field]bool{}, plan: &plan{missing: map[Field]error{}}}
	for _, h := range t.layout.header {
		p.folded = append(p.folded, fold(h)) // not the name: "Title (2)" is a title
	}
	for i, f := range p.folded {
		if words.isOptOut(f) {
			p.plan.optOut = append(p.plan.optOut, i)
		}
	}
	if err := p.demanded(opt); err != nil {
		return nil, err
	}
	if opt.Pinned == nil {
		if err := p.detect(); err != nil {
			return nil, err
		}
	}
	p.lookAlikes()
	if err := p.identifies(); err != nil {
		return nil, err
	}
	if hint := p.hintByValues(); hint != "" && opt.Pinned == nil {
		p.plan.notes = append(p.plan.notes, hint)
	}
	return p.plan, nil
}

// demanded maps what the user asked for: first the flags, then the mapping
// file.
func (p *planner) demanded(opt Options) error {
	if err := p.demand(opt.Map, "as asked for", opt.several); err != nil {
		return err
	}
	if opt.Pinned == nil {
		return nil
	}
	pinned, err := opt.Pinned.layoutOf(p.file, p.names)
	if err != nil {
		return err
	}
	return p.demand(pinned, "from the mapping file", false)
}

// demand feeds fields from named columns. In one of several files a column may
// be missing, as long as another has it: the field is then left to detection.
func (p *planner) demand(wanted map[Field]string, why string, several bool) error {
	for _, field := range sortedFields(wanted) {
		if p.done[field] {
			continue
		}
		header := wanted[field]
		if header == "" {
			p.done[field] = true // --map email= : no column
			continue
		}
		column, err := p.find(field, header)
		if err == nil && column < 0 {
			err = p.missing(field, header)
			if several {
				p.plan.missing[field] = err
				continue
			}
		}
		if err != nil {
			return err
		}
		p.take(field, column, true, why)
	}
	return nil
}

func sortedFields(m map[Field]string) []Field {
	fields := make([]Field, 0, len(m))
	for f := range m {
		fields = append(fields, f)
	}
	slices.Sort(fields)
	return fields
}

// find is the column of that name, or the only one that folds to it; -1 when
// there is none.
func (p *planner) find(field Field, header string) (int, error) {
	if !slices.Contains(Fields(), field) {
		return 0, &MappingError{File: p.file, Field: field, Msg: fmt.Sprintf("%q is no field", field), Hint: "fields are " + joinFields()}
	}
	if i := slices.Index(p.names, header); i >= 0 {
		return i, nil
	}
	same := p.columnsFolding(fold(header))
	if len(same) == 1 {
		return same[0], nil
	}
	return -1, nil
}

func (p *planner) missing(field Field, header string) error {
	return &MappingError{File: p.file, Field: field, Headers: []string{header},
		Msg: fmt.Sprintf("no column %q for %s", header, field), Hint: "its columns are " + quoteAll(p.names)}
}

func joinFields() string {
	var names []string
	for _, f := range Fields() {
		names = append(names, string(f))
	}
	return strings.Join(names, ", ")
}

func (p *planner) columnsFolding(folded string) []int {
	var same []int
	for i, f := range p.folded {
		if f == folded && f != "" {
			same = append(same, i)
		}
	}
	return same
}

// take feeds field from column.
func (p *planner) take(field Field, column int, certain bool, why string) {
	p.used[column], p.done[field] = true, true
	p.plan.mapped = append(p.plan.mapped, Mapping{Field: field, Header: p.names[column], Certain: certain, Why: why,
		column: column, clean: cleanerOf(field), slot: slotOf(field)})
	if !certain {
		p.plan.notes = append(p.plan.notes, fmt.Sprintf("%s is a guess: from %q, %s", field, p.names[column], why))
	}
}

func (p *planner) reject(column int, why string) {
	p.plan.rejected = append(p.plan.rejected, Rejection{p.names[column], why})
}

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
		if a.field == FullName && (p.done[FirstName] || p.done[LastName]) {
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
	if p.done[LastName] || !p.done[FirstName] {
		return
	}
	first := slices.IndexFunc(p.plan.mapped, func(m Mapping) bool { return m.Field == FirstName })
	if f := p.folded[p.plan.mapped[first].column]; f != "vorname" && f != "voornaam" {
		return
	}
	for _, f := range []string{"name", "naam"} {
		if same := p.columnsFolding(f); len(same) == 1 && !p.used[same[0]] {
			p.take(LastName, same[0], false, "as it stands beside a first name")
			return
		}
	}
}

func (p *planner) unusedFullNames() {
	for i := range p.names {
		if !p.used[i] && slices.ContainsFunc(p.words.rank[p.folded[i]], func(r ranked) bool { return r.field == FullName }) {
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

func (p *planner) detectField(field Field) error {
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
func (p *planner) weigh(candidates []candidate, field Field, column, priority int) []candidate {
	standing, filled, why := p.judge(field, column)
	if standing == refused {
		p.reject(column, why)
		return candidates
	}
	return append(candidates, candidate{column, priority, standing, filled})
}

// choose takes the best candidate. Others of the same standing and priority
// must agree with it, or the choice is the user's.
func (p *planner) choose(field Field, candidates []candidate) error {
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
		p.plan.rivals = append(p.plan.rivals, rivals{field, best.column, c.column, cleanerOf(field)})
		p.reject(c.column, fmt.Sprintf("says the same as %q", p.names[best.column]))
	}
	certain, why := p.certainty(field, best, candidates)
	p.take(field, best.column, certain, why)
	return nil
}

// certainty says how sure the choice of best is.
func (p *planner) certainty(field Field, best candidate, all []candidate) (bool, string) {
	outranked := slices.ContainsFunc(all, func(c candidate) bool { return c.priority < best.priority })
	switch {
	case outranked:
		return false, "by its values, as a column with a better name has none to use"
	case field == FullName:
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
func (p *planner) agree(field Field, a, b int) error {
	clean := cleanerOf(field)
	for _, row := range p.sample {
		if differ(clean, row[a], row[b]) {
			return ambiguous(p.file, field, p.names[a], p.names[b])
		}
	}
	return nil
}

// differ says whether two cells hold different values.
func differ(clean cleaner, a, b string) bool {
	if a == b {
		return false
	}
	x, _ := clean(a)
	y, _ := clean(b)
	return x != "" && y != "" && x != y
}

func ambiguous(file string, field Field, a, b string) error {
	return &MappingError{File: file, Field: field, Headers: []string{a, b},
		Msg:  fmt.Sprintf("%q and %q both fit %s and hold different values", a, b, field),
		Hint: fmt.Sprintf("type %s or %s", mapFlag(field, a), mapFlag(field, b))}
}

// judge looks at the first values of a column.
func (p *planner) judge(field Field, column int) (s standing, filled int, why string) {
	clean, usable, honorifics, social := cleanerOf(field), 0, 0, 0
	for _, row := range p.sample {
		v, f := clean(row[column])
		if v != "" || f != noFlaw && f != placeholder {
			filled++
		}
		if v != "" {
			usable++
		}
		if f == socialHost || f == companyPage {
			social++
		}
		if field == JobTitle && isHonorific(v) {
			honorifics++
		}
	}
	return verdict(field, p.folded[column], tally{filled, usable, honorifics, social}, p.salesforce(field, column))
}

type tally struct{ filled, usable, honorifics, social int }

// verdict is the rule of each field on what its values must look like.
func verdict(field Field, folded string, n tally, salesforce bool) (standing, int, string) {
	most := func(k int) bool { return k > 0 && 2*k >= n.filled }
	switch {
	case folded == "id" && !salesforce:
		return refused, n.filled, "an id of unknown kind"
	case n.filled == 0:
		return vacant, 0, ""
	case field == JobTitle && most(n.honorifics):
		return refused, n.filled, "its values are honorifics"
	case field == LinkedInProfile && !most(n.usable):
		return refused, n.filled, "its values are no linkedin.com/in/ pages"
	case field == Lang && !most(n.usable):
		return refused, n.filled, "its values are no language tags"
	case field == CompanyDomain && n.usable == 0 && n.social > 0:
		return refused, n.filled, "its values are pages on social networks"
	case field == CompanyDomain && n.usable == 0:
		return refused, n.filled, "its values are no domains of companies"
	case n.usable == 0:
		return doubtful, n.filled, ""
	}
	return fitting, n.filled, ""
}

// salesforce says whether the values of a column carry the prefix that
// Salesforce gives the ids of contacts (003) or leads (00Q).
func (p *planner) salesforce(field Field, column int) bool {
	prefix := map[Field]string{CRMContactID: "003", CRMLeadID: "00Q"}[field]
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

func isHonorific(s string) bool {
	switch strings.TrimSuffix(strings.ToLower(s), ".") {
	case "mr", "mrs", "ms", "miss", "mx", "dr", "prof", "sir", "madam", "herr", "frau", "mme", "mlle", "monsieur", "madame",
		"m", "sr", "sra", "srta", "dhr", "mevr", "dott", "sig", "ing", "様", "さん":
		return true
	}
	return false
}

// lookAlikes names the columns that seem to be what they are not.
func (p *planner) lookAlikes() {
	for i := range p.names {
		if why := p.words.never[p.folded[i]]; why != "" && !p.used[i] {
			p.reject(i, why)
		}
	}
}

// identifies fails when the mapped columns can say of no row who it is.
func (p *planner) identifies() error {
	has := func(fields ...Field) bool {
		return slices.ContainsFunc(p.plan.mapped, func(m Mapping) bool { return slices.Contains(fields, m.Field) })
	}
	name, company := has(FirstName, LastName, FullName), has(CompanyName, CompanyDomain)
	if has(Email, LinkedInProfile) || name && company {
		return nil
	}
	e := &MappingError{File: p.file, Headers: p.names, Msg: "no column says who the contact is: an email, a LinkedIn profile, or a name with a company"}
	switch {
	case company && !name:
		e.Msg = "a list of companies, not of people: no column for an email, a LinkedIn profile or a name"
		e.Hint = "export the contacts instead"
	case name:
		e.Hint = "a name needs a company as well: " + mapFlag(CompanyName, "HEADER")
	}
	if hint := p.hintByValues(); hint != "" {
		e.Hint = hint
	} else if e.Hint == "" {
		e.Hint = "type " + mapFlag(Email, "HEADER") + "; its columns are " + quoteAll(p.names)
	}
	return e
}

// hintByValues finds a column whose values are addresses or profiles for a
// field that nothing feeds, whatever the name of the column.
func (p *planner) hintByValues() string {
	for _, field := range []Field{Email, LinkedInProfile} {
		for i, name := range p.names {
			_, skip := p.words.never[p.folded[i]]
			if p.done[field] || p.used[i] || skip || !p.holds(field, i) {
				continue
			}
			if v, _ := cleanerOf(field)(name); v != "" {
				return "the header line holds data: put a line with the names of the columns above it"
			}
			return fmt.Sprintf("column %q holds values for %s, by its name it may be something else: %s uses it", name, field, mapFlag(field, name))
		}
	}
	return ""
}

// holds says whether most values of a column are ones for the field.
func (p *planner) holds(field Field, column int) bool {
	clean, usable, filled := cleanerOf(field), 0, 0
	for _, row := range p.sample {
		v, f := clean(row[column])
		if v != "" {
			usable++
		}
		if v != "" || f != noFlaw {
			filled++
		}
	}
	return usable > 0 && 2*usable >= filled
}

// quoteAll lists headers, the first dozen of them.
func quoteAll(headers []string) string {
	var quoted []string
	for _, h := range headers {
		if len(quoted) == 12 {
			quoted = append(quoted, fmt.Sprintf("and %d more", len(headers)-12))
			break
		}
		quoted = append(quoted, fmt.Sprintf("%q", h))
	}
	return strings.Join(quoted, ", ")
}
