//go:build browser

package review_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"octave-enrich/checkpoint"
	"octave-enrich/pipeline"
	"octave-enrich/pipeline/review"
)

// A rejection says why: a digit is enough, other reasons are words.
func TestBrowserAsksWhyItIsRejected(t *testing.T) {
	r := newRecords(t, "sandbox")
	r.run("people.csv")
	for i := range 5 {
		r.answer(person(fmt.Sprintf("Name%d", i+1), "Smith", "Acme"), "Growth", "An idea", "Shall we talk?")
	}
	path := r.close()
	server := serve(t, path, "127.0.0.1:0")
	p := startChromium(t).open(server.url, 1280, 900)
	for i, why := range []string{"wrong person", "wrong facts", "tone"} {
		p.wait(fmt.Sprintf(name+` === "Name%d Smith"`, i+1))
		p.press("x")
		p.wait(asked + fmt.Sprintf(` && document.querySelector("#ask").textContent.includes("%d %s")`, i+1, why))
		p.press(fmt.Sprint(i + 1))
		p.wait("!" + asked + ` && ` + saved)
	}
	p.wait(name + ` === "Name4 Smith"`)
	p.press("x")
	p.wait(asked)
	p.press("4")
	p.wait(`document.activeElement.getAttribute("aria-label") === "Another reason"`)
	p.write("she has left")
	p.press("Enter")
	p.wait("!" + asked + ` && ` + saved)
	p.wait(name + ` === "Name5 Smith"`)
	p.press("x")
	p.wait(asked)
	p.press("Escape") // changes nothing
	p.wait("!" + asked)
	p.is(`document.querySelector("#choose-rejected").getAttribute("aria-pressed")`, "false")
	book, err := review.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i := range 5 {
		key := [16]byte{byte(i + 1), 0, 0, 1}
		d := book.Decision(key, answerOf(t, path, key))
		got = append(got, d.State+" "+d.Reason)
	}
	if want := "rejected wrong person|rejected wrong facts|rejected tone|rejected she has left| "; strings.Join(got, "|") != want {
		t.Errorf("on disk: %q, want %q", got, want)
	}
	p.press("k")
	p.wait(`document.querySelector(".reviewbar").textContent.includes("because of: she has left")`)
	p.is(`/^4 of 5, (about \d+ min|under a minute)$/.test(document.querySelector("#progress").textContent)`, true)
}

// Space scrolls the sequence, and goes on at its end.
func TestBrowserSpaceReadsOn(t *testing.T) {
	path, _ := people(t)
	p := startChromium(t).open(page(t, path)+"#emails", 1280, 420)
	p.wait(name + ` === "Ada Quinn"`)
	p.press(" ")
	p.wait(`document.querySelector("#reader").scrollTop > 0 || ` + name + ` !== "Ada Quinn"`)
	p.is(name, "Ada Quinn") // scrolled first
	for range 12 {
		if p.eval(name) != "Ada Quinn" {
			break
		}
		p.press(" ")
	}
	p.is(name, "Bo Ibarra")
}

// Whoever decides with the keyboard stays on the control, and is told what happened.
func TestBrowserFocusStaysAndItIsSaidWhatHappened(t *testing.T) {
	path, _ := people(t)
	server := serve(t, path, "127.0.0.1:0")
	p := startChromium(t).open(server.url, 1280, 900)
	said := func(want string) {
		t.Helper()
		p.wait(fmt.Sprintf(`document.querySelector("#said").textContent.startsWith(%q)`, want))
	}
	p.is(`document.querySelectorAll("h1").length`, 1)
	p.is(`document.querySelector("#said").getAttribute("role")`, "status")
	p.wait(name + ` === "Ada Quinn"`)
	p.eval(`document.querySelector("#choose-approved").focus()`)
	p.press("Enter")
	p.wait(name + ` === "Bo Ibarra" && ` + saved)
	p.is(`document.activeElement.id`, "choose-approved")
	said("Approved: Ada Quinn")
	p.press("z")
	p.wait(`!document.querySelector(".mark.good")`)
	said("Undone: Approved: Ada Quinn")
	for _, control := range []string{`document.querySelector("#decisions [data-value=approved]")`, `document.querySelector("#statuses [data-value=failed]")`} {
		p.eval(control + `.focus()`)
		p.press("Enter")
		p.is(`document.activeElement === `+control, true)
		p.eval(`document.querySelector("#clear").click()`)
	}
	p.eval(`document.querySelectorAll(".row")[0].click()`)
	p.wait(name + ` === "Ada Quinn"`)
	p.eval(`document.querySelector("[data-step='2']").querySelectorAll("button")[1].focus()`) // edit
	p.press("Enter")
	p.wait(`document.activeElement.tagName === "TEXTAREA"`)
	p.press("Escape")
	p.is(`document.activeElement.dataset.step`, "2")
	p.eval(`location.hash = "#overview"`)
	p.wait(`!document.querySelector("#overview").hidden`)
	p.eval(`document.querySelector(".scope [data-value=everything]").focus()`)
	p.press("Enter")
	p.is(`document.activeElement.dataset.value + document.activeElement.getAttribute("aria-pressed")`, "everythingtrue")
}

