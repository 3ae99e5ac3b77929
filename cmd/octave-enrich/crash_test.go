//go:build unix

package main

import (
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"
)

// The crash campaign: lists are enriched by a process that is killed at random
// moments, again and again, while the service fails in every way it can. Whatever
// the moment,
//
//   - no answer that was in the checkpoint is lost or asked for again,
//   - nobody is billed who cannot be explained by a call that was cut off or broke
//     off, and possibly_billed of status is never less than that,
//   - what stands under the name of the output is whole: each row once, in order,
//   - and in the end it is, byte for byte, the output of a run that nobody killed.
//
// The ledger of the service, a process that is not killed, is the witness.
//
// Each seed is a list. CRASH_SEEDS and CRASH_KILLS say how many lists and how many
// kills in all; CRASH_ROWS is the length of the one long list. The long form is
// make crash.
func TestCrash(t *testing.T) {
	t.Parallel()
	crash(t, number(t, "CRASH_SEEDS", 4), number(t, "CRASH_KILLS", 32), false)
}

// TestCrashAsync is the same with --async, and promises more: nothing whose id is
// in the checkpoint is submitted again, so that nobody is billed for nothing but for
// ids that were cut off, and status names each of these.
func TestCrashAsync(t *testing.T) {
	t.Parallel()
	crash(t, number(t, "CRASH_SEEDS", 2), number(t, "CRASH_KILLS", 16), true)
}

func crash(t *testing.T, seeds, kills int, async bool) {
	var all tally
	t.Run("list", func(t *testing.T) {
		for seed := range seeds {
			c := campaign(uint64(seed), (kills+seeds-1)/seeds, async)
			t.Run(c.String(), func(t *testing.T) {
				t.Parallel()
				all.add(c.run(t))
			})
		}
	})
	t.Logf("in all\n%v", all.sum)
	if all.sum.kills < kills {
		t.Errorf("%d kills, want %d", all.sum.kills, kills)
	}
}

// TestCrashLong is the size of a real list, at the pace of a real service, which
// does not fail on its own: every call too many is a kill's.
func TestCrashLong(t *testing.T) {
	t.Parallel()
	c := trial{rows: number(t, "CRASH_ROWS", 1000), kills: 5, format: "csv", messages: 4,
		concurrency: 64, latency: 50 * time.Millisecond, retries: 4}
	if c.rows >= 20_000 {
		c.kills = 20
	}
	sum := c.run(t)
	t.Logf("\n%v", sum)
	// All workers may have an answer on its way to the disk when they are killed.
	if most := c.kills * 2 * c.concurrency; sum.unkept > most {
		t.Errorf("billed %d times without an answer kept; %d kills explain %d", sum.unkept, c.kills, most)
	}
}

// campaign is the list of a seed: both formats, 1 to 7 messages, with and without
// retries within a run.
func campaign(seed uint64, kills int, async bool) trial {
	return trial{
		async: async, seed: seed, rows: 90, kills: kills,
		format: []string{"csv", "jsonl"}[seed%2], messages: int(1 + seed%7), retries: int(seed / 2 % 3),
		concurrency: 6, latency: 15 * time.Millisecond, jitter: 15 * time.Millisecond,
		notFound: 0.05, faults: faults,
	}
}

// faults are a third of all calls. Those that change an answer are not among them:
// it would differ from the one of the run that is compared with.
const faults = "500=.02,502-html=.02,503=.02,503-after=.004,504=.02,504-html=.01,408=.01,422=.01," +
	"502-billed=.02,504-billed=.02,524-billed=.01,429=.01,429-date=.004,429-after=.004,reset-before=.03,reset-after=.04,cut=.04,cut-json=.02," +
	"notjson=.02,empty=.01,nomessages=.01,trickle=.05"

// asyncFaults are those of asynchronous work beside them, pollFaults those of polls.
const (
	asyncFaults = ",failed=.01,slow=.03,unordered=.05"
	pollFaults  = "500=.05,404=.03,reset-before=.05,cut=.05,notjson=.02,429=.02,504-html=.02"
)

// number is a setting of the environment.
func number(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text, given := os.LookupEnv(name)
	if !given {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s=%s: not a number", name, text)
	}
	return n
}

// figures are what a campaign did.
type figures struct {
	lists, rows           int
	kills, early, late    int // early: no call made yet; late: every question answered
	processes             int
	calls, broken         int // as the service counted; broken by a fault
	answers               int // in the checkpoint, not counting those not found
	billed, unkept, twice int // calls; without an answer kept; beyond the first of a contact
	possiblyBilled        int // as status says
	idsLost               int // as status names them
}

func (f figures) String() string {
	return fmt.Sprintf("%d lists, %d rows, %d processes, %d kills (%d before the first call, %d after the last answer)\n"+
		"%d calls, %d with a fault; %d billed for %d answers: %d without an answer kept, %d a contact's second or later\n"+
		"possibly billed, says status: %d; ids lost: %d",
		f.lists, f.rows, f.processes, f.kills, f.early, f.late,
		f.calls, f.broken, f.billed, f.answers, f.unkept, f.twice, f.possiblyBilled, f.idsLost)
}

// A tally adds figures up.
type tally struct {
	mu  sync.Mutex
	sum figures
}

func (s *tally) add(f figures) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sum.lists += f.lists
	s.sum.rows += f.rows
	s.sum.kills += f.kills
	s.sum.early += f.early
	s.sum.late += f.late
	s.sum.processes += f.processes
	s.sum.calls += f.calls
	s.sum.broken += f.broken
	s.sum.answers += f.answers
	s.sum.billed += f.billed
	s.sum.unkept += f.unkept
	s.sum.twice += f.twice
	s.sum.possiblyBilled += f.possiblyBilled
	s.sum.idsLost += f.idsLost
}
