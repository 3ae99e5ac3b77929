package checkpoint

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"octave-enrich/checkpoint/durable/durabletest"
)

const rescuedPath = diskPath + ".rescued"

// A loss is what somebody does to the file of a journal with the answers 1 and 2.
type loss struct {
	name  string
	does  func(d *durabletest.Disk)
	why   string
	keeps []int // which of the two answers the open file still has
}

func losses() []loss {
	both := []int{1, 2}
	other := strings.Repeat("of another tool\n", 100)
	return []loss{
		{"moved", func(d *durabletest.Disk) { d.Move(diskPath, "/elsewhere") }, "moved or deleted", both},
		{"deleted", func(d *durabletest.Disk) { d.Move(diskPath, "") }, "moved or deleted", both},
		{"replaced", func(d *durabletest.Disk) { d.Put(diskPath, []byte(other), 0o600) }, "replaced by another file", both},
		{"replaced by its copy", func(d *durabletest.Disk) { d.Put(diskPath, d.Data(diskPath), 0o600) }, "replaced by another file", both},
		{"emptied", func(d *durabletest.Disk) {
			d.Change(diskPath, func([]byte) []byte { return nil })
		}, "was cut", nil},
		{"cut", func(d *durabletest.Disk) {
			d.Change(diskPath, func(data []byte) []byte { return data[:len(data)-5] })
		}, "was cut", []int{1}},
		{"written by another", func(d *durabletest.Disk) {
			d.Change(diskPath, func(data []byte) []byte { return append(data, other...) })
		}, "written by somebody else", both},
	}
}

// ask notes a call that is about to start.
func ask(j *Journal, i int) error {
	if err := j.MayAsk(); err != nil {
		return err
	}
	return j.Note(Record{Type: Asked, Key: key(i)})
}

// started is a journal with two answers, and two calls under way.
func started(t *testing.T, d *durabletest.Disk, stops *[]error) *Journal {
	t.Helper()
	opt := testOptions(d)
	opt.OnStop = func(reason error) { *stops = append(*stops, reason) }
	j := open(t, diskPath, opt)
	must(t, j.Append(Record{Type: Run}))
	for i := range 2 {
		must(t, ask(j, 3+i))
		must(t, j.Append(answer(1+i, fmt.Sprint(1+i))))
	}
	return j
}

// A file that loses its name while calls are under way: what they bring is kept in
// a file of its own with all that was there, no further call starts, what took the
// name is not touched, and nothing goes on until somebody chose.
func TestLostName(t *testing.T) {
	for _, noticed := range []string{"by a commit", "by a call"} {
		for _, l := range losses() {
			t.Run(l.name+", noticed "+noticed, func(t *testing.T) {
				d := durabletest.New()
				var stops []error
				j := started(t, d, &stops)
				l.does(d)
				left := d.Data(diskPath)
				if noticed == "by a commit" {
					must(t, j.Append(answer(3, "3")))
				}
				if err := ask(j, 9); !errors.Is(err, ErrNoCall) || errors.Is(err, ErrRecord) {
					t.Errorf("a call that is about to start: %v", err)
				}
				var lost *LostError
				if !errors.As(j.Stopped(), &lost) || lost.Path != diskPath || lost.Rescued != rescuedPath || !strings.Contains(lost.Why, l.why) {
					t.Fatalf("Stopped = %v", j.Stopped())
				}
				if len(stops) != 1 || !errors.Is(stops[0], ErrNoCall) {
					t.Errorf("OnStop heard %v", stops)
				}
				must(t, j.Append(answer(3, "3")))
				must(t, j.Note(Record{Type: Missed, Key: key(4)}))
				check := func(j *Journal) {
					t.Helper()
					want := append([]int{3}, l.keeps...)
					for _, i := range want {
						if got, ok, err := j.Answer(key(i)); !ok || err != nil || string(got.Body) != fmt.Sprint(i) {
							t.Errorf("answer %d = %s, %v, %v", i, got.Body, ok, err)
						}
					}
					if j.Len() != len(want) || j.Header() != (Header{Format: 1, Tool: "octave-enrich test", Created: testTime, Service: "sandbox"}) {
						t.Errorf("%d answers, header %+v", j.Len(), j.Header())
					}
				}
				check(j)
				must(t, j.Close())
				if !bytes.Equal(d.Data(diskPath), left) {
					t.Error("what took the name was changed")
				}
				for _, readOnly := range []bool{false, true} {
					opt := testOptions(d)
					opt.ReadOnly = readOnly
					var rescued *RescuedError
					if _, err := Open(diskPath, opt); !errors.As(err, &rescued) || rescued.Rescued != rescuedPath {
						t.Errorf("the next Open = %v", err)
					}
				}
				if _, err := Rewrite(diskPath, testOptions(d), nil); !errors.As(err, new(*RescuedError)) || !bytes.Equal(d.Data(diskPath), left) {
					t.Errorf("Rewrite = %v", err)
				}
				d.Move(rescuedPath, diskPath)
				if r := verified(t, diskPath, d); !r.Closed || r.Tail != 0 {
					t.Errorf("report = %+v", r)
				}
				next := open(t, diskPath, testOptions(d))
				check(next)
				goesOn(t, next, d)
			})
		}
	}
}

