package review

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"octave-enrich/checkpoint"
	"octave-enrich/pipeline"
)

// A MarkRequest asks for contacts to be written again: for a mark that the next run
// follows. One without keys marks nobody and asks who is marked.
type MarkRequest struct {
	// Keys are those of the answers that the reviewer has before them.
	Keys []checkpoint.Key `json:"keys"`
	With string           `json:"with,omitempty"` // an instruction for these contacts alone
	Undo bool             `json:"undo,omitempty"` // takes back marks that have no answer yet
}

// A MarkReply says who is asked again by the next run, and what that will cost.
type MarkReply struct {
	// Marked are the contacts by the keys of all their answers.
	Marked map[checkpoint.Key]Mark `json:"marked"`
	Calls  int                     `json:"calls"` // that the marks lead to, one a contact
	// UsagePerCall is what an answer cost so far on the average, Usage what the calls
	// will cost at that; nil when nothing was answered yet.
	UsagePerCall *pipeline.Amount `json:"usage_per_call,omitempty"`
	Usage        *pipeline.Amount `json:"expected_usage,omitempty"`
	Command      string           `json:"command,omitempty"` // that asks again
	Results      []MarkResult     `json:"results,omitempty"` // one for each key of a [MarkRequest]
}

// A Mark is what a contact is marked with.
type Mark struct {
	With string    `json:"with,omitempty"`
	At   time.Time `json:"at"`
}

// A MarkResult is what became of the wish to mark a contact, or to take that back.
type MarkResult struct {
	Key     checkpoint.Key `json:"key"`
	Outcome string         `json:"outcome"`           // Marked, Before, Unmarked or Refused
	Problem string         `json:"problem,omitempty"` // when it was refused
}

// Outcomes of a [MarkRequest].
const (
	Marked   = "marked"
	Before   = "before"   // nothing to do: the next run asks it in any case
	Unmarked = "unmarked" // the next run leaves its answer as it is
)

// A Marker marks as the command redo does, or says why nobody can be marked now. It
// pays nothing.
type Marker func(MarkRequest) (MarkReply, error)

// again answers with the marks, after those that the page wants were made.
func (s *Server) again(w http.ResponseWriter, r *http.Request) {
	if s.Mark == nil {
		http.Error(w, "marks cannot be made here", http.StatusNotFound)
		return
	}
	var wanted MarkRequest
	if r.Method == http.MethodPost {
		if !s.fromPage(w, r) {
			return
		}
		err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBatch)).Decode(&wanted)
		if err == nil && len(wanted.Keys) == 0 {
			err = errors.New("keys is empty")
		}
		if err != nil {
			http.Error(w, "no list of contacts: "+err.Error(), http.StatusBadRequest)
			return
		}
	}
	s.marking.Lock()
	defer s.marking.Unlock()
	marks, err := s.Mark(wanted)
	if err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(marks) // whoever is gone asks again
}
