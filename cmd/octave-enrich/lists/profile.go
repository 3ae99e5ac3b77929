package lists

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/reader"
)

// PrintProfile says to people how a list is understood.
func PrintProfile(w io.Writer, profile *reader.Profile) error {
	p := &words.Printer{W: w}
	for _, file := range profile.Files {
		printFile(p, file)
	}
	p.Printf("%s: %d can be sent", words.Count(profile.Rows, "row"), profile.Sendable)
	if profile.Duplicates > 0 {
		p.Printf(", %d repeating an earlier one", profile.Duplicates)
	}
	p.Printf("\n")
	for _, why := range slices.Sorted(maps.Keys(profile.Invalid)) {
		p.Printf("  %d cannot: %s\n", profile.Invalid[why], why)
	}
	for _, header := range slices.Sorted(maps.Keys(profile.OptOut)) {
		p.Printf("  %s\n", optedOut(profile.OptOut[header], header, true))
	}
	for _, trap := range profile.Traps {
		p.Printf("  look at: %s in %s, first in %s\n", trap.Kind, words.Count(trap.Rows, "row"), trap.Place())
	}
	for _, note := range profile.Notes {
		p.Printf("  note: %s\n", note)
	}
	return p.Err
}

func printFile(p *words.Printer, f reader.FileProfile) {
	p.Printf("%s: %s", f.Name, strings.ToUpper(f.Format))
	for _, part := range []struct{ name, value string }{
		{"compression", f.Compression}, {"encoding", f.Encoding}, {"delimiter", quoted(f.Delimiter)}, {"sheet", f.Sheet},
	} {
		if part.value != "" {
			p.Printf(", %s %s", part.name, part.value)
		}
	}
	if f.HeaderLine > 0 {
		p.Printf(", header in line %d", f.HeaderLine)
	}
	p.Printf(", %s, %s\n", words.Count(len(f.Columns), "column"), words.Count(f.Rows, "row"))
	for _, skipped := range []struct {
		n           int
		what, where string
	}{{f.Preamble, "line", "before the header"}, {f.Footer, "line", "behind the last contact"}, {f.Empty, "empty row", "at the end"}} {
		if skipped.n > 0 {
			p.Printf("  not contacts: %s %s\n", words.Count(skipped.n, skipped.what), skipped.where)
		}
	}
	printMapping(p, f)
	printUnused(p, f)
	p.Printf("\n")
}

func printMapping(p *words.Printer, f reader.FileProfile) {
	if p.Err != nil {
		return
	}
	t := tabwriter.NewWriter(p.W, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "  FIELD\tCOLUMN\tFILLED\tUSABLE\tSAMPLES\t\n")
	for _, m := range f.Mapping {
		sure := ""
		if !m.Certain {
			sure = "a guess: " + m.Why
		}
		fmt.Fprintf(t, "  %s\t%s\t%s\t%s\t%s\t%s\n", m.Field, m.Header, share(m.Filled, f.Rows), share(m.Usable, f.Rows), samples(m.Samples), sure)
	}
	p.Err = t.Flush()
}

// printUnused lists the columns that feed nothing at first, and what no column feeds.
func printUnused(p *words.Printer, f reader.FileProfile) {
	feeding := map[string]bool{}
	for _, m := range f.Mapping {
		feeding[m.Header] = true
	}
	for _, fate := range f.Fates {
		switch {
		case feeding[fate.Header]:
		case fate.Field != "":
			p.Printf("  %s: %s, %s\n", fate.Header, fate.Field, fate.Why)
		case fate.Why == reader.NotRecognised:
			p.Printf("  not recognised: %s (%s filled: %s)\n", fate.Header, share(fate.Filled, f.Rows), samples(fate.Samples))
		default:
			p.Printf("  not used: %s: %s\n", fate.Header, fate.Why)
		}
	}
	for _, field := range f.NotFound {
		p.Printf("  nothing found for %s: --map %s=HEADER\n", field, field)
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
