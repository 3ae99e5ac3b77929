package report

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"strings"

	"octave-enrich/pipeline/lint"
	"octave-enrich/writer"
)

// files are the parts of the page's script, which share one scope.
//
//go:embed page/*.js
var files embed.FS

//go:embed page/page.html
var document string

//go:embed page/page.css
var style string

// scripts are the parts of the page's script, in order.
var scripts = [...]string{"base", "tell", "lint", "address", "data", "list", "text", "evidence", "read", "charts", "sendable", "night", "overview", "decide", "edit", "review", "again", "follow", "print", "keys"}

// A page is the document around the data.
type page struct{ before, after string }

// newPage assembles the document. The policy names the script by its hash, so
// that no other one runs.
func newPage(title string, live bool, rule *lint.Rule) (page, error) {
	script, err := joinScript(rule)
	if err != nil {
		return page{}, err
	}
	text := strings.NewReplacer(
		"{{policy}}", policy(script, live),
		"{{generator}}", Generator,
		"{{title}}", html.EscapeString(title),
		"{{style}}", style,
		"{{script}}", script,
	).Replace(document)
	before, after, found := strings.Cut(text, "{{data}}")
	if !found {
		return page{}, fmt.Errorf("the page has no place for data")
	}
	return page{before, after}, nil
}

// joinScript puts the table of the rule about texts, and what the presets ask for, before
// the parts that read them.
func joinScript(rule *lint.Rule) (string, error) {
	table, err := rule.Table()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	senders, err := json.Marshal(writer.Senders())
	if err != nil {
		return "", err
	}
	fmt.Fprintf(&b, "(() => {\n\"use strict\";\nconst patterns = %s, presets = %s;\n", table, senders)
	for _, name := range scripts {
		part, err := files.ReadFile("page/" + name + ".js")
		if err != nil {
			return "", err
		}
		b.Write(part)
	}
	b.WriteString("})();\n")
	return b.String(), nil
}

// policy is the content security policy of the page: its own script, its own
// server if it has one, and nothing else. Styles are free, since HTML emails
// carry theirs in attributes and a frame inherits the policy; with neither images
// nor fonts from elsewhere a style can fetch nothing.
func policy(script string, live bool) string {
	sum := sha256.Sum256([]byte(script))
	connect := "'none'"
	if live {
		connect = "'self'"
	}
	return "default-src 'none'; script-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; " +
		"style-src 'unsafe-inline'; img-src data:; connect-src " + connect + "; base-uri 'none'; form-action 'none'"
}
