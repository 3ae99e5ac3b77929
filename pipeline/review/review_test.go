package review_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
	"octave-enrich/pipeline"
	"octave-enrich/pipeline/report"
	"octave-enrich/pipeline/review"
)

func openJournal(t *testing.T, path string) *checkpoint.Journal {
	t.Helper()
	journal, err := checkpoint.Open(path, checkpoint.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { journal.Close() })
	return journal
}

func decode(t *testing.T, rec checkpoint.Record) *octave.Answer {
	t.Helper()
	var body pipeline.AnswerBody
	if err := json.Unmarshal(rec.Body, &body); err != nil {
		t.Fatal(err)
	}
	answer, err := octave.Decode(body.Answer)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

func answerOf(t *testing.T, path string, key checkpoint.Key) *octave.Answer {
	t.Helper()
	rec, ok, err := openJournal(t, path).Answer(key)
	if err != nil || !ok {
		t.Fatalf("no answer: %v", err)
	}
	return decode(t, rec)
}

// approvedAnswer is what an export of approved rows sees, nil when nothing.
func approvedAnswer(t *testing.T, path string, key checkpoint.Key) *octave.Answer {
	t.Helper()
	book, err := review.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	journal := review.ApprovedOnly(openJournal(t, path), book)
	rec, ok, err := journal.Answer(key)
	if err != nil {
		t.Fatal(err)
	}
	if known := journal.State(key) == checkpoint.AnsweredState; known != ok {
		t.Errorf("the state says %v, the answer %v", known, ok)
	}
	if !ok {
		return nil
	}
	return decode(t, rec)
}

func decide(t *testing.T, path string, verdicts ...review.Verdict) {
	t.Helper()
	book, err := review.Open(path, "test")
	if err != nil {
		t.Fatal(err)
	}
	if err := book.Decide(verdicts); err != nil {
		t.Fatal(err)
	}
	if err := book.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestOnlyApprovedAnswersAreExported(t *testing.T) {
	path, keys := people(t)
	verdict := func(i int, state string) review.Verdict {
		return review.Verdict{Key: keys[i], Decision: report.Decision{Of: review.Fingerprint(answerOf(t, path, keys[i])), State: state}}
	}
	decide(t, path, verdict(0, review.Approved), verdict(1, review.Rejected))
	if got := approvedAnswer(t, path, keys[0]); got == nil || string(got.Raw) != string(answerOf(t, path, keys[0]).Raw) {
		t.Errorf("an approved answer without edits is not the answer itself: %v", got)
	}
	for i, state := range []string{1: "rejected", 2: "not decided"} {
		if state != "" && approvedAnswer(t, path, keys[i]) != nil {
			t.Errorf("%s, and exported", state)
		}
	}
	decide(t, path, verdict(0, ""))
	if approvedAnswer(t, path, keys[0]) != nil {
		t.Error("taken back, and exported")
	}
}

func TestEditsReplaceTheirMessageOnly(t *testing.T) {
	path, keys := people(t)
	before := answerOf(t, path, keys[0])
	decide(t, path, review.Verdict{Key: keys[0], Decision: report.Decision{Of: review.Fingerprint(before), State: review.Approved,
		Emails: []report.Message{{Subject: before.Emails[0].Subject, Body: before.Emails[0].Body}, {Subject: "New", Body: "Mine <b>"}}}})
	after := approvedAnswer(t, path, keys[0])
	want := *before
	want.Raw = nil
	want.Emails = []octave.Email{before.Emails[0], {Subject: "New", Body: "Mine <b>", CoreValueProp: before.Emails[1].CoreValueProp}}
	after.Raw = nil
	if diff := cmp.Diff(&want, after); diff != "" {
		t.Error(diff)
	}
}

func TestAnAnswerThatChangedIsNotApproved(t *testing.T) {
	path, keys := people(t)
	decide(t, path, review.Verdict{Key: keys[0], Decision: report.Decision{Of: "0123456789abcdef", State: review.Approved}})
	if approvedAnswer(t, path, keys[0]) != nil {
		t.Error("the decision was about another answer")
	}
}

func TestOneReviewerAtATime(t *testing.T) {
	path, _ := people(t)
	book, err := review.Open(path, "test")
	if err != nil {
		t.Fatal(err)
	}
	defer book.Close()
	if _, err := review.Open(path, "test"); err == nil {
		t.Error("two servers hold the decisions")
	}
	if info, err := os.Stat(review.Path(path)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// post sends decisions as the page does.
func post(t *testing.T, url, origin, body string) int {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, url+"decisions", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Origin", origin)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

func verdicts(t *testing.T, list ...review.Verdict) string {
	t.Helper()
	raw, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestADecisionThatWasAcknowledgedOutlivesTheServer(t *testing.T) {
	path, keys := people(t)
	before := answerOf(t, path, keys[1])
	for i := range 5 {
		server := serve(t, path, "127.0.0.1:0")
		text := strings.Repeat("x", i+1)
		body := verdicts(t, review.Verdict{Key: keys[1], Decision: report.Decision{Of: review.Fingerprint(before), State: review.Approved,
			Emails: []report.Message{{Subject: "S", Body: text}}}})
		if code := post(t, server.url, "http://"+server.addr(), body); code != http.StatusNoContent {
			t.Fatalf("status %d", code)
		}
		server.kill()
		if got := approvedAnswer(t, path, keys[1]); got == nil || got.Emails[0].Body != text {
			t.Fatalf("after kill %d: %v", i, got)
		}
	}
}

func TestTheServerRefuses(t *testing.T) {
	path, keys := people(t)
	server := serve(t, path, "127.0.0.1:0")
	home := "http://" + server.addr()
	of := review.Fingerprint(answerOf(t, path, keys[0]))
	good := review.Verdict{Key: keys[0], Decision: report.Decision{Of: of, State: review.Approved}}
	stale, odd, short := good, good, good
	stale.Of, odd.State, short.Emails = "0000000000000000", "perhaps", []report.Message{{}}
	for name, c := range map[string]struct {
		url, origin, body string
		want              int
	}{
		"no token":         {home + "/", home, verdicts(t, good), http.StatusNotFound},
		"a wrong token":    {home + "/guess/", home, verdicts(t, good), http.StatusNotFound},
		"another page":     {server.url, "https://example.com", verdicts(t, good), http.StatusForbidden},
		"a stale answer":   {server.url, home, verdicts(t, stale), http.StatusConflict},
		"an odd state":     {server.url, home, verdicts(t, odd), http.StatusBadRequest},
		"too few messages": {server.url, home, verdicts(t, short), http.StatusBadRequest},
		"an unknown key":   {server.url, home, verdicts(t, review.Verdict{Key: checkpoint.Key{9}}), http.StatusBadRequest},
		"one bad of two":   {server.url, home, verdicts(t, good, odd), http.StatusBadRequest},
		"not JSON":         {server.url, home, "[", http.StatusBadRequest},
	} {
		if got := post(t, c.url, c.origin, c.body); got != c.want {
			t.Errorf("%s: status %d, want %d", name, got, c.want)
		}
	}
	if approvedAnswer(t, path, keys[0]) != nil {
		t.Error("a refused decision was kept")
	}
	req, _ := http.NewRequest(http.MethodGet, server.url, nil)
	req.Host = "attacker.example"
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusNotFound {
		t.Errorf("a foreign host name: status %d", resp.StatusCode)
	}
}

func TestThePageOfAReviewIsLive(t *testing.T) {
	path, _ := people(t)
	server := serve(t, path, "127.0.0.1:0")
	resp, err := http.Get(server.url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(resp.Body); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "connect-src 'self'") || resp.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("the page cannot send, or is kept: %v", resp.Header)
	}
}
