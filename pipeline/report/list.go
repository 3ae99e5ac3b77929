package report

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"octave-enrich/checkpoint"
	"octave-enrich/pipeline"
	"octave-enrich/reader"
)

// A page holds the rows of the list beside the emails, and has to stay one that a
// browser opens: in bytes of cells, and in characters of one.
const (
	mostCells  = 32 << 20
	longestRow = 8 << 10
	longest    = 400
)

// A List is the input that a checkpoint is about, so that a page shows the whole row
// beside an email, also the columns that were not sent. A row is found by its
// question: no list that was sorted or replaced since puts a stranger's row there.
type List struct {
	columns []string
	rows    map[checkpoint.Key][]string
	note    string // why rows are missing; "" when none is
}

// A listHead is what the page is told of the list.
type listHead struct {
	Columns []string `json:"columns,omitempty"`
	Note    string   `json:"note,omitempty"`
}

// ReadList reads the list of the last run of the checkpoint at path when it lies
// beside the checkpoint or in the working directory under its name. A list that is
// gone or cannot be read is no error: the page says so. Its errors are those of
// [checkpoint.Records].
func ReadList(path string) (*List, error) {
	run, marks, err := lastRun(path)
	if err != nil {
		return nil, err
	}
	l := &List{rows: map[checkpoint.Key][]string{}}
	places := listBeside(path, run.Input.Name)
	if places == nil {
		l.note = "the list is not beside the checkpoint; what was sent is below"
		return l, nil
	}
	if err := l.read(places, run, marks); err != nil {
		l.note = "the list cannot be read now; what was sent is below"
	}
	return l, nil
}

// lastRun returns what the last run was made of, and what was marked to ask again.
func lastRun(path string) (run pipeline.RunBody, marks pipeline.Marks, err error) {
	var about []checkpoint.Record
	for entry, err := range checkpoint.Records(path, nil) {
		var damage *checkpoint.DamageError
		if err != nil && !errors.As(err, &damage) {
			return run, nil, err
		}
		if body, is := pipeline.ReadRun(entry.Record); is {
			run = body
		}
		if entry.Type == pipeline.Again {
			about = append(about, entry.Record)
		}
	}
	return run, pipeline.ReadMarks(about), nil
}

// listBeside are the files of the list of that name, or nil when one is not there.
func listBeside(path, name string) (places []string) {
	for file := range strings.SplitSeq(name, ", ") { // as a run names several
		place := file
		if file == "" || file != filepath.Base(file) {
			return nil
		}
		if beside := filepath.Join(filepath.Dir(path), file); isFile(beside) {
			place = beside
		} else if !isFile(file) {
			return nil
		}
		places = append(places, place)
	}
	return places
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

func (l *List) read(places []string, run pipeline.RunBody, marks pipeline.Marks) error {
	opt := reader.Options{Map: map[reader.Field]reader.Columns{}, Pinned: run.Pinned, SkipUnreadable: true}
	for field, headers := range run.Settings.Map {
		opt.Map[reader.Field(field)] = headers
	}
	in, err := reader.Open(places, opt)
	if err != nil {
		return err
	}
	defer in.Close()
	questioner, err := pipeline.NewQuestioner(run.Settings, in.Columns())
	if err != nil {
		return err
	}
	l.columns = in.Columns()
	room := mostCells
	for contact, err := range in.Contacts() {
		if err != nil {
			return err
		}
		if contact.Problem != "" {
			continue
		}
		request, err := questioner.Request(contact)
		if err != nil {
			continue // the row is invalid, as a run says
		}
		cells, size := cutCells(contact.Cells)
		if room -= size; room < 0 {
			l.note = "the list is too long to stand here whole; of its later rows there is what was sent"
			return nil
		}
		base := pipeline.NewQuestion(request, contact.Row)
		for _, key := range [...]checkpoint.Key{base.Key, marks.Apply(base).Key} {
			if l.rows[key] == nil { // the first of several rows asks
				l.rows[key] = cells
			}
		}
	}
	return nil
}

// cutCells bounds a row: long cells end with a sign of it, and what is behind the
// last cell with a value is left out. size is in bytes.
func cutCells(row []string) (cells []string, size int) {
	for _, cell := range row {
		if cell = strings.TrimSpace(cell); len(cell) > longest {
			cell = string([]rune(cell)[:min(longest, len([]rune(cell)))]) + "…"
		}
		if size += len(cell); size > longestRow {
			return append(cells, "…"), size
		}
		cells = append(cells, strings.Clone(cell)) // not the line that it was read with
	}
	for len(cells) > 0 && cells[len(cells)-1] == "" {
		cells = cells[:len(cells)-1]
	}
	return cells, size
}

// head and row are of a list that may be nil: a page without one.
func (l *List) head() *listHead {
	if l == nil {
		return nil
	}
	return &listHead{l.columns, l.note}
}

func (l *List) row(key checkpoint.Key) []string {
	if l == nil {
		return nil
	}
	return l.rows[key]
}
