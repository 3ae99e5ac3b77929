package checkpoint

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"octave-enrich/checkpoint/durable"
	"octave-enrich/checkpoint/durable/durabletest"
	"time"
)

const diskPath = "/list.checkpoint"

var testTime = time.Date(2026, 11, 23, 19, 0, 0, 123e6, time.UTC)

func testOptions(fs durable.FS) Options {
	return Options{
		FS:     fs,
		Header: Header{Tool: "octave-enrich test", Service: "sandbox"},
		Now:    func() time.Time { return testTime },
	}
}

func open(t testing.TB, path string, opt Options) *Journal {
	t.Helper()
	j, err := Open(path, opt)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func key(i int) Key { return Key{0: byte(i), 1: byte(i >> 8), 15: 1} }

func answer(i int, body string) Record {
	return Record{Type: Answered, Key: key(i), Body: json.RawMessage(body)}
}

// verified fails the test unless the file is a checkpoint without damage.
func verified(t testing.TB, path string, fs durable.FS) Report {
	t.Helper()
	r, err := Verify(path, fs)
	if err != nil || len(r.Damage) > 0 {
		t.Fatalf("Verify = %+v, %v", r, err)
	}
	return r
}

func TestAnswersSurviveReopening(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a list with ümlauts.checkpoint")
	opt := testOptions(nil)
	j := open(t, path, opt)
	bodies := map[int]string{
		1: `{"n":1.50e+3,"b":[],"a":"<&>\u2028` + "\u2028\xff" + `"}`, 2: `7`, 3: `""`, 4: `null`,
	}
	must(t, j.Append(Record{Type: Run, Body: json.RawMessage(`{"agent":"a"}`)}))
	for i := 1; i <= len(bodies); i++ {
		must(t, j.Note(Record{Type: Asked, Key: key(i)}))
		must(t, j.Append(answer(i, bodies[i])))
	}
	must(t, j.Append(Record{Type: Output}))
	check := func(j *Journal) {
		t.Helper()
		for i, want := range bodies {
			got, ok, err := j.Answer(key(i))
			if err != nil || !ok || string(got.Body) != want || !got.At.Equal(testTime) {
				t.Errorf("answer %d = %.80q of %v, %v, %v; want %.80q", i, got.Body, got.At, ok, err, want)
			}
		}
		runs := j.RunRecords()
		if len(runs) != 2 || runs[0].Type != Run || string(runs[0].Body) != `{"agent":"a"}` || runs[1].Type != Output {
			t.Errorf("records of the run = %v", runs)
		}
		if _, ok, err := j.Answer(key(99)); ok || err != nil || j.State(key(99)) != Unknown {
			t.Error("knows an answer that nobody gave")
		}
		if j.Len() != len(bodies) || j.Recovered() != 0 {
			t.Errorf("Len = %d, Recovered = %d", j.Len(), j.Recovered())
		}
	}
	check(j)
	must(t, j.Close())
	report := verified(t, path, nil)
	if !report.Closed || report.Answers != len(bodies) || report.Records != 3+2*len(bodies)+1 || report.Tail != 0 {
		t.Errorf("report = %+v", report)
	}
	opt.Header = Header{Tool: "newer", Service: "other"}
	j = open(t, path, opt)
	check(j)
	if h := j.Header(); h.Tool != "octave-enrich test" || h.Service != "sandbox" || !h.Created.Equal(testTime) || h.Format != 1 {
		t.Errorf("header = %+v", h)
	}
	must(t, j.Close())
	if info, _ := os.Stat(path); info.Size() != report.Bytes {
		t.Errorf("opening and closing changed the size from %d to %d", report.Bytes, info.Size())
	} else if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("mode = %v", info.Mode())
	}
}

func TestLineIsForPeopleToo(t *testing.T) {
	d := durabletest.New()
	j := open(t, diskPath, testOptions(d))
	must(t, j.Append(answer(7, `{ "found": true }`)))
	must(t, j.Close())
	lines := strings.SplitAfter(string(d.Data(diskPath)), "\n")
	want := []string{
		`e0b3bd5c {"type":"checkpoint","at":"2026-11-23T19:00:00.123Z","synced":0,"body":{"format":1,"tool":"octave-enrich test","created":"2026-11-23T19:00:00.123Z","service":"sandbox"}}` + "\n",
		`ac34598d {"type":"answered","key":"07000000000000000000000000000001","at":"2026-11-23T19:00:00.123Z","synced":179,"body":{"found":true}}` + "\n",
		`a642208d {"type":"closed","at":"2026-11-23T19:00:00.123Z","synced":316}` + "\n",
		"",
	}
	for i, line := range lines {
		if i >= len(want) || line != want[i] {
			t.Errorf("line %d = %q", i, line)
		}
	}
}

