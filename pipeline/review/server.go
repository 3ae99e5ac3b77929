package review

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
	"octave-enrich/pipeline/report"
)

// maxBatch bounds the body of one request in bytes.
const maxBatch = 64 << 20

// A Server is the page of a checkpoint that takes decisions. Whoever does not
// know its token gets nothing from it, other programs and other pages in the same
// browser included.
type Server struct {
	path  string // of the checkpoint
	book  *Book
	token string
	ends  <-chan struct{} // closed when streams must end

	kept keptPage

	mu      sync.Mutex
	answers answers

	// Mark makes the marks of a page; nil where none can be made. It is set before
	// anything is served, and called once at a time.
	Mark    Marker
	marking sync.Mutex
}

// NewServer serves the checkpoint at path; decisions go into book. Pages that follow
// it are told nothing more when ctx is done.
func NewServer(ctx context.Context, path string, book *Book) *Server {
	var token [24]byte
	_, _ = rand.Read(token[:]) // never fails
	return &Server{path: path, book: book, ends: ctx.Done(), answers: answers{path: path}, token: base64.RawURLEncoding.EncodeToString(token[:])}
}

// URL is where a browser finds the page of a server that listens on addr.
func (s *Server) URL(addr net.Addr) string {
	return "http://" + addr.String() + "/" + s.token + "/"
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	head := w.Header()
	head.Set("Cache-Control", "no-store")
	head.Set("Referrer-Policy", "no-referrer")
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("X-Frame-Options", "DENY")
	head.Set("Cross-Origin-Resource-Policy", "same-origin")
	head.Set("Cross-Origin-Opener-Policy", "same-origin")
	token, rest, inside := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch {
	case !loopback(r.Host) || subtle.ConstantTimeCompare([]byte(token), []byte(s.token)) != 1:
		http.Error(w, "not found: use the address that the command printed", http.StatusNotFound)
	case !inside:
		http.Redirect(w, r, "/"+s.token+"/", http.StatusPermanentRedirect)
	case rest == "" && r.Method == http.MethodGet:
		s.page(w)
	case rest == "decisions" && r.Method == http.MethodGet:
		s.decisions(w)
	case rest == "events" && r.Method == http.MethodGet:
		s.events(w, r)
	case rest == "decisions" && r.Method == http.MethodPost:
		s.decide(w, r)
	case rest == "again" && (r.Method == http.MethodGet || r.Method == http.MethodPost):
		s.again(w, r)
	default:
		http.Error(w, "not found", http.StatusNotFound)
	}
}

// loopback keeps out a name that somebody else's DNS points here.
func loopback(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	ip := net.ParseIP(strings.Trim(name, "[]"))
	return name == "localhost" || ip != nil && ip.IsLoopback()
}

// A kept page is one that was made before, of which file, and with which list.
type keptPage struct {
	sync.Mutex
	file fs.FileInfo
	list *report.List
	text []byte
}

// calm is how long nobody has written to a checkpoint that no run writes.
const calm = 5 * time.Second

// serves says whether a page that was made of a file is as good as a new one: it is
// of the same state, or of one not long before while a run writes. Pages hear of what
// was written since they were made, so that one is made again only when that is much.
func (k *keptPage) serves(now fs.FileInfo) bool {
	if k.file == nil || !os.SameFile(k.file, now) || now.Size() < k.file.Size() {
		return false
	}
	grown := now.Size() - k.file.Size()
	return grown == 0 || grown < k.file.Size()/4 && time.Since(now.ModTime()) < calm
}

// page writes the page. It is made once for a state of the checkpoint and holds no
// decisions: the page asks for those.
func (s *Server) page(w http.ResponseWriter) {
	text, err := s.makePage()
	if err != nil {
		http.Error(w, "the page cannot be made: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(text) // whoever is gone asks again
}

func (s *Server) makePage() ([]byte, error) {
	s.kept.Lock()
	defer s.kept.Unlock()
	info, err := os.Stat(s.path)
	if err != nil {
		return nil, err
	}
	if s.kept.serves(info) {
		return s.kept.text, nil
	}
	list, err := report.ReadList(s.path)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := report.Write(&b, s.path, report.Options{Decide: undecided, List: list, Live: true}); err != nil {
		return nil, err
	}
	s.kept.file, s.kept.list, s.kept.text = info, list, b.Bytes()
	return s.kept.text, nil
}

// options are those of a contact that is told to a page which is open.
func (s *Server) options() report.Options {
	s.kept.Lock()
	defer s.kept.Unlock()
	return report.Options{Decide: s.book.Decision, List: s.kept.list}
}

// undecided names the words and says nothing about them.
func undecided(_ checkpoint.Key, answer *octave.Answer) report.Decision {
	return report.Decision{Of: Fingerprint(answer)}
}

// decisions answers with what was decided about the present answers, by key.
func (s *Server) decisions(w http.ResponseWriter) {
	s.mu.Lock()
	var err error
	if s.book.any() { // else nobody has to know the words
		err = s.answers.look()
	}
	list := map[checkpoint.Key]report.Decision{}
	for key, present := range s.answers.words {
		if d := s.book.about(key, present.of); d.Number > 0 {
			list[key] = d
		}
	}
	s.mu.Unlock()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(list) // whoever is gone asks again
}

// fromPage refuses what another page sent.
func (s *Server) fromPage(w http.ResponseWriter, r *http.Request) bool {
	origin, err := url.Parse(r.Header.Get("Origin"))
	if err != nil || origin.Host != r.Host || r.Header.Get("Content-Type") != "application/json" {
		http.Error(w, "only the page itself may decide", http.StatusForbidden)
		return false
	}
	return true
}

// decide answers with a list of results, one for each verdict. Whatever it calls
// saved is on disk.
func (s *Server) decide(w http.ResponseWriter, r *http.Request) {
	if !s.fromPage(w, r) {
		return
	}
	var verdicts []Verdict
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBatch)).Decode(&verdicts); err != nil {
		http.Error(w, "no list of decisions: "+err.Error(), http.StatusBadRequest)
		return
	}
	results, err := s.results(verdicts)
	if err != nil {
		http.Error(w, "the decision could not be written: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(results) // whoever is gone asks again
}

// results keeps the verdicts that are about the present answers.
func (s *Server) results(verdicts []Verdict) ([]Result, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.answers.look(); err != nil {
		return nil, err
	}
	results := make([]Result, len(verdicts))
	var sound []Verdict
	var places []int // of the sound ones among the results
	for i, v := range verdicts {
		r, err := s.compare(v)
		if err != nil {
			return nil, err
		}
		if results[i] = r; r.Outcome == "" {
			sound, places = append(sound, v), append(places, i)
		}
	}
	made, err := s.book.Decide(sound)
	if err != nil {
		return nil, err
	}
	for i, r := range made {
		results[places[i]] = r
	}
	return results, nil
}

// compare compares a verdict with the answer it is about. A sound one has no outcome
// yet.
func (s *Server) compare(v Verdict) (Result, error) {
	r := Result{Key: v.Key}
	present, ok := s.answers.words[v.Key]
	if !ok {
		r.Outcome, r.Problem = Refused, "there is no answer any more"
		return r, nil
	}
	r.Decision = s.book.about(v.Key, present.of)
	if v.Of != present.of {
		var err error
		r.Outcome = Stale
		r.Contact, err = s.answers.contact(v.Key, s.options())
		return r, err
	}
	if err := v.check(present.messages); err != nil {
		r.Outcome, r.Problem = Refused, err.Error()
	}
	return r, nil
}
