package writer

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var errDisk = errors.New("injected")

// A faultyDisk fails its n-th operation, having done it or not.
type faultyDisk struct {
	system
	left int // operations until the failure
	done bool

	wrote bool // it was a write that failed
}

func (d *faultyDisk) op(do func() error) error {
	d.left--
	if d.left != 0 {
		return do()
	}
	if d.done {
		do()
	}
	return errDisk
}

func (d *faultyDisk) open(do func() (handle, error)) (h handle, err error) {
	if err = d.op(func() error { h, err = do(); return err }); err != nil {
		if h != nil {
			h.Close()
		}
		return nil, err
	}
	return &faultyHandle{h, d}, nil
}

func (d *faultyDisk) create(path string) (handle, error) {
	return d.open(func() (handle, error) { return d.system.create(path) })
}

func (d *faultyDisk) temp(dir string) (handle, error) {
	return d.open(func() (handle, error) { return d.system.temp(dir) })
}

func (d *faultyDisk) rename(from, to string) error {
	return d.op(func() error { return d.system.rename(from, to) })
}

func (d *faultyDisk) remove(path string) error {
	return d.op(func() error { return d.system.remove(path) })
}

func (d *faultyDisk) syncDir(path string) error {
	return d.op(func() error { return d.system.syncDir(path) })
}

type faultyHandle struct {
	handle
	disk *faultyDisk
}

func (h *faultyHandle) Write(p []byte) (n int, err error) {
	h.disk.wrote = h.disk.wrote || h.disk.left == 1
	err = h.disk.op(func() error { n, err = h.handle.Write(p); return err })
	return n, err
}

func (h *faultyHandle) Read(p []byte) (n int, err error) {
	err = h.disk.op(func() error { n, err = h.handle.Read(p); return err })
	return n, err
}

func (h *faultyHandle) Seek(offset int64, whence int) (n int64, err error) {
	err = h.disk.op(func() error { n, err = h.handle.Seek(offset, whence); return err })
	return n, err
}

func (h *faultyHandle) Sync() error { return h.disk.op(h.handle.Sync) }

func (h *faultyHandle) Close() error {
	defer h.handle.Close() // whatever is reported, the test must not run out of files
	return h.disk.op(h.handle.Close)
}

// attempt writes rows through d and returns the first error that any step reported.
func attempt(path string, opt Options, d disk, rows []Row) error {
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
		{"o.jsonl.zst", Options{}}, {"o.xlsx", Options{}}, {"o.csv", Options{Preset: "instantly"}},
		{"-", Options{Format: "csv"}}, {"-", Options{Format: "jsonl.gz"}},
	}
	rows := manyRows()
	for _, tt := range tests {
		for _, done := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s %s%s done=%t", tt.path, tt.opt.Format, tt.opt.Preset, done), func(t *testing.T) {
				tt.opt.Columns = columns()
				failEach(t, tt.path, tt.opt, rows, done)
			})
		}
	}
}

