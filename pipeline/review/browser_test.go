//go:build browser

package review_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"octave-enrich/checkpoint"
	"octave-enrich/pipeline"
	"octave-enrich/pipeline/report"
)

// page writes the report of a checkpoint and returns where a browser finds it.
func page(t *testing.T, path string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "page.html")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	list, err := report.ReadList(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := report.Write(f, path, report.Options{List: list}); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return "file://" + name
}

func (p *tab) is(expression string, want any) {
	p.t.Helper()
	if n, ok := want.(int); ok {
		want = float64(n)
	}
	if got := p.eval(expression); got != want {
		p.t.Errorf("%s is %v, want %v", expression, got, want)
	}
}

const (
	shown = `[...document.querySelectorAll(".row b")].map((b) => b.textContent).join(", ")`
	name  = `document.querySelector("#reader h2")?.firstChild.textContent`
)

// pick chooses an option of a filter.
func (p *tab) pick(filter, value string) {
	p.t.Helper()
	p.eval(fmt.Sprintf(`{ const s = document.querySelector("select[name=%s]"); s.value = %q; s.dispatchEvent(new Event("change")); }`, filter, value))
}

func TestBrowserReadsASequence(t *testing.T) {
	path, _ := people(t)
	p := startChromium(t).open(page(t, path), 1280, 900)
	p.is(`document.querySelector("#title").textContent`, "people.csv")
	p.is(`document.querySelector(".verdict h2").textContent.startsWith("Monday’s run went well after ")`, true)
	p.is(`[...document.querySelectorAll("#overview td")].some((td) => td.textContent === "E-Mail")`, true)
	p.is(`[...document.querySelectorAll("#overview tr")].some((tr) => tr.textContent.includes("503 Service Unavailable: try later") && tr.lastChild.textContent === "5")`, true)
	p.press("o")
	p.wait(`!document.querySelector("#emails").hidden`)
	p.wait(name + ` === "Ada Quinn"`)
	p.is(shown, "Ada Quinn, Bo Ibarra, Cy Wilk, Di Adeyemi, Ed Lind")
	p.is(`document.querySelectorAll(".message").length`, 2)
	p.is(`document.querySelector(".message .text").textContent`, "Hi Ada,\n\nshall we talk on Thursday?")
	p.is(`document.querySelector(".message .meta").textContent`, "7 words")
	p.is(`document.querySelectorAll(".message h3")[1].textContent`, "Re: An idea for Alder")

	p.shot("light")
	p.press("t")
	p.press("t")
	p.is(`document.documentElement.dataset.theme`, "dark")
	p.shot("dark")
	p.press("j")
	p.wait(name + ` === "Bo Ibarra"`)
	p.is(`[...document.querySelectorAll(".message .badge.warn")].map((b) => b.textContent).sort().join()`, "capitals,merge tag,no call to action,placeholder,spam")
	p.press("j")
	p.wait(`document.querySelector("iframe")?.contentDocument?.body?.innerText.includes("Hi Cy,")`)
	p.press("k")
	p.press("k")
	p.wait(name + ` === "Ada Quinn"`)
	p.press("End")
	p.wait(name + ` === "Ed Lind"`)
	p.is(`document.querySelector("#reader .error").textContent`, "Failed: 503 Service Unavailable: try later (server, HTTP 503)")
	if said := p.complaints(); len(said) > 0 {
		t.Errorf("the page complains: %s", strings.Join(said, "\n"))
	}
}

