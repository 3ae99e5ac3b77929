//go:build unix

package main

import (
	"bytes"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/rogpeppe/go-internal/txtar"

	"octave-enrich/octave"
	"octave-enrich/octave/sandbox"
)

var update = flag.Bool("update", false, "write testdata/lists anew, but for what has to be said")

// TestLists takes lists as people really have them, each in the shape of an
// export or of a report of a fault, through the binary. For each, a file in
// testdata/lists says what is said before anything is paid (by inspect, plan and
// run), the questions that the service's ledger holds, and the rows that come out:
// the cells as the list has them, the status and the reason.
func TestLists(t *testing.T) {
	lists, err := filepath.Glob("../../reader/testdata/lists/*.*")
	check(t, err)
	if len(lists) < 44 {
		t.Fatalf("only %d lists", len(lists))
	}
	for _, path := range lists {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			path, err := filepath.Abs(path)
			check(t, err)
			golden := filepath.Join("testdata", "lists", filepath.Base(path)+".txtar")
			if *update {
				check(t, os.WriteFile(golden, txtar.Format(enriched(t, path, false).archive(section(t, golden, "said"))), 0o644))
				return
			}
			want, said := section(t, golden, ""), section(t, golden, "said")
			got := enriched(t, path, said != "")
			for _, text := range strings.Split(strings.TrimSpace(said), "\n") {
				for by, told := range got.told {
					if !strings.Contains(told, text) {
						t.Errorf("%s does not say %q, but\n%s", by, text, told)
					}
				}
			}
			if d := cmp.Diff(want, string(txtar.Format(got.archive(said)))); d != "" {
				t.Errorf("-want +got\n%s", d)
			}
		})
	}
}

// section is one file of an archive, or all of it.
func section(t *testing.T, path, name string) string {
	t.Helper()
	archive, err := txtar.ParseFile(path)
	if os.IsNotExist(err) && *update {
		return ""
	}
	check(t, err)
	if name == "" {
		return string(txtar.Format(archive))
	}
	for _, f := range archive.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	return ""
}

// A result is what became of a list.
type result struct {
	code  int
	told  map[string]string // by command: what people read of it
	asked []string          // the bodies, in the order of the rows
	rows  string            // the input's columns, the status and the reason
}

func (r result) archive(said string) *txtar.Archive {
	a := &txtar.Archive{Files: []txtar.File{{Name: "exit", Data: fmt.Appendf(nil, "%d\n", r.code)}}}
	for _, f := range []struct{ name, text string }{{"said", said}, {"sent", strings.Join(r.asked, "\n")}, {"out", r.rows}} {
		if f.text = strings.TrimSuffix(f.text, "\n"); f.text != "" {
			f.text += "\n"
		}
		a.Files = append(a.Files, txtar.File{Name: f.name, Data: []byte(f.text)})
	}
	return a
}

// enriched runs the binary on a list. What it was going to send, as plan spells
// it, must be what the ledger holds, each once; nothing when the run stops before.
func enriched(t *testing.T, path string, talks bool) result {
	t.Helper()
	agent := sandbox.New(sandbox.Config{})
	server := httptest.NewServer(agent)
	defer server.Close()
	dir := t.TempDir()
	plain := func(args ...string) (out, told string, code int) {
		cmd := command(t, dir, server.URL, args...)
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := cmd.Run(); err != nil {
			var failed *exec.ExitError
			if !errors.As(err, &failed) {
				t.Fatal(err)
			}
			code = failed.ExitCode()
		}
		return stdout.String(), stdout.String() + stderr.String(), code
	}
	requests, _, _ := plain("plan", path, "--requests")
	r := result{told: map[string]string{}}
	if talks {
		_, r.told["inspect"], _ = plain("inspect", path)
		_, r.told["plan"], _ = plain("plan", path)
	}
	output := filepath.Join(dir, "out.csv")
	_, r.told["run"], r.code = plain("run", path, "-o", output)
	if r.code != 0 {
		requests = ""
	}
	wanted := map[string]sandbox.Count{}
	for line := range strings.Lines(requests) {
		var row struct {
			Status  string          `json:"status"`
			Request json.RawMessage `json:"request"`
		}
		check(t, json.Unmarshal([]byte(line), &row))
		if row.Status != "to_ask" {
			continue
		}
		var question octave.Request
		check(t, json.Unmarshal(row.Request, &question))
		key := sandbox.Question(question)
		wanted[hex.EncodeToString(key[:])] = sandbox.Count{Asked: 1, Billed: 1, Delivered: 1}
		r.asked = append(r.asked, string(row.Request))
	}
	if d := cmp.Diff(wanted, remote{server.URL}.books(t).Contacts, cmpopts.EquateEmpty()); d != "" {
		t.Errorf("the ledger holds something else than was planned: -want +got\n%s", d)
	}
	r.rows = outcome(t, output)
	return r
}

// outcome is the output without the answers, as CSV: none when there is no output.
// A cell longer than a line is its start.
func outcome(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	records, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	check(t, err)
	end := slices.Index(records[0], "octave_error") + 1
	var b strings.Builder
	out := csv.NewWriter(&b)
	for _, record := range records {
		record = record[:end]
		for i, cell := range record {
			if len(cell) > 200 {
				record[i] = cell[:200] + "..."
			}
		}
		check(t, out.Write(record))
	}
	out.Flush()
	return b.String()
}
