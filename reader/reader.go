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
// The fields of a Person carry gocsv's tags, and a test holds the assignment of
// columns to them against gocsv's own. Row by row it is done here: gocsv took a
// quarter of the time of a million rows, and most of the memory.
package reader

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
)

// Options say what is not left to detection.
type Options struct {
	Format   string           // csv, tsv, jsonl (or ndjson), xlsx; empty to detect it
	Encoding string           // a name of the WHATWG encoding standard; empty to detect it
	Sheet    string           // of a workbook; empty for the first
	Map      map[Field]string // columns by name; an empty name leaves the field without one
	Pinned   *MapFile         // a mapping written earlier; nothing else is mapped then but Map
	Stdin    io.Reader        // what "-" reads
	Skip     []string         // files that a directory or a pattern does not stand for, such as the output

	several bool // more than one file
}

// An Input is one or several files of contacts, read as one list.
type Input struct {
	sources []*source
	tables  []*table
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
		if _, err := canonicalEncoding(opt.Encoding); err != nil {
			return nil, err
		}
	}
	files, err := expand(paths, opt.Skip)
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
	opt.several = len(files) > 1
	words, names, totals := newVocabulary(opt), shortNames(files), newTotals()
	for i, path := range files {
		src, err := newSource(path, opt.Stdin)
		if src != nil {
			in.sources = append(in.sources, src)
		}
		if err != nil {
			return err
		}
		t, err := newTable(src, names[i], words, opt, totals)
		if err != nil {
			return err
		}
		in.tables = append(in.tables, t)
	}
	if err := in.nowhere(opt.Map); err != nil {
		return err
	}
	if totals.profile.Rows == 0 {
		return &InputError{File: in.sources[0].name, Msg: "a header, and no rows below it"}
	}
	in.profile = totals.finish()
	in.unite()
	return nil
}

// nowhere fails when a column that was asked for is in none of the files.
func (in *Input) nowhere(wanted map[Field]string) error {
	for _, field := range sortedFields(wanted) {
		found := slices.ContainsFunc(in.tables, func(t *table) bool { return t.plan.missing[field] == nil })
		if !found {
			return in.tables[0].plan.missing[field]
		}
	}
	return nil
}

// unite gives the list the columns of all files.
func (in *Input) unite() {
	index := map[string]int{}
	for _, t := range in.tables {
		for _, name := range t.names {
			i, ok := index[name]
			if !ok {
				i = len(in.columns)
				index[name] = i
				in.columns = append(in.columns, name)
			}
			t.union = append(t.union, i)
		}
	}
	if len(in.tables) > 1 {
		name := "source"
		for n := 1; slices.Contains(in.columns, name); n++ {
			name = "octave_source" + strings.TrimPrefix(strconv.Itoa(n), "1")
		}
		in.source = len(in.columns)
		in.columns = append(in.columns, name)
	}
}

// sourceMember spells the column for the name of the file as JSON, "source":"list.jsonl".
func (in *Input) sourceMember(t *table) []byte {
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

// Profile is what Open found out. The caller must not change it.
func (in *Input) Profile() *Profile { return in.profile }

// Close gives up what Open keeps, such as a private copy of standard input.
func (in *Input) Close() error {
	var errs []error
	for _, s := range in.sources {
		errs = append(errs, s.close())
	}
	return errors.Join(errs...)
}

// Contacts streams the rows of all files in order. It can be called again,
// and stopped at any row. An error ends it: a file that changed since Open, or
// one that can no longer be read.
func (in *Input) Contacts() iter.Seq2[Contact, error] {
	return func(yield func(Contact, error) bool) {
		row := 0
		for _, t := range in.tables {
			s := &stream{in: in, table: t, row: row, source: in.sourceMember(t)}
			more, err := s.run(yield)
			if err != nil {
				yield(Contact{}, named(t.src.name, err))
				return
			}
			if !more {
				return
			}
			row += t.contacts
		}
	}
}
