package console

import (
	"testing"
	"time"

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
