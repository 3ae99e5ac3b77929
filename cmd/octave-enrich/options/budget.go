package options

import (
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/pipeline"
)

// What a run does with contacts that have an answer to another question.
const (
	ChangedRedo = "redo" // pay again; the old answer stays until the new one is there
	ChangedKeep = "keep" // take the old answer
)

// Budget says what a run may spend, and on what.
type Budget struct {
	Limit               int // new contacts; 0 for all
	Sample              int // new contacts from all over the list; 0 for no sample
	MaxCalls            Bound
	MaxUsage, MaxFailed string // see Budgets and Threshold
	MaxDuration, MaxAge Days   // 0 for no bound
	Changed             string // ChangedRedo, ChangedKeep or "", nobody has said so
	Fresh               bool   // take nothing over
}

// Flags registers all of them.
func (b *Budget) Flags(fs *pflag.FlagSet) {
	grouped(fs, HeadingBudget, func(fs *pflag.FlagSet) {
		numberFlag(fs, &b.Limit, "limit", 0, "at most `N` new contacts this time, changed ones in what they leave of it; 0 for all")
		numberFlag(fs, &b.Sample, "sample", 0, "`N` new contacts spread over the list, where --limit takes the first; the same command goes on with the same ones")
		fs.Var(&b.MaxCalls, "max-calls", "make `N` calls at most, repeated ones counted; default: no bound")
		fs.StringVar(&b.MaxUsage, "max-usage", "", "start no call that could take this run beyond `N` credits")
		fs.Var(&b.MaxDuration, "max-duration", "start no call after so long; 0 for no bound")
		fs.StringVar(&b.MaxFailed, "max-failed", "", "stop when more than `N` rows failed, or N% of those asked, once these are 20")
		fs.Var(&b.MaxAge, "max-age", "ask again for answers older than this, such as 90d; 0 for never")
		fs.BoolVar(&b.Fresh, "fresh", false, "a new checkpoint takes nothing over from those beside it, and pays again")
		fs.StringVar(&b.Changed, "changed", "", "contacts that have an answer to another question: `HOW` is redo (pay again) or keep (take that); default: redo up to ten, keep more and end with 9")
	})
}

// checkSample refuses what cannot be meant together.
func (b *Budget) checkSample() error {
	switch {
	case b.Sample < 0:
		return exit.UsageError("--sample is too small")
	case b.Sample > 0 && b.Limit > 0:
		return exit.UsageError("--sample takes contacts from all over the list and --limit the first: write one of them")
	}
	return nil
}

// Beyond is the flag that leaves contacts for another time.
func (b *Budget) Beyond() string {
	if b.Sample > 0 {
		return "--sample"
	}
	return "--limit"
}

// AgeFlag registers the age of answers for those who do not ask.
func (b *Budget) AgeFlag(fs *pflag.FlagSet) {
	grouped(fs, HeadingBudget, func(fs *pflag.FlagSet) {
		fs.Var(&b.MaxAge, "max-age", "leave out answers older than this, such as 90d; 0 for none")
	})
}

// Budgets are what a run may spend.
func (b *Budget) Budgets() (of pipeline.Budgets, err error) {
	of.MaxCalls, of.HasCalls = b.MaxCalls.n, b.MaxCalls.set
	if b.MaxUsage == "" {
		return of, nil
	}
	of.HasUsage = true
	if of.MaxUsage, err = pipeline.ParseAmount(b.MaxUsage); err != nil || of.MaxUsage.Cmp(pipeline.Amount{}) < 0 {
		return of, exit.UsageError("--max-usage %s: write an amount of credits, 0 or more", b.MaxUsage)
	}
	return of, nil
}

// Threshold reads --max-failed: N or P%; "" is any number.
func (b *Budget) Threshold() (t pipeline.Threshold, err error) {
	s := b.MaxFailed
	if s == "" {
		return t, nil
	}
	t.Set = true
	if percent, ok := strings.CutSuffix(s, "%"); ok {
		t.Percent, err = strconv.ParseFloat(percent, 64)
	} else {
		t.Rows, err = strconv.Atoi(s)
	}
	if err != nil || t.Rows < 0 || !(t.Percent >= 0 && t.Percent <= 100) || strings.HasSuffix(s, "%") && t.Percent == 0 {
		return t, exit.UsageError("--max-failed %s: write a number of rows, or a share such as 5%%", s)
	}
	return t, nil
}
