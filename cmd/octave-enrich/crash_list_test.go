//go:build unix

package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// A trial is a list and how it is enriched and killed.
type trial struct {
	async           bool
	seed            uint64
	rows, kills     int
	format          string
	messages        int
	concurrency     int
	retries         int
	latency, jitter time.Duration
	notFound        float64
	faults          string
}

func (c trial) String() string {
	return fmt.Sprintf("async=%t,seed=%d,%s,messages=%d,retries=%d", c.async, c.seed, c.format, c.messages, c.retries)
}

// knobs are those of the service, faults aside.
func (c trial) knobs() []string {
	return []string{"--messages", strconv.Itoa(c.messages), "--not-found", fmt.Sprint(c.notFound),
		"--latency", c.latency.String(), "--jitter", c.jitter.String(), "--async-result", "mixed"}
}

// trouble is how the service fails.
func (c trial) trouble() []string {
	list := []string{"--faults", c.faults, "--seed", fmt.Sprint(c.seed)}
	if c.async {
		list[1] += asyncFaults
		list = append(list, "--poll-faults", pollFaults)
	}
	return list
}

func (c trial) run(t *testing.T) figures {
	v := &victim{trial: c, t: t, dir: t.TempDir(), settled: settled{}}
	check(t, os.WriteFile(filepath.Join(v.dir, "list."+c.format), c.list(), 0o600))
	took := v.uninterrupted()

	v.service = serveRemote(t, append(c.knobs(), c.trouble()...)...)
	v.did = figures{lists: 1, rows: c.rows}
	random := rand.New(rand.NewPCG(c.seed, uint64(c.rows)))
	// About when the last kill comes the list is about to be finished: on average a
	// process gets a share of the time that a run takes, and time to begin.
	span := min(took/6, 200*time.Millisecond) + 14*took/time.Duration(10*c.kills)
	for v.did.kills < c.kills-1 && !t.Failed() {
		v.kill(time.Duration(random.Int64N(int64(span))))
	}
	v.finish()
	for v.did.kills < c.kills && !t.Failed() { // and one that would only have written the rows again
		v.kill(time.Duration(random.Int64N(int64(min(took/2, time.Second)))))
	}
	if !t.Failed() {
		v.settle()
	}
	t.Logf("kills within %v\n%v", span.Round(time.Millisecond), v.did)
	return v.did
}

// list spells the contacts. Some say the same as another, some cannot be asked.
func (c trial) list() []byte {
	var text bytes.Buffer
	table := csv.NewWriter(&text)
	if c.format == "csv" {
		_ = table.Write([]string{"n", "First Name", "Email", "Company", "Note"})
	}
	for n := 1; n <= c.rows; n++ {
		who := n
		if n%13 == 0 {
			who = n - 5
		}
		name, email := fmt.Sprintf("Ada %d", who), fmt.Sprintf("ada.%d.%d@company%d.example", c.seed, who, who%97)
		if n%29 == 0 {
			email = ""
		}
		note := fmt.Sprintf("%d said: \"later\",\r\nthen hung up ", n)
		if c.format == "csv" {
			_ = table.Write([]string{strconv.Itoa(n), name, email, "Company, Inc.", note})
			continue
		}
		quoted, _ := json.Marshal(note)
		fmt.Fprintf(&text, `{"n":%d.0, "First Name":%q, "Email":%q,"Company":"Company, Inc.", "Note":%s, "deep":{"x":[1.50,1e3]}}`+"\n", n, name, email, quoted)
	}
	table.Flush() // into memory
	return text.Bytes()
}

// A victim is a list that is killed.
type victim struct {
	trial
	did     figures
	t       *testing.T
	dir     string
	service remote
	want    []byte // the output of a run that nobody killed
	// What the witnesses said after the last process.
	settled settled
	asked   int
	cutOff  int
}

func (v *victim) output() string     { return filepath.Join(v.dir, "out."+v.format) }
func (v *victim) checkpoint() string { return v.output() + ".checkpoint" }

