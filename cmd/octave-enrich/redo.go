package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"octave-enrich/checkpoint"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/pipeline"
	"octave-enrich/pipeline/review"
	"octave-enrich/reader"
)

const redoHelp = `Mark contacts that the next run asks again. Nothing is paid here: run does that,
and plan says what it will cost. The old answer stays the row's answer until the
new one is there, and both stay in the checkpoint.

Which contacts: --failed, --rejected (in a review), --all, --rows 4,17-20 or
--people FILE, which is written like a do-not-contact list. --with TEXT is an
instruction for these contacts alone. A mark is settled by its answer; --undo
takes back those that are not settled yet.`

// A redo says which contacts are marked.
type redo struct {
	failed, rejected, all, undo bool
	rows, people, with          string
}

func newRedo(a *app) *cobra.Command {
	o, r := &options{}, &redo{}
	cmd := &cobra.Command{
		Use:   "redo LIST --failed | --rejected | --all | --rows LIST | --people FILE",
		Short: "Mark what the next run asks again; pays nothing",
		Long:  redoHelp,
		Example: `  octave-enrich redo people.csv --rejected --with "shorter, and no jokes"
  octave-enrich redo people.csv --rows 4,17-20
  octave-enrich redo people.csv --all --undo`,
		Args: args(cobra.ExactArgs(1)),
	}
	fs := cmd.Flags()
	fs.BoolVar(&r.failed, "failed", false, "contacts whose question failed")
	fs.BoolVar(&r.rejected, "rejected", false, "contacts that a reviewer rejected")
	fs.BoolVar(&r.all, "all", false, "every contact that has an answer or failed")
	fs.StringVar(&r.rows, "rows", "", "rows of the list by `NUMBER`, such as 4,17-20; the header is not counted")
	fs.StringVar(&r.people, "people", "", "contacts that `FILE` lists: addresses, @domains, LinkedIn slugs or ids, one a line")
	fs.StringVar(&r.with, "with", "", "an instruction `TEXT` for these contacts alone")
	fs.BoolVar(&r.undo, "undo", false, "take marks back that have no answer yet")
	o.inputFlags(fs)
	fs.StringVar(&o.checkpointPath, "checkpoint", "", "checkpoint `FILE`; default: the one beside the list")
	fs.Var(&o.waitLock, "wait-lock", "wait so long when a run holds the checkpoint")
	cmd.RunE = func(_ *cobra.Command, list []string) error { return a.redo(o, r, list[0]) }
	return cmd
}

func (a *app) redo(o *options, r *redo, input string) error {
	selected, err := r.selector()
	if err != nil {
		return err
	}
	path := o.checkpointPath
	if path == "" {
		if path, err = findCheckpoint(input); err != nil {
			return err
		}
	}
	header, err := headerOf(path)
	if err != nil {
		return checkpointError(path, err)
	}
	journal, err := o.openJournal(context.Background(), path, header.Service, func() {}, nil)
	if err != nil {
		return err
	}
	err = a.mark(o, r, selected, journal, path, input)
	if closed := journal.Close(); err == nil && closed != nil {
		err = checkpointError(path, closed)
	}
	return err
}

// mark goes through the list and writes one record about all whom it selects.
func (a *app) mark(o *options, r *redo, selected func(*marking) bool, journal *checkpoint.Journal, path, input string) error {
	last, ok := lastRun(journal)
	if !ok {
		return &exitError{code: exitInput, err: fmt.Errorf("%s holds no run yet", path)}
	}
	o.take(last)
	if isCheckpoint(input) {
		input = last.Input.Name
	}
	list, err := a.openList(o, []string{input})
	if err != nil {
		return err
	}
	defer list.input.Close()
	book, err := review.Read(review.Path(path))
	if err != nil {
		return reviewError(path, err)
	}
	memory := o.memory(journal, list.skip)
	tally := redoTally{seen: map[checkpoint.Key]bool{}}
	if err := list.meet(memory); err != nil {
		return err
	}
	selection := pipeline.Selection{Ask: list.ask, Exclude: list.exclude, Memory: memory}
	_, changes, err := pipeline.Survey(list.input.Contacts(), selection, known(journal, path))
	if err != nil {
		return runError(path, err)
	}
	memory.Earlier = changes.Earlier
	for m, err := range pipeline.Standings(list.input.Contacts(), selection) {
		if err != nil {
			return inputError(err)
		}
		if selected(&marking{m, book}) {
			tally.add(r, memory, m)
		}
	}
	if len(tally.keys) > 0 {
		body := pipeline.AgainBody{Keys: tally.keys, With: r.with, Undo: r.undo}
		if err := appendRecord(journal, path, pipeline.Again, body); err != nil {
			return err
		}
	}
	return a.tellRedo(r, tally, path, last)
}

