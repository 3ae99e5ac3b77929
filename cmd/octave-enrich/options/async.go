package options

import (
	"errors"
	"net/url"
	"time"

	"github.com/spf13/pflag"

	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/octave"
)

// noCallback is an address that can reach nobody: names under .invalid have none,
// by RFC 6761. The service wants one and posts answers there, personal data.
const noCallback = "https://octave-enrich.invalid/callback"

// Async is the asynchronous way to make calls.
type Async struct {
	On            bool
	Poll, MaxWait Days
	Callback      string // URL
}

// Flags registers all of them.
func (a *Async) Flags(fs *pflag.FlagSet) {
	a.Poll, a.MaxWait = Days(5*time.Second), Days(30*time.Minute)
	grouped(fs, HeadingService, func(fs *pflag.FlagSet) {
		fs.BoolVar(&a.On, "async", false, "submit each contact and poll for the answer, instead of one long call")
		fs.Var(&a.Poll, "poll", "with --async: how often to poll for an answer")
		fs.Var(&a.MaxWait, "max-wait", "with --async: how long to wait for one in this run; the next run polls for it first")
		fs.StringVar(&a.Callback, "callback-url", noCallback, "with --async: where the service posts each answer, personal data, to: an https `URL` of yours; default: one that reaches nobody")
	})
}

// PostsTo is the host that the service is told to post answers to; "" when that is
// nobody.
func (a *Async) PostsTo() string {
	u, err := url.Parse(a.Callback)
	if err != nil || a.Callback == noCallback {
		return ""
	}
	return u.Host
}

// CheckAsync refuses what cannot work, before anything is opened.
func (o *Options) CheckAsync() error {
	a := &o.Async
	callback, err := url.Parse(a.Callback)
	switch {
	case a.Poll <= 0:
		return exit.UsageError("--poll is too short: write a duration such as 5s")
	case a.MaxWait <= 0:
		return exit.UsageError("--max-wait is too short: write a duration such as 30m")
	case err != nil || callback.Scheme != "https" || callback.Hostname() == "":
		return exit.UsageError("--callback-url: the service posts personal data there; write it as https://host/path")
	case !a.On:
		return nil
	case o.Question.Agent == "" && !o.Service.Sandbox && o.Service.BaseURL == octave.DefaultBaseURL:
		return &exit.Error{Code: exit.Usage, Err: errors.New("--async needs --agent: the service requires one for asynchronous work"),
			Hint: "list the agents with: " + words.Tool + " agents"}
	}
	return nil
}
