package main

import (
	"time"

	"go.uber.org/zap"

	"octave-enrich/cmd/octave-enrich/console"
	"octave-enrich/pipeline"
)

// recallPace lets the run start at the pace that the last one found.
func (r *run) recallPace() {
	learnt, at, ok := pipeline.LastPace(r.journal.RunRecords(), time.Now())
	if !ok {
		return
	}
	r.pace.Learnt = learnt
	r.say("the pace starts where the last run left it: "+console.PaceWords(pipeline.Slowed{Rate: learnt.Rate, InFlight: learnt.InFlight}),
		zap.Time("learnt", at.Local()))
}

// tellPace says what the run learnt about the speed of the service, keeps it for
// the next one, and says what higher bounds would have gained.
func (r *run) tellPace() error {
	if r.pacer == nil {
		return nil
	}
	if gain, ok := r.pacer.Gain(); ok {
		r.say(console.GainWords(gain))
	}
	learnt := r.pacer.Learnt()
	if learnt == (pipeline.PaceBody{}) {
		return nil
	}
	r.say(console.PaceWords(pipeline.Slowed{Rate: learnt.Rate, InFlight: learnt.InFlight}) + "; the next run starts there")
	return r.append(pipeline.Paced, learnt)
}
