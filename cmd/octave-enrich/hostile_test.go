package main

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"octave-enrich/checkpoint"
	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/octave"
)

// answerWith is a sound answer with these members inside data and beside it.
func answerWith(data, beside string) string {
	return `{"found":true,"data":{` + data + `},"_metadata":{"requestId":"r1","usage":1}` + beside + `}`
}

func messageOf(subject, body string) string {
	return answerWith(`"emails":[{"subject":`+subject+`,"email":`+body+`}]`, "")
}

// filled is an answer of exactly so many bytes.
func filled(size int) string {
	frame := messageOf(`"s"`, `""`)
	return messageOf(`"s"`, `"`+strings.Repeat("x", size-len(frame))+`"`)
}

// A hostile answer, by the name of who is asked about.
type hostile struct {
	name, body string
	status     string // of the row; "" for any
	subject    string // of the first message, if the row is ok
}

func hostileAnswers() []hostile {
	const sound = `"emails":[{"subject":"s","email":"b"}]`
	nested := func(n int) string { return strings.Repeat(`[`, n) + strings.Repeat(`]`, n) }
	return []hostile{
		{"plain", messageOf(`"s"`, `"b"`), "ok", "s"},
		{"deep", answerWith(sound+`,"x":`+nested(998), ""), "ok", "s"},
		{"deep-sections", answerWith(`"emails":[{"subject":"s","email":"b","sections":`+nested(996)+`}]`, ""), "ok", "s"},
		{"deeper", answerWith(sound+`,"x":`+nested(999), ""), "failed", ""},
		{"deep-for-go", answerWith(sound+`,"x":`+nested(9_990), ""), "failed", ""},
		{"too-deep", answerWith(sound+`,"x":`+nested(100_000), ""), "failed", ""},
		{"unclosed", strings.Repeat(`{"data":`, 500_000), "failed", ""},
		{"not-utf8", messageOf("\"a\xff\xfeb\"", "\"\xc3\x28\""), "ok", "a\ufffd\ufffdb"},
		{"nul", messageOf(`"a\u0000b"`, `"\u0000"`), "ok", "a\x00b"},
		{"raw-nul", messageOf("\"a\x00b\"", `"b"`), "failed", ""},
		{"surrogate", messageOf(`"a\ud800b\udc00"`, `"\udfff"`), "ok", "a\ufffdb\ufffd"},
		{"twice", `{"found":false,"found":true,"data":{"emails":[]},"data":{` + sound + `,"emails":[{"subject":"one","subject":"two","email":"b"}]}}`, "ok", "two"},
		{"numbers", answerWith(sound+`,"score":1e400,"n":-0.0e-999`, `,"x":123456789012345678901234567890`), "ok", "s"},
		{"usage", strings.Replace(messageOf(`"s"`, `"b"`), `"usage":1`, `"usage":1e400`, 1), "ok", "s"},
		{"usage-of-digits", strings.Replace(messageOf(`"s"`, `"b"`), `"usage":1`, `"usage":`+strings.Repeat("9", 100_000), 1), "ok", "s"},
		{"html", messageOf(`"<script>alert(1)</script> & \"co\""`, `"<b>b</b>"`), "ok", `<script>alert(1)</script> & "co"`},
		{"lines", messageOf(`"a\r\nBcc: x@example.com\rb\nc"`, `"\r\n\r\n"`), "", ""},
		{"lines-in-subject", messageOf(`"a\r\nBcc: x@example.com\rb\nc"`, `"b"`), "ok", "a\r\nBcc: x@example.com\rb\nc"},
		{"formula", messageOf(`"=HYPERLINK(\"http://x\",\"y\")"`, `"@SUM(1+1)*cmd|' /C calc'!A0"`), "ok", `=HYPERLINK("http://x","y")`},
		{"quotes", messageOf(`"\",\"\n\","`, `"\""`), "ok", "\",\"\n\","},
		{"separators", messageOf(`"\u2028\u2029\u0085\u001b[31m"`, `"\u202e"`), "ok", "\u2028\u2029\u0085\x1b[31m"},
		{"copy-end", messageOf(`"\\."`, `"\\."`), "ok", `\.`},
		{"many", answerWith(`"emails":[`+strings.Repeat(`{"subject":"s","email":"b"},`, 49)+`{"subject":"s","email":"b"}]`, ""), "ok", "s"},
		{"names", answerWith(sound+`,"playbook":{"name":"a\r\n\"b\",c"},"persona":"text","product":[1]`, ""), "ok", "s"},
		{"id", strings.Replace(messageOf(`"s"`, `"b"`), `"r1"`, `"\r\n\u0000,\"id\""`, 1), "ok", "s"},
		{"subject-types", answerWith(`"emails":[{"subject":{"a":1},"email":"b"}]`, ""), "ok", ""},
		{"body-types", messageOf(`"s"`, `42`), "failed", ""},
		{"list-types", answerWith(`"emails":"text"`, ""), "failed", ""},
		{"item-types", answerWith(`"emails":[1,null,[],{}]`, ""), "failed", ""},
		{"data-types", `{"found":true,"data":[1,2]}`, "failed", ""},
		{"found-types", `{"found":"yes","data":{` + sound + `},"message":["x"]}`, "", ""},
		{"null", `null`, "failed", ""},
		{"array", `[]`, "failed", ""},
		{"number", `1e400`, "failed", ""},
		{"empty", ``, "failed", ""},
		{"html-page", "<!doctype html><title>Bad \r\n gateway \"x\", y</title>", "failed", ""},
		{"two-values", messageOf(`"s"`, `"b"`) + messageOf(`"t"`, `"c"`), "failed", ""},
		{"cut", `{"found":true,"data":{"emails":[{"subject":"s`, "failed", ""},
		{"mark", "\ufeff" + messageOf(`"s"`, `"b"`), "ok", "s"},
		{"spaced", "\r\n\t" + strings.ReplaceAll(messageOf(`"s"`, `"b"`), ":", "\r\n :\t") + "\n\n", "ok", "s"},
		{"not-found", `{"found":false,"message":"=1+1\r\n\"x\",\u0000"}`, "not_found", ""},
	}
}

