package writer

import (
	"bytes"
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

var errPower = errors.New("the power is gone")

// A powerDisk loses power at its n-th operation. What survives is what was synced and, of the rest, any part: bytes
// behind the last Sync of a file, names changed since the last syncDir.
type powerDisk struct {
	system
	left    int
	files   map[string]*powerFile // by name, as the running system sees them
	durable map[string]*powerFile
	pending []func(map[string]*powerFile)
}

type powerFile struct {
	handle
	disk         *powerDisk
	data, synced []byte
}

// op does nothing any more once the power is gone.
func (d *powerDisk) op(do func() error) error {
	if d.left--; d.left < 0 {
		return errPower
	}
	return do()
}

func (d *powerDisk) names(change func(map[string]*powerFile)) {
	change(d.files)
	d.pending = append(d.pending, change)
}

func (d *powerDisk) create(path string) (handle, error) {
	f := &powerFile{disk: d}
	err := d.op(func() (err error) {
		f.handle, err = d.system.create(path)
		d.names(func(names map[string]*powerFile) { names[path] = f })
		return err
	})
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (d *powerDisk) rename(from, to string) error {
	return d.op(func() error {
		f := d.files[from]
		d.names(func(names map[string]*powerFile) { delete(names, from); names[to] = f })
		return d.system.rename(from, to)
	})
}

func (d *powerDisk) remove(path string) error {
	return d.op(func() error {
		d.names(func(names map[string]*powerFile) { delete(names, path) })
		return d.system.remove(path)
	})
}

func (d *powerDisk) syncDir(path string) error {
	return d.op(func() error {
		d.durable, d.pending = maps.Clone(d.files), nil
		return d.system.syncDir(path)
	})
}

func (f *powerFile) Write(p []byte) (n int, err error) {
	err = f.disk.op(func() error {
		n, err = f.handle.Write(p)
		f.data = append(f.data, p[:n]...)
		return err
	})
	return n, err
}

func (f *powerFile) Sync() error {
	return f.disk.op(func() error { f.synced = bytes.Clone(f.data); return f.handle.Sync() })
}

// after is what stands under a name when the power is back; nil for nothing.
func (d *powerDisk) after(random *rand.Rand, path string) []byte {
	names := maps.Clone(d.durable)
	for _, change := range d.pending {
		if random.IntN(2) == 0 {
			change(names)
		}
	}
	f := names[path]
	if f == nil {
		return nil
	}
	kept := bytes.Clone(f.data[:len(f.synced)+random.IntN(len(f.data)-len(f.synced)+1)])
	if lost := kept[len(f.synced):]; len(lost) > 0 && random.IntN(2) == 0 {
		clear(lost[:random.IntN(len(lost)+1)]) // the length came through, the page did not
	}
	return kept
}

// When the power goes at any operation, the output is the old file or the whole new one, and the new one once Publish
// has returned.
func TestPowerLoss(t *testing.T) {
	old := []byte("of an earlier run\n")
	for _, tt := range []struct {
		path string
		opt  Options
	}{
		{"o.csv", Options{Emails: 7}}, {"o.csv", Options{}}, {"o.tsv.gz", Options{}}, {"o.jsonl", Options{}}, {"o.csv", Options{Preset: "instantly"}},
	} {
		tt.opt.Columns = columns()
		rows := manyRows()
		whole := filepath.Join(t.TempDir(), tt.path)
		if err := attempt(whole, tt.opt, system{}, rows); err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(whole)
		if err != nil {
			t.Fatal(err)
		}
		for n := 0; ; n++ {
			path := filepath.Join(t.TempDir(), tt.path)
			if err := os.WriteFile(path, old, 0o600); err != nil {
				t.Fatal(err)
			}
			before := &powerFile{data: old, synced: old}
			d := &powerDisk{left: n, files: map[string]*powerFile{path: before}, durable: map[string]*powerFile{path: before}}
			err := attempt(path, tt.opt, d, rows)
			random := rand.New(rand.NewPCG(uint64(n), 1))
			for range 50 {
				got := d.after(random, path)
				if !bytes.Equal(got, want) && (err == nil || !bytes.Equal(got, old)) {
					t.Fatalf("%s %+v, power lost at operation %d (%v): %d bytes under the name, neither the old nor the new file", tt.path, tt.opt, n, err, len(got))
				}
			}
			if err == nil {
				break
			}
		}
	}
}
