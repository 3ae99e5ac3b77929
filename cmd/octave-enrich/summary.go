package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"strings"
	"time"

	"octave-enrich/checkpoint/durable"
	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/pipeline"
	"octave-enrich/reader"
	"octave-enrich/writer"
)

// summarySchema is the JSON Schema of [Report].
//
//go:embed summary.schema.json
var summarySchema string

// Report is the summary of a run as JSON. Its schema is summary.schema.json.
type Report struct {
	Tool     string             `json:"tool"`
	Version  string             `json:"version"`
	RunID    string             `json:"run_id"`
	Input    pipeline.InputBody `json:"input"`
	Mapping  []pipeline.Mapped  `json:"mapping"`
	Question string             `json:"question"` // fingerprint of the settings of the questions
	Start    time.Time          `json:"start"`
	End      time.Time          `json:"end"`
	pipeline.Summary
	Output     string    `json:"output"`  // where the rows go
	Outputs    []Written `json:"outputs"` // what was written whole
	Upload     *Upload   `json:"upload,omitempty"`
	Checkpoint string    `json:"checkpoint"`
	ExitCode   int       `json:"exit_code"`
	Reason     string    `json:"reason"`
	Resume     string    `json:"resume,omitempty"` // the command that goes on
}

// Written is an output that appeared under its own name.
type Written struct {
	Path    string         `json:"path"`
	SHA256  string         `json:"sha256"`
	Bytes   int64          `json:"bytes"`
	Rows    int            `json:"rows"`
	Held    bool           `json:"held"`              // the rows that a preset held back
	Reasons map[string]int `json:"reasons,omitempty"` // why, with the number of rows
}

// written lists an output and the rows held back from it.
func written(output writer.Output) []Written {
	list := []Written{{output.Path, output.SHA256, output.Bytes, output.Rows, false, nil}}
	if held := output.Held; held != nil {
		list = append(list, Written{held.Path, held.SHA256, held.Bytes, held.Rows, true, held.Reasons})
	}
	return list
}

// mapping lists the columns that fed fields, file by file.
func mapping(profile *reader.Profile) []pipeline.Mapped {
	list := []pipeline.Mapped{}
	for _, file := range profile.Files {
		for _, m := range file.Mapping {
			list = append(list, pipeline.Mapped{Field: string(m.Field), Column: m.Header})
		}
	}
	return list
}

// report is the summary of a job that ended so, be it before it began.
func (j *job) report(end *exit.Error) Report {
	r := Report{
		Tool: words.Tool, Version: version, RunID: j.id, Start: j.started.UTC(), End: time.Now().UTC(), Summary: j.tally.Summary(),
		Input: pipeline.InputBody{Name: strings.Join(j.names, ", ")}, Mapping: []pipeline.Mapped{},
		Output: j.places.Output, Outputs: append([]Written{}, j.outputs...), Upload: j.upload, Checkpoint: j.answers(),
		Reason: "every row settled",
	}
	if j.list != nil {
		profile := j.list.input.Profile()
		r.Input, r.Mapping, r.Question = inputBody(profile), mapping(profile), j.list.settings.Fingerprint()
	}
	if end != nil {
		r.ExitCode, r.Reason = end.Code, end.Error()
		if exit.Resumable(end.Code) {
			r.Resume = j.app.commandLine()
		}
	}
	return r
}

func (r Report) text() ([]byte, error) {
	var text bytes.Buffer
	err := writeJSON(&text, r)
	return text.Bytes(), err
}

// writeSummary writes the summary where it was asked for.
func (j *job) writeSummary(report Report) error {
	return j.app.writeSummary(j.o.Teller.Summary, report)
}

func (a *app) writeSummary(path string, report Report) error {
	if path == "" {
		return nil
	}
	text, err := report.text()
	if err != nil {
		return err
	}
	if path == "-" {
		_, err = a.stdout.Write(text)
	} else {
		err = durable.WriteFile(path, text, durable.Private)
	}
	if err != nil {
		return exit.OutputError(fmt.Errorf("--summary: %w", err))
	}
	return nil
}
