//go:build browser

package review_test

import (
	"fmt"
	"strings"
	"testing"

	"octave-enrich/checkpoint"
	"octave-enrich/pipeline"
	"octave-enrich/pipeline/report"
	"octave-enrich/pipeline/review"
)

const (
	saved  = `document.querySelector("#saved").textContent === "all saved"`
	alerts = `document.querySelector("#alerts").textContent`
	asked  = `document.querySelector("#ask").open`
)

// approved reads back what an export would send.
func approved(t *testing.T, path string, key checkpoint.Key) (subject, body string, ok bool) {
	t.Helper()
	a := approvedAnswer(t, path, key)
	if a == nil {
		return "", "", false
	}
	return a.Emails[0].Subject, a.Emails[0].Body, true
}

// onDisk is the last decision about an answer.
func onDisk(t *testing.T, path string, key checkpoint.Key) report.Decision {
	t.Helper()
	book, err := review.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	return book.Decision(key, answerOf(t, path, key))
}

// click presses the button of that text within what the selector finds.
func (p *tab) click(selector, text string) {
	p.t.Helper()
	button := fmt.Sprintf(`[...document.querySelector(%q).querySelectorAll("button")].find((b) => b.textContent === %q)`, selector, text)
	p.wait(button)
	p.eval(button + ".click()")
}

