package telling

import (
	"path/filepath"
	"testing"

	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/options"
)

// What could not be told at the end of a run is refused before it begins.
func TestCheck(t *testing.T) {
	dir := t.TempDir()
	for _, tt := range []struct {
		name   string
		teller options.Teller
		output string
		want   int
	}{
		{"nobody", options.Teller{}, "-", exit.OK},
		{"a file", options.Teller{Summary: filepath.Join(dir, "s.json")}, "-", exit.OK},
		{"standard output, rows elsewhere", options.Teller{Summary: "-"}, "out.csv", exit.OK},
		{"standard output, as the rows", options.Teller{Summary: "-"}, "-", exit.Usage},
		{"no such folder", options.Teller{MetricsFile: filepath.Join(dir, "gone", "m.prom")}, "out.csv", exit.Output},
		{"a ping", options.Teller{PingURL: "https://hc.example/abc"}, "out.csv", exit.OK},
		{"a ping to nowhere", options.Teller{PingURL: "hc.example/abc"}, "out.csv", exit.Usage},
		{"an address", options.Teller{MetricsAddr: "9090"}, "out.csv", exit.OK},
		{"no address", options.Teller{MetricsAddr: "a:b:c"}, "out.csv", exit.Usage},
	} {
		got := exit.OK
		if e := exit.As(Check(tt.teller, tt.output)); e != nil {
			got = e.Code
		}
		if got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
}
