package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"strings"
	"time"

	"octave-enrich/checkpoint/durable"
	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/lists"
	"octave-enrich/cmd/octave-enrich/outputs"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/pipeline"
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
	Output     string          `json:"output"`  // where the rows go
	Outputs    []outputs.File  `json:"outputs"` // what was written whole
	Upload     *outputs.Upload `json:"upload,omitempty"`
	Checkpoint string          `json:"checkpoint"`
	ExitCode   int             `json:"exit_code"`
	Reason     string          `json:"reason"`
	Resume     string          `json:"resume,omitempty"` // the command that goes on
}

// report is the summary of a job that ended so, be it before it began.
func (j *job) report(end *exit.Error) Report {
	r := Report{
		Tool: words.Tool, Version: version, RunID: j.id, Start: j.started.UTC(), End: time.Now().UTC(), Summary: j.tally.Summary(),
		Input: pipeline.InputBody{Name: strings.Join(j.names, ", ")}, Mapping: []pipeline.Mapped{},
		Output: j.places.Output, Outputs: append([]outputs.File{}, j.outputs...), Upload: j.upload, Checkpoint: j.answers(),
		Reason: "every row settled",
	}
	if j.list != nil {
		profile := j.list.Input.Profile()
		r.Input, r.Mapping, r.Question = lists.InputOf(profile), lists.MappingOf(profile), j.list.Settings.Fingerprint()
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
	err := words.WriteJSON(&text, r)
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
