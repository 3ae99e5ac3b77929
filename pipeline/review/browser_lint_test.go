//go:build browser

package review_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"octave-enrich/pipeline/lint"
)

// lintPage is the page's own script of the rule alone, with the table that it is embedded with.
func lintPage(t *testing.T, table []byte) string {
	t.Helper()
	script, err := os.ReadFile("../report/page/lint.js")
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "lint.html")
	text := fmt.Sprintf("<!doctype html><meta charset=utf-8><script>const patterns = %s;\n%s\ndocument.documentElement.dataset.ready = true;</script>", table, script)
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return "file://" + name
}

// The browser finds in every example of the table what Go finds there.
func TestBrowserReadsThePatternsAsGoDoes(t *testing.T) {
	rule, err := lint.New()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := rule.Table()
	if err != nil {
		t.Fatal(err)
	}
	var table struct {
		Lines []struct {
			Name, Find, Except string
			Fold               bool
		}
	}
	if err := json.Unmarshal(raw, &table); err != nil {
		t.Fatal(err)
	}
	texts := examples(t)
	spelled, err := json.Marshal(texts)
	if err != nil {
		t.Fatal(err)
	}
	p := startChromium(t).open(lintPage(t, raw), 800, 600)
	got, ok := p.eval(fmt.Sprintf(`{ const texts = %s; lines.map((l) => texts.map((t) => hit(l, t) ? "1" : "0").join("")).join(); }`, spelled)).(string)
	if !ok {
		t.Fatal("no answer of the page")
	}
	for i, row := range strings.Split(got, ",") {
		l := table.Lines[i]
		flags := ""
		if l.Fold {
			flags = "(?i)"
		}
		find, except := regexp.MustCompile(flags+l.Find), regexp.MustCompile(flags+l.Except)
		for n, text := range texts {
			want := find.MatchString(text)
			if want && l.Except != "" {
				want = find.MatchString(except.ReplaceAllLiteralString(text, " "))
			}
			if is := row[n] == '1'; is != want {
				t.Errorf("%s, %s: %q is %v in the browser, %v in Go", l.Name, l.Find, text, is, want)
			}
		}
	}
}

// examples are the texts of all lines.
func examples(t *testing.T) (list []string) {
	t.Helper()
	raw, err := os.ReadFile("../lint/patterns.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Lines []struct{ Hits, Misses []string }
	}
	if err := yaml.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	for _, l := range file.Lines {
		list = append(append(list, l.Hits...), l.Misses...)
	}
	return list
}

// A message is missed to ask for something only in a language of which it is known how that is done.
func TestBrowserLooksForACallToAction(t *testing.T) {
	rule, err := lint.New()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := rule.Table()
	if err != nil {
		t.Fatal(err)
	}
	p := startChromium(t).open(lintPage(t, raw), 800, 600)
	for _, c := range []struct {
		body, lang string
		missing    bool
	}{
		{"We wrote you of the tool and of the price for your team.", "", true},
		{"We wrote you of the tool. Let me know what is on your mind.", "", false},
		{"Is it of use?", "", false},
		{"Wir haben die Zahlen und das Werkzeug für Sie.", "", true},
		{"Wir haben die Zahlen für Sie und das Werkzeug. Gern vereinbaren wir einen Termin.", "", false},
		{"Napisaliśmy do Państwa w sprawie narzędzia.", "", false},
		{"Napisaliśmy do Państwa w sprawie narzędzia.", "pl", false},
		{"We wrote you.", "en-GB", true},
	} {
		p.is(fmt.Sprintf(`lint({ subject: "Hi", body: %q }, true, %q).warnings.includes("no call to action")`, c.body, c.lang), c.missing)
	}
	p.is(`lint({ subject: "Hi", body: "Shall we talk?", empty: [] }, true, "").warnings.join()`, "")
	p.is(`lint({ subject: "", body: "Hi <First Name>, shall we talk?" }, true, "").warnings.join()`, "empty subject,placeholder")
}
