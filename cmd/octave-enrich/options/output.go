package options

import (
	"cmp"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/pipeline/lint"
	"octave-enrich/reader"
	"octave-enrich/writer"
)

// Output says where the rows and the answers go, and in which shape.
type Output struct {
	Path, Checkpoint        string // as given; see Places
	Format, Preset          string
	Emails                  int
	Excel, Thread, Approved bool
	Keep                    []string
	Force                   bool
	New                     bool // of a sender's preset: only who was in no earlier file of it
}

// Flags registers all of them.
func (o *Output) Flags(fs *pflag.FlagSet) {
	grouped(fs, HeadingOutput, func(fs *pflag.FlagSet) {
		fs.StringVarP(&o.Path, "output", "o", "", "`FILE` for the rows, or - ; {date} in its name is today; default: INPUT.enriched.EXT")
		fs.StringVar(&o.Checkpoint, "checkpoint", "", "`FILE` for the answers; default: OUTPUT.checkpoint, with all for {date}")
		fs.StringVar(&o.Format, "out-format", "", "`FORMAT`: csv, tsv, jsonl or xlsx; default: by name")
		fs.StringVar(&o.Preset, "preset", "generic", "columns of a `SENDER`: "+strings.Join(writer.Presets(), ", ")+"; see help senders")
		numberFlag(fs, &o.Emails, "emails", 4, "email columns at least; of a preset: steps, by default the commonest number")
		fs.StringSliceVar(&o.Keep, "keep", nil, "which input `COLUMNS` to keep; default: all")
		fs.BoolVar(&o.Excel, "excel", false, "a BOM, and formulas defused, for a spreadsheet")
		fs.BoolVar(&o.Thread, "thread", false, "no subjects after the first message, so that the others are replies")
		fs.BoolVar(&o.Force, "force", false, "overwrite an output that is not ours")
		fs.BoolVar(&o.New, "new", false, "of a preset: only contacts that no earlier file of it held")
	})
}

// CheckNew refuses --new where nobody knows who was in a file before.
func (o *Output) CheckNew() error {
	if o.New && !o.ForSender() {
		return &exit.Error{Code: exit.Usage, Err: errors.New("--new is about files for senders, and this output is for none"),
			Hint: "name the sender with --preset, such as --preset smartlead; a generic output always has one row per row of the list"}
	}
	return nil
}

// mostEmails is far above what a sequence has.
const mostEmails = 100

// CheckEmails refuses a number of email columns that is a slip.
func (o *Output) CheckEmails() error {
	switch {
	case o.Emails < 0:
		return exit.UsageError("--emails is too small: write 0 or more")
	case o.Emails > mostEmails:
		return exit.UsageError("--emails %d is too large: write %d or less; a longer sequence widens the output by itself", o.Emails, mostEmails)
	}
	return nil
}

// ApprovedFlag registers the choice of reviewed rows.
func (o *Output) ApprovedFlag(fs *pflag.FlagSet) {
	grouped(fs, HeadingOutput, func(fs *pflag.FlagSet) {
		fs.BoolVar(&o.Approved, "approved", false, "only what was approved in review, as edited there")
	})
}

// datePlace stands in an output's name for the day on which a run begins, here.
const datePlace = "{date}"

// Places are the files of a run: where the rows go, "-" for standard output, and
// where the answers.
type Places struct{ Output, Checkpoint string }

// Places decides where rows and answers go.
func (o *Options) Places(inputs []string) (p Places, err error) {
	p.Output = strings.ReplaceAll(o.Output.Path, datePlace, time.Now().Format(time.DateOnly))
	if p.Output == "" {
		if AreSeveral(inputs) {
			return p, exit.UsageError("several inputs need an output: -o FILE")
		}
		if p.Output, err = o.namedOutput(inputs[0]); err != nil {
			return p, err
		}
	}
	o.List.Own = []string{p.Output, writer.HeldPath(p.Output)}
	p.Checkpoint = o.Output.Checkpoint
	if p.Checkpoint == "" {
		if p.Output == "-" {
			return p, exit.UsageError("rows on standard output need a checkpoint beside them: --checkpoint FILE")
		}
		if p.Checkpoint, err = CheckpointOf(cmp.Or(o.Output.Path, p.Output)); err != nil {
			return p, err
		}
	}
	return p, nil
}

// AreSeveral says whether no output can be named after the input.
func AreSeveral(inputs []string) bool { return len(inputs) != 1 || reader.IsPattern(inputs[0]) }

// CheckpointOf is the default checkpoint of an output: one for the outputs of all
// days, as tomorrow's is a function of the same answers.
func CheckpointOf(output string) (string, error) {
	if strings.Contains(filepath.Dir(output), datePlace) {
		return "", exit.UsageError("-o %s: a folder for each day leaves no place for the one checkpoint of them all: name it with --checkpoint FILE", output)
	}
	return strings.ReplaceAll(output, datePlace, "all") + ".checkpoint", nil
}

// namedOutput is named after the input. What export makes for a sender is named
// after the sender: the output of the run stays.
func (o *Options) namedOutput(input string) (string, error) {
	switch filepath.Base(input) {
	case ".", "..", string(filepath.Separator):
		return "", exit.UsageError("no output can be named after the folder %s: name one with -o FILE", input)
	}
	word := "enriched"
	if o.NeverCalls && o.Output.ForSender() {
		word, _, _ = strings.Cut(o.Output.Preset, ":")
	}
	return namedAfter(input, word, o.Output.Format), nil
}

// DefaultOutput puts .enriched before the extension: people.csv.gz becomes
// people.enriched.csv.gz, people.zip people.enriched.csv, and standard input goes to
// standard output.
func DefaultOutput(input, format string) string { return namedAfter(input, "enriched", format) }

// namedAfter is [DefaultOutput] with another word.
func namedAfter(input, word, format string) string {
	if input == "-" {
		return "-"
	}
	name := strings.TrimRight(input, `/\`)
	var ext string
	for _, known := range []string{".gz", ".zst"} {
		if strings.HasSuffix(strings.ToLower(name), known) {
			name, ext = name[:len(name)-len(known)], name[len(name)-len(known):]
		}
	}
	if zip := filepath.Ext(name); strings.EqualFold(zip, ".zip") {
		name = strings.TrimSuffix(name, zip)
	}
	inner := filepath.Ext(name)
	stem := strings.TrimSuffix(name, inner)
	switch strings.ToLower(inner) {
	case ".csv", ".tsv", ".jsonl", ".ndjson", ".xlsx":
	default:
		stem, inner = name, ".csv"
	}
	if format != "" {
		inner = "." + format
	}
	return stem + "." + word + inner + ext
}

// Files are the files that rows come into.
func (o *Output) Files(output string) []string {
	switch {
	case output == "-":
		return nil
	case o.Preset != "generic":
		return []string{output, writer.HeldPath(output)}
	}
	return []string{output}
}

// WriterOptions are what the writer needs of the flags, for a list with these columns;
// spool is a folder for what is too much to hold, "" for none.
func (o *Options) WriterOptions(stdout io.Writer, columns []string, spool string) (writer.Options, error) {
	opt := writer.Options{
		Format: o.Output.Format, Columns: columns, Emails: o.Output.Emails, Preset: o.Output.Preset,
		Excel: o.Output.Excel, Thread: o.Output.Thread, Keep: o.Output.Keep, Stdout: stdout, SpoolDir: spool,
	}
	if o.Output.Preset == "generic" {
		return opt, nil
	}
	if !o.Given("emails") {
		opt.Emails = 0 // as many as the longest sequence has
	}
	var err error
	opt.Rule, err = lint.New()
	return opt, err
}
