//go:build browser

package review_test

import (
	"encoding/json"
	"errors"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"octave-enrich/checkpoint"
	"octave-enrich/pipeline"
	"octave-enrich/pipeline/review"
)

// A clerk makes marks as the command does, in memory.
type clerk struct {
	mu      sync.Mutex
	marked  map[checkpoint.Key]review.Mark
	trouble error
}

func (c *clerk) mark(a review.MarkRequest) (review.MarkReply, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.trouble != nil {
		return review.MarkReply{}, c.trouble
	}
	each := pipeline.Amount{}.Plus("1.5")
	marks := review.MarkReply{UsagePerCall: &each, Command: "octave-enrich run people.csv --limit 5"}
	for _, key := range a.Keys {
		outcome := review.Marked
		if a.Undo {
			outcome = review.Unmarked
			delete(c.marked, key)
		} else {
			c.marked[key] = review.Mark{With: a.With, At: start()}
		}
		marks.Results = append(marks.Results, review.MarkResult{Key: key, Outcome: outcome})
	}
	marks.Calls, marks.Marked = len(c.marked), map[checkpoint.Key]review.Mark{}
	for key, m := range c.marked {
		marks.Marked[key] = m
	}
	return marks, nil
}

func (c *clerk) with(key checkpoint.Key) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.marked[key].With
}

func (c *clerk) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.trouble = err
}

// Write again: one line of instruction, what it will cost, a mark that the next run
// follows; when the new words are there, old and new stand side by side.
func TestBrowserHasAContactWrittenAgain(t *testing.T) {
	path, keys := people(t)
	book, err := review.Open(path, "test")
	if err != nil {
		t.Fatal(err)
	}
	defer book.Close()
	server, desk := review.NewServer(t.Context(), path, book), &clerk{marked: map[checkpoint.Key]review.Mark{}}
	server.Mark = desk.mark
	web := httptest.NewServer(server)
	defer web.Close()
	defer web.CloseClientConnections() // of pages that follow
	p := startChromium(t).open(server.URL(web.Listener.Addr()), 1440, 1000)
	p.wait(name + ` === "Ada Quinn" && document.querySelector("#again")`)
	p.press("g")
	p.wait(asked + ` && document.activeElement.id === "instruction"`)
	p.is(`document.querySelector("#ask .cost").textContent`, "1 call, about 1.5 credits, when the list is run again; until then these words stay. Nothing is paid now.")
	p.shot("again")
	p.write("shorter, and no jokes")
	p.press("Enter")
	p.wait("!" + asked + ` && document.querySelector(".again")?.textContent === "↻ will be written again: shorter, and no jokes"`)
	p.is(`document.querySelectorAll(".row .mark[title='will be written again']").length`, 1)
	p.wait(`document.querySelector("#said").textContent.startsWith("Ada Quinn will be written again: 1 call, about 1.5 credits in all")`)
	if got := desk.with(keys[0]); got != "shorter, and no jokes" {
		t.Errorf("marked with %q", got)
	}
	p.eval(`location.hash = "#overview"`)
	p.wait(`[...document.querySelectorAll(".eyes li")].some((li) => li.textContent.includes("marked, and the next run asks again") && li.textContent.includes("--limit 5"))`)
	p.eval(`location.hash = "#emails"`)
	p.wait(`!document.querySelector("#emails").hidden`)
	p.press("g")
	p.wait(asked)
	p.is(`document.querySelector("#instruction").value`, "shorter, and no jokes")
	p.click("#ask", "Take the mark back")
	p.wait("!" + asked + ` && !document.querySelector(".again")`)

	desk.fail(errors.New("a run holds the checkpoint"))
	p.press("g")
	p.wait(asked)
	p.press("Enter")
	p.wait(alerts + `.includes("Ada Quinn is not marked: a run holds the checkpoint")`)
	p.press("a") // reviewing goes on
	p.wait(saved + ` && document.querySelectorAll(".mark.good").length === 1`)
	p.press("k")

	// The run has written it again, with the instruction: another question.
	journal, err := checkpoint.Open(path, checkpoint.Options{})
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(fields{"request": person("Ada", "Quinn", "Alder"), "row": 1, "replaces": keys[0],
		"answer": fields{"found": true, "data": fields{"emails": []fields{{"subject": "An idea for Alder", "email": "Hi Ada,\n\nshall we talk on Friday?"}}}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := journal.Append(checkpoint.Record{Type: checkpoint.Answered, Key: checkpoint.Key{77}, At: start().Add(time.Hour), Body: body}); err != nil {
		t.Fatal(err)
	}
	if err := journal.Close(); err != nil {
		t.Fatal(err)
	}
	sides := `[...document.querySelectorAll(".version .plain-text")].map((n) => n.textContent).join("|")`
	p.wait(`document.querySelector(".versions")?.open && ` + sides + `.includes("talk on Friday?")`)
	p.is(sides, "Hi Ada,\n\nshall we talk on Thursday?|Hi Ada,\n\nshall we talk on Friday?|Hi Ada, is this worth a call?")
	p.is(`document.querySelector(".version del").textContent + document.querySelectorAll(".version")[1].querySelector("ins").textContent`, "Thursday?Friday?")
	p.is(`document.querySelectorAll(".version")[0].getBoundingClientRect().top === document.querySelectorAll(".version")[1].getBoundingClientRect().top`, true)
	p.is(`document.querySelectorAll(".row").length + ", " + document.querySelectorAll(".mark.good").length`, "5, 0") // once, and to be read
	p.is(`document.querySelector(".reviewbar").textContent.includes("an earlier answer was approved")`, true)
	p.shot("versions")
	// And on a page that is made later.
	again := p.chromium.open(page(t, path)+"#emails", 1440, 1000)
	again.wait(name + ` === "Ada Quinn" && ` + sides + `.includes("talk on Friday?")`)
	again.is(`document.querySelectorAll(".row").length`, 5)
}
