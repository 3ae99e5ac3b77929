// Package report makes one self-contained HTML page of a checkpoint: what became
// of the contacts, how the calls went, and every email, to be read and searched.
//
// The page loads nothing from anywhere and works from disk. All data stand
// compressed in one block that no HTML parser looks into; the page's script
// unpacks it and shows it as text only, so nothing that a contact or the service
// wrote can become markup. A content security policy that allows the page's own
// script and nothing else stands behind that.
package report

import (
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
	"octave-enrich/pipeline/lint"
)

// Generator stands in the first lines of every page, so that one is known from
// other files.
const Generator = `name="generator" content="octave-enrich report"`

// Options say what is on the page beside the records.
type Options struct {
	Made time.Time // when the page was made; zero means now
	// Decide says what a reviewer decided about an answer; nil shows nothing of
	// a review.
	Decide func(checkpoint.Key, *octave.Answer) Decision
	// List is the input, to be shown beside the emails; nil shows what was sent alone.
	List *List
	// Live is a page that is served: it sends decisions to where it came from.
	Live bool
}

// A Decision is what a reviewer made of an answer.
type Decision struct {
	Of     string    `json:"of"`               // fingerprint of the answer, which a new decision has to name
	State  string    `json:"state"`            // approved, rejected, or "" while nobody has decided
	Reason string    `json:"reason,omitempty"` // why it was rejected, if the reviewer said so
	Emails []Message `json:"emails,omitempty"` // all messages as edited; nil when as answered
	// Number counts the decisions about the question from 1; a new decision has to
	// name the one before it. 0 when there was none.
	Number int       `json:"number,omitempty"`
	At     time.Time `json:"at,omitzero"`
	// Before is the state that an earlier answer to the question had.
	Before string `json:"before,omitempty"`
}

// A Message is the text of one email of a sequence.
type Message struct {
	Subject string `json:"subject"`
	Body    string `json:"body"` // of an edited message, blank means that it is dropped
}

// Dropped says whether a reviewer took the message out of its sequence. No
// message comes without a text from the service.
func (m Message) Dropped() bool { return strings.TrimSpace(m.Body) == "" }

// Write writes the page of the checkpoint at path, which a run may be writing
// meanwhile. Damaged records are left out and counted on the page. Its errors are
// those of [checkpoint.Records] and of w.
func Write(w io.Writer, path string, opt Options) error {
	if opt.Made.IsZero() {
		opt.Made = time.Now()
	}
	rule, err := lint.New()
	if err != nil {
		return err
	}
	summary, err := collect(path, rule)
	if err != nil {
		return err
	}
	p, err := newPage("Report on "+filepath.Base(path), opt.Live, rule)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(w, p.before); err != nil {
		return err
	}
	text := base64.NewEncoder(base64.StdEncoding, w)
	packed := gzip.NewWriter(text)
	if err := writeData(packed, path, summary, opt); err != nil {
		return err
	}
	if err := packed.Close(); err != nil {
		return err
	}
	if err := text.Close(); err != nil {
		return err
	}
	_, err = io.WriteString(w, p.after)
	return err
}

// writeData writes what the page's script reads: {"summary":{},"contacts":[]}.
// Contacts are written one by one, for there may be many.
func writeData(w io.Writer, path string, s *summary, opt Options) error {
	head, err := json.Marshal(s.head(filepath.Base(path), opt))
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, `{"summary":%s,"contacts":[`, head); err != nil {
		return err
	}
	separator := "\n"
	for c, err := range s.contacts(path, opt) {
		if err != nil {
			return err
		}
		line, err := json.Marshal(c)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "%s%s", separator, line); err != nil {
			return err
		}
		separator = ",\n"
	}
	_, err = io.WriteString(w, "\n]}")
	return err
}
