package review_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
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
	for i, v := range verdicts {
		verdicts[i].After = book.Decision(v.Key, answerOf(t, path, v.Key)).Number
	}
	results, err := book.Decide(verdicts)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		if r.Outcome != review.Saved {
			t.Fatalf("%+v", r)
		}
	}
	if err := book.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestOnlyApprovedAnswersAreExported(t *testing.T) {
	path, keys := people(t)
	verdict := func(i int, state string) review.Verdict {
		return review.Verdict{Key: keys[i], Of: review.Fingerprint(answerOf(t, path, keys[i])), State: state}
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
	decide(t, path, review.Verdict{Key: keys[0], Of: review.Fingerprint(before), State: review.Approved,
		Emails: []report.Message{{Subject: before.Emails[0].Subject, Body: before.Emails[0].Body}, {Subject: "New", Body: "Mine <b>"}}})
	after := approvedAnswer(t, path, keys[0])
	want := *before
	want.Raw = nil
	want.Emails = []octave.Email{before.Emails[0], {Subject: "New", Body: "Mine <b>", CoreValueProp: before.Emails[1].CoreValueProp}}
	after.Raw = nil
	if diff := cmp.Diff(&want, after); diff != "" {
		t.Error(diff)
	}
}

func TestADroppedMessageIsLeftOut(t *testing.T) {
	path, keys := people(t)
	before := answerOf(t, path, keys[0])
	decide(t, path, review.Verdict{Key: keys[0], Of: review.Fingerprint(before), State: review.Approved,
		Emails: []report.Message{{Subject: "Mine", Body: "First"}, {Subject: "gone", Body: " \n"}}})
	after := approvedAnswer(t, path, keys[0])
	want := []octave.Email{{Subject: "Mine", Body: "First", CoreValueProp: before.Emails[0].CoreValueProp}}
	if diff := cmp.Diff(want, after.Emails); diff != "" {
		t.Error(diff)
	}
}

// Whatever is wrong with an approval is a failure of its row, with the name of
// the check, and the others are answered all the same.
func TestWhatIsWrongWithOneApprovalHoldsItAlone(t *testing.T) {
	for check, wrong := range map[string]review.Verdict{
		"changed since approval": {Of: "0123456789abcdef"},
		"edits: the first":       {Emails: []report.Message{{}, {Body: "left"}}}, // as older versions kept it
		"edits: 3 messages":      {Emails: []report.Message{{Body: "a"}, {Body: "b"}, {Body: "c"}}},
	} {
		path, keys := people(t)
		good := review.Verdict{Key: keys[1], Of: review.Fingerprint(answerOf(t, path, keys[1])), State: review.Approved}
		wrong.Key, wrong.State = keys[0], review.Approved
		if wrong.Of == "" {
			wrong.Of = review.Fingerprint(answerOf(t, path, keys[0]))
		}
		decide(t, path, wrong, good)
		if approvedAnswer(t, path, keys[0]) != nil || approvedAnswer(t, path, keys[1]) == nil {
			t.Errorf("%s: the wrong one is exported, or the good one is not", check)
		}
		if why := whyHeld(t, path, keys[0]); !strings.HasPrefix(why, check) {
			t.Errorf("held because of %q, want %q", why, check)
		}
		if why := whyHeld(t, path, keys[1]); why != "" {
			t.Errorf("the good one is held: %s", why)
		}
	}
}

// whyHeld is what an export says of a row, "" when it is not held.
func whyHeld(t *testing.T, path string, key checkpoint.Key) string {
	t.Helper()
	book, err := review.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	journal := review.ApprovedOnly(openJournal(t, path), book)
	rec, ok, err := journal.Failure(key)
	if err != nil {
		t.Fatal(err)
	}
	if held := journal.State(key) == checkpoint.FailedState; held != ok {
		t.Errorf("the state says %v, the failure %v", held, ok)
	}
	var body pipeline.FailureBody
	if ok && json.Unmarshal(rec.Body, &body) != nil {
		t.Fatalf("%s", rec.Body)
	}
	return body.Error
}

// An approval is about the words that a row shows: where they are others, it holds the
// row, and where those were rejected, it is over.
func TestEarlierApprovalsNeverStandForARow(t *testing.T) {
	for _, tt := range []struct {
		state string // of the words that the row shows
		now   checkpoint.State
		why   string
	}{
		{"", checkpoint.FailedState, "changed since approval"},
		{review.Rejected, checkpoint.Unknown, ""},
		{review.Approved, checkpoint.AnsweredState, ""},
	} {
		path, keys := people(t)
		present, earlier := keys[0], keys[1]
		for key, state := range map[checkpoint.Key]string{present: tt.state, earlier: review.Approved} {
			decide(t, path, review.Verdict{Key: key, Of: review.Fingerprint(answerOf(t, path, key)), State: state})
		}
		book, err := review.Read(path)
		if err != nil {
			t.Fatal(err)
		}
		answers := review.ApprovedOnly(openJournal(t, path), book)
		answers.Present(present, []checkpoint.Key{present, earlier})
		if _, ok, err := answers.Answer(earlier); ok || err != nil || answers.State(earlier) != checkpoint.Unknown {
			t.Errorf("%q: what was replaced is exported: %v", tt.state, err)
		}
		another := review.ApprovedOnly(openJournal(t, path), book)
		another.Before(present)
		for _, journal := range []*review.Approvals{answers, another} {
			rec, _, err := journal.Failure(present)
			if err != nil || journal.State(present) != tt.now || !strings.Contains(string(rec.Body), tt.why) {
				t.Errorf("%q: state %v, held: %s, %v", tt.state, journal.State(present), rec.Body, err)
			}
		}
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

// post sends decisions as the page does; the results are nil when the status is
// not 200.
func post(t *testing.T, url, origin, body string) (int, []review.Result) {
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
	defer resp.Body.Close()
	var results []review.Result
	if resp.StatusCode == http.StatusOK {
		if err := json.NewDecoder(resp.Body).Decode(&results); err != nil {
			t.Fatal(err)
		}
	}
	return resp.StatusCode, results
}

// send posts verdicts and returns what became of each.
func (p *process) send(t *testing.T, list ...review.Verdict) []review.Result {
	t.Helper()
	code, results := post(t, p.url, "http://"+p.addr(), verdicts(t, list...))
	if code != http.StatusOK || len(results) != len(list) {
		t.Fatalf("status %d, %d results", code, len(results))
	}
	return results
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
		r := server.send(t, review.Verdict{Key: keys[1], After: i, Of: review.Fingerprint(before), State: review.Approved,
			Emails: []report.Message{{Subject: "S", Body: text}}})[0]
		if r.Outcome != review.Saved || r.Decision.Number != i+1 {
			t.Fatalf("%+v", r)
		}
		server.kill()
		if got := approvedAnswer(t, path, keys[1]); got == nil || got.Emails[0].Body != text {
			t.Fatalf("after kill %d: %v", i, got)
		}
	}
}

func TestADecisionMadeOnAnOlderOneIsAConflict(t *testing.T) {
	path, keys := people(t)
	server := serve(t, path, "127.0.0.1:0")
	of := review.Fingerprint(answerOf(t, path, keys[0]))
	reject := review.Verdict{Key: keys[0], Of: of, State: review.Rejected, Reason: "wrong person"}
	if r := server.send(t, reject)[0]; r.Outcome != review.Saved {
		t.Fatalf("%+v", r)
	}
	other := review.Verdict{Key: keys[1], Of: review.Fingerprint(answerOf(t, path, keys[1])), State: review.Approved}
	results := server.send(t, review.Verdict{Key: keys[0], Of: of, State: review.Approved}, other)
	r := results[0]
	if r.Outcome != review.Conflict || r.Decision.State != review.Rejected || r.Decision.Number != 1 || r.Decision.Reason != "wrong person" || r.Decision.At.IsZero() {
		t.Errorf("an approval made on nothing, after a rejection: %+v", r)
	}
	if results[1].Outcome != review.Saved {
		t.Errorf("the conflict of one took along another: %+v", results[1])
	}
	if r := server.send(t, reject)[0]; r.Outcome != review.Saved || r.Decision.Number != 1 {
		t.Errorf("a decision that is sent twice, its first reply lost: %+v", r)
	}
	server.kill()
	if approvedAnswer(t, path, keys[0]) != nil || approvedAnswer(t, path, keys[1]) == nil {
		t.Error("what is on disk is not what the server said")
	}
}

func TestADecisionAboutWordsThatChangedIsStale(t *testing.T) {
	path, keys := people(t)
	server := serve(t, path, "127.0.0.1:0")
	of := review.Fingerprint(answerOf(t, path, keys[0]))
	approve := review.Verdict{Key: keys[0], Of: of, State: review.Approved}
	if r := server.send(t, approve)[0]; r.Outcome != review.Saved {
		t.Fatalf("%+v", r)
	}
	answerAgain(t, path, keys[0], "New subject", "New words")
	approve.After = 1
	r := server.send(t, approve)[0]
	if r.Outcome != review.Stale || r.Decision.State != "" || r.Decision.Before != review.Approved || r.Decision.Of == of {
		t.Errorf("an approval of words that are no longer there: %+v", r)
	}
	if !strings.Contains(string(r.Contact), "New words") {
		t.Errorf("the new words are not sent along: %s", r.Contact)
	}
	approve.Of = r.Decision.Of
	if r := server.send(t, approve)[0]; r.Outcome != review.Saved || r.Decision.Number != 2 {
		t.Errorf("an approval of the new words: %+v", r)
	}
}

func TestTheServerRefuses(t *testing.T) {
	path, keys := people(t)
	server := serve(t, path, "127.0.0.1:0")
	home := "http://" + server.addr()
	good := review.Verdict{Key: keys[0], Of: review.Fingerprint(answerOf(t, path, keys[0])), State: review.Approved}
	for name, c := range map[string]struct {
		url, origin, body string
		want              int
	}{
		"no token":      {home + "/", home, verdicts(t, good), http.StatusNotFound},
		"a wrong token": {home + "/guess/", home, verdicts(t, good), http.StatusNotFound},
		"another page":  {server.url, "https://example.com", verdicts(t, good), http.StatusForbidden},
		"not JSON":      {server.url, home, "[", http.StatusBadRequest},
	} {
		if got, _ := post(t, c.url, c.origin, c.body); got != c.want {
			t.Errorf("%s: status %d, want %d", name, got, c.want)
		}
	}
	odd, short, empty := good, good, good
	odd.State, short.Emails, empty.Emails = "perhaps", []report.Message{{Body: "x"}}, []report.Message{{}, {Body: "x"}}
	for name, v := range map[string]review.Verdict{"an odd state": odd, "too few messages": short, "no first message": empty, "an unknown key": {Key: checkpoint.Key{9}}} {
		if r := server.send(t, v)[0]; r.Outcome != review.Refused || r.Problem == "" {
			t.Errorf("%s: %+v", name, r)
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

func TestTheAddressWithoutItsSlashLeadsToThePage(t *testing.T) {
	path, _ := people(t)
	server := serve(t, path, "127.0.0.1:0")
	resp, err := http.Get(strings.TrimSuffix(server.url, "/"))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if got := resp.Request.URL.String(); resp.StatusCode != http.StatusOK || got != server.url {
		t.Errorf("status %d at %s", resp.StatusCode, got)
	}
}

// An open page hears of decisions of other windows and of new answers, and hears
// the end when the review ends.
func TestAnOpenPageIsToldWhatHappens(t *testing.T) {
	path, keys := people(t)
	book, err := review.Open(path, "test")
	if err != nil {
		t.Fatal(err)
	}
	defer book.Close()
	ctx, end := context.WithCancel(t.Context())
	server := review.NewServer(ctx, path, book)
	web := httptest.NewServer(server)
	defer web.Close()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Get(server.URL(web.Listener.Addr()) + fmt.Sprintf("events?from=%d", info.Size()))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	next := func(event string) (data string) {
		for lines.Scan() {
			if lines.Text() == "event: "+event && lines.Scan() {
				return lines.Text()
			}
		}
		t.Fatalf("no %s: %v", event, lines.Err())
		return ""
	}
	if _, err := book.Decide([]review.Verdict{{Key: keys[0], Of: review.Fingerprint(answerOf(t, path, keys[0])), State: review.Rejected, Reason: "tone"}}); err != nil {
		t.Fatal(err)
	}
	if data := next("decision"); !strings.Contains(data, keys[0].String()) || !strings.Contains(data, `"reason":"tone"`) {
		t.Errorf("the decision is told as %s", data)
	}
	answerAgain(t, path, keys[1], "New subject", "New words")
	if data := next("contact"); !strings.Contains(data, keys[1].String()) || !strings.Contains(data, "New words") {
		t.Errorf("the answer is told as %s", data)
	}
	end()
	for lines.Scan() { // until the stream ends
	}
}
