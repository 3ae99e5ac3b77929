package outputs

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"octave-enrich/checkpoint"
	"octave-enrich/cmd/octave-enrich/checkpoints"
	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/pipeline"
)

// An output may be replaced when it is not there, or was written from this checkpoint
// and not changed since, also not since it was last looked at.
func TestMayReplace(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out.csv")
	journal, err := checkpoint.Open(filepath.Join(dir, "c"), checkpoint.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer journal.Close()
	seen, o := Seen{}, &options.Options{}
	refused := func(journal *checkpoint.Journal) bool {
		err := seen.MayReplace(o, []string{path}, journal)
		if err != nil && exit.As(err).Code != exit.Output {
			t.Errorf("exit code %d", exit.As(err).Code)
		}
		return err != nil
	}
	write := func(text string, age time.Duration) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, time.Time{}, time.Now().Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	if refused(nil) || refused(journal) {
		t.Error("what is not there is refused")
	}
	write("rows", time.Hour)
	if !refused(nil) || !refused(journal) {
		t.Error("a file of somebody else is replaced")
	}
	sum, err := hashOf(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := checkpoints.Append(journal, "c", checkpoint.Output, pipeline.OutputBody{Path: path, SHA256: sum}); err != nil {
		t.Fatal(err)
	}
	if refused(journal) || !refused(nil) {
		t.Error("our own output is refused, or taken for ours without the checkpoint")
	}
	write("ROWS", time.Minute) // as long, but later
	if !refused(journal) {
		t.Error("an output that was edited since it was looked at is replaced")
	}
	write("rows", 0)
	if refused(journal) {
		t.Error("the same rows, written again, are refused")
	}
	path = dir
	if !refused(journal) || !refused(nil) {
		t.Error("a folder is replaced")
	}
	path, o.Output.Force = filepath.Join(dir, "out.csv"), true
	write("others", 0)
	if refused(journal) {
		t.Error("--force is not heard")
	}
}
