package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sync/errgroup"

	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/octave/sandbox"
)

// A watcher is pinged and remembers the pages, in order.
type watcher struct {
	*httptest.Server
	mu     sync.Mutex
	pages  []string
	status int
}

func newWatcher(t *testing.T, status int) *watcher {
	w := &watcher{status: status}
	w.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.pages = append(w.pages, r.Method+" "+r.URL.Path)
		rw.WriteHeader(w.status)
	}))
	t.Cleanup(w.Close)
	return w
}

// try runs a command line in this process and a folder of its own with a list
// of three. It returns the exit code and what was written to standard error.
func try(t *testing.T, args ...string) (code int, stderr string) {
	t.Helper()
	t.Chdir(t.TempDir())
	people := "First Name,Last Name,Email,Company\nAda,Archer,ada@alder.example,Alder\nBen,Brook,ben@birch.example,Birch\nCleo,Cole,cleo@cedar.example,Cedar\n"
	if err := os.WriteFile("people.csv", []byte(people), 0o600); err != nil {
		t.Fatal(err)
	}
	return tryHere(t, args...)
}

func tryHere(t *testing.T, args ...string) (code int, stderr string) {
	t.Helper()
	out, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	a := &app{stdin: strings.NewReader(""), stdout: out, stderr: out, args: args}
	root := newRoot(a)
	root.SetArgs(args)
	code = a.exit(root.Execute())
	text, err := os.ReadFile(out.Name())
	if err != nil {
		t.Fatal(err)
	}
	return code, string(text)
}

func TestPings(t *testing.T) {
	for name, c := range map[string]struct {
		args  []string
		code  int
		pages []string
	}{
		"settled": {[]string{"people.csv"}, 0, []string{"GET /uuid/start", "GET /uuid/0"}},
		"refused": {[]string{"nobody.csv"}, 4, []string{"GET /uuid/start", "GET /uuid/4"}},
		"budget":  {[]string{"people.csv", "--max-calls", "1"}, 8, []string{"GET /uuid/start", "GET /uuid/8"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWatcher(t, http.StatusOK)
			code, stderr := try(t, append([]string{"run", "--sandbox", "--rate", "0", "--ping-url", w.URL + "/uuid"}, c.args...)...)
			if code != c.code || !slices.Equal(w.pages, c.pages) || strings.Contains(stderr, "ping failed") {
				t.Errorf("exit code %d, pages %q; want %d, %q\n%s", code, w.pages, c.code, c.pages, stderr)
			}
		})
	}
}

// Neither an answer of 500 nor nobody there changes the exit code, and the URL,
// which is as good as a password, is in no message.
func TestFailingPingIsAWarning(t *testing.T) {
	w := newWatcher(t, http.StatusInternalServerError)
	gone := newWatcher(t, http.StatusOK)
	gone.Close()
	for _, base := range []string{w.URL, gone.URL} {
		code, stderr := try(t, "run", "people.csv", "--sandbox", "--rate", "0", "--ping-url", base+"/uuid")
		if code != 0 || !strings.Contains(stderr, "the ping failed") || strings.Count(stderr, "/start: ") != 1 || strings.Count(stderr, "/0: ") != 1 || strings.Contains(stderr, "uuid") {
			t.Errorf("exit code %d\n%s", code, stderr)
		}
	}
}

