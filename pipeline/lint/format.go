package lint

import (
	"encoding/json"
	"regexp"
	"strings"
)

// How a body is written.
const (
	Text     = "text"
	HTML     = "html"
	Markdown = "markdown"
)

// markup is what no text would have in it: a tag that breaks lines, or a link. An <i> makes no HTML of a text.
func markup() *regexp.Regexp {
	return regexp.MustCompile(`(?i)<(?:p|br|div|html|body|table|ul|ol|h[1-6])(?:\s[^<>]*)?/?>|<a\s[^<>]*href`)
}

// Format says how a body is written: HTML when the service says so or a tag in it does, Markdown when the service says
// so, else text. outputType is the service's word, a JSON string, or nothing.
func (r *Rule) Format(body string, outputType json.RawMessage) string {
	told := strings.ToLower(strings.Trim(string(outputType), `" `))
	switch {
	case told == HTML, r.markup.MatchString(body):
		return HTML
	case told == Markdown:
		return Markdown
	}
	return Text
}
