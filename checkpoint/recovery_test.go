package checkpoint

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"octave-enrich/checkpoint/durable"
	"octave-enrich/checkpoint/durable/durabletest"
)

// sample returns the bytes of a small journal, one that was closed twice or one
// whose run was killed, and where its lines begin.
func sample(t testing.TB, closed bool) (data []byte, lines []int) {
	d := durabletest.New()
	j := open(t, diskPath, testOptions(d))
	must(t, j.Append(Record{Type: Run, Body: []byte(`{"agent":"a"}`)}))
	must(t, j.Append(answer(1, `{"n":1}`)))
	must(t, j.Close())
	j = open(t, diskPath, testOptions(d))
	must(t, j.Note(Record{Type: Asked, Key: key(2)}))
	must(t, j.Append(answer(2, `{"n":2}`)))
	must(t, j.Append(answer(3, `{"n":3}`)))
	must(t, j.Note(Record{Type: Failed, Key: key(4)}))
	if closed {
		must(t, j.Close())
	}
	data = d.Data(diskPath)
	for at := 0; at < len(data); at += bytes.IndexByte(data[at:], '\n') + 1 {
		lines = append(lines, at)
	}
	return data, lines
}

// onlyTrue fails the test if j holds an answer that sample did not give, and
// returns how many it holds.
func onlyTrue(t *testing.T, j *Journal) (known int) {
	t.Helper()
	for i := range 10 {
		got, ok, err := j.Answer(key(i))
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			known++
			if want := fmt.Sprintf(`{"n":%d}`, i); string(got.Body) != want {
				t.Fatalf("answer %d = %s", i, got.Body)
			}
		}
	}
	if j.Len() != known {
		t.Fatalf("Len = %d of %d", j.Len(), known)
	}
	return known
}

// goesOn fails the test unless j can be written, closed, checked and read.
func goesOn(t *testing.T, j *Journal, fs durable.FS) {
	t.Helper()
	known := j.Len()
	must(t, j.Append(answer(100, "100")))
	must(t, j.Close())
	if r := verified(t, diskPath, fs); r.Answers != known+1 || r.Tail != 0 || !r.Closed {
		t.Fatalf("report = %+v", r)
	}
}

func TestCutAtEveryByte(t *testing.T) {
	for _, closed := range []bool{true, false} {
		data, _ := sample(t, closed)
		for n := range len(data) + 1 {
			whole := bytes.LastIndexByte(data[:n], '\n') + 1
			want := bytes.Count(data[:whole], []byte(`"answered"`))
			d := durabletest.With(diskPath, data[:n])
			if got := scan(t, d); got != want {
				t.Fatalf("cut at %d: Records yields %d answers, want %d", n, got, want)
			}
			j := open(t, diskPath, testOptions(d))
			if got := onlyTrue(t, j); got != want || j.Recovered() != int64(n-whole) {
				t.Fatalf("cut at %d: %d answers, %d bytes recovered, want %d and %d", n, got, j.Recovered(), want, n-whole)
			}
			if whole > 0 && !bytes.Equal(d.Data(diskPath), data[:whole]) {
				t.Fatalf("cut at %d: what was whole has changed", n)
			}
			goesOn(t, j, d)
		}
	}
}

// scan returns the number of answers that Records yields without an error.
func scan(t testing.TB, fs durable.FS) (answers int) {
	t.Helper()
	for e, err := range Records(diskPath, fs) {
		must(t, err)
		if e.Type == Answered {
			answers++
		}
	}
	return answers
}

// A flip is found, and what is behind proof counts as a torn tail; never is an
// answer wrong, and never is a damaged file touched.
func TestFlipEveryBit(t *testing.T) {
	for _, closed := range []bool{true, false} {
		data, lines := sample(t, closed)
		proven := lines[len(lines)-1] // by the record there: the closing one, or a note
		for bit := range len(data) * 8 {
			flipped := bytes.Clone(data)
			flipped[bit/8] ^= 1 << (bit % 8)
			begin := bytes.LastIndexByte(data[:bit/8], '\n') + 1
			d := durabletest.With(diskPath, flipped)
			j, err := Open(diskPath, testOptions(d))
			if begin < proven {
				var damage *DamageError
				if !errors.As(err, &damage) || damage.Offset != int64(begin) || damage.Line != bytes.Count(data[:begin], []byte("\n"))+1 {
					t.Fatalf("closed %v, bit %d in line at %d: Open = %v", closed, bit, begin, err)
				}
				if !bytes.Equal(d.Data(diskPath), flipped) {
					t.Fatalf("bit %d: a damaged file was changed", bit)
				}
				continue
			}
			if err != nil || j.Recovered() != int64(len(data)-begin) {
				t.Fatalf("closed %v, bit %d in line at %d: recovered %d, %v", closed, bit, begin, j.Recovered(), err)
			}
			onlyTrue(t, j)
			goesOn(t, j, d)
		}
	}
}

