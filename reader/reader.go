// Package reader reads contacts out of the files that people really have:
// exports of CRMs and data vendors in CSV, TSV, JSONL or a workbook.
//
// An input is read twice. [Open] reads everything once: it detects, checks,
// counts and maps, so that whatever is wrong with a file is said before
// anything has been paid for. [Input.Contacts] then streams the rows in
// constant memory.
//
// What a row says to the service is normalised in its [Person]; its cells
// stay what they were in the file, byte for byte.
//
// It has three rooms: reader/table turns bytes into records, reader/mapping
// columns into fields, reader/person cells into values.
package reader

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"

	"octave-enrich/reader/mapping"
	"octave-enrich/reader/person"
	"octave-enrich/reader/table"
)

// InputError says what is wrong with the bytes of an input.
type InputError = table.InputError

// OptionError says what is wrong with an option.
type OptionError = table.OptionError

// MappingError says why columns cannot be mapped to fields.
type MappingError = mapping.MappingError

// Columns are the names of the columns that feed a field, the best first.
type Columns = mapping.Columns

// MapFile is a mapping that was written down.
type MapFile = mapping.MapFile

// NotRecognised is the fate of a column whose name says nothing that is known.
const NotRecognised = mapping.NotRecognised

// Options say what is not left to detection.
type Options struct {
	Format         string            // csv, tsv, jsonl (or ndjson), xlsx; empty to detect it
	Encoding       string            // a name of the WHATWG encoding standard; empty to detect it
	Sheet          string            // of a workbook; empty for the first
	Map            map[Field]Columns // columns by name, the best first; an empty name leaves the field without one
	Pinned         *MapFile          // a mapping written earlier; nothing else is mapped then but Map
	Stdin          io.Reader         // what "-" reads
	SkipUnreadable bool              // lines that cannot be read become rows with a problem, and no error

	Skip []string // files that a directory or a pattern does not stand for, such as the output
}

// An Input is one or several files of contacts, read as one list.
type Input struct {
	sources []*table.Source
	lists   []*list
	columns []string
	source  int // column of the file's name, -1 when there is one file
	profile *Profile
}

// Open looks at the files of these paths and reads them once. A directory
// stands for the inputs in it, a pattern for what it matches, "-" for
// standard input. Several files become one list with the columns of all and
// one more for the name of the file.
//
// It fails with an [*InputError] for a file that cannot be read, with a
// [*MappingError] for columns that cannot be mapped, and with an
// [*OptionError] for an option that names nothing.
func Open(paths []string, opt Options) (*Input, error) {
	if !slices.Contains([]string{"", "csv", "tsv", "jsonl", "ndjson", "xlsx"}, opt.Format) {
		return nil, &OptionError{Msg: fmt.Sprintf("unknown format %q", opt.Format), Hint: "csv, tsv, jsonl or xlsx"}
	}
	if opt.Encoding != "" {
		if _, err := table.CanonicalEncoding(opt.Encoding); err != nil {
			return nil, err
		}
	}
	files, err := table.Expand(paths, opt.Skip)
	if err != nil {
		return nil, err
	}
	in := &Input{source: -1}
	if err := in.open(files, opt); err != nil {
		return nil, errors.Join(err, in.Close())
	}
	return in, nil
}

func (in *Input) open(files []string, opt Options) error {
	how := mapping.Options{Map: opt.Map, Pinned: opt.Pinned, Several: len(files) > 1}
	words, names, totals := mapping.NewVocabulary(how), table.ShortNames(files), newTotals()
	for i, path := range files {
		src, err := table.NewSource(path, opt.Stdin)
		if src != nil {
			in.sources = append(in.sources, src)
		}
		if err != nil {
			return err
		}
		l := &list{name: names[i], skipUnreadable: opt.SkipUnreadable}
		l.Table, err = table.New(src, words.Score, table.Options{Format: opt.Format, Encoding: opt.Encoding, Sheet: opt.Sheet, Languages: mapping.Languages})
		if err != nil {
			return err
		}
		if err := l.read(words, how, totals); err != nil {
			return err
		}
		in.lists = append(in.lists, l)
	}
	if err := in.nowhere(opt.Map); err != nil {
		return err
	}
	in.profile = totals.finish()
	in.unite()
	return nil
}

// nowhere fails when a column that was asked for is in none of the files.
func (in *Input) nowhere(wanted map[Field]Columns) error {
	for _, field := range slices.Sorted(maps.Keys(wanted)) {
		found := slices.ContainsFunc(in.lists, func(t *list) bool { return t.plan.Missing[field] == nil })
		if !found {
			return in.lists[0].plan.Missing[field]
		}
	}
	return nil
}

