package reader

import (
	"net/url"
	"strings"
	"unicode"

	"golang.org/x/text/language"
)

// A flaw says why a value that is there cannot be used.
type flaw uint8

const (
	noFlaw        flaw = iota
	malformed          // not what the field takes
	placeholder        // stands for an address, is none
	freeMail           // a mail provider's domain, not a company's
	socialHost         // a page on a network, not a company's site
	companyPage        // a LinkedIn page that is not a person's
	severalValues      // more than one value: none is guessed
)

// A cleaner turns a cell into the value for the request, empty when there is
// none to use.
type cleaner func(cell string) (string, flaw)

func cleanerOf(field Field) cleaner {
	switch field {
	case Email:
		return cleanEmail
	case CompanyDomain:
		return cleanDomain
	case LinkedInProfile:
		return cleanLinkedIn
	case CRMContactID, CRMLeadID, CRMAccountID:
		return cleanID
	case Lang:
		return cleanLang
	case FirstName, LastName, FullName, JobTitle, CompanyName:
		return cleanText
	default:
		return cleanFree
	}
}

// cleanText trims, drops what cannot be seen and joins what was broken into
// lines; null words are empty.
func cleanText(cell string) (string, flaw) {
	if isTidy(cell) {
		return notNull(cell), noFlaw
	}
	cell = firstOfSeveral(unwrapFormula(visible(cell)))
	return notNull(strings.Join(strings.Fields(cell), " ")), noFlaw
}

// cleanFree trims a longer text and keeps its lines.
func cleanFree(cell string) (string, flaw) {
	return notNull(strings.TrimSpace(cell)), noFlaw
}

// FreeText is what a cell says that holds a longer text: trimmed, its lines
// kept, and nothing for a null word such as n/a.
func FreeText(cell string) string {
	v, _ := cleanFree(cell)
	return v
}

// isTidy is the fast way out: printable ASCII without outer or double blanks,
// formulas and joined values.
func isTidy(s string) bool {
	last := byte(' ')
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c < ' ' || c >= 0x7f || c == ' ' && last == ' ' || c == '=' || c == ':' && last == ':' {
			return false
		}
		last = c
	}
	return s == "" || last != ' '
}

// visible drops zero-width and control characters.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n' || r == '\r':
			return ' '
		case unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Cc, r):
			return -1
		}
		return r
	}, s)
}

// unwrapFormula takes the text out of ="0012", by which exports keep a
// spreadsheet from changing it.
func unwrapFormula(s string) string {
	s = strings.TrimSpace(s)
	if len(s) > 3 && strings.HasPrefix(s, `="`) && strings.HasSuffix(s, `"`) {
		return s[2 : len(s)-1]
	}
	return s
}

// firstOfSeveral takes the first of the values that Google joins into a cell.
func firstOfSeveral(s string) string {
	first, _, _ := strings.Cut(s, " ::: ")
	return first
}

// notNull is s, or nothing when s is a word for nothing.
func notNull(s string) string {
	if s == "" || len(s) > len("[not provided]") || strings.IndexByte("-#[nNuU", s[0]) < 0 {
		return s
	}
	switch strings.ToLower(s) {
	case "-", "--", "n/a", "#n/a", "null", "none", "nan", "unknown", "[not provided]":
		return ""
	}
	return s
}

const profilePrefix = "https://www.linkedin.com/in/"

// cleanLinkedIn gives https://www.linkedin.com/in/SLUG of a personal profile.
// The slug keeps its case: Sales Navigator's are case-sensitive.
func cleanLinkedIn(cell string) (string, flaw) {
	if slug, ok := strings.CutPrefix(cell, profilePrefix); ok && isSlug(slug) {
		return cell, noFlaw
	}
	if slug, ok := strings.CutPrefix(cell, "http://www.linkedin.com/in/"); ok && isSlug(slug) {
		return profilePrefix + slug, noFlaw
	}
	s, _ := cleanText(cell)
	if s == "" {
		return "", noFlaw
	}
	if _, rest, ok := strings.Cut(s, "://"); ok {
		s = rest
	}
	s, _, _ = strings.Cut(s, "?")
	s, _, _ = strings.Cut(s, "#")
	host, path, _ := strings.Cut(s, "/")
	host = strings.ToLower(host)
	if host != "linkedin.com" && !strings.HasSuffix(host, ".linkedin.com") {
		return "", malformed
	}
	kind, slug, _ := strings.Cut(path, "/")
	slug, _, _ = strings.Cut(slug, "/")
	switch strings.ToLower(kind) {
	case "in":
	case "company", "school", "showcase":
		return "", companyPage
	default:
		return "", malformed
	}
	if plain, err := url.PathUnescape(slug); err == nil {
		slug = url.PathEscape(plain) // one spelling for é and %c3%a9
	}
	if slug == "" {
		return "", malformed
	}
	return profilePrefix + slug, noFlaw
}

// isSlug says whether s is a slug that needs no cleaning.
func isSlug(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return s != ""
}

// cleanID keeps the case: Salesforce ids differ by it alone. Of several ids
// none is guessed.
func cleanID(cell string) (string, flaw) {
	s, _ := cleanText(cell)
	if strings.ContainsAny(s, ";, ") {
		return "", severalValues
	}
	return s, noFlaw
}

// cleanLang gives a language tag such as de or pt-BR.
func cleanLang(cell string) (string, flaw) {
	s, _ := cleanText(cell)
	if s == "" {
		return "", noFlaw
	}
	s = strings.ReplaceAll(s, "_", "-")
	base, _, _ := strings.Cut(s, "-")
	if len(base) < 2 || len(base) > 3 {
		return "", malformed
	}
	if _, err := language.Parse(s); err != nil {
		return "", malformed
	}
	return s, noFlaw
}
