package checkpoint

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"octave-enrich/checkpoint/durable"
	"octave-enrich/checkpoint/durable/durabletest"
)

// A spy tells which bytes of files are written.
type spy struct {
	durable.FS
	wrote func(from, to int64)
}

func (s spy) OpenFile(path string, flag int, perm fs.FileMode) (durable.File, error) {
	f, err := s.FS.OpenFile(path, flag, perm)
	if err != nil {
		return nil, err
	}
	return spiedFile{f, s.wrote}, nil
}

type spiedFile struct {
	durable.File
	wrote func(from, to int64)
}

func (f spiedFile) WriteAt(p []byte, off int64) (int, error) {
	f.wrote(off, off+int64(len(p)))
	return f.File.WriteAt(p, off)
}

// What no record proves may be in memory alone: opening writes all of it anew, from
// its first byte to its last, and nothing else.
func TestUnprovenBytesAreWrittenAnew(t *testing.T) {
	for _, pad := range []int{0, 1, 1<<20 - 1000, 3 << 20} { // in parts of a MiB
		d := durabletest.New()
		j := open(t, diskPath, testOptions(d))
		must(t, j.Append(answer(1, "1")))
		proven := j.size
		must(t, j.Append(answer(2, body(pad)))) // proves what is before it
		size := j.size
		at := proven
		open(t, diskPath, testOptions(spy{d.Killed(), func(from, to int64) {
			if from != at {
				t.Errorf("pad %d: byte %d is written next, want %d", pad, from, at)
			}
			at = to
		}}))
		if at != size || proven >= size {
			t.Errorf("pad %d: written up to %d of %d", pad, at, size)
		}
	}
}

// A record is found however long its line is, around every length at which reading
// takes another step.
func TestLineOfEveryLength(t *testing.T) {
	d := durabletest.New()
	j := open(t, diskPath, testOptions(d))
	start := j.size
	must(t, j.Append(answer(0, body(0))))
	frame := int(j.size-start) - len(body(0)) // what is around a body, newline included
	var lengths []int
	for _, step := range []int{8 << 10, 32 << 10, 128 << 10, 1 << 20} {
		for n := step - 4; n <= step+4; n++ {
			lengths = append(lengths, n)
		}
	}
	check := func(j *Journal) {
		t.Helper()
		for i, n := range lengths {
			got, ok, err := j.Answer(key(i + 1))
			if err != nil || !ok || len(got.Body) < n-frame-8 || !strings.HasSuffix(string(got.Body), `x"`) {
				t.Errorf("line of about %d bytes: %d bytes of body, %v, %v", n, len(got.Body), ok, err)
			}
		}
	}
	for i, n := range lengths {
		must(t, j.Append(answer(i+1, body(n-frame-2))))
	}
	check(j)
	must(t, j.Close())
	j = open(t, diskPath, testOptions(d))
	check(j)
	must(t, j.Close())
}

// A line is read back at every length around the size of a block, and there is none
// that does not end before the file does.
func TestReadLine(t *testing.T) {
	for _, step := range []int{0, blockSize, 2 * blockSize, (blocksHeld + 1) * blockSize} {
		for n := max(0, step-3); n <= step; n++ { // two bytes are around it
			text := strings.Repeat("x", n)
			for _, behind := range []string{"", "more\n"} {
				all := ">" + text + "\n" + behind
				read := &blocks{f: strings.NewReader(all)}
				for _, size := range []int{n + 2, len(all), n + 2} {
					if got, err := read.line(1, int64(size)); err != nil || string(got) != text {
						t.Fatalf("line of %d bytes: %d bytes, %v", n, len(got), err)
					}
				}
			}
			for _, cut := range []string{">" + text, ">" + text + "\n"} {
				if _, err := (&blocks{f: strings.NewReader(cut)}).line(1, int64(n+1)); err != io.EOF {
					t.Fatalf("%d bytes whose end is behind that of the file: %v", n, err)
				}
			}
			if _, err := (&blocks{f: strings.NewReader(">" + text)}).line(1, int64(n+2)); err != io.EOF {
				t.Fatalf("a file that was cut %d bytes behind the beginning of the line: %v", n, err)
			}
		}
	}
}