// A night that ended out of credits says so, and every step of its funnel leads to
// the contacts that it is about.
func TestBrowserSaysHowTheNightWent(t *testing.T) {
	r := newRecords(t, "sandbox")
	r.run("people.csv")
	again := person("Ada", "Again", "Alder")
	again["email"] = " ADA@example.com"
	r.answer(person("Ada", "Quinn", "Alder"), "Growth", "An idea", "Shall we talk?", "", "Still?")
	r.answer(again, "Growth", "An idea", "Shall we talk?", "", "Still?")
	r.answer(person("Bo", "Ibarra", "Brightfen"), "Growth", "An idea for [First Name]", "Shall we talk?", "", "Still?")
	r.answer(person("Cy", "Wilk", "Coralune"), "Growth", "An idea", "Shall we talk?")
	r.answer(fields{"firstName": "Di", "companyDomain": "dune.example"}, "Growth", "An idea", "Shall we talk?", "", "Still?")
	r.notFound(person("Ed", "Lind", "Eastmoor"), "no such person")
	r.fail(person("Fi", "Oduya", "Fjord"), "dial tcp 10.1.2.3:443->10.0.0.9:53211: connection refused", "unreachable")
	r.fail(person("Gus", "Pell", "Gale"), "dial tcp 10.1.2.4:443->10.0.0.9:53299: connection refused", "unreachable")
	r.fail(person("Hal", "Rae", "Holt"), "400 Bad Request: email is not one", "request")
	r.at = r.at.Add(40 * time.Minute)
	r.note(pipeline.Ended, checkpoint.Key{}, fields{"id": "1", "exit_code": 7, "reason": "out of credits", "usage": 5,
		"rows": fields{"ok": 5, "not_found": 1, "failed": 3, "excluded": 2, "not_attempted": 22}, "calls": fields{"started": 9, "possibly_billed": 1}})
	p := startChromium(t).open(page(t, r.close()), 1280, 1600)
	p.is(`document.querySelector(".verdict").classList.contains("bad")`, true)
	p.is(`document.querySelector(".verdict h2").textContent`, "Monday’s run stopped early: out of credits after 40 min 14 s.")
	p.is(`document.querySelector(".verdict p").textContent`, "5 new sequences, 22 contacts not asked, 1 not found, 3 failed; the same command goes on. out of credits")
	p.is(`[...document.querySelectorAll(".funnel li")].map((li) => li.textContent).join("; ")`,
		"33 rows− 22 not asked, 2 excluded; 9 asked− 3 failed; 6 answered− 1 not found; 5 written− 1 duplicate address, 1 placeholder, 1 sequence too short, 1 no email address; 1 sendable")
	p.is(`[...document.querySelectorAll(".eyes li")].map((li) => [li.firstChild.textContent, li.children[1].firstChild.textContent].join(" ")).join("; ")`,
		"1 placeholder; 2 failed, and a rerun will retry; 1 failed, and the row must be fixed")
	p.is(`[...document.querySelectorAll(".fact-tile b")].map((n) => n.textContent).join()`, "5,5,1,0")
	p.is(`[...document.querySelectorAll("#overview tr")].filter((tr) => tr.textContent.includes("connection refused")).map((tr) => tr.textContent).join()`, "the service was not reached: dial tcp …: connection refusedyes27–8")
	p.shot("night")
	p.eval(`[...document.querySelectorAll(".losses a")].find((a) => a.textContent === "1 placeholder").click()`)
	p.wait(shown + ` === "Bo Ibarra"`)
	p.eval(`location.hash = "#overview"`)
	p.wait(`!document.querySelector("#overview").hidden`)
	p.eval(`[...document.querySelectorAll(".eyes a")].at(-1).click()`)
	p.wait(shown + ` === "Hal Rae"`)
	if said := p.complaints(); len(said) > 0 {
		t.Errorf("the page complains: %s", strings.Join(said, "\n"))
	}
}

