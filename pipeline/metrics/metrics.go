// Package metrics tells Prometheus about a run: as text for the node exporter's
// textfile collector when it has ended, and live while it goes on, then with the
// state of its fleet and of its own health.
//
// The two differ in kind. A file is of one run that is over, so that its values
// are gauges named octave_enrich_last_run_...; what is scraped grows, so that it
// is counters named octave_enrich_..._total. Neither holds anything of a contact,
// and no label has a value that comes from data.
package metrics

import (
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"octave-enrich/pipeline"
)

// A Run is what there is to tell about a run.
type Run struct {
	pipeline.Summary
	Version   string // of the program
	InputRows int
	Start     time.Time
	End       time.Time // zero while it goes on
	ExitCode  int       // once it has ended
}

// A family is a metric with all its labels' values, read off a T.
type family[T any] struct {
	name    string // without prefix and suffix
	help    string
	label   string // "" for one sample without
	grows   bool   // a counter when live
	ended   bool   // of a run that is over
	going   bool   // of a run that goes on
	listed  bool   // of a run with a list, which a worker has not
	samples func(T) []sample
}

// A sample is one value, by the value of the family's label.
type sample struct {
	label string
	value float64
}

func one(value float64) []sample { return []sample{{value: value}} }

// families are all metrics of a run.
func families() []family[Run] {
	return []family[Run]{
		{name: "rows", help: "Rows by what became of them.", listed: true, label: "status", grows: true, samples: rows},
		{name: "input_rows", help: "Rows of the input.", listed: true, samples: func(r Run) []sample { return one(float64(r.InputRows)) }},
		{name: "calls", help: "Calls to the service that have ended, by how.", label: "outcome", grows: true, samples: calls},
		{name: "calls_in_flight", help: "Calls on the wire.", going: true, samples: func(r Run) []sample { return one(float64(r.Calls.InFlight)) }},
		{name: "retries", help: "Calls that repeated an earlier one of the same run.", grows: true, samples: func(r Run) []sample { return one(float64(r.Calls.Retries)) }},
		{name: "possibly_billed_calls", help: "Calls without an answer that may have been billed.", grows: true, samples: func(r Run) []sample { return one(float64(r.Calls.PossiblyBilled)) }},
		{name: "known_answers", help: "Questions that the checkpoint answered.", listed: true, grows: true, samples: func(r Run) []sample { return one(float64(r.Calls.Remembered)) }},
		{name: "usage", help: "Usage that the answers reported, most likely credits.", grows: true, samples: usage},
		{name: "latency_seconds", help: "Latency of the answered calls by percentile; 100 is the slowest.", label: "percentile", samples: latency},
		{name: "start_timestamp_seconds", help: "When the run began.", samples: func(r Run) []sample { return one(seconds(r.Start)) }},
		{name: "end_timestamp_seconds", help: "When the run ended.", ended: true, samples: func(r Run) []sample { return one(seconds(r.End)) }},
		{name: "exit_code", help: "How the run ended; 0 when every row is settled.", ended: true, samples: func(r Run) []sample { return one(float64(r.ExitCode)) }},
		{name: "build_info", help: "The program that ran, 1.", label: "version", samples: func(r Run) []sample { return []sample{{r.Version, 1}} }},
	}
}

func rows(r Run) []sample {
	return []sample{
		{pipeline.StatusOK, float64(r.Rows.OK)},
		{pipeline.StatusNotFound, float64(r.Rows.NotFound)},
		{pipeline.StatusFailed, float64(r.Rows.Failed)},
		{pipeline.StatusInvalid, float64(r.Rows.Invalid)},
		{pipeline.StatusExcluded, float64(r.Rows.Excluded)},
		{pipeline.StatusNotAttempted, float64(r.Rows.NotAttempted)},
	}
}

func calls(r Run) []sample {
	return []sample{
		{"answered", float64(r.Calls.Answered)},
		{"refused", float64(r.Calls.Refused)},
		{"failed", float64(r.Calls.Failed)},
	}
}

func usage(r Run) []sample {
	value, _ := strconv.ParseFloat(r.Usage.String(), 64) // a decimal number always
	return one(value)
}

func latency(r Run) []sample {
	const second = 1000 // milliseconds
	return []sample{
		{"50", float64(r.Latency.P50) / second},
		{"90", float64(r.Latency.P90) / second},
		{"99", float64(r.Latency.P99) / second},
		{"100", float64(r.Latency.Max) / second},
	}
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// WriteText writes a run that has ended in the text format of Prometheus: the table
// that is served live, under names of its own.
func WriteText(w io.Writer, run Run) error {
	told := slices.DeleteFunc(families(), func(f family[Run]) bool { return f.going })
	for i := range told {
		told[i].name, told[i].grows = "last_run_"+told[i].name, false
	}
	registry := prometheus.NewRegistry()
	if err := registry.Register(newCollector(func() Run { return run }, told)); err != nil {
		return err
	}
	gathered, err := registry.Gather()
	if err != nil {
		return err
	}
	for _, f := range gathered {
		if _, err := expfmt.MetricFamilyToText(w, f); err != nil {
			return err
		}
	}
	return nil
}
