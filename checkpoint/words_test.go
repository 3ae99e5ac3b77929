package checkpoint

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"octave-enrich/checkpoint/durable/durabletest"
)

// What people read of an error says which file, and where.
func TestErrorsSayWhere(t *testing.T) {
	full := errors.New("no space")
	for err, want := range map[error]string{
		&DamageError{Path: "c", Offset: 7, Reason: "bad"}:          "checkpoint c is damaged at byte 7: bad",
		&DamageError{Path: "c", Offset: 7, Line: 2, Reason: "bad"}: "checkpoint c is damaged at byte 7 (line 2): bad",
		&LostError{Path: "c", Why: "was moved", Rescued: "r"}:      "checkpoint c was moved during the run; all that it held is in r",
		&LostError{Path: "c", Why: "was moved", Err: full}:         "checkpoint c was moved during the run, and what it held could not be written beside it: no space",
		&RescuedError{Path: "c", Rescued: "r"}:                     "r holds what a run had when its checkpoint c was moved, deleted or replaced",
		&FormatError{Path: "c", Format: 2, Tool: "newer"}:          `checkpoint c has format 2, written by "newer"; this version reads format 1`,
	} {
		if err.Error() != want {
			t.Errorf("%q, want %q", err.Error(), want)
		}
	}
}

// The header is read of a checkpoint that goes on growing, or is damaged behind it,
// and of nothing else.
func TestReadHeader(t *testing.T) {
	d := durabletest.New()
	j := open(t, diskPath, testOptions(d))
	must(t, j.Append(answer(1, `{"n":1}`)))
	if h, err := ReadHeader(diskPath, d); err != nil || h != j.Header() || h.Service != "sandbox" {
		t.Errorf("%+v, %v", h, err)
	}
	must(t, j.Close())
	whole := d.Data(diskPath)
	line, _, _ := bytes.Cut(whole, []byte("\n"))
	for name, data := range map[string][]byte{
		"nothing": nil, "text": []byte("text\n"), "half": whole[:len(line)/2], "flipped": append([]byte{whole[0] ^ 1}, whole[1:]...),
		"without its header": whole[len(line)+1:],
	} {
		if h, err := ReadHeader(diskPath, durabletest.With(diskPath, data)); !errors.Is(err, ErrNotCheckpoint) {
			t.Errorf("%s: %+v, %v", name, h, err)
		}
	}
	if _, err := ReadHeader(filepath.Join(t.TempDir(), "none"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("of no file: %v", err)
	}
}
