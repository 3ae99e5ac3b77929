package checkpoint

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"octave-enrich/checkpoint/durable/durabletest"
)

// withSums mends the checksum of every line, so that what the fuzzer makes up
// gets past it.
func withSums(data []byte) []byte {
	lines := bytes.SplitAfter(bytes.Clone(data), []byte("\n"))
	for _, line := range lines {
		if len(line) > prefixLen {
			putSum(line[:sumLen], bytes.TrimSuffix(line[prefixLen:], []byte("\n")))
			line[sumLen] = ' '
		}
	}
	return bytes.Join(lines, nil)
}

// Whatever the file holds: it is refused and untouched, or opened and a journal
// in which everything is whole.
func FuzzOpen(f *testing.F) {
	for _, closed := range []bool{true, false} {
		data, lines := sample(f, closed)
		f.Add(data, false)
		f.Add(data[:len(data)-30], false)
		f.Add(data[:lines[1]-40], false)
		f.Add(bytes.ReplaceAll(data, []byte(`"synced":`), []byte(`"synced":9`)), true)
		f.Add(bytes.ReplaceAll(data, []byte(`answered`), []byte(`failed`)), true)
		f.Add(bytes.ReplaceAll(data, []byte(`,"at"`), []byte(`, "at"`)), true)
	}
	f.Fuzz(func(t *testing.T, data []byte, mend bool) {
		if mend {
			data = withSums(data)
		}
		d := durabletest.With(diskPath, data)
		report, verifyErr := Verify(diskPath, d)
		j, err := Open(diskPath, testOptions(d))
		if (err == nil) != (verifyErr == nil && len(report.Damage) == 0) {
			t.Fatalf("Open = %v, Verify = %+v, %v", err, report, verifyErr)
		}
		if err != nil {
			known := errors.Is(err, ErrNotCheckpoint) || errors.As(err, new(*DamageError)) || errors.As(err, new(*FormatError))
			if !known || !bytes.Equal(d.Data(diskPath), data) {
				t.Fatalf("Open = %v, and the file is %q", err, d.Data(diskPath))
			}
			return
		}
		if j.Len() != report.Answers || j.Recovered() != report.Tail {
			t.Fatalf("Len = %d, Recovered = %d, Verify = %+v", j.Len(), j.Recovered(), report)
		}
		if whole := len(data) - int(report.Tail); !bytes.Equal(d.Data(diskPath)[:whole], data[:whole]) {
			t.Fatal("what was whole has changed")
		}
		for k, p := range j.index {
			if _, ok, err := j.Answer(k); err != nil || ok != (p.state() == AnsweredState) {
				t.Fatalf("answer %v: %v, %v", k, ok, err)
			}
		}
		fresh := j.State(key(100)) != AnsweredState
		must(t, j.Append(answer(100, "100")))
		must(t, j.Close())
		after := verified(t, diskPath, d)
		if want := report.Answers; fresh && after.Answers != want+1 || after.Tail != 0 || !after.Closed {
			t.Fatalf("report = %+v", after)
		}
	})
}

// The quick way to read an object and encoding/json agree.
func FuzzParse(f *testing.F) {
	data, lines := sample(f, true)
	for i, begin := range lines[1:] {
		f.Add(data[lines[i]+prefixLen : begin-1])
	}
	f.Fuzz(func(t *testing.T, object []byte) {
		quick, ok := parseUsual(object)
		if !ok || len(quick.body) > 0 && !json.Valid(quick.body) {
			return
		}
		slow, reason := parseUnusual(object)
		if reason != "" {
			t.Fatalf("%q: %s", object, reason)
		}
		if string(slow.typ) != string(quick.typ) || slow.key != quick.key || !slow.at.Equal(quick.at) ||
			slow.synced != quick.synced || string(slow.body) != string(bytes.Trim(quick.body, " \t\r\n")) {
			t.Fatalf("%q: %+v and %+v", object, quick, slow)
		}
	})
}
