package reader

import (
	"fmt"
	"strconv"
	"strings"

	"octave-enrich/reader/mapping"
	"octave-enrich/reader/table"
)

// notes says what was done to the file that its owner may not expect.
func (s *survey) notes() []string {
	var notes []string
	say := func(when bool, format string, args ...any) {
		if when {
			notes = append(notes, fmt.Sprintf(format, args...))
		}
	}
	t, f := s.list, &s.file
	older := f.Encoding != "" && !strings.HasPrefix(f.Encoding, "utf-") && !t.Demanded
	say(older && len(t.Alike) == 0, "not UTF-8, read as %s by its letters; --encoding NAME if its accents come out wrong", f.Encoding)
	say(older && len(t.Alike) > 0, "not UTF-8, read as %s, but its letters fit %s as well: look at its accents; --encoding NAME decides",
		f.Encoding, strings.Join(t.Alike, " and "))
	say(t.Source.Member() != "", "the list %q in it is read", t.Source.Member())
	say(len(t.Sheets) > 1, "the sheet %q is read, of %s; --sheet NAME reads another", t.Sheet, table.QuoteAll(t.Sheets))
	say(f.Preamble > 0, "%s before the header on line %d skipped", plural(f.Preamble, "line"), f.HeaderLine)
	say(f.Footer > 0, "%s behind the last contact not taken for contacts", plural(f.Footer, "line"))
	say(f.Empty > 0, "%s behind the last contact skipped", plural(f.Empty, "empty row"))
	say(s.badLines.count > 0, "%s that cannot be read, not asked", &s.badLines)
	say(s.short.count > 0, "%s with fewer cells than the header: the missing ones are empty", &s.short)
	say(s.long.count > 0, "%s with more cells than the header: kept in extra_1%s", &s.long, upTo(s.extra))
	var nameless []string
	for i, h := range t.Layout.Header {
		if strings.TrimSpace(h) == "" {
			nameless = append(nameless, t.Names[i])
		}
	}
	for i, h := range t.Layout.Header {
		few := len(nameless) < 4 || strings.TrimSpace(h) != ""
		say(few && h != t.Names[i], "column %d, %q in the header, is called %q", i+1, h, t.Names[i])
	}
	say(len(nameless) >= 4, "%d columns without a name in the header are called %s", len(nameless), table.QuoteAll(nameless))
	var unknown, alike []string
	for _, fate := range t.plan.Fates() {
		switch {
		case fate.Used || fate.Filled == 0:
		case fate.Why == mapping.NotRecognised:
			unknown = append(unknown, fate.Header)
		default:
			alike = append(alike, fate.Header)
		}
	}
	say(len(unknown) > 0, "not recognised and not used: %s", table.QuoteAll(unknown))
	say(len(alike) > 0, "look-alikes, not used: %s; inspect says why", table.QuoteAll(alike))
	var fields, flags []string
	for _, field := range t.plan.NotFound() {
		if field == Email || field == LinkedInProfile {
			continue // lists without them are common, and what such rows lack is said as their problem
		}
		fields, flags = append(fields, string(field)), append(flags, mapping.Flag(field, "HEADER"))
	}
	say(len(fields) > 0, "nothing found for %s: %s", strings.Join(fields, ", "), strings.ReplaceAll(strings.Join(flags, ", "), "'", ""))
	return notes
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

func upTo(n int) string {
	if n > 1 {
		return " to extra_" + strconv.Itoa(n)
	}
	return ""
}

// A lineList counts lines and remembers the first few.
type lineList struct {
	count int
	first []string
}

func (l *lineList) add(line int) {
	l.count++
	if l.count <= 10 {
		l.first = append(l.first, strconv.Itoa(line))
	}
}

func (l *lineList) String() string {
	s := strings.Join(l.first, ", ")
	if more := l.count - len(l.first); more > 0 {
		s += fmt.Sprintf(" and %d more", more)
	}
	if l.count == 1 {
		return "line " + s
	}
	return "lines " + s
}
