package person

import (
	"strings"

	"golang.org/x/text/language"
)

// cleanLang gives a language tag such as de or pt-BR, also of a language's name
// in one of two dozen languages, and of a country whose code is no language's.
func cleanLang(cell string) (string, Flaw) {
	s, f := Text(cell)
	if s == "" {
		return "", f
	}
	s, _, _ = strings.Cut(s, ";")
	s, _, _ = strings.Cut(s, ".") // en_US.UTF-8
	s = strings.TrimSpace(s)
	if tag := known().countries[strings.ToLower(s)]; tag != "" {
		return tag, GuessedLang
	}
	tag := strings.ReplaceAll(s, "_", "-")
	base, region, _ := strings.Cut(tag, "-")
	if len(base) == 2 || len(base) == 3 {
		parsed, err := language.Parse(tag)
		switch {
		case err != nil || base == "und" || base == "mul" || base == "zxx" || strings.HasPrefix(base, "qa"):
		case strings.EqualFold(base, region) && !strings.EqualFold(base, "pt"):
			return parsed.String()[:2], NoFlaw // de-DE is de
		case len(base) == 3:
			return parsed.String(), NoFlaw // DEU is de
		default:
			return strings.ToLower(base) + tag[len(base):], NoFlaw
		}
	}
	return langOfName(strings.ToLower(s))
}

// langOfName finds a language by its name, also with a region behind it.
func langOfName(name string) (string, Flaw) {
	names := known().languages
	if tag := names[name]; tag != "" {
		return tag, NoFlaw
	}
	for _, sign := range [...]string{" (", " - ", ", ", " / "} {
		base, region, ok := strings.Cut(name, sign)
		tag := names[base]
		if !ok || tag == "" {
			continue
		}
		if code := known().regions[strings.Trim(region, "() ")]; code != "" {
			tag += "-" + code
		}
		return tag, NoFlaw
	}
	return "", Malformed
}
