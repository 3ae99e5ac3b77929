package privacy

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"octave-enrich/checkpoint/durable"
	"octave-enrich/reader"
)

// Exclude puts the person on the do-not-contact list, durably, unless they are on
// it, and makes sure that the list says so.
func (e *Erasure) Exclude(path string) error {
	var listed *reader.ExcludeList
	text, err := os.ReadFile(path)
	if err == nil {
		listed, err = reader.ReadExclude(path)
	} else if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err != nil {
		return err
	}
	var missing []string
	for _, entry := range e.entries() {
		if _, is := listed.Match(entry.person); !is {
			missing = append(missing, entry.text)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	if len(text) > 0 && text[len(text)-1] != '\n' {
		text = append(text, '\n')
	}
	for _, line := range missing {
		text = append(append(text, line...), '\n')
	}
	return e.replaceExclude(path, text)
}

// replaceExclude looks at the new list before it takes the place of the old one:
// a line at the end of a table may say nothing.
func (e *Erasure) replaceExclude(name string, text []byte) (err error) {
	path, err := durable.Target(durable.OS{}, name)
	if err != nil {
		return err
	}
	draft, err := durable.Create(durable.OS{}, durable.DraftName(path), durable.Private)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, draft.Discard()) }()
	if _, err := draft.Write(text); err != nil {
		return err
	}
	listed, err := reader.ReadExclude(draft.Name())
	if err != nil {
		return fmt.Errorf("%s takes no further line: %w", name, err)
	}
	for _, entry := range e.entries() {
		if _, is := listed.Match(entry.person); !is {
			return fmt.Errorf("%s takes no further line: add the person by hand", name)
		}
	}
	if err := draft.Seal(path); err != nil {
		return err
	}
	return draft.Publish(path)
}

// An entry is a person as a line of the list.
type entry struct {
	text   string
	person reader.Person
}

func (e *Erasure) entries() (list []entry) {
	for _, v := range e.emails {
		list = append(list, entry{v, reader.Person{Email: v}})
	}
	for _, v := range e.profiles {
		list = append(list, entry{v, reader.Person{LinkedInProfile: v}})
	}
	for _, v := range e.ids {
		list = append(list, entry{v, reader.Person{CRMContactID: v}})
	}
	return list
}
