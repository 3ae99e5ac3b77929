package person

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// isHost says whether an ASCII name can be the host of a company's mail or
// site: labels and at least one dot, not a public suffix alone, no number.
func isHost(host string) bool {
	dot := -1
	for i := 0; i < len(host); i++ {
		switch c := host[i]; {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-':
		case c == '.' && i > dot+1:
			dot = i
		default:
			return false
		}
	}
	if dot <= 0 || dot == len(host)-1 || len(host) > 253 {
		return false
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

// cleanDomain takes the host out of a web address, in ASCII and without www. Of
// a cell that holds more it takes the first good one.
func cleanDomain(cell string) (string, Flaw) {
	if host := plainHost(cell); host != "" {
		return checkDomain(host)
	}
	if !utf8.ValidString(cell) {
		return "", NotUTF8
	}
	s := strings.TrimSpace(firstOfSeveral(unwrapFormula(visible(cell))))
	if isNothing(s, true) {
		return "", NoFlaw
	}
	if isNested(s) {
		return "", Nested
	}
	if _, target, ok := link(s); ok {
		s = target
	}
	s = strings.ToLower(s)
	parts := strings.FieldsFunc(s, func(r rune) bool { return r <= ' ' || strings.ContainsRune(`,;|"'<>()[]\`, r) })
	if len(parts) == 0 {
		return "", Malformed
	}
	first, flaw := toDomain(parts[0])
	switch {
	case len(parts) == 1 || first == "" && strings.ContainsRune(parts[0], '.'):
		return first, flaw
	case first != "":
		if next, _ := toDomain(parts[1]); next != "" && next != first || len(parts) > 2 {
			return first, Picked
		}
		return first, NoFlaw
	}
	// A name before the address: Acme (acme.example). Without a sign of an
	// address it may be a comma in the place of a dot.
	for _, part := range parts[1:] {
		if v, _ := toDomain(part); v != "" && (strings.Contains(s, "("+part) || strings.Contains(part, "://") || strings.HasPrefix(part, "www.")) {
			return v, Picked
		}
	}
	return "", flaw
}

// toDomain judges one web address in lower case.
func toDomain(s string) (string, Flaw) {
	scheme := false
	for {
		rest, ok := cutScheme(s)
		if !ok {
			break
		}
		s, scheme = rest, true
	}
	path := ""
	if end := strings.IndexAny(s, "/?#"); end >= 0 {
		s, path = s[:end], s[end:]
	}
	s = s[strings.LastIndexByte(s, '@')+1:]
	s, _, _ = strings.Cut(s, ":")
	s = strings.TrimSuffix(s, ".")
	if rest, ok := strings.CutPrefix(strings.TrimLeft(s, "w"), "."); ok && len(s)-len(rest) >= 4 && len(s)-len(rest) <= 5 {
		s, scheme = rest, true // www., or wwww.
	}
	if strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) {
		host, err := idna.Lookup.ToASCII(s)
		if err != nil {
			return "", Malformed
		}
		s = host
	}
	if !scheme && path == "" && isAbbreviation(s) {
		return "", Malformed
	}
	return checkDomain(s)
}

// cutScheme cuts http:// and what people make of it: https//, http:/.
func cutScheme(s string) (string, bool) {
	if _, rest, ok := strings.Cut(s, "://"); ok {
		return rest, true
	}
	for _, prefix := range [...]string{"https//", "http//", "https:/", "http:/", "//"} {
		if rest, ok := strings.CutPrefix(s, prefix); ok {
			return rest, true
		}
	}
	return s, false
}

// isAbbreviation knows e.v, n.a, s.a, d.o.o: labels of one letter each.
func isAbbreviation(s string) bool {
	for label := range strings.SplitSeq(s, ".") {
		if len(label) > 1 {
			return false
		}
	}
	return true
}

// plainHost is the fast way to the host of an address in lower case ASCII
// without user, port and query; it returns nothing for any other text.
func plainHost(s string) string {
	whole := len(s)
	s = strings.TrimPrefix(s, "http://")
	s = strings.TrimPrefix(s, "https://")
	s = strings.TrimPrefix(s, "www.")
	dot := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-':
		case c == '.':
			dot = true
		case c == '/' && dot && s[i-1] != '.' && !strings.ContainsAny(s[i:], "@,; |()\"\\"):
			return s[:i]
		default:
			return ""
		}
	}
	if !dot || s[len(s)-1] == '.' || len(s) == whole && isAbbreviation(s) || strings.HasPrefix(s, "www") {
		return ""
	}
	return s
}

// checkDomain judges a host in ASCII.
func checkDomain(s string) (string, Flaw) {
	switch {
	case !isHost(s):
		return "", Malformed
	case isForeignHost(s):
		return "", SocialHost
	case IsFreeMail(s):
		return "", FreeMail
	}
	return s, NoFlaw
}

// IsFreeMail says whether a domain belongs to a mail provider, so that it
// says nothing about a company.
func IsFreeMail(domain string) bool {
	if known().hosts[domain] == "free mail" {
		return true
	}
	name, rest, _ := strings.Cut(domain, ".")
	switch name {
	case "yahoo", "hotmail", "outlook", "live": // yahoo.co.uk, hotmail.fr
		return isSuffix(rest) || rest == "com"
	}
	return false
}

// isForeignHost says whether a host is a network's, a directory's, a shortener's
// or a builder's own: a page there is not the company's site. A host below a
// builder's is.
func isForeignHost(host string) bool {
	t := known()
	for rest, below := host, false; ; below = true {
		switch kind := t.hosts[rest]; {
		case kind == "builder":
			return !below
		case kind != "" && kind != "free mail":
			return true
		}
		name, ending, ok := strings.Cut(rest, ".")
		if !ok {
			break
		}
		if t.anyEnding[name] && (isSuffix(ending) || ending == "com" || ending == "net" || ending == "org") {
			return true
		}
		rest = ending
		if !strings.Contains(rest, ".") {
			break
		}
	}
	switch host[strings.LastIndexByte(host, '.')+1:] {
	case "com", "net", "org", "de", "uk", "fr":
		return false
	}
	suffix, icann := publicsuffix.PublicSuffix(host)
	return !icann && suffix == host && strings.Contains(host, ".")
}

// OwnSite is the host of a cell that is a network's, a directory's or a mail
// provider's, for a contact who works there: whose address is at that host, or
// whose company is called so. A page on it is no site even then.
func OwnSite(cell, email, company string) string {
	s := strings.ToLower(strings.TrimSpace(cell))
	if rest, ok := cutScheme(s); ok {
		s = rest
	}
	host := strings.TrimPrefix(strings.TrimSuffix(s, "/"), "www.")
	if !isHost(host) {
		return ""
	}
	_, at, _ := strings.Cut(email, "@")
	name, _, _ := strings.Cut(host, ".")
	if at == host && !IsFreeMail(host) || strings.EqualFold(strings.ReplaceAll(company, " ", ""), name) {
		return host
	}
	return ""
}
