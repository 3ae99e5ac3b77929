package octave

import (
	"bytes"
	"encoding/json"
	"html"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxMessage bounds, in characters, what is taken over from a service's words.
const maxMessage = 300

// title finds the one line of a proxy's error page that says something.
var title = regexp.MustCompile(`(?is)<(title|h1)\b[^>]*>(.*?)</(?:title|h1)\s*>`)

// message finds the words for people in the body of an error: JSON as the
// service sends it, JSON as others do, a page of HTML, plain text, or nothing.
func message(body []byte) string {
	body = bytes.TrimSpace(body)
	switch {
	case len(body) == 0:
		return ""
	case json.Valid(body):
		return spoken(body)
	case body[0] == '{', body[0] == '[':
		return "" // JSON cut in half: fragments help nobody
	case body[0] == '<':
		if m := title.FindSubmatch(body); m != nil {
			return html.UnescapeString(string(m[2]))
		}
		return ""
	}
	return string(body)
}

// spoken looks where services put their message, the documented place first.
func spoken(v value) string {
	if !v.isObject() {
		return phrase(v)
	}
	for _, found := range []value{
		v.field("message"), v.field("_metadata").field("message"),
		v.field("error").field("message"), v.field("error"), v.field("errors"), v.field("detail"),
	} {
		if s := phrase(found); !blank(s) {
			return s
		}
	}
	return ""
}

// phrase is a string, or a list or an object of them written as JSON.
func phrase(v value) string {
	if v.isNull() || !v.isObject() && !v.isArray() {
		return v.text()
	}
	if len(v) <= 2 {
		return ""
	}
	return string(v)
}

// oddity describes a body that should have been JSON.
func oddity(body []byte) string {
	switch body = bytes.TrimSpace(body); {
	case len(body) == 0:
		return "empty"
	case body[0] == '{':
		return "JSON that is damaged, cut off or nested too deep"
	case body[0] == '<':
		return "not JSON" + colon(message(body))
	}
	return "not JSON"
}

func colon(s string) string {
	if s == "" {
		return ""
	}
	return ": " + s
}

// clean makes foreign words fit for one line on a terminal or in a cell: tidy,
// and short.
func clean(s string) string { return shorten(tidy(s)) }

// tidy leaves valid UTF-8, single blanks, and nothing that moves a cursor or
// turns the direction of writing.
func tidy(s string) string {
	return strings.Join(strings.Fields(strings.Map(printable, strings.ToValidUTF8(s, "\uFFFD"))), " ")
}

func shorten(s string) string {
	if utf8.RuneCountInString(s) <= maxMessage {
		return s
	}
	return string([]rune(s)[:maxMessage-1]) + "…"
}

func printable(r rune) rune {
	switch {
	case ' ' <= r && r <= '~':
		return r
	case unicode.IsSpace(r):
		return ' '
	case unicode.In(r, unicode.Cc, unicode.Cf):
		return -1
	}
	return r
}
