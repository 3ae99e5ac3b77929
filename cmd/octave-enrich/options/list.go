package options

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/pipeline"
	"octave-enrich/reader"
)

// List says which rows are read, and how.
type List struct {
	Format, Encoding, Sheet string // "" for what is detected
	Maps                    []string
	MapFile, Exclude        string          // files; "" for none
	Pinned                  *reader.MapFile // what MapFile holds, or held at the last run
	Skip                    []string        // as it was given; see Skips
	Own                     []string        // files that a directory of inputs does not stand for

	ExcludeOfRun bool // Exclude was not given: it is the one of an earlier run

	optOut, failed bool // old names of two kinds of Skip
}

// Flags registers how the list is read.
func (l *List) Flags(fs *pflag.FlagSet) {
	grouped(fs, HeadingInput, func(fs *pflag.FlagSet) {
		fs.StringArrayVar(&l.Maps, "map", nil, "read `FIELD=HEADER` instead of what was detected; repeated, each row takes the first that has a value")
		fs.StringVar(&l.MapFile, "map-file", "", "mapping `FILE` that inspect --write wrote")
		fs.StringVar(&l.Format, "in-format", "", "`FORMAT`: csv, tsv, jsonl or xlsx; default: by name, then content")
		fs.StringVar(&l.Encoding, "encoding", "", "character set `NAME`; default: detected")
		fs.StringVar(&l.Sheet, "sheet", "", "sheet `NAME` of a workbook; default: the first")
	})
}

// columns are the columns of --map, by field. A field that is given several times
// takes, in each row, the first of its columns that has a usable value.
func (l *List) columns() (map[string]reader.Columns, error) {
	columns := map[string]reader.Columns{}
	for _, item := range l.Maps {
		field, header, ok := strings.Cut(item, "=")
		if !ok || field == "" {
			return nil, exit.UsageError("--map %s: write it as FIELD=HEADER", item)
		}
		columns[field] = append(columns[field], header)
	}
	return columns, nil
}

// ReaderOptions are what the reader needs of the flags.
func (l *List) ReaderOptions(stdin io.Reader) (reader.Options, error) {
	mapped, err := l.columns()
	if err != nil {
		return reader.Options{}, err
	}
	if err := OneOf("in-format", l.Format, "", "csv", "tsv", "jsonl", "ndjson", "xlsx"); err != nil {
		return reader.Options{}, err
	}
	if l.MapFile != "" {
		if l.Pinned, err = reader.ReadMapFile(l.MapFile); err != nil {
			return reader.Options{}, &exit.Error{Code: exit.Usage, Err: err}
		}
	}
	opt := reader.Options{
		Format: l.Format, Encoding: l.Encoding, Sheet: l.Sheet, Stdin: stdin,
		Map: map[reader.Field]reader.Columns{}, Pinned: l.Pinned, Skip: l.Own,
	}
	for field, headers := range mapped {
		opt.Map[reader.Field(field)] = headers
	}
	return opt, nil
}

// Suits refuses what was typed about a kind of file that is not in the list.
func (o *Options) Suits(files []reader.FileProfile) error {
	workbook := func(f reader.FileProfile) bool { return f.Format == "xlsx" }
	if o.Typed("sheet") && !slices.ContainsFunc(files, workbook) {
		return exit.UsageError("--sheet %s: %s is no workbook; leave --sheet out", o.List.Sheet, files[0].Name)
	}
	if o.Typed("encoding") && !slices.ContainsFunc(files, func(f reader.FileProfile) bool { return !workbook(f) }) {
		return exit.UsageError("--encoding %s: %s is a workbook, which says its own; leave --encoding out", o.List.Encoding, files[0].Name)
	}
	return nil
}

// take makes the mapping of an earlier run that of this command.
func (l *List) take(last pipeline.RunBody) {
	if len(l.Skip) == 0 && slices.Contains(last.Skip, SkipDuplicate) {
		l.Skip = []string{SkipDuplicate} // or the other rows of a person have no answer
	}
	if len(l.Maps) == 0 && l.MapFile == "" {
		l.Maps, l.Pinned = mapFlags(last.Settings.Map), last.Pinned
	}
}

// TakeExclude makes the do-not-contact list of an earlier run that of this command, which
// else may write to people whom that run left out.
func (l *List) TakeExclude(path string) {
	if l.Exclude == "" && path != "" {
		l.Exclude, l.ExcludeOfRun = path, true
	}
}

// ExcludePath is the do-not-contact list as it is named from any folder, "" for none and
// for a pipe, which nobody can read again.
func (l *List) ExcludePath() string {
	if l.Exclude == "" {
		return ""
	}
	path, err := filepath.Abs(l.Exclude)
	if err != nil {
		return l.Exclude
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return ""
	}
	return path
}

// mapFlags are columns as --map takes them, one to each.
func mapFlags(m map[string]reader.Columns) (list []string) {
	for field, columns := range m {
		for _, header := range columns {
			list = append(list, field+"="+header)
		}
	}
	return list
}
