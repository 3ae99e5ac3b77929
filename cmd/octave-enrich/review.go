package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"octave-enrich/checkpoint"
	"octave-enrich/checkpoint/durable"
	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/help"
	"octave-enrich/cmd/octave-enrich/marks"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/cmd/octave-enrich/outputs"
	"octave-enrich/cmd/octave-enrich/paths"
	"octave-enrich/pipeline/review"
)

// reviewAddr is the same every time, so that a page which lost its server finds
// what it had not yet sent in its browser's store.
const reviewAddr = "127.0.0.1:8751"

// lastDecision is how long a decision that is being saved may take when the review
// ends.
const lastDecision = 5 * time.Second

func newReview(a *app) *cobra.Command {
	var addr, addrFile string
	var open bool
	cmd := &cobra.Command{
		Use:     "review CHECKPOINT",
		Short:   "Read, edit, approve and reject the emails in a browser",
		Example: "  octave-enrich review people.enriched.csv.checkpoint\n  octave-enrich export people.csv --approved -o approved.csv",
		Args:    help.Args(cobra.ExactArgs(1)),
	}
	cmd.Flags().StringVar(&addr, "addr", reviewAddr, "loopback `ADDRESS` to listen on; port 0 takes a free one")
	cmd.Flags().StringVar(&addrFile, "addr-file", "", "write the address of the page to `FILE` once it is served")
	cmd.Flags().BoolVar(&open, "open", false, "open the page in the browser")
	cmd.RunE = func(cmd *cobra.Command, list []string) error {
		return paths.Found(list, func(path string) error {
			book, err := a.review(path, addr, cmd.Flags().Changed("addr"), addrFile, open)
			if err != nil {
				return err
			}
			if commands := nextAfterReview(book, list[0], path); len(commands) > 0 {
				next(a.stderr, commands...)
			}
			return nil
		})
	}
	return cmd
}

// review serves the page until it is stopped, and returns what is decided then.
func (a *app) review(path, addr string, addrGiven bool, addrFile string, open bool) (decided *review.Book, err error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil || !options.IsLoopback(host) {
		return nil, exit.UsageError("--addr %s: emails are served on a loopback address alone, such as %s", addr, reviewAddr)
	}
	files := &paths.List{}
	files.Answers(path)
	files.Replaces("--addr-file", addrFile)
	if err := errors.Join(files.Check(), files.Folders()); err != nil {
		return nil, err
	}
	if err := reviewable(path); err != nil {
		return nil, err
	}
	watch := a.watch()
	defer watch.unlisten()
	ctx := watch.begin("stopping")
	book, err := review.Open(path, toolVersion())
	if err != nil {
		return nil, outputs.ReviewError(path, err)
	}
	defer func() { err = errors.Join(err, outputs.ReviewError(path, book.Close())) }()
	listener, err := net.Listen("tcp", addr)
	if err != nil && !addrGiven { // in use, most likely
		listener, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if err != nil {
		return nil, &exit.Error{Code: exit.Usage, Err: err}
	}
	server := review.NewServer(ctx, path, book)
	server.Mark = marks.Marker(path, a.stdin)
	url := server.URL(listener.Addr())
	if addrFile != "" {
		if err := durable.WriteFile(addrFile, []byte(url+"\n"), durable.Private); err != nil {
			_ = listener.Close()
			return nil, exit.OutputError(err)
		}
	}
	fmt.Fprintf(a.stderr, "review at %s\nCtrl-C when done; every decision is kept in %s\n", url, review.Path(path))
	if open {
		if err := openBrowser(url); err != nil {
			fmt.Fprintf(a.stderr, "note: no browser could be opened: %v; open the address by hand\n", err)
		}
	}
	err = serve(ctx, listener, server, lastDecision)
	return book, err
}

// openBrowser shows a page to whoever sits here.
func openBrowser(url string) error {
	name, args := "xdg-open", []string{url}
	switch runtime.GOOS {
	case "darwin":
		name = "open"
	case "windows":
		name, args = "rundll32", []string{"url.dll,FileProtocolHandler", url}
	}
	cmd := exec.Command(name, args...)
	cmd.Env = options.WithoutSecrets(os.Environ())
	if err := cmd.Start(); err != nil {
		return err
	}
	return cmd.Process.Release() // it may well outlive the review
}

// reviewable refuses what is no whole checkpoint before a journal of decisions is
// created beside it.
func reviewable(path string) error {
	if _, err := os.Stat(path); err != nil {
		return exit.NoFile(path, err)
	}
	journal, err := checkpoint.Open(path, checkpoint.Options{ReadOnly: true})
	if err != nil {
		return exit.CheckpointError(path, err)
	}
	return journal.Close()
}