// At 200 % everything can be reached without scrolling sideways, and whoever wants
// less motion has none.
func TestBrowserAtTwiceTheSizeAndWithoutMotion(t *testing.T) {
	path, _ := people(t)
	server := serve(t, path, "127.0.0.1:0")
	browser := startChromium(t)
	for _, url := range []string{page(t, path) + "#overview", page(t, path) + "#emails", server.url} {
		p := browser.open(url, 640, 450) // 1280 by 900, twice as large
		p.is(`document.documentElement.scrollWidth <= 640`, true)
		p.eval(`document.querySelectorAll(".row")[0]?.click()`)
		p.is(`document.documentElement.scrollWidth <= 640`, true)
		p.is(`[...document.querySelectorAll("button, a, select, input")].filter((n) => n.checkVisibility() && n.getBoundingClientRect().width && (n.getBoundingClientRect().right > 641 || n.getBoundingClientRect().left < -1)).map((n) => n.outerHTML).join()`, "")
		p.shot("zoom")
	}
	p := browser.open(page(t, path), 1280, 900)
	p.scheme("light") // and less motion
	p.is(`[...document.querySelectorAll("*")].filter((n) => getComputedStyle(n).transitionDuration !== "0s" || getComputedStyle(n).animationName !== "none").length`, 0)
	p.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-reduced-motion", "value": "no-preference"}}})
	p.is(`getComputedStyle(document.querySelector(".chip")).transitionDuration`, "0.1s")
}

// The last run or everything: figures, losses and the verdict's words.
func TestBrowserTheLastRunOrEverything(t *testing.T) {
	r := newRecords(t, "sandbox")
	r.run("people.csv")
	r.answer(person("Ada", "Quinn", "Alder"), "Growth", "An idea", "Shall we talk?")
	r.end("done")
	r.at = r.at.Add(24 * 3600e9)
	r.run("people.csv")
	r.answer(person("Bo", "Ibarra", "Brightfen"), "Growth", "An idea", "Shall we talk?")
	r.fail(person("Cy", "Wilk", "Coralune"), "400 Bad Request: no", "request")
	r.note(pipeline.Ended, [16]byte{}, fields{"id": "1", "exit_code": 3, "reason": "1 row failed", "rows": fields{"ok": 2, "failed": 1}})
	p := startChromium(t).open(page(t, r.close()), 1280, 900)
	funnel := `[...document.querySelectorAll(".funnel .step-line")].map((n) => n.textContent).join()`
	p.is(funnel, "3 rows,2 asked,1 answered,1 written,1 sendable")
	p.is(`document.querySelector(".verdict p").textContent`, "1 new sequence, 1 failed, whose row must be fixed. 1 row failed")
	p.eval(`document.querySelector(".scope [data-value=everything]").click()`)
	p.is(funnel, "3 asked,2 answered,2 written,2 sendable")
	p.eval(`[...document.querySelectorAll(".funnel a")].find((a) => a.textContent === "1 failed").click()`)
	p.wait(shown + ` === "Cy Wilk"`)
}

// On paper the summary is the overview: without buttons, in light colours.
func TestBrowserPrintsTheSummary(t *testing.T) {
	path, _ := people(t)
	p := startChromium(t).open(page(t, path)+"#emails", 1280, 900)
	p.wait(name + ` === "Ada Quinn"`)
	p.eval(`window.print = () => { window.printed = !document.querySelector("#overview").hidden && document.querySelector("#overview").innerText }`)
	p.press("p")
	p.wait(asked)
	p.click("#ask", "The overview")
	p.wait(`window.printed?.includes("From rows to emails") && window.printed.includes("run went well")`)
	p.call("Emulation.setEmulatedMedia", map[string]any{"media": "print", "features": []map[string]string{{"name": "prefers-color-scheme", "value": "dark"}}})
	p.is(`[...document.querySelectorAll("button, select")].filter((n) => n.checkVisibility()).length`, 0)
	p.is(`getComputedStyle(document.querySelector(".panel")).backgroundColor`, "rgb(255, 255, 255)")
	p.shot("print-summary")
	p.eval(`dispatchEvent(new Event("afterprint"))`)
	p.wait(`!document.querySelector("#emails").hidden`)
}