// unite gives the list the columns of all files.
func (in *Input) unite() {
	index := map[string]int{}
	for _, t := range in.lists {
		for _, name := range t.Names {
			i, ok := index[name]
			if !ok {
				i = len(in.columns)
				index[name] = i
				in.columns = append(in.columns, name)
			}
			t.union = append(t.union, i)
		}
	}
	if len(in.lists) > 1 {
		name := "source"
		for n := 1; slices.Contains(in.columns, name); n++ {
			name = "octave_source" + strings.TrimPrefix(strconv.Itoa(n), "1")
		}
		in.source = len(in.columns)
		in.columns = append(in.columns, name)
	}
}

// sourceMember spells the column for the name of the file as JSON, "source":"list.jsonl".
func (in *Input) sourceMember(t *list) []byte {
	if in.source < 0 {
		return nil
	}
	member, err := json.Marshal(map[string]string{in.columns[in.source]: t.name})
	if err != nil {
		return nil // a map of strings does not fail
	}
	return member[1 : len(member)-1]
}

// Columns are the names of the input's columns, all different, in order; for
// JSONL the keys of all objects in order of first appearance. The caller must
// not change them.
func (in *Input) Columns() []string { return in.columns }

// Header are the names of the columns as the list spells them: blank ones, and
// the same name twice, stay so. It is aligned with Columns; for several lists,
// whose columns are made one, it is Columns.
func (in *Input) Header() []string {
	if len(in.lists) > 1 {
		return in.columns
	}
	header := slices.Clone(in.columns)
	copy(header, in.lists[0].Layout.Header)
	return header
}

// Profile is what Open found out. The caller must not change it.
func (in *Input) Profile() *Profile { return in.profile }

// Close gives up what Open keeps, such as a private copy of standard input.
func (in *Input) Close() error {
	var errs []error
	for _, s := range in.sources {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}

// Contacts streams the rows of all files in order. It can be called again,
// and stopped at any row. An error ends it: a file that changed since Open, or
// one that can no longer be read.
func (in *Input) Contacts() iter.Seq2[Contact, error] {
	return func(yield func(Contact, error) bool) {
		row := 0
		for _, t := range in.lists {
			s := &stream{in: in, list: t, row: row, source: in.sourceMember(t)}
			more, err := s.run(yield)
			if err != nil {
				yield(Contact{}, table.Named(t.Source.Name, err))
				return
			}
			if !more {
				return
			}
			row += t.contacts
		}
	}
}

// Overlooked fails with a [*MappingError] when a column that is not used holds
// the address, the profile or the name of people who have none elsewhere. It is for
// whoever is about to pay: the user says whether it is theirs.
func (in *Input) Overlooked() error {
	for _, l := range in.lists {
		if err := l.plan.Overlooked(); err != nil {
			return err
		}
	}
	return nil
}

// MapFile pins the mapping of the input.
func (in *Input) MapFile() *MapFile {
	m := mapping.NewMapFile()
	for _, t := range in.lists {
		var header []string
		if t.Format != "jsonl" { // objects may leave members out
			header = t.Names[:t.Width]
		}
		m.Add(header, t.plan.Mapped)
	}
	return m
}

// ReadMapFile reads a mapping file, YAML or JSON, that [MapFile.Write] wrote or
// a person.
func ReadMapFile(path string) (*MapFile, error) { return mapping.ReadMapFile(path) }

// Fields lists every field that a column can feed: those of a [Person], the
// name to be split, and the ones carried in [Person.Extra].
func Fields() []Field { return mapping.Fields() }

// Nearest is the name that was most likely meant by a mistyped one, empty when
// there is none.
func Nearest(typed string, names []string) string { return mapping.Nearest(typed, names) }

// Files are the inputs that Open would read: a directory stands for those in it, a
// pattern for what it matches, both without the files in skip. Its errors are those
// of Open.
func Files(paths, skip []string) ([]string, error) { return table.Expand(paths, skip) }

// IsPattern says whether Open would take a path for a pattern, as there is no
// file of that name.
func IsPattern(path string) bool { return table.IsPattern(path) }

// Normalise returns a value as a row's [Person] would have it; see package person.
func Normalise(field Field, value string) (string, error) { return person.Normalise(field, value) }

// FreeText is what a cell says that holds a longer text: trimmed, its lines
// kept, and nothing for a null word such as n/a.
func FreeText(cell string) string { return person.FreeText(cell) }