// Bytes that go missing before a record which proves them are damage, be it one
// byte, one line or all of the last ones, and nothing is cut or asked again. What
// no record proves may count as torn; no answer is ever wrong.
func TestMissingBytesAreDamage(t *testing.T) {
	for _, closed := range []bool{true, false} {
		data, lines := sample(t, closed)
		last := lines[len(lines)-1] // the record there proves all before it
		cut := func(from, to int) {
			t.Helper()
			left := append(bytes.Clone(data[:from]), data[to:]...)
			d := durabletest.With(diskPath, left)
			j, err := Open(diskPath, testOptions(d))
			if to <= last {
				if !errors.As(err, new(*DamageError)) {
					t.Fatalf("closed %v, without bytes %d to %d: Open = %v", closed, from, to, err)
				}
				if !bytes.Equal(d.Data(diskPath), left) {
					t.Fatalf("without bytes %d to %d: a damaged file was changed", from, to)
				}
				if r, err := Verify(diskPath, d); err != nil || len(r.Damage) == 0 {
					t.Fatalf("without bytes %d to %d: Verify = %+v, %v", from, to, r, err)
				}
				return
			}
			if errors.As(err, new(*DamageError)) {
				return
			}
			must(t, err)
			if want := bytes.Count(data[:min(from, last)], []byte(`"answered"`)); onlyTrue(t, j) < want {
				t.Fatalf("closed %v, without bytes %d to %d: answers are gone", closed, from, to)
			}
		}
		for at := range data {
			cut(at, at+1)
		}
		for i, begin := range lines {
			for _, end := range lines[i+1:] {
				cut(begin, end)
			}
		}
	}
}

func TestDamageLeavesTheRestReadable(t *testing.T) {
	data, lines := sample(t, true)
	for i, begin := range lines[:len(lines)-1] {
		damaged := bytes.Clone(data)
		damaged[begin+20] ^= 1
		fs := durabletest.With(diskPath, damaged)
		whole, damages := 0, 0
		for e, err := range Records(diskPath, fs) {
			var damage *DamageError
			switch {
			case errors.As(err, &damage) && damage.Line == i+1 && damage.Offset == int64(begin):
				damages++
			case err != nil:
				t.Fatal(err)
			case e.Offset != int64(lines[e.Line-1]) || data[e.Offset+e.Len-1] != '\n':
				t.Errorf("entry of line %d lies at %d, %d long", e.Line, e.Offset, e.Len)
			default:
				whole++
			}
		}
		if whole != len(lines)-1 || damages != 1 {
			t.Errorf("line %d damaged: %d whole, %d damaged of %d lines", i+1, whole, damages, len(lines))
		}
		r, err := Verify(diskPath, fs)
		if err != nil || len(r.Damage) != 1 || r.Records != len(lines)-1 || !r.Closed || r.Tail != 0 {
			t.Errorf("line %d damaged: %+v, %v", i+1, r, err)
		}
		if _, err := Rewrite(diskPath, testOptions(fs), nil); !errors.As(err, new(*DamageError)) {
			t.Errorf("Rewrite = %v", err)
		}
	}
}

// An answer that rots on the disk while the journal is open is not returned.
func TestDamageBehindOpen(t *testing.T) {
	data, lines := sample(t, true)
	for bit := range 8 * (lines[3] - lines[2]) {
		d := durabletest.With(diskPath, data)
		j := open(t, diskPath, testOptions(d))
		d.Change(diskPath, func(data []byte) []byte { data[lines[2]+bit/8] ^= 1 << (bit % 8); return data })
		rec, ok, err := j.Answer(key(1))
		if !errors.As(err, new(*DamageError)) {
			t.Fatalf("bit %d: Answer = %s, %v, %v", bit, rec.Body, ok, err)
		}
	}
	d := durabletest.With(diskPath, data)
	j := open(t, diskPath, testOptions(d))
	other := bytes.Replace(data[lines[2]:lines[3]], []byte(key(1).String()), []byte(key(2).String()), 1)
	d.Change(diskPath, func(data []byte) []byte { copy(data[lines[2]:], withSums(other)); return data })
	if rec, ok, err := j.Answer(key(1)); !errors.As(err, new(*DamageError)) {
		t.Errorf("another record at its place: Answer = %v, %v, %v", rec, ok, err)
	}
}

