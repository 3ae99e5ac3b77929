package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"octave-enrich/checkpoint/durable"
	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/reader"
)

// holds says whether a file of rows still has the person in it, whatever its
// format: in what the reader understands as a contact, or in any cell.
func (e *erasure) holds(path string) (bool, error) {
	if _, err := os.Stat(path); err != nil {
		return false, err
	}
	in, err := reader.Open([]string{path}, reader.Options{})
	var mapping *reader.MappingError
	if errors.As(err, &mapping) {
		return e.holdsText(path) // no column says whom a row is about
	}
	if err != nil {
		return false, err
	}
	defer in.Close()
	for contact, err := range in.Contacts() {
		if err != nil {
			return false, err
		}
		if e.hasContact(contact) {
			return true, nil
		}
	}
	return false, nil
}

func (e *erasure) hasContact(c reader.Contact) bool {
	c.Person.CRMAccountID = "" // the id of a company
	if _, hit := e.list.Match(c.Person); hit {
		return true
	}
	if e.inText(c.Object) || e.inText([]byte(c.Raw)) {
		return true
	}
	return slices.ContainsFunc(c.Cells, func(cell string) bool {
		return slices.Contains(e.ids, cell) || e.inText([]byte(cell))
	})
}

// holdsText looks at a file line by line; an address has no line end in it.
func (e *erasure) holdsText(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	lines := bufio.NewReader(f)
	for {
		line, err := lines.ReadBytes('\n')
		if e.inText(line) {
			return true, nil
		}
		if err == io.EOF {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
}

// exclude puts the person on the do-not-contact list, durably, unless they are on
// it, and makes sure that the list says so.
func (e *erasure) exclude() error {
	if e.alsoExclude == "" {
		return nil
	}
	if err := e.appendExclude(); err != nil {
		return &exit.Error{Code: exit.Usage, Err: fmt.Errorf("--also-exclude: %w", err)}
	}
	return nil
}

func (e *erasure) appendExclude() error {
	var listed *reader.ExcludeList
	text, err := os.ReadFile(e.alsoExclude)
	if err == nil {
		listed, err = reader.ReadExclude(e.alsoExclude)
	} else if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err != nil {
		return err
	}
	var missing []string
	for _, entry := range e.entries() {
		if !lists(listed, entry.person) {
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
	return e.replaceExclude(text)
}

// replaceExclude looks at the new list before it takes the place of the old one:
// a line at the end of a table may say nothing.
func (e *erasure) replaceExclude(text []byte) (err error) {
	path, err := durable.Target(durable.OS{}, e.alsoExclude)
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
		return fmt.Errorf("%s takes no further line: %w", e.alsoExclude, err)
	}
	for _, entry := range e.entries() {
		if !lists(listed, entry.person) {
			return fmt.Errorf("%s takes no further line: add the person by hand", e.alsoExclude)
		}
	}
	if err := draft.Seal(path); err != nil {
		return err
	}
	return draft.Publish(path)
}

func lists(list *reader.ExcludeList, person reader.Person) bool {
	if list == nil {
		return false
	}
	_, hit := list.Match(person)
	return hit
}

// An entry is a person as a line of the list.
type entry struct {
	text   string
	person reader.Person
}

func (e *erasure) entries() (list []entry) {
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
