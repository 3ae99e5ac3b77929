package options

import "github.com/spf13/pflag"

// Teller says who is told of a run, and how.
type Teller struct {
	Summary, Report          string // files
	MetricsFile, MetricsAddr string
	OnExit, PingURL          string
	SuccessExit              []int  // exit codes that become 0
	Progress                 string // auto, bar, plain or none
	LogFormat, LogLevel      string
	Quiet, Verbose           bool
	DryRun                   bool // plan is meant
	WaitLock                 Days
}

// SummaryFlag registers the summary alone.
func (t *Teller) SummaryFlag(fs *pflag.FlagSet) {
	grouped(fs, HeadingReport, func(fs *pflag.FlagSet) {
		fs.StringVar(&t.Summary, "summary", "", "write the summary as JSON to `FILE`, or -; see help summary")
	})
}

// flags registers all of them.
func (t *Teller) flags(fs *pflag.FlagSet) {
	t.SummaryFlag(fs)
	grouped(fs, HeadingReport, func(fs *pflag.FlagSet) {
		fs.StringVar(&t.Report, "report", "", "write the report page to `FILE.html` when the run ends")
		fs.StringVar(&t.MetricsFile, "metrics-file", "", "write Prometheus text to `FILE` when the run ends")
		t.liveFlag(fs)
		fs.StringVar(&t.PingURL, "ping-url", "", "GET `URL`/start, and URL/CODE with the exit code at the end")
		fs.IntSliceVar(&t.SuccessExit, "success-exit", nil, "end with 0 instead of these exit `CODES`, such as 8,10; summaries, pings and metrics keep them")
		fs.StringVar(&t.OnExit, "on-exit", "", "shell `COMMAND` that reads the summary when the run has ended; it does not inherit the key")
		fs.StringVar(&t.Progress, "progress", "auto", "`HOW`: auto, bar, plain or none")
		fs.Var(&t.WaitLock, "wait-lock", "wait so long for another run that holds the checkpoint")
		fs.BoolVar(&t.DryRun, "dry-run", false, "what plan does")
		hide(fs, "dry-run")
		t.logFlags(fs)
	})
}

// liveFlag registers what worker has of these, too.
func (t *Teller) liveFlag(fs *pflag.FlagSet) {
	fs.StringVar(&t.MetricsAddr, "metrics-addr", "", "serve live Prometheus metrics, and /healthz, at `[HOST:]PORT`; default host: this machine alone")
}

// logFlags registers those of the log.
func (t *Teller) logFlags(fs *pflag.FlagSet) {
	fs.StringVar(&t.LogFormat, "log-format", "auto", "`HOW`: auto, text or json")
	fs.StringVar(&t.LogLevel, "log-level", "info", "`LEVEL`: debug, info, warn or error")
	fs.BoolVarP(&t.Quiet, "quiet", "q", false, "say warnings and errors alone")
	fs.BoolVarP(&t.Verbose, "verbose", "v", false, "say more, as --log-level debug")
}
