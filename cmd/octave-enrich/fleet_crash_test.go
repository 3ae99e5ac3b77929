//go:build fleet && unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/pipeline"
	"octave-enrich/pipeline/fleet/pgtest"
)

// The fleet's crash campaign: a list is enriched by a coordinator and three
// workers, while workers, coordinator and database are killed at random moments,
// each alone and all together, or lose sight of each other, and while the service
// fails in every way it can. Whatever the moment,
//
//   - the output equals, byte for byte, that of a local run that nobody killed,
//     with each row once;
//   - nobody is billed twice who cannot be explained by a call that was cut off or
//     broke off, and possibly_billed of status is never less than that;
//   - no question is asked again once its answer is stored, or while it is known what
//     the service calls its work.
//
// The ledger of the service, a process that is not killed, is the witness.
func TestFleetCrash(t *testing.T) {
	t.Parallel()
	for seed := range uint64(number(t, "FLEET_SEEDS", len(assaults))) {
		t.Run(fmt.Sprintf("seed=%d,%v", seed, assaults[seed%uint64(len(assaults))]), func(t *testing.T) {
			t.Parallel()
			laySiege(t, seed).run()
		})
	}
}

// assaults are what is done to a fleet, one kind a seed. With submissions a worker and
// the run are killed while the service has the work.
var assaults = []string{"worker", "coordinator", "database", "cut", "all", "submissions"}

const (
	siegeWorkers = 3
	siegeSlots   = 4
	siegeKills   = 4
	rescueAfter  = "6s" // a second more than the time-out
)

// A siege is what a fleet has to bear.
type siege struct {
	victim
	random  *rand.Rand
	assault string
	server  *pgtest.Server
	proxy   *proxy // between the workers and the database
	workers []*process
	kills   int
}

func laySiege(t *testing.T, seed uint64) *siege {
	c := &siege{random: rand.New(rand.NewPCG(seed, 7)), assault: assaults[seed%uint64(len(assaults))]}
	c.victim = victim{t: t, dir: t.TempDir(), settled: settled{}, trial: trial{
		seed: seed, rows: 90, format: []string{"csv", "jsonl"}[seed%2], messages: int(1 + seed%7), retries: int(seed % 3),
		concurrency: siegeSlots, latency: 30 * time.Millisecond, jitter: 60 * time.Millisecond, notFound: 0.05, faults: fleetFaults,
	}}
	c.async = c.assault == "submissions"
	check(t, os.WriteFile(filepath.Join(c.dir, "list."+c.format), c.list(), 0o600))
	c.uninterrupted()
	c.service = serveRemote(t, append(c.knobs(), c.trouble()...)...)
	c.server = pgtest.Start(t)
	c.proxy = newProxy(t, c.server.Address())
	if p := runToEnd(t, c.dir, c.service.url, "fleet", "init", "--fleet", c.server.URL(c.server.Address())); p.code() != 0 {
		t.Fatal(p.stderr())
	}
	for range siegeWorkers {
		c.workers = append(c.workers, c.hire())
	}
	return c
}

// fleetFaults are those of the campaign of single runs, but for long waits.
const fleetFaults = "504-billed=.02,500=.02,502-html=.01,503=.02,504=.01,408=.01,422=.01,429=.003,reset-before=.03,reset-after=.03,cut=.03,cut-json=.02,notjson=.02,empty=.01,nomessages=.01"

// hire starts a worker.
func (c *siege) hire() *process {
	return start(c.t, command(c.t, c.dir, c.service.url, "worker", "--fleet", c.server.URL(c.proxy.address()),
		"--concurrency", strconv.Itoa(siegeSlots), "--timeout", "5s", "--rescue-after", rescueAfter))
}

// coordinator starts the run, afresh: the run that nobody killed left its answers
// beside it.
func (c *siege) coordinator() *process {
	return start(c.t, command(c.t, c.dir, c.service.url, "run", "list."+c.format, "-o", filepath.Base(c.output()),
		"--retries", strconv.Itoa(c.retries), "--fresh", "--async="+strconv.FormatBool(c.async), "--poll", "100ms", "--fleet", c.server.URL(c.server.Address())))
}

