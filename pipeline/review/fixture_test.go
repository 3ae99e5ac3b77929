package review_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"octave-enrich/checkpoint"
	"octave-enrich/pipeline"
	"octave-enrich/pipeline/review"
)

// TestMain serves a review when a test starts this binary again to kill it.
func TestMain(m *testing.M) {
	path := os.Getenv("REVIEW_OF")
	if path == "" {
		os.Exit(runTests(m))
	}
	book, err := review.Open(path, "test")
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	listener, err := net.Listen("tcp", os.Getenv("REVIEW_ADDR"))
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	server := review.NewServer(context.Background(), path, book)
	server.Mark = func(review.MarkRequest) (review.MarkReply, error) { return review.MarkReply{}, nil } // nobody is marked
	fmt.Println(server.URL(listener.Addr()))
	fmt.Println(http.Serve(listener, server))
	os.Exit(1)
}

// A process is a review server that can be killed.
type process struct {
	cmd *exec.Cmd
	url string
}

func serve(t *testing.T, path, addr string) *process {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "REVIEW_OF="+path, "REVIEW_ADDR="+addr)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: cmd}
	t.Cleanup(p.kill)
	line, err := bufio.NewReader(out).ReadString('\n')
	if p.url = strings.TrimSpace(line); err != nil || !strings.HasPrefix(p.url, "http://") {
		t.Fatalf("the server said %q: %v", line, err)
	}
	return p
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill() // SIGKILL
	_ = p.cmd.Wait()
}

func (p *process) addr() string { return strings.Split(p.url, "/")[2] }

// start of the run in every fixture.
func start() time.Time { return time.Date(2026, 11, 23, 19, 0, 0, 0, time.UTC) }

// A book of records that a test writes.
type records struct {
	t       *testing.T
	path    string
	journal *checkpoint.Journal
	at      time.Time
	row     int
}

func newRecords(t *testing.T, service string) *records {
	t.Helper()
	path := filepath.Join(t.TempDir(), "people.enriched.csv.checkpoint")
	r := &records{t: t, path: path, at: start()}
	journal, err := checkpoint.Open(path, checkpoint.Options{
		Header: checkpoint.Header{Tool: "octave-enrich test", Service: service}, Now: func() time.Time { return r.at }})
	if err != nil {
		t.Fatal(err)
	}
	r.journal = journal
	return r
}

func (r *records) close() string {
	r.t.Helper()
	if err := r.journal.Close(); err != nil {
		r.t.Fatal(err)
	}
	return r.path
}

func (r *records) note(kind string, key checkpoint.Key, body any) {
	r.t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		r.t.Fatal(err)
	}
	write := r.journal.Note
	if kind == checkpoint.Answered {
		write = r.journal.Append
	}
	if err := write(checkpoint.Record{Type: kind, Key: key, At: r.at, Body: raw}); err != nil {
		r.t.Fatal(err)
	}
}

func (r *records) run(input string, mapping ...string) {
	type mapped struct {
		Field  string `json:"field"`
		Column string `json:"column"`
	}
	var list []mapped
	for i := 0; i+1 < len(mapping); i += 2 {
		list = append(list, mapped{mapping[i], mapping[i+1]})
	}
	r.note(checkpoint.Run, checkpoint.Key{}, map[string]any{"id": "1", "mapping": list, "input": map[string]any{"name": input, "rows": 4}})
}

func (r *records) end(reason string) {
	r.note(pipeline.Ended, checkpoint.Key{}, pipeline.EndBody{ID: "1", Reason: reason})
}

// next is the key of the next row, a second and a half later.
func (r *records) next() checkpoint.Key {
	r.row++
	r.at = r.at.Add(1500 * time.Millisecond)
	key := checkpoint.Key{byte(r.row), byte(r.row >> 8), byte(r.row >> 16), 1}
	r.note(checkpoint.Asked, key, struct{}{})
	return key
}

type fields = map[string]any

// answer writes an answer with the messages given as subject, text, subject, ...
func (r *records) answer(request fields, named string, texts ...string) checkpoint.Key {
	r.t.Helper()
	key := r.next()
	emails := []fields{}
	for i := 0; i+1 < len(texts); i += 2 {
		emails = append(emails, fields{"subject": texts[i], "email": texts[i+1], "coreValueProp": named})
	}
	r.note(checkpoint.Answered, key, fields{
		"request": request, "row": r.row, "latency_ms": 40 * r.row, "usage": 1,
		"answer": fields{"found": true, "_metadata": fields{"requestId": named, "usage": 1},
			"data": fields{"emails": emails, "playbook": fields{"name": named}, "persona": fields{"name": named}, "product": fields{"name": named}}},
	})
	return key
}

// answerAgain gives a question another answer, as a run would that goes on beside
// the review.
func answerAgain(t *testing.T, path string, key checkpoint.Key, subject, text string) {
	t.Helper()
	journal, err := checkpoint.Open(path, checkpoint.Options{})
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(fields{"request": person("Ada", "Quinn", "Alder"), "row": 1,
		"answer": fields{"found": true, "data": fields{"emails": []fields{{"subject": subject, "email": text}}}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := journal.Append(checkpoint.Record{Type: checkpoint.Answered, Key: key, At: start().Add(time.Hour), Body: body}); err != nil {
		t.Fatal(err)
	}
	if err := journal.Close(); err != nil {
		t.Fatal(err)
	}
}

func (r *records) notFound(request fields, why string) {
	key := r.next()
	r.note(checkpoint.Answered, key, fields{"request": request, "row": r.row, "latency_ms": 7, "answer": fields{"found": false, "message": why}})
}

func (r *records) fail(request fields, why, kind string) {
	key := r.next()
	raw, _ := json.Marshal(request)
	r.note(checkpoint.Missed, key, pipeline.FailureBody{Error: why, Cause: kind, Status: 503, LatencyMS: 9})
	r.note(checkpoint.Failed, key, pipeline.FailureBody{Error: why, Cause: kind, Status: 503, Request: raw, Row: r.row})
}

func person(first, last, company string) fields {
	return fields{"firstName": first, "lastName": last, "email": strings.ToLower(first) + "@example.com", "jobTitle": "Head of Sales",
		"companyName": company, "companyDomain": strings.ToLower(company) + ".example.com", "linkedInProfile": "https://www.linkedin.com/in/" + strings.ToLower(first)}
}

// people is a small checkpoint: three with emails, one not found, one failed.
func people(t *testing.T) (path string, keys []checkpoint.Key) {
	r := newRecords(t, "sandbox")
	r.run("people.csv", "email", "E-Mail", "firstName", "First")
	keys = append(keys,
		r.answer(person("Ada", "Quinn", "Alder"), "Growth", "An idea for Alder", "Hi Ada,\n\nshall we talk on Thursday?", "", "Hi Ada, is this worth a call?"),
		r.answer(person("Bo", "Ibarra", "Brightfen"), "Stack", "HUGE SAVINGS for [First Name]!!", "Hi {{first_name}}. Nothing to see here for you and your team."),
		r.answer(person("Cy", "Wilk", "Coralune"), "Growth", "A question, Cy", "<p>Hi <b>Cy</b>,</p><p>shall we talk?</p>"))
	r.notFound(person("Di", "Adeyemi", "Dune"), "no such person")
	r.fail(person("Ed", "Lind", "Eastmoor"), "503 Service Unavailable: try later", "server")
	r.end("1 row failed")
	return r.close(), keys
}