func (v *victim) args(output string) []string {
	return []string{"run", "list." + v.format, "--fresh", "-o", output, "--concurrency", strconv.Itoa(v.concurrency), "--retries", strconv.Itoa(v.retries),
		"--async=" + strconv.FormatBool(v.async), "--poll", "5ms"}
}

// uninterrupted makes the output that is wanted and returns how long that took.
func (v *victim) uninterrupted() time.Duration {
	service := serveRemote(v.t, v.knobs()...)
	began := time.Now()
	p := runToEnd(v.t, v.dir, service.url, v.args("whole."+v.format)...)
	if p.code() != 0 {
		v.t.Fatalf("uninterrupted: exit code %d:\n%s", p.code(), p.stderr())
	}
	took := time.Since(began)
	v.want = read(v.t, filepath.Join(v.dir, "whole."+v.format))
	v.whole(v.want)
	return took
}

// kill lets a process live for a while.
func (v *victim) kill(after time.Duration) {
	p := start(v.t, command(v.t, v.dir, v.service.url, v.args(filepath.Base(v.output()))...))
	v.did.processes++
	select {
	case <-p.ended:
	case <-time.After(after): // the random moment
		_ = p.cmd.Process.Kill() // it may have ended
		<-p.ended
	}
	if p.code() < 0 {
		v.did.kills++
	}
	v.examine(p)
}

// finish runs until every row is settled.
func (v *victim) finish() {
	for range 100 {
		p := runToEnd(v.t, v.dir, v.service.url, v.args(filepath.Base(v.output()))...)
		v.did.processes++
		v.examine(p)
		if p.code() == 0 || v.t.Failed() {
			return
		}
	}
	v.t.Error("it is never finished")
}

// settle looks at a finished list: it needs no call any more, to be written again
// either, and status admits to everything that was billed.
func (v *victim) settle() {
	before := v.service.books(v.t)
	if p := runToEnd(v.t, v.dir, v.service.url, v.args(filepath.Base(v.output()))...); p.code() != 0 {
		v.t.Errorf("once more: exit code %d:\n%s", p.code(), p.stderr())
	}
	p := runToEnd(v.t, v.dir, v.service.url, "export", "list."+v.format, "-o", "export."+v.format, "--checkpoint", v.checkpoint())
	if p.code() != 0 {
		v.t.Fatalf("export: exit code %d:\n%s", p.code(), p.stderr())
	}
	for _, path := range []string{v.output(), filepath.Join(v.dir, "export."+v.format)} {
		if !bytes.Equal(read(v.t, path), v.want) {
			v.t.Errorf("%s differs from the output of a run that nobody killed", filepath.Base(path))
		}
	}
	books := v.service.books(v.t)
	if books.Asked != before.Asked {
		v.t.Errorf("asked %d times for a finished list", books.Asked-before.Asked)
	}
	v.account(books)
}

// whole wants every row once, in order.
func (v *victim) whole(text []byte) {
	v.t.Helper()
	var order []string
	if v.format == "csv" {
		records, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
		check(v.t, err)
		for _, record := range records[1:] {
			order = append(order, record[0])
		}
	} else {
		for line := range bytes.Lines(text) {
			var row struct{ N json.Number }
			check(v.t, json.Unmarshal(line, &row))
			order = append(order, string(bytes.TrimSuffix([]byte(row.N), []byte(".0"))))
		}
	}
	if len(order) != v.rows {
		v.t.Fatalf("%d rows of %d", len(order), v.rows)
	}
	for i, n := range order {
		if n != strconv.Itoa(i+1) {
			v.t.Fatalf("row %s is where row %d belongs", n, i+1)
		}
	}
}

// examineOutput wants it to be whole, if there is one; and the right one when the
// process said that all is done.
func (v *victim) examineOutput(p *process) {
	text, err := os.ReadFile(v.output())
	if errors.Is(err, fs.ErrNotExist) && p.code() < 0 {
		return
	}
	check(v.t, err)
	v.whole(text)
	if p.code() == 0 && !bytes.Equal(text, v.want) {
		v.t.Error("the output differs from that of a run that nobody killed")
	}
}
