package writer

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"octave-enrich/checkpoint/durable"
	"octave-enrich/checkpoint/durable/durabletest"
)

// attempt writes rows through d and returns the first error that any step reported.
func attempt(path string, opt Options, d durable.FS, rows []Row) error {
	f, err := create(path, opt, d)
	if err != nil {
		return err
	}
	defer f.Abort()
	for _, row := range rows {
		if err := f.Write(row); err != nil {
			return err
		}
	}
	if _, err := f.Finish(); err != nil {
		return err
	}
	return f.Publish()
}

// manyRows are more than fit into the buffers, so that writes fail in the middle too.
func manyRows() []Row {
	var rows []Row
	for i := range 100 {
		row := sample()[i%7]
		if row.Status == StatusOK {
			row.To.Email = fmt.Sprintf("p%d@example.com", i)
			row.Cells = []string{row.To.Email, string(bytes.Repeat([]byte("x"), 2000))}
		}
		rows = append(rows, row)
	}
	return rows
}

// Every failure of the disk is reported, and what stands under the name of the output is the old file or the whole new
// one. Each operation is failed in turn, until there was none left to fail.
func TestEveryFailureIsReported(t *testing.T) {
	tests := []struct {
		path string
		opt  Options
	}{
		{"o.csv", Options{}}, {"o.csv", Options{Emails: 3}}, {"o.tsv.gz", Options{}}, {"o.jsonl", Options{}},
		{"o.jsonl.zst", Options{}}, {"o.xlsx", Options{}}, {"o.csv", Options{Preset: "instantly", Rule: rule(t)}},
		{"-", Options{Format: "csv"}}, {"-", Options{Format: "jsonl.gz"}},
	}
	rows := manyRows()
	for _, tt := range tests {
		for _, how := range []durabletest.Failure{durabletest.DidNotHappen, durabletest.Happened, durabletest.InPart} {
			t.Run(fmt.Sprintf("%s %s%s failure %d", tt.path, tt.opt.Format, tt.opt.Preset, how), func(t *testing.T) {
				tt.opt.Columns = columns()
				failEach(t, tt.path, tt.opt, rows, how)
			})
		}
	}
}

func failEach(t *testing.T, name string, opt Options, rows []Row, how durabletest.Failure) {
	path, old := name, []byte("old")
	if path != "-" {
		path = "/" + name
	}
	disk := func() *durabletest.Disk {
		opt.Stdout = &bytes.Buffer{}
		if path == "-" {
			return durabletest.New()
		}
		return durabletest.With(path, old)
	}
	d := disk()
	if err := attempt(path, opt, d, rows); err != nil {
		t.Fatal(err)
	}
	whole, stdout := d.Data(path), opt.Stdout.(*bytes.Buffer).Bytes()
	for n := 1; ; n++ {
		d := disk()
		d.Fail(n, how)
		err := attempt(path, opt, d, rows)
		failed := d.Failed()
		switch {
		case failed == "" && (err != nil || n < 4):
			t.Fatalf("operation %d was not reached: %v", n, err)
		case failed == "":
			return
		case err == nil && strings.HasPrefix(failed, "close ") && path == "-":
			t.Fatalf("%q failed and the run says %v", failed, err)
		case err == nil:
			t.Fatalf("%q failed and nobody says so", failed)
		case !errors.Is(err, durabletest.ErrInjected):
			t.Fatalf("%q failed and the run says %v", failed, err)
		case path == "-":
			if got := opt.Stdout.(*bytes.Buffer).Bytes(); !bytes.HasPrefix(stdout, got) {
				t.Fatalf("%q failed and %d bytes went out that are not those of the output", failed, len(got))
			}
			continue
		}
		if strings.HasPrefix(failed, "write ") && d.Data(path+".partial.new") != nil {
			t.Fatalf("%q failed and left a second file", failed)
		}
		if got := d.Data(path); !bytes.Equal(got, old) && !bytes.Equal(got, whole) {
			t.Fatalf("%q failed and left an output of %d bytes, neither old nor whole", failed, len(got))
		}
	}
}

// A full disk stops the file for good: a later row must not make it look whole.
func TestErrorIsRemembered(t *testing.T) {
	d := durabletest.New()
	f, err := create("/o.csv", generic(), d)
	if err != nil {
		t.Fatal(err)
	}
	d.Fail(1, durabletest.DidNotHappen)
	defer f.Abort()
	for _, row := range manyRows() {
		if err = f.Write(row); err != nil {
			break
		}
	}
	if !errors.Is(err, durabletest.ErrInjected) {
		t.Fatalf("the full disk went unnoticed: %v", err)
	}
	if again := f.Write(sample()[0]); !errors.Is(again, durabletest.ErrInjected) {
		t.Errorf("the next row was taken: %v", again)
	}
	if _, err := f.Finish(); !errors.Is(err, durabletest.ErrInjected) {
		t.Errorf("Finish: %v", err)
	}
	if err := f.Publish(); !errors.Is(err, durabletest.ErrInjected) {
		t.Errorf("Publish: %v", err)
	}
}

// full is a standard output that nobody reads any more.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, durabletest.ErrInjected }

func TestStandardOutputFails(t *testing.T) {
	for _, format := range []string{"csv", "jsonl", "jsonl.gz", "xlsx"} {
		opt := Options{Columns: columns(), Format: format, Stdout: full{}, SpoolDir: t.TempDir()}
		if err := attempt("-", opt, durable.OS{}, sample()); !errors.Is(err, durabletest.ErrInjected) {
			t.Errorf("%s: %v", format, err)
		}
	}
}

func TestMissingDirectory(t *testing.T) {
	if _, err := Create(filepath.Join(t.TempDir(), "no", "o.csv"), generic()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

// A name is given to what is on the disk already: a power loss must not leave an empty file under it.
func TestDurableBeforeNamed(t *testing.T) {
	tests := []struct {
		opt  Options
		want []string
	}{
		{Options{Emails: 3}, []string{
			"create o.csv.partial", "write o.csv.partial", "sync o.csv.partial", "rename o.csv.partial o.csv", "sync directory",
		}},
		{Options{}, []string{
			"create o.csv.partial", "write o.csv.partial", "create o.csv.partial.new", "write o.csv.partial.new", "sync o.csv.partial.new",
			"rename o.csv.partial.new o.csv.partial", "rename o.csv.partial o.csv", "sync directory",
		}},
		{Options{Preset: "lemlist", Rule: rule(t)}, []string{
			"create o.csv.partial", "write o.csv.partial", "create o.csv.partial.new", "create o.held.csv.partial",
			"write o.held.csv.partial", "write o.csv.partial.new",
			"sync o.held.csv.partial", "sync o.csv.partial.new", "rename o.csv.partial.new o.csv.partial",
			"rename o.held.csv.partial o.held.csv", "sync directory", "rename o.csv.partial o.csv", "sync directory",
		}},
	}
	for _, tt := range tests {
		tt.opt.Columns = columns()
		d := durabletest.New()
		if err := attempt("/o.csv", tt.opt, d, sample()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, d.Calls()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.opt.Preset, diff)
		}
	}
}