func TestLastAnswerCountsAndNoFailureHidesIt(t *testing.T) {
	d := durabletest.New()
	j := open(t, diskPath, testOptions(d))
	fail := func(i int) Record {
		return Record{Type: Failed, Key: key(i), Body: fmt.Appendf(nil, `{"status":50%d}`, i)}
	}
	for _, rec := range []Record{
		answer(1, "1"), answer(1, "2"), fail(1), // answered, then failed
		fail(2), fail(2), answer(2, "3"), // failed, then answered
		{Type: Failed, Key: key(3), Body: []byte(`{"status":429}`)}, fail(3), // failed twice
	} {
		must(t, j.Append(rec))
	}
	for range 2 { // from memory, then from the file
		for i, want := range []string{1: "2", 2: "3"} {
			if got, ok, err := j.Answer(key(i)); i > 0 && (string(got.Body) != want || !ok || err != nil) {
				t.Errorf("answer %d = %q, %v, %v; want %s", i, got.Body, ok, err, want)
			}
		}
		if j.State(key(1)) != AnsweredState || j.State(key(2)) != AnsweredState || j.State(key(3)) != FailedState {
			t.Error("states are", j.State(key(1)), j.State(key(2)), j.State(key(3)))
		}
		if _, ok, err := j.Answer(key(3)); ok || err != nil {
			t.Error("a failure counts as an answer")
		}
		if why, ok, err := j.Failure(key(3)); !ok || err != nil || string(why.Body) != `{"status":503}` {
			t.Errorf("Failure = %s, %v, %v", why.Body, ok, err)
		}
		if _, ok, err := j.Failure(key(1)); ok || err != nil {
			t.Error("a failure beside an answer")
		}
		if j.Len() != 2 {
			t.Error("Len =", j.Len())
		}
		must(t, j.Close())
		j = open(t, diskPath, testOptions(d))
	}
}

func TestRefusedRecordsLeaveTheJournalUsable(t *testing.T) {
	j := open(t, diskPath, testOptions(durabletest.New()))
	before := j.size
	deep := strings.Repeat("[", 1<<20)
	for name, rec := range map[string]Record{
		"no JSON":       answer(1, `{"a":`),
		"two values":    answer(1, `1 2`),
		"raw newline":   answer(1, "\"a\nb\""),
		"too deep":      answer(1, deep),
		"no key":        {Type: Answered, Body: []byte("1")},
		"no type":       {Key: key(1)},
		"type not word": {Type: `a","x":"b`},
		"year 10000":    {Type: Run, At: testTime.AddDate(7974, 0, 0)},
		"header":        {Type: Begin},
		"closed":        {Type: Closed},
		"too large":     answer(1, `"`+strings.Repeat("x", MaxBody)+`"`),
	} {
		if err := j.Append(rec); !errors.Is(err, ErrRecord) {
			t.Errorf("%s: Append = %v", name, err)
		}
	}
	if err := j.Note(answer(1, "1")); !errors.Is(err, ErrRecord) {
		t.Errorf("Note of an answer = %v", err)
	}
	if j.size != before {
		t.Errorf("grew from %d to %d", before, j.size)
	}
	must(t, j.Append(answer(1, "1")))
	must(t, j.Close())
	if err := j.Append(answer(2, "1")); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Append after Close = %v", err)
	}
	if _, _, err := j.Answer(key(1)); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Answer after Close = %v", err)
	}
}

func TestOneLineIsNotBelieved(t *testing.T) {
	d := durabletest.New()
	j := open(t, diskPath, testOptions(d))
	for i, body := range []string{`{"a": [1, 2]}`, "{\"a\":\n[1, 2]}", "{\"a\": [1,\n2]\n}\n"} {
		rec := answer(i, body)
		rec.OneLine = true
		must(t, j.Append(rec))
	}
	if err := j.Append(Record{Type: Run, Body: []byte("\n{"), OneLine: true}); !errors.Is(err, ErrRecord) {
		t.Errorf("Append = %v", err)
	}
	must(t, j.Close())
	j = open(t, diskPath, testOptions(d))
	defer j.Close()
	for i, want := range []string{`{"a": [1, 2]}`, `{"a":[1,2]}`, `{"a":[1,2]}`} {
		if got, ok, err := j.Answer(key(i)); !ok || err != nil || string(got.Body) != want {
			t.Errorf("answer %d = %q, %v, %v", i, got.Body, ok, err)
		}
	}
}

