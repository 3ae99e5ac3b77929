package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"octave-enrich/cmd/octave-enrich/checkpoints"
	"octave-enrich/cmd/octave-enrich/console"
	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/help"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/cmd/octave-enrich/paths"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/pipeline/privacy"
)

func newErase(a *app) *cobra.Command {
	var e erasure
	cmd := &cobra.Command{
		Use:   "erase CHECKPOINT --email X | --linkedin SLUG | --id ID",
		Short: "Take a person out of a checkpoint and name the files that still hold them",
		Example: `  octave-enrich erase people.enriched.csv.checkpoint --email ada@alder.example
  octave-enrich erase people.enriched.csv.checkpoint --linkedin ada-archer --also-exclude do-not-contact.txt`,
		Args: help.Args(cobra.ExactArgs(1)),
	}
	// Whom to erase is never a setting, but where may be.
	where := pflag.NewFlagSet("where", pflag.ContinueOnError)
	e.fleet.FleetFlags(where)
	where.Lookup("fleet").Usage = "take the person out of the fleet's database at this PostgreSQL `URL`, too (env OCTAVE_FLEET)"
	cmd.RunE = func(_ *cobra.Command, list []string) error {
		if err := e.fleet.Read(where, options.Known()); err != nil {
			return err
		}
		return paths.Found(list, func(path string) error { return a.erase(path, e) })
	}
	fs := cmd.Flags()
	fs.StringArrayVar(&e.emails, "email", nil, "by `ADDRESS`; repeatable, also together with the others")
	fs.StringArrayVar(&e.profiles, "linkedin", nil, "by LinkedIn `SLUG`, or the address of the profile; repeatable")
	fs.StringArrayVar(&e.ids, "id", nil, "by `ID` of the contact or lead in the CRM; repeatable")
	fs.StringVar(&e.alsoExclude, "also-exclude", "", "put the person on the do-not-contact list `FILE`, too")
	fs.AddFlagSet(where)
	return cmd
}

// An erasure is what the flags say of it.
type erasure struct {
	emails, profiles, ids []string
	alsoExclude           string
	fleet                 options.Options
}

// finishing is what a signal leads to while files are written anew: half an erasure
// would be worse than a late end.
const finishing = "what was begun is finished first"

func (a *app) erase(path string, o erasure) error {
	watch := a.watch()
	defer watch.unlisten()
	e, err := privacy.NewErasure(o.emails, o.profiles, o.ids)
	if err != nil {
		return &exit.Error{Code: exit.Usage, Err: err}
	}
	if _, err := os.Stat(path); err != nil {
		return exit.NoFile(path, err)
	}
	files := &paths.List{}
	files.Answers(path)
	files.Replaces("--also-exclude", o.alsoExclude)
	if err := files.Check(); err != nil {
		return err
	}
	if o.alsoExclude != "" {
		if err := e.Exclude(o.alsoExclude); err != nil {
			return exit.UsageError("--also-exclude: %w", err)
		}
	}
	if err := e.Read(path); err != nil {
		return exit.CheckpointError(path, err)
	}
	fromFleet, err := a.eraseFromFleet(path, &o.fleet, e, watch)
	if err != nil {
		return err
	}
	watch.begin(finishing)
	erased, err := e.Erase(path)
	if err != nil {
		return rewriteError(err)
	}
	a.tellErased(path, e, erased, o.alsoExclude != "")
	if erased.Records == 0 && !fromFleet && !erased.Filed {
		return a.nobody(path, e)
	}
	return nil
}

// eraseFromFleet comes before the checkpoint, which tells the questions that are
// known only by their key, and is told others. A run that holds it would ask anew.
func (a *app) eraseFromFleet(path string, o *options.Options, e *privacy.Erasure, watch *watch) (found bool, err error) {
	if o.Fleet.URL == "" {
		return false, nil
	}
	if err := checkpoints.Free(path); err != nil {
		return false, err
	}
	ctx := context.Background()
	db, err := joinFleet(ctx, o)
	if err != nil {
		return false, err
	}
	defer db.Close()
	watch.begin(finishing)
	erased, err := db.Erase(ctx, e.Keys(), e.Asks)
	if err != nil {
		return false, fleetError(err)
	}
	if erased.Running > 0 {
		return false, &exit.Error{Code: exit.Locked, Err: fmt.Errorf("a worker has %s about the person in hand; nothing was erased", words.Count(erased.Running, "question")),
			Hint: "do this again when it has ended; of a worker that is lost another one takes the questions over"}
	}
	e.Know(erased.Keys)
	e.Files.Fleets = slices.DeleteFunc(e.Files.Fleets, func(address string) bool { return address == db.Address() })
	fmt.Fprintf(a.stdout, "erased %s and %s from the fleet at %s\n", words.Count(erased.Records, "record"), words.Count(erased.Queued, "queued question"), db.Address())
	return erased.Records+erased.Queued > 0, nil
}

// rewriteError is about the file that could not be written anew.
func rewriteError(err error) error {
	if file, ok := errors.AsType[*privacy.FileError](err); ok {
		return checkpoints.HoldError(file.Path, file.Err)
	}
	return exit.OutputError(err)
}

// tellErased says what was done, and what is left to do by hand.
func (a *app) tellErased(path string, e *privacy.Erasure, erased privacy.Erased, excluded bool) {
	fmt.Fprintf(a.stdout, "erased %s of %s from %s\n", words.Count(erased.Records, "record"), words.Count(erased.Questions, "question"), path)
	if erased.Mentions > 0 {
		fmt.Fprintf(a.stdout, "%s about others still mention the person\n", words.Count(erased.Mentions, "record"))
	}
	for holder := range e.Holders(path) {
		if holder.Err != nil {
			fmt.Fprintf(a.stdout, "look yourself: %s (%v)\n", holder.Path, holder.Err)
		} else {
			fmt.Fprintf(a.stdout, "still holds the person: %s\n", holder.Path)
		}
	}
	if fleets := e.Files.Fleets; len(fleets) > 0 {
		fmt.Fprintf(a.stderr, "a fleet may still hold the person: do this again with --fleet for %s\n", strings.Join(fleets, ", "))
	}
	if inputs := e.Files.Inputs; len(inputs) > 0 {
		fmt.Fprintf(a.stderr, "inputs are not touched: %s\n", strings.Join(inputs, ", "))
	}
	if !excluded {
		fmt.Fprintf(a.stderr, "a run over a list that holds the person asks again; --also-exclude FILE prevents it\n")
	}
}

// nobody is the error of an erasure that found none: most likely a typing error. The
// nearest address is said to a person alone; a log gets its row.
func (a *app) nobody(path string, e *privacy.Erasure) error {
	end := &exit.Error{Code: exit.RowsFailed, Err: fmt.Errorf("%s holds nobody of that name", path)}
	nearest, row := e.Nearest(path)
	switch {
	case nearest == "":
	case console.IsTerminal(a.stderr):
		end.Hint = fmt.Sprintf("the nearest address is %s", nearest)
	case row > 0:
		end.Hint = fmt.Sprintf("the nearest address is in row %d of the list", row)
	}
	return end
}
