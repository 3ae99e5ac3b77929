package person

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// notNull is s, or nothing when s is a word for nothing.
func notNull(s string) string {
	if isNothing(s, false) {
		return ""
	}
	return s
}

// isNothing says whether a text stands for a missing value: a word for it, an
// error of a spreadsheet, a merge tag that nobody filled in. asName asks for
// words such as "yes" and "0" as well, which no name, title or company is.
func isNothing(s string, asName bool) bool {
	if s == "" {
		return true
	}
	t := known()
	if len(s) < shapeLength+4 { // bare may drop dots
		first := s[0]
		if first >= 'A' && first <= 'Z' {
			first += 'a' - 'A'
		}
		if first >= utf8.RuneSelf || first == '.' || s[len(s)-1] == '.' || t.shapes[min(len(s), shapeLength-1)][first] {
			word := bare(s)
			if word == "" {
				return true
			}
			if t.nothing[word] || asName && t.noName[word] {
				return !isShortName(s)
			}
		}
	}
	switch s[0] {
	case '#':
		return isSheetError(s)
	case '{', '<', '*', '%', '[', '$':
		return isMergeTag(s)
	case 'X', 'x':
		return len(s) > 2 && len(s) < 12 && strings.Trim(s, "xX") == ""
	}
	return false
}

// isShortName says that a word of two letters is written as a name is: Na, No.
func isShortName(s string) bool {
	return len(s) == 2 && s[0] >= 'A' && s[0] <= 'Z' && s[1] >= 'a' && s[1] <= 'z'
}

// isSheetError knows #N/A, #REF!, #BEZUG!, ##### and their like of any language.
func isSheetError(s string) bool {
	rest := []rune(s[1:])
	if len(rest) == 0 || len(rest) > 22 {
		return false
	}
	for _, r := range rest {
		if !unicode.IsUpper(r) && !strings.ContainsRune("#/_0!?¡¿. ", r) {
			return false
		}
	}
	return true
}

// isMergeTag knows what templates write for a value that was not there:
// {{first_name}}, {x}, %x%, *|X|*, <<x>>, ${x}, [First Name]; and masks of stars.
func isMergeTag(s string) bool {
	for _, pair := range [...][2]string{{"{{", "}}"}, {"{", "}"}, {"%", "%"}, {"*|", "|*"}, {"<<", ">>"}, {"${", "}"}} {
		if inner, ok := strings.CutPrefix(s, pair[0]); ok {
			if inner, ok = strings.CutSuffix(inner, pair[1]); ok && !strings.ContainsAny(inner, `":`) {
				return true
			}
		}
	}
	if strings.Trim(s, "*") == "" {
		return true
	}
	switch strings.ToLower(s) {
	case "[first name]", "[last name]", "[name]", "[company]", "[company name]", "[title]", "[job title]", "[email]", "[website]":
		return true
	}
	return false
}

// isNested says whether a cell is an object or a list of JSON, which is opened
// or left out, and never sent as text.
func isNested(s string) bool {
	if len(s) < 2 {
		return false
	}
	switch {
	case s[0] == '{' && s[len(s)-1] == '}':
		return strings.Contains(s, `":`) || strings.Contains(s, `" :`) || s == "{}"
	case s[0] == '[' && s[len(s)-1] == ']':
		inner := strings.TrimSpace(s[1 : len(s)-1])
		return inner == "" || inner[0] == '{' || inner[0] == '"' && strings.HasSuffix(inner, `"`)
	}
	return false
}
