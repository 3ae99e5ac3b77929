package report_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
	"octave-enrich/pipeline"
	"octave-enrich/pipeline/report"
)

// cellsOf are the rows that the page of a checkpoint has beside its emails, by
// address.
func cellsOf(t *testing.T, path string) (cells map[string][]string, note string) {
	t.Helper()
	list, err := report.ReadList(path)
	if err != nil {
		t.Fatal(err)
	}
	var page struct {
		Summary struct {
			List struct{ Note string }
		}
		Contacts []struct {
			Request struct{ Email string }
			Cells   []string
		}
	}
	if err := json.Unmarshal(data(t, render(t, path, report.Options{List: list})), &page); err != nil {
		t.Fatal(err)
	}
	cells = map[string][]string{}
	for _, c := range page.Contacts {
		cells[c.Request.Email] = c.Cells
	}
	return cells, page.Summary.List.Note
}

// asked writes a checkpoint about people by their addresses, beside a list.
func asked(t *testing.T, list string, emails ...string) string {
	t.Helper()
	lines := `0 run 0 {"id":"a","input":{"name":"people.csv","rows":2}}`
	path := write(t, lines)
	journal, err := checkpoint.Open(path, checkpoint.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i, email := range emails {
		q := pipeline.NewQuestion(octave.Request{Email: email}, i+1)
		body := fmt.Sprintf(`{"request":%s,"row":%d,"answer":{"found":true,"data":{"emails":[{"subject":"Hi","email":"Text"}]}}}`, q.Canonical, i+1)
		if err := journal.Append(checkpoint.Record{Type: checkpoint.Answered, Key: q.Key, At: begin(), Body: json.RawMessage(body)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := journal.Close(); err != nil {
		t.Fatal(err)
	}
	if list != "" {
		if err := os.WriteFile(filepath.Join(filepath.Dir(path), "people.csv"), []byte(list), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// Rows are found by what was asked: a list in another order puts nobody's row beside
// somebody else, and one who is not in it any more has none.
func TestRowsAreThoseOfTheQuestion(t *testing.T) {
	cells, note := cellsOf(t, asked(t, "email,size\nbo@example.com,44\nada@example.com,38\n", "ada@example.com", "bo@example.com", "cy@example.com"))
	want := map[string][]string{"ada@example.com": {"ada@example.com", "38"}, "bo@example.com": {"bo@example.com", "44"}, "cy@example.com": nil}
	if diff := cmp.Diff(want, cells); diff != "" || note != "" {
		t.Error(note, diff)
	}
}

func TestAListThatIsGoneOrBrokenIsSaid(t *testing.T) {
	for list, want := range map[string]string{"": "not beside the checkpoint", "size\n44\n": "cannot be read"} {
		cells, note := cellsOf(t, asked(t, list, "ada@example.com"))
		if cells["ada@example.com"] != nil || !strings.Contains(note, want) {
			t.Errorf("%q: %v, %q", list, cells, note)
		}
	}
}

// A page stays one that a browser opens, however long the cells are.
func TestRowsAreBounded(t *testing.T) {
	var list strings.Builder
	list.WriteString("email,note\n")
	var emails []string
	for i := range 3 {
		emails = append(emails, fmt.Sprintf("a%d@example.com", i))
		fmt.Fprintf(&list, "%s,%s\n", emails[i], strings.Repeat("é", 30_000))
	}
	cells, _ := cellsOf(t, asked(t, list.String(), emails...))
	if got := len([]rune(cells[emails[0]][1])); got > 500 || !strings.HasSuffix(cells[emails[0]][1], "…") {
		t.Errorf("a cell of %d characters", got)
	}
}

// An answer that follows another one has its words beside it, and the contact stands
// on the page once.
func TestOldAndNewWordsStandTogether(t *testing.T) {
	body := func(email, replaces string) string {
		return fmt.Sprintf(`{"request":{"email":"ada@example.com"},%s"row":1,"answer":{"found":true,"data":{"emails":[{"subject":"Hi","email":%q}]}}}`, replaces, email)
	}
	follows := func(key byte) string { return fmt.Sprintf(`"replaces":"%s",`, checkpoint.Key{key}) }
	for name, c := range map[string]struct{ lines, now, before string }{
		"the same question":      {"1 answered 1 " + body("old", "") + "\n2 answered 1 " + body("new", ""), "new", "old"},
		"another question":       {"1 answered 1 " + body("old", "") + "\n2 answered 2 " + body("new", follows(1)), "new", "old"},
		"a third one":            {"1 answered 1 " + body("old", "") + "\n2 answered 2 " + body("new", follows(1)) + "\n3 answered 3 " + body("newer", follows(2)), "newer", "new"},
		"back to the first":      {"1 answered 1 " + body("old", "") + "\n2 answered 2 " + body("new", follows(1)) + "\n3 answered 1 " + body("newer", follows(2)), "newer", "new"},
		"the new one failed":     {"1 answered 1 " + body("old", "") + "\n2 failed 1 {}", "old", ""},
		"not asked again at all": {"1 answered 1 " + body("old", ""), "old", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var page struct {
				Contacts []struct {
					Emails  []report.Message
					Earlier struct{ Emails []report.Message }
				}
			}
			if err := json.Unmarshal(data(t, render(t, write(t, c.lines), report.Options{})), &page); err != nil {
				t.Fatal(err)
			}
			if len(page.Contacts) != 1 {
				t.Fatalf("%d contacts", len(page.Contacts))
			}
			before := ""
			if list := page.Contacts[0].Earlier.Emails; len(list) > 0 {
				before = list[0].Body
			}
			if now := page.Contacts[0].Emails[0].Body; now != c.now || before != c.before {
				t.Errorf("now %q, before %q, want %q and %q", now, before, c.now, c.before)
			}
		})
	}
}
