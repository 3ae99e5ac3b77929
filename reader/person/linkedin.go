package person

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ProfilePrefix is how every address of a person's profile starts.
const ProfilePrefix = "https://www.linkedin.com/in/"

// cleanLinkedIn gives https://www.linkedin.com/in/SLUG of a personal profile.
// The slug keeps its case: Sales Navigator's are case-sensitive. Of a cell that
// holds more it takes the first profile.
func cleanLinkedIn(cell string) (string, Flaw) {
	if slug, ok := strings.CutPrefix(cell, ProfilePrefix); ok && isSlug(slug) {
		return cell, NoFlaw
	}
	if slug, ok := strings.CutPrefix(cell, "http://www.linkedin.com/in/"); ok && isSlug(slug) {
		return ProfilePrefix + slug, NoFlaw
	}
	if !utf8.ValidString(cell) {
		return "", NotUTF8
	}
	s := strings.TrimSpace(firstOfSeveral(unwrapFormula(visible(cell))))
	if isNothing(s, true) {
		return "", NoFlaw
	}
	if slug, ok := strings.CutPrefix(strings.TrimPrefix(s, "/"), "in/"); ok {
		s = "linkedin.com/in/" + slug
	}
	worst := Malformed
	for rest := s; ; {
		at := strings.Index(strings.ToLower(rest), "linkedin.")
		if at < 0 || len(strings.ToLower(rest)) != len(rest) {
			return "", worst
		}
		if at > 0 && !isBeforeHost(rest[:at]) {
			return "", worst
		}
		part := rest[at:]
		if end := strings.IndexFunc(part, isBehindURL); end >= 0 {
			part = part[:end]
		}
		rest = rest[at+len(part):]
		v, f := toProfile(part)
		switch {
		case v != "" && isMore(s, part):
			return v, Picked
		case v != "":
			return v, NoFlaw
		case f == CompanyPage:
			worst = CompanyPage
		}
	}
}

// isBeforeHost says whether linkedin. behind this text starts a host.
func isBeforeHost(before string) bool {
	last := before[len(before)-1]
	return last == '.' || last == '/' || last == '@' || last == ' ' || strings.IndexByte(`"'(<[|,;:`, last) >= 0
}

// isBehindURL says that a character ends an address in a text.
func isBehindURL(r rune) bool {
	return unicode.IsSpace(r) || strings.ContainsRune("\"'()<>[]{}|,;\\`", r)
}

// isMore says whether a cell holds more than one address, of which part is the end.
func isMore(s, part string) bool {
	before, after, _ := strings.Cut(s, part)
	return strings.ContainsFunc(strings.TrimRightFunc(after, isBehindURL), isBehindURL) || strings.TrimFunc(after, isBehindURL) != "" ||
		strings.ContainsFunc(strings.TrimLeftFunc(before, isBehindURL), isBehindURL)
}

// toProfile reads linkedin.com/in/SLUG and its other spellings.
func toProfile(s string) (string, Flaw) {
	s, _, _ = strings.Cut(s, "?")
	s, _, _ = strings.Cut(s, "#")
	host, path, _ := strings.Cut(s, "/")
	if !strings.EqualFold(host, "linkedin.com") {
		return "", Malformed
	}
	kind, slug, _ := strings.Cut(path, "/")
	for strings.EqualFold(kind, "mwlite") || strings.EqualFold(kind, "comm") || strings.EqualFold(kind, "profile") && strings.HasPrefix(slug, "in/") {
		kind, slug, _ = strings.Cut(slug, "/")
	}
	slug, _, _ = strings.Cut(slug, "/")
	switch strings.ToLower(kind) {
	case "in":
	case "company", "school", "showcase":
		return "", CompanyPage
	default:
		return "", Malformed
	}
	if plain, err := url.PathUnescape(slug); err == nil {
		if end := strings.IndexFunc(plain, isBehindURL); end >= 0 {
			plain = plain[:end]
		}
		slug = url.PathEscape(strings.TrimRight(plain, ".!:*")) // one spelling for é and %c3%a9
	}
	if slug == "" || len(slug) > 300 || strings.Contains(slug, ":") {
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

// ProfileOfSlug is the profile of a bare slug, as it stands in columns that say
// LinkedIn in their names; empty for what may be another word.
func ProfileOfSlug(cell string) string {
	slug := strings.TrimPrefix(strings.TrimSpace(cell), "@")
	if !isSlug(slug) || len(slug) < 5 || !hasLetter(slug) || !strings.ContainsAny(slug, "-0123456789") || isNothing(slug, true) {
		return ""
	}
	return ProfilePrefix + slug
}
