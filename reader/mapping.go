package reader

import (
	"fmt"
	"slices"
	"strings"
)

// A Mapping says which column feeds a field.
type Mapping struct {
	Field   Field    `json:"field"`
	Header  string   `json:"header"`  // the column, by its name in [Input.Columns]
	Certain bool     `json:"certain"` // false when it is a guess that a person should look at
	Why     string   `json:"why"`     // how it was found
	Samples []string `json:"samples"` // up to three different cells, as they were read
	Filled  int      `json:"filled"`  // rows with a value in this column, usable or not
	Usable  int      `json:"usable"`  // rows with a value that can be sent

	column   int
	clean    cleaner
	slot     int  // in a reading, -1 for the fields in Person.Extra
	demanded bool // not detected
}

// A Rejection says why a column that looks like a field feeds none.
type Rejection struct {
	Header string `json:"header"`
	Why    string `json:"why"`
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

	guessed bool // nobody said that the file is in Windows-1252
}

// newPlan maps the columns of a file; sample holds its first rows.
func newPlan(t *table, sample [][]string, words *vocabulary, opt Options) (*plan, error) {
	p := &planner{file: t.src.name, names: t.names, sample: sample, words: words, used: map[int]bool{}, done: map[Field]bool{}, plan: &plan{missing: map[Field]error{}, rejected: []Rejection{}}}
	p.guessed = t.encoding == encodingCP1252 && !t.demanded
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
	p.plan.rejected = slices.DeleteFunc(p.plan.rejected, func(r Rejection) bool { return p.used[slices.Index(p.names, r.Header)] })
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
		p.plan.mapped[len(p.plan.mapped)-1].demanded = true
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
		return 0, &MappingError{File: p.file, Field: field, Msg: fmt.Sprintf("%q is no field", field), Hint: fieldHint(field)}
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
	hint := "its columns are " + quoteAll(p.names)
	if near := Nearest(header, p.names); near != "" {
		hint = fmt.Sprintf("did you mean %q? type %s; %s", near, mapFlag(field, near), hint)
	}
	return &MappingError{File: p.file, Field: field, Headers: []string{header},
		Msg: fmt.Sprintf("no column %q for %s", header, field), Hint: hint}
}

func fieldHint(field Field) string {
	if near := Nearest(string(field), fieldNames()); near != "" {
		return fmt.Sprintf("did you mean %s?", near)
	}
	return "fields are " + joinFields()
}

func fieldNames() []string {
	var names []string
	for _, f := range Fields() {
		names = append(names, string(f))
	}
	return names
}

func joinFields() string { return strings.Join(fieldNames(), ", ") }

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
	p.plan.mapped = append(p.plan.mapped, Mapping{Field: field, Header: p.names[column], Certain: certain, Why: why, Samples: []string{},
		column: column, clean: cleanerOf(field), slot: slotOf(field)})
	if !certain {
		p.plan.notes = append(p.plan.notes, fmt.Sprintf("%s is a guess: from %q, %s", field, p.names[column], why))
	}
}

func (p *planner) reject(column int, why string) {
	p.plan.rejected = append(p.plan.rejected, Rejection{p.names[column], why})
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
		e.Hint = "export the people instead"
	case name:
		e.Hint = "a name needs a company as well: " + mapFlag(CompanyName, "HEADER")
	}
	if hint := p.hintByValues(); hint != "" {
		e.Hint = hint
	} else if e.Hint == "" {
		e.Hint = "type " + mapFlag(Email, "HEADER") + "; its columns are " + quoteAll(p.names)
	}
	if p.guessed {
		e.Hint += "; it is not UTF-8 and was read as Windows-1252: --encoding NAME if its columns look wrong"
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
