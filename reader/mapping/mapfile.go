package mapping

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"octave-enrich/checkpoint/durable"
	"octave-enrich/reader/person"
	tables "octave-enrich/reader/table"
)

const mapFileFormat = 1

// A MapFile is a mapping that a person can read, keep and edit. It pins what
// was detected once, so that the next export of the same tool is read the
// same way or not at all.
type MapFile struct {
	Format  int            `yaml:"format" json:"format"` // 1
	Layouts []mappedLayout `yaml:"layouts" json:"layouts"`
}

// A mappedLayout is the mapping of the files with one header.
type mappedLayout struct {
	Map map[person.Field]Columns `yaml:"map" json:"map"` // the columns of each field, by name, the best first

	// Header names all columns in order. A file whose header differs is
	// refused; without a header in the layout, the mapped columns must exist.
	Header []string `yaml:"header,omitempty" json:"header,omitempty"`
}

// Add pins the mapping of a file, unless one like it is there already.
func (m *MapFile) Add(header []string, mapped []Mapping) {
	l := mappedLayout{Map: map[person.Field]Columns{}, Header: header}
	for _, c := range mapped {
		l.Map[c.Field] = append(Columns{c.Header}, c.Also...)
	}
	if !slices.ContainsFunc(m.Layouts, func(o mappedLayout) bool {
		return slices.Equal(o.Header, l.Header) && maps.EqualFunc(o.Map, l.Map, slices.Equal)
	}) {
		m.Layouts = append(m.Layouts, l)
	}
}

// MarshalJSON writes one column as a string.
func (c Columns) MarshalJSON() ([]byte, error) { return json.Marshal(c.spelled()) }

// UnmarshalJSON reads a string or a list of them.
func (c *Columns) UnmarshalJSON(text []byte) error {
	return c.read(func(v any) error { return json.Unmarshal(text, v) })
}

// MarshalYAML writes one column as a string.
func (c Columns) MarshalYAML() (any, error) { return c.spelled(), nil }

// UnmarshalYAML reads a string or a list of them.
func (c *Columns) UnmarshalYAML(unmarshal func(any) error) error { return c.read(unmarshal) }

func (c Columns) spelled() any {
	if len(c) == 1 {
		return c[0]
	}
	return []string(c)
}

func (c *Columns) read(unmarshal func(any) error) error {
	var one string
	if err := unmarshal(&one); err == nil {
		*c = Columns{one}
		return nil
	}
	return unmarshal((*[]string)(c))
}

// NewMapFile is one without a layout.
func NewMapFile() *MapFile { return &MapFile{Format: mapFileFormat} }

// ReadMapFile reads a mapping file, YAML or JSON. Words it does not know are
// errors, as a mistyped field would otherwise just stay empty.
func ReadMapFile(path string) (*MapFile, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, tables.OpenError(path, err)
	}
	var m MapFile
	if err := yaml.UnmarshalWithOptions(text, &m, yaml.Strict()); err != nil { // JSON is YAML
		// Without the lines themselves: those of a list, named by mistake, are contacts.
		return nil, &tables.InputError{File: path, Msg: "not a mapping file", Hint: "write one with inspect --write FILE", Err: errors.New(yaml.FormatError(err, false, false))}
	}
	return &m, m.check(path)
}

func (m *MapFile) check(path string) error {
	if m.Format != mapFileFormat {
		return &tables.InputError{File: path, Msg: fmt.Sprintf("format %d of a mapping file, not %d", m.Format, mapFileFormat), Hint: "write it anew with inspect --write"}
	}
	known := Fields()
	for _, l := range m.Layouts {
		for _, f := range sortedFields(l.Map) {
			if !slices.Contains(known, f) {
				return &tables.InputError{File: path, Msg: fmt.Sprintf("%q is no field", f), Hint: fieldHint(f)}
			}
		}
		if len(l.Map) == 0 {
			return &tables.InputError{File: path, Msg: "a layout without a map"}
		}
	}
	if len(m.Layouts) == 0 {
		return &tables.InputError{File: path, Msg: "no layouts in it"}
	}
	return nil
}

// Write writes the mapping to a file, as JSON when its name ends so, else as
// YAML with a comment on how to edit it.
func (m *MapFile) Write(path string) error {
	text, err := m.text(filepath.Ext(path) == ".json")
	if err != nil {
		return err
	}
	return durable.WriteFile(path, text, durable.Private)
}

func (m *MapFile) text(asJSON bool) ([]byte, error) {
	if asJSON {
		text, err := json.MarshalIndent(m, "", "  ")
		return append(text, '\n'), err
	}
	body, err := yaml.MarshalWithOptions(m, yaml.IndentSequence(true))
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteString("# Which column feeds which field of a contact. Edit the map freely; fields are\n")
	b.WriteString(wrapComment(strings.Join(fieldNames(), ", ")))
	b.WriteString("# A file whose columns are not those of a header below is refused. Remove the\n")
	b.WriteString("# header to accept any file that has the mapped columns.\n")
	b.Write(body)
	return b.Bytes(), nil
}

// wrapComment breaks a list into comment lines.
func wrapComment(list string) string {
	var b strings.Builder
	line := "#"
	for word := range strings.FieldsSeq(list) {
		if len(line)+len(word) > 78 {
			b.WriteString(line + "\n")
			line = "#"
		}
		line += " " + word
	}
	return b.String() + line + ".\n"
}

// headers are all names in the file, by which a header is recognised.
func (m *MapFile) headers() []string {
	var headers []string
	for _, l := range m.Layouts {
		headers = append(headers, l.Header...)
		for _, h := range l.Map {
			headers = append(headers, h...)
		}
	}
	return headers
}

// layoutOf is the mapping for a file with these columns.
func (m *MapFile) layoutOf(file string, names []string) (map[person.Field]Columns, error) {
	for _, l := range m.Layouts {
		if l.Header == nil || slices.Equal(l.Header, names) {
			return l.Map, nil
		}
	}
	return nil, &MappingError{File: file, Headers: names,
		Msg:  "its header is not the one of the mapping file: " + difference(m.Layouts[0].Header, names),
		Hint: "look at it with inspect, then pin it anew with inspect --write"}
}

// difference says in what a header differs from the pinned one.
func difference(pinned, names []string) string {
	var parts []string
	if missing := without(pinned, names); len(missing) > 0 {
		parts = append(parts, "missing "+tables.QuoteAll(missing))
	}
	if added := without(names, pinned); len(added) > 0 {
		parts = append(parts, "new "+tables.QuoteAll(added))
	}
	if len(parts) == 0 {
		return "the columns are in another order"
	}
	return strings.Join(parts, "; ")
}

// without are the names of a that b does not have.
func without(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(name string) bool { return slices.Contains(b, name) })
}
