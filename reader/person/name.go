package person

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// isOrdinaryName says, fast, that a name needs no cleaning: one or two words of
// ASCII letters that are no form of address.
func isOrdinaryName(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == ' ' || c == ',' || c == '.' || c == '(' || c == '"' || c >= 0x80 {
			return false
		}
	}
	return len(s) > 4
}

// withoutTitles drops forms of address and degrees around a name, what stands in
// brackets behind it, and signs: "Dr. Bea Two, PhD" is Bea Two.
func withoutTitles(s string) string {
	if before, _, ok := strings.Cut(s, "("); ok && strings.TrimSpace(before) != "" {
		s = before
	}
	s = strings.TrimFunc(strings.Map(func(r rune) rune {
		if unicode.Is(unicode.So, r) || r == '"' || r == '\ufe0f' {
			return -1
		}
		return r
	}, s), func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(`;|*•,\`, r) })
	t := known()
	for i, part := range strings.Split(s, ",") {
		if i > 0 && !t.areAfter(part) {
			break
		}
		if i > 0 {
			s = s[:strings.IndexByte(s, ',')] // all behind the first comma are degrees, or none is dropped
			break
		}
	}
	words := strings.Fields(s)
	for len(words) > 1 && t.isBefore(words[0]) {
		words = words[1:]
	}
	for len(words) > 2 && t.isAfter(words[len(words)-1]) {
		words = words[:len(words)-1]
	}
	return strings.TrimRight(strings.Join(words, " "), ",")
}

// isBefore knows forms of address in front of a name. Short ones, which begin
// names too (M, Ing, On), need a dot or capitals as they are written.
func (t *tables) isBefore(word string) bool {
	return t.isKind("before", word) && (strings.HasSuffix(word, ".") || !t.isKind("before with a dot alone", word))
}

// isAfter knows degrees and suffixes behind a name, in capitals or with dots as
// they are written, so that no family name is taken for one.
func (t *tables) isAfter(word string) bool {
	word = strings.Trim(word, ",")
	if !t.isKind("after", word) {
		return false
	}
	return word == strings.ToUpper(word) && len(bareName(word)) > 1 || strings.Contains(word, ".") || word == "PhD" || word == "MSc" || word == "BSc" || word == "Jr" || word == "Sr" || word == "Esq"
}

// areAfter says whether every word is a degree.
func (t *tables) areAfter(words string) bool {
	list := strings.FieldsFunc(words, func(r rune) bool { return r == ' ' || r == '/' || r == '|' || r == '®' || r == '™' })
	for _, w := range list {
		if !t.isKind("after", w) {
			return false
		}
	}
	return len(list) > 0
}

// Split cuts a whole name into given and family name. familyFirst is what the
// column's name or language says; a comma, capitals and the script of the name
// say it as well.
func Split(name string, familyFirst bool) (first, last string) {
	t := known()
	if hasCJK(name) {
		return t.splitCJK(name)
	}
	if family, given, ok := strings.Cut(name, ","); ok {
		given = strings.TrimSpace(given)
		if family = strings.TrimSpace(family); given != "" && family != "" && !strings.Contains(given, ",") && !t.areAfter(given) {
			return t.commaName(given, family)
		}
		name = family
	}
	words := strings.Fields(name)
	switch {
	case len(words) < 2:
		return name, ""
	case isLoud(words[0]) && !isLoud(words[len(words)-1]):
		familyFirst = true
	case familyFirst && isLoud(words[len(words)-1]) && !isLoud(words[0]):
		familyFirst = false
	}
	if isPatronymic(words[len(words)-1]) && len(words) == 3 {
		return words[1], words[0]
	}
	if !familyFirst {
		return words[0], strings.Join(words[1:], " ")
	}
	n := 1 // words of the family name
	for n < len(words)-1 && (t.isKind("particle", words[n-1]) || isLoud(words[0]) && isLoud(words[n])) {
		n++
	}
	return strings.Join(words[n:], " "), strings.Join(words[:n], " ")
}

// commaName reads what stands around the comma of "Lee, Ann" and "Berg, van der".
func (t *tables) commaName(given, family string) (string, string) {
	words := strings.Fields(given)
	n := len(words) // where particles begin that belong to the family name
	for n > 0 && t.isKind("particle", words[n-1]) && words[n-1] == strings.ToLower(words[n-1]) {
		n--
	}
	if n > 0 && n < len(words) {
		return strings.Join(words[:n], " "), strings.Join(words[n:], " ") + " " + family
	}
	return given, family
}

// isLoud says whether a word is written in capitals, as family names are.
func isLoud(word string) bool {
	letters := 0
	for _, r := range word {
		if unicode.IsLower(r) {
			return false
		}
		if unicode.IsUpper(r) {
			letters++
		}
	}
	return letters > 1
}

// isPatronymic knows the third name of Russian and Ukrainian people.
func isPatronymic(word string) bool {
	for _, ending := range [...]string{"вич", "вна", "ич", "ична", "ович", "івна", "ївна"} {
		if strings.HasSuffix(strings.ToLower(word), ending) {
			return true
		}
	}
	return false
}

func hasCJK(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool {
		return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul)
	})
}

// splitCJK knows that the family comes first: in Chinese and Korean one sign,
// or one of a few pairs. A Japanese name without a blank cannot be split, and is
// all family name.
func (t *tables) splitCJK(name string) (first, last string) {
	words := strings.Fields(strings.ReplaceAll(name, "\u3000", " "))
	if n := len(words); n > 1 && t.isKind("cjk after", words[n-1]) {
		words = words[:n-1]
	}
	if len(words) > 1 {
		return strings.Join(words[1:], " "), words[0]
	}
	if len(words) == 0 {
		return "", ""
	}
	whole := words[0]
	for after := range t.people["cjk after"] {
		if cut, ok := strings.CutSuffix(whole, after); ok && cut != "" {
			whole = cut
			break
		}
	}
	signs := []rune(whole)
	if !strings.ContainsFunc(whole, func(r rune) bool { return unicode.Is(unicode.Hangul, r) }) || len(signs) < 2 || len(signs) > 4 {
		return "", whole
	}
	n := 1
	if len(signs) > 2 && t.people["two-character family"][string(signs[:2])] {
		n = 2
	}
	return string(signs[n:]), string(signs[:n])
}

// IsNobody says whether a name is a team's or a stand-in.
func IsNobody(first, last string) bool {
	t := known()
	name := first
	if first == "" || last == "" {
		name += last
	}
	if name == "" {
		return false
	}
	length := len(first) + len(last)
	if first != "" && last != "" {
		length++
	}
	initial := name[0]
	if initial >= 'A' && initial <= 'Z' {
		initial += 'a' - 'A'
	}
	if length < shapeLength-1 && initial < 0x80 && !strings.Contains(first, ".") && !t.nobodies[length][initial] {
		return false
	}
	if first != "" && last != "" {
		name = first + " " + last
	}
	return t.isKind("team", name) || t.isKind("nobody", name)
}

// IsTotal says whether a cell starts the totals below a list: "Total",
// "Count: 1", "Grand Totals (2 records)".
func IsTotal(cell string) bool {
	s := strings.TrimSpace(cell)
	if s == "" || len(s) > 60 {
		return false
	}
	if end := strings.IndexAny(s, ":=(（："); end >= 0 {
		s = s[:end]
	}
	s = strings.TrimRight(s, " 0123456789.,")
	return s != "" && known().isKind("total", s)
}

// IsFooter says whether a text is a notice below a list, such as "Confidential".
func IsFooter(cell string) bool {
	s := strings.ToLower(strings.TrimSpace(cell))
	for start := range known().people["footer"] {
		if strings.HasPrefix(s, start) {
			return true
		}
	}
	return IsTotal(cell)
}

// IsCompany says whether a name is a company's, by its legal form.
func IsCompany(name string) bool {
	t := known()
	if strings.ContainsFunc(name, func(r rune) bool { return r >= 0x3000 || r == '㈱' || r == '㈜' }) {
		for form := range t.people["company cjk"] {
			if strings.Contains(name, form) {
				return true
			}
		}
	}
	words := strings.Fields(strings.ReplaceAll(name, ",", " "))
	if len(words) < 2 {
		return false
	}
	return t.isKind("company", words[len(words)-1]) && !isGivenLike(words[len(words)-1])
}

// isGivenLike says that a legal form is written as a name is: Ag, Sas.
func isGivenLike(word string) bool {
	switch word {
	case "Ltd", "Inc", "Limited", "Corp", "Corporation", "GmbH", "Pty", "SpA", "Kft", "Zrt", "Ltda", "Oy", "ApS", "Nyrt", "GbR":
		return false
	}
	return word != strings.ToUpper(word) && !strings.Contains(word, ".")
}

// LooksLikeName says whether a cell may be the whole name of a person: two to
// four words that begin with capitals, particles aside. common says that a
// common given name is in its place.
func LooksLikeName(cell string) (looks, common bool) {
	if len(cell) < 4 || len(cell) > longestName || strings.ContainsAny(cell, "@/&:;|#0123456789") {
		return false, false
	}
	name, flaw := cleanName(cell)
	words := strings.Fields(strings.ReplaceAll(name, ",", " "))
	if flaw != NoFlaw || len(words) < 2 || len(words) > 4 || IsCompany(name) {
		return false, false
	}
	t := known()
	for i, w := range words {
		initial, _ := utf8.DecodeRuneInString(w)
		if !unicode.IsUpper(initial) && (i == 0 || !t.isKind("particle", w)) || strings.ContainsFunc(w, isNoPartOfName) {
			return false, false
		}
	}
	if IsNobody(words[0], strings.Join(words[1:], " ")) {
		return false, false
	}
	return true, t.isKind("given", words[0]) || strings.Contains(name, ",") && t.isKind("given", words[len(words)-1])
}

func isNoPartOfName(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.Is(unicode.Mn, r) && r != '-' && r != '.' && r != '\'' && r != '’'
}
