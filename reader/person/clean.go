package person

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Flaw says what is wrong with a value that is there.
type Flaw uint8

// What may be wrong with a value. The last ones leave a value to use.
const (
	NoFlaw        Flaw = iota
	Malformed          // not what the field takes
	Placeholder        // stands for an address, is none
	FreeMail           // a mail provider's domain, not a company's
	SocialHost         // a page on a network, a directory, a shortener: not a company's site
	CompanyPage        // a LinkedIn page that is not a person's
	SeveralValues      // more than one value: none is guessed
	TooLong            // longer than the field can be meant to hold
	Rounded            // an id of which a spreadsheet kept some digits only
	Nobody             // a team, a total or a stand-in instead of a person
	NotUTF8            // bytes that are no text
	Nested             // an object or a list instead of a value
	Picked             // the first good value of a cell that holds more
	GuessedLang        // a country's code that was taken for its language's
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
	case FirstName, LastName, FullName:
		return cleanName
	case JobTitle:
		return func(cell string) (string, Flaw) { return shortText(cell, longestTitle) }
	case CompanyName:
		return func(cell string) (string, Flaw) { return shortText(cell, longestCompany) }
	default:
		return cleanFree
	}
}

// The most characters that a value of a field has; a longer one is something
// else and is not sent.
const (
	longestName    = 100
	longestTitle   = 250
	longestCompany = 250
	longestID      = 100
)

func cleanName(cell string) (string, Flaw) {
	s, f := shortText(cell, longestName)
	if s == "" {
		return "", f
	}
	if isOrdinaryName(s) {
		return s, NoFlaw
	}
	if s = withoutTitles(s); s == "" || !hasLetter(s) {
		return "", NoFlaw
	}
	return s, NoFlaw
}

// shortText is a text where a name, a title or a company is meant.
func shortText(cell string, longest int) (string, Flaw) {
	s, f := Text(cell)
	switch {
	case s == "":
		return "", f
	case isNothing(s, true):
		return "", NoFlaw
	case len(s) > longest && utf8.RuneCountInString(s) > longest:
		return "", TooLong
	}
	return s, NoFlaw
}

// Text trims, drops what cannot be seen and joins what was broken into lines;
// null words are empty. What is no text in UTF-8 or an object of JSON is left out.
func Text(cell string) (string, Flaw) {
	if isTidy(cell) {
		return notNull(cell), NoFlaw
	}
	if !utf8.ValidString(cell) {
		return "", NotUTF8
	}
	if s := strings.TrimSpace(cell); isNested(s) {
		return "", Nested
	}
	cell = firstOfSeveral(label(unwrapFormula(visible(cell))))
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
// formulas, links, objects and joined values.
func isTidy(s string) bool {
	last := byte(' ')
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c < ' ' || c >= 0x7f || c == ' ' && last == ' ' || c == '=' || c == ':' && last == ':' || c == '{' || c == '[' {
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

// link takes apart what is shown and what it leads to of =HYPERLINK("url","text")
// and of [text](url).
func link(s string) (shown, target string, ok bool) {
	s = strings.TrimSpace(s)
	if len(s) > 12 && strings.EqualFold(s[:11], "=HYPERLINK(") {
		parts := strings.Split(s[11:], `"`)
		if len(parts) >= 3 {
			shown = parts[1]
			if len(parts) >= 5 {
				shown = parts[3]
			}
			return shown, parts[1], true
		}
	}
	if strings.HasPrefix(s, "[") && strings.HasSuffix(s, ")") {
		if shown, target, ok = strings.Cut(s[1:len(s)-1], "]("); ok {
			return shown, target, true
		}
	}
	return "", "", false
}

// label is what is shown of a link, and any other text as it is.
func label(s string) string {
	if shown, _, ok := link(s); ok {
		return shown
	}
	return s
}

// firstOfSeveral takes the first of the values that Google joins into a cell.
func firstOfSeveral(s string) string {
	first, _, _ := strings.Cut(s, " ::: ")
	return first
}

func hasLetter(s string) bool { return strings.ContainsFunc(s, unicode.IsLetter) }

// cleanID keeps the case: Salesforce ids differ by it alone. Of several ids
// none is guessed, and none of which a spreadsheet rounded the end away.
func cleanID(cell string) (string, Flaw) {
	s, f := Text(cell)
	switch {
	case s == "":
		return "", f
	case strings.ContainsAny(s, ";, "):
		return "", SeveralValues
	case isScientific(s):
		return "", Rounded
	case len(s) > longestID:
		return "", TooLong
	}
	return s, NoFlaw
}

// isScientific knows 5.12346E+11.
func isScientific(s string) bool {
	mantissa, exponent, ok := strings.Cut(strings.ToUpper(s), "E")
	exponent = strings.TrimPrefix(exponent, "+")
	digits := strings.Replace(strings.Replace(mantissa, ".", "", 1), ",", "", 1)
	return ok && digits != "" && exponent != "" && len(exponent) <= 3 && strings.ContainsAny(mantissa, ".,") &&
		strings.Trim(digits, "0123456789") == "" && strings.Trim(exponent, "0123456789") == ""
}

// IsRounded says whether an id as a workbook shows it has more digits than a
// number in one can hold: behind the fifteenth there are zeros alone.
func IsRounded(id string) bool {
	return len(id) > 15 && strings.Trim(id, "0123456789") == "" && strings.Trim(id[15:], "0") == ""
}

// IsHonorific says whether a text is a form of address such as Mr. or Dr.
func IsHonorific(s string) bool {
	return known().isKind("honorific of a column", s)
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
	word := answer(cell)
	if word == "x" {
		return true
	}
	a := known().answers[word]
	return a != "no" && a != "in" && a != "unset" && !isNothing(word, false)
}

// SaysNo takes what denies or withdraws for a no. Of a consent that nobody
// gave an answer to nothing is known.
func SaysNo(cell string) bool {
	a := known().answers[answer(cell)]
	return a == "no" || a == "out"
}

func answer(cell string) string { return strings.ToLower(strings.TrimSpace(visible(cell))) }
