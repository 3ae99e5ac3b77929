package table

import (
	"bytes"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// An older is an encoding that lists come in beside UTF-8, with the letters by
// which the languages that it was made for are told from others.
type older struct {
	name      string
	languages string // in which its lists are, by the words of their headers
	letters   string // frequent beyond ASCII in names of those languages
	wide      bool   // more than a byte a character
}

// olders are tried in this order; the first of equals wins. The common letters
// of each are what remains after the names in its languages were counted.
func olders() []older {
	const (
		western  = "de fr es pt it nl sv da no fi"
		eastern  = "pl cs hu ro"
		european = "äöüßéèêëàâçîïôûùœñáíóúãõåæøìòÄÖÜÉÀÇÑÅØÁÍÓÚ"
		central  = "ąćęłńóśźżĄĆĘŁŃÓŚŹŻčďěňřšťůžýČĎĚŇŘŠŤŮŽőűŐŰéáíúöüÉÁÍÚÖÜäÄăâîșțĂ"
		cyrillic = "абвгдеёжзийклмнопрстуфхцчшщъыьэюяАБВГДЕЖЗИКЛМНОПРСТУФХЦЧШЩЭЮЯіїєґІЇЄҐ"
	)
	return []older{
		{CP1252, western, european, false},
		{"iso-8859-15", western, european + "ŠšŽžŒŸ", false},
		{"windows-1250", eastern, central, false},
		{"iso-8859-2", eastern, central, false},
		{"macintosh", western, "éèêëàâäöüßçñáíóúôûîïùœãõåæøÉÀÄÖÜÇÑÅØ", false},
		{"windows-1254", "tr", "çğışöüÇĞİŞÖÜâîû", false},
		{"windows-1251", "ru uk", cyrillic, false},
		{"koi8-r", "ru", cyrillic, false},
		{"cp850", western, "äöüßéèêëàâçñáíóúôûîïåæøÄÖÜÉÇÑÅØ", false},
		{"cp852", eastern, central, false},
		{"shift_jis", "ja", "", true},
		{"gb18030", "zh-Hans", "", true},
		{"euc-kr", "ko", "", true},
		{"big5", "zh-Hant", "", true},
	}
}

// guessEncoding decodes the start of a text in each encoding, and takes the one
// in which it reads best: whose header names known columns in a language that it
// was made for, and whose letters are those of names and not of tables drawn with
// lines. Others in which another text reads as well are told, too.
func guessEncoding(head []byte, score Score, languages Languages) (best string, alike []string) {
	if end := bytes.LastIndexAny(head, "\r\n"); end > 0 && len(head) >= sniffSize {
		head = head[:end]
	}
	best, most := CP1252, -1<<30
	var read []byte
	for _, o := range olders() {
		enc, err := encodingNamed(o.name)
		if err != nil {
			continue
		}
		text, err := enc.NewDecoder().Bytes(head[:min(len(head), 32<<10)])
		if err != nil || o.wide && bytes.Count(text, []byte("\ufffd")) > 1 {
			continue
		}
		// A sign of the East half of which is ASCII is more likely é before a separator.
		swallowed := countASCII(head[:min(len(head), 32<<10)]) - countASCII(text)
		switch points := o.points(text) - 2*swallowed + headerBonus(text, score) + o.languageBonus(text, languages); {
		case points > most:
			best, most, read, alike = o.name, points, text, nil
		case points == most && !bytes.Equal(text, read):
			alike = append(alike, o.name)
		}
	}
	return best, alike
}

func countASCII(text []byte) (n int) {
	for _, b := range text {
		if b < utf8.RuneSelf {
			n++
		}
	}
	return n
}

// languageBonus is for a header in a language that the encoding was made for.
func (o older) languageBonus(text []byte, languages Languages) int {
	if languages == nil {
		return 0
	}
	line, _, _ := bytes.Cut(text, []byte{'\n'})
	bonus := 0
	for _, cell := range headerCells(line) {
		if slices.ContainsFunc(languages(cell), func(l string) bool { return slices.Contains(strings.Fields(o.languages), l) }) {
			bonus += 20
		}
	}
	return bonus
}

func headerCells(line []byte) []string {
	return strings.FieldsFunc(string(line), func(r rune) bool { return strings.ContainsRune(",;\t|\"\r", r) })
}

// headerBonus is for a header that names known columns with letters beyond
// ASCII: 氏名 and Imię say what a text is in.
func headerBonus(text []byte, score Score) int {
	if score == nil {
		return 0
	}
	line, _, _ := bytes.Cut(text, []byte{'\n'})
	known := 0
	for _, cell := range headerCells(line) {
		if utf8.RuneCountInString(cell) < len(cell) && score([]string{cell}) > 0 {
			known++
		}
	}
	return 200 * known
}

// points are how much a decoded text reads like names: letters of the languages
// speak for it; signs and lone accents between letters, mixed scripts and
// letters in the wrong case speak against it.
func (o older) points(text []byte) int {
	points, last := 0, ' '
	capital := false // the last one is a capital behind a letter
	for _, r := range string(text) {
		if capital && unicode.IsLower(r) {
			points -= 8 // which is none of a word in capitals
		}
		capital = r >= 0x80 && unicode.IsUpper(r) && unicode.IsLetter(last) && !o.wide
		switch {
		case o.wide && r >= 0x80 && last < 0x80 && unicode.IsLetter(last), o.wide && r < 0x80 && last >= 0x80 && unicode.IsLetter(r):
			points -= 10 // a sign of the East between Latin letters
		case r < 0x80:
		case r == utf8.RuneError:
			points -= 30
		case !o.wide && isOtherScript(r) && (last < 0x80 || !isOtherScript(last)) && unicode.IsLetter(last):
			points -= 10 // a letter of another script inside a word
		case o.wide:
			points += widePoints(r)
		case strings.ContainsRune(o.letters, r):
			points += 4
			if unicode.IsUpper(r) && unicode.IsLower(last) {
				points -= 8 // a capital inside a word
				capital = false
			}
		case unicode.IsLetter(r):
			points -= 2
		case unicode.IsLetter(last):
			points -= 8 // a sign behind a letter
		default:
			points -= 4
		}
		last = r
	}
	return points
}

func isOtherScript(r rune) bool { return unicode.In(r, unicode.Cyrillic, unicode.Greek) }

func widePoints(r rune) int {
	switch {
	case unicode.In(r, unicode.Hiragana, unicode.Katakana, unicode.Hangul), r == 'ー':
		return 6
	case r >= 0xff61 && r <= 0xff9f: // half-width kana, which one-byte text turns into
		return -6
	case unicode.Is(unicode.Han, r):
		return 5
	case unicode.IsLetter(r) || unicode.IsPunct(r):
		return 0
	}
	return -6
}
