package review

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
	"octave-enrich/pipeline"
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

	mu      sync.Mutex
	answers *checkpoint.Journal // for reading, as of when it was opened
}

// NewServer serves the checkpoint at path; decisions go into book.
func NewServer(path string, book *Book) *Server {
	var token [24]byte
	_, _ = rand.Read(token[:]) // never fails
	return &Server{path: path, book: book, token: base64.RawURLEncoding.EncodeToString(token[:])}
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
	token, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch {
	case !loopback(r.Host) || subtle.ConstantTimeCompare([]byte(token), []byte(s.token)) != 1:
		http.Error(w, "not found: use the address that the command printed", http.StatusNotFound)
	case rest == "" && r.Method == http.MethodGet:
		s.page(w)
	case rest == "decisions" && r.Method == http.MethodPost:
		s.decide(w, r)
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

func (s *Server) page(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	err := report.Write(w, s.path, report.Options{Decide: s.book.Decision, Live: true})
	if err != nil { // too late for a status; the page says that it is cut short
		fmt.Fprintf(w, "</script><p>%d", http.StatusInternalServerError)
	}
}

// decide answers 204 when the decisions are on disk, 409 when an answer was
// replaced meanwhile.
func (s *Server) decide(w http.ResponseWriter, r *http.Request) {
	if origin, err := url.Parse(r.Header.Get("Origin")); err != nil || origin.Host != r.Host || r.Header.Get("Content-Type") != "application/json" {
		http.Error(w, "only the page itself may decide", http.StatusForbidden)
		return
	}
	var verdicts []Verdict
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBatch)).Decode(&verdicts); err != nil {
		http.Error(w, "no list of decisions: "+err.Error(), http.StatusBadRequest)
		return
	}
	err := s.checked(verdicts)
	if err == nil && len(verdicts) > 0 {
		err = s.book.Decide(verdicts)
	}
	var refused *refusal
	switch {
	case errors.As(err, &refused):
		http.Error(w, err.Error(), refused.status)
	case err != nil:
		http.Error(w, "the decision could not be written: "+err.Error(), http.StatusInternalServerError)
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

// A refusal is a decision that makes no sense.
type refusal struct {
	status int
	error
}

// checked compares verdicts with the answers they are about. A run may have
// written more of those since they were last looked at.
func (s *Server) checked(verdicts []Verdict) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.answers != nil && s.compare(verdicts) == nil {
		return nil
	}
	journal, err := checkpoint.Open(s.path, checkpoint.Options{ReadOnly: true})
	if err != nil {
		return err
	}
	if s.answers != nil {
		_ = s.answers.Close() // nothing was written
	}
	s.answers = journal
	return s.compare(verdicts)
}

func (s *Server) compare(verdicts []Verdict) error {
	for _, v := range verdicts {
		answer, err := answerIn(s.answers, v.Key)
		if err != nil {
			return err
		}
		if answer == nil {
			return &refusal{http.StatusBadRequest, fmt.Errorf("question %v has no answer", v.Key)}
		}
		if Fingerprint(answer) != v.Of {
			return &refusal{http.StatusConflict, fmt.Errorf("%w; load the page again", ErrStale)}
		}
		if err := v.check(len(answer.Emails)); err != nil {
			return &refusal{http.StatusBadRequest, err}
		}
	}
	return nil
}

func answerIn(journal *checkpoint.Journal, key checkpoint.Key) (*octave.Answer, error) {
	rec, ok, err := journal.Answer(key)
	if err != nil || !ok {
		return nil, err
	}
	_, answer, err := pipeline.ReadAnswer(rec)
	if err != nil || !answer.Found {
		return nil, err // of somebody not found there is nothing to decide
	}
	return answer, nil
}
