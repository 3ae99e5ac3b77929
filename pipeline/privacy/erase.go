// Package privacy takes a person out of what was kept, drops what is old, and knows
// which files hold somebody.
//
// Both are done by writing the files anew: a mark that says erased would keep the
// data. The decisions of a review go before the checkpoint, since it is the
// checkpoint that tells whose they are: after a crash in between it still does.
package privacy

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
	"octave-enrich/pipeline"
	"octave-enrich/pipeline/review"
	"octave-enrich/reader"
)

// An Erasure says who is to be erased, and counts what was.
type Erasure struct {
	emails, profiles, ids []string

	list    *reader.ExcludeList
	needles [][]byte // in lower case: what gives the person away in a text
	keys    map[checkpoint.Key]bool
	persons pipeline.PeopleOfFiles  // as files for senders know them
	gone    map[checkpoint.Key]bool // of those, the ones that the checkpoint had

	mentions int  // records kept that hold a needle all the same
	filed    bool // somebody was noted as one of those in a file for a sender

	// Files are those that the checkpoint says were read and written.
	Files Files
}

// Files are those of the runs of a checkpoint.
type Files struct {
	Inputs, Outputs, Pages []string
	Fleets                 []string // databases of fleets that answered
}

// Erased says what an erasure took out of a checkpoint and its review.
type Erased struct {
	Records   int  // dropped, those of the review among them
	Questions int  // about the person
	Mentions  int  // records about others that are kept and mention the person
	Filed     bool // the person was noted as one of those in a file for a sender
}

// A FileError is what went wrong with one file of those that are written anew.
type FileError struct {
	Path string
	Err  error
}

func (e *FileError) Error() string { return e.Err.Error() }

// Unwrap returns what went wrong.
func (e *FileError) Unwrap() error { return e.Err }

// NewErasure is for the person or people who have one of these addresses, LinkedIn
// profiles, or ids in the CRM. They are normalised as the reader does; the error
// names the flag of a value that cannot be.
func NewErasure(emails, profiles, ids []string) (*Erasure, error) {
	e := &Erasure{emails: slices.Clone(emails), profiles: slices.Clone(profiles), ids: slices.Clone(ids),
		keys: map[checkpoint.Key]bool{}, gone: map[checkpoint.Key]bool{}, persons: pipeline.PeopleOfFiles{}}
	for _, by := range []struct {
		flag   string
		field  reader.Field
		values []string
	}{{"email", reader.Email, e.emails}, {"linkedin", reader.LinkedInProfile, e.profiles}, {"id", reader.CRMContactID, e.ids}} {
		for i, v := range by.values {
			clean, err := reader.Normalise(by.field, v)
			if err != nil {
				return nil, fmt.Errorf("--%s: %w", by.flag, err)
			}
			by.values[i] = clean
			if by.flag != "id" { // which may be a word of any text
				e.needles = append(e.needles, bytes.ToLower([]byte(strings.TrimPrefix(clean, "https://www."))))
			}
		}
	}
	for _, name := range slices.Concat(e.emails, e.ids) {
		e.persons.Add(name)
	}
	var people []reader.Person
	for _, entry := range e.entries() {
		people = append(people, entry.person)
	}
	if len(people) == 0 {
		return nil, errors.New("who? name one with --email, --linkedin or --id")
	}
	e.list = reader.ExcludePersons(people...)
	return e, nil
}

// Read collects the questions about the person, and the files of the runs.
func (e *Erasure) Read(path string) error {
	for entry, err := range checkpoint.Records(path, nil) {
		if err != nil {
			return err
		}
		if e.about(entry.Record) {
			e.keys[entry.Key] = true
		}
		e.Files.add(entry.Record)
	}
	return nil
}

// Keys are the questions about the person, as far as they are known.
func (e *Erasure) Keys() []checkpoint.Key { return slices.Collect(maps.Keys(e.keys)) }

// Know adds questions about the person that were found elsewhere.
func (e *Erasure) Know(keys []checkpoint.Key) {
	for _, key := range keys {
		e.keys[key] = true
	}
}

// Erase writes the checkpoint and the decisions of its review anew. An error about
// one of them is a [FileError].
func (e *Erasure) Erase(path string) (Erased, error) {
	var dropped int
	for _, file := range []string{review.Path(path), path} {
		stats, err := rewrite(file, e.keep)
		if err != nil {
			return Erased{}, err
		}
		dropped += stats.Dropped
	}
	return Erased{Records: dropped, Questions: len(e.gone), Mentions: e.mentions, Filed: e.filed}, e.clean()
}

// about says whether a record holds a request about the person.
func (e *Erasure) about(rec checkpoint.Record) bool {
	request, ok := pipeline.ReadRequest(rec.Body)
	if rec.Key == (checkpoint.Key{}) || !ok || !e.Asks(request) {
		return false
	}
	e.persons.AddWho(request)
	return true
}

// Asks says whether a request is about the person.
func (e *Erasure) Asks(r octave.Request) bool {
	_, hit := e.list.Match(reader.Person{Email: strings.ToLower(r.Email), LinkedInProfile: r.LinkedInProfile,
		CRMContactID: r.CRMContactID, CRMLeadID: r.CRMLeadID})
	return hit
}

// keep drops all records of a question about the person: the bare attempts, too,
// whose key is a hash of what is known of them.
func (e *Erasure) keep(rec checkpoint.Record) (checkpoint.Record, bool) {
	if rec.Type == pipeline.Again {
		return pipeline.WithoutKeys(rec, e.keys)
	}
	if rec.Type == pipeline.Filed {
		rec, changed := pipeline.WithoutPeople(rec, e.persons)
		e.filed = e.filed || changed
		return rec, true
	}
	if e.keys[rec.Key] || e.about(rec) {
		e.gone[rec.Key] = true
		return rec, false
	}
	if rec.Key != (checkpoint.Key{}) && e.inText(rec.Body) {
		e.mentions++
	}
	return rec, true
}

func (e *Erasure) inText(text []byte) bool {
	text = bytes.ToLower(text)
	return slices.ContainsFunc(e.needles, func(needle []byte) bool { return bytes.Contains(text, needle) })
}

func (f *Files) add(rec checkpoint.Record) {
	switch rec.Type {
	case checkpoint.Run:
		if body, ok := pipeline.ReadRun(rec); ok {
			f.Inputs = appendNew(f.Inputs, body.Input.Name)
			f.Outputs = appendNew(f.Outputs, body.Output+".partial")
			if body.Fleet != "" {
				f.Fleets = appendNew(f.Fleets, body.Fleet)
			}
		}
	case checkpoint.Output:
		if body, ok := pipeline.ReadOutput(rec); ok && body.Page {
			f.Pages = appendNew(f.Pages, body.Path)
		} else if ok {
			f.Outputs = appendNew(f.Outputs, body.Path)
		}
	}
}

func appendNew(list []string, item string) []string {
	if slices.Contains(list, item) {
		return list
	}
	return append(list, item)
}

// rewrite writes a journal anew; one that is not there has nobody in it.
func rewrite(path string, keep func(checkpoint.Record) (checkpoint.Record, bool)) (stats checkpoint.RewriteStats, err error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return stats, nil
	}
	if stats, err = checkpoint.Rewrite(path, checkpoint.Options{}, keep); err != nil {
		err = &FileError{path, err}
	}
	return stats, err
}
