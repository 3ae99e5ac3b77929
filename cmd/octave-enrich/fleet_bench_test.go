//go:build fleet && unix

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/octave/sandbox"
	"octave-enrich/pipeline/fleet/pgtest"
)

// benchFleet is a database, the service and three workers, each a process of its
// own, on the machine that measures.
func benchFleet(b *testing.B, service []string, worker ...string) (base string) {
	base = startSandbox(b, service...)
	server := pgtest.Start(b)
	b.Setenv("OCTAVE_API_KEY", "a key")
	b.Setenv("OCTAVE_BASE_URL", base)
	b.Setenv("OCTAVE_FLEET", server.URL(server.Address()))
	spend(b, words.Tool, "fleet", "init")
	for range 3 {
		cmd := exec.Command(words.Tool, append([]string{"worker"}, worker...)...)
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	}
	return base
}

// Contacts through three workers and a service that answers at once, all on this
// machine: bound by its processors. A real service needs as many calls in flight
// as the rate times the time that it takes, far more than these.
func BenchmarkFleetContacts(b *testing.B) {
	const rows = 8_000
	list := prospects(b, rows)
	benchFleet(b, nil, "--concurrency", "256", "--rate", "0")
	for n := 0; b.Loop(); n++ {
		// Other questions each time: what was answered is not asked again.
		took := spend(b, words.Tool, "run", list, "-o", filepath.Join(b.TempDir(), "out.csv"), "--set", fmt.Sprint("playbookSelectionContext=", n))
		target(b, "contacts/s", rows/took.wall.Seconds(), ">=400")
		b.ReportMetric(took.cpu.Seconds()*1e6/rows, "coordinator-us/contact")
	}
}

// What three hosts make of one limit, as the service counts, in whole seconds
// after the first.
func BenchmarkFleetRate(b *testing.B) {
	for _, limit := range []int{5, 40, 200} {
		b.Run(fmt.Sprint(limit), func(b *testing.B) {
			const seconds = 30
			list := prospects(b, limit*seconds)
			base := benchFleet(b, []string{"--latency", "200ms"}, "--concurrency", "64", "--rate", fmt.Sprint(limit)+"/s")
			for b.Loop() {
				spend(b, words.Tool, "run", list, "-o", filepath.Join(b.TempDir(), "out.csv"))
				response, err := http.Get(base + "/sandbox/ledger")
				if err != nil {
					b.Fatal(err)
				}
				var books sandbox.Ledger
				err = json.NewDecoder(response.Body).Decode(&books)
				response.Body.Close()
				if err != nil {
					b.Fatal(err)
				}
				whole := books.PerSecond[:len(books.PerSecond)-1]
				sum := 0
				for _, n := range whole {
					sum += n
				}
				target(b, "used-%", 100*float64(sum)/float64(limit*len(whole)), ">=95")
				target(b, "busiest-second", float64(slices.Max(books.PerSecond)), fmt.Sprint("<=", float64(limit)*1.1))
			}
		})
	}
}

// The time that a finished list takes to be read back from the fleet by another
// checkpoint: nothing is asked.
func BenchmarkFleetRemembered(b *testing.B) {
	const rows = 40_000
	list := prospects(b, rows)
	benchFleet(b, nil, "--concurrency", "64", "--rate", "0")
	spend(b, words.Tool, "run", list, "-o", filepath.Join(b.TempDir(), "first.csv"))
	for b.Loop() {
		out := filepath.Join(b.TempDir(), "out.csv")
		took := spend(b, words.Tool, "run", list, "-o", out)
		b.ReportMetric(rows/took.wall.Seconds(), "answers/s")
		_ = os.Remove(out)
	}
}