func TestLargeBodyReadsBack(t *testing.T) {
	d := durabletest.New()
	j := open(t, diskPath, testOptions(d))
	body := `"` + strings.Repeat("x", 16<<20) + `"`
	must(t, j.Append(answer(1, body)))
	must(t, j.Close())
	j = open(t, diskPath, testOptions(d))
	defer j.Close()
	if got, ok, err := j.Answer(key(1)); !ok || err != nil || string(got.Body) != body {
		t.Errorf("Answer = %d bytes, %v, %v", len(got.Body), ok, err)
	}
}

// One sync is under way for a first record; all that are written meanwhile
// share the next one, and none is known before.
func TestGroupCommit(t *testing.T) {
	d := durabletest.New()
	j := open(t, diskPath, testOptions(d))
	syncing, release := make(chan bool), make(chan bool)
	d.OnSync = func() { syncing <- true; <-release }
	d.Wrote = make(chan bool, 100)
	before := d.Syncs()
	var wg sync.WaitGroup
	appendOne := func(i int) {
		wg.Go(func() {
			if err := j.Append(answer(i, "1")); err != nil {
				t.Error(err)
			}
		})
		<-d.Wrote
	}
	appendOne(0)
	<-syncing
	for i := 1; i <= 20; i++ {
		appendOne(i)
	}
	if j.State(key(0)) != Unknown || j.Len() != 0 {
		t.Error("an answer is known before it is durable")
	}
	release <- true
	<-syncing
	release <- true
	wg.Wait()
	if got := d.Syncs() - before; got != 2 {
		t.Errorf("21 appends took %d syncs, want 2", got)
	}
	if j.Len() != 21 {
		t.Errorf("Len = %d", j.Len())
	}
	d.OnSync = nil
	must(t, j.Close())
}

func TestConcurrentUse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c")
	j := open(t, path, testOptions(nil))
	const workers, each = 16, 30
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for n := range each {
				k := w*each + n
				body := fmt.Sprintf(`{"k":%d}`, k)
				err := errors.Join(j.Note(Record{Type: Asked, Key: key(k)}), j.Append(answer(k, body)),
					j.Append(answer(9999, body))) // all of them this one
				got, ok, err2 := j.Answer(key(k))
				if err != nil || err2 != nil || !ok || string(got.Body) != body {
					t.Errorf("answer %d = %q, %v, %v, %v", k, got.Body, ok, err, err2)
				}
				j.State(key(k))
				j.RunRecords()
			}
		})
	}
	wg.Wait()
	if j.Len() != workers*each+1 {
		t.Errorf("Len = %d", j.Len())
	}
	last, _, err := j.Answer(key(9999))
	must(t, err)
	must(t, j.Close())
	verified(t, path, nil)
	j = open(t, path, testOptions(nil))
	defer j.Close()
	if got, _, err := j.Answer(key(9999)); err != nil || string(got.Body) != string(last.Body) {
		t.Errorf("the last answer was %s, is %s after opening again", last.Body, got.Body)
	}
}

// A failed sync must not be followed by one that succeeds and means nothing.
func TestErrorSticks(t *testing.T) {
	for _, op := range []string{"write", "sync"} {
		d := durabletest.New()
		j := open(t, diskPath, testOptions(d))
		must(t, j.Append(answer(1, "1")))
		n := 4 // behind looking for the file
		if op == "sync" {
			n += 4 // to write, and to look again
		}
		d.Fail(n, durabletest.DidNotHappen)
		if err := j.Append(answer(2, "2")); !errors.Is(err, durabletest.ErrInjected) {
			t.Fatalf("%s: Append = %v", op, err)
		}
		if j.State(key(2)) != Unknown {
			t.Errorf("%s: an answer is known that may be lost", op)
		}
		_, _, err := j.Answer(key(1))
		for name, err := range map[string]error{
			"Append": j.Append(answer(3, "3")), "Note": j.Note(Record{Type: Run}), "Answer": err, "Close": j.Close(),
		} {
			if !errors.Is(err, durabletest.ErrInjected) {
				t.Errorf("%s: %s after the failure = %v", op, name, err)
			}
		}
		j = open(t, diskPath, testOptions(d))
		if _, ok, err := j.Answer(key(1)); !ok || err != nil {
			t.Errorf("%s: a confirmed answer is gone: %v", op, err)
		}
		must(t, j.Append(answer(3, "3")))
		must(t, j.Close())
	}
}