// A message is shown as an inbox shows it, with what is wrong and what is known
// marked in its text, and the evidence beside it.
func TestBrowserShowsAnEmailAsItsRecipientSeesIt(t *testing.T) {
	r := newRecords(t, "sandbox")
	r.run("people.csv")
	long := strings.Repeat("word ", 40)
	key := r.next()
	r.note(checkpoint.Answered, key, fields{"request": person("Ada", "Quinn", "Alder"), "row": 1, "answer": fields{"found": true, "data": fields{
		"outputType": "markdown",
		"playbook":   fields{"name": "Growth", "matchConfidence": 0.87, "matchAnalysis": "They hire."},
		"persona":    fields{"name": "Buyer", "matchConfidence": "HIGH", "matchAnalysis": "The title says so."},
		"annotations": fields{"annotations": []fields{{"type": "news", "title": "Alder grows", "url": "https://alder.example.com/news", "description": "a press release"},
			{"type": "odd", "title": "Odd", "url": "javascript:top.pwned=1"}}},
		"emails": []fields{{"subject": "Ada, " + long, "email": "Hi Ada,\n\nhow is **Alder**? [First Name]\n\n- one\n- two\n\nSee [the plan](https://plan.example.com/x)."}}}}})
	r.answer(person("Cy", "Wilk", "Coralune"), "Growth", "A question", "<p>Hi Cy, shall Coralune and we <a href=\"https://talk.example.com/now\">talk</a>? {{plan}} of Cyprus</p>")
	r.answer(person("Noa", "Levi", "Tekoa"), "Growth", "שלום", "היי נועה, נדבר ביום חמישי?")
	p := startChromium(t).open(page(t, r.close())+"#emails", 1280, 1100)
	p.wait(name + ` === "Ada Quinn"`)
	p.is(`[...document.querySelector(".inbox li").children].map((n) => [...n.textContent].length).join()`, "11,60,90")
	p.is(`[...document.querySelectorAll(".text mark")].map((n) => n.textContent + ": " + n.title.split(":")[0]).join()`, "[First Name]: placeholder")
	p.is(`[...document.querySelectorAll(".rich u")].map((n) => n.textContent).join()`, "Ada,Alder")
	p.is(`document.querySelector(".rich strong").textContent + document.querySelectorAll(".rich li").length + document.querySelectorAll(".rich a").length`, "Alder20")
	p.is(`document.querySelector(".shown-link").textContent`, "the plan (https://plan.example.com/x)")
	p.shot("markdown")
	p.click(".message", "source")
	p.wait(`[...document.querySelectorAll(".message .text")].some((n) => !n.hidden && n.textContent.includes("**Alder**"))`)
	p.is(`document.querySelector(".evidence").open`, true) // there is room for it
	p.is(`["0.87", "They hire.", "Buyer", "high", "The title says so.", "Alder grows", "a press release", "Head of Sales"].filter((s) => !document.querySelector(".evidence").textContent.includes(s)).join()`, "")
	p.is(`[...document.querySelectorAll(".evidence a")].map((a) => a.href).join()`, "https://alder.example.com/news")
	p.is(`document.querySelector(".evidence").getBoundingClientRect().left >= document.querySelector(".steps").getBoundingClientRect().right`, true) // beside
	p.press("j")
	p.wait(`document.querySelector("iframe")?.contentDocument?.querySelector("a")`)
	p.wait(`document.querySelector("iframe").contentDocument.querySelectorAll("[href]").length === 0`)
	p.is(`document.querySelector(".links").textContent`, "talk leads to https://talk.example.com/now")
	p.is(`[...document.querySelector("iframe").contentDocument.querySelectorAll("u, mark")].map((n) => n.textContent + ": " + n.title.split(":")[0]).join()`,
		"Cy: first name of the contact,Coralune: company of the contact,{{plan}}: merge tag")
	p.is(`document.querySelector(".warning").textContent.startsWith("merge tag ")`, true) // and its rule beside it
	p.press("j")
	p.wait(name + ` === "Noa Levi"`)
	p.is(`getComputedStyle(document.querySelector(".message .text")).direction`, "rtl")
	p.shot("rtl")
}

