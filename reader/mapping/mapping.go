// Package mapping finds out which column of a list feeds which field of a
// contact, and turns rows of any list into rows of those fields.
package mapping

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"octave-enrich/reader/person"
	tables "octave-enrich/reader/table"
)

// A Mapping says which columns feed a field.
type Mapping struct {
	Field   person.Field `json:"field"`
	Header  string       `json:"header"`         // the best column, by its name in the list
	Also    []string     `json:"also,omitempty"` // further ones, for the rows where those before have no usable value
	Certain bool         `json:"certain"`        // false when it is a guess that a person should look at
	Why     string       `json:"why"`            // how it was found
	Samples []string     `json:"samples"`        // up to three different cells, as they were read
	Filled  int          `json:"filled"`         // rows with a value in these columns, usable or not
	Usable  int          `json:"usable"`         // rows with a value that can be sent

	columns  []int // of the planner's names
	clean    person.Cleaner
	slot     int  // in a row, -1 for the fields in Person.Extra
	demanded bool // not detected
}

// A Rejection says why a column that looks like a field feeds none.
type Rejection struct {
	Header string `json:"header"`
	Why    string `json:"why"`
}

// A Fate is what becomes of a column.
type Fate struct {
	Header  string       `json:"header"`
	Field   person.Field `json:"field,omitempty"` // that it feeds
	Why     string       `json:"why"`             // how it was found, why it is not used, or that it is not recognised
	Filled  int          `json:"filled"`          // rows with anything in it
	Samples []string     `json:"samples"`         // up to three different cells, as they were read
	Used    bool         `json:"-"`               // it feeds a field, or decides something
}

// NotRecognised is the fate of a column whose name says nothing that is known.
const NotRecognised = "not recognised"

// Columns are the names of the columns that feed a field, the best first. In
// files one is a string, several are a list.
type Columns []string

// Options say what the user decided.
type Options struct {
	Map     map[person.Field]Columns // an empty name leaves the field without a column
	Pinned  *MapFile                 // a mapping written earlier; nothing else is mapped then but Map
	Several bool                     // there are more files, in which a column that is missing here may be
}

// A ref is a column of the list, or a value inside the objects of one.
type ref struct {
	column int
	path   []string // keys, from the outermost
}

// A Plan is the mapping of one file.
type Plan struct {
	Mapped   []Mapping
	Rejected []Rejection
	Notes    []string               // guesses to print
	Missing  map[person.Field]error // columns that were asked for, when another file may have them

	file   string
	names  []string // of the columns, then of the values inside objects
	refs   []ref    // by name
	width  int      // columns with a header
	header []string // as they were read

	whole      []int // columns with whole names, for rows without their parts
	overrule   bool  // the user asked for them
	family     []bool
	slugs      []bool // by name: a bare slug of LinkedIn may stand in it
	particle   int    // column of what stands before the family name, -1 for none
	workbook   bool
	rivals     []rivals
	optOut     []answers
	statuses   []status
	fates      []Fate
	silent     []bool       // columns that may hold anything without a word: never used, or said elsewhere
	passed     map[pass]int // rows without a value that an unused column has
	undecided  []slot       // slots that the user did not decide
	maybeNames []int        // unused columns that may hold whole names
}

// answers is a column that says who wants no mail: by a yes, or by a no to the
// question whether they want it.
type answers struct {
	column  int
	consent bool
}

// status is a column about the status of the address or of the subscription, and what
// a mere yes says there.
type status struct {
	column int
	yes    person.Status
}

// A slot is the place of a field in a row.
type slot = int

// A pass is a column that was passed over although rows have a value for the
// field there, and nowhere else.
type pass struct {
	slot   slot
	column int
}

// rivals are two columns of the same fit for a field, of which first is
// taken: they must never say different things.
type rivals struct {
	field         person.Field
	first, second int
	clean         person.Cleaner
}

// planner works out the plan of a file from its header and its first rows.
type planner struct {
	file     string
	names    []string
	meanings [][]meaning
	sample   [][]string
	words    *Vocabulary
	used     map[int]bool
	done     map[person.Field]bool
	plan     *Plan

	encoding string
	guessed  bool // nobody said that the file is in that encoding
}

