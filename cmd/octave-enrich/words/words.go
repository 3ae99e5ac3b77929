// Package words spells numbers, times, words of a shell and errors for people.
package words

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Tool is the name of the program.
const Tool = "octave-enrich"

// Count spells a number of things: 1 row, 1,234 rows.
func Count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return Thousands(n) + " " + noun
}

// Some spells how many there are of something, 1,234 known, and nothing for none.
func Some(n int, of string) []string {
	if n == 0 {
		return nil
	}
	return []string{Thousands(n) + " " + of}
}

// Thousands spells a number with a comma between thousands: 1,234.
func Thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Round leaves of a duration what a person wants to know.
func Round(d time.Duration) time.Duration {
	switch {
	case d > time.Minute:
		return d.Round(time.Second)
	case d > time.Second:
		return d.Round(10 * time.Millisecond)
	}
	return d.Round(time.Millisecond)
}

// Amount spells a decimal number with commas between thousands: 41,200.5.
func Amount(number string) string {
	whole, rest, found := strings.Cut(number, ".")
	n, err := strconv.Atoi(whole)
	if err != nil {
		return number
	}
	if found {
		rest = "." + rest
	}
	return Thousands(n) + rest
}

// Credits spells an amount of them: 1 credit, 1,234 credits.
func Credits(number string) string {
	if number == "1" {
		return "1 credit"
	}
	return Amount(number) + " credits"
}

// Span spells how long something takes, as exactly as a person wants to know:
// 34 s, 58 min, 3 h 10 min, 4 days.
func Span(d time.Duration) string {
	switch {
	case d < 100*time.Second:
		return fmt.Sprintf("%d s", int(d.Round(time.Second).Seconds()))
	case d < 100*time.Minute:
		return fmt.Sprintf("%d min", int(d.Round(time.Minute).Minutes()))
	case d < 48*time.Hour:
		d = d.Round(10 * time.Minute)
		return strings.TrimSuffix(fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60), " 0 min")
	}
	return fmt.Sprintf("%d days", int(d.Round(24*time.Hour).Hours())/24)
}

// Rate spells how often something happens: 12/min, 20/s, 3/h.
func Rate(perMinute float64) string {
	switch {
	case perMinute >= 600:
		return fmt.Sprintf("%.0f/s", perMinute/60)
	case perMinute >= 1:
		return fmt.Sprintf("%.0f/min", perMinute)
	}
	return fmt.Sprintf("%.0f/h", perMinute*60)
}

// Quote spells a word so that a shell reads it back.
func Quote(word string) string {
	special := func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:=@%+,", r))
	}
	if word != "" && !strings.ContainsFunc(word, special) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// QuoteAll spells words so that a shell reads them back.
func QuoteAll(list []string) string {
	quoted := make([]string, len(list))
	for i, word := range list {
		quoted[i] = Quote(word)
	}
	return strings.Join(quoted, " ")
}

// Masked is an error without what a service may repeat of a contact: addresses
// and profiles. The row of the output has all of it.
func Masked(text string) string {
	parts := strings.Split(text, " ")
	for i, part := range parts {
		if strings.Contains(part, "@") || strings.Contains(strings.ToLower(part), "linkedin.com/in/") {
			parts[i] = "***"
		}
	}
	return strings.Join(parts, " ")
}
