package writer

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Another run took the name of the rows so far, or somebody removed them: what stands there is not published, and what
// was published before stays.
func TestNameTakenByAnother(t *testing.T) {
	replace := func(path string) error {
		_, err := Create(strings.TrimSuffix(path, ".partial"), Options{Columns: columns()})
		return err
	}
	grow := func(path string) error { return os.WriteFile(path, []byte("half a row"), 0o600) }
	for _, tt := range []struct {
		name     string
		opt      Options
		finished bool // before it is taken
		take     func(path string) error
		want     string
	}{
		{"replaced", Options{Emails: 9}, false, replace, "replaced"},
		{"replaced, and wider", Options{Emails: 1}, false, replace, "replaced"},
		{"replaced when finished", Options{Emails: 1}, true, replace, "replaced"},
		{"the same number, another content", Options{Emails: 9}, true, grow, "replaced"},
		{"removed", Options{Emails: 9}, false, os.Remove, "taken away"},
		{"removed, and wider", Options{Emails: 1}, false, os.Remove, "taken away"},
		{"compressed", Options{Emails: 9, Format: "csv.gz"}, false, replace, "replaced"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "o.csv")
			if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
				t.Fatal(err)
			}
			tt.opt.Columns = columns()
			f, err := Create(path, tt.opt)
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range sample() {
				if err := f.Write(row); err != nil {
					t.Fatal(err)
				}
			}
			if tt.finished {
				_, err = f.Finish()
			}
			if taken := tt.take(path + ".partial"); err != nil || taken != nil {
				t.Fatal(err, taken)
			}
			if !tt.finished {
				_, err = f.Finish()
			}
			if err == nil {
				err = f.Publish()
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
			if text, err := os.ReadFile(path); string(text) != "old" {
				t.Errorf("the output is %.20q, %v", text, err)
			}
		})
	}
}
