package paths

import (
	"os"
	"path/filepath"
	"testing"

	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/options"
)

// No two files of a command are one, by whatever name, when it writes one of them.
func TestCheck(t *testing.T) {
	dir := t.TempDir()
	list := filepath.Join(dir, "people.csv")
	if err := os.WriteFile(list, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(list, filepath.Join(dir, "link.csv")); err != nil {
		t.Skip(err)
	}
	for _, tt := range []struct {
		name, output, checkpoint, summary, mapFile string
		clash                                      bool
	}{
		{"each its own", "out.csv", "out.csv.checkpoint", "s.json", "m.yaml", false},
		{"the list as output", "people.csv", "c", "", "", true},
		{"the list by another name", "link.csv", "c", "", "", true},
		{"one for rows and answers", "out.csv", "out.csv", "", "", true},
		{"the summary over the list", "out.csv", "c", "people.csv", "", true},
		{"the draft of the summary", "out.csv", "s.json.partial", "s.json", "", false},
		{"the mapping file as summary", "out.csv", "c", "m.yaml", "m.yaml", true},
		{"a list that is its own mapping file is read alone", "out.csv", "c", "", "people.csv", false},
	} {
		at := func(name string) string {
			if name == "" {
				return ""
			}
			return filepath.Join(dir, name)
		}
		o := &options.Options{Output: options.Output{Preset: "generic"}}
		o.Teller.Summary, o.List.MapFile = at(tt.summary), at(tt.mapFile)
		err := Of(o, []string{list}, options.Places{Output: at(tt.output), Checkpoint: at(tt.checkpoint)}).Check()
		if (err != nil) != tt.clash || err != nil && exit.As(err).Code != exit.Usage {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestFolders(t *testing.T) {
	files := &List{}
	files.Replaces("--summary", filepath.Join(t.TempDir(), "gone", "s.json"))
	if e := exit.As(files.Folders()); e == nil || e.Code != exit.Output {
		t.Errorf("a folder that is not there: %v", e)
	}
	files = &List{}
	files.reads("--config", filepath.Join(t.TempDir(), "gone", "c.yaml"))
	if err := files.Folders(); err != nil {
		t.Errorf("of a file that is read: %v", err)
	}
}

func TestIsOutput(t *testing.T) {
	generic := []string{"email", "octave_status", "octave_error", "octave_request_id", "octave_usage", "octave_email_count"}
	if !isOutput(generic) || isOutput(generic[:5]) || isOutput([]string{"email", "octave_status", "octave_error"}) {
		t.Error("an output is not known by its columns, or rows held back are taken for one")
	}
}
