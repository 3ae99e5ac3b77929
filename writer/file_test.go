package writer

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func generic() Options { return Options{Columns: columns()} }

func mustCreate(t *testing.T, path string, opt Options) *File {
	t.Helper()
	f, err := Create(path, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Abort() })
	return f
}

func mustWrite(t *testing.T, f *File, rows ...Row) {
	t.Helper()
	for _, row := range rows {
		if err := f.Write(row); err != nil {
			t.Fatal(err)
		}
	}
}

func absent(t *testing.T, path string) {
	t.Helper()
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is there (%v)", filepath.Base(path), err)
	}
}

// The output has its own name only when it is whole; until then what is there stays.
func TestAppearsWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "päople list.csv")
	if err := os.WriteFile(path, []byte("before"), 0o644); err != nil {
		t.Fatal(err)
	}
	f := mustCreate(t, path, generic())
	mustWrite(t, f, sample()...)
	if err := f.Publish(); err == nil {
		t.Error("an unfinished file was published")
	}
	out, err := f.Finish()
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Write(Row{}); err == nil {
		t.Error("a finished file took a row")
	}
	if got := read(t, path); string(got) != "before" {
		t.Errorf("before Publish the output is %q", got)
	}
	whole := read(t, path+".partial")
	if err := f.Publish(); err != nil {
		t.Fatal(err)
	}
	if got := read(t, path); !bytes.Equal(got, whole) || out.Bytes != int64(len(got)) || out.Path != path {
		t.Errorf("published %d bytes at %s, finished %d", len(got), out.Path, len(whole))
	}
	absent(t, path+".partial")
	absent(t, path+".partial.new")
}

// Every new file that holds personal data belongs to its owner alone, also the rows so far of one that others may read:
// that stays as open as its owner made it.
func TestOwnerAlone(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are no permission bits")
	}
	path := filepath.Join(t.TempDir(), "o.csv")
	mode := func(name string, want fs.FileMode) {
		t.Helper()
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v, want %v", name, info.Mode(), err, want)
		}
	}
	opt := generic()
	opt.Preset, opt.Rule = "smartlead", rule(t)
	for _, old := range []string{path + ".partial", HeldPath(path) + ".partial"} {
		if err := os.WriteFile(old, nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	finish(t, path, opt, sample())
	mode(path, 0o600)
	mode(HeldPath(path), 0o600)
	if err := errors.Join(os.Chmod(path, 0o644), os.Chmod(HeldPath(path), 0o640)); err != nil {
		t.Fatal(err)
	}
	f := mustCreate(t, path, opt)
	mode(path+".partial", 0o600)
	mustWrite(t, f, sample()...)
	if _, err := f.Finish(); err != nil {
		t.Fatal(err)
	}
	if err := f.Publish(); err != nil {
		t.Fatal(err)
	}
	mode(path, 0o644)
	mode(HeldPath(path), 0o640)
}

// What an earlier run left as PATH.partial may be a link that somebody laid.
func TestPartialIsNotFollowed(t *testing.T) {
	dir := t.TempDir()
	victim, path := filepath.Join(dir, "victim"), filepath.Join(dir, "o.csv")
	if err := os.WriteFile(victim, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(victim, path+".partial"); err != nil {
		t.Skip(err)
	}
	finish(t, path, generic(), sample())
	if got := read(t, victim); string(got) != "precious" {
		t.Errorf("the file behind the link is now %q", got)
	}
}

// A link to the output stays a link, whether or not its target is there.
func TestOutputBehindLink(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "real"), 0o700); err != nil {
		t.Fatal(err)
	}
	path, real := filepath.Join(dir, "o.csv"), filepath.Join(dir, "real", "o.csv")
	if err := os.Symlink(filepath.Join("real", "o.csv"), path); err != nil {
		t.Skip(err)
	}
	for range 2 { // dangling, then not
		finish(t, path, generic(), sample())
		if info, err := os.Lstat(path); err != nil || info.Mode()&fs.ModeSymlink == 0 {
			t.Fatalf("the link is gone: %v %v", info.Mode(), err)
		}
		if info, err := os.Lstat(real); err != nil || !info.Mode().IsRegular() {
			t.Fatalf("the file behind the link: %v", err)
		}
	}
}