// Where files have no number that stays, the name and the length decide.
func TestLostNameWithoutNumbers(t *testing.T) {
	for _, l := range losses() {
		d := durabletest.New()
		d.Anonymous()
		var stops []error
		j := started(t, d, &stops)
		must(t, j.Append(answer(3, "3")))
		if j.Stopped() != nil {
			t.Fatalf("nothing happened, and %v", j.Stopped())
		}
		l.does(d)
		must(t, j.Append(answer(4, "4")))
		if !errors.As(j.Stopped(), new(*LostError)) {
			t.Errorf("%s: Stopped = %v", l.name, j.Stopped())
		}
		must(t, j.Close())
	}
}

// When the file beside it cannot be written either, the journal stays with the one
// it has, wherever that is, and says so.
func TestRescueFails(t *testing.T) {
	for n := 3; ; n++ { // behind the looks at the name
		d := durabletest.New()
		var stops []error
		j := started(t, d, &stops)
		d.Move(diskPath, "/elsewhere")
		d.Fail(n, durabletest.DidNotHappen)
		if err := ask(j, 9); !errors.Is(err, ErrNoCall) {
			t.Fatalf("a call that is about to start: %v", err)
		}
		var lost *LostError
		if !errors.As(j.Stopped(), &lost) {
			t.Fatalf("Stopped = %v", j.Stopped())
		}
		if d.Failed() == "" {
			if n < 10 {
				t.Errorf("only %d operations", n)
			}
			return
		}
		must(t, j.Append(answer(3, "3")))
		must(t, j.Close())
		home := rescuedPath
		if lost.Rescued == "" {
			home = "/elsewhere"
			if !errors.Is(j.Stopped(), durabletest.ErrInjected) {
				t.Errorf("%q failed, and Stopped = %v", d.Failed(), j.Stopped())
			}
			if d.Data(rescuedPath) != nil {
				t.Errorf("%q failed, and half of a file is left", d.Failed())
			}
		}
		if r := verified(t, home, d); r.Answers != 3 || !r.Closed {
			t.Errorf("%q failed: %s holds %+v", d.Failed(), home, r)
		}
	}
}

// A file that was rescued by an earlier run is not written over.
func TestRescueReplacesNothing(t *testing.T) {
	d := durabletest.New()
	var stops []error
	j := started(t, d, &stops)
	d.Move(diskPath, "")
	d.Put(rescuedPath, []byte("precious"), 0o600)
	must(t, j.Append(answer(3, "3")))
	must(t, j.Close())
	if r := verified(t, rescuedPath+"2", d); r.Answers != 3 || string(d.Data(rescuedPath)) != "precious" {
		t.Errorf("report = %+v, and there is %q", r, d.Data(rescuedPath))
	}
}

// Many append while the file loses its name: whatever is confirmed is found, before
// and after a loss of power.
func TestLostNameDuringGroupCommit(t *testing.T) {
	for _, l := range losses()[:4] { // those that leave the content alone
		d := durabletest.New()
		j := open(t, diskPath, testOptions(d))
		var wg sync.WaitGroup
		var once sync.Once
		for w := range 8 {
			wg.Go(func() {
				for n := range 20 {
					k := 20*w + n
					if err := j.Append(answer(k, fmt.Sprint(k))); err != nil {
						t.Errorf("Append = %v", err)
					}
					if n == 5 {
						once.Do(func() { l.does(d) })
					}
					if got, ok, err := j.Answer(key(k)); !ok || err != nil || string(got.Body) != fmt.Sprint(k) {
						t.Errorf("%s: answer %d = %s, %v, %v", l.name, k, got.Body, ok, err)
					}
				}
			})
		}
		wg.Wait()
		if j.Len() != 160 || j.Stopped() == nil {
			t.Errorf("%s: %d answers, %v", l.name, j.Len(), j.Stopped())
		}
		must(t, j.Close())
		if r := verified(t, rescuedPath, d); r.Answers != 160 || r.Records != 162 || !r.Closed {
			t.Errorf("%s: %+v", l.name, r)
		}
	}
}

// A record that was written and not yet durable when the file was cut is written
// once more: what is confirmed is in the file that was rescued.
func TestCutBeforeTheCommit(t *testing.T) {
	d := durabletest.New()
	j := open(t, diskPath, testOptions(d))
	syncing, release := make(chan bool), make(chan bool)
	d.OnSync = func() { syncing <- true; <-release }
	d.Wrote = make(chan bool, 100)
	var wg sync.WaitGroup
	for i := 1; i <= 2; i++ {
		wg.Go(func() { must(t, j.Append(answer(i, fmt.Sprint(i)))) })
		<-d.Wrote
		if i == 1 {
			<-syncing // the second waits for it
		}
	}
	d.Change(diskPath, func([]byte) []byte { return nil })
	d.OnSync = nil
	release <- true
	wg.Wait()
	must(t, j.Close())
	j = open(t, rescuedPath, testOptions(d))
	if got, ok, err := j.Answer(key(2)); !ok || err != nil || string(got.Body) != "2" {
		t.Errorf("answer 2 = %s, %v, %v", got.Body, ok, err)
	}
}
