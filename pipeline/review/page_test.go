package review_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"octave-enrich/checkpoint"
	"octave-enrich/pipeline/report"
	"octave-enrich/pipeline/review"
)

// A page is made once for a state of the checkpoint. While a run writes it is not made
// again for every load: pages hear of what was written since.
func TestAPageIsNotMadeForEveryLoad(t *testing.T) {
	path, keys := people(t)
	book, err := review.Open(path, "test")
	if err != nil {
		t.Fatal(err)
	}
	defer book.Close()
	server := review.NewServer(context.Background(), path, book)
	load := func() (end int64, damaged int) {
		t.Helper()
		var page struct {
			Summary struct {
				End     int64
				Damaged int
			}
		}
		if err := json.Unmarshal(loaded(t, server), &page); err != nil {
			t.Fatal(err)
		}
		return page.Summary.End, page.Summary.Damaged
	}
	whole := func() int64 {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	first, _ := load()
	if first != whole() {
		t.Fatalf("the page ends at %d of %d", first, whole())
	}
	answerAgain(t, path, keys[0], "New subject", "New words")
	if end, _ := load(); end != first {
		t.Error("a page was made for a load while a run writes")
	}
	still := time.Now().Add(-time.Minute)
	if err := os.Chtimes(path, still, still); err != nil {
		t.Fatal(err)
	}
	if end, _ := load(); end != whole() {
		t.Error("the run is over, and the page is the one from before")
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("0"), first-20); err != nil { // whoever reads it again finds damage
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if _, damaged := load(); damaged != 0 {
		t.Error("nothing was written, and the page was made again")
	}
}

// What was written since grows too large to be told to every page that opens.
func TestAPageIsMadeAgainWhenMuchWasWritten(t *testing.T) {
	path, keys := people(t)
	book, err := review.Open(path, "test")
	if err != nil {
		t.Fatal(err)
	}
	defer book.Close()
	server := review.NewServer(context.Background(), path, book)
	holds := func(words string) bool { return strings.Contains(string(loaded(t, server)), words) }
	if holds("Words 9") {
		t.Fatal("too early")
	}
	for i := range 10 {
		answerAgain(t, path, checkpoint.Key{byte(i), 7}, "Subject", "Words "+string(rune('0'+i))+strings.Repeat(" and more", 50))
	}
	answerAgain(t, path, keys[0], "Subject", "Words 9")
	if !holds("Words 9") {
		t.Error("much was written, and the page is the one from before")
	}
}

// loaded is what the page holds that the server answers with.
func loaded(t *testing.T, server *review.Server) []byte {
	t.Helper()
	w := httptest.NewRecorder()
	server.ServeHTTP(w, httptest.NewRequest(http.MethodGet, server.URL(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}), nil))
	raw, err := report.Data(w.Body.Bytes())
	if err != nil {
		t.Fatal(w.Code, err)
	}
	return raw
}