// A rename would put a file where a device or a directory is.
func TestRefusesWhatIsNoFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dir.csv")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, os.DevNull} {
		opt := generic()
		opt.Format = "csv"
		var refused *OptionsError
		if _, err := Create(path, opt); !errors.As(err, &refused) {
			t.Errorf("%s: %v, want a refusal", path, err)
		}
		absent(t, path+".partial")
	}
}

func TestAbortLeavesPartial(t *testing.T) {
	path := filepath.Join(t.TempDir(), "o.csv")
	f := mustCreate(t, path, generic())
	mustWrite(t, f, sample()[2])
	if err := f.Abort(); err != nil {
		t.Fatal(err)
	}
	if got := read(t, path+".partial"); !bytes.Contains(got, []byte("cy@example.com")) {
		t.Errorf("the row is not there: %q", got)
	}
	absent(t, path)
	if err := f.Abort(); err != nil {
		t.Errorf("a second time: %v", err)
	}
	if _, err := f.Finish(); err == nil {
		t.Error("a file that was given up was finished")
	}
}

// What a killed run left behind is personal data that nobody would look for.
func TestCreateTakesLeftoversAway(t *testing.T) {
	path := filepath.Join(t.TempDir(), "o.csv")
	opt := generic()
	opt.Preset, opt.Rule = "lemlist", rule(t)
	left := []string{path + ".partial.new", HeldPath(path) + ".partial"}
	for _, name := range left {
		if err := os.WriteFile(name, []byte("old"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	mustCreate(t, path, opt)
	for _, name := range left {
		absent(t, name)
	}
}

// Somebody who watches PATH.partial sees a row soon, however slowly they come.
func TestRowsCanBeWatched(t *testing.T) {
	path := filepath.Join(t.TempDir(), "o.csv")
	synctest.Test(t, func(t *testing.T) {
		f := mustCreate(t, path, generic())
		mustWrite(t, f, sample()[0])
		time.Sleep(flushEvery)
		mustWrite(t, f, sample()[2])
		if got := read(t, path+".partial"); !bytes.Contains(got, []byte("cy@example.com")) {
			t.Errorf("after %v only %q is there", flushEvery, got)
		}
	})
}

func TestStandardOutput(t *testing.T) {
	dir := t.TempDir()
	var stdout bytes.Buffer
	opt := Options{Columns: columns(), Stdout: &stdout, SpoolDir: dir, Format: "csv"}
	f := mustCreate(t, "-", opt)
	mustWrite(t, f, sample()...)
	if entries, err := os.ReadDir(dir); runtime.GOOS != "windows" && (len(entries) > 0 || err != nil) {
		t.Errorf("the spool has a name: %v %v", entries, err)
	}
	if _, err := f.Finish(); err != nil || stdout.Len() > 0 {
		t.Fatalf("%d bytes before Publish, %v", stdout.Len(), err)
	}
	if err := f.Publish(); err != nil {
		t.Fatal(err)
	}
	golden(t, "stdout.csv", stdout.Bytes())
}

// JSON lines need no header, so a pipe gets them as they come.
func TestStandardOutputStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var stdout bytes.Buffer
		f := mustCreate(t, "-", Options{Columns: columns(), Stdout: &stdout, Format: "jsonl"})
		time.Sleep(flushEvery)
		mustWrite(t, f, sample()[0])
		if n := strings.Count(stdout.String(), "\n"); n != 1 {
			t.Errorf("%d lines after the first row", n)
		}
		mustWrite(t, f, sample()[1])
		if err := f.Abort(); err != nil || strings.Count(stdout.String(), "\n") != 2 {
			t.Errorf("given up with %q, %v", stdout.String(), err)
		}
	})
}