// NewPlan maps the columns of a file; sample holds its first rows.
func NewPlan(t *tables.Table, sample [][]string, words *Vocabulary, opt Options) (*Plan, error) {
	p := newPlanner(t, sample, words)
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
	p.settleFates()
	return p.plan, nil
}

func newPlanner(t *tables.Table, sample [][]string, words *Vocabulary) *planner {
	p := &planner{file: t.Source.Name, words: words, used: map[int]bool{}, done: map[person.Field]bool{}}
	p.plan = &Plan{file: p.file, Missing: map[person.Field]error{}, Rejected: []Rejection{}, width: t.Width, header: t.Layout.Header, particle: -1,
		workbook: t.Format == "xlsx", passed: map[pass]int{}}
	p.encoding = t.Encoding
	p.guessed = t.Encoding != "" && !strings.HasPrefix(t.Encoding, "utf-") && !t.Demanded
	p.names = slices.Clone(t.Names[:t.Width])
	for i := range p.names {
		p.plan.refs = append(p.plan.refs, ref{column: i})
	}
	if t.Format == "jsonl" || len(sample) > 0 && strings.Contains(strings.Join(sample[0], ""), "{") {
		p.openObjects(sample)
	}
	for _, row := range sample {
		full := make([]string, len(p.names))
		for i := range p.names {
			full[i] = p.plan.cell(row, i)
		}
		p.sample = append(p.sample, full)
	}
	for i, name := range p.names {
		if i < t.Width {
			name = t.Layout.Header[i] // not the name: "Title (2)" is a title
		}
		p.meanings = append(p.meanings, meanings(name))
		for _, m := range p.meanings[i] {
			if (m.kind == optOut || m.kind == consent) && i < t.Width {
				p.plan.optOut = append(p.plan.optOut, answers{i, m.kind == consent})
				break
			}
		}
		if words := split(p.names[i]); !p.plan.asksOptOut(i) && tellsStatus(words) {
			p.plan.statuses = append(p.plan.statuses, status{i, askedOf(words)})
		}
	}
	p.plan.names = p.names
	p.plan.slugs = make([]bool, len(p.names))
	p.plan.family = make([]bool, len(p.names))
	for i, name := range p.names {
		p.plan.slugs[i] = has(split(name), "linkedin", "linked", "li")
	}
	return p
}

// openObjects finds values inside the objects of a column, such as
// organization.name, and adds them to the columns that can feed a field.
func (p *planner) openObjects(sample [][]string) {
	const rows, most = 100, 200
	columns := len(p.names)
	for column := range columns {
		for _, row := range sample[:min(rows, len(sample))] {
			if column >= len(row) {
				continue
			}
			for _, path := range tables.Paths(row[column]) {
				name := p.names[column] + "." + strings.Join(path, ".")
				if !slices.Contains(p.names, name) && len(p.names) < columns+most {
					p.names = append(p.names, name)
					p.plan.refs = append(p.plan.refs, ref{column, path})
				}
			}
		}
	}
}

// cell is what a row has for a column; rows may be shorter than the header.
func (p *Plan) cell(row []string, i int) string {
	r := &p.refs[i]
	if r.column >= len(row) {
		return ""
	}
	if r.path == nil {
		return row[r.column]
	}
	return tables.Inside(row[r.column], r.path)
}

// mapped is the mapping of a field, nil when no column feeds it.
func (p *Plan) mapped(field person.Field) *Mapping {
	for i := range p.Mapped {
		if p.Mapped[i].Field == field {
			return &p.Mapped[i]
		}
	}
	return nil
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
	pinned, err := opt.Pinned.layoutOf(p.file, p.names[:p.plan.width])
	if err != nil {
		return err
	}
	return p.demand(pinned, "from the mapping file", false)
}

// demand feeds fields from named columns. In one of several files a column may
// be missing, as long as another has it: the field is then left to detection.
func (p *planner) demand(wanted map[person.Field]Columns, why string, several bool) error {
	for _, field := range sortedFields(wanted) {
		if p.done[field] {
			continue
		}
		columns, err := p.findAll(field, wanted[field])
		if err != nil && several && columns == nil {
			p.plan.Missing[field] = err
			continue
		}
		if err != nil {
			return err
		}
		p.done[field] = true
		if len(columns) == 0 {
			continue // --map email= : no column
		}
		if field == person.FullName {
			p.plan.overrule = !(p.done[person.FirstName] || p.done[person.LastName] || len(wanted[person.FirstName]) > 0 || len(wanted[person.LastName]) > 0)
		}
		p.take(field, columns, true, why)
		p.plan.Mapped[len(p.plan.Mapped)-1].demanded = true
	}
	return nil
}

