//go:build browser

package review_test

import (
	"os"
	"strings"
	"testing"
)

// axe runs axe-core over the page and fails with what it finds.
func (p *tab) axe(where string) {
	p.t.Helper()
	path := os.Getenv("AXE_CORE")
	if path == "" {
		p.t.Fatal("AXE_CORE names no axe.min.js; pipeline/report/testdata/browser.sh installs it")
	}
	source, err := os.ReadFile(path)
	if err != nil {
		p.t.Fatal(err)
	}
	if p.eval(`typeof axe`) == "undefined" {
		p.eval(string(source) + "\n;0")
	}
	found := p.eval(`axe.run(document, { iframes: false, resultTypes: ["violations"] }).then((r) =>
		r.violations.map((v) => v.id + ": " + v.nodes.slice(0, 4).map((n) => n.target.join(" ") + " " + (n.any[0] || n.all[0] || n.none[0] || {}).message).join(" | ")).join("\n"))`)
	if found != "" {
		p.t.Errorf("%s: axe-core finds\n%s", where, found)
	}
}

func TestBrowserAxeFindsNothing(t *testing.T) {
	path, _ := people(t)
	browser := startChromium(t)
	server := serve(t, path, "127.0.0.1:0")
	for _, scheme := range []string{"light", "dark"} {
		p := browser.open(page(t, path), 1280, 900)
		p.scheme(scheme)
		p.axe(scheme + " overview")
		p.eval(`location.hash = "#emails"`)
		p.wait(`!document.querySelector("#emails").hidden`)
		p.wait(name + ` === "Ada Quinn"`)
		p.press("j")
		p.axe(scheme + " emails")
		p.press("?")
		p.wait(`document.querySelector("#keys").open`)
		p.axe(scheme + " keys")

		p = browser.open(server.url, 1280, 900)
		p.scheme(scheme)
		p.wait(name + ` === "Ada Quinn"`)
		p.press("a")
		p.wait(name + ` === "Bo Ibarra" && ` + saved)
		p.axe(scheme + " review")
		p.press("e")
		p.wait(`document.activeElement.tagName === "TEXTAREA"`)
		p.axe(scheme + " edit")
		p.press("Escape")
		p.press("x")
		p.wait(asked)
		p.axe(scheme + " reject")
		p.press("Escape")
		p.press("z")
		p.wait(saved + ` && !document.querySelector(".mark.good")`)
	}
	if said := browser.complaints("Page.javascriptDialogOpening"); len(said) > 0 {
		t.Errorf("the page complains: %s", strings.Join(said, "\n"))
	}
}