// What the format has room for is taken, to the last byte and year.
func TestWhatFits(t *testing.T) {
	year := func(y int) time.Time { return time.Date(y, 6, 1, 0, 0, 0, 0, time.UTC) }
	for _, rec := range []Record{{At: year(0)}, {At: year(9999)}, {Body: make([]byte, MaxBody)}} {
		rec.Type, rec.Key = Answered, key(1)
		if err := check(rec); err != nil {
			t.Errorf("year %d, %d bytes: %v", rec.At.Year(), len(rec.Body), err)
		}
	}
	for _, rec := range []Record{{At: year(-1)}, {At: year(10000)}, {Body: make([]byte, MaxBody+1)}} {
		rec.Type, rec.Key = Answered, key(1)
		if err := check(rec); !errors.Is(err, ErrRecord) {
			t.Errorf("year %d, %d bytes: %v", rec.At.Year(), len(rec.Body), err)
		}
	}
}

// The longest answer is known as soon as it is written, for the room of the next one,
// and nobody is counted as waiting who does not wait any more.
func TestLargestAnswer(t *testing.T) {
	d := durabletest.New()
	j := open(t, diskPath, testOptions(d))
	must(t, j.Append(answer(1, `"`+strings.Repeat("x", 5000)+`"`)))
	largest := j.largest
	must(t, j.Append(Record{Type: Run, Body: []byte(`"` + strings.Repeat("x", 9000) + `"`)}))
	must(t, j.Append(answer(2, `"x"`)))
	if largest < 5000 || largest > 5200 || j.largest != largest {
		t.Errorf("largest = %d, then %d", largest, j.largest)
	}
	if n := j.waiting.Load(); n != 0 {
		t.Errorf("%d appends wait", n)
	}
	must(t, j.Close())
	if j = open(t, diskPath, testOptions(d)); j.largest != largest {
		t.Errorf("opened again, largest = %d, not %d", j.largest, largest)
	}
	must(t, j.Close())
}

// Who appends alone does not wait for others; where others wait, too, more of them
// may come along.
func TestCrowdWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := open(t, diskPath, testOptions(durabletest.New()))
		begin := time.Now()
		must(t, j.Append(answer(1, `1`)))
		if took := time.Since(begin); took != 0 {
			t.Errorf("alone, it took %v", took)
		}
		j.waiting.Add(1)
		must(t, j.Append(answer(2, `2`)))
		if took := time.Since(begin); took != groupDelay {
			t.Errorf("with another one, it took %v", took)
		}
		j.waiting.Add(-1)
		must(t, j.Close())
	})
}

// A record right at the proven length was promised to nobody: it is a torn tail, with
// all that is behind it.
func TestTornAtTheProvenLength(t *testing.T) {
	d := durabletest.New()
	j := open(t, diskPath, testOptions(d))
	must(t, j.Append(answer(1, `{"n":1}`)))
	begin := j.size
	must(t, j.Note(Record{Type: Asked, Key: key(2)}))
	must(t, j.Note(Record{Type: Asked, Key: key(3)}))
	data := d.Data(diskPath)[:j.size]
	data[begin+20] ^= 1
	d = durabletest.With(diskPath, data)
	if r := verified(t, diskPath, d); r.Tail != int64(len(data))-begin || r.Answers != 1 || r.Closed {
		t.Errorf("%+v, want a tail from %d on", r, begin)
	}
	j = open(t, diskPath, testOptions(d))
	if j.Recovered() != int64(len(data))-begin || j.Len() != 1 {
		t.Errorf("%d bytes were cut, %d answers are left", j.Recovered(), j.Len())
	}
	must(t, j.Close())
}

// What is rescued can be read by those who could read what was lost, and by nobody else.
func TestRescuedKeepsTheMode(t *testing.T) {
	d := durabletest.New()
	must(t, open(t, diskPath, testOptions(d)).Close())
	d.Put(diskPath, d.Data(diskPath), 0o640)
	j := open(t, diskPath, testOptions(d))
	d.Move(diskPath, "/away")
	must(t, j.Append(answer(1, `{"n":1}`)))
	if mode := d.Mode(diskPath + ".rescued"); mode != 0o640 {
		t.Errorf("mode %v", mode)
	}
	must(t, j.Close())
}

// A file of which nothing is left but one line is not read to its end.
func TestLineThatIsTooLong(t *testing.T) {
	if _, err := (&blocks{f: endless{}}).line(0, 1<<40); err != io.EOF {
		t.Errorf("err = %v", err)
	}
}

type endless struct{}

func (endless) ReadAt(p []byte, _ int64) (int, error) { return len(p), nil }

