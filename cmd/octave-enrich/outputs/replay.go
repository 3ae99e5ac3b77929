package outputs

import (
	"octave-enrich/checkpoint"
	"octave-enrich/cmd/octave-enrich/checkpoints"
	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/lists"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/pipeline"
)

// Memory follows what the last run decided about contacts whose question
// changed, when these are its questions.
func Memory(o *options.Options, list *lists.List, journal *checkpoint.Journal, path string) (*pipeline.Memory, error) {
	memory := checkpoints.Memory(o, journal, list.Skip)
	memory.KeepFailures, memory.Strict = true, memory.MaxAge > 0
	if err := list.Meet(memory); err != nil {
		return nil, err
	}
	last, ok := pipeline.LastRun(journal.RunRecords())
	if !ok || last.Changed == "" || last.Settings.Fingerprint() != list.Settings.Fingerprint() {
		return memory, nil
	}
	if o.Output.Approved && (last.Changed != options.ChangedKeep || last.Undecided) {
		return memory, nil // nobody said that words about what the list said before may go out
	}
	selection := list.Selection(memory)
	_, changes, err := pipeline.Survey(list.Input.Contacts(), selection, checkpoints.Known(journal, path))
	memory.Earlier = changes.Earlier
	if err != nil {
		return nil, exit.RunError(path, err)
	}
	return memory, nil
}