// findAll are the columns of these names. The error of one that is not there
// comes with no columns.
func (p *planner) findAll(field person.Field, headers Columns) ([]int, error) {
	if !slices.Contains(Fields(), field) {
		return []int{}, &MappingError{File: p.file, Field: field, Msg: fmt.Sprintf("%q is no field", field), Hint: fieldHint(field)}
	}
	var columns []int
	for _, header := range headers {
		if header == "" {
			continue
		}
		column := p.find(header)
		if column < 0 {
			return nil, p.missing(field, header)
		}
		if !slices.Contains(columns, column) {
			columns = append(columns, column)
		}
	}
	return columns, nil
}

func sortedFields[V any](m map[person.Field]V) []person.Field {
	if len(m) == 0 { // as for nearly every row
		return nil
	}
	return slices.Sorted(maps.Keys(m))
}

// find is the column of that name, or the only one that folds to it; -1 when
// there is none.
func (p *planner) find(header string) int {
	if i := slices.Index(p.names, header); i >= 0 {
		return i
	}
	found := -1
	for i := range p.names {
		name := p.names[i]
		if i < p.plan.width {
			name = p.plan.header[i]
		}
		if f := fold(name); f != "" && f == fold(header) {
			if found >= 0 {
				return -1
			}
			found = i
		}
	}
	return found
}

func (p *planner) missing(field person.Field, header string) error {
	hint := "its columns are " + tables.QuoteAll(p.names)
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
	return "fields are " + strings.Join(fieldNames(), ", ")
}

func fieldNames() []string {
	var names []string
	for _, f := range Fields() {
		names = append(names, string(f))
	}
	return names
}

// take feeds field from columns, the best first.
func (p *planner) take(field person.Field, columns []int, certain bool, why string) {
	p.done[field] = true
	m := Mapping{Field: field, Header: p.names[columns[0]], Certain: certain, Why: why, Samples: []string{},
		columns: columns, clean: person.CleanerOf(field), slot: slotOf(field)}
	for _, c := range columns {
		p.used[c] = true
		if c != columns[0] {
			m.Also = append(m.Also, p.names[c])
			p.reject(c, fmt.Sprintf("%q comes first for %s", p.names[columns[0]], field))
		}
	}
	if field == person.FullName {
		p.plan.whole = columns
	}
	p.plan.Mapped = append(p.plan.Mapped, m)
	if !certain {
		p.plan.Notes = append(p.plan.Notes, fmt.Sprintf("%s is a guess: from %q, %s", field, p.names[columns[0]], why))
	}
}

func (p *planner) reject(column int, why string) {
	p.plan.Rejected = append(p.plan.Rejected, Rejection{p.names[column], why})
}

// lookAlikes names the columns that seem to be what they are not.
func (p *planner) lookAlikes() {
	for i := range p.names {
		for _, m := range p.meanings[i] {
			if m.kind == never && !p.used[i] {
				p.reject(i, m.why)
				break
			}
		}
	}
	p.plan.Rejected = slices.DeleteFunc(p.plan.Rejected, func(r Rejection) bool {
		return slices.ContainsFunc(p.plan.Mapped, func(m Mapping) bool { return m.Header == r.Header })
	})
	seen := map[string]bool{}
	p.plan.Rejected = slices.DeleteFunc(p.plan.Rejected, func(r Rejection) bool { again := seen[r.Header]; seen[r.Header] = true; return again })
}

// identifies fails when the mapped columns can say of no row who it is.
func (p *planner) identifies() error {
	has := func(fields ...person.Field) bool {
		return slices.ContainsFunc(fields, func(f person.Field) bool { return p.plan.mapped(f) != nil })
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
		e.Hint = "type " + Flag(person.Email, "HEADER") + "; its columns are " + tables.QuoteAll(p.names)
	}
	if p.guessed {
		e.Hint += "; it is not UTF-8 and was read as " + p.encoding + ": --encoding NAME if its columns look wrong"
	}
	return e
}

