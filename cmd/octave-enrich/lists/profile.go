package lists

import (
	"bufio"
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
func PrintProfile(to io.Writer, profile *reader.Profile) error {
	w := bufio.NewWriter(to) // which keeps the first error
	for _, file := range profile.Files {
		printFile(w, file)
	}
	fmt.Fprintf(w, "%s: %d can be sent", words.Count(profile.Rows, "row"), profile.Sendable)
	if profile.Duplicates > 0 {
		fmt.Fprintf(w, ", %d repeating an earlier one", profile.Duplicates)
	}
	fmt.Fprintf(w, "\n")
	for _, why := range slices.Sorted(maps.Keys(profile.Invalid)) {
		fmt.Fprintf(w, "  %d cannot: %s\n", profile.Invalid[why], why)
	}
	for _, header := range slices.Sorted(maps.Keys(profile.OptOut)) {
		fmt.Fprintf(w, "  %s\n", optedOut(profile.OptOut[header], header, true))
	}
	for _, trap := range profile.Traps {
		fmt.Fprintf(w, "  look at: %s in %s, first in %s\n", trap.Kind, words.Count(trap.Rows, "row"), trap.Place())
	}
	for _, note := range profile.Notes {
		fmt.Fprintf(w, "  note: %s\n", note)
	}
	return w.Flush()
}

func printFile(w io.Writer, f reader.FileProfile) {
	fmt.Fprintf(w, "%s: %s", f.Name, strings.ToUpper(f.Format))
	for _, part := range []struct{ name, value string }{
		{"compression", f.Compression}, {"encoding", f.Encoding}, {"delimiter", quoted(f.Delimiter)}, {"sheet", f.Sheet},
	} {
		if part.value != "" {
			fmt.Fprintf(w, ", %s %s", part.name, part.value)
		}
	}
	if f.HeaderLine > 0 {
		fmt.Fprintf(w, ", header in line %d", f.HeaderLine)
	}
	fmt.Fprintf(w, ", %s, %s\n", words.Count(len(f.Columns), "column"), words.Count(f.Rows, "row"))
	for _, skipped := range []struct {
		n           int
		what, where string
	}{{f.Preamble, "line", "before the header"}, {f.Footer, "line", "behind the last contact"}, {f.Empty, "empty row", "at the end"}} {
		if skipped.n > 0 {
			fmt.Fprintf(w, "  not contacts: %s %s\n", words.Count(skipped.n, skipped.what), skipped.where)
		}
	}
	printMapping(w, f)
	printUnused(w, f)
	fmt.Fprintf(w, "\n")
}

func printMapping(w io.Writer, f reader.FileProfile) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "  FIELD\tCOLUMN\tFILLED\tUSABLE\tSAMPLES\t\n")
	for _, m := range f.Mapping {
		sure := ""
		if !m.Certain {
			sure = "a guess: " + m.Why
		}
		fmt.Fprintf(t, "  %s\t%s\t%s\t%s\t%s\t%s\n", m.Field, m.Header, share(m.Filled, f.Rows), share(m.Usable, f.Rows), samples(m.Samples), sure)
	}
	_ = t.Flush() // w keeps the error
}

// printUnused lists the columns that feed nothing at first, and what no column feeds.
func printUnused(w io.Writer, f reader.FileProfile) {
	feeding := map[string]bool{}
	for _, m := range f.Mapping {
		feeding[m.Header] = true
	}
	for _, fate := range f.Fates {
		switch {
		case feeding[fate.Header]:
		case fate.Field != "":
			fmt.Fprintf(w, "  %s: %s, %s\n", fate.Header, fate.Field, fate.Why)
		case fate.Why == reader.NotRecognised:
			fmt.Fprintf(w, "  not recognised: %s (%s filled: %s)\n", fate.Header, share(fate.Filled, f.Rows), samples(fate.Samples))
		default:
			fmt.Fprintf(w, "  not used: %s: %s\n", fate.Header, fate.Why)
		}
	}
	for _, field := range f.NotFound {
		fmt.Fprintf(w, "  nothing found for %s: --map %s=HEADER\n", field, field)
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
