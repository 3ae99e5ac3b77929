package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"octave-enrich/checkpoint"
	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/octave"
	"octave-enrich/pipeline"
	"octave-enrich/pipeline/review"
	"octave-enrich/reader"
)

const eraseHelp = `Take a person out of a checkpoint, and out of the decisions of its review, by
writing the files anew: what was asked about them, what came back, every attempt.
With --fleet they go out of the fleet's database, too: out of all its queues.

Of the outputs and report pages that were made from the checkpoint, and of the
checkpoints in its folder, those that still hold the person are named, and so are
the inputs: they are yours to edit or delete. When nobody was found it exits with 3
and says in which row the nearest address is. A run
over a list that still holds the person would ask again: --also-exclude puts them
on the do-not-contact list that run --exclude reads, before anything is erased.`

func newErase(a *app) *cobra.Command {
	var e erasure
	cmd := &cobra.Command{
		Use:   "erase CHECKPOINT --email X | --linkedin SLUG | --id ID",
		Short: "Take a person out of a checkpoint and name the files that still hold them",
		Long:  eraseHelp,
		Example: `  octave-enrich erase people.enriched.csv.checkpoint --email ada@alder.example
  octave-enrich erase people.enriched.csv.checkpoint --linkedin ada-archer --also-exclude do-not-contact.txt`,
		Args: args(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, list []string) error {
			return found(list, func(path string) error { return a.erase(path, e) })
		},
	}
	fs := cmd.Flags()
	fs.StringArrayVar(&e.emails, "email", nil, "by `ADDRESS`; repeatable, also together with the others")
	fs.StringArrayVar(&e.profiles, "linkedin", nil, "by LinkedIn `SLUG`, or the address of the profile; repeatable")
	fs.StringArrayVar(&e.ids, "id", nil, "by `ID` of the contact or lead in the CRM; repeatable")
	fs.StringVar(&e.alsoExclude, "also-exclude", "", "put the person on the do-not-contact list `FILE`, too")
	fs.Var(&e.fleet, "fleet", "take the person out of the fleet's database at this PostgreSQL `URL`, too (env OCTAVE_FLEET)")
	return cmd
}

// An erasure says who is to be erased, and counts what was.
type erasure struct {
	emails, profiles, ids []string
	alsoExclude           string
	fleet                 databaseURL

	people  []reader.Person
	list    *reader.ExcludeList
	needles [][]byte // in lower case: what gives the person away in a text
	keys    map[checkpoint.Key]bool
	gone    map[checkpoint.Key]bool // of those, the ones that the checkpoint had
	files   files

	fromFleet bool // somebody was there

	mentions int // records kept that hold a needle all the same
}

// files are those that the checkpoint says were read and written.
type files struct {
	inputs, outputs, pages []string
	fleets                 []string // databases of fleets that answered
}

// finishing is what a signal leads to while files are written anew: half an erasure
// would be worse than a late end.
const finishing = "what was begun is finished first"

func (a *app) erase(path string, e erasure) error {
	watch := a.watch()
	defer watch.unlisten()
	if err := e.prepare(); err != nil {
		return err
	}
	if _, err := os.Stat(path); err != nil {
		return exit.NoFile(path, err)
	}
	files := &paths{}
	files.answers(path)
	files.replaces("--also-exclude", e.alsoExclude)
	if err := files.check(); err != nil {
		return err
	}
	if err := e.exclude(); err != nil {
		return err
	}
	if err := e.find(path); err != nil {
		return err
	}
	if err := a.eraseFromFleet(path, &e, watch); err != nil {
		return err
	}
	watch.begin(finishing)
	var dropped int
	// The decisions first: it is the checkpoint that tells whose they are, and
	// after a crash in between it still does.
	for _, file := range []string{review.Path(path), path} {
		stats, err := rewrite(file, e.keep)
		if err != nil {
			return err
		}
		dropped += stats.Dropped
	}
	if err := e.clean(); err != nil {
		return exit.OutputError(err)
	}
	if err := a.tellErased(path, &e, dropped); err != nil {
		return err
	}
	if dropped == 0 && !e.fromFleet {
		return a.nobody(path, &e)
	}
	return nil
}

