package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"octave-enrich/checkpoint/durable"
	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/help"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/octave/sandbox"
)

func newSandbox(a *app) *cobra.Command {
	o := &options.Sandbox{}
	cmd := &cobra.Command{
		Use:   "sandbox",
		Short: "Serve the embedded Sequence Agent on a local address",
		Args:  help.Args(cobra.NoArgs),
	}
	o.Flags(cmd.Flags())
	cmd.RunE = func(*cobra.Command, []string) error {
		cfg, err := o.Config()
		if err != nil {
			return err
		}
		return a.serveSandbox(o, sandbox.New(cfg))
	}
	return cmd
}

// serveSandbox serves until a signal.
func (a *app) serveSandbox(o *options.Sandbox, handler http.Handler) error {
	watch := a.watch()
	defer watch.unlisten()
	ctx := watch.begin("stopping")
	listener, err := net.Listen("tcp", o.Addr)
	if err != nil {
		return &exit.Error{Code: exit.Usage, Err: err}
	}
	base := "http://" + listener.Addr().String()
	if o.AddrFile != "" {
		if err := durable.WriteFile(o.AddrFile, []byte(base+"\n"), durable.Private); err != nil {
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
