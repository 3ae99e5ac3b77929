package review

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"time"

	"octave-enrich/checkpoint"
	"octave-enrich/pipeline"
	"octave-enrich/pipeline/report"
)

// lookEvery is how often a stream looks for what a run has written.
const lookEvery = time.Second

// A stream tells one open page what happened since it was made: answers and runs
// of the checkpoint, decisions of other pages.
type stream struct {
	*Server
	w       http.ResponseWriter
	from    int64 // of the checkpoint: what is behind it is news
	decided int   // decisions that were told
}

// events answers with server-sent events until the page or the server is gone.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	from, err := strconv.ParseInt(r.URL.Query().Get("from"), 10, 64)
	if err != nil || from <= 0 {
		http.Error(w, "from is where the page ends", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	out := &stream{Server: s, w: w, from: from}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		decided, err := out.decisions()
		if err = errors.Join(err, out.records(), http.NewResponseController(w).Flush()); err != nil {
			return // the page asks again
		}
		select {
		case <-r.Context().Done():
			return
		case <-s.ends:
			return
		case <-decided:
		case <-tick.C:
		}
	}
}

// send writes one event.
func (s *stream) send(name string, data any) error {
	text, err := json.Marshal(data)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.w, "event: %s\ndata: %s\n\n", name, text)
	return err
}

// decisions tells those that were made since the last time, and returns what is
// closed when there are more.
func (s *stream) decisions() (<-chan struct{}, error) {
	keys, more := s.book.since(s.decided)
	s.decided += len(keys)
	for _, key := range keys {
		d := s.book.last(key)
		if err := s.send("decision", Result{Key: key, Outcome: Saved, Decision: d}); err != nil {
			return more, err
		}
	}
	return more, nil
}

// records tells what was written to the checkpoint. When another file has taken
// its name the page is of no use any more.
func (s *stream) records() error {
	info, err := os.Stat(s.path)
	if err != nil || info.Size() == s.from {
		return err
	}
	if info.Size() < s.from {
		return s.send("again", nil)
	}
	for entry, err := range checkpoint.RecordsFrom(s.path, s.from, nil) {
		if _, ok := errors.AsType[*checkpoint.DamageError](err); ok {
			continue
		}
		if err == nil {
			s.from = entry.Offset + entry.Len
			err = s.record(entry.Record)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *stream) record(rec checkpoint.Record) error {
	switch rec.Type {
	case checkpoint.Run, pipeline.Ended:
		return s.send(rec.Type, map[string]any{"at": rec.At, "body": rec.Body})
	case checkpoint.Answered, checkpoint.Failed:
		var b bytes.Buffer
		if err := report.WriteContact(&b, rec, s.options()); err != nil {
			return err
		}
		return s.send("contact", json.RawMessage(b.Bytes()))
	}
	return nil
}
