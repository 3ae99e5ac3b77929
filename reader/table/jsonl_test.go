package table

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
)

// FuzzJSONL holds the taking apart of objects to encoding/json, and every line
// to be one record.
func FuzzJSONL(f *testing.F) {
	for _, text := range []string{`{"a":1}`, `{"a":{"b":[1,"}"]},"c":"\"\\"}`, `{"":null, "x" : -0.0e-1 }`, "{}\n[]\n{", `{"a":"\ud800"}`, "{\"a\":\"\xff\"}", `{"é":"é","a":"b","a":"c"}`, "\n\r\n 1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		j := &jsonRecords{in: bufio.NewReaderSize(strings.NewReader(text), 16), keys: map[string]int{}}
		lines := 0
		for {
			r, err := j.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			lines++
			if (r.Problem == "") != (r.Object != nil) || (r.Problem != "") != (r.Raw != "") {
				t.Fatalf("%q: neither object nor problem", text)
			}
			if r.Object != nil {
				sameAsJSON(t, r, j)
			}
		}
		want := 0
		for line := range strings.Lines(text) {
			if strings.TrimSpace(line) != "" && len(bytes.TrimSpace([]byte(line))) > 0 {
				want++
			}
		}
		if lines != want {
			t.Fatalf("%q: %d records of %d lines", text, lines, want)
		}
	})
}

func sameAsJSON(t *testing.T, r Record, j *jsonRecords) {
	t.Helper()
	var object map[string]json.RawMessage
	if err := json.Unmarshal(r.Object, &object); err != nil {
		t.Fatal(err)
	}
	for key, value := range object {
		i, ok := j.keys[key]
		if !ok {
			if strings.ContainsRune(key, '\ufffd') {
				continue // encoding/json mends what is not UTF-8; here it stays
			}
			t.Fatalf("%s: no key %q", r.Object, key)
		}
		var s string
		if err := json.Unmarshal(value, &s); err == nil && !bytes.Equal(value, []byte("null")) {
			if r.Cells[i] != s && !strings.ContainsRune(s, '\ufffd') {
				t.Fatalf("%s: %q is %q, want %q", r.Object, key, r.Cells[i], s)
			}
			continue
		}
		if want := strings.TrimPrefix(string(value), "null"); r.Cells[i] != want {
			t.Fatalf("%s: %q is %q, want %q", r.Object, key, r.Cells[i], want)
		}
	}
}