// A marking is a contact that may be marked.
type marking struct {
	pipeline.Standing
	book *review.Book
}

// selector reads the flags that say who is meant; exactly one must be given.
func (r *redo) selector() (func(*marking) bool, error) {
	var list []func(*marking) bool
	if r.failed {
		list = append(list, func(m *marking) bool { return m.Failed })
	}
	if r.rejected {
		list = append(list, func(m *marking) bool { return m.book.Rejected(m.Current.Key) })
	}
	if r.all {
		list = append(list, func(*marking) bool { return true })
	}
	if r.rows != "" {
		rows, err := readRanges(r.rows)
		if err != nil {
			return nil, err
		}
		list = append(list, func(m *marking) bool { return rows.hold(m.Contact.Row) })
	}
	if r.people != "" {
		people, err := reader.ReadExclude(r.people)
		if err != nil {
			return nil, &exitError{code: exitUsage, err: fmt.Errorf("--people: %w", err)}
		}
		list = append(list, func(m *marking) bool { _, hit := people.Match(m.Contact.Person); return hit })
	}
	if len(list) != 1 {
		return nil, usageError("say whom: one of --failed, --rejected, --all, --rows, --people")
	}
	if r.undo && r.with != "" {
		return nil, usageError("--undo takes marks back; --with has no use there")
	}
	return list[0], nil
}

// A redoTally collects the questions to mark.
type redoTally struct {
	seen     map[checkpoint.Key]bool
	keys     []checkpoint.Key
	selected int // contacts that were meant
	open     int // of those: marked already, and not asked since
	unasked  int // of those: without an answer, so that a run asks them anyway
}

func (t *redoTally) add(r *redo, memory *pipeline.Memory, s pipeline.Standing) {
	if t.seen[s.Base.Key] {
		return
	}
	t.seen[s.Base.Key] = true
	t.selected++
	open := memory.Open(s.Base)
	marks := memory.Redo[s.Base.Key]
	switch {
	case r.undo && !open:
		return
	case r.undo:
	case open && marks[len(marks)-1].With == r.with:
		t.open++
		return
	case !s.Asked && r.with == "":
		t.unasked++
		return
	}
	t.keys = append(t.keys, s.Base.Key)
}

// tellRedo says what was marked, what that will cost and what to do next.
func (a *app) tellRedo(r *redo, t redoTally, path string, last pipeline.RunBody) error {
	if t.selected == 0 {
		return &exitError{code: exitRowsFailed, err: fmt.Errorf("nobody in the list is meant: nothing was marked")}
	}
	if r.undo {
		fmt.Fprintf(a.stdout, "%s of %s: not asked again\n", words.Thousands(len(t.keys)), words.Count(t.selected, "contact"))
		return nil
	}
	fmt.Fprintf(a.stdout, "marked %s of %s", words.Thousands(len(t.keys)), words.Count(t.selected, "contact"))
	if t.open > 0 {
		fmt.Fprintf(a.stdout, "; %s marked before", words.Thousands(t.open))
	}
	if t.unasked > 0 {
		fmt.Fprintf(a.stdout, "; %s without an answer, which a run asks anyway", words.Thousands(t.unasked))
	}
	past, journal, err := openPast(path)
	if err != nil {
		return err
	}
	journal.Close()
	fmt.Fprintf(a.stdout, "\n%s to make", words.Count(len(t.keys)+t.open, "call"))
	if n := past.ledger.Attempts.Answered; n > 0 {
		fmt.Fprintf(a.stdout, ", expected usage %s (answers so far cost %s each)", past.ledger.Usage.Div(n).Mul(len(t.keys)+t.open), past.ledger.Usage.Div(n))
	}
	fmt.Fprintf(a.stdout, "\nnothing was paid; to ask again: %s\n", last.Command)
	return nil
}