func TestBrowserSearchesAndFilters(t *testing.T) {
	path, _ := people(t)
	p := startChromium(t).open(page(t, path)+"#emails", 1280, 900)
	p.press("/")
	p.is(`document.activeElement.id`, "search")
	p.write("thursday ADA")
	p.wait(shown + ` === "Ada Quinn"`)
	p.is(`document.querySelector("#count").textContent`, "1 of 5 contacts")
	p.press("Enter")
	p.is(`document.activeElement.id`, "list")
	p.wait(name + ` === "Ada Quinn"`)
	p.eval(`document.querySelector("#clear").click()`)
	p.is(`document.querySelectorAll(".row").length`, 5)
	p.eval(`document.querySelector("#statuses [data-value=failed]").click()`)
	p.is(shown, "Ed Lind")
	p.eval(`document.querySelector("#statuses [data-value='']").click()`)
	for _, c := range []struct{ filter, value, want string }{
		{"playbook", "Growth", "Ada Quinn, Cy Wilk"}, {"playbook", "", "Ada Quinn, Bo Ibarra, Cy Wilk, Di Adeyemi, Ed Lind"},
		{"persona", "Stack", "Bo Ibarra"}, {"persona", "", "Ada Quinn, Bo Ibarra, Cy Wilk, Di Adeyemi, Ed Lind"},
		{"messages", "2", "Ada Quinn"}, {"messages", "", "Ada Quinn, Bo Ibarra, Cy Wilk, Di Adeyemi, Ed Lind"},
		{"warning", "placeholder", "Bo Ibarra"}, {"warning", "none", "Ada Quinn, Cy Wilk"}, {"warning", "any", "Bo Ibarra"}, {"warning", "", "Ada Quinn, Bo Ibarra, Cy Wilk, Di Adeyemi, Ed Lind"},
		{"sort", "slow", "Cy Wilk, Bo Ibarra, Ada Quinn, Di Adeyemi, Ed Lind"},
	} {
		p.pick(c.filter, c.value)
		p.is(shown, c.want)
	}
	p.eval(`document.querySelector("#search").focus()`)
	p.write("nobody at all")
	p.wait(`document.querySelector(".nothing")`)
}

func TestBrowserAddressHoldsWhatIsShown(t *testing.T) {
	r := newRecords(t, "sandbox")
	r.run("people.csv")
	r.answer(person("Jürgen", "Müller", "Alder"), "Growth", "An idea", "Shall we talk on Thursday?")
	r.answer(person("Bo", "Ibarra", "Brightfen"), "Growth", "An idea", "On Thursday shall we talk?")
	r.answer(person("Łukasz", "Ørsted", "Straße"), "Growth", "An idea", "Hi?")
	browser, url := startChromium(t), page(t, r.close())
	p := browser.open(url+"#emails", 1280, 900)
	for _, c := range []struct{ words, want string }{
		{"muller", "Jürgen Müller"}, {"MÜLLER jurgen", "Jürgen Müller"}, {"lukasz orsted strasse", "Łukasz Ørsted"},
		{`"talk on thursday"`, "Jürgen Müller"}, {"talk on thursday", "Jürgen Müller, Bo Ibarra"}, {`"on thursday shall" ibarra`, "Bo Ibarra"},
	} {
		p.press("/")
		p.eval(`document.querySelector("#search").value = ""`)
		p.write(c.words)
		p.wait(shown + fmt.Sprintf(` === %q`, c.want))
	}
	p.press("Enter")
	p.wait(name + ` === "Bo Ibarra"`)
	p.pick("sort", "name")
	again := browser.open(p.eval(`location.href`).(string), 1280, 900)
	again.wait(name + ` === "Bo Ibarra"`)
	again.is(shown, "Bo Ibarra")
	again.is(`document.querySelector("#search").value`, `"on thursday shall" ibarra`)
	again.is(`document.querySelector("select[name=sort]").value`, "name")
}

