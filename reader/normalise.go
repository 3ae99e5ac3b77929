package reader

import (
	"net/url"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
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

// cleanEmail gives the address in lower case, so that two spellings are one
// question.
func cleanEmail(cell string) (string, flaw) {
	if at := plainAddress(cell); at > 0 {
		return checkAddress(cell, at)
	}
	s, _ := cleanText(cell)
	if s == "" {
		return "", noFlaw
	}
	s = strings.ToLower(s)
	if from := strings.LastIndexByte(s, '<'); from >= 0 && strings.HasSuffix(s, ">") {
		s = s[from+1 : len(s)-1] // Ann Lee <ann@example.com>
	}
	s = strings.TrimPrefix(s, "mailto:")
	s, _, _ = strings.Cut(s, "?")
	s = strings.TrimFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' && r != '+' })
	local, domain, ok := strings.Cut(s, "@")
	if !ok && isEmailPlaceholder(s) {
		return "", placeholder
	}
	if !ok || strings.ContainsAny(domain, "@") {
		return "", malformed
	}
	host, err := idna.Lookup.ToASCII(domain)
	if err != nil || strings.ContainsFunc(local, func(r rune) bool { return r <= ' ' || strings.ContainsRune(`"(),:;<>[\]`, r) }) {
		return "", malformed
	}
	s = local + "@" + host
	return checkAddress(s, len(local))
}

// plainAddress finds the @ of an address that needs no cleaning: lower case
// ASCII with one @ and a dot behind it. It returns 0 for any other text.
func plainAddress(s string) int {
	at, dot := 0, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
		case c == '.':
			dot = dot || at > 0
		case c == '-', c == '_' && at == 0, c == '+' && at == 0:
			if i == 0 {
				return 0
			}
		case c == '@' && at == 0 && i > 0:
			at = i
		default:
			return 0
		}
	}
	if !dot || s[len(s)-1] == '.' || s[len(s)-1] == '-' {
		return 0
	}
	return at
}

// checkAddress judges an address in lower case with its @ at s[at].
func checkAddress(s string, at int) (string, flaw) {
	local, host := s[:at], s[at+1:]
	switch {
	case isPlaceholderAddress(local, host):
		return "", placeholder
	case local == "" || len(s) > 254 || !isHost(host):
		return "", malformed
	}
	return s, noFlaw
}

// isHost says whether an ASCII name can be the host of a company's mail or
// site: labels and at least one dot, not a public suffix alone, no number.
func isHost(host string) bool {
	dot := strings.LastIndexByte(host, '.')
	if dot <= 0 || dot == len(host)-1 || strings.Contains(host, "..") || len(host) > 253 {
		return false
	}
	for i := 0; i < len(host); i++ {
		c := host[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '.' {
			return false
		}
	}
	if last := host[len(host)-1]; last >= '0' && last <= '9' && strings.Trim(host[dot+1:], "0123456789") == "" {
		return false // an IP address
	}
	return !isSuffix(host)
}

// isSuffix says whether host is a public suffix such as co.uk.
func isSuffix(host string) bool {
	switch host[strings.LastIndexByte(host, '.')+1:] {
	case "com", "net", "org":
		return false // nearly all hosts; no registry sells names below these
	}
	suffix, icann := publicsuffix.PublicSuffix(host)
	return icann && suffix == host
}

// cleanDomain takes the host out of a web address, in ASCII and without www.
func cleanDomain(cell string) (string, flaw) {
	if host := plainHost(cell); host != "" {
		return checkDomain(host)
	}
	s, _ := cleanText(cell)
	if s == "" {
		return "", noFlaw
	}
	s = strings.ToLower(s)
	if _, rest, ok := strings.Cut(s, "://"); ok {
		s = rest
	}
	if end := strings.IndexAny(s, "/?#"); end >= 0 {
		s = s[:end]
	}
	s = s[strings.LastIndexByte(s, '@')+1:]
	s, _, _ = strings.Cut(s, ":")
	s = strings.TrimPrefix(strings.TrimSuffix(s, "."), "www.")
	if s != "" && !isASCII(s) {
		host, err := idna.Lookup.ToASCII(s)
		if err != nil {
			return "", malformed
		}
		s = host
	}
	return checkDomain(s)
}

// plainHost is the fast way to the host of an address in lower case ASCII
// without user, port and query; it returns nothing for any other text.
func plainHost(s string) string {
	s = strings.TrimPrefix(s, "http://")
	s = strings.TrimPrefix(s, "https://")
	s = strings.TrimPrefix(s, "www.")
	dot := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-':
		case c == '.':
			dot = true
		case c == '/' && dot && s[i-1] != '.' && strings.IndexByte(s[i:], '@') < 0:
			return s[:i]
		default:
			return ""
		}
	}
	if !dot || s[len(s)-1] == '.' {
		return ""
	}
	return s
}

// checkDomain judges a host in ASCII.
func checkDomain(s string) (string, flaw) {
	switch {
	case !isHost(s):
		return "", malformed
	case isSocialHost(s):
		return "", socialHost
	case isFreeMail(s):
		return "", freeMail
	}
	return s, noFlaw
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
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
