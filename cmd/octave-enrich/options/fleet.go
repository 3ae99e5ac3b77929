package options

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/pflag"

	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/pipeline/fleet"
)

// Fleet says whose workers make the calls.
type Fleet struct {
	URL   DatabaseURL // "" for this process alone
	Queue string
	// OrphanAfter is how long a run goes on that nobody watches; 0 for ever.
	OrphanAfter DaysOrOff
}

// flags registers all of them.
func (f *Fleet) flags(fs *pflag.FlagSet) {
	grouped(fs, headingFleet, func(fs *pflag.FlagSet) {
		fs.Var(&f.URL, "fleet", "let the workers at this PostgreSQL `URL` make the calls (env OCTAVE_FLEET)")
		fs.StringVar(&f.Queue, "queue", "default", "`NAME` of the workers' queue: one for each workspace")
	})
}

// runFlags registers those that run has and worker has not.
func (f *Fleet) runFlags(fs *pflag.FlagSet) {
	f.OrphanAfter = DaysOrOff(time.Hour)
	grouped(fs, headingFleet, func(fs *pflag.FlagSet) {
		fs.Var(&f.OrphanAfter, "orphan-after", "workers ask nothing more for this run when it was not there for so long; off for ever")
	})
}

// FleetFlags are those of the commands that look at a fleet's database, or make one, and
// make no calls.
func (o *Options) FleetFlags(fs *pflag.FlagSet) {
	fs.Var(&o.Fleet.URL, "fleet", "PostgreSQL `URL` of the fleet (env OCTAVE_FLEET)")
	fs.BoolVar(&o.Service.Insecure, "insecure", false, insecureHelp)
}

// Database is where the fleet's database is, "" for no fleet. A way there that anybody
// could read, or answer on, is refused as one to the service is.
func (o *Options) Database() (DatabaseURL, error) {
	if o.Fleet.URL == "" || o.Service.Insecure {
		return o.Fleet.URL, nil
	}
	err := fleet.CheckTLS(string(o.Fleet.URL))
	if _, ok := errors.AsType[*fleet.InsecureError](err); ok {
		return "", &exit.Error{Code: exit.Usage, Err: err, Hint: "ask for TLS with sslmode=verify-full in its URL (and sslrootcert=FILE for an authority of your own), or allow it with --insecure"}
	}
	if err != nil {
		return "", &exit.Error{Code: exit.Usage, Err: err}
	}
	return o.Fleet.URL, nil
}

// checkFleet refuses what would be typed in vain.
func (o *Options) checkFleet() error {
	if o.Fleet.URL == "" {
		return nil
	}
	if err := o.Fleet.CheckQueue(); err != nil {
		return err
	}
	for _, flag := range []string{"concurrency", "rate", "timeout", "key-file", "cacert"} {
		if o.Typed(flag) {
			return &exit.Error{Code: exit.Usage, Err: fmt.Errorf("--%s is the workers' business with --fleet", flag), Hint: "give it to: " + words.Tool + " worker"}
		}
	}
	return nil
}

// CheckQueue refuses names that nobody could tell apart.
func (f *Fleet) CheckQueue() error {
	switch {
	case f.Queue == "":
		return exit.UsageError("--queue needs a name")
	case strings.TrimSpace(f.Queue) != f.Queue, strings.ContainsFunc(f.Queue, func(r rune) bool { return !unicode.IsPrint(r) }):
		return exit.UsageError("--queue %q: a name has no spaces around it, and nothing that cannot be seen", f.Queue)
	}
	return nil
}

// A DatabaseURL is where a fleet's database is. It does not print its password.
type DatabaseURL string

// String implements pflag.Value.
func (u *DatabaseURL) String() string {
	if *u != "" && !fleet.IsURL(string(*u)) {
		return "***" // nobody knows where in it the password is
	}
	return MaskPassword(string(*u))
}

// Type implements pflag.Value.
func (u *DatabaseURL) Type() string { return "URL" }

// Set implements pflag.Value.
func (u *DatabaseURL) Set(s string) error { *u = DatabaseURL(s); return nil }

// passwords are how one stands in a URL or a connection string.
var passwords = regexp.MustCompile(`(://[^:/@\s]*:)\S*(@)|([?&]password=)[^\s&]*|((?i:password)\s*=\s*)(?:'(?:[^'\\]|\\.|'')*'|(?:\\.|\S)+)`)

// MaskPassword hides the password of a database's URL in a text.
func MaskPassword(text string) string { return passwords.ReplaceAllString(text, "${1}${3}${4}***${2}") }

// Worker are the flags of worker that run has not.
type Worker struct{ RescueAfter, Retain Days }

// Flags registers them.
func (w *Worker) Flags(fs *pflag.FlagSet) {
	w.Retain = Days(30 * 24 * time.Hour)
	grouped(fs, headingFleet, func(fs *pflag.FlagSet) {
		fs.Var(&w.RescueAfter, "rescue-after", "a call that has not ended for so long is lost with its worker, and others ask again; default: the time-out and a minute")
		fs.Var(&w.Retain, "retain", "how long the database keeps answers; 0 for ever")
	})
}
