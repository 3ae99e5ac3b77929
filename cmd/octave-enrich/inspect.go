package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/help"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/cmd/octave-enrich/paths"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/reader"
)

func newInspect(a *app) *cobra.Command {
	o := &options.Options{}
	var write string
	cmd := &cobra.Command{
		Use:   "inspect INPUT...",
		Short: "How a list is understood: format, encoding, column mapping",
		Example: `  octave-enrich inspect people.csv
  octave-enrich inspect people.csv --map jobTitle=Role --write people.map
  octave-enrich run people.csv --map-file people.map`,
		Args: help.Args(cobra.MinimumNArgs(1)),
	}
	fs := cmd.Flags()
	o.List.Flags(fs)
	o.JSONFlag(fs)
	o.ConfigFlag(fs)
	fs.StringVar(&write, "write", "", "pin the mapping in `FILE`, for --map-file")
	cmd.RunE = options.Configured(o, func(_ *cobra.Command, inputs []string) error { return a.inspect(o, inputs, write) })
	return cmd
}

func (a *app) inspect(o *options.Options, inputs []string, write string) error {
	files := &paths.List{}
	files.Inputs(inputs, nil)
	files.Settings(o)
	files.Replaces("--write", write)
	if err := errors.Join(files.Check(), files.Folders()); err != nil {
		return err
	}
	if err := mayReplaceMap(write); err != nil {
		return err
	}
	opt, err := o.List.ReaderOptions(a.stdin)
	if err != nil {
		return err
	}
	in, err := reader.Open(inputs, opt)
	if err != nil {
		return exit.InputError(err)
	}
	defer in.Close()
	profile := *in.Profile()
	if err := in.Overlooked(); err != nil {
		profile.Notes = append(slices.Clone(profile.Notes), stopsHere(err))
	}
	if o.JSON {
		err = writeJSON(a.stdout, profile)
	} else {
		err = printProfile(a.stdout, &profile)
	}
	if err != nil {
		return err
	}
	if write == "" {
		if !o.JSON && len(a.args) > 0 && a.args[0] == "inspect" {
			next(a.stdout, a.instead("plan", map[string]bool{"json": false}))
		}
		return nil
	}
	if err := in.MapFile().Write(write); err != nil {
		return exit.OutputError(err)
	}
	fmt.Fprintf(a.stderr, "wrote the mapping to %s; use it with --map-file %s\n", write, words.Quote(write))
	return nil
}

// stopsHere is what inspect and plan say of what run would stop for.
func stopsHere(err error) string { return "run stops here: " + err.Error() }

// mayReplaceMap lets a mapping file be replaced by another one, and nothing else.
func mayReplaceMap(path string) error {
	if path == "" || !paths.Exists(path) {
		return nil
	}
	if _, err := reader.ReadMapFile(path); err != nil {
		return &exit.Error{Code: exit.Output, Err: fmt.Errorf("--write %s exists and is not a mapping file", path), Hint: "choose another file, or move it away"}
	}
	return nil
}

// A printer keeps the first error of many writes.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) printf(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
}

func printProfile(w io.Writer, profile *reader.Profile) error {
	p := &printer{w: w}
	for _, file := range profile.Files {
		p.file(file)
	}
	p.printf("%s: %d can be sent", words.Count(profile.Rows, "row"), profile.Sendable)
	if profile.Duplicates > 0 {
		p.printf(", %d repeating an earlier one", profile.Duplicates)
	}
	p.printf("\n")
	for _, why := range slices.Sorted(maps.Keys(profile.Invalid)) {
		p.printf("  %d cannot: %s\n", profile.Invalid[why], why)
	}
	for _, header := range slices.Sorted(maps.Keys(profile.OptOut)) {
		p.printf("  %s\n", optedOut(profile.OptOut[header], header, true))
	}
	for _, trap := range profile.Traps {
		p.printf("  look at: %s in %s, first in %s\n", trap.Kind, words.Count(trap.Rows, "row"), trap.Place())
	}
	for _, note := range profile.Notes {
		p.printf("  note: %s\n", note)
	}
	return p.err
}

func (p *printer) file(f reader.FileProfile) {
	p.printf("%s: %s", f.Name, strings.ToUpper(f.Format))
	for _, part := range []struct{ name, value string }{
		{"compression", f.Compression}, {"encoding", f.Encoding}, {"delimiter", quoted(f.Delimiter)}, {"sheet", f.Sheet},
	} {
		if part.value != "" {
			p.printf(", %s %s", part.name, part.value)
		}
	}
	if f.HeaderLine > 0 {
		p.printf(", header in line %d", f.HeaderLine)
	}
	p.printf(", %s, %s\n", words.Count(len(f.Columns), "column"), words.Count(f.Rows, "row"))
	for _, skipped := range []struct {
		n           int
		what, where string
	}{{f.Preamble, "line", "before the header"}, {f.Footer, "line", "behind the last contact"}, {f.Empty, "empty row", "at the end"}} {
		if skipped.n > 0 {
			p.printf("  not contacts: %s %s\n", words.Count(skipped.n, skipped.what), skipped.where)
		}
	}
	p.mapping(f)
	p.unused(f)
	p.printf("\n")
}

func (p *printer) mapping(f reader.FileProfile) {
	if p.err != nil {
		return
	}
	t := tabwriter.NewWriter(p.w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "  FIELD\tCOLUMN\tFILLED\tUSABLE\tSAMPLES\t\n")
	for _, m := range f.Mapping {
		sure := ""
		if !m.Certain {
			sure = "a guess: " + m.Why
		}
		fmt.Fprintf(t, "  %s\t%s\t%s\t%s\t%s\t%s\n", m.Field, m.Header, share(m.Filled, f.Rows), share(m.Usable, f.Rows), samples(m.Samples), sure)
	}
	p.err = t.Flush()
}

// unused lists the columns that feed nothing at first, and what no column feeds.
func (p *printer) unused(f reader.FileProfile) {
	feeding := map[string]bool{}
	for _, m := range f.Mapping {
		feeding[m.Header] = true
	}
	for _, fate := range f.Fates {
		switch {
		case feeding[fate.Header]:
		case fate.Field != "":
			p.printf("  %s: %s, %s\n", fate.Header, fate.Field, fate.Why)
		case fate.Why == reader.NotRecognised:
			p.printf("  not recognised: %s (%s filled: %s)\n", fate.Header, share(fate.Filled, f.Rows), samples(fate.Samples))
		default:
			p.printf("  not used: %s: %s\n", fate.Header, fate.Why)
		}
	}
	for _, field := range f.NotFound {
		p.printf("  nothing found for %s: --map %s=HEADER\n", field, field)
	}
}

// quoted makes a delimiter of one character visible.
func quoted(delimiter string) string {
	if len(delimiter) == 1 {
		return strconv.Quote(delimiter)
	}
	return delimiter
}

// share spells n of total in percent; less than all is never rounded up to it.
func share(n, total int) string {
	if total == 0 {
		return "-"
	}
	return fmt.Sprintf("%d%%", n*100/total)
}

const sampleLength = 28

func samples(list []string) string {
	short := make([]string, len(list))
	for i, s := range list {
		s = strings.Join(strings.Fields(s), " ")
		if runes := []rune(s); len(runes) > sampleLength {
			s = string(runes[:sampleLength-1]) + "…"
		}
		short[i] = s
	}
	return strings.Join(short, " | ")
}
