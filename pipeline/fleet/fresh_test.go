package fleet

import (
	"testing"
	"time"

	"octave-enrich/pipeline"
)

// What counts as fresh is the later of the two bounds, but never later than the
// run's begin by the database's clock, however far that is behind.
func TestFreshFor(t *testing.T) {
	began := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	earlier, earliest, ahead := began.Add(-time.Hour), began.Add(-2*time.Hour), began.Add(time.Minute)
	for _, tc := range []struct{ run, question, want time.Time }{
		{},
		{run: earlier, want: earlier},
		{question: earlier, want: earlier},
		{run: earliest, question: earlier, want: earlier},
		{run: earlier, question: earliest, want: earlier},
		{question: ahead, want: began},
		{run: ahead, want: began},
	} {
		c := &Coordinator{cfg: CoordinatorConfig{Fresh: tc.run}, began: began}
		w := &pending{Question: &pipeline.Question{Since: tc.question}}
		if got := c.freshFor(w); !got.Equal(tc.want) {
			t.Errorf("run %v, question %v: %v, want %v", tc.run, tc.question, got, tc.want)
		}
	}
}
