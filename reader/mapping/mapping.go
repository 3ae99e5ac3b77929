// Package mapping finds out which column of a list feeds which field of a
// contact, and turns rows of any list into rows of those fields.
package mapping

import (
	"fmt"
	"slices"
	"strings"

	"octave-enrich/reader/person"
	"octave-enrich/reader/table"
)

// A Mapping says which column feeds a field.
type Mapping struct {
	Field   person.Field `json:"field"`
	Header  string       `json:"header"`  // the column, by its name in [Input.Columns]
	Certain bool         `json:"certain"` // false when it is a guess that a person should look at
	Why     string       `json:"why"`     // how it was found
	Samples []string     `json:"samples"` // up to three different cells, as they were read
	Filled  int          `json:"filled"`  // rows with a value in this column, usable or not
	Usable  int          `json:"usable"`  // rows with a value that can be sent

	column   int
	clean    person.Cleaner
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
	field         person.Field
	first, second int
	clean         person.Cleaner
}

// Options say what the user decided.
type Options struct {
	Map     map[person.Field]string // columns by name; an empty name leaves the field without one
	Pinned  *MapFile                // a mapping written earlier; nothing else is mapped then but Map
	Several bool                    // there are more files, in which a column that is missing here may be
}

// A Plan is the mapping of one file.
type Plan struct {
	Mapped   []Mapping
	Rejected []Rejection
	Notes    []string               // guesses to print
	Missing  map[person.Field]error // columns that were asked for, when another file may have them
	file     string
	names    []string
	rivals   []rivals
	only     []int // rows in which the second of two rivals alone holds a value, by rival
	optOut   []int // columns
}

// planner works out the plan of a file from its header and its first rows.
type planner struct {
	file   string
	names  []string
	folded []string
	sample [][]string
	words  *Vocabulary
	used   map[int]bool
	done   map[person.Field]bool
	plan   *Plan

	guessed bool // nobody said that the file is in Windows-1252
}

// NewPlan maps the columns of a file; sample holds its first rows.
func NewPlan(t *table.Table, sample [][]string, words *Vocabulary, opt Options) (*Plan, error) {
	p := &planner{file: t.Source.Name, names: t.Names, sample: sample, words: words, used: map[int]bool{}, done: map[person.Field]bool{},
		plan: &Plan{file: t.Source.Name, names: t.Names, Missing: map[person.Field]error{}, Rejected: []Rejection{}}}
	p.guessed = t.Encoding == table.CP1252 && !t.Demanded
	for _, h := range t.Layout.Header {
		p.folded = append(p.folded, Fold(h)) // not the name: "Title (2)" is a title
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
	p.plan.Rejected = slices.DeleteFunc(p.plan.Rejected, func(r Rejection) bool { return p.used[slices.Index(p.names, r.Header)] })
	if err := p.identifies(); err != nil {
		return nil, err
	}
	if hint := p.hintByValues(); hint != "" && opt.Pinned == nil {
		p.plan.Notes = append(p.plan.Notes, hint)
	}
	p.plan.only = make([]int, len(p.plan.rivals))
	return p.plan, nil
}

// demanded maps what the user asked for: first the flags, then the mapping
// file.
func (p *planner) demanded(opt Options) error {
	if err := p.demand(opt.Map, "as asked for", opt.Several); err != nil {
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
func (p *planner) demand(wanted map[person.Field]string, why string, several bool) error {
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
				p.plan.Missing[field] = err
				continue
			}
		}
		if err != nil {
			return err
		}
		p.take(field, column, true, why)
		p.plan.Mapped[len(p.plan.Mapped)-1].demanded = true
	}
	return nil
}

func sortedFields(m map[person.Field]string) []person.Field {
	fields := make([]person.Field, 0, len(m))
	for f := range m {
		fields = append(fields, f)
	}
	slices.Sort(fields)
	return fields
}

