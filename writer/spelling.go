package writer

import (
	"bytes"
	stdhtml "html"
	"regexp"
	"strings"

	"github.com/yuin/goldmark"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// A spelling writes messages as one sender takes them: subjects as plain text on one line, bodies as HTML with its own
// line break, or as plain text.
type spelling struct {
	breaks string // empty for plain text

	tag, entity, breaking, link *regexp.Regexp
	escape                      *strings.Replacer
}

func newSpelling(breaks string) *spelling {
	return &spelling{
		breaks:   breaks,
		tag:      regexp.MustCompile(`(?i)</?(?:html|head|body|p|br|div|span|b|i|u|em|strong|font|a|h[1-6])(?:\s[^<>]*)?/?>`),
		entity:   regexp.MustCompile(`&(?:#[0-9]+|#[xX][0-9a-fA-F]+|[a-zA-Z][a-zA-Z0-9]*);`),
		breaking: regexp.MustCompile(`(?i)<(?:p|br|div|table|tr|ul|ol|li|h[1-6])(?:\s[^<>]*)?/?>`),
		link:     regexp.MustCompile(`\[([^\[\]\n]+)\]\((https?://[^()\s<>"]+|mailto:[^()\s<>"]+)\)`),
		escape:   strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;"),
	}
}

// subject takes tags, entities and line breaks out: what shows a subject shows them as they are.
func (s *spelling) subject(text string) string {
	text = s.entity.ReplaceAllStringFunc(s.tag.ReplaceAllString(text, " "), stdhtml.UnescapeString)
	return strings.Join(strings.Fields(text), " ")
}

// body writes a text, HTML or Markdown as the sender takes it.
func (s *spelling) body(text, format string) (string, error) {
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.TrimSpace(text))
	switch {
	case format == "markdown":
		var out bytes.Buffer
		if err := goldmark.Convert([]byte(text), &out); err != nil {
			return "", err
		}
		return s.body(out.String(), "html")
	case s.breaks == "" && format == "html":
		return plain(text)
	case s.breaks == "":
		return s.link.ReplaceAllString(text, "$1 ($2)"), nil
	case format != "html":
		text = s.link.ReplaceAllString(s.escape.Replace(text), `<a href="$2">$1</a>`)
		return strings.ReplaceAll(text, "\n", s.breaks), nil
	case !s.breaking.MatchString(text):
		return strings.ReplaceAll(text, "\n", s.breaks), nil
	}
	return text, nil
}

// plain reads the text off HTML: a line a paragraph, the address behind each link.
func plain(source string) (string, error) {
	root, err := html.Parse(strings.NewReader(source))
	if err != nil {
		return "", err
	}
	var p plainWriter
	p.node(root)
	return strings.TrimSpace(p.out.String()), nil
}

type plainWriter struct{ out strings.Builder }

func (p *plainWriter) node(n *html.Node) {
	switch n.Type {
	case html.TextNode:
		p.text(n.Data)
		return
	case html.CommentNode:
		return
	default:
	}
	switch n.DataAtom {
	case atom.Head, atom.Style, atom.Script, atom.Title:
		return
	case atom.Br:
		p.lines(1, true)
		return
	case atom.P, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Ul, atom.Ol, atom.Table, atom.Blockquote:
		p.lines(2, false)
		defer p.lines(2, false)
	case atom.Div, atom.Tr:
		p.lines(1, false)
		defer p.lines(1, false)
	case atom.Li:
		p.lines(1, false)
		p.out.WriteString("- ")
		defer p.lines(1, false)
	case atom.A:
		defer p.address(n, p.out.Len())
	default: // what is in it stands on the same line
	}
	for child := range n.ChildNodes() {
		p.node(child)
	}
}

// text collapses white space, as a browser does.
func (p *plainWriter) text(data string) {
	words := strings.Fields(data)
	if leads := data != "" && strings.TrimLeft(data, " \t\r\n") != data; leads && !p.fresh() {
		p.out.WriteByte(' ')
	}
	p.out.WriteString(strings.Join(words, " "))
	if trails := len(words) > 0 && strings.TrimRight(data, " \t\r\n") != data; trails {
		p.out.WriteByte(' ')
	}
}

// fresh says that nothing stands on the line yet, or a space at its end.
func (p *plainWriter) fresh() bool {
	text := p.out.String()
	return text == "" || strings.HasSuffix(text, "\n") || strings.HasSuffix(text, " ")
}

// lines ends the line n times; unless each counts, what ended before is not ended again.
func (p *plainWriter) lines(n int, each bool) {
	text := strings.TrimRight(p.out.String(), " ")
	p.out.Reset()
	p.out.WriteString(text)
	if text == "" {
		return
	}
	if !each {
		n -= len(text) - len(strings.TrimRight(text, "\n"))
	}
	p.out.WriteString(strings.Repeat("\n", max(n, 0)))
}

// address writes where a link goes, unless its text says so.
func (p *plainWriter) address(n *html.Node, start int) {
	text := ""
	if all := p.out.String(); start <= len(all) {
		text = strings.TrimSpace(all[start:])
	}
	for _, a := range n.Attr {
		where := strings.TrimPrefix(a.Val, "mailto:")
		if a.Key == "href" && where != "" && !strings.Contains(text, where) {
			p.out.WriteString(" (" + where + ")")
		}
	}
}
