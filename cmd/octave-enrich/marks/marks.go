package marks

import (
	"fmt"
	"io"
	"iter"
	"regexp"

	"octave-enrich/checkpoint"
	"octave-enrich/cmd/octave-enrich/checkpoints"
	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/lists"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/cmd/octave-enrich/outputs"
	"octave-enrich/cmd/octave-enrich/paths"
	"octave-enrich/pipeline"
	"octave-enrich/pipeline/review"
)

// Mark goes through the list and writes one record about all whom it selects.
func Mark(o *options.Options, r *Whom, selected Selector, journal *checkpoint.Journal, path, input string, stdin io.Reader) (*Tally, error) {
	book, err := review.Read(path)
	if err != nil {
		return nil, outputs.ReviewError(path, err)
	}
	all, err := open(o, journal, path, input, stdin)
	if err != nil {
		return nil, err
	}
	defer all.list.Input.Close()
	tally := newTally(r)
	tally.Command = wholeList(all.last.Command)
	for s, err := range all.states() {
		if err != nil {
			return nil, exit.InputError(err)
		}
		if selected(&marking{s, book}) {
			tally.add(all.memory, s)
		}
	}
	return tally, all.write(tally.Body)
}

// marks is a checkpoint and the list of its last run, made ready for marks.
type marks struct {
	path    string
	journal *checkpoint.Journal
	last    pipeline.RunBody
	list    *lists.List
	memory  *pipeline.Memory
}

// open reads the list, which is that of the last run when the input is a
// checkpoint or the output of that run.
func open(o *options.Options, journal *checkpoint.Journal, path, input string, stdin io.Reader) (*marks, error) {
	m := &marks{path: path, journal: journal}
	var ok bool
	if m.last, ok = pipeline.LastRun(journal.RunRecords()); !ok {
		return nil, &exit.Error{Code: exit.Input, Err: fmt.Errorf("%s holds no run yet", path)}
	}
	o.Take(m.last)
	inputs := []string{input}
	if paths.IsCheckpoint(input) || outputs.Whole(input) == outputs.Whole(m.last.Output) {
		inputs = inputsOf(m.last)
	}
	var err error
	if m.list, err = lists.Open(o, inputs, stdin); err != nil {
		return nil, err
	}
	if err := m.recall(o); err != nil {
		m.list.Input.Close()
		return nil, err
	}
	return m, nil
}

// recall reads what the checkpoint knows about the list.
func (m *marks) recall(o *options.Options) error {
	m.memory = checkpoints.Memory(o, m.journal, m.list.Skip)
	if err := m.list.Meet(m.memory); err != nil {
		return err
	}
	_, changes, err := pipeline.Survey(m.list.Input.Contacts(), m.list.Selection(m.memory), checkpoints.Known(m.journal, m.path))
	if err != nil {
		return exit.RunError(m.path, err)
	}
	m.memory.Earlier = changes.Earlier
	return nil
}

// standings are the contacts of the list that may be asked about.
func (m *marks) states() iter.Seq2[pipeline.ContactState, error] {
	return pipeline.ContactStates(m.list.Input.Contacts(), m.list.Selection(m.memory))
}

// write marks them all.
func (m *marks) write(body pipeline.AgainBody) error {
	for _, part := range body.Parts() {
		if err := checkpoints.Append(m.journal, m.path, pipeline.Again, part); err != nil {
			return err
		}
	}
	return nil
}

// A Tally collects the questions to mark.
type Tally struct {
	became   map[checkpoint.Key]string // of the questions that were seen
	Body     pipeline.AgainBody
	Command  string // of the last run, which asks again
	Selected int    // contacts that were meant
	Open     int    // of those: marked already, and not asked since
	Unasked  int    // of those: without an answer, so that a run asks them anyway
	Undone   int    // of those: no longer marked, and not asked again
}

func newTally(r *Whom) *Tally {
	return &Tally{became: map[checkpoint.Key]string{}, Body: pipeline.AgainBody{With: r.With, Undo: r.Undo}}
}

// add takes a contact that was meant and says what comes of it.
func (t *Tally) add(memory *pipeline.Memory, s pipeline.ContactState) string {
	if _, seen := t.became[s.Base.Key]; !seen {
		t.became[s.Base.Key] = t.first(memory, s)
	}
	return t.became[s.Base.Key]
}

func (t *Tally) first(memory *pipeline.Memory, s pipeline.ContactState) string {
	t.Selected++
	open := memory.Open(s.Base)
	marks := memory.Redo[s.Base.Key]
	switch {
	case t.Body.Undo && !open:
		return review.Unmarked
	case t.Body.Undo:
		t.Body.Add(s, memory)
		if s.Failed || !s.Asked {
			t.Unasked++
		} else {
			t.Undone++
		}
		return review.Unmarked
	case open && marks[len(marks)-1].With == t.Body.With:
		t.Open++
		return review.Before
	case !s.Asked && t.Body.With == "":
		t.Unasked++
		return review.Before // a run asks it anyway
	}
	t.Body.Add(s, memory)
	return review.Marked
}

// someOfList are the flags that have a run ask for a part of its list.
var someOfList = regexp.MustCompile(` --(limit|sample)[= ]\d+`)

// wholeList is a run's command without them: the marked contacts may be anywhere in it.
func wholeList(command string) string { return someOfList.ReplaceAllString(command, "") }