// eraseFromFleet comes before the checkpoint, which tells the questions that are
// known only by their key, and is told others. A run that holds it would ask anew.
func (a *app) eraseFromFleet(path string, e *erasure, watch *watch) error {
	if e.fleet == "" { // whom to erase is never a setting, but where may be
		e.fleet = databaseURL(os.Getenv(envName("fleet")))
	}
	if e.fleet == "" {
		return nil
	}
	if err := free(path); err != nil {
		return err
	}
	ctx := context.Background()
	db, err := joinFleet(ctx, e.fleet, zap.NewNop(), 0)
	if err != nil {
		return err
	}
	defer db.Close()
	watch.begin(finishing)
	erased, err := db.Erase(ctx, slices.Collect(maps.Keys(e.keys)), e.asks)
	if err != nil {
		return fleetError(err)
	}
	if erased.Running > 0 {
		return &exit.Error{Code: exit.Locked, Err: fmt.Errorf("a worker has %s about the person in hand; nothing was erased", words.Count(erased.Running, "question")),
			Hint: "do this again when it has ended; of a worker that is lost another one takes the questions over"}
	}
	e.fromFleet = erased.Records+erased.Queued > 0
	for _, key := range erased.Keys {
		e.keys[key] = true
	}
	e.files.fleets = slices.DeleteFunc(e.files.fleets, func(address string) bool { return address == db.Address() })
	fmt.Fprintf(a.stdout, "erased %s and %s from the fleet at %s\n", words.Count(erased.Records, "record"), words.Count(erased.Queued, "queued question"), db.Address())
	return nil
}

// prepare normalises the person as the reader does.
func (e *erasure) prepare() error {
	for _, by := range []struct {
		flag   string
		field  reader.Field
		values []string
	}{{"email", reader.Email, e.emails}, {"linkedin", reader.LinkedInProfile, e.profiles}, {"id", reader.CRMContactID, e.ids}} {
		for i, v := range by.values {
			clean, err := reader.Normalise(by.field, v)
			if err != nil {
				return exit.UsageError("--%s: %w", by.flag, err)
			}
			by.values[i] = clean
			if by.flag != "id" { // which may be a word of any text
				e.needles = append(e.needles, bytes.ToLower([]byte(strings.TrimPrefix(clean, "https://www."))))
			}
		}
	}
	for _, entry := range e.entries() {
		e.people = append(e.people, entry.person)
	}
	if len(e.people) == 0 {
		return exit.UsageError("who? name one with --email, --linkedin or --id")
	}
	e.keys, e.gone, e.list = map[checkpoint.Key]bool{}, map[checkpoint.Key]bool{}, reader.ExcludePersons(e.people...)
	return nil
}

// find collects the questions about the person, and the files of the runs.
func (e *erasure) find(path string) error {
	for entry, err := range checkpoint.Records(path, nil) {
		if err != nil {
			return exit.CheckpointError(path, err)
		}
		if e.about(entry.Record) {
			e.keys[entry.Key] = true
		}
		e.files.add(entry.Record)
	}
	return nil
}

// about says whether a record holds a request about the person.
func (e *erasure) about(rec checkpoint.Record) bool {
	var body struct {
		Request octave.Request `json:"request"`
	}
	return rec.Key != (checkpoint.Key{}) && json.Unmarshal(rec.Body, &body) == nil && e.asks(body.Request)
}

// asks says whether a request is about the person.
func (e *erasure) asks(r octave.Request) bool {
	_, hit := e.list.Match(reader.Person{Email: strings.ToLower(r.Email), LinkedInProfile: r.LinkedInProfile,
		CRMContactID: r.CRMContactID, CRMLeadID: r.CRMLeadID})
	return hit
}

