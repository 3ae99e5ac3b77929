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
	status, said := posted(ts, args[0], "decisions", []review.Verdict{v})
	var results []review.Result
	if json.Unmarshal(said, &results) != nil || len(results) != 1 || results[0].Outcome != review.Saved {
		ts.Fatalf("%s: %s", status, said)
	}
}

// posted sends what the page of a review sends, once its address is in a file, and
// returns the answer.
func posted(ts *testscript.TestScript, addrFile, where string, what any) (status string, said []byte) {
	var page string
	wait(ts, addrFile, func() bool {
		text, err := os.ReadFile(ts.MkAbs(addrFile))
		page = strings.TrimSpace(string(text))
		return err == nil
	})
	body, err := json.Marshal(what)
	ts.Check(err)
	at, err := url.Parse(page)
	ts.Check(err)
	req, err := http.NewRequest(http.MethodPost, page+where, bytes.NewReader(body))
	ts.Check(err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Origin", "http://"+at.Host)
	resp, err := http.DefaultClient.Do(req)
	ts.Check(err)
	defer resp.Body.Close()
	said, err = io.ReadAll(resp.Body)
	ts.Check(err)
	return resp.Status, said
}

// again marks a contact as the page of a review does, or takes the mark back with
// the outcome unmarked; what the server says is in again.json. With ! it is refused
// as a whole, and OUTCOME stands in the reason.
func again(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, len(args) == 4 || len(args) == 5, "again ADDRFILE CHECKPOINT EMAIL OUTCOME [WITH]")
	key, _ := answerTo(ts, args[1], args[2])
	wanted := review.MarkRequest{Keys: []checkpoint.Key{key}, Undo: args[3] == review.Unmarked}
	if len(args) == 5 {
		wanted.With = args[4]
	}
	status, said := posted(ts, args[0], "again", wanted)
	ts.Check(os.WriteFile(ts.MkAbs("again.json"), said, 0o600))
	if neg {
		if status[0] == '2' || !strings.Contains(string(said), args[3]) {
			ts.Fatalf("%s: %s", status, said)
		}
		return
	}
	var marks struct { // review.MarkReply, of which an amount is not read back
		Marked  map[checkpoint.Key]review.Mark
		Results []review.MarkResult
	}
	if err := json.Unmarshal(said, &marks); err == nil && len(marks.Results) == 1 && marks.Results[0].Outcome == args[3] {
		if _, marked := marks.Marked[key]; marked != (args[3] == review.Marked || args[3] == review.Before) {
			ts.Fatalf("marked: %v: %s", marked, said)
		}
		return
	}
	ts.Fatalf("%s: %s", status, said)
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
	if !bytes.Contains(rec.Body, before) {
		ts.Fatalf("the answer about %s is made of parts, and has no such text", args[1])
	}
	rec.Body = bytes.Replace(rec.Body, before, after, 1)
	ts.Check(journal.Append(rec))
	ts.Check(journal.Close())
}

// answerTo finds the last answer about a person.
func answerTo(ts *testscript.TestScript, path, email string) (key checkpoint.Key, last *octave.Answer) {
	for entry, err := range checkpoint.Records(ts.MkAbs(path), nil) {
		ts.Check(err)
		var body pipeline.AnswerBody
		if entry.Type == checkpoint.Answered && json.Unmarshal(entry.Body, &body) == nil && strings.Contains(string(body.Request), `"`+email+`"`) {
			key = entry.Key
			last, err = octave.Decode(body.Answer)
			ts.Check(err)
		}
	}
	if last == nil {
		ts.Fatalf("no answer about %s in %s", email, path)
	}
	return key, last
}
