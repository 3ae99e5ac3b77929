package lint

import (
	"encoding/json"
	"strings"
	"testing"
)

// Every line hits its examples and leaves its counter-examples alone.
func TestLines(t *testing.T) {
	for _, l := range rule(t).table.Lines {
		if len(l.Hits) == 0 || len(l.Misses) == 0 {
			t.Errorf("%s, %s: a line needs hits and misses", l.Name, l.Why)
		}
		for _, text := range l.Hits {
			if !l.hit(text, lower(text)) {
				t.Errorf("%s, %s: does not hit %q", l.Name, l.Why, text)
			}
		}
		for _, text := range l.Misses {
			if l.hit(text, lower(text)) {
				t.Errorf("%s, %s: hits %q", l.Name, l.Why, text)
			}
		}
	}
}

func lower(s string) string { return strings.ToLower(s) }

func rule(t *testing.T) *Rule {
	t.Helper()
	r, err := New()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A line is about the parts that it names, and about nothing that may have it.
func TestParts(t *testing.T) {
	r := rule(t)
	tests := []struct {
		name, subject, body string
		first               bool
		format              string
		inSubject, inBody   string
	}{
		{"fine", "Hi", "Hello.", true, Text, "", ""},
		{"first subject", "", "Hello.", true, Text, "empty subject", ""},
		{"later subject", "", "Hello.", false, Text, "", ""},
		{"both", "{{x}}", "[Name]", false, Text, "merge tag", "placeholder"},
		{"Markdown in a text", "Hi", "**now**", true, Text, "", "words of the model"},
		{"Markdown", "Hi", "**now**", true, Markdown, "", ""},
		{"HTML", "Hi", "<p>Hi &lt;First Name&gt;,</p>", true, HTML, "", "placeholder"},
		{"what is no more than looked at", "BUY THIS NOW!!", "Free! 100 %", true, Text, "", ""},
	}
	for _, tt := range tests {
		inSubject, inBody := r.Flaws(tt.subject, tt.body, tt.first, tt.format)
		if inSubject != tt.inSubject || inBody != tt.inBody {
			t.Errorf("%s: %q and %q, want %q and %q", tt.name, inSubject, inBody, tt.inSubject, tt.inBody)
		}
	}
	for text, want := range map[string]string{"": "", "N/A": "", "[solidcore]": "", "Ann {{x}}": "merge tag", "{a|b}": "spintax", "[First Name]": "placeholder"} {
		if got := r.Flaw(text); got != want {
			t.Errorf("the cell %q: %q, want %q", text, got, want)
		}
	}
}

// A text counts as HTML by one rule.
func TestFormat(t *testing.T) {
	r := rule(t)
	tests := []struct{ body, told, want string }{
		{"a\nb", ``, Text},
		{"a <i>b</i> <b>c</b>", ``, Text},
		{"a <i>b</i>", `"text"`, Text},
		{"1 < 2 & <al@example.com>", `null`, Text},
		{"a\nb & c", `"HTML"`, HTML},
		{"<p>a</p>", `"text"`, HTML},
		{"<h1>a</h1>", ``, HTML},
		{"a<BR>b<br/>c", ``, HTML},
		{`see <a href="https://example.com">it</a>`, ``, HTML},
		{"see [it](https://example.com)", `"markdown"`, Markdown},
	}
	for _, tt := range tests {
		if got := r.Format(tt.body, json.RawMessage(tt.told)); got != tt.want {
			t.Errorf("%q, told %s: %s, want %s", tt.body, tt.told, got, tt.want)
		}
	}
}

// A list of 20,000 contacts is judged within seconds.
func BenchmarkFlaws(b *testing.B) {
	r, err := New()
	if err != nil {
		b.Fatal(err)
	}
	body := strings.Repeat("Hi Ann, we saw [1] that Acme (100 %) grew, at last, and <b>would</b> like to talk.\n\n", 12)
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		r.Flaws("A subject of the usual length", body, true, Text)
	}
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		if _, err := New(); err != nil {
			b.Fatal(err)
		}
	}
}
