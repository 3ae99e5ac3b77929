//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"octave-enrich/checkpoint"
	"octave-enrich/cmd/octave-enrich/checkpoints"
	"octave-enrich/cmd/octave-enrich/paths"
	"octave-enrich/pipeline"
)

// TestCrashAnswers kills what is done with answers that there are already: a new
// checkpoint that takes over those of the day before, a run that keeps those of
// contacts whose question changed, redo, and the run that follows it. Whatever the
// moment,
//
//   - no answer is taken over twice, asked for again or lost: neither the one that
//     was kept nor the one that a newer one replaced,
//   - what was marked is asked until it is answered, and then never again,
//   - and the checkpoint that was only read is as it was.
//
// The service does not fail here, so that every call too many is a kill's. CRASH_SEEDS
// and CRASH_KILLS say how many lists and how many kills in all.
func TestCrashAnswers(t *testing.T) {
	seeds := number(t, "CRASH_SEEDS", 2)
	kills := max(number(t, "CRASH_KILLS", 16)/seeds/len(chapters()), 1)
	killed := 0
	for seed := range seeds {
		b := &bystander{t: t, dir: t.TempDir(), random: rand.New(rand.NewPCG(uint64(seed), 7)), kills: kills, answers: map[checkpoint.Key][]string{}}
		b.service = serveRemote(t, "--latency", "15ms", "--jitter", "15ms")
		b.yesterday()
		for _, chapter := range chapters() {
			chapter(b)
			if t.Failed() {
				t.Fatalf("seed %d", seed)
			}
		}
		killed += b.killed
	}
	t.Logf("%d kills", killed)
	if killed == 0 {
		t.Error("nothing was killed")
	}
}

func chapters() []func(*bystander) {
	return []func(*bystander){(*bystander).takesOver, (*bystander).keeps, (*bystander).marks, (*bystander).asksAgain}
}

// A bystander watches what becomes of answers.
type bystander struct {
	t       *testing.T
	dir     string
	service remote
	random  *rand.Rand
	kills   int // in a chapter, at most
	killed  int
	took    time.Duration // a run of the day before
	before  []byte        // the checkpoint of the day before

	answers map[checkpoint.Key][]string // as they were seen, the oldest first
	asked   map[string]int              // by the service, of questions that were settled then
}

const (
	crashRows  = 60 // of the first list
	crashAhead = 12 // more in each next one
)

func (b *bystander) args(more ...string) []string {
	return append([]string{"run", "leads-2.csv", "--concurrency", "4"}, more...)
}

func (b *bystander) checkpoint() string {
	return filepath.Join(b.dir, "leads-2.enriched.csv.checkpoint")
}

// list writes contacts 1 to n, those up to titled with a title that they had not before.
func (b *bystander) list(name string, n, titled int) {
	var text strings.Builder
	text.WriteString("Email,First Name,Title\n")
	for i := 1; i <= n; i++ {
		title := ""
		if i <= titled {
			title = "Head of sales"
		}
		fmt.Fprintf(&text, "p%d@company%d.example,Ada %d,%s\n", i, i%7, i, title)
	}
	check(b.t, os.WriteFile(filepath.Join(b.dir, name), []byte(text.String()), 0o600))
}

// yesterday answers the first list, and nobody kills that.
func (b *bystander) yesterday() {
	b.list("leads-1.csv", crashRows, 0)
	began := time.Now()
	p := runToEnd(b.t, b.dir, b.service.url, "run", "leads-1.csv", "--concurrency", "4")
	p.exits(b.t, 0)
	b.took = time.Since(began)
	b.before = read(b.t, filepath.Join(b.dir, "leads-1.enriched.csv.checkpoint"))
	b.asked = map[string]int{}
	for key, c := range b.service.books(b.t).Contacts {
		b.asked[key] = c.Asked
	}
}

// toTheEnd kills a command at random moments, and then lets it end.
func (b *bystander) toTheEnd(args ...string) {
	for range b.kills {
		p := start(b.t, command(b.t, b.dir, b.service.url, args...))
		select {
		case <-p.ended:
		case <-time.After(time.Duration(b.random.Int64N(int64(b.took)))): // the random moment
			_ = p.cmd.Process.Kill() // it may have ended
			<-p.ended
		}
		if p.code() < 0 {
			b.killed++
		}
		b.look()
	}
	p := runToEnd(b.t, b.dir, b.service.url, args...)
	p.exits(b.t, 0)
	b.look()
}

