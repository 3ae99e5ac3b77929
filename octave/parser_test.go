package octave

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func FuzzValid(f *testing.F) {
	for _, s := range []string{
		``, ` `, `{}`, `[]`, `null`, `nul`, `true`, `false`, `0`, `-0`, `01`, `-`, `1.`, `.5`, `1.5`, `1e5`, `1E+5`, `1e-`, `1e400`, `+1`,
		`"a"`, `"a`, `"\u00e9"`, `"\u00g9"`, `"\ud800"`, `"\x"`, "\"\n\"", "\"\xff\"", "\"\x00\"", `"\`, `"\u12`,
		`{"a":1}`, `{"a":1,}`, `{"a"}`, `{"a":}`, `{a:1}`, `{,}`, `[1,2]`, `[1,]`, `[,1]`, `[1 2]`, `{"a":1 "b":2}`, `{"a":1}}`, `[[]`,
		" \t\r\n{ \"a\" : [ 1 , { } ] } \n", "\ufeff{}", `{"a":1}x`, `tru`, `nulls`, "\v1",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if bytes.Count(b, []byte("["))+bytes.Count(b, []byte("{")) > maxDepth {
			t.Skip()
		}
		if got, want := valid(b), json.Valid(b); got != want {
			t.Errorf("valid(%q) = %v, json.Valid says %v", b, got, want)
		}
	})
}

func TestValidAtTheGreatestDepth(t *testing.T) {
	for n := maxDepth - 2; n < maxDepth+3; n++ {
		for _, pair := range [][2]string{{"[", "]"}, {`{"a":`, "}"}, {`[1,`, "]"}} {
			core := "1"
			if pair[0] == "[" {
				core = ""
			}
			b := []byte(strings.Repeat(pair[0], n) + core + strings.Repeat(pair[1], n))
			if got, want := valid(b), n <= maxDepth; got != want || !json.Valid(b) {
				t.Errorf("depth %d of %s: %v, json.Valid says %v", n, pair[0], got, json.Valid(b))
			}
		}
	}
	if valid([]byte(strings.Repeat("[", 8<<20))) {
		t.Error("eight million open brackets are valid")
	}
}

func TestKindsComeBackFromTheirWords(t *testing.T) {
	for k := CauseRequest; k <= CauseForgotten; k++ {
		if got := ParseCause(k.String()); got != k {
			t.Errorf("%q is read as %q", k, got)
		}
	}
	if got := ParseCause("unknown"); got != 0 {
		t.Errorf("an unknown cause is read as %q", got)
	}
}