func TestOnExitReadsTheSummary(t *testing.T) {
	code, stderr := try(t, "run", "people.csv", "--sandbox", "--rate", "0", "--on-exit", "cat > got.json; echo for people; exit 9")
	if code != 0 || !strings.Contains(stderr, "for people") || !strings.Contains(stderr, "the command of --on-exit failed") {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
	text, err := os.ReadFile("got.json")
	if err != nil {
		t.Fatal(err)
	}
	if faults := checkSummary(text); len(faults) > 0 {
		t.Errorf("%q\n%s", faults, text)
	}
}

// What was asked to be told is refused before it is too late.
func TestTellingIsCheckedFirst(t *testing.T) {
	for want, args := range map[int][][]string{
		exit.Usage: {
			{"--ping-url", "ftp://host/x"}, {"--ping-url", "://"}, {"--metrics-addr", "host:"},
			{"--metrics-addr", "203.0.113.1:1"}, {"--success-exit", "256"}, {"--success-exit", "8,-1"}, {"--summary", "-", "-o", "-", "--checkpoint", "c"},
		},
		exit.Output: {{"--summary", "no/folder.json"}, {"--metrics-file", "no/folder.prom"}},
	} {
		for _, extra := range args {
			code, stderr := try(t, append([]string{"run", "people.csv", "--sandbox", "--rate", "0"}, extra...)...)
			rows, _ := filepath.Glob("people.enriched.csv*")
			if code != want || len(rows) > 0 {
				t.Errorf("%q: exit code %d, want %d; %q\n%s", extra, code, want, rows, stderr)
			}
		}
	}
}

// A summary that cannot be written fails a run that went well, and no other.
func TestSummaryThatCannotBeWritten(t *testing.T) {
	for want, args := range map[int][]string{exit.Output: nil, exit.Budget: {"--max-calls", "1"}} {
		_, _ = try(t)
		if err := os.Mkdir("told", 0o700); err != nil {
			t.Fatal(err)
		}
		service := sandbox.New(sandbox.Config{})
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_ = os.RemoveAll("told") // while the run is at it
			service.ServeHTTP(w, r)
		}))
		defer server.Close()
		t.Setenv("OCTAVE_API_KEY", "a key")
		code, stderr := tryHere(t, append([]string{"run", "people.csv", "--base-url", server.URL, "--rate", "0", "--summary", "told/summary.json"}, args...)...)
		if code != want || !strings.Contains(stderr, "--summary") {
			t.Errorf("exit code %d, want %d\n%s", code, want, stderr)
		}
	}
}

// While calls are on the wire a scrape counts them.
func TestLiveMetrics(t *testing.T) {
	arrived, goOn := make(chan struct{}, 3), make(chan struct{})
	service := sandbox.New(sandbox.Config{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		if r.Method == http.MethodPost { // a look at the account is no call
			arrived <- struct{}{}
			<-goOn
		}
		service.ServeHTTP(w, r)
	}))
	defer server.Close()
	t.Setenv("OCTAVE_API_KEY", "a key")
	t.Chdir(t.TempDir())
	if err := os.WriteFile("people.csv", []byte("Email\na@alder.example\nb@birch.example\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	pr, pw, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	a := &app{stdin: strings.NewReader(""), stdout: pw, stderr: pw}
	var code int
	var run errgroup.Group
	run.Go(func() error {
		root := newRoot(a)
		root.SetArgs([]string{"run", "people.csv", "--rate", "0", "--base-url", server.URL, "--metrics-addr", "0"})
		code = a.exit(root.Execute())
		return pw.Close()
	})
	<-arrived
	<-arrived
	page := scrapeFrom(t, pr)
	for _, want := range []string{"octave_enrich_calls_in_flight 2\n", "octave_enrich_input_rows 2\n", `octave_enrich_rows_total{status="ok"} 0`} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in\n%s", want, page)
		}
	}
	close(goOn)
	if err := run.Wait(); err != nil || code != 0 {
		t.Errorf("exit code %d, %v", code, err)
	}
}

// scrapeFrom reads the address out of the log and gets the page.
func scrapeFrom(t *testing.T, log io.Reader) string {
	t.Helper()
	buf := make([]byte, 4096)
	n, err := log.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	address := regexp.MustCompile(`http://127\.0\.0\.1:[0-9]+/metrics`).Find(buf[:n])
	response, err := http.Get(string(address))
	if err != nil {
		t.Fatalf("%v: %s", err, buf[:n])
	}
	defer response.Body.Close()
	page, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}
