// Package lint is the one rule about the text of messages: what must not be sent because nobody finished it or nobody can
// see it, and what a person should look at first. It is a table of patterns, patterns.yaml, that Go reads here and the
// report page reads in the browser, so that an export holds back what the page warns of.
package lint

import (
	_ "embed" // for the table
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

//go:embed patterns.yaml
var patterns []byte

// The parts of a message, and any other column that a sender makes a variable of.
const (
	firstSubject = "first subject"
	subject      = "subject"
	body         = "body"
	cell         = "cell"
)

// A table is patterns.yaml.
type table struct {
	Words     map[string]string `yaml:"words" json:"-"`
	Lines     []*line           `yaml:"lines" json:"lines"`
	Languages []*language       `yaml:"languages" json:"languages"`
}

// A line is one kind of text that is hit.
type line struct {
	Name   string   `yaml:"name" json:"name"`
	Why    string   `yaml:"why" json:"why"`
	Find   string   `yaml:"find" json:"find"`
	Except string   `yaml:"except" json:"except,omitempty"`
	Has    []string `yaml:"has" json:"has,omitempty"`
	Fold   bool     `yaml:"fold" json:"fold,omitempty"`
	In     []string `yaml:"in" json:"in"`
	Not    string   `yaml:"not" json:"not,omitempty"`
	Hold   bool     `yaml:"hold" json:"hold,omitempty"`
	Hits   []string `yaml:"hits" json:"-"`
	Misses []string `yaml:"misses" json:"-"`

	find, except *regexp.Regexp
}

// A language is one in which it is known how a message asks for something. The page alone looks for it.
type language struct {
	Lang  string `yaml:"lang" json:"lang"`
	Words string `yaml:"words" json:"words"`
	Asks  string `yaml:"asks" json:"asks"`
}

// A Rule judges texts. It is safe for concurrent use.
type Rule struct {
	table  table
	markup *regexp.Regexp
}

// New reads the table. An error means that the program was built with a wrong one.
func New() (*Rule, error) {
	r := &Rule{markup: markup()}
	if err := yaml.UnmarshalWithOptions(patterns, &r.table, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("patterns.yaml: %w", err)
	}
	fill := r.table.fillers()
	for _, l := range r.table.Lines {
		if err := l.compile(fill); err != nil {
			return nil, fmt.Errorf("patterns.yaml: %s: %w", l.Name, err)
		}
	}
	return r, nil
}

// fillers put the words of the table in the place of their names. A long list of them is folded in the file, which leaves
// a space where a line ended.
func (t *table) fillers() *strings.Replacer {
	var pairs []string
	for name, words := range t.Words {
		pairs = append(pairs, "«"+name+"»", strings.ReplaceAll(words, "| ", "|"))
	}
	return strings.NewReplacer(pairs...)
}

func (l *line) compile(fill *strings.Replacer) (err error) {
	if len(l.In) == 0 {
		l.In = []string{subject, body}
	}
	flags := ""
	if l.Fold {
		flags = "(?i)"
	}
	l.Find, l.Except = fill.Replace(l.Find), fill.Replace(l.Except)
	if l.find, err = regexp.Compile(flags + l.Find); err != nil {
		return err
	}
	if l.Except != "" {
		l.except, err = regexp.Compile(flags + l.Except)
	}
	return err
}

// hit says whether the line is about the text; lower is the text in small letters.
func (l *line) hit(text, lower string) bool {
	if l.Fold {
		text = lower
	}
	if len(l.Has) > 0 && !slices.ContainsFunc(l.Has, func(s string) bool { return strings.Contains(text, s) }) {
		return false
	}
	if !l.find.MatchString(text) {
		return false
	}
	return l.except == nil || l.find.MatchString(l.except.ReplaceAllLiteralString(text, " "))
}

// Flaws names what keeps a message from being sent: in its subject and in its body, as the agent or a reviewer wrote them;
// empty where there is nothing. first is the first message of a sequence, format is how the body is written.
func (r *Rule) Flaws(subjectText, bodyText string, first bool, format string) (inSubject, inBody string) {
	if first {
		inSubject = r.flaw(firstSubject, format, subjectText)
	}
	if inSubject == "" && subjectText != "" {
		inSubject = r.flaw(subject, format, subjectText)
	}
	return inSubject, r.flaw(body, format, bodyText)
}

// Flaw names what keeps any other cell from being sent along, or is empty.
func (r *Rule) Flaw(text string) string {
	if text == "" {
		return ""
	}
	return r.flaw(cell, Text, text)
}

func (r *Rule) flaw(part, format, text string) string {
	lower := strings.ToLower(text)
	for _, l := range r.table.Lines {
		if l.Hold && l.about(part, format) && l.hit(text, lower) {
			return l.Name
		}
	}
	return ""
}

func (l *line) about(part, format string) bool {
	return slices.Contains(l.In, part) && (l.Not == "" || l.Not != format)
}

// Table is what the report page needs of the rule, as JSON that may stand in a script: lines {name, why, find, except, has,
// fold, in, not} and languages {lang, words, asks}.
func (r *Rule) Table() ([]byte, error) { return json.Marshal(r.table) }