func (c *siege) run() {
	defer func() {
		if c.t.Failed() {
			for _, w := range c.workers {
				c.t.Logf("a worker said:\n%s", w.stderr())
			}
		}
	}()
	p := c.coordinator()
	for deadline := time.Now().Add(8 * time.Minute); ; {
		select {
		case <-p.ended:
			if p.code() == 0 && c.kills >= siegeKills {
				c.settleFleet()
				return
			}
			if code := p.code(); code > 0 && code != exit.RowsFailed && code != exit.Service {
				c.t.Fatalf("exit code %d:\n%s", code, p.stderr())
			}
			if p.code() == 0 { // before it was killed often enough
				c.kills++
			}
			p = c.coordinator()
		case <-time.After(time.Duration(c.random.Int64N(int64(1200 * time.Millisecond)))): // the random moment
			if c.kills < siegeKills {
				c.kills++
				c.attack(p)
			}
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("it is never finished; the coordinator said:\n%s", p.stderr())
		}
	}
}

// attack does what the seed is for.
func (c *siege) attack(coordinator *process) {
	victim := c.random.IntN(len(c.workers))
	switch c.assault {
	case "worker":
		c.murder(c.workers[victim])
		c.workers[victim] = c.hire()
	case "coordinator":
		c.murder(coordinator)
	case "database":
		c.server.Kill()
		time.Sleep(time.Duration(c.random.Int64N(int64(700 * time.Millisecond))))
		c.server.Run()
	case "cut":
		c.proxy.cut(true)
		time.Sleep(time.Duration(c.random.Int64N(int64(1500 * time.Millisecond)))) // less than it takes to be lost
		c.proxy.cut(false)
	case "submissions":
		c.murder(c.workers[victim])
		c.murder(coordinator)
		c.workers[victim] = c.hire()
	case "all":
		c.server.Kill()
		c.murder(c.workers[victim])
		c.murder(coordinator)
		c.server.Run()
		c.workers[victim] = c.hire()
	}
}

func (c *siege) murder(p *process) {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.ended
}

// settleFleet looks at a finished list.
func (c *siege) settleFleet() {
	if got := read(c.t, c.output()); !bytes.Equal(got, c.want) {
		c.t.Error("the output differs from that of a local run that nobody killed")
	} else {
		c.whole(got)
	}
	books := c.service.books(c.t)
	questions := c.questions()
	answers := 0
	for key, q := range questions {
		if q.afterwards > 0 {
			c.t.Errorf("question %s: asked %d times after its answer was stored", key, q.afterwards)
		}
		if q.known > 0 {
			c.t.Errorf("question %s: submitted %d times while an id of it was known", key, q.known)
		}
		answers += q.found
		if explained := q.found + q.billed + q.cutOff(); books.Contacts[key].Billed > explained {
			c.t.Errorf("question %s: billed %d times, explained are %d: %+v", key, books.Contacts[key].Billed, explained, q)
		}
		if books.Contacts[key].Asked > q.asked {
			c.t.Errorf("question %s: the service was asked %d times, %d calls were noted", key, books.Contacts[key].Asked, q.asked)
		}
	}
	for key := range books.Contacts {
		if questions[key] == nil {
			c.t.Errorf("question %s was asked and not noted", key)
		}
	}
	unkept := books.Billed - answers
	broken := 0 // billed by the service's own faults
	for _, q := range questions {
		broken += q.billed
	}
	if most := broken + c.kills*siegeWorkers*siegeSlots; unkept > most {
		c.t.Errorf("billed %d times without an answer kept; %d kills and %d faults explain %d", unkept, c.kills, broken, most)
	}
	status := c.status()
	if status.PossiblyBilled < unkept {
		c.t.Errorf("billed %d times without an answer kept, but status says at most %d", unkept, status.PossiblyBilled)
	}
	// What a killed host held for a run that is over comes back after a while, and nobody
	// serves its queue.
	var left int
	c.server.Scan(`SELECT count(*) FROM octave_fleet.river_job j JOIN octave_fleet.run r ON j.queue = 'run-' || r.id
		WHERE j.state IN ('available', 'scheduled', 'retryable') AND r.stopped IS NULL`, &left)
	if left > 0 {
		c.t.Errorf("%d jobs are left in the queue", left)
	}
	if p := runToEnd(c.t, c.dir, c.service.url, "run", "list."+c.format, "-o", filepath.Base(c.output()), "--fleet", c.server.URL(c.server.Address())); p.code() != 0 {
		c.t.Errorf("once more: exit code %d:\n%s", p.code(), p.stderr())
	}
	if again := c.service.books(c.t); again.Asked != books.Asked {
		c.t.Errorf("asked %d times for a finished list", again.Asked-books.Asked)
	}
	c.t.Logf("%d kills; %d calls, %d billed for %d answers: %d without one; possibly billed, says status: %d", c.kills, books.Asked, books.Billed, answers, unkept, status.PossiblyBilled)
}

