package review

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"

	"octave-enrich/checkpoint"
	"octave-enrich/pipeline"
	"octave-enrich/pipeline/report"
)

// answers follows a checkpoint that a run may be writing: which words answer a
// question now.
type answers struct {
	path  string
	file  fs.FileInfo // as of the last look
	end   int64       // of what was read
	words map[checkpoint.Key]words
}

// words are what is known of the messages that answer a question.
type words struct {
	of       string // fingerprint
	messages int
	offset   int64 // of the record
}

// look reads what was written since the last look, all of it when another file
// has taken the name.
func (a *answers) look() error {
	info, err := os.Stat(a.path)
	if err != nil {
		return err
	}
	if a.file == nil || !os.SameFile(a.file, info) || info.Size() < a.end {
		a.end, a.words = 0, map[checkpoint.Key]words{}
	}
	if a.file = info; info.Size() == a.end {
		return nil
	}
	for entry, err := range checkpoint.RecordsFrom(a.path, a.end, nil) {
		if _, ok := errors.AsType[*checkpoint.DamageError](err); ok {
			continue // the page leaves it out, too
		}
		if err != nil {
			return err
		}
		a.end = entry.Offset + entry.Len
		a.take(entry)
	}
	return nil
}

// take notes an answer with messages; there is nothing to decide about another.
func (a *answers) take(entry checkpoint.Entry) {
	if entry.Type != checkpoint.Answered {
		return
	}
	_, answer, err := pipeline.ReadAnswer(entry.Record)
	if err != nil || !answer.Found {
		delete(a.words, entry.Key)
		return
	}
	a.words[entry.Key] = words{Fingerprint(answer), len(answer.Emails), entry.Offset}
}

// contact is the present answer to a question as pages hold it.
func (a *answers) contact(key checkpoint.Key, opt report.Options) (json.RawMessage, error) {
	for entry, err := range checkpoint.RecordsFrom(a.path, a.words[key].offset, nil) {
		if err != nil {
			return nil, err
		}
		var b bytes.Buffer
		err = report.WriteContact(&b, entry.Record, opt)
		return b.Bytes(), err
	}
	return nil, fs.ErrNotExist
}