func TestOptionsAreChecked(t *testing.T) {
	var stdout bytes.Buffer
	tests := []struct {
		name, path string
		opt        Options
		want       string
	}{
		{"unknown name", "o.txt", Options{}, "o.txt does not say"},
		{"no name", "output", Options{}, "does not say"},
		{"packed workbook", "o.xlsx.gz", Options{}, "does not say"},
		{"unknown format", "o.csv", Options{Format: "xml"}, "xml is not one of"},
		{"unknown preset", "o.csv", Options{Preset: "mailmerge"}, "no preset \"mailmerge\""},
		{"unknown column", "o.csv", Options{Columns: []string{"a"}, Keep: []string{"b"}}, `"b" to keep`},
		{"preset without a rule", "o.csv", Options{Preset: "lemlist"}, "needs a rule"},
		{"preset as JSON", "o.jsonl", Options{Preset: "lemlist", Rule: rule(t)}, "is a table"},
		{"preset in excel", "o.csv", Options{Preset: "lemlist", Rule: rule(t), Excel: true}, "never escaped"},
		{"JSON in excel", "o.jsonl", Options{Excel: true}, "not for spreadsheets"},
		{"preset on standard output", "-", Options{Preset: "lemlist", Stdout: &stdout}, "second file"},
		{"no standard output", "-", Options{}, "no standard output"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			path := tt.path
			if path != "-" {
				path = filepath.Join(dir, path)
			}
			var refused *OptionsError
			if _, err := Create(path, tt.opt); !errors.As(err, &refused) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
			if entries, _ := os.ReadDir(dir); len(entries) > 0 {
				t.Errorf("a file was made: %v", entries)
			}
		})
	}
}

func TestFormatOfName(t *testing.T) {
	tests := map[string]format{
		"a.csv": {"csv", ""}, "a.b.TSV": {"tsv", ""}, "a.ndjson": {"jsonl", ""}, "a.jsonl.zst": {"jsonl", "zst"},
		"a.CSV.GZ": {"csv", "gz"}, "dir.csv/a.xlsx": {"xlsx", ""}, "-": {"csv", ""},
	}
	for name, want := range tests {
		if got, err := formatOf(name, ""); got != want || err != nil {
			t.Errorf("%s: %v, %v, want %v", name, got, err, want)
		}
	}
}

func TestHeldPath(t *testing.T) {
	tests := map[string]string{
		"people.csv": "people.held.csv", "a/b.c.xlsx": "a/b.c.held.csv", "people.tsv.gz": "people.held.csv", "people": "people.held.csv",
	}
	for path, want := range tests {
		if got := HeldPath(path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

func TestTooManyCells(t *testing.T) {
	f := mustCreate(t, filepath.Join(t.TempDir(), "o.csv"), Options{Columns: []string{"a"}})
	mustWrite(t, f, Row{Cells: []string{"1"}})
	if err := f.Write(Row{Cells: []string{"1", "2"}}); err == nil || !strings.Contains(err.Error(), "row 2") {
		t.Errorf("%v, want row 2 named: a cell would have gone missing", err)
	}
}

// A spreadsheet evaluates what starts with one of these, in the header too.
func TestDefuse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "o.csv")
	out := finish(t, path, Options{Columns: []string{"=a"}, Excel: true}, []Row{
		{Cells: []string{"=1"}}, {Cells: []string{"+1"}}, {Cells: []string{"-1"}}, {Cells: []string{"@a"}},
		{Cells: []string{"\t=1"}}, {Cells: []string{"\r=1"}}, {Cells: []string{"a=1"}}, {Cells: []string{"'=1"}},
	})
	want := []string{"\ufeff'=a", "'=1", "'+1", "'-1", "'@a", "'\t=1", `"'` + "\r" + `=1"`, "a=1", "'=1"}
	for i, line := range strings.Split(strings.TrimSpace(string(read(t, path))), "\n") {
		if cell, _, _ := strings.Cut(line, ","); cell != want[i] {
			t.Errorf("line %d starts with %q, want %q", i+1, cell, want[i])
		}
	}
	if out.Columns[0] != "=a" {
		t.Errorf("the first column is called %q", out.Columns[0])
	}
}

// TestHeaderAsItWas repeats blank names and the same name twice as the input has them.
func TestHeaderAsItWas(t *testing.T) {
	path := filepath.Join(t.TempDir(), "o.csv")
	finish(t, path, Options{Columns: []string{"Email", "column_2", "Email (2)"}, Header: []string{"Email", "", "Email"}, Emails: 1}, nil)
	if got := string(read(t, path)); !strings.HasPrefix(got, "Email,,Email,octave_status,") {
		t.Errorf("%q", got)
	}
}
