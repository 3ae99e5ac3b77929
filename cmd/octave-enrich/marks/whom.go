package marks

import (
	"fmt"

	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/lists"
	"octave-enrich/pipeline"
	"octave-enrich/pipeline/review"
	"octave-enrich/reader"
)

// A Selector says of a contact whether it is meant.
type Selector func(*marking) bool

// A Whom says which contacts are marked.
type Whom struct {
	Failed, Rejected, All, Undo bool
	Rows, People, With          string
}

// A marking is a contact that may be marked.
type marking struct {
	pipeline.ContactState
	book *review.Book
}

// Selector reads the flags that say who is meant; exactly one must be given.
func (r *Whom) Selector() (Selector, error) {
	var list []Selector
	if r.Failed {
		list = append(list, func(m *marking) bool { return m.Failed })
	}
	if r.Rejected {
		list = append(list, func(m *marking) bool { return m.book.Rejected(m.Current.Key) })
	}
	if r.All {
		list = append(list, func(*marking) bool { return true })
	}
	if r.Rows != "" {
		rows, err := lists.ReadRows(r.Rows)
		if err != nil {
			return nil, err
		}
		list = append(list, func(m *marking) bool { return rows.Hold(m.Contact.Row) })
	}
	if r.People != "" {
		people, err := reader.ReadExclude(r.People)
		if err != nil {
			return nil, &exit.Error{Code: exit.Usage, Err: fmt.Errorf("--people: %w", err)}
		}
		list = append(list, func(m *marking) bool { _, hit := people.Match(m.Contact.Person); return hit })
	}
	if len(list) != 1 {
		return nil, exit.UsageError("say whom: one of --failed, --rejected, --all, --rows, --people")
	}
	if r.Undo && r.With != "" {
		return nil, exit.UsageError("--undo takes marks back; --with has no use there")
	}
	return list[0], nil
}
