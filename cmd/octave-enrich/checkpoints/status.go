package checkpoints

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"octave-enrich/checkpoint"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/pipeline"
)

// printSubmitted says what a checkpoint knows of submissions.
func (s Status) printSubmitted(row func(string, any)) {
	if n := s.Questions.Submitted; n > 0 {
		row("submitted, waiting", words.Thousands(n))
	}
	for _, lost := range s.Lost {
		name := "question " + lost.Key.String()
		if lost.Row > 0 {
			name = fmt.Sprintf("row %d, %s", lost.Row, name)
		}
		row("submitted, id never came", name+", "+lost.At.Local().Format(time.DateTime))
	}
}

// EditText says that an agent was edited, and how.
func EditText(edit pipeline.Edit) string {
	return fmt.Sprintf("agent %s was edited since it gave %s: %s", edit.Agent.OID, words.Count(edit.Answers, "answer"), edit.What)
}

// Status is what status prints as JSON.
type Status struct {
	Checkpoint string                 `json:"checkpoint"`
	Service    string                 `json:"service"`
	Created    time.Time              `json:"created"`
	First      time.Time              `json:"first,omitzero"` // record of a call
	Last       time.Time              `json:"last,omitzero"`
	Runs       int                    `json:"runs"`
	Questions  pipeline.QuestionCount `json:"questions"`
	Attempts   pipeline.AttemptCount  `json:"attempts"`
	// PossiblyBilled is an upper bound of what was billed without an answer.
	PossiblyBilled int             `json:"possibly_billed"`
	Usage          pipeline.Amount `json:"usage"`
	// Lost are the submissions whose ids never came: nobody can poll for their answers.
	Lost []pipeline.LostSubmission `json:"lost_submissions"`
	// TakenOver counts answers that were paid for in another checkpoint, AskAgain
	// questions that are marked and have no new answer yet.
	TakenOver int `json:"taken_over"`
	AskAgain  int `json:"ask_again"`
	// Edited are agents that were edited since they gave answers.
	Edited  []pipeline.Edit   `json:"edited,omitempty"`
	LastRun *pipeline.RunBody `json:"last_run,omitempty"`
	// By is what each run, or each day, came to, when that was asked for.
	By        []*pipeline.Spending `json:"by,omitempty"`
	TornBytes int64                `json:"torn_bytes"` // of an unfinished record at the end
	Damage    []string             `json:"damage"`
}

// ReadStatus adds a checkpoint up; by is run, day, or "" for neither.
func ReadStatus(path, by string) (Status, error) {
	report, err := checkpoint.Verify(path, nil)
	if err != nil {
		return Status{}, err
	}
	s := Status{Checkpoint: path, Service: report.Header.Service, Created: report.Header.Created, TornBytes: report.Tail, Damage: []string{}}
	for _, damage := range report.Damage {
		s.Damage = append(s.Damage, damage.Error())
	}
	var ledger pipeline.Ledger
	spending := pipeline.SpendingList{ByDay: by == "day"}
	for entry, err := range checkpoint.Records(path, nil) {
		if err != nil || !ledger.Add(entry.Record) {
			continue // in Damage already, or told already
		}
		switch entry.Type {
		case checkpoint.Run:
			s.Runs++
			if body, ok := pipeline.ReadRun(entry.Record); ok {
				s.LastRun = &body
			}
		case checkpoint.Asked:
			if s.First.IsZero() {
				s.First = entry.At
			}
			s.Last = entry.At
		}
		if by != "" {
			spending.Add(entry.Record)
		}
	}
	if by != "" {
		s.By = spending.Parts()
	}
	s.Questions, s.Attempts, s.PossiblyBilled, s.Usage = ledger.Questions(), ledger.Attempts, ledger.PossiblyBilled(), ledger.Usage
	s.TakenOver, s.Lost = ledger.TakenOver, append([]pipeline.LostSubmission{}, ledger.Lost()...)
	if journal, err := checkpoint.Open(path, checkpoint.Options{ReadOnly: true}); err == nil { // else it is in Damage
		s.AskAgain = pipeline.OpenMarks(journal, journal.RunRecords())
		s.Edited, err = pipeline.Edits(journal.RunRecords(), checkpoint.Records(path, nil))
		_ = journal.Close() // only read
		if err != nil {
			return s, err
		}
	}
	return s, nil
}

// Print writes it as a table for people.
func (s Status) Print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name string, value any) { fmt.Fprintf(t, "%s\t%v\n", name, value) }
	row("checkpoint", s.Checkpoint)
	row("service", s.Service)
	row("created", s.Created.Local().Format(time.DateTime))
	row("runs", words.Thousands(s.Runs))
	row("answered", words.Thousands(s.Questions.Answered))
	row("not found", words.Thousands(s.Questions.NotFound))
	row("failed", words.Thousands(s.Questions.Failed))
	row("asked without an answer", words.Thousands(s.Questions.Open))
	s.printSubmitted(row)
	if s.TakenOver > 0 {
		row("of these taken over", words.Thousands(s.TakenOver))
	}
	if s.AskAgain > 0 {
		row("to ask again", words.Thousands(s.AskAgain))
	}
	for _, edit := range s.Edited {
		row("edited", EditText(edit)+"; redo --all asks again")
	}
	row("calls", fmt.Sprintf("%s, %s refused, %s failed", words.Thousands(s.Attempts.Asked), words.Thousands(s.Attempts.Refused), words.Thousands(s.Attempts.Failed)))
	row("possibly billed without an answer", words.Thousands(s.PossiblyBilled))
	row("credits, as reported by the service", words.Amount(s.Usage.String()))
	if !s.First.IsZero() {
		row("calls from", s.First.Local().Format(time.DateTime))
		row("calls to", s.Last.Local().Format(time.DateTime))
	}
	if s.LastRun != nil {
		row("last input", fmt.Sprintf("%s (%s)", s.LastRun.Input.Name, words.Count(s.LastRun.Input.Rows, "row")))
		row("last output", s.LastRun.Output)
		if s.LastRun.Command != "" {
			row("to go on", s.LastRun.Command)
		}
	}
	if s.TornBytes > 0 {
		row("unfinished record at the end", fmt.Sprintf("%d bytes; the next run drops it", s.TornBytes))
	}
	for _, damage := range s.Damage {
		row("damage", damage)
	}
	if err := t.Flush(); err != nil || len(s.By) == 0 {
		return err
	}
	fmt.Fprintf(t, "\nPART\tCALLS\tANSWERS\tCREDITS\tPOSSIBLY BILLED\n")
	for _, part := range s.By {
		name := cmp.Or(part.Day, strings.TrimSpace("run of "+part.Start.Local().Format(time.DateTime)+" "+part.Run))
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", name, words.Thousands(part.Calls), words.Thousands(part.Answers), part.Usage, words.Thousands(part.PossiblyBilled))
	}
	return t.Flush()
}
