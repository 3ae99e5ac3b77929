package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"
)

// Signals are heard from before the input is read until everybody was told of the
// end. What the first one does depends on the moment:
//
//   - before anybody was asked it ends the run at once
//   - while calls are made it pulls the brake: nothing new starts
//   - while the output is completed it changes nothing, for it asks for just that
//
// A second one leaves at once, which the checkpoint is made for.

// heed begins to listen to signals. The function that it returns ends that.
func (j *job) heed() (stop func()) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // nohup means it
		signal.Notify(signals, syscall.SIGHUP)
	}
	done := make(chan struct{})
	var side errgroup.Group
	side.Go(func() error { j.watch(signals, done); return nil })
	return func() {
		signal.Stop(signals)
		close(done)
		_ = side.Wait()
	}
}

func (j *job) watch(signals <-chan os.Signal, done <-chan struct{}) {
	stopping := false
	for {
		select {
		case sig := <-signals:
			first := &signalError{sig}
			brake := j.brake.Load()
			if brake == nil {
				os.Exit(j.app.exit(&exitError{code: first.code(), err: first, resume: j.app.commandLine()}))
			}
			if stopping {
				os.Exit(j.leave(sig))
			}
			stopping = true
			brake.Pull(first)
			j.log.Warn("stopping: calls in flight may end and rows are written; again to leave at once",
				zap.String("signal", sig.String()), zap.Int("in_flight", j.tally.Summary().Calls.InFlight))
		case <-done:
			return
		}
	}
}

// leave says why the run ends now and how to go on, and returns the exit code.
func (j *job) leave(sig os.Signal) int {
	code := (&signalError{sig}).code()
	if j.app.log != nil {
		err := fmt.Errorf("%s again: left at once", sig)
		return j.app.exit(&exitError{code: code, err: err, resume: j.app.commandLine()})
	}
	fmt.Fprintf(j.console, "%s: %s again: left at once; to resume, run the same command again: %s\n", tool, sig, j.app.commandLine())
	return code
}
