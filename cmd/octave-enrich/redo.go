package main

import (
	"context"
	"fmt"
	"iter"

	"github.com/spf13/cobra"

	"octave-enrich/checkpoint"
	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/help"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/cmd/octave-enrich/paths"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/pipeline"
	"octave-enrich/pipeline/review"
	"octave-enrich/reader"
)

// A redo says which contacts are marked.
type redo struct {
	failed, rejected, all, undo bool
	rows, people, with          string
}

func newRedo(a *app) *cobra.Command {
	o, r := &options.Options{}, &redo{}
	cmd := &cobra.Command{
		Use:   "redo LIST --failed | --rejected | --all | --rows LIST | --people FILE",
		Short: "Mark what the next run asks again; pays nothing",
		Example: `  octave-enrich redo people.csv --rejected --with "shorter, and no jokes"
  octave-enrich redo people.csv --rows 4,17-20
  octave-enrich redo people.csv --all --undo`,
		Args: help.Args(cobra.ExactArgs(1)),
	}
	fs := cmd.Flags()
	fs.BoolVar(&r.failed, "failed", false, "contacts whose question failed")
	fs.BoolVar(&r.rejected, "rejected", false, "contacts that a reviewer rejected")
	fs.BoolVar(&r.all, "all", false, "every contact that has an answer or failed")
	fs.StringVar(&r.rows, "rows", "", "rows of the list by `NUMBER`, such as 4,17-20; the header is not counted")
	fs.StringVar(&r.people, "people", "", "contacts that `FILE` lists: addresses, @domains, LinkedIn slugs or ids, one a line")
	fs.StringVar(&r.with, "with", "", "an instruction `TEXT` for these contacts alone")
	fs.BoolVar(&r.undo, "undo", false, "take marks back that have no answer yet")
	o.List.Flags(fs)
	fs.StringVar(&o.Output.Checkpoint, "checkpoint", "", "checkpoint `FILE`; default: the one beside the list")
	fs.Var(&o.Teller.WaitLock, "wait-lock", "wait so long when a run holds the checkpoint")
	cmd.RunE = func(_ *cobra.Command, list []string) error { return a.redo(o, r, list[0]) }
	return cmd
}

func (a *app) redo(o *options.Options, r *redo, input string) error {
	selected, err := r.selector()
	if err != nil {
		return err
	}
	path := o.Output.Checkpoint
	if path == "" {
		if path, err = paths.Checkpoint(input); err != nil {
			return err
		}
	}
	header, err := paths.Header(path)
	if err != nil {
		return exit.CheckpointError(path, err)
	}
	journal, err := openJournal(context.Background(), o, path, header.Service, func() {}, nil)
	if err != nil {
		return err
	}
	err = a.mark(o, r, selected, journal, path, input)
	if closed := journal.Close(); err == nil && closed != nil {
		err = exit.CheckpointError(path, closed)
	}
	return err
}

// mark goes through the list and writes one record about all whom it selects.
func (a *app) mark(o *options.Options, r *redo, selected func(*marking) bool, journal *checkpoint.Journal, path, input string) error {
	book, err := review.Read(path)
	if err != nil {
		return reviewError(path, err)
	}
	all, err := a.openMarks(o, journal, path, input)
	if err != nil {
		return err
	}
	defer all.list.input.Close()
	tally := newRedoTally(r)
	for s, err := range all.standings() {
		if err != nil {
			return exit.InputError(err)
		}
		if selected(&marking{s, book}) {
			tally.add(all.memory, s)
		}
	}
	if err := all.write(tally.body); err != nil {
		return err
	}
	return a.tellRedo(r, tally, path, all.last)
}

// marks is a checkpoint and the list of its last run, made ready for marks.
type marks struct {
	path    string
	journal *checkpoint.Journal
	last    pipeline.RunBody
	list    *list
	memory  *pipeline.Memory
}

// openMarks reads the list, which is that of the last run when the input is a
// checkpoint or the output of that run.
func (a *app) openMarks(o *options.Options, journal *checkpoint.Journal, path, input string) (*marks, error) {
	m := &marks{path: path, journal: journal}
	var ok bool
	if m.last, ok = pipeline.LastRun(journal.RunRecords()); !ok {
		return nil, &exit.Error{Code: exit.Input, Err: fmt.Errorf("%s holds no run yet", path)}
	}
	o.Take(m.last)
	inputs := []string{input}
	if paths.IsCheckpoint(input) || whole(input) == whole(m.last.Output) {
		inputs = inputsOf(m.last)
	}
	var err error
	if m.list, err = a.openList(o, inputs); err != nil {
		return nil, err
	}
	if err := m.recall(o); err != nil {
		m.list.input.Close()
		return nil, err
	}
	return m, nil
}

