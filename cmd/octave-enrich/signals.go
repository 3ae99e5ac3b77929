package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/words"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"
)

// One signal is often delivered twice: timeout(1) sends it to its child and to the
// child's group, a terminal that closes sends SIGHUP itself and through its shell.
// So the first signal of any kind asks for a stop in order, and what comes after it
// changes nothing, but for a person who presses Ctrl-C once more: a second SIGINT,
// later than what one keystroke or one program can send twice, leaves at once.

// sentTwice is how far apart the deliveries of one signal may be.
const sentTwice = time.Second

// listen waits for signals: the first one calls stop; a second SIGINT calls leave,
// which does not return. The function that it returns ends that.
func listen(stop, leave func(os.Signal)) (unlisten func()) {
	heard := make(chan os.Signal, 8)
	signal.Notify(heard, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // nohup means it
		signal.Notify(heard, syscall.SIGHUP)
	}
	done := make(chan struct{})
	var side errgroup.Group
	side.Go(func() error { obey(heard, done, stop, leave); return nil })
	return func() {
		signal.Stop(heard)
		close(done)
		_ = side.Wait()
	}
}

func obey(heard <-chan os.Signal, done <-chan struct{}, stop, leave func(os.Signal)) {
	var stopping bool
	var interrupted time.Time
	for {
		select {
		case sig := <-heard:
			if !stopping {
				stopping = true
				stop(sig)
			}
			switch {
			case sig != os.Interrupt:
			case interrupted.IsZero():
				interrupted = time.Now() // after stop: a double that waited meanwhile is one still
			case time.Since(interrupted) > sentTwice:
				leave(sig)
			}
		case <-done:
			return
		}
	}
}

// listen of a run: what the first signal does depends on the moment.
//
//   - before anybody was asked it ends the run at once
//   - while calls are made it pulls the brake: nothing new starts
//   - while the output is completed it changes nothing, for it asks for just that
func (r *run) listen() (unlisten func()) { return listen(r.stop, r.leave) }

func (r *run) stop(sig os.Signal) {
	reason := &exit.SignalError{Signal: sig}
	brake := r.brake.Load()
	if brake == nil {
		os.Exit(r.app.exit(&exit.Error{Code: reason.Code(), Err: reason, Resume: r.app.commandLine()}))
	}
	brake.Leave(reason)
	r.log.Warn("stopping: calls in flight may end and rows are written"+orLeave(sig),
		zap.String("signal", sig.String()), zap.Int("in_flight", r.tally.Summary().Calls.InFlight))
}

// orLeave says how to leave at once to who can.
func orLeave(sig os.Signal) string {
	if sig == os.Interrupt {
		return "; Ctrl-C again to leave at once"
	}
	return ""
}

// leave says why the run ends now and how to go on: the checkpoint is made for it.
func (r *run) leave(sig os.Signal) {
	code := (&exit.SignalError{Signal: sig}).Code()
	if r.app.log != nil {
		os.Exit(r.app.exit(&exit.Error{Code: code, Err: leftError(sig), Resume: r.app.commandLine()}))
	}
	fmt.Fprintf(r.console, "%s: %v; to resume, run the same command again: %s\n", words.Tool, leftError(sig), r.app.commandLine())
	os.Exit(code)
}

func leftError(sig os.Signal) error { return fmt.Errorf("%s again: left at once", sig) }

// A watch is over a command that calls nobody. Until it begins to write there is
// nothing to put in order: a signal ends it at once.
type watch struct {
	app      *app
	ctx      context.Context
	cancel   context.CancelCauseFunc
	what     atomic.Pointer[string] // the first signal leads to; nil until it begins
	unlisten func()                 // ends the listening
}

func (a *app) watch() *watch {
	w := &watch{app: a}
	w.ctx, w.cancel = context.WithCancelCause(context.Background())
	w.unlisten = listen(w.stop, func(sig os.Signal) { w.exit(sig, leftError(sig)) })
	return w
}

// begin returns a context that ends with the first signal, which says what it
// leads to.
func (w *watch) begin(what string) context.Context {
	w.what.Store(&what)
	return w.ctx
}

func (w *watch) stop(sig os.Signal) {
	what := w.what.Load()
	if what == nil {
		w.exit(sig, &exit.SignalError{Signal: sig})
	}
	fmt.Fprintf(w.app.stderr, "%s: %s: %s%s\n", words.Tool, sig, *what, orLeave(sig))
	w.cancel(&exit.SignalError{Signal: sig})
}

func (w *watch) exit(sig os.Signal, err error) {
	os.Exit(w.app.exit(&exit.Error{Code: (&exit.SignalError{Signal: sig}).Code(), Err: err, Resume: w.app.commandLine()}))
}

// ended is the error of a command that a signal stopped, nil without one.
func (w *watch) ended() error {
	var sig *exit.SignalError
	if !errors.As(context.Cause(w.ctx), &sig) {
		return nil
	}
	return &exit.Error{Code: sig.Code(), Err: sig, Resume: w.app.commandLine()}
}
