package person

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// cleanEmail gives the address in lower case, so that two spellings are one
// question. Of a cell that holds more it takes the first good address.
func cleanEmail(cell string) (string, Flaw) {
	if at := plainAddress(cell); at > 0 {
		return checkAddress(cell, at)
	}
	if !utf8.ValidString(cell) {
		return "", NotUTF8
	}
	s := strings.TrimSpace(firstOfSeveral(unwrapFormula(visible(cell))))
	if isNothing(s, true) {
		return "", NoFlaw
	}
	s = strings.ToLower(s)
	if _, target, ok := link(s); ok && strings.Contains(target, "@") {
		s = target
	}
	if !strings.Contains(s, "@") {
		if known().addresses[strings.Trim(s, " .!")] == "placeholder" {
			return "", Placeholder
		}
		return "", Malformed
	}
	if rest, ok := strings.CutPrefix(s, "mailto:"); ok {
		s, _, _ = strings.Cut(rest, "?")
	}
	whole := strings.TrimFunc(s, isAround)
	if at := strings.IndexByte(whole, '@'); at > 0 && strings.Count(whole, "@") == 1 && len(inAddress(whole)) == len(whole) {
		return toAddress(whole)
	}
	return pickAddress(s)
}

// isAround says that a character may stand around an address.
func isAround(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' && r != '+' && r != '*' && r != '@' && r != '•'
}

// inAddress is the start of s that may be an address.
func inAddress(s string) string {
	end := strings.IndexFunc(s, func(r rune) bool {
		return r <= ' ' || r == '\u00a0' || strings.ContainsRune(`"(),:;<>[]\|/?`, r)
	})
	if end < 0 {
		return s
	}
	return s[:end]
}

// pickAddress finds the first good address in a text.
func pickAddress(s string) (string, Flaw) {
	worst := Malformed
	if before, _, _ := strings.Cut(s, "@"); isOneWordBeforeLocal(before) {
		return "", Malformed // ann lee@example.com: a blank in the address, or a name before it
	}
	for len(s) > 0 {
		s = strings.TrimLeftFunc(s, isAround)
		part := inAddress(s)
		if part == "" {
			break
		}
		s = s[len(part):]
		if strings.Count(part, "@") != 1 {
			continue
		}
		v, f := toAddress(strings.TrimRightFunc(part, isAround))
		switch {
		case v != "":
			return v, Picked
		case f == Placeholder:
			worst = Placeholder
		}
	}
	return "", worst
}

func isOneWordBeforeLocal(before string) bool {
	word, _, found := strings.Cut(strings.TrimSpace(before), " ")
	return found && strings.Count(strings.TrimSpace(before), " ") == 1 && word != "" &&
		strings.IndexFunc(word, func(r rune) bool { return !unicode.IsLetter(r) }) < 0
}

// toAddress judges one address in lower case.
func toAddress(s string) (string, Flaw) {
	local, domain, ok := strings.Cut(s, "@")
	switch {
	case !ok || local == "" || domain == "":
		return "", Malformed
	case strings.ContainsAny(local, "*•…") || strings.Contains(local, "..") || strings.HasSuffix(local, "."):
		return "", Placeholder // masked
	}
	host, err := idna.Lookup.ToASCII(domain)
	if err != nil || strings.ContainsFunc(local, func(r rune) bool { return r <= ' ' || strings.ContainsRune(`"(),:;<>[\]`, r) }) {
		return "", Malformed
	}
	return checkAddress(local+"@"+host, len(local))
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
			if i > 0 && s[i-1] == '.' {
				return 0
			}
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
	case local == "" || len(s) > 254 || !isHost(host) || known().addresses[host[strings.LastIndexByte(host, '.')+1:]] == "file ending":
		return "", Malformed
	}
	return s, NoFlaw
}

// isPlaceholderAddress says whether an address is what a tool or a person
// writes for want of one.
func isPlaceholderAddress(local, host string) bool {
	t := known()
	if t.addresses[local] == "placeholder local" {
		return true
	}
	switch dot := strings.LastIndexByte(host, '.'); host[dot+1:] {
	case "invalid", "localhost", "local", "internal", "lan":
		return dot > 0
	case "com", "net", "org", "tld", "io": // of those that people invent hosts under
	default:
		return false
	}
	return t.neverHost[host] || t.dummyHost[host] && t.dummyLocal[local]
}

// IsSharedInbox says whether an address is read by more than one person.
func IsSharedInbox(address string) bool {
	local, _, _ := strings.Cut(address, "@")
	return known().addresses[local] == "shared inbox"
}