// largeAnswers are apart from the others: each command takes its time with them.
func largeAnswers() []hostile {
	return []hostile{
		{"largest", filled(octave.MaxBody), "ok", "s"},
		{"too-large", filled(octave.MaxBody + 1), "failed", ""},
		{"far-too-large", filled(2 * octave.MaxBody), "failed", ""},
		{"bomb", "", "failed", ""},
	}
}

// hostileService answers as the list says.
func hostileService(t *testing.T, answers []hostile) (base string) {
	var bomb bytes.Buffer
	w := gzip.NewWriter(&bomb)
	_, _ = io.Copy(w, io.LimitReader(blanks{}, 2*octave.MaxBody))
	_ = w.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var request octave.Request
		_ = json.NewDecoder(r.Body).Decode(&request)
		name, _, _ := strings.Cut(request.Email, "@")
		if name == "bomb" {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(bomb.Bytes())
			return
		}
		i := slices.IndexFunc(answers, func(h hostile) bool { return h.name == name })
		if i < 0 { // a row of the test itself
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_, _ = io.WriteString(w, answers[i].body)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

type blanks struct{}

func (blanks) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// Whatever a service sends: the run ends in order, every row comes out once and
// readable, sound rows are as they would be without their neighbours, and what
// was paid for is kept as it was sent.
func TestHostileAnswers(t *testing.T) {
	t.Parallel()
	answers := hostileAnswers()
	octaveEnrich := askHostile(t, answers)
	for _, args := range [][]string{
		{"export", "people.csv", "-o", "excel.csv", "--checkpoint", "c", "--excel"},
		{"export", "people.csv", "-o", "up.csv", "--checkpoint", "c", "--preset", "smartlead"},
		{"status", "c", "--json"},
		{"report", "c", "-o", "report.html"},
		{"plan", "people.csv", "--checkpoint", "c", "--json"},
	} {
		octaveEnrich(exit.OK, args...)
	}
}

// An answer of the largest size is a row like any other; one that is larger, or
// only becomes so when it is unpacked, fails its row alone.
func TestLargeAnswers(t *testing.T) {
	t.Parallel()
	askHostile(t, largeAnswers())
}

// askHostile runs a list of all answers, checks what came out and what was kept,
// and returns how to run the next command on it.
func askHostile(t *testing.T, answers []hostile) (octaveEnrich func(code int, args ...string) string) {
	t.Helper()
	dir, base := t.TempDir(), hostileService(t, answers)
	var list strings.Builder
	list.WriteString("email,name\n")
	for _, h := range answers {
		fmt.Fprintf(&list, "%s@hostile.example.com,%s\n", h.name, h.name)
	}
	if err := os.WriteFile(filepath.Join(dir, "people.csv"), []byte(list.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	octaveEnrich = func(code int, args ...string) string { return inFolder(t, dir, base, code, args...) }

	octaveEnrich(exit.RowsFailed, "run", "people.csv", "-o", "out.csv", "--checkpoint", "c", "--retries", "0")
	octaveEnrich(exit.OK, "export", "people.csv", "-o", "out.jsonl", "--checkpoint", "c")
	octaveEnrich(exit.OK, "export", "people.csv", "-o", "again.csv", "--checkpoint", "c")
	checkHostileTable(t, filepath.Join(dir, "out.csv"), answers)
	checkHostileLines(t, filepath.Join(dir, "out.jsonl"), answers)
	checkKept(t, filepath.Join(dir, "c"), answers)
	if first, again := readFile(t, dir, "out.csv"), readFile(t, dir, "again.csv"); first != again {
		t.Error("the same answers make another output when they are read back")
	}
	return octaveEnrich
}

// inFolder runs the binary, wants its exit code, and no trace of a panic.
func inFolder(t *testing.T, dir, base string, code int, args ...string) string {
	t.Helper()
	cmd := exec.Command(words.Tool, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "OCTAVE_API_KEY=a key", "OCTAVE_BASE_URL="+base, "OCTAVE_RATE=0")
	said, _ := cmd.CombinedOutput()
	if got := cmd.ProcessState.ExitCode(); got != code {
		t.Errorf("%v: exit code %d, want %d\n%s", args, got, code, said)
	}
	for _, trace := range []string{"panic", "goroutine ", "internal error"} {
		if strings.Contains(string(said), trace) {
			t.Errorf("%v says %q:\n%s", args, trace, said)
		}
	}
	return string(said)
}

func readFile(t *testing.T, dir, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func checkHostileTable(t *testing.T, path string, answers []hostile) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	records, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil || len(records) != len(answers)+1 {
		t.Fatalf("%d records, want %d: %v", len(records), len(answers)+1, err)
	}
	header := records[0]
	for i, h := range answers {
		row := records[i+1]
		status, subject := row[slices.Index(header, "octave_status")], row[slices.Index(header, "email_subject_1")]
		if row[1] != h.name || h.status != "" && status != h.status {
			t.Errorf("row %d, %s: %s is %s, want %s", i+1, h.name, row[1], status, h.status)
		}
		// encoding/csv reads CRLF inside quotes as LF.
		if want := strings.ReplaceAll(h.subject, "\r\n", "\n"); want != "" && subject != want {
			t.Errorf("%s: subject %.80q, want %q", h.name, subject, want)
		}
	}
}

func checkHostileLines(t *testing.T, path string, answers []hostile) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"))
	if len(lines) != len(answers) {
		t.Fatalf("%d lines, want %d", len(lines), len(answers))
	}
	for i, h := range answers {
		var row struct {
			Name   string
			Octave struct {
				Status string
				Emails []struct{ Subject string }
			}
		}
		if err := json.Unmarshal(lines[i], &row); err != nil {
			t.Errorf("%s: %v: %.200s", h.name, err, lines[i])
			continue
		}
		if row.Name != h.name || h.status != "" && row.Octave.Status != h.status {
			t.Errorf("line %d, %s: %s is %s, want %s", i+1, h.name, row.Name, row.Octave.Status, h.status)
		}
		if h.subject != "" && (len(row.Octave.Emails) == 0 || row.Octave.Emails[0].Subject != h.subject) {
			t.Errorf("%s: subject is not %q: %.200s", h.name, h.subject, lines[i])
		}
	}
}

// checkKept wants each answer that made a row in the checkpoint, byte for byte but
// for blanks between its tokens.
func checkKept(t *testing.T, path string, answers []hostile) {
	t.Helper()
	kept := map[string]bool{}
	for entry, err := range checkpoint.Records(path, nil) {
		if err != nil {
			t.Fatal(err)
		}
		if entry.Type == checkpoint.Answered {
			_, rest, _ := bytes.Cut(entry.Body, []byte(`,"answer":`))
			rest, _, _ = bytes.Cut(rest, []byte(`,"latency_ms":`))
			kept[string(rest)] = true
		}
	}
	for _, h := range answers {
		if h.status != "ok" && h.status != "not_found" {
			continue
		}
		var want bytes.Buffer
		if err := json.Compact(&want, []byte(strings.TrimPrefix(h.body, "\ufeff"))); err != nil {
			t.Fatal(err)
		}
		if !kept[want.String()] && !kept[strings.TrimSpace(h.body)] {
			t.Errorf("%s: its answer is not in the checkpoint as it was sent", h.name)
		}
	}
}
