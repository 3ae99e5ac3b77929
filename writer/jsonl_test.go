package writer

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
)

// The bytes of the input object stay as they are spelled; only a line end inside it would break the format.
func TestObjectsStayVerbatim(t *testing.T) {
	const outcome = `{"status":"failed","error":"","request_id":"","usage":null,"emails":[],"playbook":null,"persona":null,"product":null,"output_type":null}`
	tests := []struct {
		name    string
		columns []string
		keep    []string
		row     Row
		want    string
	}{
		{"numbers and order", []string{"z", "a"}, nil, Row{Object: json.RawMessage(`{"z": 1.0e+2,"a":{"b":[0010e0,"\u00e9"]} }`)}, `{"z": 1.0e+2,"a":{"b":[0010e0,"\u00e9"]} ,"octave":` + outcome + `}`},
		{"duplicate keys", []string{"a"}, nil, Row{Object: json.RawMessage(`{"a":1,"a":2}`)}, `{"a":1,"a":2,"octave":` + outcome + `}`},
		{"empty", nil, nil, Row{Object: json.RawMessage(`{}`)}, `{"octave":` + outcome + `}`},
		{"over lines", []string{"a"}, nil, Row{Object: json.RawMessage("{\n  \"a\": 1.50\n}")}, `{"a":1.50,"octave":` + outcome + `}`},
		{"a space", nil, nil, Row{Object: json.RawMessage(` { } `)}, `{"octave":` + outcome + `}`},
		{"name taken", []string{"octave"}, nil, Row{Object: json.RawMessage(`{"octave":1}`)}, `{"octave":1,"octave_octave":` + outcome + `}`},
		{"both names taken", []string{"octave", "octave_octave"}, nil, Row{Object: json.RawMessage(`{"x":1}`)}, `{"x":1,"octave_octave_2":` + outcome + `}`},
		{"kept", []string{"a", "b", "c"}, []string{"c", "a"}, Row{Object: json.RawMessage(`{"c":1.0,"b":2,"a":{"x":1e2}}`)}, `{"a":{"x":1e2},"c":1.0,"octave":` + outcome + `}`},
		{"cells", []string{"a", "b"}, nil, Row{Cells: []string{"<&>"}}, `{"a":"<&>","b":"","octave":` + outcome + `}`},
		{"broken line", []string{"a"}, nil, Row{Raw: `{"a":`}, `{"octave":` + strings.TrimSuffix(outcome, "}") + `,"input":"{\"a\":"}}`},
		{"broken line of a file with a name", []string{"source"}, nil, Row{Object: json.RawMessage(`{"source":"x"}`), Raw: `{"a":`},
			`{"source":"x","octave":` + strings.TrimSuffix(outcome, "}") + `,"input":"{\"a\":"}}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "o.jsonl")
			tt.row.Status = StatusFailed
			finish(t, path, Options{Columns: tt.columns, Keep: tt.keep}, []Row{tt.row})
			if got := string(read(t, path)); got != tt.want+"\n" {
				t.Errorf("\n got %s\nwant %s", got, tt.want)
			}
		})
	}
}

// An odd answer is written as well as can be: the run has paid for it.
func TestOddAnswers(t *testing.T) {
	tests := []struct{ usage, want string }{
		{"", `null`}, {"1e400", `1e400`}, {"0.10", `0.10`}, {"1,5", `"1,5"`},
	}
	for _, tt := range tests {
		path := filepath.Join(t.TempDir(), "o.jsonl")
		finish(t, path, Options{}, []Row{{
			Usage: tt.usage, OutputType: json.RawMessage{}, Playbook: Entity{Raw: json.RawMessage{}},
			Emails: []Email{{Sections: json.RawMessage{}}},
		}})
		var line struct {
			Octave struct{ Usage json.RawMessage }
		}
		if err := json.Unmarshal(read(t, path), &line); err != nil || string(line.Octave.Usage) != tt.want {
			t.Errorf("usage %q is written as %s (%v), want %s", tt.usage, line.Octave.Usage, err, tt.want)
		}
	}
}

func TestObjectThatIsNone(t *testing.T) {
	for _, object := range []string{`[1]`, `{`, `"x"`} {
		f := mustCreate(t, filepath.Join(t.TempDir(), "o.jsonl"), Options{})
		if err := f.Write(Row{Object: json.RawMessage(object)}); err == nil {
			t.Errorf("%s was written", object)
		}
	}
}
