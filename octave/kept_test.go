package octave

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestDecodeKept reads an answer out of a record as Decode reads it alone, also one
// that is nested as deep as an answer may be, and gives the other members back as
// they are spelled, the last of two last.
func TestDecodeKept(t *testing.T) {
	deep := strings.Repeat("[", maxDepth-1) + strings.Repeat("]", maxDepth-1)
	for _, answer := range []string{
		`{"found":true,"_metadata":{"usage":1.50,"requestId":"r"},"data":{"emails":[{"subject":"s","email":"body"}]}}`,
		`{"found":false,"message":"nobody"}`,
		`{"found":false,"x":` + deep + `}`,
		`{"found":true,"data":{"emails":[]}}`,
		`"words"`, `null`,
	} {
		var took []string
		record := ` {"row": 7,"request":{"a": 1.0},"answer":{"found":false}, "answer" : ` + answer + ` ,"row":8}`
		kept, err := DecodeKept([]byte(record), func(name string, spelled json.RawMessage) error {
			took = append(took, name+"="+string(spelled))
			return nil
		})
		alone, wrong := Decode([]byte(answer))
		if (err == nil) != (wrong == nil) || err != nil && answer != "null" && err.Error() != wrong.Error() {
			t.Errorf("%.60s: %v, alone %v", answer, err, wrong)
			continue
		}
		if err == nil && (string(kept.Raw) != string(alone.Raw) || kept.Usage != alone.Usage || len(kept.Emails) != len(alone.Emails)) {
			t.Errorf("%.60s: %+v, alone %+v", answer, kept, alone)
		}
		if got := strings.Join(took, " "); got != `row=7 request={"a": 1.0} row=8` {
			t.Errorf("took %s", got)
		}
	}
	for _, broken := range []string{``, `[]`, `{"answer":{}`, `{"answer":{"found":false,"x":[` + deep + `]}}`} {
		if _, err := DecodeKept([]byte(broken), func(string, json.RawMessage) error { return nil }); err == nil {
			t.Errorf("%.40s is read", broken)
		}
	}
}
