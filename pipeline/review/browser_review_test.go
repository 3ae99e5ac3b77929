//go:build browser

package review_test

import (
	"testing"

	"octave-enrich/checkpoint"
	"octave-enrich/pipeline"
	"octave-enrich/pipeline/review"
)

const saved = `document.querySelector("#saved").textContent === "all saved"`

// approved reads back what an export would send.
func approved(t *testing.T, path string, key checkpoint.Key) (subject, body string, ok bool) {
	t.Helper()
	a := approvedAnswer(t, path, key)
	if a == nil {
		return "", "", false
	}
	return a.Emails[0].Subject, a.Emails[0].Body, true
}

func TestBrowserReviewSurvivesKill(t *testing.T) {
	path, keys := people(t)
	browser := startChromium(t)
	server := serve(t, path, "127.0.0.1:0")
	p := browser.open(server.url, 1280, 900)
	p.wait(name + ` === "Ada Quinn"`)
	p.press("e")
	p.wait(`document.activeElement.tagName === "TEXTAREA"`)
	p.eval(`document.activeElement.select()`)
	p.write("Hi Ada, in my own words?")
	p.wait(`document.querySelector("#saved").textContent === "all saved" && document.querySelector(".row .mark")?.title !== "x"`)
	p.press("Escape")
	p.press("a") // and on to the next one
	p.wait(name + ` === "Bo Ibarra"`)
	p.press("r")
	p.wait(name + ` === "Cy Wilk"`)
	p.wait(saved)
	p.shot("review")
	server.kill()

	if subject, body, ok := approved(t, path, keys[0]); !ok || subject != "An idea for Alder" || body != "Hi Ada, in my own words?" {
		t.Errorf("approved %q %q %v after the kill", subject, body, ok)
	}
	for _, key := range keys[1:] {
		if _, _, ok := approved(t, path, key); ok {
			t.Errorf("%v is approved, which nobody said", key)
		}
	}

	// What the page could not send waits for the next server at the same place.
	p.press("a")
	p.wait(`document.querySelector("#saved").textContent.startsWith("not saved")`)
	server = serve(t, path, server.addr())
	p.call("Page.navigate", map[string]any{"url": server.url})
	p.wait(`document.documentElement?.dataset.ready === "true" && location.href.startsWith("` + server.url + `") && ` + saved)
	p.wait(`document.querySelectorAll(".mark.good").length === 2 && document.querySelectorAll(".mark.bad[title=rejected]").length === 1`)
	p.is(`document.querySelector(".message .text").textContent`, "Hi Ada, in my own words?")
	server.kill()
	if _, _, ok := approved(t, path, keys[2]); !ok {
		t.Error("the decision made while the server was away is lost")
	}
}

func TestBrowserTakesADecisionBack(t *testing.T) {
	path, keys := people(t)
	server := serve(t, path, "127.0.0.1:0")
	p := startChromium(t).open(server.url, 1280, 900)
	p.press("a")
	p.wait(name + ` === "Bo Ibarra"`)
	p.press("k")
	p.press("u")
	p.wait(`!document.querySelector(".mark.good") && ` + saved)
	if _, _, ok := approved(t, path, keys[0]); ok {
		t.Error("still approved")
	}
	p.eval(`document.querySelector("[data-step='2'] footer button:last-child").click()`)
	p.wait(`document.querySelector(".edit-subject")`)
	p.eval(`{ const s = document.querySelector(".edit-subject"); s.value = "Again"; s.dispatchEvent(new Event("input")); s.blur(); }`)
	p.wait(saved)
	p.eval(`document.querySelector(".primary").click()`)
	p.wait(`document.querySelectorAll(".message h3")[1].textContent === "Again"`)
	p.eval(`[...document.querySelectorAll("[data-step='2'] footer button")].at(-1).click()`) // as written
	p.wait(`document.querySelectorAll(".message h3")[1].textContent === "Re: An idea for Alder" && ` + saved)
	book, err := review.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := book.Decision(keys[0], answerOf(t, path, keys[0])); d.State != "" || d.Emails != nil {
		t.Errorf("the decision is %+v, want none", d)
	}
}

var _ pipeline.Journal = (*checkpoint.Journal)(nil)