// reads counts the reads of a file.
type reads struct {
	io.ReaderAt
	n int
}

func (r *reads) ReadAt(p []byte, off int64) (int, error) {
	r.n++
	return r.ReaderAt.ReadAt(p, off)
}

// Lines that are read back in about their order take one read a block, though the file
// grows meanwhile; those that come back to a block that is not held any more read it
// again, and a failed read is not remembered.
func TestBlocks(t *testing.T) {
	var file strings.Builder
	var offsets []int64
	for i := 0; file.Len() < 3*blocksHeld*blockSize; i++ {
		offsets = append(offsets, int64(file.Len()))
		fmt.Fprintf(&file, "%d %s\n", i, strings.Repeat("x", i%5000))
	}
	all := file.String()
	f := &reads{ReaderAt: strings.NewReader(all)}
	read := &blocks{f: f}
	check := func(i int, size int) {
		t.Helper()
		want, _, _ := strings.Cut(all[offsets[i]:], "\n")
		if got, err := read.line(offsets[i], int64(size)); err != nil || string(got) != want {
			t.Fatalf("line %d: %d bytes, %v", i, len(got), err)
		}
	}
	for i := range offsets {
		check(min(i^7, len(offsets)-1), len(all)) // eight at a time, backwards
	}
	if want := (len(all) + blockSize - 1) / blockSize; f.n != want {
		t.Errorf("%d reads of %d blocks", f.n, want)
	}
	for _, i := range []int{0, len(offsets) - 1, 1, len(offsets) - 2, 0} {
		check(i, len(all))
	}
	// A block that was not full is read again when more of it is written.
	read = &blocks{f: f}
	for i := range 20 {
		check(i, int(offsets[i+1]))
	}
	read = &blocks{f: failing{f, 5}}
	if _, err := read.line(0, 10); !errors.Is(err, durabletest.ErrInjected) {
		t.Errorf("err = %v", err)
	}
	read.f = f
	check(0, len(all))
}

// A line of any length that is too short for a record is none.
func TestShortLines(t *testing.T) {
	for n := range 14 {
		for _, c := range []string{"x", " ", "0"} {
			if l, reason := parse([]byte(strings.Repeat(c, n))); reason == "" {
				t.Errorf("%d times %q is taken for %+v", n, c, l)
			}
		}
	}
}

// What the quick parser takes is spelled as records are, and all else is left to
// encoding/json.
func TestParseUsual(t *testing.T) {
	const key = `0123456789abcdef0123456789abcdef`
	whole := `{"type":"answered","key":"` + key + `","at":"2026-11-23T19:00:00.123Z","synced":4711,"body":{"n":1}}`
	l, ok := parseUsual([]byte(whole))
	if !ok || string(l.typ) != "answered" || l.key.String() != key || !l.at.Equal(testTime) || l.synced != 4711 || string(l.body) != `{"n":1}` {
		t.Errorf("%v, %+v", ok, l)
	}
	for _, same := range []struct{ from, to string }{
		{`,"body":{"n":1}`, ""}, {`,"key":"` + key + `"`, ""}, {"4711", "0"}, {"4711", "9"}, {"4711", "123456789012345678"},
		{"answered", "a"}, {"answered", strings.Repeat("z", 32)}, {"answered", "to_ask"},
	} {
		text := strings.Replace(whole, same.from, same.to, 1)
		quick, ok := parseUsual([]byte(text))
		slow, reason := parseUnusual([]byte(text))
		if !ok || reason != "" || fmt.Sprintf("%s %v %v %d %s", quick.typ, quick.key, quick.at.UTC(), quick.synced, quick.body) !=
			fmt.Sprintf("%s %v %v %d %s", slow.typ, slow.key, slow.at.UTC(), slow.synced, slow.body) {
			t.Errorf("%s: %v, %+v, want %+v", text, ok, quick, slow)
		}
	}
	for n := range len(whole) - len("}") { // of the body, all but the end is left to the checksum
		if l, ok := parseUsual([]byte(whole[:n])); ok {
			t.Errorf("%s is taken for %+v", whole[:n], l)
		}
	}
	for _, odd := range []struct{ from, to string }{
		{"4711", ""}, {"4711", "04711"}, {"4711", "00"}, {"4711", "-1"}, {"4711", "1e3"}, {"4711", "1234567890123456789"}, {"4711", "x"},
		{"answered", ""}, {"answered", "Answered"}, {"answered", "a{"}, {"answered", "a`"}, {"answered", strings.Repeat("z", 33)},
		{`{"type"`, `{ "type"`}, {`"type":`, `"typ":`}, {`"key":"0`, `"key":"x`}, {`"key":"0`, `"key":"`}, {`"at":"2`, `"at":"x`}, {`,"at"`, `, "at"`},
		{`,"synced"`, `,"sync"`}, {`,"body":{"n":1}`, `,"body":`}, {`,"body":{"n":1}`, `,"b":1`}, {`}}`, `}`}, {`{"type":"answered"`, ``}, {whole, ""},
	} {
		text := strings.Replace(whole, odd.from, odd.to, 1)
		if l, ok := parseUsual([]byte(text)); ok && odd.to != "}" {
			t.Errorf("%s is taken for %+v", text, l)
		}
	}
}