// look compares the checkpoint and the books with what they said before.
func (b *bystander) look() {
	b.t.Helper()
	if text := read(b.t, filepath.Join(b.dir, "leads-1.enriched.csv.checkpoint")); string(text) != string(b.before) {
		b.t.Error("the checkpoint of the day before was changed")
	}
	now := map[checkpoint.Key][]string{}
	if paths.Exists(b.checkpoint()) {
		for entry, err := range checkpoint.Records(b.checkpoint(), nil) {
			check(b.t, err)
			if entry.Type == checkpoint.Answered {
				now[entry.Key] = append(now[entry.Key], string(entry.Body))
			}
		}
	}
	for key, list := range b.answers {
		if len(now[key]) < len(list) || strings.Join(now[key][:len(list)], "") != strings.Join(list, "") {
			b.t.Errorf("question %v: an answer was lost or changed", key)
		}
	}
	b.answers = now
	for key, c := range b.service.books(b.t).Contacts {
		if settled, known := b.asked[key]; known && c.Asked != settled {
			b.t.Errorf("question %s: asked %d times, and %d when it was settled", key, c.Asked, settled)
		}
	}
}

// settle notes which questions must not be asked any more, and wants each of them
// answered so often.
func (b *bystander) settle(times func(answers []string) int) {
	b.t.Helper()
	contacts := b.service.books(b.t).Contacts
	for key, list := range b.answers {
		if len(list) != times(list) {
			b.t.Errorf("question %v has %d answers, want %d", key, len(list), times(list))
		}
		b.asked[key.String()] = contacts[key.String()].Asked
	}
}

func (b *bystander) status() (s checkpoints.Status) {
	b.t.Helper()
	text, err := command(b.t, b.dir, b.service.url, "status", b.checkpoint(), "--json").Output()
	check(b.t, err)
	var status struct { // an Amount is not read back
		TakenOver int `json:"taken_over"`
		AskAgain  int `json:"ask_again"`
		Questions pipeline.QuestionCount
	}
	check(b.t, json.Unmarshal(text, &status))
	return checkpoints.Status{TakenOver: status.TakenOver, AskAgain: status.AskAgain, Questions: status.Questions}
}

func once([]string) int { return 1 }

// takesOver runs the list of today, whose checkpoint is new.
func (b *bystander) takesOver() {
	b.list("leads-2.csv", crashRows+crashAhead, 0)
	b.toTheEnd(b.args()...)
	b.settle(once)
	if s := b.status(); s.TakenOver != crashRows || s.Questions.Answered != crashRows+crashAhead {
		b.t.Errorf("taken over %d of %d, answered %d of %d", s.TakenOver, crashRows, s.Questions.Answered, crashRows+crashAhead)
	}
}

// keeps runs a list on which half of the contacts have changed.
func (b *bystander) keeps() {
	old := len(b.answers)
	b.list("leads-2.csv", crashRows+2*crashAhead, crashRows/2)
	b.toTheEnd(b.args("--changed", "keep")...)
	b.settle(once)
	if len(b.answers) != old+crashAhead {
		b.t.Errorf("%d answers, want %d and %d new ones", len(b.answers), old, crashAhead)
	}
	rows := string(read(b.t, filepath.Join(b.dir, "leads-2.enriched.csv")))
	if ok := strings.Count(rows, ",ok,"); ok != crashRows+2*crashAhead {
		b.t.Errorf("%d rows have an answer, kept or new, want all %d", ok, crashRows+2*crashAhead)
	}
}

// marks wants some contacts asked anew: with an instruction, which makes another
// question, and without.
func (b *bystander) marks() {
	b.toTheEnd("redo", "leads-2.csv", "--rows", "1-10", "--with", "shorter")
	b.toTheEnd("redo", "leads-2.csv", "--rows", fmt.Sprintf("%d-%d", crashRows+1, crashRows+10))
	b.settle(once)
	if s := b.status(); s.AskAgain != 20 {
		b.t.Errorf("%d marked, want 20", s.AskAgain)
	}
}

// asksAgain pays for what was marked.
func (b *bystander) asksAgain() {
	old := b.answers
	for _, key := range b.marked() {
		delete(b.asked, key.String()) // it may be asked once more
	}
	b.toTheEnd(b.args("--changed", "keep")...)
	anew := 0
	b.settle(func(list []string) int {
		if len(list) > 1 {
			anew++
			return 2
		}
		return 1
	})
	if other := len(b.answers) - len(old); anew != 10 || other != 10 {
		b.t.Errorf("%d answered anew and %d with an instruction, want 10 of each", anew, other)
	}
	if s := b.status(); s.AskAgain != 0 {
		b.t.Errorf("%d are still marked", s.AskAgain)
	}
	b.toTheEnd(b.args("--changed", "keep")...) // which finds all of it settled
}

// marked are the questions that the checkpoint wants to be asked again.
func (b *bystander) marked() (keys []checkpoint.Key) {
	for entry, err := range checkpoint.Records(b.checkpoint(), nil) {
		check(b.t, err)
		var body pipeline.AgainBody
		if entry.Type == pipeline.Again && json.Unmarshal(entry.Body, &body) == nil {
			keys = append(keys, body.Keys...)
		}
	}
	return keys
}