func failEach(t *testing.T, path string, opt Options, rows []Row, done bool) {
	dir := t.TempDir()
	var stdout bytes.Buffer
	opt.Stdout, opt.SpoolDir = &stdout, dir
	whole := []byte(nil)
	if path != "-" {
		path = filepath.Join(dir, path)
		finish(t, path, opt, rows)
		whole = read(t, path)
	}
	for n := 1; ; n++ {
		old := []byte("old")
		if path != "-" {
			if err := os.WriteFile(path, old, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		d := &faultyDisk{left: n, done: done}
		err := attempt(path, opt, d, rows)
		if d.left > 0 {
			if err != nil || n < 4 {
				t.Fatalf("operation %d was not reached: %v", n, err)
			}
			return
		}
		if !errors.Is(err, errDisk) {
			t.Fatalf("operation %d failed and the run says %v", n, err)
		}
		if path == "-" {
			continue
		}
		if d.wrote {
			absent(t, path+".partial.new")
		}
		if got := read(t, path); !bytes.Equal(got, old) && !bytes.Equal(got, whole) {
			t.Fatalf("operation %d failed and left an output of %d bytes, neither old nor whole", n, len(got))
		}
	}
}

// A full disk stops the file for good: a later row must not make it look whole.
func TestErrorIsRemembered(t *testing.T) {
	d := &faultyDisk{left: 3} // two to create, then the first write
	f, err := create(filepath.Join(t.TempDir(), "o.csv"), generic(), d)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Abort()
	for _, row := range manyRows() {
		if err = f.Write(row); err != nil {
			break
		}
	}
	if !errors.Is(err, errDisk) {
		t.Fatalf("the full disk went unnoticed: %v", err)
	}
	if again := f.Write(sample()[0]); !errors.Is(again, errDisk) {
		t.Errorf("the next row was taken: %v", again)
	}
	if _, err := f.Finish(); !errors.Is(err, errDisk) {
		t.Errorf("Finish: %v", err)
	}
	if err := f.Publish(); !errors.Is(err, errDisk) {
		t.Errorf("Publish: %v", err)
	}
}

// full is a standard output that nobody reads any more.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errDisk }

func TestStandardOutputFails(t *testing.T) {
	for _, format := range []string{"csv", "jsonl", "jsonl.gz", "xlsx"} {
		opt := Options{Columns: columns(), Format: format, Stdout: full{}, SpoolDir: t.TempDir()}
		if err := attempt("-", opt, system{}, sample()); !errors.Is(err, errDisk) {
			t.Errorf("%s: %v", format, err)
		}
	}
}

func TestMissingDirectory(t *testing.T) {
	if _, err := Create(filepath.Join(t.TempDir(), "no", "o.csv"), generic()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

// A ledger records what is done to the disk, except reading and the size of what is written.
type ledger struct {
	system
	log []string
}

func (d *ledger) note(words ...string) {
	entry := strings.Join(words, " ")
	if n := len(d.log); n == 0 || d.log[n-1] != entry {
		d.log = append(d.log, entry)
	}
}

func (d *ledger) create(path string) (handle, error) {
	h, err := d.system.create(path)
	return &notedHandle{h, d, filepath.Base(path)}, err
}

func (d *ledger) rename(from, to string) error {
	d.note("rename", filepath.Base(from), filepath.Base(to))
	return d.system.rename(from, to)
}

func (d *ledger) syncDir(path string) error {
	d.note("sync directory")
	return d.system.syncDir(path)
}

type notedHandle struct {
	handle
	disk *ledger
	name string
}

func (h *notedHandle) Write(p []byte) (int, error) {
	h.disk.note("write", h.name)
	return h.handle.Write(p)
}

func (h *notedHandle) Sync() error {
	h.disk.note("sync", h.name)
	return h.handle.Sync()
}

// A name is given to what is on the disk already: a power loss must not leave an empty file under it.
func TestDurableBeforeNamed(t *testing.T) {
	tests := []struct {
		opt  Options
		want []string
	}{
		{Options{Emails: 3}, []string{
			"write o.csv.partial", "sync o.csv.partial", "rename o.csv.partial o.csv", "sync directory",
		}},
		{Options{}, []string{
			"write o.csv.partial", "write o.csv.partial.new", "sync o.csv.partial.new",
			"rename o.csv.partial.new o.csv.partial", "rename o.csv.partial o.csv", "sync directory",
		}},
		{Options{Preset: "lemlist"}, []string{
			"write o.csv.partial", "write o.held.csv.partial", "write o.csv.partial.new",
			"sync o.held.csv.partial", "sync o.csv.partial.new", "rename o.csv.partial.new o.csv.partial",
			"rename o.held.csv.partial o.held.csv", "sync directory", "rename o.csv.partial o.csv", "sync directory",
		}},
	}
	for _, tt := range tests {
		tt.opt.Columns = columns()
		d := &ledger{}
		if err := attempt(filepath.Join(t.TempDir(), "o.csv"), tt.opt, d, sample()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, d.log); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.opt.Preset, diff)
		}
	}
}