// What was written to a file that lost its name before the sync went along to the
// rescued one, where it is not written a second time.
func TestRescuedOnce(t *testing.T) {
	d := durabletest.New()
	lose := func() {}
	j := open(t, diskPath, testOptions(spy{d, func(int64, int64) { lose() }}))
	must(t, j.Append(answer(1, "1")))
	lose = func() { d.Move(diskPath, "/away") }
	must(t, j.Append(answer(2, "2")))
	if !errors.Is(j.Stopped(), ErrNoCall) {
		t.Fatalf("Stopped = %v: the loss was not noticed", j.Stopped())
	}
	answers := map[Key]int{}
	for e, err := range Records(rescuedPath, d) {
		must(t, err)
		answers[e.Key]++
	}
	if answers[key(1)] != 1 || answers[key(2)] != 1 {
		t.Errorf("rescued: %v", answers)
	}
	must(t, j.Close())
}

// A renamer does something before a file gets its name.
type renamer struct {
	durable.FS
	before func()
}

func (r renamer) Rename(from, to string) error {
	r.before()
	return r.FS.Rename(from, to)
}

// The old file is locked until the new one has its name: in between nobody can write
// to what is going to be replaced.
func TestLockedUntilReplaced(t *testing.T) {
	d := durabletest.New()
	must(t, open(t, diskPath, testOptions(d)).Close())
	renamed := false
	fsys := renamer{d, func() {
		renamed = true
		if _, err := Open(diskPath, testOptions(d)); !errors.Is(err, ErrLocked) {
			t.Errorf("before the rename: %v", err)
		}
	}}
	if _, err := Rewrite(diskPath, testOptions(fsys), func(rec Record) (Record, bool) { return rec, true }); err != nil || !renamed {
		t.Errorf("renamed: %v, %v", renamed, err)
	}
}

// A call that just fits into the room there is asks for no more.
func TestRoomThatJustFits(t *testing.T) {
	r := room{reserved: 1000 + 2*minAnswer}
	for range 2 {
		must(t, r.take(nil, 1000, 0)) // asking would panic: there is no file
	}
	if r.calls != 2 {
		t.Errorf("%d calls", r.calls)
	}
}

// Reading ends where the file ended when it began, also from a later record on.
func TestRecordsWhileWritten(t *testing.T) {
	d := durabletest.New()
	j := open(t, diskPath, testOptions(d))
	must(t, j.Append(answer(1, "1")))
	from := j.size
	must(t, j.Append(answer(2, "2")))
	n := 0
	for e, err := range RecordsFrom(diskPath, from, d) {
		must(t, err)
		if n++; e.Key != key(2) || n > 1 {
			t.Fatalf("record %d has key %v", n, e.Key)
		}
		must(t, j.Append(answer(3, "3")))
	}
	must(t, j.Close())
}

// What a crash can leave of a header, to the last byte.
func TestTornHeader(t *testing.T) {
	const begin = `09afffff {"type":"checkpoint","at":"`
	long := strings.Repeat("x", 4096-len(begin))
	for text, want := range map[string]bool{
		begin: true, begin + "2026": true, begin + long: true, begin + "2026\x00\n": true, strings.Repeat("\x00", 4096): true,
		begin + long + "x": false, strings.Repeat("\x00", 4097): false, begin + "2026\n": false, begin + "\x1f": false, begin + " ": true,
		"/": false, "9": true, ":": false, "`": false, "a": true, "f": true, "g": false, "0": true, begin[:9] + "[": false,
	} {
		if got := tornHeader([]byte(text)); got != want {
			t.Errorf("%.60q of %d bytes: %v", text, len(text), got)
		}
	}
}
