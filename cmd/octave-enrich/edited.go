package main

// An agent that was edited in the service answers the same questions otherwise, and
// no question says so: what it is called and how many steps it has is noted.

import (
	"context"
	"fmt"

	"octave-enrich/checkpoint"
	"octave-enrich/cmd/octave-enrich/accounts"
	"octave-enrich/cmd/octave-enrich/checkpoints"
	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/pipeline"
)

// describe notes what the agent of the run is, when that is new, and says which
// answers it gave before it was edited. What cannot be learnt is not missed: the
// calls go on without.
func (r *run) describe(ctx context.Context, l *accounts.Account) error {
	if l.Agent == "" || !l.Heard() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, accounts.Timeout)
	defer cancel()
	now, ok := l.Describe(ctx)
	if !ok {
		return nil
	}
	last := pipeline.LastAgent(r.journal.RunRecords(), now.OID)
	if now.Steps == 0 {
		now.Steps = last.Steps // the list did not say today
	}
	if now != last {
		if err := r.append(pipeline.Described, now); err != nil {
			return err
		}
	}
	edits, err := pipeline.Edits(r.journal.RunRecords(), checkpoint.Records(r.places.Checkpoint, nil))
	if err != nil {
		return exit.CheckpointError(r.places.Checkpoint, err)
	}
	for _, edit := range edits {
		if edit.Agent.OID == now.OID {
			r.log.Warn(fmt.Sprintf("%s; to ask again: %s redo %s --all", checkpoints.EditText(edit), words.Tool, words.Quote(r.places.Checkpoint)))
		}
	}
	return nil
}
