//go:build browser

package review_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"octave-enrich/checkpoint"
	"octave-enrich/pipeline"
	"octave-enrich/reader"
)

// listed writes a list beside the records and answers its rows.
func (r *records) listed(text string) {
	r.t.Helper()
	path := filepath.Join(filepath.Dir(r.path), "people.csv")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
	in, err := reader.Open([]string{path}, reader.Options{})
	if err != nil {
		r.t.Fatal(err)
	}
	defer in.Close()
	questioner, err := pipeline.NewQuestioner(pipeline.Settings{}, in.Columns())
	if err != nil {
		r.t.Fatal(err)
	}
	r.run("people.csv", "email", "E-Mail", "firstName", "First name")
	for contact, err := range in.Contacts() {
		if err != nil {
			r.t.Fatal(err)
		}
		request, err := questioner.Request(contact)
		if err != nil {
			r.t.Fatal(err)
		}
		q := pipeline.NewQuestion(request, contact.Row)
		r.next()
		r.note(checkpoint.Asked, q.Key, struct{}{})
		r.note(checkpoint.Answered, q.Key, fields{"request": json.RawMessage(q.Canonical), "row": contact.Row,
			"answer": fields{"found": true, "data": fields{"emails": []fields{{"subject": "An idea", "email": fmt.Sprintf("Hi %s?", request.FirstName)}}}}})
	}
}

// The whole row of the list stands beside the email, also what was not sent; a list
// that is gone is said to be.
func TestBrowserShowsTheRowBesideTheEmail(t *testing.T) {
	r := newRecords(t, "sandbox")
	r.listed("E-Mail,First name,Shoe size,Remark\nada@example.com,Ada,38,\nbo@example.com,Bo,44,<b>likes tea</b>\n")
	browser, path := startChromium(t), r.close()
	p := browser.open(page(t, path)+"#emails", 1440, 900)
	p.wait(name + ` === "Ada"`)
	p.is(`[...document.querySelectorAll(".input-row dt")].map((n) => n.textContent + ": " + n.nextSibling.textContent).join("; ")`, "E-Mail → email: ada@example.com; First name → firstName: Ada; Shoe size: 38")
	p.is(`document.querySelector(".input-row").textContent.includes("1 empty column")`, true)
	p.press("j")
	p.wait(name + ` === "Bo"`)
	p.is(`document.querySelector(".input-row h4").nextSibling.textContent`, "Shoe size44Remark<b>likes tea</b>")
	p.shot("evidence")
	p.size(1024, 800)
	p.is(`document.documentElement.scrollWidth`, 1024)
	if err := os.Remove(filepath.Join(filepath.Dir(path), "people.csv")); err != nil {
		t.Fatal(err)
	}
	p = browser.open(page(t, path)+"#emails", 1440, 900)
	p.wait(name + ` === "Ada"`)
	p.is(`document.querySelector(".input-row").textContent.includes("Without the row: the list is not beside the checkpoint")`, true)
}