func TestReadOnlyBesideARun(t *testing.T) {
	d := durabletest.New()
	opt := testOptions(d)
	opt.ReadOnly = true
	if _, err := Open(diskPath, opt); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("opening what is not there = %v", err)
	}
	j := open(t, diskPath, testOptions(d))
	must(t, j.Append(answer(1, "1")))
	d.Change(diskPath, func(data []byte) []byte { return append(data, "0a1b2c3d {\"type\":\"answ"...) }) // being written
	before := string(d.Data(diskPath))
	r := open(t, diskPath, opt)
	if got, ok, err := r.Answer(key(1)); !ok || err != nil || string(got.Body) != "1" {
		t.Errorf("Answer = %q, %v, %v", got.Body, ok, err)
	}
	if r.Recovered() != 22 || r.size != j.size || r.Header() != j.Header() {
		t.Errorf("Recovered = %d, Size = %d of %d, header %+v", r.Recovered(), r.size, j.size, r.Header())
	}
	if err := r.Append(answer(2, "2")); !errors.Is(err, ErrReadOnly) {
		t.Errorf("Append = %v", err)
	}
	must(t, r.Close())
	if string(d.Data(diskPath)) != before {
		t.Error("the file has changed")
	}
	must(t, j.Append(answer(2, "2")))
	must(t, j.Close())
}

func TestKeyAsText(t *testing.T) {
	const text = "000102030405060708090a0b0c0d0e0f"
	var k Key
	if err := k.UnmarshalText([]byte(text)); err != nil || k.String() != text || k[15] != 15 {
		t.Errorf("%v, %v", k, err)
	}
	for _, bad := range []string{"", "00", strings.Repeat("0", 31) + "g", strings.Repeat("0", 34)} {
		if err := k.UnmarshalText([]byte(bad)); err == nil || k.String() != text {
			t.Errorf("%q is taken for %v (%v)", bad, k, err)
		}
	}
}

// The index is what a run keeps in memory of each answer of all runs before it.
func TestIndexBytesPerAnswer(t *testing.T) {
	for _, n := range []int{57_000, 65_000, 130_000, 260_000, 520_000} { // also just after the map has grown
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		j := &Journal{index: make(map[Key]place)}
		for i := range n {
			var k Key
			putSum(k[:8], []byte{byte(i), byte(i >> 8), byte(i >> 16)})
			k[8], k[9], k[10] = byte(i), byte(i>>8), byte(i>>16)
			j.learnAnswer(k, int64(i)*2000)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		each := float64(after.HeapAlloc-before.HeapAlloc) / float64(n)
		t.Logf("%d answers: %.1f bytes each", n, each)
		if j.Len() != n || each > 64 {
			t.Errorf("index of %d answers takes %.1f bytes each, want 64 at most", n, each)
		}
	}
}

// What was submitted waits until it is answered or missed: a failure is only this
// run's.
func TestWaiting(t *testing.T) {
	d := durabletest.New()
	j := open(t, diskPath, testOptions(d))
	submitted := func(i int) Record {
		return Record{Type: Submitted, Key: key(i), At: testTime.Add(time.Duration(-i) * time.Second), Body: json.RawMessage(`{"id":"a"}`)}
	}
	for i := range 5 {
		must(t, j.Note(Record{Type: Asked, Key: key(i)}))
		must(t, j.Append(submitted(i)))
	}
	must(t, j.Append(answer(0, "{}")))
	must(t, j.Note(Record{Type: Missed, Key: key(1)}))
	must(t, j.Note(Record{Type: Failed, Key: key(2)}))
	must(t, j.Note(Record{Type: Missed, Key: key(3)}))
	must(t, j.Append(submitted(3)))
	want := func(j *Journal, keys ...int) {
		t.Helper()
		var got []string
		for _, rec := range j.Waiting() {
			got = append(got, rec.Key.String())
			if rec.Type != Submitted || string(rec.Body) != `{"id":"a"}` {
				t.Errorf("got %+v", rec)
			}
		}
		var all []string
		for _, i := range keys {
			all = append(all, key(i).String())
		}
		if !slices.Equal(got, all) {
			t.Errorf("waiting are %v, want %v", got, all)
		}
	}
	want(j, 4, 3, 2)
	must(t, j.Close())
	j = open(t, diskPath, testOptions(d))
	want(j, 4, 3, 2)
	must(t, j.Append(answer(3, "{}")))
	d.Move(diskPath, "") // and it goes on in another file
	must(t, j.Append(answer(4, "{}")))
	want(j, 2)
	if err := j.Append(Record{Type: Submitted}); !errors.Is(err, ErrRecord) {
		t.Errorf("without a key: %v", err)
	}
}
