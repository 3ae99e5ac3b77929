package main

import "testing"

func TestNearest(t *testing.T) {
	names := []string{"run", "plan", "inspect", "concurrency", "max-calls", "max-usage", "rate"}
	for word, want := range map[string]string{
		"rnu": "run", "paln": "plan", "Inspct": "inspect", "concurency": "concurrency", "max-cals": "max-calls",
		"maxcalls": "max-calls", "rat": "rate", "run": "run", "xyz": "", "": "", "q": "",
	} {
		if got := nearest(word, names); got != want {
			t.Errorf("%q: %q, want %q", word, got, want)
		}
	}
}

func TestEditDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"kitten", "sitting", 3}, {"ab", "ba", 1}, {"abcd", "acbd", 1}, {"rate", "tare", 2}} {
		if got := editDistance(c.a, c.b); got != c.want || editDistance(c.b, c.a) != got {
			t.Errorf("%s %s: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
