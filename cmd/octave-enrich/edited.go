package main

// An agent that was edited in the service answers the same questions otherwise, and
// no question says so: what it is called and how many steps it has is noted.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"octave-enrich/checkpoint"
	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/octave"
	"octave-enrich/pipeline"
)

// describe notes what the agent of the run is, when that is new, and says which
// answers it gave before it was edited. What cannot be learnt is not missed: the
// calls go on without.
func (j *job) describe(ctx context.Context, l *lookout) error {
	if l.agent == "" || !l.heard() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, accountTimeout)
	defer cancel()
	now, ok := l.describe(ctx)
	if !ok {
		return nil
	}
	var last pipeline.AgentBody
	for _, rec := range j.journal.RunRecords() {
		if body, is := pipeline.ReadAgent(rec); is && body.OID == now.OID {
			last = body
		}
	}
	if now.Steps == 0 {
		now.Steps = last.Steps // the list did not say today
	}
	if now != last {
		if err := j.append(pipeline.Described, now); err != nil {
			return err
		}
	}
	edits, err := pipeline.Edits(j.journal.RunRecords(), checkpoint.Records(j.places.Checkpoint, nil))
	if err != nil {
		return exit.CheckpointError(j.places.Checkpoint, err)
	}
	for _, edit := range edits {
		if edit.Agent.OID == now.OID {
			j.log.Warn(fmt.Sprintf("%s; to ask again: %s redo %s --all", editText(edit), words.Tool, words.Quote(j.places.Checkpoint)))
		}
	}
	return nil
}

func editText(edit pipeline.Edit) string {
	return fmt.Sprintf("agent %s was edited since it gave %s: %s", edit.Agent.OID, words.Count(edit.Answers, "answer"), edit.What)
}

// describe asks what the agent is. Only the list of all agents tells of steps.
func (l *lookout) describe(ctx context.Context) (pipeline.AgentBody, bool) {
	all, err := l.client.Agents(ctx, true)
	for _, agent := range all {
		if agent.OID == l.agent {
			return pipeline.AgentBody{OID: agent.OID, Name: agent.Name, Steps: stepsOf(agent)}, true
		}
	}
	var call *octave.Error
	if l.name == "" || err != nil && !errors.As(err, &call) {
		return pipeline.AgentBody{}, false
	}
	return pipeline.AgentBody{OID: l.agent, Name: l.name}, true
}

// stepsOf reads what is not documented: a list of steps, or their number.
func stepsOf(agent octave.AgentInfo) (n int) {
	var list []json.RawMessage
	if json.Unmarshal(agent.Steps, &list) == nil {
		return len(list)
	}
	_ = json.Unmarshal(agent.Steps, &n)
	return max(n, 0)
}