// edit replaces the text of the message at step, and leaves it a draft.
func (p *tab) edit(step int, text string) {
	p.t.Helper()
	p.click(fmt.Sprintf("[data-step='%d']", step), "edit")
	p.wait(`document.activeElement.tagName === "TEXTAREA"`)
	p.eval(`document.activeElement.select()`)
	if text == "" {
		p.eval(`document.activeElement.value = ""; document.activeElement.dispatchEvent(new Event("input"))`)
		return
	}
	p.write(text)
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
	p.chord("Enter", control)
	p.wait(saved + ` && document.querySelector(".message .text").textContent === "Hi Ada, in my own words?"`)
	p.press("a") // and on to the next one
	p.wait(name + ` === "Bo Ibarra"`)
	p.press("x")
	p.wait(asked)
	p.shot("reject")
	p.press("2")
	p.wait(name + ` === "Cy Wilk"`)
	p.wait(saved)
	p.shot("review")
	p.press("k")
	p.press("k")
	p.wait(`[...document.querySelectorAll(".changes ins")].map((n) => n.textContent).join(" ").includes("own words?")`)
	p.is(`[...document.querySelectorAll(".changes del")].map((n) => n.textContent).join("").includes("Thursday")`, true)
	p.press("j")
	p.press("j")
	server.kill()

	if subject, body, ok := approved(t, path, keys[0]); !ok || subject != "An idea for Alder" || body != "Hi Ada, in my own words?" {
		t.Errorf("approved %q %q %v after the kill", subject, body, ok)
	}
	for _, key := range keys[1:] {
		if _, _, ok := approved(t, path, key); ok {
			t.Errorf("%v is approved, which nobody said", key)
		}
	}
	if d := onDisk(t, path, keys[1]); d.Reason != "wrong facts" {
		t.Errorf("the reason is %q", d.Reason)
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

func TestBrowserReplaysNoQueueOverANewerDecision(t *testing.T) {
	path, keys := people(t)
	browser := startChromium(t)
	server := serve(t, path, "127.0.0.1:0")
	p := browser.open(server.url, 1280, 900)
	server.kill()
	p.press("a")
	p.wait(`document.querySelector("#saved").textContent.startsWith("not saved")`)
	decide(t, path, review.Verdict{Key: keys[0], Of: review.Fingerprint(answerOf(t, path, keys[0])), State: review.Rejected})
	server = serve(t, path, server.addr())
	p.call("Page.navigate", map[string]any{"url": server.url})
	p.wait(`document.documentElement?.dataset.ready === "true" && location.href.startsWith("` + server.url + `") && ` + saved)
	p.wait(alerts + `.includes("Ada Quinn: approved was not saved: rejected at ")`)
	p.shot("conflict")
	p.is(`document.querySelectorAll(".mark.good").length`, 0)
	p.is(`document.querySelectorAll(".mark.bad[title=rejected]").length`, 1)
	p.is(`Object.keys(localStorage).filter((name) => name.includes("queue")).length`, 0)
	if d := onDisk(t, path, keys[0]); d.State != review.Rejected || d.Number != 1 {
		t.Errorf("on disk: %+v", d)
	}
}

func TestBrowserTwoTabsOverwriteNothing(t *testing.T) {
	r := newRecords(t, "sandbox")
	r.run("many.csv")
	var keys []checkpoint.Key
	for i := range 15 {
		keys = append(keys, r.answer(person(fmt.Sprintf("Name%d", i+1), "Smith", "Acme"), "Growth", "An idea", "Shall we talk?"))
	}
	r.answer(person("Odd", "One", "Acme"), "Growth", "An idea", "Nothing, [First Name].")
	path := r.close()
	browser := startChromium(t)
	browser.deaf = true
	server := serve(t, path, "127.0.0.1:0")
	old, other := browser.open(server.url, 1280, 900), browser.open(server.url, 1280, 900)
	for range 3 {
		other.press("x")
		other.wait(asked)
		other.press("1")
		other.wait("!" + asked)
	}
	other.wait(saved + ` && document.querySelectorAll(".mark.bad").length === 3`)
	old.pick("warning", "none")
	old.eval(`document.querySelector("#bulk").click()`)
	old.wait(asked)
	old.click("#ask", "Approve")
	old.wait(saved + ` && document.querySelectorAll("#alerts .notice").length === 3`)
	old.is(`document.querySelectorAll(".mark.bad[title=rejected]").length`, 3)
	old.is(`document.querySelector("#decisions [data-value=approved] i").textContent`, "12")
	old.shot("two-tabs")
	for i, key := range keys {
		want := review.Approved
		if i < 3 {
			want = review.Rejected
		}
		if d := onDisk(t, path, key); d.State != want {
			t.Errorf("contact %d is %q on disk, want %q", i+1, d.State, want)
		}
	}
}

func TestBrowserShowsNewWordsInsteadOfATick(t *testing.T) {
	path, keys := people(t)
	server := serve(t, path, "127.0.0.1:0")
	browser := startChromium(t)
	browser.deaf = true
	p := browser.open(server.url, 1280, 900)
	p.wait(name + ` === "Ada Quinn"`)
	answerAgain(t, path, keys[0], "New subject", "New words?")
	p.press("a")
	p.wait(saved + ` && ` + alerts + `.includes("Ada Quinn: approved was not saved: the words have changed since")`)
	p.is(`document.querySelectorAll(".mark.good").length`, 0)
	p.press("k")
	p.wait(`document.querySelector(".message .text").textContent === "New words?"`)
	p.press("a")
	p.wait(saved + ` && document.querySelectorAll(".mark.good").length === 1`)
	if _, body, ok := approved(t, path, keys[0]); !ok || body != "New words?" {
		t.Errorf("approved %q %v", body, ok)
	}
}

func TestBrowserADraftIsADraftUntilSaved(t *testing.T) {
	path, keys := people(t)
	server := serve(t, path, "127.0.0.1:0")
	p := startChromium(t).open(server.url, 1280, 900)
	p.wait(name + ` === "Ada Quinn"`)
	p.press("a")
	p.wait(name + ` === "Bo Ibarra"`)
	p.press("k")
	p.wait(saved)
	p.edit(1, "Half a sen")
	p.shot("draft")
	p.press("Escape") // discards
	p.wait(`document.querySelector(".message .text")?.textContent.startsWith("Hi Ada,")`)
	p.edit(1, "Half a sentence.")
	p.eval(`document.querySelectorAll(".row")[1].click()`)
	p.wait(asked)
	p.shot("leave")
	p.click("#ask", "Keep editing")
	p.is(`document.activeElement.value`, "Half a sentence.")
	p.eval(`location.hash = "#overview"`)
	p.wait(asked)
	p.press("Escape")
	p.wait("!" + asked + ` && !document.querySelector("#emails").hidden`)
	p.is(`document.querySelector("textarea").value`, "Half a sentence.")
	if _, body, ok := approved(t, path, keys[0]); !ok || !strings.HasPrefix(body, "Hi Ada,") {
		t.Errorf("an export meanwhile sends %q %v", body, ok)
	}
	p.eval(`document.querySelectorAll(".row")[1].click()`)
	p.wait(asked)
	p.click("#ask", "Save")
	p.wait(name + ` === "Bo Ibarra" && ` + saved)
	if _, _, ok := approved(t, path, keys[0]); ok {
		t.Error("still approved, with words that nobody approved")
	}
	p.press("k")
	p.wait(name + ` === "Ada Quinn"`)
	p.press("a")
	p.wait(saved + ` && document.querySelectorAll(".mark.good").length === 1`)
	if _, body, ok := approved(t, path, keys[0]); !ok || body != "Half a sentence." {
		t.Errorf("approved again, and sent is %q %v", body, ok)
	}
}

func TestBrowserAnEmptiedMessageIsDroppedOrRefused(t *testing.T) {
	path, keys := people(t)
	server := serve(t, path, "127.0.0.1:0")
	p := startChromium(t).open(server.url, 1280, 900)
	p.wait(name + ` === "Ada Quinn"`)
	p.edit(1, "")
	p.chord("Enter", control)
	p.wait(`document.querySelector("[data-step='1'] .error")?.textContent.includes("The first message needs a text")`)
	p.press("Escape")
	p.edit(2, "")
	p.click("[data-step='2']", "drop this message")
	p.wait(saved + ` && document.querySelector("[data-step='2']").classList.contains("dropped")`)
	p.press("a")
	p.wait(saved + ` && document.querySelectorAll(".mark.good").length === 1`)
	if a := approvedAnswer(t, path, keys[0]); a == nil || len(a.Emails) != 1 {
		t.Errorf("exported is %+v", a)
	}
	p.press("k")
	p.wait(name + ` === "Ada Quinn"`)
	p.click("[data-step='2']", "as written")
	p.wait(saved + ` && !document.querySelector(".dropped")`)
	if d := onDisk(t, path, keys[0]); d.State != "" || d.Emails != nil {
		t.Errorf("the decision is %+v, want none", d)
	}
}

func TestBrowserThePageFollows(t *testing.T) {
	path, keys := people(t)
	browser := startChromium(t)
	server := serve(t, path, "127.0.0.1:0")
	p, other := browser.open(server.url, 1280, 900), browser.open(server.url, 1280, 900)
	other.press("a")
	p.wait(`document.querySelectorAll(".mark.good").length === 1`) // decided in the other window
	answerAgain(t, path, keys[0], "New subject", "New words?")
	answerAgain(t, path, checkpoint.Key{99}, "Another", "One more?")
	p.wait(`document.querySelectorAll(".row").length === 6 && !document.querySelector(".mark.good")`)
	p.wait(`document.querySelector(".message .text").textContent === "New words?"`)
	p.press("a")
	p.wait(saved + ` && document.querySelectorAll(".mark.good").length === 1`)
	p.is(alerts, "")
}

func TestBrowserAHeldKeyDecidesNothing(t *testing.T) {
	path, _ := people(t)
	server := serve(t, path, "127.0.0.1:0")
	p := startChromium(t).open(server.url, 1280, 900)
	for _, key := range []string{"a", "x", "u", "e", "z", "g"} {
		p.call("Input.dispatchKeyEvent", map[string]any{"type": "keyDown", "key": key, "text": key, "autoRepeat": true})
	}
	p.is(name, "Ada Quinn")
	p.is(`document.querySelector("#progress").textContent + document.querySelectorAll("textarea, #ask[open]").length`, "0 of 30")
	p.press("2")
	p.wait(`document.activeElement.dataset.step === "2"`)
	p.press("e") // edits the message one is at
	p.wait(`document.activeElement.getAttribute("aria-label") === "Text of message 2"`)
	p.press("Escape")
	for range 3 {
		p.press("a")
	}
	p.wait(`document.querySelector(".end")?.textContent.includes("3 approved, 0 rejected")`)
	p.is(`document.querySelector(".end code").textContent`, "octave-enrich export people.csv --approved -o approved.csv --checkpoint people.enriched.csv.checkpoint")
	p.shot("end")
}

func TestBrowserUndoesDecisions(t *testing.T) {
	path, keys := people(t)
	server := serve(t, path, "127.0.0.1:0")
	p := startChromium(t).open(server.url, 1280, 900)
	p.press("a")
	p.wait(name + ` === "Bo Ibarra" && document.querySelector("#toast").textContent.startsWith("Approved: Ada Quinn, Alder.")`)
	p.press("o") // whatever is shown
	p.wait(`!document.querySelector("#overview").hidden`)
	p.press("z")
	p.wait(`!document.querySelector(".mark.good") && ` + saved + ` && document.querySelector("#toast").textContent.startsWith("Undone: Approved: Ada Quinn")`)
	if d := onDisk(t, path, keys[0]); d.State != "" || d.Number != 2 {
		t.Errorf("the decision is %+v, want none", d)
	}
	p.eval(`location.hash = "#emails"`)
	p.wait(`!document.querySelector("#emails").hidden`)
	p.pick("warning", "none")
	p.eval(`document.querySelector("#bulk").click()`)
	p.wait(asked)
	p.click("#ask", "Approve")
	p.wait(saved + ` && document.querySelectorAll(".mark.good").length === 2`)
	p.press("z")
	p.wait(saved + ` && document.querySelectorAll(".mark.good").length === 0`)
	for _, key := range keys {
		if d := onDisk(t, path, key); d.State != "" {
			t.Errorf("%v is %s", key, d.State)
		}
	}
}

var _ pipeline.Journal = (*checkpoint.Journal)(nil)
