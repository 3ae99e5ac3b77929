package options

import (
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/time/rate"

	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/octave"
	"octave-enrich/pipeline"
)

// Pace says how many calls are made, and how often a failed one is.
type Pace struct {
	Concurrency int    // calls in flight at most
	Rate        string // see Limit
	Retries     int
	OnTimeout   string // retry or fail
	MaxOutage   Days
}

// Flags registers all of them.
func (p *Pace) Flags(fs *pflag.FlagSet) {
	p.MaxOutage = Days(time.Hour)
	grouped(fs, HeadingPace, func(fs *pflag.FlagSet) {
		numberFlag(fs, &p.Concurrency, "concurrency", octave.DefaultConcurrency, "calls in flight at most")
		fs.StringVar(&p.Rate, "rate", "5/s", "calls started at most, every attempt counted: `R` is 5/s, 120/m, 2000/h, 0 for no limit")
		numberFlag(fs, &p.Retries, "retries", 4, "`N` further attempts after the first")
		fs.StringVar(&p.OnTimeout, "on-timeout", "retry", "`HOW` to treat an attempt that may have been billed (time-out, cut, a gateway's 502, 504 and the like): retry or fail")
		fs.Var(&p.MaxOutage, "max-outage", "how long a failing service is waited for")
	})
}

// workerFlags registers those that a worker has, too.
func (p *Pace) workerFlags(fs *pflag.FlagSet) {
	grouped(fs, HeadingPace, func(fs *pflag.FlagSet) {
		numberFlag(fs, &p.Concurrency, "concurrency", octave.DefaultConcurrency, "calls of this worker in flight at most")
		fs.StringVar(&p.Rate, "rate", "5/s", "calls that all workers with this key start at most; without it what was set before stays: `R` as in run")
	})
}

// Limit reads --rate: 5/s, 120/m, 2000/h, and 0 or none for no limit.
func (p *Pace) Limit() (rate.Limit, error) {
	s := p.Rate
	number, unit, _ := strings.Cut(s, "/")
	per := map[string]float64{"": 1, "s": 1, "m": 60, "h": 3600}[unit]
	n, err := strconv.ParseFloat(number, 64)
	switch {
	case s == "none" || err == nil && n == 0 && per > 0:
		return rate.Inf, nil
	case err != nil || per == 0 || n < 0 || n != n || n > 1e9:
		return 0, exit.UsageError("--rate %s: write it as 5/s, 120/m, 2000/h, or 0 for no limit", s)
	}
	return rate.Limit(n / per), nil
}

// Config is what a pace begins with.
func (p *Pace) Config() (cfg pipeline.PacerConfig, err error) {
	cfg.Calls, cfg.MaxOutage = p.Concurrency, time.Duration(p.MaxOutage)
	cfg.Rate, err = p.Limit()
	return cfg, err
}
