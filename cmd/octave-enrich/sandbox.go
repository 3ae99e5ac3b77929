package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"octave-enrich/checkpoint/durable"
	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/help"
	"octave-enrich/octave/sandbox"
)

func newSandbox(a *app) *cobra.Command {
	var cfg sandbox.Config
	var addr, addrFile, faults, script string
	cmd := &cobra.Command{
		Use:   "sandbox",
		Short: "Serve the embedded Sequence Agent on a local address",
		Args:  help.Args(cobra.NoArgs),
	}
	fs := cmd.Flags()
	fs.StringVar(&addr, "addr", "127.0.0.1:8750", "`ADDRESS` to listen on; port 0 takes a free one")
	fs.StringVar(&addrFile, "addr-file", "", "write the base URL to `FILE` once it listens")
	fs.DurationVar(&cfg.Latency, "latency", 0, "of a call")
	fs.DurationVar(&cfg.Jitter, "jitter", 0, "added to it: between none and so much")
	fs.Float64Var(&cfg.Rate, "rate", 0, "calls accepted per second, the others answered with 429; 0 for all")
	fs.IntVar(&cfg.Burst, "burst", 0, "calls accepted at once; default: the rate")
	fs.StringVar(&cfg.RetryAfter, "retry-after", "", "what a 429 says: seconds, an HTTP date, or date for one that fits")
	fs.Float64Var(&cfg.Credits, "credits", 0, "stock of credits, then 402; 0 for no end")
	fs.StringVar(&cfg.Key, "key", "", "the only key accepted; default: any")
	fs.BoolVar(&cfg.StrictAgents, "strict-agents", false, "refuse an agent that the agents endpoint does not list with 404")
	fs.IntVar(&cfg.AddedSteps, "added-steps", 0, "more in each agent, as if somebody had edited them all")
	fs.StringVar(&cfg.Account, "account", "", "what the account and agents endpoints answer instead: `KIND` is "+strings.Join(sandbox.AccountFaults(), ", "))
	fs.IntVar(&cfg.Messages, "messages", 0, "per sequence, 1 to 7; 0 for the agent's own number, -1 for a mix")
	fs.StringVar(&cfg.Shape, "shape", "", "of a message: "+strings.Join(sandbox.Shapes(), ", "))
	fs.Float64Var(&cfg.NotFound, "not-found", 0, "share of contacts that are not found, 0 to 1")
	fs.StringVar(&faults, "faults", "", "share of calls by kind, as in `503=0.05,reset-after=0.02`; kinds: "+strings.Join(sandbox.Kinds(), ", "))
	fs.StringVar(&script, "script", "", "kinds for the first, second, ... call, as in `ok,503,429`")
	fs.Uint64Var(&cfg.Seed, "seed", 0, "which calls the shares hit")
	var pollFaults string
	sandboxAsyncFlags(fs, &cfg.Async, &pollFaults)
	cmd.RunE = func(*cobra.Command, []string) (err error) {
		if cfg.Async.Faults, err = sandbox.ParseFaults(pollFaults); err != nil {
			return exit.UsageError("--poll-faults: %w", err)
		}
		if cfg.Faults, err = sandbox.ParseFaults(faults); err != nil {
			return exit.UsageError("--faults: %w", err)
		}
		if cfg.Script, err = sandbox.ParseScript(script); err != nil {
			return exit.UsageError("--script: %w", err)
		}
		if err := cfg.Validate(); err != nil {
			return &exit.Error{Code: exit.Usage, Err: err}
		}
		return a.serveSandbox(addr, addrFile, sandbox.New(cfg))
	}
	return cmd
}

// serveSandbox serves until a signal.
func (a *app) serveSandbox(addr, addrFile string, handler http.Handler) error {
	watch := a.watch()
	defer watch.unlisten()
	ctx := watch.begin("stopping")
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return &exit.Error{Code: exit.Usage, Err: err}
	}
	base := "http://" + listener.Addr().String()
	if addrFile != "" {
		if err := durable.WriteFile(addrFile, []byte(base+"\n"), durable.Private); err != nil {
			return exit.OutputError(err)
		}
	}
	fmt.Fprintf(a.stderr, "the embedded agent listens on %s\n", base)
	return serve(ctx, listener, handler, 0)
}

// serve serves until ctx ends; requests that are being answered then have so much
// time to end.
func serve(ctx context.Context, listener net.Listener, handler http.Handler, grace time.Duration) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan struct{})
	var g errgroup.Group
	g.Go(func() error {
		select {
		case <-ctx.Done():
		case <-served: // it could not
		}
		patience, cancel := context.WithTimeout(context.Background(), grace)
		defer cancel()
		if server.Shutdown(patience) != nil { //nolint:contextcheck // the one before has ended
			return server.Close()
		}
		return nil
	})
	err := server.Serve(listener)
	close(served)
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return errors.Join(err, g.Wait())
}
