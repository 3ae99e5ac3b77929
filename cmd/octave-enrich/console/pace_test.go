package console

import (
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"octave-enrich/pipeline"
)

func TestGainWords(t *testing.T) {
	for want, gain := range map[string]pipeline.Gain{
		"nothing was refused; at 32 at a time (--concurrency 32) this list would have taken about 76 min instead of 5 h": {
			Calls: 32, Before: 301 * time.Minute, After: 76 * time.Minute},
		"nothing was refused; at 20 calls a second (--rate 20) this list would have taken about 50 s instead of 3 min": {
			Rate: 20, Before: 200 * time.Second, After: 50 * time.Second},
	} {
		if got := GainWords(gain); got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
}

func TestTellService(t *testing.T) {
	for _, c := range []struct {
		event pipeline.Event
		want  string
	}{
		{pipeline.Slowed{InFlight: 20}, "warn: the service takes 20 calls at a time; keeping to that"},
		{pipeline.Slowed{Rate: 0.98}, "warn: the service takes about 60 calls a minute; keeping to 58.8"},
		{pipeline.Slowed{For: 30 * time.Second}, "warn: no call starts for 30s"},
		{pipeline.Slowed{}, "info: the service takes all that is allowed again"},
		{pipeline.OutageEnded{}, "info: the service answers again"},
	} {
		core, logged := observer.New(zap.InfoLevel)
		TellService(zap.New(core), c.event)
		if lines := logged.All(); len(lines) != 1 || lines[0].Level.String()+": "+lines[0].Message != c.want {
			t.Errorf("%+v: %+v\nwant %s", c.event, lines, c.want)
		}
	}
}