func (c *siege) status() (s checkpointStatus) {
	text, err := command(c.t, c.dir, c.service.url, "status", c.checkpoint(), "--json").Output()
	check(c.t, err)
	check(c.t, json.Unmarshal(text, &s))
	if s.Questions.Open > 0 || s.Questions.Failed > 0 || len(s.Damage) > 0 {
		c.t.Errorf("status of a finished list: %+v", s)
	}
	return s
}

// checkpointStatus is what is wanted of status --json.
type checkpointStatus struct {
	Questions      pipeline.QuestionCount
	PossiblyBilled int `json:"possibly_billed"`
	Damage         []string
}

// A history is what the fleet's journal tells of a question.
type history struct{ asked, answered, missed, billed, found, afterwards, known int }

func (p history) cutOff() int { return max(0, p.asked-p.answered-p.missed) }

func (c *siege) questions() map[string]*history {
	all := map[string]*history{}
	check(c.t, c.server.Try(context.Background(), func(conn *pgx.Conn) error {
		rows, err := conn.Query(context.Background(), `SELECT encode(key, 'hex'), coalesce(result, ''), billed AND result = 'missed', coalesce(usage > 0, false),
				EXISTS (SELECT FROM octave_fleet.call other WHERE other.key = c.key AND other.result = 'answered' AND other.ended < c.asked),
				EXISTS (SELECT FROM octave_fleet.call other WHERE other.key = c.key AND other.work <> '' AND other.id < c.id AND c.asked < other.ended)
			FROM octave_fleet.call c`)
		if err != nil {
			return err
		}
		var key, result string
		var billed, cost, afterwards, known bool
		_, err = pgx.ForEachRow(rows, []any{&key, &result, &billed, &cost, &afterwards, &known}, func() error {
			p := all[key]
			if p == nil {
				p = &history{}
				all[key] = p
			}
			p.asked++
			switch result {
			case "answered":
				p.answered++
			case "missed":
				p.missed++
			}
			if afterwards {
				p.afterwards++
			}
			if known {
				p.known++
			}
			if billed {
				p.billed++
			}
			if cost {
				p.found++
			}
			return nil
		})
		return err
	}))
	return all
}

// A proxy forwards connections until it is cut: then they are silent, as when a
// cable is pulled.
type proxy struct {
	listener net.Listener
	target   string
	mu       sync.Mutex
	silent   bool
	resumed  *sync.Cond
	conns    []net.Conn
}

func newProxy(t *testing.T, target string) *proxy {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	p := &proxy{listener: listener, target: target}
	p.resumed = sync.NewCond(&p.mu)
	var serving sync.WaitGroup
	serving.Go(func() { p.serve(&serving) })
	t.Cleanup(func() {
		listener.Close()
		p.cut(false)
		p.mu.Lock()
		for _, conn := range p.conns {
			conn.Close()
		}
		p.mu.Unlock()
		serving.Wait()
	})
	return p
}

func (p *proxy) address() string { return p.listener.Addr().String() }

func (p *proxy) cut(silent bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.silent = silent
	p.resumed.Broadcast()
}

func (p *proxy) serve(serving *sync.WaitGroup) {
	for {
		near, err := p.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", p.target)
		if err != nil {
			near.Close()
			continue
		}
		p.mu.Lock()
		p.conns = append(p.conns, near, far)
		p.mu.Unlock()
		serving.Go(func() { p.pump(near, far) })
		serving.Go(func() { p.pump(far, near) })
	}
}

func (p *proxy) pump(to, from net.Conn) {
	defer to.Close()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		p.mu.Lock()
		for p.silent {
			p.resumed.Wait()
		}
		p.mu.Unlock()
		if _, failed := to.Write(buf[:n]); failed != nil || err != nil {
			return
		}
	}
}