// Charts are honest: every axis of times says whose they are, no tick stands twice, and
// what failed is told from what was answered by more than its colour.
func TestBrowserChartsAreHonest(t *testing.T) {
	r := newRecords(t, "sandbox")
	r.run("people.csv")
	for i := range 12 {
		r.answer(person(fmt.Sprintf("Name%d", i), "Quinn", "Alder"), "Growth", "An idea", "Shall we talk?")
	}
	r.fail(person("Ed", "Lind", "Eastmoor"), "503 Service Unavailable", "server")
	p := startChromium(t).open(page(t, r.close()), 1280, 900)
	p.call("Emulation.setTimezoneOverride", map[string]any{"timezoneId": "Asia/Kolkata"})
	p.eval(`document.querySelector(".scope [data-value=everything]").click()`)
	p.is(`[...document.querySelectorAll(".legend .muted")].map((n) => n.textContent.match(/your time, UTC.*/)[0]).join()`, "your time, UTC+5:30,your time, UTC+5:30")
	p.is(`document.querySelector("#overview svg .tick[text-anchor=start]").textContent`, "00:30:00")
	p.is(`document.querySelectorAll("#overview svg").length`, 3)
	p.is(`[...document.querySelectorAll("#overview svg")].filter((svg) => { const ticks = [...svg.querySelectorAll(".tick")].map((n) => n.textContent + n.getAttribute("y").slice(0, 2)); return new Set(ticks).size < ticks.length; }).length`, 0)
	p.is(`getComputedStyle(document.querySelector(".fill-bad")).fill.includes("#hatch") && !getComputedStyle(document.querySelector(".fill-good")).fill.includes("#hatch")`, true)
	p.is(`[...document.querySelectorAll("#overview svg")].every((svg) => svg.getAttribute("role") === "img" && svg.getAttribute("aria-label"))`, true)
}

// Every step of the funnel leads to the contacts that it counts.
func TestBrowserStepsLeadToTheirContacts(t *testing.T) {
	path, keys := people(t)
	decide(t, path, review.Verdict{Key: keys[0], Of: review.Fingerprint(answerOf(t, path, keys[0])), State: review.Approved})
	server := serve(t, path, "127.0.0.1:0")
	p := startChromium(t).open(server.url+"#overview", 1280, 900)
	steps := `[...document.querySelectorAll(".funnel .step-line a, .losses a")]`
	n, _ := p.eval(steps + `.length`).(float64)
	if n < 7 {
		t.Fatalf("%v links", n)
	}
	for i := range int(n) {
		want := p.eval(fmt.Sprintf(`parseInt(%s[%d].textContent)`, steps, i))
		p.eval(fmt.Sprintf(`%s[%d].click()`, steps, i))
		p.wait(`!document.querySelector("#emails").hidden`)
		p.is(`parseInt(document.querySelector("#count").textContent)`, want)
		p.eval(`location.hash = "#overview"`)
		p.wait(`!document.querySelector("#overview").hidden`)
	}
}

// While a run goes on the header says how far it is.
func TestBrowserTheHeaderShowsTheRunThatGoesOn(t *testing.T) {
	path, _ := people(t)
	server := serve(t, path, "127.0.0.1:0")
	p := startChromium(t).open(server.url, 1280, 900)
	p.is(`document.querySelector("#running").hidden`, true)
	journal, err := checkpoint.Open(path, checkpoint.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer journal.Close()
	note := func(kind string, key checkpoint.Key, body string) {
		t.Helper()
		if err := journal.Append(checkpoint.Record{Type: kind, Key: key, At: time.Now(), Body: json.RawMessage(body)}); err != nil {
			t.Fatal(err)
		}
	}
	note(checkpoint.Run, checkpoint.Key{}, `{"id":"2","input":{"name":"people.csv","rows":7}}`)
	note(checkpoint.Answered, checkpoint.Key{50}, `{"row":6,"request":{"firstName":"Gus"},"answer":{"found":true,"data":{"emails":[{"subject":"Hi","email":"Shall we talk?"}]}}}`)
	p.wait(`document.querySelector("#running").textContent === "run goes on: 1 of 7 rows" && !document.querySelector("#running").hidden`)
	p.wait(`document.querySelectorAll(".row").length === 6`)
	note(pipeline.Ended, checkpoint.Key{}, `{"id":"2","exit_code":0,"reason":"every row settled"}`)
	p.wait(`document.querySelector("#running").hidden`)
	p.eval(`location.hash = "#overview"`)
	p.wait(`document.querySelector(".verdict h2")?.textContent.includes("run went well")`)
}
