package person

import (
	"fmt"
	"net/url"
	"strings"
	"unicode"

	"golang.org/x/text/language"
)

// A Flaw says why a value that is there cannot be used.
type Flaw uint8

// What may be wrong with a value.
const (
	NoFlaw        Flaw = iota
	Malformed          // not what the field takes
	Placeholder        // stands for an address, is none
	FreeMail           // a mail provider's domain, not a company's
	SocialHost         // a page on a network, not a company's site
	CompanyPage        // a LinkedIn page that is not a person's
	SeveralValues      // more than one value: none is guessed
)

// A Cleaner turns a cell into the value for the request, empty when there is
// none to use.
type Cleaner func(cell string) (string, Flaw)

// CleanerOf is the cleaner of a field; one that is not about the contact keeps
// its text but for outer blanks and null words.
func CleanerOf(field Field) Cleaner {
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
		return Text
	default:
		return cleanFree
	}
}

// Text trims, drops what cannot be seen and joins what was broken into
// lines; null words are empty.
func Text(cell string) (string, Flaw) {
	if isTidy(cell) {
		return notNull(cell), NoFlaw
	}
	cell = firstOfSeveral(unwrapFormula(visible(cell)))
	return notNull(strings.Join(strings.Fields(cell), " ")), NoFlaw
}

// cleanFree trims a longer text and keeps its lines.
func cleanFree(cell string) (string, Flaw) {
	return notNull(strings.TrimSpace(cell)), NoFlaw
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

// ProfilePrefix is how every address of a person's profile starts.
const ProfilePrefix = "https://www.linkedin.com/in/"

// cleanLinkedIn gives https://www.linkedin.com/in/SLUG of a personal profile.
// The slug keeps its case: Sales Navigator's are case-sensitive.
func cleanLinkedIn(cell string) (string, Flaw) {
	if slug, ok := strings.CutPrefix(cell, ProfilePrefix); ok && isSlug(slug) {
		return cell, NoFlaw
	}
	if slug, ok := strings.CutPrefix(cell, "http://www.linkedin.com/in/"); ok && isSlug(slug) {
		return ProfilePrefix + slug, NoFlaw
	}
	s, _ := Text(cell)
	if s == "" {
		return "", NoFlaw
	}
	if _, rest, ok := strings.Cut(s, "://"); ok {
		s = rest
	}
	s, _, _ = strings.Cut(s, "?")
	s, _, _ = strings.Cut(s, "#")
	host, path, _ := strings.Cut(s, "/")
	host = strings.ToLower(host)
	if host != "linkedin.com" && !strings.HasSuffix(host, ".linkedin.com") {
		return "", Malformed
	}
	kind, slug, _ := strings.Cut(path, "/")
	slug, _, _ = strings.Cut(slug, "/")
	switch strings.ToLower(kind) {
	case "in":
	case "company", "school", "showcase":
		return "", CompanyPage
	default:
		return "", Malformed
	}
	if plain, err := url.PathUnescape(slug); err == nil {
		slug = url.PathEscape(plain) // one spelling for é and %c3%a9
	}
	if slug == "" {
		return "", Malformed
	}
	return ProfilePrefix + slug, NoFlaw
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
func cleanID(cell string) (string, Flaw) {
	s, _ := Text(cell)
	if strings.ContainsAny(s, ";, ") {
		return "", SeveralValues
	}
	return s, NoFlaw
}

// cleanLang gives a language tag such as de or pt-BR.
func cleanLang(cell string) (string, Flaw) {
	s, _ := Text(cell)
	if s == "" {
		return "", NoFlaw
	}
	s = strings.ReplaceAll(s, "_", "-")
	base, _, _ := strings.Cut(s, "-")
	if len(base) < 2 || len(base) > 3 {
		return "", Malformed
	}
	if _, err := language.Parse(s); err != nil {
		return "", Malformed
	}
	return s, NoFlaw
}

// IsHonorific says whether a text is a form of address such as Mr. or Dr.
func IsHonorific(s string) bool {
	switch strings.TrimSuffix(strings.ToLower(s), ".") {
	case "mr", "mrs", "ms", "miss", "mx", "dr", "prof", "sir", "madam", "herr", "frau", "mme", "mlle", "monsieur", "madame",
		"m", "sr", "sra", "srta", "dhr", "mevr", "dott", "sig", "ing", "様", "さん":
		return true
	}
	return false
}

// Normalise returns a value as a row's [Person] would have it: an email in lower
// case, the address of a LinkedIn profile, here also out of its slug. It fails
// when the value is not what the field takes; the error does not repeat it.
func Normalise(field Field, value string) (string, error) {
	if field == LinkedInProfile && !strings.Contains(value, "linkedin.") {
		value = ProfilePrefix + strings.TrimPrefix(strings.TrimPrefix(strings.TrimSpace(value), "/"), "in/")
	}
	clean, _ := CleanerOf(field)(value)
	if clean == "" {
		return "", fmt.Errorf("not what %s takes", field)
	}
	return clean, nil
}

// SaysYes takes everything for a yes that is not a no, such as the date when
// somebody unsubscribed: a mail too few is the lesser evil.
func SaysYes(cell string) bool {
	switch word, _ := Text(cell); strings.ToLower(word) {
	case "", "false", "no", "n", "0", "0.0", "off", "f", "nein", "nee", "non", "não", "nao", "falsch", "faux", "falso", "onwaar", "いいえ",
		"subscribed", "opted in", "opt-in", "not set":
		return false
	}
	return true
}
