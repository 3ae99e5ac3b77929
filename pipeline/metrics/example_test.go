package metrics_test

import (
	"fmt"
	"strings"
	"time"

	"octave-enrich/pipeline"
	"octave-enrich/pipeline/metrics"
)

// What a nightly job leaves for the node exporter.
func Example() {
	var b strings.Builder
	run := metrics.Run{
		Summary:   pipeline.Summary{Rows: pipeline.Counts{OK: 29, Failed: 1}},
		InputRows: 30, ExitCode: 3, End: time.Unix(1_700_000_000, 0),
	}
	if err := metrics.WriteText(&b, run); err != nil {
		fmt.Println(err)
	}
	for _, line := range strings.Split(b.String(), "\n") {
		if strings.Contains(line, "exit_code") || strings.HasPrefix(line, "octave_enrich_last_run_rows") {
			fmt.Println(line)
		}
	}
	// Output:
	// # HELP octave_enrich_last_run_exit_code How the run ended; 0 when every row is settled.
	// # TYPE octave_enrich_last_run_exit_code gauge
	// octave_enrich_last_run_exit_code 3
	// octave_enrich_last_run_rows{status="excluded"} 0
	// octave_enrich_last_run_rows{status="failed"} 1
	// octave_enrich_last_run_rows{status="invalid"} 0
	// octave_enrich_last_run_rows{status="not_attempted"} 0
	// octave_enrich_last_run_rows{status="not_found"} 0
	// octave_enrich_last_run_rows{status="ok"} 29
}