func TestFilesOfOthersAreLeftAlone(t *testing.T) {
	ours := func(rec Record) []byte {
		b, err := encode(rec, 0)
		must(t, err)
		return b
	}
	closed, lines := sample(t, true)
	for name, data := range map[string][]byte{
		"CSV":                []byte("email,name\nann@example.com,Ann\n"),
		"text without end":   []byte("hello"),
		"JSON":               []byte(`{"type":"checkpoint","body":{"format":1}}` + "\n"),
		"zeros, then lines":  append(make([]byte, 40), "\nann@example.com\n"...),
		"zeros, many":        make([]byte, 5000),
		"zeros and binary":   append(make([]byte, 100), 1, 2, 3),
		"header flipped":     append([]byte("f"), closed[1:lines[1]]...),
		"header, other body": ours(Record{Type: Begin, Body: []byte(`[]`)}),
		"header, no format":  ours(Record{Type: Begin, Body: []byte(`{"tool":"x"}`)}),
		"header, no body":    ours(Record{Type: Begin}),
	} {
		d := durabletest.With(diskPath, data)
		readOnly := testOptions(d)
		readOnly.ReadOnly = true
		_, err1 := Open(diskPath, testOptions(d))
		_, err2 := Open(diskPath, readOnly)
		_, err3 := Verify(diskPath, d)
		_, err4 := Rewrite(diskPath, testOptions(d), nil)
		for _, err := range []error{err1, err2, err3, err4} {
			if !errors.Is(err, ErrNotCheckpoint) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if !bytes.Equal(d.Data(diskPath), data) {
			t.Errorf("%s: the file has changed", name)
		}
	}
}

func TestLineThatNeverEnds(t *testing.T) {
	data := bytes.Repeat([]byte("deadbeef"), (maxLine+1<<20)/8)
	s := newScanner("x", bytes.NewReader(data), 0, int64(len(data)))
	if _, err := s.header(); !errors.Is(err, ErrNotCheckpoint) || cap(s.long) > 2*maxLine || s.offset != int64(len(data)) {
		t.Errorf("%v, %d bytes kept, %d read of %d", err, cap(s.long), s.offset, len(data))
	}
}

func TestNewerFormatIsRefused(t *testing.T) {
	data, err := encode(Record{Type: Begin, Body: []byte(`{"format":2,"tool":"octave-enrich 9"}`)}, 0)
	must(t, err)
	d := durabletest.With(diskPath, append(data, "what nobody knows yet"...))
	_, err1 := Open(diskPath, testOptions(d))
	_, err2 := Verify(diskPath, d)
	for _, err := range []error{err1, err2} {
		var format *FormatError
		if !errors.As(err, &format) || format.Format != 2 || !strings.Contains(err.Error(), "octave-enrich 9") {
			t.Errorf("error = %v", err)
		}
	}
	if !bytes.HasSuffix(d.Data(diskPath), []byte("yet")) {
		t.Error("the file has changed")
	}
}

func TestTornCreationIsNoFile(t *testing.T) {
	data, lines := sample(t, true)
	header := data[:lines[1]]
	for name, torn := range map[string][]byte{
		"empty":       {},
		"zeros":       make([]byte, len(header)),
		"hole":        append(append(bytes.Clone(header[:50]), make([]byte, 50)...), header[100:]...),
		"first half":  header[:90],
		"second half": append(make([]byte, 90), header[90:]...),
	} {
		d := durabletest.With(diskPath, torn)
		if n := scan(t, d); n != 0 {
			t.Errorf("%s: %d answers", name, n)
		}
		j := open(t, diskPath, testOptions(d))
		if j.Len() != 0 || j.Recovered() != int64(len(torn)) || j.Header().Service != "sandbox" {
			t.Errorf("%s: recovered %d of %d, header %+v", name, j.Recovered(), len(torn), j.Header())
		}
		goesOn(t, j, d)
	}
}

// Whoever edits a line by hand and mends its checksum may spell it in his way.
func TestUnusualSpelling(t *testing.T) {
	data, _ := sample(t, false)
	object := `{ "key":"09000000000000000000000000000001", "type":"answered", "body": {"n":9 },"at":"2026-11-23T21:00:00+02:00","more":1}`
	line := append(make([]byte, prefixLen), object...)
	putSum(line[:sumLen], line[prefixLen:])
	line[sumLen] = ' '
	d := durabletest.With(diskPath, append(append(data, line...), '\n'))
	j := open(t, diskPath, testOptions(d))
	defer j.Close()
	got, ok, err := j.Answer(key(9))
	if err != nil || !ok || string(got.Body) != `{"n":9 }` || got.At.Hour() != 19 {
		t.Errorf("Answer = %+v, %v, %v", got, ok, err)
	}
}

// The end of what can be read is not the end of the file.
func TestReadErrorIsNotTheEnd(t *testing.T) {
	data, _ := sample(t, true)
	s := newScanner("x", io.NewSectionReader(failing{bytes.NewReader(data), 500}, 0, int64(len(data))), 0, int64(len(data)))
	if _, err := s.proven(); !errors.Is(err, durabletest.ErrInjected) {
		t.Errorf("scan = %v", err)
	}
	f, err := durabletest.With(diskPath, data[:500]).OpenFile(diskPath, os.O_RDONLY, 0)
	must(t, err)
	j := &Journal{f: f, index: make(map[Key]place)}
	if _, err := j.load(int64(len(data))); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a file that shrinks while it is read: %v", err)
	}
}

// failing is a reader that fails behind an offset.
type failing struct {
	io.ReaderAt
	at int64
}

func (f failing) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > f.at {
		n, _ := f.ReaderAt.ReadAt(p[:max(0, f.at-off)], off)
		return n, durabletest.ErrInjected
	}
	return f.ReaderAt.ReadAt(p, off)
}
