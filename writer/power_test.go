package writer

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"octave-enrich/checkpoint/durable/durabletest"
)

// When the power goes at any operation, the output is the old file or the whole new one, and the new one once Publish
// has returned.
func TestPowerLoss(t *testing.T) {
	old := []byte("of an earlier run\n")
	rows := manyRows()
	for _, tt := range []struct {
		path string
		opt  Options
	}{
		{"/o.csv", Options{Emails: 7}}, {"/o.csv", Options{}}, {"/o.tsv.gz", Options{}}, {"/o.jsonl", Options{}}, {"/o.csv", Options{Preset: "instantly", Rule: rule(t)}},
	} {
		tt.opt.Columns = columns()
		d := durabletest.New()
		if err := attempt(tt.path, tt.opt, d, rows); err != nil {
			t.Fatal(err)
		}
		want := d.Data(tt.path)
		for n := 1; ; n++ {
			d := durabletest.With(tt.path, old)
			d.Fail(n, durabletest.Halt)
			err := attempt(tt.path, tt.opt, d, rows)
			random := rand.New(rand.NewPCG(uint64(n), 1))
			for range 20 {
				got := d.Crashed(random).Data(tt.path)
				if !bytes.Equal(got, want) && (err == nil || !bytes.Equal(got, old)) {
					t.Fatalf("%s, power lost at %q (%v): %d bytes under the name, neither the old nor the new file",
						fmt.Sprint(tt.path, tt.opt.Preset), d.Failed(), err, len(got))
				}
			}
			if err == nil {
				break
			}
		}
	}
}
