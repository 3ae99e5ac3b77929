//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"octave-enrich/cmd/octave-enrich/outputs"
	"octave-enrich/octave/sandbox"
)

// An odd agent writes sequences of any length, of texts that senders must not have
// among others, with and without subjects; it knows nobody whose number ends in 7.
// The same address gets the same answer.
func oddAgent(t *testing.T) remote {
	rest := sandbox.New(sandbox.Config{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			rest.ServeHTTP(w, r)
			return
		}
		body, _ := io.ReadAll(r.Body)
		var asked struct{ Email string }
		_ = json.Unmarshal(body, &asked) // a request without an address is one, too
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, oddAnswer(asked.Email))
	}))
	t.Cleanup(server.Close)
	return remote{server.URL}
}

func oddAnswer(email string) string {
	var n int
	_, _ = fmt.Sscanf(email, "p%d@", &n) // 0 for nobody
	if n%10 == 7 {
		return `{"_metadata":{"usage":1},"found":false,"message":"nobody","data":null}`
	}
	dice := rand.New(rand.NewPCG(uint64(n), 1))
	pick := func(list ...string) string { return list[dice.IntN(len(list))] }
	steps, subjects := 4, dice.IntN(5) > 0
	if dice.IntN(4) == 0 {
		steps = 1 + dice.IntN(6)
	}
	emails := make([]map[string]string, steps)
	for i := range emails {
		emails[i] = map[string]string{"email": "<p>one</p>", "subject": "R&amp;D"}
		if dice.IntN(12) == 0 {
			emails[i]["email"] = pick("Hi <First Name>,", "TODO", "", "{a|b} c", "\u200b", "{about}", "%signature%", strings.Repeat("x", 31000), strings.Repeat("y", 33000))
		}
		if i > 0 && !subjects || dice.IntN(30) == 0 {
			emails[i]["subject"] = ""
		}
	}
	text, _ := json.Marshal(emails) // of strings
	return `{"_metadata":{"requestId":"r","usage":1},"found":true,"data":{"emails":` + string(text) + `,"outputType":"` + pick("html", "text", "markdown") + `"}}`
}

// oddList has people without an address or a name, the same address twice, record
// ids and cells that a sender would take for tags.
func oddList(rows int) string {
	dice := rand.New(rand.NewPCG(2, 3))
	var list strings.Builder
	list.WriteString("Record ID,Email,First Name,Last Name,Company,Note\n")
	for range rows {
		n := dice.IntN(rows)
		email, first, id, note := fmt.Sprintf("p%d@example.com", n), "Ann", "", ""
		switch dice.IntN(12) {
		case 0:
			email = ""
		case 1:
			first = ""
		case 2:
			id = fmt.Sprint(dice.IntN(3))
		case 3:
			note = "{{x}}"
		}
		fmt.Fprintf(&list, "%s,%s,%s,Lee,Company %d,%s\n", id, email, first, n, note)
	}
	return list.String()
}

// What plan says of the file for a sender is what export writes, for every sender
// and whatever was answered, also when plan is not told the agent of the run.
func TestPlanSaysWhatExportHolds(t *testing.T) {
	dir := t.TempDir()
	check(t, os.WriteFile(filepath.Join(dir, "list.csv"), []byte(oddList(120)), 0o600))
	check(t, os.WriteFile(filepath.Join(dir, "never.txt"), []byte("p3@example.com\np11@example.com\n"), 0o600))
	service := oddAgent(t)
	runToEnd(t, dir, service.url, "run", "list.csv", "--agent", "ca_sandbox4", "--limit", "70").exits(t, 3)
	cases := [][]string{
		{"smartlead"}, {"smartlead", "--keep", "Note", "--exclude", "never.txt"}, {"instantly", "--thread"}, {"lemlist", "--emails", "2"},
		{"hubspot"}, {"hubspot", "--skip", "none", "-o", "up.xlsx"}, {"outreach", "--skip", "duplicate"}, {"outreach:20", "--emails", "5"},
		{"apollo", "--keep", "Note,Company"}, {"emailbison"}, {"reply", "--thread", "--emails", "1"}, {"lemlist", "-o", "up.xlsx"},
	}
	for i, args := range cases {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			flags := append([]string{"list.csv", "--checkpoint", "list.enriched.csv.checkpoint", "-o", fmt.Sprintf("up%d.csv", i), "--preset"}, args...)
			var told struct{ Upload *outputs.Upload }
			planned, err := command(t, dir, service.url, append([]string{"plan", "--json"}, flags...)...).Output()
			check(t, err)
			check(t, json.Unmarshal(planned, &told))
			written, err := command(t, dir, service.url, append([]string{"export", "--force", "--summary", "-"}, flags...)...).Output()
			check(t, err)
			var is struct{ Upload *outputs.Upload }
			check(t, json.Unmarshal(written, &is))
			if is.Upload == nil || is.Upload.Rows == 0 || is.Upload.Unanswered == 0 || len(is.Upload.Held) < 3 {
				t.Fatalf("the export shows too little: %+v", is.Upload)
			}
			if diff := cmp.Diff(is.Upload, told.Upload); diff != "" {
				t.Errorf("(-export +plan):\n%s", diff)
			}
			if faults := checkSummary(written); len(faults) > 0 {
				t.Error(faults)
			}
		})
	}
}
