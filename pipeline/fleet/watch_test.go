package fleet

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"octave-enrich/octave"
	"octave-enrich/pipeline"
)

// A run waits for hosts, and says so, for as long as it may make sense.
func TestWaitingForHosts(t *testing.T) {
	credits := &octave.Error{Action: octave.All, Cause: octave.CauseCredits, Message: "none left"}
	for name, tc := range map[string]struct {
		back   bool // the database, just now
		left   error
		until  int // hosts are there after so many seconds; 0 for never
		told   []string
		ends   time.Duration
		reason error
	}{
		"none ever":                {told: []string{"0s 0"}, ends: time.Hour, reason: pipeline.ErrOutage},
		"in time":                  {until: 1800, told: []string{"0s 0", "30m0s 2"}},
		"the last one's key":       {left: credits, told: []string{"0s 0 none left"}, ends: time.Minute, reason: credits},
		"another key in time":      {left: credits, until: 30, told: []string{"0s 0 none left", "30s 2"}},
		"not seen since an outage": {back: true, until: 3},
		"nor ever after":           {back: true, told: []string{"15s 0"}, ends: time.Hour + deadFor, reason: pipeline.ErrOutage},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				var told []string
				brake := pipeline.NewBrake(context.Background())
				c := &Coordinator{brake: brake, cfg: CoordinatorConfig{Patience: time.Hour, Hosts: func(n int, left error) {
					text := fmt.Sprint(time.Since(began), " ", n)
					if left != nil {
						text += " " + left.Error()
					}
					told = append(told, text)
				}}}
				if tc.back {
					c.back = began
				}
				for brake.Reason() == nil && time.Since(began) < 2*time.Hour {
					n := 0
					if tc.until > 0 && time.Since(began) >= time.Duration(tc.until)*time.Second {
						n = 2
					}
					c.hosts(n, tc.left)
					time.Sleep(rarest)
				}
				if !slices.Equal(told, tc.told) {
					t.Errorf("told %q, want %q", told, tc.told)
				}
				if took := time.Since(began); tc.reason != nil && (took < tc.ends || took > tc.ends+time.Second) {
					t.Errorf("gave up after %v, want %v", took, tc.ends)
				}
				if !errors.Is(brake.Reason(), tc.reason) {
					t.Errorf("stopped because of %v, want %v", brake.Reason(), tc.reason)
				}
			})
		})
	}
}

// A pause is told once, and that of an outage not as one.
func TestPausesAreTold(t *testing.T) {
	now := time.Now()
	var told []time.Duration
	c := &Coordinator{brake: pipeline.NewBrake(context.Background()), cfg: CoordinatorConfig{Patience: time.Hour, Hosts: func(int, error) {}, Observer: func(e pipeline.Event) {
		if pause, ok := e.(pipeline.Slowed); ok {
			told = append(told, pause.For)
		}
	}}}
	refused := func(ago, left time.Duration) pipeline.Pace {
		return pipeline.Pace{Told: pipeline.Told{At: now.Add(-ago)}, PausedUntil: now.Add(left)}
	}
	for _, pace := range []pipeline.Pace{
		{PausedUntil: now.Add(time.Second)}, // until the next probe
		refused(2*time.Second, 5*time.Second),
		refused(2*time.Second, 4*time.Second),
		refused(time.Second, 9*time.Second), // once more
		refused(0, -time.Second),
	} {
		c.react(state{hosts: 1, paces: []pipeline.Pace{pace}, now: now})
	}
	if want := []time.Duration{5 * time.Second, 9 * time.Second, 0}; !slices.Equal(told, want) {
		t.Errorf("told %v, want %v", told, want)
	}
}