func TestBrowserShowsHostileTextsAsText(t *testing.T) {
	var fetched atomic.Int32
	beacon := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { fetched.Add(1) }))
	defer beacon.Close()
	evil := `</script><script>top.pwned=1</script><img src=x onerror=top.pwned=1>"'><svg onload=top.pwned=1>{{data}}`
	html := `<p>Hello</p><script>top.pwned=1</script><img src="` + beacon.URL + `/i.png" onerror="top.pwned=1"><link rel=stylesheet href="` + beacon.URL + `/s.css">` +
		`<style>@import "` + beacon.URL + `/t.css"; p{background:url(` + beacon.URL + `/b.png)}</style><meta http-equiv=refresh content="0;url=` + beacon.URL + `/r">` +
		`<iframe src="` + beacon.URL + `/f"></iframe><form action="` + beacon.URL + `/p"><button autofocus onfocus=top.pwned=1></button></form><a href="javascript:top.pwned=1" id=a>x</a>`
	r := newRecords(t, evil)
	r.run(evil, evil, evil)
	request := fields{}
	for _, field := range []string{"email", "firstName", "lastName", "jobTitle", "companyName", "companyDomain", "lang", "outputFormat", "agentOId",
		"experimentOId", "playbookSelectionContext", "crmContactId"} {
		request[field] = evil
	}
	request["linkedInProfile"] = "javascript:top.pwned=1"
	request["runtimeContext"], request["runtimeInstructions"] = fields{"all": evil, evil: evil}, fields{"1": evil}
	r.answer(request, evil, evil, evil, evil, html, html, evil)
	r.notFound(request, evil)
	r.fail(request, evil, evil)
	r.end(evil)
	path := r.close()

	browser := startChromium(t)
	live := serve(t, path, "127.0.0.1:0")
	for _, url := range []string{page(t, path), live.url} {
		p := browser.open(url, 1280, 900)
		p.eval(`location.hash = "#emails"`)
		p.wait(`document.querySelectorAll("iframe").length > 0 && document.querySelector("iframe").contentDocument.URL === "about:srcdoc" && document.querySelector("iframe").contentDocument.readyState === "complete"`)
		p.is(`document.querySelector(".row b").textContent.includes("</script><script>top.pwned=1</script>")`, true)
		p.is(`document.querySelector("iframe").contentDocument.body.innerText.includes("Hello")`, true)
		p.is(`[...document.querySelectorAll(".message .text")].some((n) => n.textContent.includes("onerror=top.pwned=1"))`, true)
		p.eval(`document.querySelector("iframe").contentDocument.querySelector("#a").click()`)
		for range 2 {
			p.press("j")
		}
		p.wait(`document.querySelector("#reader .error")`)
		p.is(`[...document.querySelectorAll("a")].filter((a) => !/^(https?|file):/.test(a.href)).length`, 0)
		p.eval(`location.hash = "#overview"`)
		p.wait(`!document.querySelector("#overview").hidden`)
		p.is(`document.querySelectorAll("img, svg[onload], script:not([type])").length`, 1) // the page's own script
		p.is(`typeof pwned`, "undefined")
	}
	if n := fetched.Load(); n > 0 {
		t.Errorf("the page fetched %d things from elsewhere", n)
	}
}

func TestBrowserStaysUsableWithManyContacts(t *testing.T) {
	r := newRecords(t, "sandbox")
	r.run("many.csv")
	for i := range 20_000 {
		r.row++
		r.note(checkpoint.Failed, checkpoint.Key{byte(i), byte(i >> 8), 1}, fields{"error": "no", "row": r.row, "request": person(fmt.Sprintf("Name%d", i+1), "Smith", "Acme")})
	}
	p := startChromium(t).open(page(t, r.close())+"#emails", 1280, 900)
	p.is(`document.querySelector("#count").textContent`, "20,000 contacts")
	p.is(`document.querySelectorAll(".row").length < 60`, true)
	p.press("End")
	p.wait(name + ` === "Name20000 Smith"`)
	p.wait(`[...document.querySelectorAll(".row b")].some((b) => b.textContent === "Name20000 Smith")`)
	p.is(`document.querySelectorAll(".row").length < 60`, true)
	p.press("/")
	p.write("name12345 ")
	p.wait(shown + ` === "Name12345 Smith"`)
	p.press("Enter")
	p.wait(name + ` === "Name12345 Smith"`)
	p.eval(`document.querySelector("#clear").click()`) // what is open stays in sight
	p.is(`[...document.querySelectorAll(".row[aria-selected=true] b")].map((b) => b.textContent).join()`, "Name12345 Smith")
	p.eval(`location.hash = "#overview"`)
	p.wait(`document.querySelector("#overview").innerText.includes("1–20000")`)
}