// keep drops all records of a question about the person: the bare attempts, too,
// whose key is a hash of what is known of them.
func (e *erasure) keep(rec checkpoint.Record) (checkpoint.Record, bool) {
	if rec.Type == pipeline.Again {
		return pipeline.WithoutKeys(rec, e.keys)
	}
	if e.keys[rec.Key] || e.about(rec) {
		e.gone[rec.Key] = true
		return rec, false
	}
	if rec.Key != (checkpoint.Key{}) && e.inText(rec.Body) {
		e.mentions++
	}
	return rec, true
}

func (e *erasure) inText(text []byte) bool {
	text = bytes.ToLower(text)
	return slices.ContainsFunc(e.needles, func(needle []byte) bool { return bytes.Contains(text, needle) })
}

func (f *files) add(rec checkpoint.Record) {
	switch rec.Type {
	case checkpoint.Run:
		if body, ok := pipeline.ReadRun(rec); ok {
			f.inputs = appendNew(f.inputs, body.Input.Name)
			f.outputs = appendNew(f.outputs, body.Output+".partial")
			if body.Fleet != "" {
				f.fleets = appendNew(f.fleets, body.Fleet)
			}
		}
	case checkpoint.Output:
		if body, ok := pipeline.ReadOutput(rec); ok && body.Page {
			f.pages = appendNew(f.pages, body.Path)
		} else if ok {
			f.outputs = appendNew(f.outputs, body.Path)
		}
	}
}

func appendNew(list []string, item string) []string {
	if slices.Contains(list, item) {
		return list
	}
	return append(list, item)
}

// free says whether nobody holds the checkpoint.
func free(path string) error {
	journal, err := checkpoint.Open(path, checkpoint.Options{})
	if err != nil {
		return holdError(path, err)
	}
	return journal.Close()
}

// holdError tells a checkpoint that somebody holds from one that is damaged.
func holdError(path string, err error) error {
	if errors.Is(err, checkpoint.ErrLocked) {
		return &exit.Error{Code: exit.Locked, Err: fmt.Errorf("%s is in use", path), Hint: "wait for the run or the review to end, and do this again"}
	}
	return exit.CheckpointError(path, err)
}

// rewrite writes a journal anew; one that is not there has nobody in it.
func rewrite(path string, keep func(checkpoint.Record) (checkpoint.Record, bool)) (checkpoint.RewriteStats, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return checkpoint.RewriteStats{}, nil
	}
	stats, err := checkpoint.Rewrite(path, checkpoint.Options{}, keep)
	if err != nil {
		return stats, holdError(path, err)
	}
	return stats, nil
}

// tellHolders names the files that still hold the person.
func (a *app) tellHolders(list []string, holds func(string) (bool, error)) {
	for _, file := range list {
		holds, err := holds(file)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			fmt.Fprintf(a.stdout, "look yourself: %s (%v)\n", file, err)
		case holds:
			fmt.Fprintf(a.stdout, "still holds the person: %s\n", file)
		}
	}
}

// tellErased says what was done, and what is left to do by hand.
func (a *app) tellErased(path string, e *erasure, dropped int) error {
	fmt.Fprintf(a.stdout, "erased %s of %s from %s\n", words.Count(dropped, "record"), words.Count(len(e.gone), "question"), path)
	if e.mentions > 0 {
		fmt.Fprintf(a.stdout, "%s about others still mention the person\n", words.Count(e.mentions, "record"))
	}
	a.tellHolders(e.files.outputs, e.holds)
	pages, checkpoints := e.beside(path)
	a.tellHolders(pages, e.holdsPage)
	a.tellHolders(checkpoints, e.holdsCheckpoint)
	if len(e.files.fleets) > 0 {
		fmt.Fprintf(a.stderr, "a fleet may still hold the person: do this again with --fleet for %s\n", strings.Join(e.files.fleets, ", "))
	}
	if len(e.files.inputs) > 0 {
		fmt.Fprintf(a.stderr, "inputs are not touched: %s\n", strings.Join(e.files.inputs, ", "))
	}
	if e.alsoExclude == "" {
		fmt.Fprintf(a.stderr, "a run over a list that holds the person asks again; --also-exclude FILE prevents it\n")
	}
	return nil
}
