package checkpoint

import (
	"errors"
	"strings"
	"syscall"
	"testing"

	"octave-enrich/checkpoint/durable/durabletest"
)

func body(bytes int) string { return `"` + strings.Repeat("x", bytes) + `"` }

// No call starts for which there is no room, and each that did start finds some,
// whatever else fills the disk meanwhile.
func TestFullDiskCostsNoAnswer(t *testing.T) {
	d := durabletest.New()
	opt := testOptions(d)
	var stops []error
	opt.OnStop = func(reason error) { stops = append(stops, reason) }
	j := open(t, diskPath, opt)
	const calls = 3
	d.Room(d.Used() + calls*minAnswer + 4096)
	for i := range calls {
		must(t, ask(j, i))
	}
	d.Room(d.Used()) // others take what is left
	before := j.size
	for range 2 { // it stays so
		if err := ask(j, 9); !errors.Is(err, ErrNoCall) || !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("one call too many: %v", err)
		}
	}
	if j.size != before || len(stops) != 1 || !errors.Is(stops[0], syscall.ENOSPC) || !errors.Is(j.Stopped(), ErrNoCall) {
		t.Errorf("grew from %d to %d, OnStop heard %v, Stopped = %v", before, j.size, stops, j.Stopped())
	}
	for i := range calls {
		must(t, j.Append(answer(i, body(minAnswer-1024))))
	}
	must(t, j.Close())
	if r := verified(t, diskPath, d); r.Answers != calls || !r.Closed || d.Used() != r.Bytes {
		t.Errorf("report = %+v, %d bytes taken", r, d.Used())
	}

	// The disk stays full: the next run makes no call.
	d.Room(d.Used() + 1024)
	j = open(t, diskPath, opt)
	must(t, j.Append(Record{Type: Run}))
	if err := ask(j, 9); !errors.Is(err, ErrNoCall) || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("the first call of the next run: %v", err)
	}
	must(t, j.Close())
}

// Room is taken for the calls under way, by the longest answer that is known.
func TestRoomOfACall(t *testing.T) {
	for longest, want := range map[int]int{100: minAnswer, 300 << 10: 300 << 10, 4 << 20: maxAnswer} {
		d := durabletest.New()
		j := open(t, diskPath, testOptions(d))
		must(t, j.Append(answer(1, body(longest))))
		must(t, j.Close())
		for _, known := range []string{"of an earlier run", "of this run"} {
			j = open(t, diskPath, testOptions(d))
			if known == "of this run" {
				must(t, j.Append(answer(2, body(longest))))
			}
			d.Room(d.Used() + int64(want) - 1024)
			if err := ask(j, 3); !errors.Is(err, ErrNoCall) {
				t.Errorf("answer of %d bytes %s, room for less: %v", longest, known, err)
			}
			must(t, j.Close())
			d.Room(-1)
		}
	}
}

// A call that has ended needs no room any more.
func TestRoomIsForCallsUnderWay(t *testing.T) {
	d := durabletest.New()
	j := open(t, diskPath, testOptions(d))
	d.Room(d.Used() + 2*minAnswer)
	for i := range 20 {
		must(t, ask(j, i))
		if i%2 == 0 {
			must(t, j.Append(answer(i, body(100))))
		} else {
			must(t, j.Note(Record{Type: Missed, Key: key(i)}))
		}
	}
	must(t, j.Note(Record{Type: Failed, Key: key(1)}))
	must(t, j.Close())
}

// What was reserved leaves no trace: the file can be read as ever, also after a
// kill, and gives the room back.
func TestReservedRoomIsNotSeen(t *testing.T) {
	d := durabletest.New()
	j := open(t, diskPath, testOptions(d))
	must(t, ask(j, 1))
	if int64(len(d.Data(diskPath))) != j.size || d.Used() < j.size+minAnswer {
		t.Errorf("%d bytes in the file, %d written, %d taken", len(d.Data(diskPath)), j.size, d.Used())
	}
	after := d.Killed()
	if lines := strings.Count(string(after.Data(diskPath)), "\n"); lines != 2 {
		t.Errorf("%d lines", lines)
	}
	j = open(t, diskPath, testOptions(after))
	if j.Recovered() != 0 {
		t.Errorf("recovered %d bytes", j.Recovered())
	}
	must(t, ask(j, 1))
	must(t, j.Append(answer(1, "1")))
	must(t, j.Close())
	if d.Used() != int64(len(d.Data(diskPath))) {
		t.Errorf("%d bytes taken by %d", d.Used(), len(d.Data(diskPath)))
	}
}