// hintByValues finds a column whose values are addresses or profiles for a
// field that nothing feeds, whatever the name of the column.
func (p *planner) hintByValues() string {
	for _, field := range []person.Field{person.Email, person.LinkedInProfile} {
		for i, name := range p.names {
			skip := slices.ContainsFunc(p.meanings[i], func(m meaning) bool { return m.kind == never })
			if p.done[field] || p.used[i] || skip {
				continue
			}
			usable, filled := p.count(field, i)
			if usable == 0 || 2*usable < filled {
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

// count counts the values of a column, and those that a field takes.
func (p *planner) count(field person.Field, column int) (usable, filled int) {
	clean := person.CleanerOf(field)
	for _, row := range p.sample {
		v, f := clean(row[column])
		if v != "" {
			usable++
		}
		if v != "" || f != person.NoFlaw {
			filled++
		}
	}
	return usable, filled
}

// settleFates says of every column what becomes of it.
func (p *planner) settleFates() {
	plan := p.plan
	plan.silent = make([]bool, plan.width)
	for i := range plan.width {
		f := Fate{Header: p.names[i], Why: NotRecognised, Samples: []string{}}
		for _, m := range plan.Mapped {
			if slices.Contains(m.columns, i) {
				f.Field, f.Why = m.Field, m.Why
				if m.columns[0] != i {
					f.Why = fmt.Sprintf("for rows where %q has no usable value", m.Header)
				}
			}
		}
		if f.Field == "" && p.usedInside(i) {
			f.Why, f.Used = "its values are objects, which are opened", true
		}
		for _, r := range plan.Rejected {
			if f.Field == "" && r.Header == f.Header {
				f.Why = r.Why
			}
		}
		switch {
		case plan.asksOptOut(i):
			f.Why, f.Used = saysNoMail, true
		case i == plan.particle:
			f.Why, f.Used = "goes before the family name", true
		case slices.Contains(plan.whole, i) && f.Field == "":
			f.Why, f.Used = "for rows where the first and last name are empty", true
		}
		f.Used = f.Used || f.Field != ""
		plan.silent[i] = p.used[i] || plan.asksOptOut(i) || slices.ContainsFunc(p.meanings[i], func(m meaning) bool {
			return m.kind == never || m.kind == anyID
		})
		plan.fates = append(plan.fates, f)
	}
	for _, field := range []person.Field{person.Email, person.LinkedInProfile} {
		if m := plan.mapped(field); m != nil && !m.demanded || m == nil && !p.done[field] {
			plan.undecided = append(plan.undecided, slotOf(field))
		}
	}
	if !p.decidedNames() {
		plan.maybeNames = p.maybeNames()
	}
}

// saysNoMail is the fate of a column that rows are left out for.
const saysNoMail = "says who wants no mail"

// usedInside says whether anything inside the objects of a column feeds a field.
func (p *planner) usedInside(column int) bool {
	for i := p.plan.width; i < len(p.plan.refs); i++ {
		if p.plan.refs[i].column == column && (p.used[i] || slices.Contains(p.plan.whole, i)) {
			return true
		}
	}
	return false
}

// decidedNames says whether the user said which columns have the names, or that
// none has.
func (p *planner) decidedNames() bool {
	for _, field := range []person.Field{person.FirstName, person.LastName, person.FullName} {
		if m := p.plan.mapped(field); m != nil && m.demanded || m == nil && p.done[field] {
			return true
		}
	}
	return false
}

// maybeNames are the unused columns that may hold whole names of people: by a word
// in their names, or because nearly all of their first values look like names.
func (p *planner) maybeNames() []int {
	var columns []int
	for i := range p.plan.width {
		if p.plan.silent[i] || slices.Contains(p.plan.whole, i) || i == p.plan.particle {
			continue
		}
		if words := split(p.names[i]); !namesThing(words) && (namesPerson(words) || p.holdsNames(i)) {
			columns = append(columns, i)
		}
	}
	return columns
}

// holdsNames says whether the first values of a column are names of people.
func (p *planner) holdsNames(column int) bool {
	filled, names, known := 0, 0, 0
	for _, row := range p.sample {
		if strings.TrimSpace(row[column]) == "" {
			continue
		}
		filled++
		looks, common := person.LooksLikeName(row[column])
		if looks {
			names++
		}
		if common {
			known++
		}
	}
	return names >= electorate && 10*names >= 8*filled && 10*known >= 4*filled
}
