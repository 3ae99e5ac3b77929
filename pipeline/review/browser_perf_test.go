//go:build browser

package review_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"golang.org/x/sync/errgroup"

	"octave-enrich/checkpoint"
)

// written makes a checkpoint of so many sequences.
func written(t *testing.T, n int) string {
	t.Helper()
	r := newRecords(t, "sandbox")
	r.run("many.csv")
	const text = "I have been reading about Acme and was struck by how much of it must come down to you as Head of Sales. What tends to work is small: " +
		"one playbook, one segment, four weeks. At the end there is a number that speaks for going on or does not."
	var together errgroup.Group // so that many answers share one sync
	together.SetLimit(500)
	for i := range n {
		first := fmt.Sprintf("Name%d", i+1)
		emails := []fields{}
		for step := range 3 {
			emails = append(emails, fields{"subject": "An idea for Acme", "email": fmt.Sprintf("Hi %s,\n\n%s\n\nShall we talk on Thursday? (%d)", first, text, step)})
		}
		body, err := json.Marshal(fields{"request": person(first, "Smith", "Acme"), "row": i + 1, "latency_ms": 40, "usage": 1,
			"answer": fields{"found": true, "data": fields{"emails": emails, "playbook": fields{"name": "Growth"}}}})
		if err != nil {
			t.Fatal(err)
		}
		together.Go(func() error {
			return r.journal.Append(checkpoint.Record{Type: checkpoint.Answered, Key: checkpoint.Key{byte(i), byte(i >> 8), 1}, At: r.at, Body: body})
		})
	}
	if err := together.Wait(); err != nil {
		t.Fatal(err)
	}
	return r.close()
}

// timed is what takes how many milliseconds on the page of a review.
func timed(t *testing.T, browser *chromium, contacts int) map[string]float64 {
	t.Helper()
	server := serve(t, written(t, contacts), "127.0.0.1:0")
	ms := map[string]float64{}
	p := browser.open(server.url, 1280, 900)
	p.wait(name + ` === "Name1 Smith"`)
	number := func(expression string) float64 { n, _ := p.eval(expression).(float64); return n }
	ms["first paint"] = number(`performance.getEntriesByName("ready")[0].startTime - performance.getEntriesByType("navigation")[0].responseEnd`)
	// Until the change can be seen: the next frame.
	until := func(do string) float64 {
		return number(`new Promise((done) => { const from = performance.now(); ` + do + `; requestAnimationFrame(() => done(performance.now() - from)); })`)
	}
	p.wait(`performance.getEntriesByName("prepared").length`)
	ms["all texts"] = number(`performance.getEntriesByName("prepared")[0].startTime - performance.getEntriesByType("navigation")[0].responseEnd`)
	ms["search"] = until(`{ const s = document.querySelector("#search"); s.value = "name77 thursday"; s.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true })); }`)
	p.wait(`document.querySelectorAll(".row").length > 0 && document.querySelector("#count").textContent.includes(" of ")`)
	p.eval(`document.querySelector("#clear").click()`)
	ms["decision"] = until(`document.querySelector("#choose-approved").click()`)
	p.wait(saved)
	ms["overview"] = until(`location.hash = "#overview"; dispatchEvent(new Event("hashchange"))`)
	p.wait(`document.querySelector(".funnel")?.textContent.includes("sendable")`)
	return ms
}

// With 20,000 contacts the page is as good to use as with 1,000: the figures are
// printed, and what depends on what can be seen alone must not grow with the rest.
func TestBrowserIsAsQuickWithManyContacts(t *testing.T) {
	browser := startChromium(t)
	few, many := timed(t, browser, 1000), timed(t, browser, 20_000)
	for what, ms := range many {
		t.Logf("%-12s %6.0f ms with 20,000 contacts, %5.0f ms with 1,000: %.1f times", what, ms, few[what], ms/few[what])
	}
}