// find is the column of that name, or the only one that folds to it; -1 when
// there is none.
func (p *planner) find(field person.Field, header string) (int, error) {
	if !slices.Contains(Fields(), field) {
		return 0, &MappingError{File: p.file, Field: field, Msg: fmt.Sprintf("%q is no field", field), Hint: fieldHint(field)}
	}
	if i := slices.Index(p.names, header); i >= 0 {
		return i, nil
	}
	same := p.columnsFolding(Fold(header))
	if len(same) == 1 {
		return same[0], nil
	}
	return -1, nil
}

func (p *planner) missing(field person.Field, header string) error {
	hint := "its columns are " + table.QuoteAll(p.names)
	if near := Nearest(header, p.names); near != "" {
		hint = fmt.Sprintf("did you mean %q? type %s; %s", near, Flag(field, near), hint)
	}
	return &MappingError{File: p.file, Field: field, Headers: []string{header},
		Msg: fmt.Sprintf("no column %q for %s", header, field), Hint: hint}
}

func fieldHint(field person.Field) string {
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
func (p *planner) take(field person.Field, column int, certain bool, why string) {
	p.used[column], p.done[field] = true, true
	p.plan.Mapped = append(p.plan.Mapped, Mapping{Field: field, Header: p.names[column], Certain: certain, Why: why, Samples: []string{},
		column: column, clean: person.CleanerOf(field), slot: slotOf(field)})
	if !certain {
		p.plan.Notes = append(p.plan.Notes, fmt.Sprintf("%s is a guess: from %q, %s", field, p.names[column], why))
	}
}

func (p *planner) reject(column int, why string) {
	p.plan.Rejected = append(p.plan.Rejected, Rejection{p.names[column], why})
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
	has := func(fields ...person.Field) bool {
		return slices.ContainsFunc(p.plan.Mapped, func(m Mapping) bool { return slices.Contains(fields, m.Field) })
	}
	name, company := has(person.FirstName, person.LastName, person.FullName), has(person.CompanyName, person.CompanyDomain)
	if has(person.Email, person.LinkedInProfile) || name && company {
		return nil
	}
	e := &MappingError{File: p.file, Headers: p.names, Msg: "no column says who the contact is: an email, a LinkedIn profile, or a name with a company"}
	switch {
	case company && !name:
		e.Msg = "a list of companies, not of people: no column for an email, a LinkedIn profile or a name"
		e.Hint = "export the people instead"
	case name:
		e.Hint = "a name needs a company as well: " + Flag(person.CompanyName, "HEADER")
	}
	if hint := p.hintByValues(); hint != "" {
		e.Hint = hint
	} else if e.Hint == "" {
		e.Hint = "type " + Flag(person.Email, "HEADER") + "; its columns are " + table.QuoteAll(p.names)
	}
	if p.guessed {
		e.Hint += "; it is not UTF-8 and was read as Windows-1252: --encoding NAME if its columns look wrong"
	}
	return e
}

// hintByValues finds a column whose values are addresses or profiles for a
// field that nothing feeds, whatever the name of the column.
func (p *planner) hintByValues() string {
	for _, field := range []person.Field{person.Email, person.LinkedInProfile} {
		for i, name := range p.names {
			_, skip := p.words.never[p.folded[i]]
			if p.done[field] || p.used[i] || skip || !p.holds(field, i) {
				continue
			}
			if v, _ := person.CleanerOf(field)(name); v != "" {
				return "the header line holds data: put a line with the names of the columns above it"
			}
			return fmt.Sprintf("column %q holds values for %s, by its name it may be something else: %s uses it", name, field, Flag(field, name))
		}
	}
	return ""
}

// holds says whether most values of a column are ones for the field.
func (p *planner) holds(field person.Field, column int) bool {
	clean, usable, filled := person.CleanerOf(field), 0, 0
	for _, row := range p.sample {
		v, f := clean(row[column])
		if v != "" {
			usable++
		}
		if v != "" || f != person.NoFlaw {
			filled++
		}
	}
	return usable > 0 && 2*usable >= filled
}
