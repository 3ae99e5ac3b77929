//go:build fleet

package fleet_test

import (
	"testing"

	"octave-enrich/pipeline/fleet/pgtest"
)

// The example of the package ends, with what it has to say.
func TestFleetExample(t *testing.T) {
	s := pgtest.Shared(t)
	t.Setenv("OCTAVE_FLEET", s.URL(s.Address()))
	Example()
}
