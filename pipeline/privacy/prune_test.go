package privacy

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"octave-enrich/checkpoint"
)

// A question's records by age in days; the cut is at 10.
func TestPruneDropsAttemptsWhole(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	for _, c := range []struct{ records, kept string }{
		{"asked@20 answered@20", ""},
		{"asked@5 answered@5", "asked@5 answered@5"},
		{"asked@11 answered@9", "asked@11 answered@9"},
		{"asked@11 missed@9 asked@8 answered@8", "asked@11 missed@9 asked@8 answered@8"},
		{"asked@20 answered@20 asked@5 answered@5", "asked@5 answered@5"}, // asked anew by --max-age
		{"asked@20 missed@20 failed@20", ""},
		{"asked@20 asked@11 answered@9", "asked@11 answered@9"}, // the first was killed
		{"asked@20", ""},
		{"asked@20 asked@5 answered@5", "asked@5 answered@5"},
		{"asked@20 submitted@20", "asked@20 submitted@20"}, // it waits for its answer
		{"asked@20 submitted@20 failed@20", "asked@20 submitted@20"},
		{"asked@20 submitted@20 failed@20 answered@9", "asked@20 submitted@20 answered@9"},
		{"asked@20 submitted@20 answered@20", ""},
		{"asked@30 asked@20 submitted@20 missed@9 asked@5 submitted@5 answered@5", "asked@20 submitted@20 missed@9 asked@5 submitted@5 answered@5"},
	} {
		p := Pruning{before: now.AddDate(0, 0, -10), last: map[checkpoint.Key]checkpoint.Record{},
			split: map[checkpoint.Key]time.Time{}, kept: map[checkpoint.Key]bool{}, waiting: map[checkpoint.Key]bool{}}
		var records []checkpoint.Record
		var names, kept []string
		for _, name := range strings.Fields(c.records) {
			kind, age, _ := strings.Cut(name, "@")
			days, err := strconv.Atoi(age)
			if err != nil {
				t.Fatal(err)
			}
			records, names = append(records, checkpoint.Record{Type: kind, Key: checkpoint.Key{1}, At: now.AddDate(0, 0, -days)}), append(names, name)
			p.look(records[len(records)-1])
		}
		for i, rec := range records {
			if _, ok := p.keep(rec); ok {
				kept = append(kept, names[i])
			}
		}
		if !slices.Equal(kept, strings.Fields(c.kept)) {
			t.Errorf("of %s are kept %q, want %s", c.records, kept, c.kept)
		}
		if _, ok := p.keepDecision(records[0]); ok != (len(kept) > 0) {
			t.Errorf("of %s the decision is kept: %v", c.records, ok)
		}
	}
	p := Pruning{before: now}
	for _, kind := range []string{checkpoint.Run, checkpoint.Output} {
		if _, ok := p.keep(checkpoint.Record{Type: kind}); !ok {
			t.Errorf("a record of the type %s is dropped", kind)
		}
	}
}
