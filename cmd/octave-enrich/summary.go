package main

import (
	"encoding/json"
	"time"

	"octave-enrich/pipeline"
)

// Report is the summary of a run as JSON.
type Report struct {
	Tool     string    `json:"tool"`
	Version  string    `json:"version"`
	RunID    string    `json:"run_id"`
	Input    InputBody `json:"input"`
	Mapping  []Mapped  `json:"mapping"`
	Question string    `json:"question"` // fingerprint of the settings of the questions
	Start    time.Time `json:"start"`
	End      time.Time `json:"end"`
	pipeline.Summary
	Output     string `json:"output"`
	Checkpoint string `json:"checkpoint"`
	ExitCode   int    `json:"exit_code"`
	Reason     string `json:"reason"`
	Resume     string `json:"resume,omitempty"` // the command that goes on
}

// Mapped is a column that fed a field.
type Mapped struct {
	Field  string `json:"field"`
	Column string `json:"column"`
}

func (j *job) report(summary pipeline.Summary, end *exitError) Report {
	profile := j.list.input.Profile()
	r := Report{
		Tool: tool, Version: version, RunID: j.id, Start: j.started.UTC(), End: time.Now().UTC(), Summary: summary,
		Input:    inputBody(profile),
		Question: j.list.settings.Fingerprint(), Mapping: []Mapped{},
		Output: j.places.output, Checkpoint: j.places.checkpoint, Reason: "every row settled",
	}
	for _, file := range profile.Files {
		for _, m := range file.Mapping {
			r.Mapping = append(r.Mapping, Mapped{string(m.Field), m.Header})
		}
	}
	if end != nil {
		r.ExitCode, r.Reason = end.code, end.Error()
		if resumable(end.code) {
			r.Resume = j.app.commandLine()
		}
	}
	return r
}

// writeSummary writes the summary where it was asked for.
func (j *job) writeSummary(summary pipeline.Summary, end *exitError) error {
	if j.o.summary == "" {
		return nil
	}
	if j.o.summary == "-" {
		return writeJSON(j.app.stdout, j.report(summary, end))
	}
	text, err := json.MarshalIndent(j.report(summary, end), "", "  ")
	if err != nil {
		return err
	}
	if err := writeWhole(j.o.summary, append(text, '\n')); err != nil {
		return outputError(err)
	}
	return nil
}
