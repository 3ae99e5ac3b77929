package main

// What to do next: each command ends with it, for people.

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"octave-enrich/cmd/octave-enrich/console"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/cmd/octave-enrich/paths"
	"octave-enrich/cmd/octave-enrich/plans"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/pipeline/review"
)

// next says what to do next, one or more commands.
func next(w io.Writer, commands ...string) {
	fmt.Fprintf(w, "next: %s\n", strings.Join(commands, "\n      "))
}

// nextOnTerminal says it below a table that a person looks at.
func (a *app) nextOnTerminal(commands ...string) {
	if console.IsTerminal(a.stdout) {
		next(a.stdout, commands...)
	}
}

// instead is the command that was typed as another command: without some of its
// flags, which are named with whether a value follows.
func (a *app) instead(command string, without map[string]bool) string {
	line := []string{words.Tool}
	if command != "" {
		line = append(line, command)
	}
	args := a.args
	if len(args) > 0 && command != "" {
		args = args[1:] // the command stands first in all that is said here
	}
	for i := 0; i < len(args); i++ {
		name, _, assigned := strings.Cut(strings.TrimLeft(args[i], "-"), "=")
		takesValue, left := without[name]
		if left && strings.HasPrefix(args[i], "-") {
			if takesValue && !assigned {
				i++
			}
			continue
		}
		line = append(line, words.Quote(options.MaskPassword(args[i])))
	}
	return strings.Join(line, " ")
}

// nextAfterPlan is a run: of ten, when there are many and nothing is known yet.
func (a *app) nextAfterPlan(o *options.Options, e plans.Estimate) {
	if e.ToAsk == 0 || !slices.Contains(a.args[:1], "plan") {
		return
	}
	run := a.instead("run", map[string]bool{"json": false, "requests": false, "rows": true})
	if e.ToAsk > fewFirst && o.Budget.Limit == 0 && e.Guessed {
		next(a.stdout, run+fmt.Sprintf(" --limit %d", fewFirst)+"   (ten first, to read)", run)
		return
	}
	next(a.stdout, run)
}

// fewFirst are as many as a person reads before paying for the rest.
const fewFirst = 10

// nextAfterRun is reading what came, then the rest, then the sender.
func (r *run) nextAfterRun() []string {
	rows := r.tally.Summary().Rows
	if rows.OK == 0 {
		return nil // there is nothing to read
	}
	about, named := words.Quote(r.places.Checkpoint), " --checkpoint "+words.Quote(r.places.Checkpoint)
	if len(r.names) == 1 && r.names[0] != "-" && paths.LeadsTo(r.names[0], r.places.Checkpoint) {
		about, named = words.Quote(r.names[0]), ""
	}
	read := words.Tool + " review " + about
	export := words.Tool + " export " + words.QuoteAll(r.names) + named
	book, err := review.Read(r.places.Checkpoint)
	decided := err == nil && book.Decided()
	switch {
	case r.o.Budget.Limit > 0 && r.o.Typed("limit") && rows.NotAttempted > 0:
		return []string{read, r.app.instead("", map[string]bool{"limit": true}) + "   (the rest)"}
	case decided && r.o.Output.ForSender():
		return []string{read, export + " --approved --preset " + words.Quote(r.o.Output.Preset)}
	case decided:
		return []string{read, export + " --approved --preset smartlead   (or another sender: help senders)"}
	case r.o.Output.ForSender():
		return nil // what to do in the sender is said
	}
	return []string{read, export + " --preset smartlead   (or another sender: help senders)"}
}

// nextAfterReview is the file of what was approved, and another answer for what was
// rejected when that is all that was decided; about is how the checkpoint was named.
func nextAfterReview(book *review.Book, about, checkpoint string) []string {
	if !book.Decided() {
		return nil
	}
	var list []string
	if book.Count(review.Approved) == 0 && book.Count(review.Rejected) > 0 {
		list = append(list, words.Tool+" redo "+words.Quote(about)+" --rejected   (the next run asks again)")
	}
	return append(list, exportOf(about, checkpoint))
}

// exportOf makes the file of what was approved; about is how the checkpoint was
// named.
func exportOf(about, checkpoint string) string {
	if paths.IsCheckpoint(about) {
		return words.Tool + " export LIST --checkpoint " + words.Quote(checkpoint) + " --approved --preset smartlead"
	}
	return words.Tool + " export " + words.Quote(about) + " --approved --preset smartlead   (or another sender: help senders)"
}
