package review_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"octave-enrich/checkpoint"
	"octave-enrich/pipeline/review"
)

// A page marks contacts to be written again, and nobody else does. Who makes the
// marks is told what the page wants, and what it says is told to the page.
func TestOnlyThePageMarks(t *testing.T) {
	path, keys := people(t)
	book, err := review.Open(path, "test")
	if err != nil {
		t.Fatal(err)
	}
	defer book.Close()
	server := review.NewServer(t.Context(), path, book)
	web := httptest.NewServer(server)
	defer web.Close()
	page := server.URL(web.Listener.Addr())
	wanted := review.MarkRequest{Keys: keys[:1], With: "shorter"}
	whole, err := json.Marshal(wanted)
	if err != nil {
		t.Fatal(err)
	}
	at, err := url.Parse(page)
	if err != nil {
		t.Fatal(err)
	}
	send := func(method, body, origin string) (int, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, page+"again", bytes.NewReader([]byte(body)))
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
		said, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(said)
	}
	self := "http://" + at.Host
	if code, _ := send(http.MethodPost, string(whole), self); code != http.StatusNotFound {
		t.Errorf("a review that cannot mark: status %d", code)
	}

	var asked []review.MarkRequest
	var trouble error
	server.Mark = func(a review.MarkRequest) (review.MarkReply, error) {
		asked = append(asked, a)
		return review.MarkReply{Marked: map[checkpoint.Key]review.Mark{keys[0]: {With: "shorter"}}, Calls: 1}, trouble
	}
	for name, refused := range map[string]struct {
		body, origin string
		code         int
	}{
		"another page": {string(whole), "http://attacker.example", http.StatusForbidden},
		"nobody":       {`{"keys":[]}`, self, http.StatusBadRequest},
		"no JSON":      {`shorter`, self, http.StatusBadRequest},
	} {
		if code, _ := send(http.MethodPost, refused.body, refused.origin); code != refused.code || asked != nil {
			t.Errorf("%s: status %d, want %d; marked: %v", name, code, refused.code, asked)
		}
	}
	code, said := send(http.MethodPost, string(whole), self)
	if code != http.StatusOK || !strings.Contains(said, `"`+keys[0].String()+`":{"with":"shorter"`) || !strings.Contains(said, `"calls":1`) {
		t.Errorf("status %d: %s", code, said)
	}
	if code, _ := send(http.MethodGet, "", ""); code != http.StatusOK {
		t.Errorf("who is marked: status %d", code)
	}
	if d := cmp.Diff([]review.MarkRequest{wanted, {}}, asked); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	trouble = errors.New("a run is going on")
	if code, said := send(http.MethodPost, string(whole), self); code != http.StatusConflict || !strings.Contains(said, "a run is going on") {
		t.Errorf("status %d: %s", code, said)
	}
}
