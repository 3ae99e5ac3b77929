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
	if tag := countryLang(s); tag != "" {
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
		switch strings.Trim(region, "() ") {
		case "brazil", "brasil", "brésil", "brasilien", "br":
			return tag + "-BR", NoFlaw
		case "uk", "united kingdom", "gb", "great britain":
			return tag + "-GB", NoFlaw
		case "simplified", "vereinfacht":
			return tag + "-Hans", NoFlaw
		case "traditional", "traditionell":
			return tag + "-Hant", NoFlaw
		case "austria", "österreich":
			return tag + "-AT", NoFlaw
		case "switzerland", "schweiz", "suisse":
			return tag + "-CH", NoFlaw
		}
		return tag, NoFlaw
	}
	return "", Malformed
}

// countryLang is the language that is meant by a country's code: some are no
// language's, and some another's (tw would be Twi, se Northern Sami).
func countryLang(s string) string {
	switch strings.ToLower(s) {
	case "tw":
		return "zh-Hant"
	case "kr":
		return "ko"
	case "se":
		return "sv"
	case "jp":
		return "ja"
	case "cz":
		return "cs"
	case "dk":
		return "da"
	case "cn":
		return "zh"
	case "gr":
		return "el"
	case "ua":
		return "uk"
	case "us", "gb":
		return "en"
	case "at":
		return "de"
	case "br":
		return "pt-BR"
	}
	return ""
}
