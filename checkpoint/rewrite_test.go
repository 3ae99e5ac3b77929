package checkpoint

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"octave-enrich/checkpoint/durable/durabletest"
	"time"
)

func TestRewrite(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "list.checkpoint"), filepath.Join(dir, "link")
	opt := testOptions(nil)
	j := open(t, path, opt)
	earlier := testTime.Add(-time.Hour)
	must(t, j.Append(Record{Type: Run, At: earlier, Body: []byte(`{"run":1}`)}))
	for i := 1; i <= 3; i++ {
		must(t, j.Append(Record{Type: Answered, Key: key(i), At: earlier, Body: []byte(`"ann@example.com"`)}))
	}
	must(t, j.Close())
	if err := os.Symlink("list.checkpoint", link); err != nil {
		t.Skip(err)
	}
	opt.Now = func() time.Time { return testTime.Add(time.Hour) }
	stats, err := Rewrite(link, opt, func(rec Record) (Record, bool) {
		if rec.Key == key(3) {
			rec.Body = []byte(`{"erased": true}`)
		}
		return rec, rec.Key != key(2)
	})
	must(t, err)
	report := verified(t, path, nil)
	if stats.Kept != 3 || stats.Dropped != 1 || stats.After != report.Bytes || stats.Before <= stats.After || !report.Closed {
		t.Errorf("stats = %+v, report = %+v", stats, report)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the symbolic link is gone: %v", err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 2 {
		t.Errorf("left in the directory: %v", entries)
	}
	j = open(t, path, testOptions(nil))
	defer j.Close()
	one, ok1, _ := j.Answer(key(1))
	_, ok2, _ := j.Answer(key(2))
	three, ok3, _ := j.Answer(key(3))
	if !ok1 || ok2 || !ok3 || !one.At.Equal(earlier) || string(one.Body) != `"ann@example.com"` || string(three.Body) != `{"erased":true}` {
		t.Errorf("answers: %v %v %v, %+v, %s", ok1, ok2, ok3, one, three.Body)
	}
	if h := j.Header(); !h.Created.Equal(testTime) || h.Service != "sandbox" || len(j.RunRecords()) != 1 {
		t.Errorf("header = %+v, run = %v", h, j.RunRecords())
	}
	// One byte flipped anywhere before its last record is damage from the start.
	data, _ := os.ReadFile(path)
	data[bytes.LastIndexByte(data[:len(data)-1], '\n')-5] ^= 1
	if _, err := Open(diskPath, testOptions(durabletest.With(diskPath, data))); !errors.As(err, new(*DamageError)) {
		t.Errorf("flip in a rewritten file: %v", err)
	}
}

func TestRewriteThatCannot(t *testing.T) {
	all := func(rec Record) (Record, bool) { return rec, true }
	d := durabletest.New()
	if _, err := Rewrite(diskPath, testOptions(d), all); !errors.Is(err, os.ErrNotExist) || d.Data(diskPath) != nil {
		t.Errorf("of a file that is not there: %v", err)
	}
	j := open(t, diskPath, testOptions(d))
	must(t, j.Append(answer(1, "1")))
	if _, err := Rewrite(diskPath, testOptions(d), all); !errors.Is(err, ErrLocked) {
		t.Errorf("during a run: %v", err)
	}
	must(t, j.Close())
	before := d.Data(diskPath)
	_, err := Rewrite(diskPath, testOptions(d), func(rec Record) (Record, bool) {
		rec.Body = []byte("{")
		return rec, true
	})
	if !errors.Is(err, ErrRecord) || !bytes.Equal(d.Data(diskPath), before) || d.Data(scratchName(diskPath)) != nil {
		t.Errorf("with a body that is no JSON: %v", err)
	}
	goesOn(t, open(t, diskPath, testOptions(d)), d)
}

// The calls of a rewrite, in order: the journal is opened and made durable as ever,
// then replaced, and what it was to its owner it stays.
func TestRewriteCalls(t *testing.T) {
	d := durabletest.New()
	j := open(t, diskPath, testOptions(d))
	must(t, j.Append(answer(1, "1")))
	must(t, j.Close())
	d.Put(diskPath, d.Data(diskPath), 0o640)
	d.Calls()
	_, err := Rewrite(diskPath, testOptions(d), func(rec Record) (Record, bool) { return rec, true })
	must(t, err)
	want := []string{
		"open list.checkpoint", "lock list.checkpoint", "write list.checkpoint", "sync list.checkpoint", "sync directory",
		"create list.checkpoint.rewrite", "write list.checkpoint.rewrite", "adopt list.checkpoint.rewrite", "sync list.checkpoint.rewrite",
		"rename list.checkpoint.rewrite list.checkpoint", "sync directory",
	}
	if got := d.Calls(); !slices.Equal(got, want) {
		t.Errorf("calls %q, want %q", got, want)
	}
	if d.Mode(diskPath) != 0o640 {
		t.Errorf("mode %v", d.Mode(diskPath))
	}
}
