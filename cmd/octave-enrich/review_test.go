package main

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
	"octave-enrich/pipeline"
	"octave-enrich/pipeline/report"
	"octave-enrich/pipeline/review"
)

// unpack writes the data of a page as JSON beside it.
func unpack(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) == 2, "unpack FILE.html FILE.json")
	_, rest, _ := strings.Cut(ts.ReadFile(args[0]), `id="data">`)
	text, _, found := strings.Cut(rest, "<")
	if !found {
		ts.Fatalf("%s has no data", args[0])
	}
	packed, err := gzip.NewReader(base64.NewDecoder(base64.StdEncoding, strings.NewReader(text)))
	ts.Check(err)
	data, err := io.ReadAll(packed)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), data, 0o600))
}

// decided sends the decision about a contact as the page of a review does, with
// an edit of the first message if one is given.
func decided(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) >= 4, "decided ADDRFILE CHECKPOINT EMAIL approved|rejected [SUBJECT BODY]")
	var page string
	wait(ts, args[0], func() bool {
		text, err := os.ReadFile(ts.MkAbs(args[0]))
		page = strings.TrimSpace(string(text))
		return err == nil
	})
	key, answer := answerTo(ts, args[1], args[2])
	book, err := review.Read(ts.MkAbs(args[1]))
	ts.Check(err)
	v := review.Verdict{Key: key, After: book.Decision(key, answer).Number, Of: review.Fingerprint(answer), State: args[3]}
	if len(args) == 6 {
		for _, e := range answer.Emails {
			v.Emails = append(v.Emails, report.Message{Subject: e.Subject, Body: e.Body})
		}
		v.Emails[0] = report.Message{Subject: args[4], Body: args[5]}
	}
	body, err := json.Marshal([]review.Verdict{v})
	ts.Check(err)
	at, err := url.Parse(page)
	ts.Check(err)
	req, err := http.NewRequest(http.MethodPost, page+"decisions", bytes.NewReader(body))
	ts.Check(err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Origin", "http://"+at.Host)
	resp, err := http.DefaultClient.Do(req)
	ts.Check(err)
	defer resp.Body.Close()
	said, err := io.ReadAll(resp.Body)
	ts.Check(err)
	var results []review.Result
	if json.Unmarshal(said, &results) != nil || len(results) != 1 || results[0].Outcome != review.Saved {
		ts.Fatalf("%s: %s", resp.Status, said)
	}
}

// rewritten gives a question that was answered another answer, as a run would
// that asks again: the first message has another text.
func rewritten(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) == 3, "rewritten CHECKPOINT EMAIL BODY")
	path := ts.MkAbs(args[0])
	key, answer := answerTo(ts, args[0], args[1])
	journal, err := checkpoint.Open(path, checkpoint.Options{})
	ts.Check(err)
	rec, _, err := journal.Answer(key)
	ts.Check(err)
	before, err := json.Marshal(answer.Emails[0].Body)
	ts.Check(err)
	after, err := json.Marshal(args[2])
	ts.Check(err)
	rec.Body = bytes.Replace(rec.Body, before, after, 1)
	ts.Check(journal.Append(rec))
	ts.Check(journal.Close())
}

// answerTo finds the answer about a person.
func answerTo(ts *testscript.TestScript, path, email string) (checkpoint.Key, *octave.Answer) {
	for entry, err := range checkpoint.Records(ts.MkAbs(path), nil) {
		ts.Check(err)
		var body pipeline.AnswerBody
		if entry.Type == checkpoint.Answered && json.Unmarshal(entry.Body, &body) == nil && strings.Contains(string(body.Request), `"`+email+`"`) {
			answer, err := octave.Decode(body.Answer)
			ts.Check(err)
			return entry.Key, answer
		}
	}
	ts.Fatalf("no answer about %s in %s", email, path)
	return checkpoint.Key{}, nil
}
