package octave

import (
	"encoding/json"
	"math"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func TestRetryAfter(t *testing.T) {
	for _, c := range []struct {
		value, date string
		want        time.Duration
		raw         string
	}{
		{value: ""},
		{value: "0", raw: "0"},
		{value: "120", want: 2 * time.Minute, raw: "120"},
		{value: " 7 ", want: 7 * time.Second, raw: "7"},
		{value: "1.5", want: 1500 * time.Millisecond, raw: "1.5"},
		{value: "-5", raw: "-5"},
		{value: "soon", raw: "soon"},
		{value: "NaN", raw: "NaN"},
		{value: "-Inf", raw: "-Inf"},
		{value: "99999999999999999999", want: math.MaxInt64, raw: "99999999999999999999"},
		{value: "1e400", want: 0, raw: "1e400"}, // out of range for a float: not understood
		{value: "Mon, 23 Nov 2026 12:00:30 GMT", want: 30 * time.Second, raw: "Mon, 23 Nov 2026 12:00:30 GMT"},
		// The service's clock is two hours off, and says so.
		{value: "Mon, 23 Nov 2026 14:00:30 GMT", date: "Mon, 23 Nov 2026 14:00:00 GMT", want: 30 * time.Second, raw: "Mon, 23 Nov 2026 14:00:30 GMT"},
		{value: "Mon, 23 Nov 2026 12:00:30 GMT", date: "garbage", want: 30 * time.Second, raw: "Mon, 23 Nov 2026 12:00:30 GMT"},
		{value: "Mon, 23 Nov 2026 11:00:00 GMT", raw: "Mon, 23 Nov 2026 11:00:00 GMT"}, // past
		{value: "Fri, 31 Dec 9999 23:59:59 GMT", want: math.MaxInt64, raw: "Fri, 31 Dec 9999 23:59:59 GMT"},
	} {
		h := http.Header{}
		h.Set("Retry-After", c.value)
		h.Set("Date", c.date)
		got, raw := retryAfter(h, now)
		if got != c.want || raw != c.raw {
			t.Errorf("%q: got %v, %q; want %v, %q", c.value, got, raw, c.want, c.raw)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"1", "-1", "1e9", "Mon, 23 Nov 2026 12:00:30 GMT", "\x00", "0x10p3"} {
		f.Add(s, "")
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, value, date string) {
		got, raw := retryAfter(http.Header{"Retry-After": {value}, "Date": {date}}, now)
		if got < 0 || raw != strings.TrimSpace(value) {
			t.Errorf("%q, date %q: got %v, %q", value, date, got, raw)
		}
	})
}

func TestMessageOfABody(t *testing.T) {
	for _, c := range []struct{ name, body, want string }{
		{"documented", `{"_metadata":{"usage":0,"message":"Unauthorized"},"message":"Invalid API key"}`, "Invalid API key"},
		{"metadata only", `{"_metadata":{"message":"Unauthorized"}}`, "Unauthorized"},
		{"empty message", `{"message":" ","_metadata":{"message":"Unauthorized"}}`, "Unauthorized"},
		{"null message", `{"message":null,"error":"nope"}`, "nope"},
		{"error object", `{"error":{"code":7,"message":"inner"}}`, "inner"},
		{"list", `{"message":["email: bad","lang: bad"]}`, `["email: bad","lang: bad"]`},
		{"object", `{"errors":{"lang":"unknown"}}`, `{"lang":"unknown"}`},
		{"repeated name", `{"message":"a","message":"b"}`, "b"},
		{"bare string", `"down"`, "down"},
		{"number", `{"message":5}`, ""},
		{"deep", strings.Repeat(`{"error":`, 9000) + `1` + strings.Repeat(`}`, 9000), "{"},
		{"nested beyond reason", strings.Repeat(`[`, 100000), ""},
		{"html", "<html><head><TITLE lang=en>\n 502 Bad\tGateway &amp; more</TITLE></head><h1>no</h1>", "502 Bad Gateway & more"},
		{"html without title", "<!doctype html><h1 class='x'>Down</h1>", "Down"},
		{"html without words", "<html><body>", ""},
		{"text", " upstream  connect\r\nerror ", "upstream connect error"},
		{"cut", `{"message":"Inva`, ""},
		{"empty", "", ""},
		{"control characters", `{"message":"a\u001b[31mb\u0000\u202ec\r\nd"}`, "a[31mbc d"},
		{"invalid UTF-8", "{\"message\":\"a\xffb\"}", "a\uFFFDb"},
	} {
		got := clean(message([]byte(c.body)))
		if c.name == "deep" {
			got = got[:1]
		}
		if got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestMessageIsShort(t *testing.T) {
	for _, body := range []string{strings.Repeat("ä", 5000), strings.Repeat("word ", 5000), strings.Repeat("x", 301)} {
		if n := utf8.RuneCountInString(clean(message([]byte(body)))); n > 300 || n < 290 {
			t.Errorf("%d characters of %d", n, len(body))
		}
	}
	if s := strings.Repeat("x", 300); clean(s) != s {
		t.Error("300 characters were cut")
	}
}

func TestKeyIsMaskedBeforeTheMessageIsCut(t *testing.T) {
	c := &Client{key: "sk_secret/value"}
	for lead := range 310 {
		got := c.words(strings.Repeat("x", lead) + "sk_secret/value")
		if strings.Contains(got, "sk_") {
			t.Fatalf("after %d characters: %s", lead, got)
		}
	}
	for _, hidden := range []string{"sk_sec\x00ret/value", "sk_secret%2Fvalue", "sk_\u200bsecret/value"} {
		if got := c.words("no " + hidden); got != "no ***" {
			t.Errorf("%q became %q", hidden, got)
		}
	}
}

func TestJudge(t *testing.T) {
	for _, c := range []struct {
		status  int
		message string
		action  Action
		cause   Cause
	}{
		{302, "", Again, CauseUnreachable},
		{400, "out of credits in the text of a 400", Row, CauseRequest},
		{401, "", All, CauseKey},
		{402, "", All, CauseCredits},
		{403, "no access", All, CauseKey},
		{403, "Credits exhausted", All, CauseCredits},
		{403, "quota exceeded", All, CauseCredits},
		{404, "", Row, CauseRequest},
		{405, "", Row, CauseRequest},
		{408, "", Again, CauseServer},
		{409, "", Row, CauseRequest},
		{413, "", Row, CauseRequest},
		{422, "", Row, CauseRequest},
		{425, "", Again, CauseRateLimited},
		{429, "", Again, CauseRateLimited},
		{429, "Too many requests", Again, CauseRateLimited},
		{429, "Your monthly quota is used up", All, CauseCredits},
		{429, "INSUFFICIENT_CREDITS", All, CauseCredits},
		{429, "Rate quota exceeded: 100 requests per minute", Again, CauseRateLimited},
		{500, "", Again, CauseServer},
		{501, "", Again, CauseServer},
		{503, "no credits", Again, CauseRateLimited},
		{599, "", Again, CauseServer},
	} {
		if action, cause := judge(c.status, c.message); action != c.action || cause != c.cause {
			t.Errorf("%d %q: got %v, %v; want %v, %v", c.status, c.message, action, cause, c.action, c.cause)
		}
	}
}

// FuzzValue holds the reader of answers against encoding/json.
func FuzzValue(f *testing.F) {
	for _, s := range []string{`{}`, `{"a":1}`, ` { "a" : [ 1 , "\\\"" , {} ] , "" : null } `, `["\ud800","\u0041","a\\"]`, `"\n\t\/\""`,
		`{"a":{"b":"}"},"a":[[[]]]}`, "\"\xff\"", `{"\u0061":true,"b":-1.5e+3}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		b = []byte(strings.TrimSpace(string(b)))
		var want any
		if json.Unmarshal(b, &want) != nil || !json.Valid(b) {
			t.Skip() // 1e400 is valid and has no float64
		}
		if got := tree(newParser(b)); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %#v, want %#v", b, got, want)
		}
	})
}

// tree is what a parser reads, as encoding/json would have it.
func tree(p *parser) any {
	switch p.peek() {
	case '{':
		m := map[string]any{}
		for name := range p.fields() {
			m[name.text()] = tree(p)
		}
		return m
	case '[':
		list := []any{}
		for range p.items() {
			list = append(list, tree(p))
		}
		return list
	case '"':
		return p.raw().text()
	}
	var leaf any
	if v := p.raw(); json.Unmarshal(v, &leaf) != nil {
		return "not one value: " + string(v)
	}
	return leaf
}

func FuzzClean(f *testing.F) {
	f.Add("a\x00b\u202e", "key")
	f.Fuzz(func(t *testing.T, s, key string) {
		if !headerSafe(key) {
			t.Skip() // NewClient refuses it
		}
		got := (&Client{key: Secret(key)}).words(s)
		if len(key) > len(mask) && strings.Contains(got, key) {
			t.Errorf("the key %q is in %q", key, got)
		}
		if utf8.RuneCountInString(got) > maxMessage || !utf8.ValidString(got) || strings.ContainsFunc(got, unicode.IsControl) {
			t.Errorf("%q became %q", s, got)
		}
	})
}

func TestDecimal(t *testing.T) {
	for _, c := range []struct{ in, spelled, sum string }{
		{`1`, "1", "1"}, {`0.10`, "0.10", "1/10"}, {`1e2`, "1e2", "100"}, {`-3`, "-3", "-3"}, {`"2.50"`, "2.50", "5/2"},
		{`1e400`, "1e400", ""}, {`1e999999999999`, "1e999999999999", ""}, {`1e-99999999`, "1e-99999999", ""},
		{`1e99`, "1e99", "1" + strings.Repeat("0", 99)}, {`1e-99`, "1e-99", "1/1" + strings.Repeat("0", 99)}, {`1e100`, "1e100", ""}, {`1e-100`, "1e-100", ""},
		{`1e99999999999999999999`, "1e99999999999999999999", ""}, {`null`, "", ""}, {`true`, "", ""}, {`"one"`, "", ""}, {`" 1"`, "", ""}, {`"0x10"`, "", ""}, {`{}`, "", ""}, {`""`, "", ""},
		{`1` + strings.Repeat("0", 63), "1" + strings.Repeat("0", 63), "1" + strings.Repeat("0", 63)}, {`1` + strings.Repeat("0", 64), "", ""},
	} {
		var d Decimal
		if err := json.Unmarshal([]byte(c.in), &d); err != nil || string(d) != c.spelled {
			t.Errorf("%s: spelled %q, %v; want %q", c.in, d, err, c.spelled)
		}
		r, ok := d.Rat()
		if ok != (c.sum != "") || ok && r.RatString() != c.sum {
			t.Errorf("%s: sum %v, %v; want %q", c.in, r, ok, c.sum)
		}
		if b, err := json.Marshal(d); err != nil || c.spelled == "" && string(b) != "null" || c.spelled != "" && string(b) != c.spelled {
			t.Errorf("%s: marshalled as %s, %v", c.in, b, err)
		}
	}
	if _, ok := Decimal("1/3").Rat(); ok {
		t.Error("1/3 is no number of JSON")
	}
}

// Of an error's message, lists and objects are kept as they are spelled; empty ones say
// nothing.
func TestPhrase(t *testing.T) {
	for spelled, want := range map[string]string{`"no"`: "no", `null`: "", `1`: "", `{}`: "", `[]`: "", `["a"]`: `["a"]`, `{"a":1}`: `{"a":1}`} {
		if got := phrase(value(spelled)); got != want {
			t.Errorf("%s: %q, want %q", spelled, got, want)
		}
	}
}