func TestBrowserOnAPhone(t *testing.T) {
	path, _ := people(t)
	p := startChromium(t).open(page(t, path)+"#emails", 390, 800)
	p.shot("phone-list")
	p.is(`document.documentElement.scrollWidth`, 390)
	p.is(`getComputedStyle(document.querySelector("#reader")).display`, "none")
	p.eval(`document.querySelectorAll(".row")[1].click()`)
	p.wait(`getComputedStyle(document.querySelector("#reader")).display === "block"`)
	p.is(`document.documentElement.scrollWidth`, 390)
	p.shot("phone-read")
	p.eval(`document.querySelector(".back").click()`)
	p.wait(`getComputedStyle(document.querySelector(".finder")).display !== "none"`)
	p.eval(`location.hash = "#overview"`)
	p.wait(`!document.querySelector("#overview").hidden`)
	p.is(`document.documentElement.scrollWidth`, 390)
	p.shot("phone-overview")
}

func TestBrowserPrintsCopiesAndExplainsItsKeys(t *testing.T) {
	path, _ := people(t)
	p := startChromium(t).open(page(t, path)+"#emails", 1280, 900)
	p.wait(name + ` === "Ada Quinn"`)
	p.eval(`new MutationObserver(() => { window.told ||= document.querySelector("#copy-all").textContent === "copied" }).observe(document.querySelector("#copy-all"), { childList: true })`)
	p.press("c") // it says so for a moment
	p.wait(`window.told`)
	p.press("?")
	p.wait(`document.querySelector("#keys").open && document.querySelector("#keys").innerText.includes("next and previous contact")`)
	p.press("j") // belongs to the dialog
	p.is(name, "Ada Quinn")
	p.press("Escape")
	p.wait(`!document.querySelector("#keys").open`)
	p.call("Emulation.setEmulatedMedia", map[string]any{"media": "print"})
	for _, hidden := range []string{".top", ".finder", ".message > footer"} {
		p.is(fmt.Sprintf(`getComputedStyle(document.querySelector(%q)).display`, hidden), "none")
	}
	p.is(`document.querySelector("#reader").getBoundingClientRect().bottom >= [...document.querySelectorAll(".message")].at(-1).getBoundingClientRect().bottom`, true)
	p.shot("print")

	// All filtered sequences, in light colours, with the list and the date on top.
	p.eval(`window.print = () => { window.printed = document.querySelector("#print").innerText }`)
	p.scheme("dark")
	p.call("Emulation.setEmulatedMedia", map[string]any{"media": "print", "features": []map[string]string{{"name": "prefers-color-scheme", "value": "dark"}}})
	p.eval(`document.querySelector("#printer").click()`)
	p.wait(`document.querySelector("#ask").open`)
	p.click("#ask", "All 3 filtered sequences")
	p.wait(`window.printed?.includes("Ada Quinn") && window.printed.includes("shall we talk on Thursday?") && window.printed.includes("Cy Wilk")`)
	p.is(`document.querySelector("#printed").textContent.startsWith("people.csv · report · page made 20")`, true)
	p.is(`getComputedStyle(document.querySelector("#printed")).display`, "block")
	p.is(`getComputedStyle(document.body).backgroundColor`, "rgb(255, 255, 255)")
	p.shot("print-all")
	p.eval(`dispatchEvent(new Event("afterprint"))`)
	p.is(`document.querySelector("#print").childElementCount`, 0)
}