// recall reads what the checkpoint knows about the list.
func (m *marks) recall(o *options.Options) error {
	m.memory = memory(o, m.journal, m.list.skip)
	if err := m.list.meet(m.memory); err != nil {
		return err
	}
	_, changes, err := pipeline.Survey(m.list.input.Contacts(), m.selection(), known(m.journal, m.path))
	if err != nil {
		return exit.RunError(m.path, err)
	}
	m.memory.Earlier = changes.Earlier
	return nil
}

func (m *marks) selection() pipeline.Selection {
	return pipeline.Selection{Ask: m.list.ask, Exclude: m.list.exclude, Memory: m.memory}
}

// standings are the contacts of the list that may be asked about.
func (m *marks) standings() iter.Seq2[pipeline.Standing, error] {
	return pipeline.Standings(m.list.input.Contacts(), m.selection())
}

// write marks them all.
func (m *marks) write(body pipeline.AgainBody) error {
	for _, part := range body.Parts() {
		if err := appendRecord(m.journal, m.path, pipeline.Again, part); err != nil {
			return err
		}
	}
	return nil
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
			return nil, &exit.Error{Code: exit.Usage, Err: fmt.Errorf("--people: %w", err)}
		}
		list = append(list, func(m *marking) bool { _, hit := people.Match(m.Contact.Person); return hit })
	}
	if len(list) != 1 {
		return nil, exit.UsageError("say whom: one of --failed, --rejected, --all, --rows, --people")
	}
	if r.undo && r.with != "" {
		return nil, exit.UsageError("--undo takes marks back; --with has no use there")
	}
	return list[0], nil
}

// A redoTally collects the questions to mark.
type redoTally struct {
	became   map[checkpoint.Key]string // of the questions that were seen
	body     pipeline.AgainBody
	selected int // contacts that were meant
	open     int // of those: marked already, and not asked since
	unasked  int // of those: without an answer, so that a run asks them anyway
}

func newRedoTally(r *redo) *redoTally {
	return &redoTally{became: map[checkpoint.Key]string{}, body: pipeline.AgainBody{With: r.with, Undo: r.undo}}
}

// add takes a contact that was meant and says what comes of it.
func (t *redoTally) add(memory *pipeline.Memory, s pipeline.Standing) string {
	if _, seen := t.became[s.Base.Key]; !seen {
		t.became[s.Base.Key] = t.first(memory, s)
	}
	return t.became[s.Base.Key]
}

func (t *redoTally) first(memory *pipeline.Memory, s pipeline.Standing) string {
	t.selected++
	open := memory.Open(s.Base)
	marks := memory.Redo[s.Base.Key]
	switch {
	case t.body.Undo && !open:
		return review.Unmarked
	case t.body.Undo:
		t.body.Add(s, memory)
		return review.Unmarked
	case open && marks[len(marks)-1].With == t.body.With:
		t.open++
		return review.Before
	case !s.Asked && t.body.With == "":
		t.unasked++
		return review.Before // a run asks it anyway
	}
	t.body.Add(s, memory)
	return review.Marked
}

// tellRedo says what was marked, what that will cost and what to do next.
func (a *app) tellRedo(r *redo, t *redoTally, path string, last pipeline.RunBody) error {
	if t.selected == 0 {
		return &exit.Error{Code: exit.RowsFailed, Err: fmt.Errorf("nobody in the list is meant: nothing was marked")}
	}
	if r.undo {
		fmt.Fprintf(a.stdout, "%s of %s: not asked again\n", words.Thousands(len(t.body.Keys)), words.Count(t.selected, "contact"))
		return nil
	}
	fmt.Fprintf(a.stdout, "marked %s of %s", words.Thousands(len(t.body.Keys)), words.Count(t.selected, "contact"))
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
	fmt.Fprintf(a.stdout, "\n%s", words.Count(len(t.body.Keys)+t.open, "call"))
	if n := past.ledger.Attempts.Answered; n > 0 {
		fmt.Fprintf(a.stdout, ", about %s (answers so far cost %s each, as reported by the service)", words.Credits(past.ledger.Usage.Div(n).Mul(len(t.body.Keys)+t.open).String()),
			words.Credits(past.ledger.Usage.Div(n).String()))
	}
	fmt.Fprintf(a.stdout, "\nnothing was paid; to ask again: %s\n", last.Command)
	return nil
}
