package telling

import (
	"bytes"
	_ "embed"
	"fmt"
	"io"
	"time"

	"octave-enrich/checkpoint/durable"
	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/outputs"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/pipeline"
)

// Schema is the JSON Schema of [Summary].
//
//go:embed summary.schema.json
var Schema string

// Summary is the summary of a run as JSON. Its schema is summary.schema.json.
type Summary struct {
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

// Text is the summary as indented JSON.
func (r Summary) Text() ([]byte, error) {
	var text bytes.Buffer
	err := words.WriteJSON(&text, r)
	return text.Bytes(), err
}

// Write writes the summary where it was asked for: into a file, to standard output
// for -, or nowhere.
func (r Summary) Write(path string, stdout io.Writer) error {
	if path == "" {
		return nil
	}
	text, err := r.Text()
	if err != nil {
		return err
	}
	if path == "-" {
		_, err = stdout.Write(text)
	} else {
		err = durable.WriteFile(path, text, durable.Private)
	}
	if err != nil {
		return exit.OutputError(fmt.Errorf("--summary: %w", err))
	}
	return nil
}
