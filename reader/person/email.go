package person

import (
	"strings"
	"unicode"

	"golang.org/x/net/idna"
)

// cleanEmail gives the address in lower case, so that two spellings are one
// question.
func cleanEmail(cell string) (string, Flaw) {
	if at := plainAddress(cell); at > 0 {
		return checkAddress(cell, at)
	}
	s, _ := Text(cell)
	if s == "" {
		return "", NoFlaw
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
		return "", Placeholder
	}
	if !ok || strings.ContainsAny(domain, "@") {
		return "", Malformed
	}
	host, err := idna.Lookup.ToASCII(domain)
	if err != nil || strings.ContainsFunc(local, func(r rune) bool { return r <= ' ' || strings.ContainsRune(`"(),:;<>[\]`, r) }) {
		return "", Malformed
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
func checkAddress(s string, at int) (string, Flaw) {
	local, host := s[:at], s[at+1:]
	switch {
	case isPlaceholderAddress(local, host):
		return "", Placeholder
	case local == "" || len(s) > 254 || !isHost(host):
		return "", Malformed
	}
	return s, NoFlaw
}
