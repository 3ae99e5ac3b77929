package main

import (
	"time"

	"go.uber.org/zap"

	"octave-enrich/cmd/octave-enrich/console"
	"octave-enrich/pipeline"
)

// recallPace lets the run start at the pace that the last one found.
func (j *job) recallPace() {
	learnt, at, ok := pipeline.LastPace(j.journal.RunRecords(), time.Now())
	if !ok {
		return
	}
	j.pace.Learnt = learnt
	j.say("the pace starts where the last run left it: "+console.PaceWords(pipeline.Slowed{Rate: learnt.Rate, InFlight: learnt.InFlight}),
		zap.Time("learnt", at.Local()))
}

// tellPace says what the run learnt about the speed of the service, keeps it for
// the next one, and says what higher bounds would have gained.
func (j *job) tellPace() error {
	if j.pacer == nil {
		return nil
	}
	if gain, ok := j.pacer.Gain(); ok {
		j.say(console.GainWords(gain))
	}
	learnt := j.pacer.Learnt()
	if learnt == (pipeline.PaceBody{}) {
		return nil
	}
	j.say(console.PaceWords(pipeline.Slowed{Rate: learnt.Rate, InFlight: learnt.InFlight}) + "; the next run starts there")
	return j.append(pipeline.Paced, learnt)
}
