package report_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
	"octave-enrich/pipeline/report"
)

var update = flag.Bool("update", false, "write the golden files anew")

func begin() time.Time { return time.Date(2026, 11, 23, 19, 0, 0, 0, time.UTC) }

// write makes a checkpoint of lines: seconds since the begin, type, key, body.
func write(t *testing.T, lines string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "people.csv.checkpoint")
	now := begin()
	journal, err := checkpoint.Open(path, checkpoint.Options{
		Header: checkpoint.Header{Tool: "octave-enrich 1", Service: "app.octavehq.com"}, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(strings.TrimSpace(lines), "\n") {
		var seconds float64
		var kind string
		var key int
		if _, err := fmt.Sscan(line, &seconds, &kind, &key); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		rec := checkpoint.Record{Type: kind, At: begin().Add(time.Duration(seconds * float64(time.Second)))}
		if key > 0 {
			rec.Key = checkpoint.Key{byte(key)}
		}
		if i := strings.IndexByte(line, '{'); i >= 0 {
			rec.Body = json.RawMessage(line[i:])
		}
		now = rec.At
		if err := journal.Append(rec); err != nil {
			t.Fatal(err)
		}
	}
	if err := journal.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// night is a checkpoint of two runs: what became of seven questions.
const night = `
0   run      0 {"id":"a","input":{"name":"people.csv","rows":8},"mapping":[{"field":"email","column":"E-Mail"}]}
1   asked    1
1   asked    2
1   asked    3
2.5 answered 1 {"request":{"email":"ada@example.com"},"answer":{"found":true,"_metadata":{"requestId":"r1","usage":1.5},"data":{"emails":[{"subject":"Hi","email":"Text","coreValueProp":"Value"},{"sections":{"greeting":"Hi","body":"Words","cta":"","closing":""}}],"playbook":{"name":"P"},"persona":{"name":"Q"},"product":{"name":"R"}}},"latency_ms":1500,"usage":1.5,"row":1}
3   missed   2 {"error":"429 Too Many Requests","kind":"rate limited","status":429,"latency_ms":4}
3   missed   3 {"error":"503 Service Unavailable","kind":"server","status":503,"latency_ms":7}
4   asked    2
4   asked    3
5   answered 2 {"request":{"email":"bo@example.com"},"answer":{"found":false,"message":"nobody"},"latency_ms":900,"row":2}
6   missed   3 {"error":"503 Service Unavailable","kind":"server","status":503,"latency_ms":7}
6   failed   3 {"request":{"email":"cy@example.com"},"error":"503 Service Unavailable","kind":"server","status":503,"row":3}
7   asked    4
8   missed   4 {"error":"timeout","kind":"ambiguous","billed":true}
8   failed   4 {"request":{"email":"di@example.com"},"error":"timeout","kind":"ambiguous","billed":true,"row":4}
8   asked    5
9   ended    0 {"id":"a","rows":{"ok":1},"exit_code":3,"reason":"2 rows failed"}
3600 run     0 {"id":"b","input":{"name":"people.csv","rows":8}}
3601 asked   4
3605 answered 4 {"request":{"email":"di@example.com"},"answer":{"found":true,"data":{"emails":[{"subject":"New","email":"<p>One</p>"}]}},"latency_ms":4000,"row":4}
3606 asked   1
3607 answered 1 {"request":{"email":"ada@example.com"},"answer":{"found":true,"data":{"emails":[{"subject":"Later","email":"wins"}]}},"latency_ms":200,"row":1}
3608 asked   6
3609 answered 6 {"request":{"email":"ed@example.com"},"answer":{"found":true},"latency_ms":20,"row":6}
`

func render(t *testing.T, path string, opt report.Options) string {
	t.Helper()
	var b bytes.Buffer
	if err := report.Write(&b, path, opt); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// data unpacks the data of a page.
func data(t *testing.T, page string) []byte {
	t.Helper()
	_, rest, _ := strings.Cut(page, `id="data">`)
	text, _, _ := strings.Cut(rest, "<")
	packed, err := gzip.NewReader(base64.NewDecoder(base64.StdEncoding, strings.NewReader(text)))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(packed)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestGoldenData(t *testing.T) {
	opt := report.Options{Made: begin().Add(2 * time.Hour), Decide: func(_ checkpoint.Key, a *octave.Answer) report.Decision {
		if a.Emails[0].Subject == "New" {
			return report.Decision{Of: "f", State: "approved", Emails: []report.Message{{Subject: "S", Body: "B"}}}
		}
		return report.Decision{Of: "f"}
	}}
	var got bytes.Buffer
	if err := json.Indent(&got, data(t, render(t, write(t, night), opt)), "", "  "); err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "data.json")
	if *update {
		if err := os.WriteFile(golden, got.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", golden, diff)
	}
}

// TestJoined holds that a page of checkpoints that were joined tells what the page of one
// does: a record that is there twice counts, and is shown, once.
func TestJoined(t *testing.T) {
	one := write(t, night)
	text, err := os.ReadFile(one)
	if err != nil {
		t.Fatal(err)
	}
	two := filepath.Join(t.TempDir(), filepath.Base(one))
	if err := os.WriteFile(two, slices.Concat(text, text), 0o600); err != nil {
		t.Fatal(err)
	}
	end := regexp.MustCompile(`"end":\d+`) // of the file
	told := func(path string) string {
		return end.ReplaceAllString(string(data(t, render(t, path, report.Options{Made: begin()}))), "")
	}
	if diff := cmp.Diff(told(one), told(two)); diff != "" {
		t.Errorf("-one +joined:\n%s", diff)
	}
}

// TestTakenOver holds that the call of an answer that another checkpoint paid for is
// none of this one's.
func TestTakenOver(t *testing.T) {
	var page struct {
		Summary struct {
			Latency struct{ Buckets []struct{ N int } }
			Runs    []struct{ Points [][5]int64 }
		}
		Contacts []struct{ Status string }
	}
	path := write(t, "0 run 0 {\"id\":\"a\"}\n"+`1 answered 1 {"from":"other.checkpoint","answer":{"found":true},"latency_ms":30,"usage":1}`)
	if err := json.Unmarshal(data(t, render(t, path, report.Options{})), &page); err != nil {
		t.Fatal(err)
	}
	if s := page.Summary; len(s.Latency.Buckets) > 0 || len(s.Runs) != 1 || len(s.Runs[0].Points) > 0 || len(page.Contacts) != 1 {
		t.Errorf("%+v", page)
	}
}

// TestNoRun holds that the page of a checkpoint whose first run was killed before its
// record was written opens: its script goes through the runs, of which there are none.
func TestNoRun(t *testing.T) {
	path := write(t, night)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := bytes.Cut(text, []byte("\n"))
	if err := os.WriteFile(path, append(head, '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := data(t, render(t, path, report.Options{})); !bytes.Contains(got, []byte(`"runs":[]`)) {
		t.Errorf("%s", got)
	}
}

func TestNoDataOutsideTheBlock(t *testing.T) {
	evil := `</script><img src=x onerror=1>"'&`
	body, _ := json.Marshal(map[string]any{"request": map[string]string{"email": evil}, "row": 1, "error": evil, "kind": evil})
	path := write(t, "0 run 0 {}\n1 failed 1 "+string(body))
	odd := filepath.Join(filepath.Dir(path), `<b>"odd'.checkpoint`)
	if err := os.Rename(path, odd); err != nil {
		t.Fatal(err)
	}
	page := render(t, odd, report.Options{})
	for _, s := range []string{"onerror=1", `<b>"odd`} {
		if strings.Contains(page, s) {
			t.Errorf("the page holds %s as it is", s)
		}
	}
	if block := data(t, page); !json.Valid(block) {
		t.Errorf("not JSON: %s", block)
	}
}

func TestThePolicyNamesTheScript(t *testing.T) {
	path := write(t, night)
	for _, live := range []bool{false, true} {
		page := render(t, path, report.Options{Live: live})
		scripts := regexp.MustCompile(`(?s)<script>(.*?)</script>`).FindAllStringSubmatch(page, -1)
		if len(scripts) != 1 {
			t.Fatalf("%d scripts, want 1", len(scripts))
		}
		sum := sha256.Sum256([]byte(scripts[0][1]))
		if want := "script-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; !strings.Contains(page, want) {
			t.Errorf("no %s: the page would not start", want)
		}
		if strings.Contains(page, "connect-src 'none'") == live {
			t.Errorf("live is %v, and the policy says otherwise", live)
		}
		if !strings.Contains(page[:4096], report.Generator) {
			t.Error("the page cannot be known for one")
		}
	}
}

// TestTheScriptMakesNoMarkup holds the promise that data are shown as text.
func TestTheScriptMakesNoMarkup(t *testing.T) {
	parts, err := filepath.Glob("page/*.js")
	if err != nil || len(parts) == 0 {
		t.Fatal(parts, err)
	}
	forbidden := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|setHTML|createContextualFragment|https?://[a-z]`)
	for _, part := range parts {
		text, err := os.ReadFile(part)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(text), "\n") {
			if forbidden.MatchString(line) && !strings.Contains(line, "www.w3.org/2000/svg") {
				t.Errorf("%s:%d: %s", part, i+1, line)
			}
		}
	}
}

func TestDamageIsCountedAndTheRestShown(t *testing.T) {
	path := write(t, night)
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(raw, []byte("bo@example.com"))
	raw[at] ^= 1
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	var page struct {
		Summary  struct{ Damaged int }
		Contacts []struct{ Request map[string]string }
	}
	if err := json.Unmarshal(data(t, render(t, path, report.Options{})), &page); err != nil {
		t.Fatal(err)
	}
	if page.Summary.Damaged != 1 || len(page.Contacts) != 4 {
		t.Errorf("%d damaged, %d contacts; want 1 and 4", page.Summary.Damaged, len(page.Contacts))
	}
}

func TestWhatIsNoCheckpointHasNoPage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "people.csv")
	if err := os.WriteFile(path, []byte("Email\nada@example.com\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := report.Write(&b, path, report.Options{}); !errors.Is(err, checkpoint.ErrNotCheckpoint) || b.Len() > 0 {
		t.Errorf("%v, and %d bytes written", err, b.Len())
	}
}

// A full is a disk with room for so many bytes.
type full int

func (f *full) Write(p []byte) (int, error) {
	if len(p) > int(*f) {
		return 0, errors.New("full")
	}
	*f -= full(len(p))
	return len(p), nil
}

func TestAFullDiskIsAnError(t *testing.T) {
	path := write(t, night)
	size := len(render(t, path, report.Options{Made: begin()}))
	for room := 0; room < size; room += 997 {
		f := full(room)
		if err := report.Write(&f, path, report.Options{Made: begin()}); err == nil {
			t.Fatalf("no error with room for %d of %d bytes", room, size)
		}
	}
}

// The parts of the script share one scope: a name that two of them declare would be
// the one of the last, silently.
func TestPartsOfTheScriptShareNoName(t *testing.T) {
	parts, err := filepath.Glob("page/*.js")
	if err != nil || len(parts) == 0 {
		t.Fatal("no parts", err)
	}
	declared := regexp.MustCompile(`(?m)^(?:async )?(?:function|const|let) (\w+)`)
	in := map[string]string{}
	for _, part := range parts {
		text, err := os.ReadFile(part)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range declared.FindAllStringSubmatch(string(text), -1) {
			if in[m[1]] != "" {
				t.Errorf("%s and %s declare %s", in[m[1]], part, m[1])
			}
			in[m[1]] = part
		}
	}
}
